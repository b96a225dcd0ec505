"""Enclosures of simple expressions over boxes, in exact rational interval arithmetic.

Only what bounds such as `M + sqrt(M**2 - a**2)` need: the four operations and powers are exact on
rationals; roots and elementary functions go through mpmath's outward-rounded intervals. An
enclosure may be too wide, never too narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import sympy
from mpmath import iv
from mpmath.libmp import to_rational

__all__ = ["Interval", "enclose"]

Interval = tuple[Fraction, Fraction]

_MAX_BITS = 20_000  # bounds are numbers of moderate size; towers of powers are not
# Monotone on the whole real line, or handled as such by mpmath.iv itself.
_FUNCTIONS: dict[Any, Callable[[Any], Any]] = {
    sympy.exp: iv.exp,
    sympy.sin: iv.sin,
    sympy.cos: iv.cos,
    sympy.tan: iv.tan,
}


def enclose(expression: sympy.Expr, boxes: Mapping[sympy.Symbol, Interval]) -> Interval | None:
    """Return rationals `lo <= f(x) <= hi` for all x of the boxes where f is real.

    Args:
        expression: f, with its free symbols among the keys of `boxes`.
        boxes: the interval of each symbol.

    Returns:
        The pair (lo, hi), or None where f is unbounded, or too complicated for this arithmetic.

    Example:
        >>> from fractions import Fraction
        >>> from sympy import Symbol
        >>> M = Symbol("M", positive=True)
        >>> lo, hi = enclose(3 * M + 1, {M: (Fraction(1, 2), Fraction(2))})
        >>> print(lo, hi)
        5/2 7
    """
    if expression.is_Rational:
        exact = Fraction(int(expression.p), int(expression.q))
        return exact, exact
    if expression.is_Symbol:
        return boxes.get(expression)
    if expression in (sympy.pi, sympy.E):
        return _from_iv(iv.pi if expression is sympy.pi else iv.e)
    arguments = [enclose(argument, boxes) for argument in expression.args]
    known = [argument for argument in arguments if argument is not None]
    if len(known) < len(arguments) or not known:
        return None
    result = _combine(expression, known)
    if result is None or any(end.denominator.bit_length() > _MAX_BITS for end in result):
        return None
    return None if any(end.numerator.bit_length() > _MAX_BITS for end in result) else result


def _combine(expression: sympy.Expr, arguments: list[Interval]) -> Interval | None:
    if expression.is_Add:
        return sum((lo for lo, _ in arguments), Fraction(0)), sum(
            (hi for _, hi in arguments), Fraction(0)
        )
    if expression.is_Mul:
        product = arguments[0]
        for factor in arguments[1:]:
            product = _times(product, factor)
        return product
    if expression.is_Pow and expression.exp.is_Rational:
        return _power(arguments[0], expression.exp)
    if isinstance(expression, sympy.Abs):
        lo, hi = arguments[0]
        return (Fraction(0) if lo <= 0 <= hi else min(abs(lo), abs(hi))), max(abs(lo), abs(hi))
    if isinstance(expression, sympy.Max | sympy.Min):
        pick = max if isinstance(expression, sympy.Max) else min
        return pick(lo for lo, _ in arguments), pick(hi for _, hi in arguments)
    if isinstance(expression, sympy.log):
        return _from_iv(iv.log(_to_iv(arguments[0]))) if arguments[0][0] > 0 else None
    function = _FUNCTIONS.get(expression.func)
    if function is None or len(arguments) != 1 or max(map(abs, arguments[0])) > 10**4:
        return None
    return _from_iv(function(_to_iv(arguments[0])))


def _times(left: Interval, right: Interval) -> Interval:
    corners = [a * b for a in left for b in right]
    return min(corners), max(corners)


def _power(base: Interval, exponent: sympy.Rational) -> Interval | None:
    p, q = int(exponent.p), int(exponent.q)
    if abs(p) > 64:
        return None
    root: Interval | None = base
    if q > 1:
        # Where the radicand is negative the expression is not real, so that part is no part
        # of the domain and may be cut off.
        root = None if base[1] < 0 else _root((max(base[0], Fraction(0)), base[1]), q)
    if root is None:
        return None
    lo, hi = root
    if p < 0:
        if lo <= 0 <= hi:
            return None
        lo, hi, p = 1 / hi, 1 / lo, -p
    ends = lo**p, hi**p
    if p % 2 == 0 and lo <= 0 <= hi:
        return Fraction(0), max(ends)
    return min(ends), max(ends)


def _root(base: Interval, degree: int) -> Interval | None:
    if degree == 2:
        return _from_iv(iv.sqrt(_to_iv(base)))
    lo, hi = base
    low = Fraction(0)
    if lo > 0:
        lower = _from_iv(iv.exp(iv.log(_to_iv((lo, lo))) / degree))
        low = lower[0] if lower else low
    upper = _from_iv(iv.exp(iv.log(_to_iv((hi, hi))) / degree)) if hi > 0 else (hi, hi)
    return (low, upper[1]) if upper else None


def _to_iv(interval: Interval) -> Any:
    lo, hi = interval
    lower = iv.mpf(lo.numerator) / iv.mpf(lo.denominator)
    upper = iv.mpf(hi.numerator) / iv.mpf(hi.denominator)
    return iv.mpf([lower.a, upper.b])


def _from_iv(value: Any) -> Interval | None:
    # a constant such as iv.pi becomes an interval by an operation
    ends = (value + 0)._mpi_
    if any(man == 0 and exponent != 0 for _, man, exponent, _ in ends):
        return None  # infinite or not a number
    lo, hi = (Fraction(*map(int, to_rational(end))) for end in ends)
    return lo, hi
