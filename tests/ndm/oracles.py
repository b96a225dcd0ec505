"""Curvature by automatic differentiation and the definition; metrics that are planted.

Nothing of ndm's jets, contractions or kernels is used: a metric is a function of one point, its
derivatives are nested `jacfwd`, the inverse is `torch.linalg.inv`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from ndm.field import MetricField

torch.set_num_threads(1)  # threads that wait for work on small tensors cost more than the work

F32, F64 = torch.float32, torch.float64
Function = Callable[[Tensor], Tensor]
Module = TypeVar("Module", bound=torch.nn.Module)


def points(*shape: int, seed: int = 0, dtype: torch.dtype = F64) -> Tensor:
    """Normal random numbers, always the same."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=F64).to(dtype)


def shaken(module: Module, size: float = 0.5, seed: int = 0) -> Module:
    """Add normal noise to all parameters, in place, so that nothing is as it was initialised."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in module.parameters():
            p += size * torch.randn(p.shape, generator=generator, dtype=F64).to(p)
    return module


def christoffel(metric: Function, x: Tensor) -> Tensor:
    """Gamma^i_jk at one point: g^im (d_j g_mk + d_k g_mj - d_m g_jk)/2."""
    dg = torch.func.jacfwd(metric)(x)
    down = (
        torch.einsum("mkj->mjk", dg) + torch.einsum("mjk->mjk", dg) - torch.einsum("jkm->mjk", dg)
    )
    return 0.5 * torch.einsum("im,mjk->ijk", torch.linalg.inv(metric(x)), down)


def riemann(metric: Function, x: Tensor) -> Tensor:
    """R^i_jkl = d_k G^i_lj - d_l G^i_kj + G^i_km G^m_lj - G^i_lm G^m_kj at one point."""
    gamma = christoffel(metric, x)
    slope = torch.func.jacfwd(lambda y: christoffel(metric, y))(x)
    first = torch.einsum("iljk->ijkl", slope) + torch.einsum("ikm,mlj->ijkl", gamma, gamma)
    return first - first.transpose(-1, -2)


def ricci(metric: Function, x: Tensor) -> Tensor:
    """R_jl = R^i_jil at one point."""
    return torch.einsum("ijil->jl", riemann(metric, x))


def scalar(metric: Function, x: Tensor) -> Tensor:
    """R = g^jl R_jl at one point."""
    return (torch.linalg.inv(metric(x)) * ricci(metric, x)).sum()


def at_all(function: Callable[[Function, Tensor], Tensor], metric: Function, x: Tensor) -> Tensor:
    """One of the functions above at points (N, n), one after the other."""
    return torch.stack([function(metric, row) for row in x])


class Planted(MetricField):
    """A metric field that is given as a function of points (..., n)."""

    def __init__(self, dimension: int, function: Function) -> None:
        super().__init__(dimension)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def diagonal(*entries: Callable[[Tensor], Tensor]) -> Function:
    """A metric with given g_ii, functions of points (..., n)."""
    return lambda x: torch.diag_embed(torch.stack([e(x) + 0 * x[..., 0] for e in entries], -1))


def _one(x: Tensor) -> Tensor:
    return torch.ones_like(x[..., 0])


def _wave(x: Tensor) -> Tensor:
    """f = sin(x) cos(2 y)/2, with Lap f = -5 f."""
    return 0.5 * torch.sin(x[..., 0]) * torch.cos(2 * x[..., 1])


def _warp(x: Tensor) -> Tensor:
    return 1.5 + torch.sin(x[..., 0])


def _warped_scalar(x: Tensor) -> Tensor:
    """dt^2 + w^2 dS^2 (unit sphere): R = -4 w''/w + 2 (1 - w'^2)/w^2."""
    w, slope = _warp(x), torch.cos(x[..., 0])
    return 4 * torch.sin(x[..., 0]) / w + 2 * (1 - slope * slope) / (w * w)


# name -> (dimension, metric, scalar curvature by a closed form)
PLANTED: dict[str, tuple[int, Function, Function]] = {
    "sphere of radius 3": (
        2,
        diagonal(lambda x: 9 * _one(x), lambda x: 9 * torch.sin(x[..., 0]) ** 2),
        lambda x: 2 / 9 * _one(x),
    ),
    "hyperbolic 3-space": (
        3,
        diagonal(*[lambda x: x[..., 2] ** -2.0] * 3),
        lambda x: -6 * _one(x),
    ),
    "conformal plane": (
        2,
        diagonal(*[lambda x: torch.exp(2 * _wave(x))] * 2),
        lambda x: 10 * _wave(x) * torch.exp(-2 * _wave(x)),
    ),
    "circle times sphere": (
        3,
        diagonal(_one, _one, lambda x: torch.sin(x[..., 1]) ** 2),
        lambda x: 2 * _one(x),
    ),
    "warped product": (
        3,
        diagonal(
            _one,
            lambda x: _warp(x) ** 2,
            lambda x: (_warp(x) * torch.sin(x[..., 1])) ** 2,
        ),
        _warped_scalar,
    ),
}


def inside(n: int, count: int = 6, seed: int = 0) -> Tensor:
    """Points of the cube (0.4, 1.4)^n, where all of the charts above are good."""
    return 0.4 + torch.rand((count, n), generator=torch.Generator().manual_seed(seed), dtype=F64)
