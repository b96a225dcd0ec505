"""Values of the polygamma functions; `special` gives them their derivatives.

Torch's trigamma has ten digits only, and it is what torch differentiates digamma and lgamma to.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["polygamma"]


def polygamma(order: int, x: Tensor) -> Tensor:
    """Return the derivative of that order of the digamma function.

    Args:
        order: the order, 0 or more.
        x: any tensor of float64.

    Returns:
        Tensor of the same shape.

    Example:
        >>> polygamma(1, torch.tensor([1.0], dtype=torch.float64)) / torch.pi**2 * 6
        tensor([1.], dtype=torch.float64)
    """
    if order == 0:
        return torch.digamma(x)
    # written out: torch.compile fails on numbers from outside of a function's code
    pi = 3.141592653589793
    # psi_n(x) = (-1)^(n+1) n! zeta(n+1, x) for x > 0, and DLMF 5.15.6 brings the others there
    right = torch.where(x > 0, x, 1 - x)
    value = (-1) ** (order + 1) * math.factorial(order) * torch.special.zeta(order + 1, right)
    reflected = (-1) ** order * value - pi * _cotangent(order, x)
    return torch.where(x > 0, value, reflected)


def _cotangent(order: int, x: Tensor) -> Tensor:
    """The derivative of that order of cot(pi x), a polynomial in cot(pi x)."""
    pi = 3.141592653589793
    coefficients = [0.0, 1.0]
    for _ in range(order):
        slopes = [k * c for k, c in enumerate(coefficients)][1:]
        padded = [*slopes, 0.0, 0.0]
        coefficients = [-pi * (c + (padded[k - 2] if k > 1 else 0.0)) for k, c in enumerate(padded)]
    cotangent = 1 / torch.tan(pi * x)
    value = torch.zeros_like(x)
    for c in reversed(coefficients):
        value = value * cotangent + c
    return value
