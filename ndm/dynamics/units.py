"""Units in which motion is fitted: networks want numbers of size 1, whatever users measure in.

With x = centre + scale z and t = time tau, motion in z and tau has the metric and the potential

    g_ij(x) = factor g_ij(z) / (scale_i scale_j),    V(x) = factor V(z) / time^2,

in the units of the user; the factor is free, as motion leaves it open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ndm.dynamics.motion import MetricDynamics, Potential
from ndm.dynamics.samples import Trajectories, Triples
from ndm.errors import DataError
from ndm.field import MetricField, MetricJet

__all__ = ["RescaledMetric", "RescaledPotential", "Units", "units_of"]

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Units:
    """x = centre + scale z, t = time tau.

    Attributes:
        centre: (n,), in the units of x.
        scale: (n,), the same.
        time: in the units of t.
    """

    centre: Array
    scale: Array
    time: float

    def triples(self, given: Triples) -> Triples:
        """The samples in z and tau."""
        s, t = self.scale, self.time
        error = None if given.error is None else given.error * t**2 / s
        return Triples((given.x - self.centre) / s, given.v * t / s, given.a * t**2 / s, error)

    def trajectories(self, given: Trajectories) -> Trajectories:
        """The trajectories in z and tau; scales have to be equal, as the noise is one number."""
        noise = None if given.noise is None else given.noise / float(self.scale[0])
        return Trajectories(given.t / self.time, (given.x - self.centre) / self.scale, noise)

    def metric(self, field: MetricField, factor: float = 1.0) -> RescaledMetric:
        """A metric of z as one of x."""
        return RescaledMetric(field, self.centre, self.scale, factor)

    def model(self, fitted: MetricDynamics, factor: float = 1.0) -> MetricDynamics:
        """A model of the motion of z as one of that of x."""
        V = fitted.potential
        if V is not None:
            assert isinstance(V, Potential)
            V = RescaledPotential(V, self.centre, self.scale, factor / self.time**2)
        made: MetricDynamics = MetricDynamics(self.metric(fitted.metric, factor), V)
        return made.double()  # type: ignore[no-any-return, unused-ignore]


def units_of(motion: Triples | Trajectories, triples: Triples) -> Units:
    """Units in which positions fill about [-1, 1] and velocities are of size 1.

    Args:
        motion: what was measured: each coordinate of triples has a scale of its own, those of
            trajectories share one, as they share their noise.
        triples: positions, velocities and accelerations of it.

    Returns:
        The units.

    Raises:
        DataError: nothing moves anywhere.

    Example:
        >>> x = np.array([[99.0, 0.0], [101.0, 2e-3]])
        >>> one = Triples(x, np.array([[4.0, 0.0], [0.0, 8e-3]]), np.zeros((2, 2)))
        >>> units = units_of(one, one)
        >>> units.triples(one).x.round(3)
        array([[-0.577, -0.577],
               [ 0.577,  0.577]])
    """
    centre, spread = triples.x.mean(0), 3**0.5 * triples.x.std(0)  # 1 for numbers in [-1, 1]
    if not spread.max() > 0:
        raise DataError("all positions are the same: motion at one place determines no metric")
    if isinstance(motion, Trajectories):
        spread = np.full_like(spread, np.sqrt(np.mean(spread**2)))
    # a coordinate that does not vary has no scale of its own
    scale = np.where(spread > 1e-12 * np.abs(centre).clip(spread.max()), spread, spread.max())
    speed = float(np.sqrt(np.mean((triples.v / scale) ** 2)))
    force = float(np.sqrt(np.mean((triples.a / scale) ** 2)))
    time = 1 / speed if speed > 0 else force**-0.5 if force > 0 else 1.0
    return Units(centre, scale, time)


class RescaledMetric(MetricField):
    """The metric factor g_ij(z) / (scale_i scale_j) at x = centre + scale z.

    Args:
        field: g, in the coordinates z.
        centre: (n,).
        scale: (n,).
        factor: a positive number.
    """

    centre: Tensor
    scale: Tensor
    factor: Tensor

    def __init__(
        self, field: MetricField, centre: Array, scale: Array, factor: float = 1.0
    ) -> None:
        super().__init__(field.dimension)
        self.field = field
        _register(self, centre, scale, factor)

    def forward(self, x: Tensor) -> Tensor:
        """The metric (..., n, n) at points (..., n)."""
        return self.field(self._inner(x)) * self._weight()

    def log_volume(self, x: Tensor) -> Tensor:
        """Log of sqrt(det g), (...,)."""
        shift = 0.5 * self.dimension * self.factor.log() - self.scale.log().sum()
        return self.field.log_volume(self._inner(x)) + shift

    def slope(self, x: Tensor) -> Tensor:
        """First derivatives d_k g_ij, of shape (..., i, j, k)."""
        return self.first(x)[1]

    def first(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The metric and its first derivatives."""
        g, dg = self.field.first(self._inner(x))
        weight = self._weight()
        return g * weight, dg * weight[..., None] / self.scale

    def jet(self, x: Tensor) -> MetricJet:
        """The metric with first and second derivatives."""
        g, dg, ddg = self.field.jet(self._inner(x))
        weight, twice = self._weight(), self.scale[:, None] * self.scale
        return MetricJet(
            g * weight,
            dg * weight[..., None] / self.scale,
            ddg * weight[..., None, None] / twice,
        )

    def scalar_curvature(self, x: Tensor) -> Tensor:
        """Scalar curvature (...,): that of g, over the factor."""
        return self.field.scalar_curvature(self._inner(x)) / self.factor

    def _inner(self, x: Tensor) -> Tensor:
        return (x - self.centre) / self.scale

    def _weight(self) -> Tensor:
        return self.factor / (self.scale[:, None] * self.scale)


class RescaledPotential(nn.Module):
    """The potential factor V(z) at x = centre + scale z.

    Args:
        inner: V, in the coordinates z.
        centre: (n,).
        scale: (n,).
        factor: a positive number.
    """

    centre: Tensor
    scale: Tensor
    factor: Tensor

    def __init__(self, inner: Potential, centre: Array, scale: Array, factor: float = 1.0) -> None:
        super().__init__()
        self.inner = inner
        _register(self, centre, scale, factor)

    def forward(self, x: Tensor) -> Tensor:
        """V, of shape (...,)."""
        return self.factor * self.inner((x - self.centre) / self.scale)

    def gradient(self, x: Tensor) -> Tensor:
        """The differential d_i V, of shape (..., n)."""
        inner: Tensor = self.inner.gradient((x - self.centre) / self.scale)
        return self.factor * inner / self.scale


def _register(module: nn.Module, centre: Array, scale: Array, factor: float) -> None:
    """Buffers, so that they are saved with the weights."""
    module.register_buffer("centre", torch.tensor(centre, dtype=torch.float64))
    module.register_buffer("scale", torch.tensor(scale, dtype=torch.float64))
    module.register_buffer("factor", torch.tensor(factor, dtype=torch.float64))
