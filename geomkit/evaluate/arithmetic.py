"""What the walk over an expression asks of a kind of numbers; functions derived from others.

An `Arithmetic` makes numbers that know `+`, `-` and `*` among themselves and offers the rest as
methods. There are three: balls (`balls`, or `intervals` where python-flint is missing), decimal
digits (`digits`), and truncated Taylor series over either (`jets`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from fractions import Fraction
from typing import Any, Protocol

import sympy

from geomkit.errors import DomainError, EvaluationError

__all__ = ["CONSTANTS", "DERIVED", "Arithmetic", "Number", "UndecidedError", "as_fraction"]

Number = Any
"""An `arb`, an `Interval`, an mpmath `mpf`, or a `Jet` over one of them."""

CONSTANTS: Mapping[sympy.Expr, str] = {
    sympy.pi: "pi",
    sympy.E: "e",
    sympy.EulerGamma: "euler",
    sympy.Catalan: "catalan",
    sympy.GoldenRatio: "golden",
}


class UndecidedError(DomainError):
    """At this precision it is open whether a point lies in the domain; more bits may settle it.

    Example:
        >>> from geomkit.errors import DomainError
        >>> issubclass(UndecidedError, DomainError)
        True
    """


class Arithmetic(Protocol):
    """The operations that `evaluate` needs; numbers themselves provide `+`, `-` and `*`."""

    def working(self) -> AbstractContextManager[Any]:
        """Context in which the operators of the numbers work at this precision."""

    def number(self, value: Any) -> Number:
        """The number for an exact rational; a number of this arithmetic passes through."""

    def seed(self, key: sympy.Expr, value: Any) -> Number:
        """The number that stands for `key` (a symbol, mostly), where it has `value`."""

    def constant(self, name: str) -> Number:
        """One of pi, e, euler (0.577...), catalan (0.915...), golden (1.618...)."""

    def power(self, base: Number, exponent: Fraction) -> Number:
        """base**exponent, real: needs base > 0 unless the exponent is an integer."""

    def real_power(self, base: Number, exponent: Number) -> Number:
        """base**exponent = exp(exponent log base) for base > 0, and for exact integer exponents."""

    def apply(self, name: str, args: Sequence[Number]) -> Number:
        """A primitive function, by its SymPy name."""

    def integer(self, x: Number) -> int | None:
        """The integer that x is, exactly; None if it is none."""

    def sign(self, x: Number) -> int | None:
        """-1, 0, 1, or None when the sign is not certain (in a neighbourhood, for jets)."""


def as_fraction(value: Any) -> Fraction:
    """An exact rational as a `Fraction`.

    Args:
        value: int, Fraction, SymPy Integer or Rational.

    Returns:
        The same number.

    Raises:
        EvaluationError: for floats and whatever else is not an exact rational.

    Example:
        >>> as_fraction(sympy.Rational(3, 6))
        Fraction(1, 2)
    """
    if isinstance(value, (int, Fraction)):
        return Fraction(value)
    if isinstance(value, sympy.Rational):
        return Fraction(int(value.p), int(value.q))
    raise EvaluationError(
        f"the value {value!r} of type {type(value).__name__} is not an exact rational; "
        "give an int, a Fraction or a sympy.Rational (write 1/2, not 0.5)"
    )


def _inverse(a: Arithmetic, x: Number) -> Number:
    return a.power(x, Fraction(-1))


def _quotient(above: str, below: str) -> Callable[[Arithmetic, Sequence[Number]], Number]:
    return lambda a, args: a.apply(above, args) * _inverse(a, a.apply(below, args))


def _reciprocal(name: str) -> Callable[[Arithmetic, Sequence[Number]], Number]:
    return lambda a, args: _inverse(a, a.apply(name, args))


def _of_inverse(name: str) -> Callable[[Arithmetic, Sequence[Number]], Number]:
    return lambda a, args: a.apply(name, [_inverse(a, args[0])])


def _polygamma(order: int) -> Callable[[Arithmetic, Sequence[Number]], Number]:
    return lambda a, args: a.apply("polygamma", [a.number(order), args[0]])


def _beta(a: Arithmetic, args: Sequence[Number]) -> Number:
    x, y = args[0], args[-1]
    return a.apply("gamma", [x]) * a.apply("gamma", [y]) * a.apply("rgamma", [x + y])


def _gamma_of_successor(a: Arithmetic, args: Sequence[Number]) -> Number:
    return a.apply("gamma", [args[0] + a.number(1)])


def _binomial(a: Arithmetic, args: Sequence[Number]) -> Number:
    x, y, one = args[0], args[1], a.number(1)
    below = a.apply("rgamma", [y + one]) * a.apply("rgamma", [x - y + one])
    return a.apply("gamma", [x + one]) * below


# the inverse functions follow SymPy: acot(x) = atan(1/x), asec(x) = acos(1/x), and so on
DERIVED: Mapping[str, Callable[[Arithmetic, Sequence[Number]], Number]] = {
    "tan": _quotient("sin", "cos"),
    "cot": _quotient("cos", "sin"),
    "sec": _reciprocal("cos"),
    "csc": _reciprocal("sin"),
    "tanh": _quotient("sinh", "cosh"),
    "coth": _quotient("cosh", "sinh"),
    "sech": _reciprocal("cosh"),
    "csch": _reciprocal("sinh"),
    "acot": _of_inverse("atan"),
    "asec": _of_inverse("acos"),
    "acsc": _of_inverse("asin"),
    "acoth": _of_inverse("atanh"),
    "asech": _of_inverse("acosh"),
    "acsch": _of_inverse("asinh"),
    "digamma": _polygamma(0),
    "trigamma": _polygamma(1),
    "beta": _beta,
    "factorial": _gamma_of_successor,
    "binomial": _binomial,
    "re": lambda _a, args: args[0],
    "conjugate": lambda _a, args: args[0],
    "im": lambda a, _args: a.number(0),
}
