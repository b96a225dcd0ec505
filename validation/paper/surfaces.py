"""Surfaces in five dimensions, drawn at random, and models that learn to generate them.

A point z of the plane, from a normal distribution if nothing else is said, has the image (z, f(z)),
where f has three components, each a sum of waves. A model is a decoder: charts of z, and a head
that is a small perceptron, fitted to noisy images of a few points. Its metric follows the Fisher
information of what it generates, with the regularisation of the paper.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

import ndm
from ndm.heads import Head

__all__ = ["Surface", "decoder", "learned"]

_WAVES = 6
_HIDDEN = 32
_STEPS = 400
_SOME = 32  # points of each step at which the geometry is looked at
_CURVATURE, _VOLUME, _FISHER = 1e-3, 1e-4, 0.1


@dataclass(frozen=True)
class Surface:
    """The graph of sums of waves over the plane.

    Attributes:
        frequency: (waves, 2).
        phase: (waves,).
        weight: (waves, 3).
    """

    frequency: Tensor
    phase: Tensor
    weight: Tensor

    @classmethod
    def drawn(cls, generator: torch.Generator) -> Surface:
        """A surface at random."""

        def normal(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator, dtype=torch.float64)

        phase = 2 * torch.pi * torch.rand(_WAVES, generator=generator, dtype=torch.float64)
        return cls(1.5 * normal(_WAVES, 2), phase, normal(_WAVES, 3) / _WAVES**0.5)

    def __call__(self, z: Tensor) -> Tensor:
        """Images (..., 5) of points (..., 2)."""
        waves = torch.sin(z @ self.frequency.T + self.phase)
        return torch.cat((z, waves @ self.weight), -1)


class _Perceptron(Head):
    """A hidden layer, so that what is generated need not be flat."""

    def __init__(self, n: int, outputs: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(n, _HIDDEN), nn.Tanh(), nn.Linear(_HIDDEN, outputs))

    def forward(self, y: Tensor, field: ndm.MetricField | None = None) -> Tensor:
        """See `Head`."""
        result: Tensor = self.net(y)
        return result


def decoder(
    surface: Surface, seed: int, count: int, noise: float, steps: int = _STEPS
) -> tuple[ndm.NDM, Tensor]:
    """Learn to generate a surface from noisy images of a few points.

    Args:
        surface: which.
        seed: of points, noise and parameters.
        count: how many points.
        noise: standard deviation, of each component.
        steps: of Adam, on all points.

    Returns:
        The model, in float64, and the points (count, 2).
    """
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn((count, 2), generator=generator, dtype=torch.float64)
    x = surface(z)
    x = x + noise * torch.randn(x.shape, generator=generator, dtype=x.dtype)
    return learned(z, x, seed, generator, steps), z


def learned(
    z: Tensor,
    x: Tensor,
    seed: int,
    generator: torch.Generator,
    steps: int = _STEPS,
    *,
    before: int = 0,
    taught: Tensor | None = None,
) -> ndm.NDM:
    """Learn to generate given data from given points.

    Args:
        z: (count, 2), points.
        x: (count, m), what is to be generated from them.
        seed: of parameters.
        generator: of the order in which points come.
        steps: of Adam, on all points.
        before: how many steps, ahead of these, learn to generate alone, without the metric.
        taught: (K, 2), where the metric is taught what is generated, in each step; the points at
            which the step looks at the geometry by default.

    Returns:
        The model, in float64.
    """
    torch.manual_seed(seed)
    maps = [ndm.coordinate_map("affine_coupling", 2, hidden=(16,), parity=k) for k in range(2)]
    model: ndm.NDM = ndm.NDM(maps, _Perceptron(2, x.shape[-1]), ndm.MetricNet(2)).double()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for step in range(before + steps):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(z), x)
        if step >= before:
            some = z[torch.randperm(len(z), generator=generator)[:_SOME]]
            loss = loss + _regularisation(model, some, some if taught is None else taught)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
    model.eval()
    return model


def _regularisation(model: ndm.NDM, some: Tensor, taught: Tensor) -> Tensor:
    """Of the geometry at some points; and the match of the metric at those where it is taught."""
    shape = model.geometry(some)
    bend = ndm.curvature_penalty(shape.scalar_curvature, log_volume=shape.log_volume, dimension=2)
    loss = _CURVATURE * bend + _VOLUME * ndm.volume_penalty(shape.log_volume, "log_variance")
    return loss + _FISHER * ndm.fisher_match_loss(model, taught, likelihood="normal")
