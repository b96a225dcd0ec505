"""Products: the metric g_1 + g_2 + ..., each on coordinates of its own.

Curvature is that of the factors: R adds up, Ricci and Christoffel symbols stand in blocks.
"""

from __future__ import annotations

from typing import Any

from geomkit.errors import MetricError

from . import checks
from .arrays import Argument
from .blocks import place, read

__all__ = ["christoffel", "ricci", "scalar"]


def scalar(*scalars: Any, check: bool = True) -> Any:
    """Scalar curvature of a product: the sum.

    Args:
        *scalars: R of each factor, (...).
        check: refuse NumPy results that are not finite; tensors are not looked at.

    Returns:
        (...).

    Raises:
        MetricError: no factor was given.

    Example:
        >>> float(scalar(2.0, -2.0))                 # sphere times hyperbolic plane
        0.0
    """
    _some(scalars)
    given, _ = read([Argument(f"factor {i}", "") for i in range(len(scalars))], scalars)
    with checks.quiet(given[0]):
        total = given[0] + 0
        for one in given[1:]:
            total = total + one
    return checks.finite(total, check)


def ricci(*riccis: Any) -> Any:
    """Ricci tensor of a product: the blocks of the factors.

    Args:
        *riccis: of each factor, (..., n_i, n_i).

    Returns:
        (..., n, n) with n the sum of the n_i, both indices down.
    """
    return _diagonal(riccis, 2)


def christoffel(*symbols: Any) -> Any:
    """Christoffel symbols of a product: the blocks of the factors.

    Args:
        *symbols: of each factor, (..., n_i, n_i, n_i).

    Returns:
        (..., n, n, n), first index up.
    """
    return _diagonal(symbols, 3)


def _diagonal(parts: tuple[Any, ...], rank: int) -> Any:
    _some(parts)
    arguments = [Argument(f"factor {i}", chr(97 + i) * rank) for i in range(len(parts))]
    given, known = read(arguments, parts)
    start, blocks = 0, []
    for one, block in zip(arguments, given, strict=True):
        blocks.append(((start,) * rank, block))
        start += known[one.axes[0]]
    return place(start, blocks)


def _some(parts: tuple[Any, ...]) -> None:
    if not parts:
        raise MetricError("a product needs at least one factor")
