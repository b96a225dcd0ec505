"""Functions that the generated code calls where torch itself is not enough.

Each takes tensors or numbers (at least one tensor), and can be differentiated as often as wanted.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .special import special

__all__ = [
    "abs",
    "atan2",
    "besseli",
    "besselj",
    "besselk",
    "bessely",
    "gamma",
    "loggamma",
    "max",
    "min",
    "polygamma",
    "pow",
    "sign",
]


def sign(x: Tensor) -> Tensor:
    """Return 1, 0 or -1, and NaN of NaN, which torch makes 0."""
    return torch.where(torch.isnan(x), x.detach(), torch.sign(x))


def abs(x: Tensor) -> Tensor:
    """Return the absolute value; its derivative is NaN where it is, which torch makes 0."""
    return x * sign(x)


def pow(x: Tensor | float, y: Tensor | float) -> Tensor:
    """Return x**y; where y is a number, its gradient is not formed (log x would be NaN at 0)."""
    return torch.pow(x, y)


def atan2(y: Tensor | float, x: Tensor | float) -> Tensor:
    """Return the angle of (x, y)."""
    return torch.atan2(*_tensors(y, x))


def max(x: Tensor | float, y: Tensor | float) -> Tensor:
    """Return the greater one."""
    return torch.maximum(*_tensors(x, y))


def min(x: Tensor | float, y: Tensor | float) -> Tensor:
    """Return the smaller one."""
    return torch.minimum(*_tensors(x, y))


def gamma(x: Tensor) -> Tensor:
    """Return the gamma function."""
    odd = torch.remainder(torch.floor(x), 2)
    return torch.where(x > 0, torch.ones_like(x), 1 - 2 * odd) * torch.exp(loggamma(x))


def loggamma(x: Tensor) -> Tensor:
    """Return the logarithm of |gamma(x)|."""
    return special("loggamma", 0, x)


def polygamma(order: int, x: Tensor) -> Tensor:
    """Return the derivative of that order of the digamma function."""
    return special("polygamma", order, x)


def besselj(order: int, x: Tensor) -> Tensor:
    """Return J of a whole order."""
    return special("J", order, x)


def bessely(order: int, x: Tensor) -> Tensor:
    """Return Y of a whole order; NaN for negative x."""
    return special("Y", order, x)


def besseli(order: int, x: Tensor) -> Tensor:
    """Return I of a whole order."""
    return special("I", order, x)


def besselk(order: int, x: Tensor) -> Tensor:
    """Return K of a whole order; NaN for negative x."""
    return special("K", order, x)


def _tensors(x: Tensor | float, y: Tensor | float) -> tuple[Tensor, Tensor]:
    """Both as tensors, a number with dtype and device of the other."""
    if not isinstance(x, Tensor):
        assert isinstance(y, Tensor)
        return torch.full_like(y, x), y
    return x, y if isinstance(y, Tensor) else torch.full_like(x, y)
