"""Decimal digits on mpmath: the same functions without error bounds, for looking and checking.

Rounding errors are not tracked: sixty working digits give about sixty only where nothing cancels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from fractions import Fraction
from typing import Any, NoReturn

import mpmath
import sympy

from geomkit.errors import DomainError, EvaluationError
from geomkit.evaluate.arithmetic import Number, as_fraction

__all__ = ["Digits"]


class Digits:
    """mpmath numbers with `dps` decimal digits.

    Args:
        dps: working precision in decimal digits; mpmath keeps it in a global, set and restored by
            `working`.

    Example:
        >>> digits = Digits(30)
        >>> with digits.working():
        ...     print(digits.apply("gamma", [digits.number(Fraction(1, 2))]))
        1.77245385090551602729816748334
    """

    def __init__(self, dps: int = 50) -> None:
        self.dps = dps

    def working(self) -> AbstractContextManager[Any]:
        """Context with `dps` digits."""
        context: AbstractContextManager[Any] = mpmath.workdps(self.dps)
        return context

    def number(self, value: Any) -> Number:
        """The nearest number to an exact rational."""
        if isinstance(value, mpmath.mpf):
            return value
        fraction = as_fraction(value)
        return mpmath.mpf(fraction.numerator) / fraction.denominator

    def seed(self, key: sympy.Expr, value: Any) -> Number:
        """The number of the value."""
        return self.number(value)

    def constant(self, name: str) -> Number:
        """One of pi, e, euler, catalan, golden."""
        return +_CONSTANTS[name]

    def power(self, base: Number, exponent: Fraction) -> Number:
        """base**exponent, real."""
        p, q = exponent.numerator, exponent.denominator
        if (q > 1 and base < 0) or (p < 0 and base == 0):
            raise DomainError(
                f"{mpmath.nstr(base)}**({exponent}) is not finite and real; "
                "it needs a positive base"
            )
        if q == 1:
            return base**p
        return mpmath.root(base, q) ** p

    def real_power(self, base: Number, exponent: Number) -> Number:
        """base**exponent for base > 0, for base = 0 < exponent, and for integer exponents."""
        whole = self.integer(exponent)
        if whole is not None:
            return self.power(base, Fraction(whole))
        if base < 0 or (base == 0 and exponent < 0):
            raise DomainError(
                f"{mpmath.nstr(base)}**{mpmath.nstr(exponent)} is not finite and real; "
                "it needs a positive base"
            )
        return base**exponent

    def apply(self, name: str, args: Sequence[Number]) -> Number:
        """The value of a primitive function.

        Args:
            name: SymPy's name of the function.
            args: numbers.

        Returns:
            A finite real number.

        Raises:
            EvaluationError: if the function is unknown.
        """
        function = _FUNCTIONS.get(name)
        if function is None:
            raise EvaluationError(f"the function {name} cannot be evaluated with mpmath")
        try:
            return _real(function(*args), name, args)
        except (ValueError, ZeroDivisionError):
            _refuse(name, args)  # mpmath at a pole

    def integer(self, x: Number) -> int | None:
        """The integer that x is; None if it is none."""
        return int(x) if mpmath.isint(x) else None

    def sign(self, x: Number) -> int | None:
        """The sign of the rounded number."""
        return int(x > 0) - int(x < 0)

    def zeta_taylor(self, s: Number, order: int) -> list[Number]:
        """Taylor coefficients of the Riemann zeta function at s."""
        return [mpmath.zeta(s, 1, k) / mpmath.factorial(k) for k in range(order + 1)]


def _refuse(name: str, args: Sequence[Number]) -> NoReturn:
    shown = ", ".join(mpmath.nstr(x) for x in args)
    raise DomainError(f"{name}({shown}) is not finite and real")


def _real(value: Number, name: str, args: Sequence[Number]) -> Number:
    if isinstance(value, mpmath.mpc):
        if value.imag != 0:
            _refuse(name, args)
        value = value.real
    if not mpmath.isfinite(value):
        _refuse(name, args)
    return value


def _heaviside(x: Number, at_zero: Number | None = None) -> Number:
    middle = mpmath.mpf(1) / 2 if at_zero is None else at_zero
    return middle if x == 0 else mpmath.mpf(x > 0)


def _delta(x: Number, *_order: Number) -> Number:
    return mpmath.nan if x == 0 else mpmath.mpf(0)


def _atan2(y: Number, x: Number) -> Number:
    return mpmath.nan if x == 0 and y == 0 else mpmath.atan2(y, x)


def _lambert(x: Number, branch: Number = 0) -> Number:
    return mpmath.lambertw(x, int(branch))


def _polygamma(order: Number, x: Number) -> Number:
    return mpmath.polygamma(int(order), x)


def _elliptic_pi(n: Number, *rest: Number) -> Number:
    return mpmath.ellippi(n, *rest)


_CONSTANTS: Mapping[str, Number] = {
    "pi": mpmath.pi,
    "e": mpmath.e,
    "euler": mpmath.euler,
    "catalan": mpmath.catalan,
    "golden": mpmath.phi,
}

_PLAIN = (
    "exp log sin cos sinh cosh asin acos atan asinh acosh atanh erf erfc erfi gamma rgamma "
    "loggamma zeta besselj bessely besseli besselk airyai airybi"
)

_FUNCTIONS: Mapping[str, Callable[..., Number]] = {
    **{name: getattr(mpmath, name) for name in _PLAIN.split()},
    "Abs": mpmath.fabs,
    "sign": mpmath.sign,
    "Min": min,
    "Max": max,
    "Heaviside": _heaviside,
    "DiracDelta": _delta,
    "atan2": _atan2,
    "polygamma": _polygamma,
    "LambertW": _lambert,
    "Si": mpmath.si,
    "Ci": mpmath.ci,
    "Shi": mpmath.shi,
    "Chi": mpmath.chi,
    "Ei": mpmath.ei,
    "airyaiprime": lambda x: mpmath.airyai(x, derivative=1),
    "airybiprime": lambda x: mpmath.airybi(x, derivative=1),
    "elliptic_k": mpmath.ellipk,
    "elliptic_e": mpmath.ellipe,
    "elliptic_f": mpmath.ellipf,
    "elliptic_pi": _elliptic_pi,
    "lowergamma": lambda s, x: mpmath.gammainc(s, 0, x),
    "uppergamma": lambda s, x: mpmath.gammainc(s, x),
}
