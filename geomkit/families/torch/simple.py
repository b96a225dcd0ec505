"""The conformal and the diagonal family in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor

from .full import symmetric

__all__ = [
    "conformal",
    "conformal_christoffel",
    "conformal_ricci",
    "diagonal",
    "diagonal_christoffel",
    "diagonal_ricci",
]


def conformal(phi: Tensor, dphi: Tensor, laplacian: Tensor) -> Tensor:
    """See `geomkit.families.conformal.scalar`."""
    n = dphi.shape[-1]
    squares = (dphi * dphi).sum(-1)
    return -(n - 1) * torch.exp(-2 * phi) * (2 * laplacian + (n - 2) * squares)


def conformal_ricci(dphi: Tensor, hessian: Tensor) -> Tensor:
    """See `geomkit.families.conformal.ricci`."""
    n = dphi.shape[-1]
    second = symmetric(hessian, -1, -2)
    one = torch.eye(n, dtype=dphi.dtype, device=dphi.device)
    trace = (second * one).sum((-1, -2)) + (n - 2) * (dphi * dphi).sum(-1)
    outer = dphi[..., :, None] * dphi[..., None, :]
    return -(n - 2) * (second - outer) - trace[..., None, None] * one


def conformal_christoffel(dphi: Tensor) -> Tensor:
    """See `geomkit.families.conformal.christoffel`."""
    one = torch.eye(dphi.shape[-1], dtype=dphi.dtype, device=dphi.device)
    term = one[:, :, None] * dphi[..., None, None, :]
    return term + term.transpose(-1, -2) - one * dphi[..., :, None, None]


def _logarithmic(
    h: Tensor, dh: Tensor, log: bool, signs: tuple[int, ...]
) -> tuple[Tensor, Tensor, Tensor]:
    """Give 1/g_kk, the slopes of the logarithm, and the identity."""
    one = torch.eye(h.shape[-1], dtype=h.dtype, device=h.device)
    if not log:
        return 1 / h, dh / h[..., None], one
    # made of the identity, so that no tensor is built from Python numbers while tracing
    sign = torch.stack([s * one[i, i] for i, s in enumerate(signs)])
    return sign * torch.exp(-h), dh, one


def diagonal(h: Tensor, dh: Tensor, ddh: Tensor, *, log: bool, signs: tuple[int, ...]) -> Tensor:
    """See `geomkit.families.diagonal.scalar`."""
    inverse, slope, one = _logarithmic(h, dh, log, signs)
    second = ddh if log else ddh / h[..., None] - slope * slope
    other = slope * (1 - one)
    total = other.sum(-2)
    own = (slope * one).sum(-2)
    bracket = -(second * (1 - one)).sum(-2) - (other * other).sum(-2) / 4
    return (inverse * (bracket + total * (own / 2 - total / 4))).sum(-1)


def diagonal_christoffel(h: Tensor, dh: Tensor, *, log: bool, signs: tuple[int, ...]) -> Tensor:
    """See `geomkit.families.diagonal.christoffel`."""
    inverse, slope, one = _logarithmic(h, dh, log, signs)
    ratio = inverse[..., :, None] / inverse[..., None, :]
    term = one[:, :, None] * (slope / 2)[..., :, None, :]
    across = one * ((1 - one) * ratio * slope.transpose(-1, -2) / 2)[..., :, :, None]
    twice = one[:, :, None] * one * (slope / 2)[..., :, None, :]
    return term + term.transpose(-1, -2) - twice - across


def diagonal_ricci(
    h: Tensor, dh: Tensor, hessian: Tensor, *, log: bool, signs: tuple[int, ...]
) -> Tensor:
    """See `geomkit.families.diagonal.ricci`."""
    inverse, slope, one = _logarithmic(h, dh, log, signs)
    second = symmetric(hessian, -1, -2)
    if not log:
        second = second / h[..., None, None] - slope[..., :, None] * slope[..., None, :]
    f, ff = slope / 2, second / 2
    off = 1 - one
    # m runs over everything but j and l
    keep = off[:, :, None] * off[:, None, :]
    cross = f * torch.einsum("...mj,mjl->...jl", f, keep)
    terms = ff + f[..., :, :, None] * f[..., :, None, :]
    sums = cross + cross.transpose(-1, -2) - (keep * terms).sum(-3)
    # on the diagonal the term f_j,j f_m,j was counted twice
    own = (f * one).sum(-2)
    twice = one * (own * (f * off).sum(-2))[..., None]
    unmixed = (ff * one).sum(-1)
    wave = -unmixed + f * (2 * own - f.sum(-2))[..., None, :]
    across = (off * wave * inverse[..., None, :] / inverse[..., :, None]).sum(-1)
    return sums - twice + one * across[..., None]
