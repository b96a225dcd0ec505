"""Floats of numbers that are known in balls or digits: correctly rounded, ties to even."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["FORMATS", "Format", "determined", "nearest", "parts"]


@dataclass(frozen=True)
class Format:
    """A format of floats: the bits of its mantissa, the least and the greatest exponent."""

    bits: int
    least: int
    greatest: int


FORMATS = {
    np.dtype(np.float64): Format(53, -1074, 1024),
    np.dtype(np.float32): Format(24, -149, 128),
}


def nearest(mantissa: int, exponent: int, form: Format) -> float:
    """Return mantissa * 2**exponent, rounded to a format.

    Args:
        mantissa: any integer.
        exponent: any integer.
        form: the format.

    Returns:
        The nearest number of the format, as a Python float; infinite beyond its largest.

    Example:
        >>> nearest(1, -1, FORMATS[np.dtype(np.float32)])
        0.5
        >>> nearest(2**60 + 1, 0, FORMATS[np.dtype(np.float64)]) == 2.0**60
        True
    """
    sign, size = (-1 if mantissa < 0 else 1), abs(mantissa)
    top = size.bit_length() + exponent
    if size == 0 or top < form.least:
        return 0.0
    if top > form.greatest:
        return sign * math.inf
    quantum = max(top - form.bits, form.least)
    shift = quantum - exponent
    if shift > 0:
        size, rest = divmod(size, 1 << shift)
        size += 2 * rest + (size & 1) > 1 << shift
    else:
        size <<= -shift
    if size.bit_length() + quantum > form.greatest:
        return sign * math.inf
    return sign * math.ldexp(size, quantum)


def parts(number: Any) -> tuple[int, int]:
    """Return mantissa and exponent of an exact number.

    Args:
        number: an `arb` without radius, an `Interval` without width, or an mpmath `mpf`.

    Returns:
        Two integers m, e: the number is m * 2**e.
    """
    if hasattr(number, "man_exp") and hasattr(number, "is_exact"):
        mantissa, exponent = number.man_exp()
        return int(mantissa), int(exponent)
    raw = number._mpf_ if hasattr(number, "_mpf_") else number.value.a._mpi_[0]
    sign, mantissa, exponent, _ = raw
    return (-int(mantissa) if sign else int(mantissa)), int(exponent)


def determined(ball: Any, form: Format) -> float | None:
    """Return the float that every number of a ball is rounded to.

    Args:
        ball: an `arb` or an `Interval`; the precision it was computed with has to be in force.
        form: the format.

    Returns:
        The float; None if the ball is too wide to tell.
    """
    low = nearest(*parts(ball.lower()), form)
    high = nearest(*parts(ball.upper()), form)
    return low if low == high else None
