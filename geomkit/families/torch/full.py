"""The full family in plain torch: derivatives of every order, any device."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["christoffel", "contract", "inverse", "ricci", "scalar", "scalar_contracted"]


def symmetric(x: Tensor, a: int, b: int) -> Tensor:
    """Half of x and its transpose in two axes."""
    return (x + x.transpose(a, b)) / 2


def inverse(g: Tensor) -> Tensor:
    """Inverse of the symmetric part of g (..., n, n); nan where it is singular.

    Args:
        g: (..., n, n).

    Returns:
        (..., n, n).
    """
    h, info = torch.linalg.inv_ex(symmetric(g, -1, -2))
    # `inv` itself would wait for the device, and would refuse a whole batch for one bad point
    return torch.where((info == 0)[..., None, None], h, torch.nan)


def contract(g: Tensor, ddg: Tensor) -> Tensor:
    """See `geomkit.families.full.contract`."""
    return _second(inverse(g), ddg)


def _second(h: Tensor, ddg: Tensor) -> Tensor:
    both = symmetric(ddg, -1, -2)
    trace = torch.einsum("...ijkl,...kl->...ij", both, h)
    cross = torch.einsum("...ijkl,...ik->...jl", both, h)
    other = torch.einsum("...ijkl,...jk->...il", both, h)
    return (h * ((cross + other) / 2 - trace)).sum((-1, -2))


def scalar(g: Tensor, dg: Tensor, ddg: Tensor) -> Tensor:
    """See `geomkit.families.scalar_curvature_from_jet`."""
    h = inverse(g)
    return _flat_line(_second(h, ddg) + _quadratic(h, dg), g)


def scalar_contracted(g: Tensor, dg: Tensor, contracted: Tensor) -> Tensor:
    """The same, given the contraction of the second derivatives."""
    return _flat_line(contracted + _quadratic(inverse(g), dg), g)


def _flat_line(total: Tensor, g: Tensor) -> Tensor:
    """In one dimension R is 0, not even rounding."""
    return total if g.shape[-1] > 1 else 0 * total


def _quadratic(h: Tensor, dg: Tensor) -> Tensor:
    """|Gamma|^2 - |gamma|^2."""
    d = symmetric(dg, -2, -3)
    e = torch.einsum("...ia,...ajk->...ijk", h, d)
    e = torch.einsum("...jb,...ibk->...ijk", h, e) @ h[..., None, :, :]
    squares = (d * (0.75 * e - 0.5 * e.transpose(-1, -2))).sum((-1, -2, -3))
    gamma = torch.einsum("...bd,...edb->...e", h, d) - 0.5 * torch.einsum(
        "...bd,...bde->...e", h, d
    )
    return squares - (gamma[..., None, :] @ h @ gamma[..., :, None])[..., 0, 0]


def christoffel(g: Tensor, dg: Tensor) -> Tensor:
    """See `geomkit.families.full.christoffel`."""
    return torch.einsum("...im,...mjk->...ijk", inverse(g), _lower(dg))


def _lower(dg: Tensor) -> Tensor:
    d = symmetric(dg, -2, -3)
    return (d.transpose(-1, -2) + d - d.movedim(-1, -3)) / 2


def ricci(g: Tensor, dg: Tensor, ddg: Tensor) -> Tensor:
    """See `geomkit.families.full.ricci`."""
    h, down = inverse(g), _lower(dg)
    both = symmetric(symmetric(ddg, -1, -2), -3, -4)
    cross = torch.einsum("...ijkl,...ik->...jl", both, h)
    traces = torch.einsum("...jlik,...ik->...jl", both, h)
    traces = traces + torch.einsum("...ikjl,...ik->...jl", both, h)
    up = torch.einsum("...ma,...ajk->...mjk", h, down)
    mixed = torch.einsum("...ia,...mak->...mik", h, up)
    squares = torch.einsum("...mij,...mil->...jl", mixed, down)
    gamma = torch.einsum("...mii->...m", mixed)
    second = (cross + cross.transpose(-1, -2) - traces) / 2
    return symmetric(second + squares - torch.einsum("...m,...mjl->...jl", gamma, down), -1, -2)
