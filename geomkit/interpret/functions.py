"""The functions of programs in the arithmetics of `geomkit.evaluate`.

Most have a name there. The rest is spelled out here for mpmath and for python-flint's balls;
`LACKING` says what is missing where.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import mpmath

from geomkit.errors import DomainError, EvaluationError
from geomkit.evaluate import Digits, Number, UndecidedError
from geomkit.evaluate.arithmetic import DERIVED

__all__ = ["LACKING", "apply"]

#: What an arithmetic has no way to compute, by the name of its class. mpmath and Arb have all
#: functions. Arb needs an exact integer for the order of polygamma; mpmath takes the integer part.
LACKING: Mapping[str, frozenset[str]] = {
    "Digits": frozenset(),
    "ArbBalls": frozenset(),
    # without python-flint: elementary functions only
    "IntervalBalls": frozenset(
        {
            *("floor", "erf", "erfc", "erfi", "gamma", "loggamma", "polygamma", "zeta", "lambertw"),
            *("besselj", "bessely", "besseli", "besselk", "expint", "Ei", "Si", "Ci"),
            *("airyai", "airybi", "airyaiprime", "airybiprime", "fresnels", "fresnelc"),
            *("elliptic_k", "elliptic_e"),
        }
    ),
}

_THEIR_NAME = {"abs": "Abs", "max": "Max", "min": "Min", "lambertw": "LambertW"}

_HALF = Fraction(1, 2)

_MPMATH: Mapping[str, Callable[..., Any]] = {
    "floor": mpmath.floor,
    "expint": mpmath.expint,
    "fresnels": mpmath.fresnels,
    "fresnelc": mpmath.fresnelc,
}

_ARB: Mapping[str, Callable[..., Any]] = {
    "floor": lambda x: x.floor(),
    "expint": lambda nu, x: x.expint(nu),
    "fresnels": lambda x: x.fresnel_s(),
    "fresnelc": lambda x: x.fresnel_c(),
}


def apply(arithmetic: Any, function: str, args: Sequence[Number]) -> Number:
    """Return the value of a function of programs.

    Args:
        arithmetic: `Digits`, `Balls` or `Jets`; its precision has to be in force (`working`).
        function: a name of `geomkit.program.FUNCTIONS`.
        args: numbers of the arithmetic.

    Returns:
        A number of the arithmetic.

    Raises:
        EvaluationError: the arithmetic lacks the function (see `LACKING`).

    Example:
        >>> from geomkit.evaluate import Digits
        >>> digits = Digits(20)
        >>> with digits.working():
        ...     print(apply(digits, "floor", [digits.number(Fraction(7, 2))]))
        3.0
    """
    kind = type(arithmetic).__name__
    if function in LACKING.get(kind, ()):
        raise EvaluationError(
            f"{function} cannot be evaluated in {kind}; install python-flint, or use Digits"
        )
    if function == "sqrt":
        return arithmetic.power(args[0], _HALF)
    if function == "pow":
        return arithmetic.real_power(args[0], args[1])
    if function in DERIVED:
        return DERIVED[function](arithmetic, args)
    if function in _ARB:
        return _extra(arithmetic, function, args)
    return arithmetic.apply(_THEIR_NAME.get(function, function), args)


def _extra(arithmetic: Any, function: str, args: Sequence[Number]) -> Number:
    """A function that `geomkit.evaluate` has no name for."""
    if isinstance(arithmetic, Digits):
        return _digits(function, args)
    if type(arithmetic).__name__ != "ArbBalls":
        raise EvaluationError(
            f"{function} cannot be evaluated in {type(arithmetic).__name__}; use Digits or Balls"
        )
    result = _ARB[function](*args)
    if result.is_finite():
        return result
    shown = ", ".join(str(x.str(12)) for x in args)
    if all(x.is_exact() for x in args):
        raise DomainError(f"{function} is not finite and real at ({shown})")
    raise UndecidedError(f"{function} is not known to be finite and real all over ({shown})")


def _digits(function: str, args: Sequence[Number]) -> Number:
    shown = ", ".join(mpmath.nstr(x) for x in args)
    try:
        value = _MPMATH[function](*args)
    except (ValueError, ZeroDivisionError):
        value = mpmath.nan
    if isinstance(value, mpmath.mpc):
        value = value.real if value.imag == 0 else mpmath.nan
    if not mpmath.isfinite(value):
        raise DomainError(f"{function}({shown}) is not finite and real")
    return value
