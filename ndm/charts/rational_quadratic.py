"""Monotone rational-quadratic splines on [-B, B], the identity outside: pure functions.

Between knots (x_k, y_k) and (x_k+1, y_k+1) with slopes d_k, d_k+1 > 0, and with w = x_k+1 - x_k,
h = y_k+1 - y_k, s = h/w, D = d_k + d_k+1 - 2s, u = (x - x_k)/w in [0, 1], v = u(1 - u):

    y = y_k + h (s u^2 + d_k v) / (s + D v)
    dy/dx = s^2 (d_k+1 u^2 + 2 s v + d_k (1 - u)^2) / (s + D v)^2

The inverse is a root of a quadratic, in the form that does not cancel. Values and slopes agree at
the knots and slope 1 is met at -B and B, so the function is C^1; its second derivative jumps.

References:
    C. Durkan, A. Bekasov, I. Murray, G. Papamakarios, Neural spline flows, 2019, arXiv:1906.04032
    J. A. Gregory, R. Delbourgo, Piecewise rational quadratic interpolation to monotonic data,
    IMA J. Numer. Anal. 2 (1982) 123-130
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Knots", "backward", "forward", "knots"]


class Knots(NamedTuple):
    """Knots of splines, each (..., K + 1): places, values and slopes."""

    x: Tensor
    y: Tensor
    slope: Tensor


def knots(raw: Tensor, bins: int, bound: float, spread: float) -> Knots:
    """Knots from unconstrained parameters; zeros give the identity.

    Widths and heights of bins are softmax shares of 2B, of which none is more than e^(2 spread)
    times another; the inner slopes lie between e^-spread and e^spread.

    Args:
        raw: parameters (..., 3K - 1): K for widths, K for heights, K - 1 for inner slopes.
        bins: K.
        bound: B.
        spread: bound of all parameters, which are squashed by spread * tanh(raw / spread).

    Returns:
        Knots that begin exactly at (-B, -B) and end at (B, B), where the slope is 1.
    """
    bounded = spread * torch.tanh(raw / spread)
    ones = torch.ones_like(raw[..., :1])
    slope = torch.cat((ones, torch.exp(bounded[..., 2 * bins :]), ones), dim=-1)
    return Knots(
        _places(bounded[..., :bins], bound),
        _places(bounded[..., bins : 2 * bins], bound),
        slope,
    )


def forward(x: Tensor, spline: Knots) -> tuple[Tensor, Tensor]:
    """The spline and the logarithm of its slope.

    Args:
        x: places (...,), with the leading shape of the knots.
        spline: its knots.

    Returns:
        y and log dy/dx, each (...,); x and 0 outside of the knots, NaN for NaN.
    """
    outside, near = _clamped(x, spline.x)
    x0, x1, y0, y1, d0, d1 = _bin(near, spline.x, spline)
    width, height = x1 - x0, y1 - y0
    s = height / width
    u = (near - x0) / width
    v = u * (1 - u)
    denominator = s + (d0 + d1 - 2 * s) * v
    y = y0 + height * (s * u * u + d0 * v) / denominator
    log_slope = _log_slope(u, s, d0, d1, denominator)
    return torch.where(outside, x, y), torch.where(outside, torch.zeros_like(x), log_slope)


def backward(y: Tensor, spline: Knots) -> Tensor:
    """The inverse of `forward`.

    Args:
        y: values (...,), with the leading shape of the knots.
        spline: its knots.

    Returns:
        x (...,); y outside of the knots, NaN for NaN.
    """
    outside, near = _clamped(y, spline.y)
    x0, x1, y0, y1, d0, d1 = _bin(near, spline.y, spline)
    width, height = x1 - x0, y1 - y0
    s = height / width
    r = (near - y0) / height
    bend = d0 + d1 - 2 * s
    # (s - d0 + r D) u^2 + (d0 - r D) u - s r = 0; the discriminant is positive on [0, 1], where it
    # runs from d0^2 to d1^2
    half = d0 - r * bend
    root = torch.sqrt(half * half + 4 * s * r * (s - half))
    u = 2 * s * r / (half + root)
    return torch.where(outside, y, x0 + width * u)


def _places(logits: Tensor, bound: float) -> Tensor:
    """Ends of the bins (..., K + 1), from -B to B exactly."""
    shares = torch.softmax(logits, dim=-1)
    inner = 2 * bound * torch.cumsum(shares[..., :-1], dim=-1) - bound
    edge = torch.full_like(logits[..., :1], bound)
    return torch.cat((-edge, inner, edge), dim=-1)


def _clamped(x: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Whether x is outside of the knots, and x moved inside (gradients there stay finite)."""
    low, high = places[..., 0], places[..., -1]
    return (x < low) | (x > high), torch.minimum(torch.maximum(x, low), high)


def _bin(x: Tensor, places: Tensor, spline: Knots) -> tuple[Tensor, ...]:
    """Ends of the bin that x lies in: (x_k, x_k+1, y_k, y_k+1, d_k, d_k+1)."""
    # counting works under vmap, and puts NaN into the first bin, where it stays NaN
    index = (x.unsqueeze(-1) >= places[..., 1:-1]).sum(-1, keepdim=True)
    ends = (
        part.gather(-1, place).squeeze(-1)
        for part in (spline.x, spline.y, spline.slope)
        for place in (index, index + 1)
    )
    return tuple(ends)


def _log_slope(u: Tensor, s: Tensor, d0: Tensor, d1: Tensor, denominator: Tensor) -> Tensor:
    rest = 1 - u
    numerator = d1 * u * u + 2 * s * u * rest + d0 * rest * rest
    return 2 * torch.log(s) + torch.log(numerator) - 2 * torch.log(denominator)
