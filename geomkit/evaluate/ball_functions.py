"""The primitive functions on python-flint balls, with the branches and real domains of SymPy.

Each entry of `FUNCTIONS` answers with NaN outside its real domain; `finite` turns that into a
`DomainError` (arguments exact: final) or an `UndecidedError` (arguments are balls: more bits may
help).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from flint import acb, arb, fmpq

from geomkit.errors import DomainError, EvaluationError
from geomkit.evaluate.arithmetic import Number, UndecidedError

__all__ = ["CONSTANTS", "FUNCTIONS", "finite", "refuse"]


def refuse(what: str, args: Sequence[Number], needed: str = "") -> NoReturn:
    """Raise the error for a value that is not real or not finite.

    Args:
        what: the operation.
        args: its arguments, balls.
        needed: the arguments that it takes, for the message.

    Raises:
        DomainError: if the arguments are exact.
        UndecidedError: if they are not: more bits may help.
    """
    shown = ", ".join(str(x.str(12)) for x in args)
    need = f"; it needs {needed}" if needed else ""
    if all(x.is_exact() for x in args):
        raise DomainError(f"{what} is not finite and real at ({shown}){need}")
    raise UndecidedError(f"{what} is not known to be finite and real all over ({shown}){need}")


def finite(result: Number, what: str, args: Sequence[Number]) -> Number:
    """Pass a finite ball on; refuse one that is NaN or reaches to infinity.

    Args:
        result: the ball.
        what: the operation, for the message.
        args: its arguments.

    Returns:
        `result`.
    """
    if not result.is_finite():
        refuse(what, args)
    return result


def _integer(x: Number, what: str) -> int:
    if not (x.is_exact() and x.is_integer()):
        raise EvaluationError(f"{what} must be an exact integer, not {x.str(12)}")
    return int(x.unique_fmpz())


def _when(condition: bool, value: Callable[[], Number]) -> Number:
    return value() if condition else arb.nan()


def _loggamma(x: Number) -> Number:
    return _when(x > 0, x.lgamma)  # SymPy's loggamma is complex below zero


def _polygamma(order: Number, x: Number) -> Number:
    n = _integer(order, "the order of polygamma")
    if n == 0:
        return x.digamma()
    if x > 0:
        return arb(n + 1).zeta(x) * (math.factorial(n) * (-1) ** (n + 1))
    return acb(x).polygamma(acb(n)).real


def _zeta(s: Number, a: Number | None = None) -> Number:
    if a is None:
        return s.zeta()
    if a > 0 or not (s.is_exact() and s.is_integer()):
        return s.zeta(a)
    return acb(s).zeta(acb(a)).real  # an integer s keeps the series over (a + k)**(-s) real


def _lambert(x: Number, branch: Number | None = None) -> Number:
    k = 0 if branch is None else _integer(branch, "the branch of LambertW")
    return _when(k in (0, -1), lambda: x.lambertw(k))


def _heaviside(x: Number, at_zero: Number | None = None) -> Number:
    middle = arb(fmpq(1, 2)) if at_zero is None else at_zero
    if x.is_zero():
        return middle
    if x.contains(0):
        return arb(0).union(arb(1)).union(middle)
    return arb(1) if x > 0 else arb(0)


def _delta(x: Number, *_order: Number) -> Number:
    return _when(not x.contains(0), lambda: arb(0))


def _atan2(y: Number, x: Number) -> Number:
    return _when(not (y.is_zero() and x.is_zero()), lambda: arb.atan2(y, x))


def _elliptic_e(first: Number, m: Number | None = None) -> Number:
    if m is None:
        return _when(first <= 1, lambda: acb(first).elliptic_e().real)
    return _when(_regular(first, m), lambda: acb.elliptic_e_inc(acb(first), acb(m)).real)


def _elliptic_f(z: Number, m: Number) -> Number:
    return _when(_regular(z, m), lambda: acb.elliptic_f(acb(z), acb(m)).real)


def _elliptic_pi(n: Number, second: Number, m: Number | None = None) -> Number:
    if m is None:
        real = n < 1 and second < 1
        return _when(real, lambda: acb.elliptic_pi(acb(n), acb(second)).real)
    real = _regular(second, n) and _regular(second, m)
    return _when(real, lambda: acb.elliptic_pi_inc(acb(n), acb(second), acb(m)).real)


def _regular(z: Number, m: Number) -> bool:
    """Whether 1 - m sin(t)**2 is certainly positive for all t between 0 and z."""
    return bool(m < 1) or bool(abs(z) < arb.pi() / 2 and m * z.sin() ** 2 < 1)


def _lower_gamma(s: Number, x: Number) -> Number:
    return _when(bool(x > 0) or (x >= 0 and s > 0), lambda: x.gamma_lower(s))


def _upper_gamma(s: Number, x: Number) -> Number:
    return _when(bool(x > 0) or (x >= 0 and s > 0), lambda: x.gamma_upper(s))


def _extremum(name: str) -> Callable[..., Number]:
    def extremum(*args: Number) -> Number:
        result = args[0]
        for x in args[1:]:
            result = getattr(result, name)(x)
        return result

    return extremum


def _method(name: str) -> Callable[[Number], Number]:
    return lambda x: getattr(x, name)()


def _bessel(name: str) -> Callable[[Number, Number], Number]:
    return lambda order, x: getattr(x, name)(order)


CONSTANTS: Mapping[str, Callable[[], Number]] = {
    "pi": arb.pi,
    "e": arb.const_e,
    "euler": arb.const_euler,
    "catalan": arb.const_catalan,
    "golden": lambda: (arb(1) + arb(5).sqrt()) / 2,
}

_PLAIN = "exp log sin cos sinh cosh asin acos atan asinh acosh atanh erf erfc erfi gamma rgamma"

_RENAMED = {
    "sign": "sgn",
    "Si": "si",
    "Ci": "ci",
    "Shi": "shi",
    "Chi": "chi",
    "Ei": "ei",
    "airyai": "airy_ai",
    "airybi": "airy_bi",
}

FUNCTIONS: Mapping[str, Callable[..., Number]] = {
    **{name: _method(name) for name in _PLAIN.split()},
    **{name: _method(theirs) for name, theirs in _RENAMED.items()},
    "Abs": abs,
    "Min": _extremum("min"),
    "Max": _extremum("max"),
    "Heaviside": _heaviside,
    "DiracDelta": _delta,
    "atan2": _atan2,
    "loggamma": _loggamma,
    "polygamma": _polygamma,
    "zeta": _zeta,
    "besselj": _bessel("bessel_j"),
    "bessely": _bessel("bessel_y"),
    "besseli": _bessel("bessel_i"),
    "besselk": _bessel("bessel_k"),
    "LambertW": _lambert,
    "airyaiprime": lambda x: x.airy_ai(derivative=1),
    "airybiprime": lambda x: x.airy_bi(derivative=1),
    "elliptic_k": lambda m: _when(m < 1, lambda: acb(m).elliptic_k().real),
    "elliptic_e": _elliptic_e,
    "elliptic_f": _elliptic_f,
    "elliptic_pi": _elliptic_pi,
    "lowergamma": _lower_gamma,
    "uppergamma": _upper_gamma,
}
