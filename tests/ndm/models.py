"""Small models that the tests of models, losses and optimisers share: seeded, far from trivial."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import jacfwd, vmap

from ndm.charts import CoordinateMap, coordinate_map
from ndm.field import MetricField
from ndm.heads import Head, LinearHead
from ndm.metric_net import MetricNet
from ndm.model import NDM
from tests.ndm.oracles import shaken


def maps(count: int, n: int, hidden: int = 5) -> list[CoordinateMap]:
    """Affine couplings whose changed half alternates (for n = 1 monotone maps)."""
    if n == 1:
        return [coordinate_map("monotone", 1) for _ in range(count)]
    kind = "affine_coupling"
    return [coordinate_map(kind, n, hidden=(hidden,), parity=k % 2) for k in range(count)]


def model(
    n: int = 2,
    layers: int = 2,
    *,
    tie: str = "pullback",
    metric_chart: int = -1,
    head: Head | None = None,
    metric: MetricField | list[MetricField] | None = None,
    outputs: int = 3,
    seed: int = 0,
    size: float = 0.3,
) -> NDM:
    """A model with noise added to all parameters, so that nothing is as it was initialised."""
    torch.manual_seed(seed)
    if metric is None:
        nets: list[MetricField] = [MetricNet(n, hidden=(6,)) for _ in range(layers)]
        metric = nets if tie == "independent" else nets[0]
    made: NDM = NDM(
        maps(layers, n),
        LinearHead(n, outputs) if head is None else head,
        metric,
        tie=tie,
        metric_chart=metric_chart,
    ).double()
    return shaken(made, size, seed)


def jacobian(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Jacobians of a function of one point, at points (N, n)."""
    result: Tensor = vmap(jacfwd(function))(x)
    return result


def map_jacobian(phi: CoordinateMap, x: Tensor) -> Tensor:
    """Jacobians of a coordinate map, by autodiff."""
    return jacobian(lambda p: phi(p)[0], x)


def slopes(loss: Tensor, module: torch.nn.Module) -> dict[str, Tensor]:
    """The gradient by all parameters, zeros where there is none."""
    named = dict(module.named_parameters())
    found = torch.autograd.grad(
        loss, list(named.values()), retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return dict(zip(named, found, strict=True))
