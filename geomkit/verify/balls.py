"""A few questions to balls, of python-flint or of mpmath, that the checks ask."""

from __future__ import annotations

from typing import Any

import mpmath

__all__ = ["is_ball", "largest", "show", "smallest"]

Ball = Any  # flint.arb, or geomkit.evaluate.intervals.Interval where python-flint is missing


def is_ball(value: Any) -> bool:
    """Whether a value is a ball, and not a text."""
    return hasattr(value, "contains") and hasattr(value, "rad")


def smallest(ball: Ball) -> Ball:
    """A lower bound of |x| over the ball, not below zero in a way that matters to comparisons."""
    return abs(ball).lower()


def largest(ball: Ball) -> Ball:
    """An upper bound of |x| over the ball."""
    return abs(ball).upper()


def show(value: Any, digits: int = 20) -> str:
    """A ball as a decimal string; what is no ball, as it is.

    Args:
        value: a ball or a text.
        digits: significant digits.

    Returns:
        The midpoint, or "0" where the ball contains zero.

    Example:
        >>> from geomkit.evaluate import Balls
        >>> show(Balls(100).number(3) / 4)
        '0.75'
    """
    if not is_ball(value):
        return str(value)
    if value.contains(0):
        return "0"
    middle = value.mid()
    if hasattr(middle, "str"):
        text = str(middle.str(digits, radius=False))
    else:
        text = mpmath.nstr(mpmath.mpf(middle.value.mid), digits)
    mantissa, mark, exponent = text.partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return mantissa + mark + exponent
