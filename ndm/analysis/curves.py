"""Curves between two points as polynomials, and their energy with its derivatives.

A curve is x(s) = p + s (q - p) + sum_j c_j f_j(s) on [0, 1], where f_j vanishes at both ends and
f_j' are Legendre polynomials, orthonormal: a higher degree is reached by adding zeros to c. The
energy E = 1/2 int g(x', x') ds is at least L^2/2, and equals it on curves of constant speed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.polynomial import legendre
from numpy.typing import NDArray
from torch import Tensor

from ndm.field import MetricField

__all__ = ["Basis", "Expansion", "along", "basis", "energy", "expansion", "speeds"]


class Basis(NamedTuple):
    """The functions f_j at places s.

    Attributes:
        s: (Q,), places in [0, 1].
        weights: (Q,), of Gauss' quadrature.
        value: (Q, m), f_j(s).
        first: (Q, m), f_j'(s).
        second: (Q, m), f_j''(s).
    """

    s: Tensor
    weights: Tensor
    value: Tensor
    first: Tensor
    second: Tensor


class Expansion(NamedTuple):
    """The energy of curves, expanded in their coefficients.

    Attributes:
        gradient: (N, m n).
        hessian: (N, m n, m n).
        elliptic: (N, m n, m n), the part that comes from x' alone; positive definite.
    """

    gradient: Tensor
    hessian: Tensor
    elliptic: Tensor


def basis(count: int, like: Tensor, places: Tensor | int) -> Basis:
    """The first functions f_1 ... f_m.

    Args:
        count: m.
        like: of its device the basis is made.
        places: (Q,), or how many of Gauss' quadrature.

    Returns:
        The basis; weights are nan for places that were given.

    Example:
        >>> b = basis(3, torch.zeros(1), 8)
        >>> torch.allclose((b.first.mT * b.weights) @ b.first, torch.eye(3).double())
        True
    """
    if isinstance(places, int):
        t, weights = _gauss(places)
    else:
        t = 2 * places.cpu().double().numpy() - 1
        weights = np.full(len(t), np.nan)
    p = legendre.legvander(t, count + 1)
    j = np.arange(1, count + 1)
    size = np.sqrt(2 * j + 1)
    slopes = np.stack([legendre.legval(t, legendre.legder(row)) for row in np.eye(count + 1)], -1)
    parts = (
        (t + 1) / 2,
        weights / 2,
        (p[:, 2:] - p[:, :-2])[:, :count] / (2 * size),
        p[:, 1 : count + 1] * size,
        2 * slopes[:, 1:] * size,
    )
    return Basis(*(torch.as_tensor(a, dtype=torch.float64, device=like.device) for a in parts))


@lru_cache(maxsize=32)
def _gauss(places: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points and weights on [-1, 1]; of some hundred they cost as much as a step of Newton's."""
    t, weights = legendre.leggauss(places)
    return t, weights


def along(p: Tensor, q: Tensor, c: Tensor, b: Basis) -> tuple[Tensor, Tensor, Tensor]:
    """Points, velocities and second derivatives of curves.

    Args:
        p: (N, n), starts.
        q: (N, n), ends.
        c: (N, m, n), coefficients.
        b: the functions at places s.

    Returns:
        x, x' and x'', each (N, Q, n).
    """
    straight = (q - p)[:, None]
    x = p[:, None] + b.s[:, None] * straight + b.value @ c
    return x, straight + b.first @ c, b.second @ c


def speeds(field: MetricField, x: Tensor, v: Tensor) -> Tensor:
    """|v|_g at points, (N, Q); nan where the metric is not positive definite."""
    factor, info = torch.linalg.cholesky_ex(field(x))
    size = torch.linalg.vector_norm((factor.mT @ v[..., None])[..., 0], dim=-1)
    return torch.where(info == 0, size, torch.full_like(size, torch.nan))


def energy(field: MetricField, p: Tensor, q: Tensor, c: Tensor, b: Basis) -> Tensor:
    """Energies (N,) of curves; nan for one that leaves the domain of the metric."""
    x, v, _ = along(p, q, c, b)
    return 0.5 * (b.weights * speeds(field, x, v).square()).sum(-1)


def expansion(field: MetricField, p: Tensor, q: Tensor, c: Tensor, b: Basis) -> Expansion:
    """The energy's gradient and Hessian in the coefficients of curves.

    Args:
        field: the metric.
        p: (N, n).
        q: (N, n).
        c: (N, m, n).
        b: the functions at the places of a quadrature.

    Returns:
        Gradient, Hessian and its elliptic part, int g(f_i', f_j').
    """

    def local(x: Tensor, v: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        # derivatives of e = g(v, v)/2: e_x and e_v = g v; jacfwd makes e_xx and e_vx of them
        lowered, pull, g = torch.func.vjp(lambda y: _lowered(field, y, v), x, has_aux=True)
        slopes = torch.cat((0.5 * pull(v)[0], lowered))
        return slopes, (slopes, g)

    x, v, _ = along(p, q, c, b)
    n = x.shape[-1]
    flat = (x.reshape(-1, n), v.reshape(-1, n))
    second, (first, g) = torch.func.vmap(torch.func.jacfwd(local, has_aux=True))(*flat)
    shape = x.shape[:2]
    second, first = second.reshape(*shape, 2 * n, n), first.reshape(*shape, 2 * n)
    g = g.reshape(*shape, n, n)
    w = b.weights
    gradient = torch.einsum("q,qi,eqa->eia", w, b.value, first[..., :n])
    gradient = gradient + torch.einsum("q,qi,eqa->eia", w, b.first, first[..., n:])
    elliptic = _summed(w, b.first, g, b.first)
    mixed = _summed(w, b.first, second[..., n:, :], b.value)
    hessian = elliptic + _summed(w, b.value, second[..., :n, :], b.value) + mixed + mixed.mT
    return Expansion(gradient.flatten(1), hessian, elliptic)


def _lowered(field: MetricField, y: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    g = field(y)
    return g @ v, g


def _summed(w: Tensor, left: Tensor, middle: Tensor, right: Tensor) -> Tensor:
    """Matrices sum_q w_q left_qi middle_qab right_qj of rows (i, a) and columns (j, b)."""
    half = torch.einsum("q,qi,eqab->eqiab", w, left, middle)
    whole = torch.einsum("eqiab,qj->eiajb", half, right)
    size = whole.shape[1] * whole.shape[2]
    return whole.reshape(len(whole), size, size)
