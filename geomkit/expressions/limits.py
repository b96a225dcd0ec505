"""Limits of what is read, and estimates that refuse numbers before they are computed.

Every limit is far above what published formulas need and far below what takes a second.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "MAX_BITS",
    "MAX_CHAIN",
    "MAX_CHARACTERS",
    "MAX_DEPTH",
    "MAX_DERIVATIVES",
    "MAX_DIGITS",
    "MAX_EXPONENT",
    "MAX_SECONDS",
    "MAX_TERMS",
    "MAX_TOKENS",
    "MAX_WORK",
    "bits",
    "derivative_size",
    "is_real_number",
    "is_small_exponent",
    "magnitude",
]

MAX_CHARACTERS = 20_000
MAX_TOKENS = 10_000
MAX_CHAIN = 1_500  # operators on one level: Python's own parser stops near 2500
MAX_DEPTH = 100  # nested brackets, and levels of the expression
MAX_DIGITS = 1_000  # of a number in the text
MAX_EXPONENT = 10_000  # magnitude, numerator and denominator
MAX_BITS = 16_384  # of a number that arises, about 4900 digits
MAX_DERIVATIVES = 20  # order of diff
MAX_TERMS = 200  # inside a function or an exponent: SymPy compares them pairwise
MAX_SECONDS = 0.8  # CPU time for one text, should all else fail
MAX_WORK = 40_000  # nodes made by differentiation, 64-bit words of large numbers


def bits(number: Any) -> int:
    """Size of the rational number in front of an expression.

    Args:
        number: a SymPy expression.

    Returns:
        Bits of numerator and denominator of its rational coefficient; 0 for one and minus one.

    Example:
        >>> import sympy
        >>> bits(sympy.Rational(8, 3)), bits(5 * sympy.Symbol("x")), bits(sympy.Symbol("x"))
        (6, 3, 0)
    """
    if number.is_Mul:
        number = number.args[0]
    if not number.is_Rational:
        return 0
    p, q = int(number.p), int(number.q)
    return (p.bit_length() if abs(p) != 1 else 0) + (q.bit_length() if q != 1 else 0)


def magnitude(number: Any) -> float | None:
    """Rough size |x| of a number, cheap and bounded.

    Args:
        number: a SymPy expression.

    Returns:
        The magnitude, infinity when it cannot be bounded, None for an expression with symbols.

    Example:
        >>> import sympy
        >>> magnitude(sympy.Rational(-7, 2)), magnitude(sympy.Symbol("x"))
        (3.5, None)
    """
    if number.is_Rational:
        size = int(number.p).bit_length() - int(number.q).bit_length()
        return float("inf") if size > 1000 else abs(int(number.p) / int(number.q))
    if number.is_Symbol or not number.is_number:
        return None
    # 5 digits; maxn bounds the work when terms cancel
    value = abs(number.evalf(5, maxn=50))
    try:
        return float(value)
    except (TypeError, OverflowError):
        return float("inf")


def is_real_number(number: Any) -> bool:
    """Whether a number is real, by its value.

    Args:
        number: a SymPy expression without symbols.

    Returns:
        False when its imaginary part does not vanish at the first digits.

    Example:
        >>> import sympy
        >>> is_real_number(sympy.acos(sympy.Rational(1, 2))), is_real_number(sympy.acos(2))
        (True, False)
    """
    if number.is_Rational:
        return True
    _, imaginary = number.evalf(5, maxn=50).as_real_imag()
    return bool(abs(imaginary) < 1e-3 * (1 + abs(number.evalf(5, maxn=50))))


def derivative_size(expression: Any) -> tuple[int, int]:
    """Sizes of an expression and, estimated, of its first derivative, counted in nodes.

    A product of k factors gives k terms of k factors; a power or function keeps itself as a factor.

    Args:
        expression: a SymPy expression.

    Returns:
        Nodes of the expression and of its derivative before anything cancels.

    Example:
        >>> import sympy
        >>> x = sympy.Symbol("x")
        >>> derivative_size(x * sympy.sin(x))
        (4, 10)
    """
    if not expression.args:
        return 1, 1
    sizes = [derivative_size(argument) for argument in expression.args]
    size = 1 + sum(own for own, _ in sizes)
    derived = sum(inner for _, inner in sizes)
    if expression.is_Add:
        return size, 1 + derived
    if expression.is_Mul:
        return size, 1 + derived + (len(sizes) - 1) * size
    return size, 1 + derived + len(sizes) * size


def is_small_exponent(exponent: Any) -> bool:
    """Whether a rational exponent lies within the limits.

    Args:
        exponent: a SymPy rational.

    Returns:
        True when numerator and denominator are at most `MAX_EXPONENT`.

    Example:
        >>> import sympy
        >>> is_small_exponent(sympy.Rational(3, 2)), is_small_exponent(sympy.Integer(10) ** 8)
        (True, False)
    """
    return abs(int(exponent.p)) <= MAX_EXPONENT and int(exponent.q) <= MAX_EXPONENT
