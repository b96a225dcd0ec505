"""Numbers that come from Python: floats are refused with the remedy."""

from __future__ import annotations

import numbers
from fractions import Fraction
from typing import Any

import sympy

from geomkit.errors import ParseError

__all__ = ["check_exact"]


def check_exact(value: Any, *, where: str = "") -> sympy.Expr:
    """Accept an exact scalar expression, refuse everything that went through a float.

    Args:
        value: a SymPy expression, an integer or a fraction.
        where: what the value is, put in front of error messages.

    Returns:
        The value as a SymPy expression.

    Raises:
        ParseError: for floats (Python's, NumPy's or SymPy's), complex numbers, and what is no
            expression.

    Example:
        >>> from fractions import Fraction
        >>> check_exact(Fraction(1, 2))
        1/2
        >>> check_exact(0.5)
        Traceback (most recent call last):
        ...
        geomkit.errors.ParseError: 0.5 is a floating-point number and not exact; write the text
        "0.5", or 1/2 as sympy.Rational("0.5")
    """
    if isinstance(value, sympy.Expr):
        return _checked_expression(value, where)
    if isinstance(value, bool):
        raise ParseError(f"{value} is not a number; write 1 or 0", where=where)
    if isinstance(value, numbers.Integral):
        return sympy.Integer(int(value))
    if isinstance(value, numbers.Rational):
        fraction = Fraction(int(value.numerator), int(value.denominator))
        return sympy.Rational(fraction.numerator, fraction.denominator)
    if isinstance(value, numbers.Real):
        raise ParseError(_remedy(float(value)), where=where)
    if isinstance(value, numbers.Complex):
        raise ParseError(f"{value} is complex; complex metrics are not supported yet", where=where)
    raise ParseError(
        f"an expression was expected, not {type(value).__name__}; give a text, a SymPy expression, "
        "an int or a Fraction",
        where=where,
    )


def _checked_expression(value: sympy.Expr, where: str) -> sympy.Expr:
    atoms = value.atoms()
    for atom in atoms:
        if atom.is_Float:
            raise ParseError(_remedy(float(atom), inside=value), where=where)
    if sympy.I in atoms:
        raise ParseError(f"{value} contains I; complex metrics are not supported yet", where=where)
    if sympy.zoo in atoms or sympy.nan in atoms:
        raise ParseError(f"{value} is infinite or undefined", where=where)
    return value


def _remedy(number: float, inside: Any = None) -> str:
    exact = Fraction(repr(number)) if number == number and abs(number) < 1e300 else None
    place = f" (in {str(inside)[:80]})" if inside is not None and not inside.is_Float else ""
    better = f', or {exact} as sympy.Rational("{number!r}")' if exact is not None else ""
    return (
        f"{number!r} is a floating-point number and not exact{place}; "
        f'write the text "{number!r}"{better}'
    )
