"""Taylor coefficients of functions of one variable, over any arithmetic.

`TAYLOR[name](a, *parameters, x, order)` gives c_0 ... c_order with f(x + h) = sum c_k h**k +
O(h**(order+1)), from values of functions at x only: by differential equations, recurrences and
power series arithmetic. Over balls every coefficient is an enclosure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import comb, factorial

from geomkit.evaluate.arithmetic import Arithmetic, Number

__all__ = ["TAYLOR"]

Series = list[Number]


def _over(a: Arithmetic, x: Number, k: int) -> Number:
    return x * a.number(Fraction(1, k))


def _product(u: Sequence[Number], v: Sequence[Number], k: int) -> Number:
    """Coefficient k of a product of series."""
    total = u[0] * v[k]
    for i in range(1, k + 1):
        total = total + u[i] * v[k - i]
    return total


def _exp_of(a: Arithmetic, u: Sequence[Number]) -> Series:
    """Exp of a series: e' = u' e."""
    e = [a.apply("exp", [u[0]])]
    for k in range(1, len(u)):
        total = u[1] * e[k - 1]
        for i in range(2, k + 1):
            total = total + u[i] * e[k - i] * i
        e.append(_over(a, total, k))
    return e


def _power_of(a: Arithmetic, u: Sequence[Number], p: Fraction) -> Series:
    """u**p of a series: u w' = p u' w."""
    w = [a.power(u[0], p)]
    for k in range(1, len(u)):
        inverse = a.power(u[0], Fraction(-1))
        total = a.number(0)
        for i in range(1, k + 1):
            total = total + u[i] * w[k - i] * a.number((p + 1) * i - k)
        w.append(_over(a, total * inverse, k))
    return w


def _integral(a: Arithmetic, constant: Number, u: Sequence[Number]) -> Series:
    return [constant, *(_over(a, c, k + 1) for k, c in enumerate(u))]


def _exp(a: Arithmetic, x: Number, order: int) -> Series:
    value = a.apply("exp", [x])
    return [_over(a, value, factorial(k)) for k in range(order + 1)]


def _log(a: Arithmetic, x: Number, order: int) -> Series:
    powers = (
        a.power(x, Fraction(-k)) * a.number(Fraction((-1) ** (k + 1), k))
        for k in range(1, order + 1)
    )
    return [a.apply("log", [x]), *powers]


def _cyclic(names: tuple[str, str], signs: tuple[int, ...]) -> Callable[..., Series]:
    """A function whose derivatives run through +-names[0], +-names[1] again and again."""

    def taylor(a: Arithmetic, x: Number, order: int) -> Series:
        values = [a.apply(name, [x]) for name in names]
        return [
            values[k % 2] * a.number(Fraction(signs[k % 4], factorial(k))) for k in range(order + 1)
        ]

    return taylor


def _from_derivative(
    name: str, linear: Callable[[Arithmetic, Number], Sequence[Number]], p: Fraction, sign: int = 1
) -> Callable[..., Series]:
    """A function with f' = sign * q(x)**p, where `linear` expands the quadratic polynomial q."""

    def taylor(a: Arithmetic, x: Number, order: int) -> Series:
        value = a.apply(name, [x])
        if order == 0:
            return [value]
        q = [*linear(a, x), *[a.number(0)] * order][:order]
        return _integral(a, value, [c * sign for c in _power_of(a, q, p)])

    return taylor


def _acosh(a: Arithmetic, x: Number, order: int) -> Series:
    value = a.apply("acosh", [x])
    if order == 0:
        return [value]
    one, rest = a.number(1), [a.number(0)] * order
    # two roots instead of one of x**2 - 1: defined exactly where acosh is
    left = _power_of(a, [x - one, one, *rest][:order], Fraction(-1, 2))
    right = _power_of(a, [x + one, one, *rest][:order], Fraction(-1, 2))
    return _integral(a, value, [_product(left, right, k) for k in range(order)])


def _error_function(name: str, sign: int, square: int) -> Callable[..., Series]:
    """F' = sign * 2/sqrt(pi) * exp(square * x**2)."""

    def taylor(a: Arithmetic, x: Number, order: int) -> Series:
        value = a.apply(name, [x])
        if order == 0:
            return [value]
        u = [x * x * square, x * (2 * square), a.number(square), *[a.number(0)] * order][:order]
        factor = a.power(a.constant("pi"), Fraction(-1, 2)) * (2 * sign)
        return _integral(a, value, [c * factor for c in _exp_of(a, u)])

    return taylor


def _polygamma(a: Arithmetic, n: Number, x: Number, order: int) -> Series:
    return [
        _over(a, a.apply("polygamma", [n + a.number(k), x]), factorial(k)) for k in range(order + 1)
    ]


def _gamma(sign: int) -> Callable[..., Series]:
    """Gamma (sign 1): f' = psi f; its reciprocal (sign -1): f' = -psi f."""
    name = "gamma" if sign > 0 else "rgamma"

    def taylor(a: Arithmetic, x: Number, order: int) -> Series:
        result = [a.apply(name, [x])]
        psi = _polygamma(a, a.number(0), x, order - 1)
        for k in range(1, order + 1):
            result.append(_over(a, _product(result, psi, k - 1) * sign, k))
        return result

    return taylor


def _loggamma(a: Arithmetic, x: Number, order: int) -> Series:
    value = a.apply("loggamma", [x])
    return _integral(a, value, _polygamma(a, a.number(0), x, order - 1))


def _zeta(a: Arithmetic, *args: Number | int) -> Series:
    """zeta(s) by s, or the Hurwitz zeta function zeta(s, x) by x: derivative -s zeta(s + 1, x)."""
    order = int(args[-1])
    if len(args) == 2:
        series: Series = a.zeta_taylor(args[0], order)  # type: ignore[attr-defined]
        return series
    s, x = args[0], args[1]
    result, factor = [], a.number(1)
    for k in range(order + 1):
        shifted = s + a.number(k)
        result.append(factor * a.apply("zeta", [shifted, x]))
        factor = factor * shifted * a.number(Fraction(-1, k + 1))
    return result


def _lambert(a: Arithmetic, *args: Number | int) -> Series:
    """Coefficients w_k from w exp(w) = x + h: w_k enters order k as w_k e_0 (1 + w_0)."""
    *branch, x, order = args
    w = [a.apply("LambertW", [x, *branch])]
    e = [a.apply("exp", [w[0]])]
    if order == 0:
        return w
    inverse = a.power(e[0] * (w[0] + a.number(1)), Fraction(-1))
    for k in range(1, int(order) + 1):
        # e_k without the part that holds w_k
        partial = a.number(0)
        for i in range(1, k):
            partial = partial + w[i] * e[k - i] * a.number(Fraction(i, k))
        known = w[0] * partial
        for i in range(1, k):
            known = known + w[i] * e[k - i]
        w.append((a.number(int(k == 1)) - known) * inverse)
        e.append(partial + w[k] * e[0])
    return w


def _bessel(name: str, sign: int, overall: int) -> Callable[..., Series]:
    """f_nu' = overall * (f_(nu-1) + sign f_(nu+1)) / 2, applied k times."""

    def taylor(a: Arithmetic, nu: Number, x: Number, order: int) -> Series:
        values = {
            shift: a.apply(name, [nu + a.number(shift), x]) for shift in range(-order, order + 1)
        }
        result = []
        for k in range(order + 1):
            total = a.number(0)
            for i in range(k + 1):
                total = total + values[2 * i - k] * (comb(k, i) * sign**i)
            result.append(total * a.number(Fraction(overall**k, 2**k * factorial(k))))
        return result

    return taylor


def _one_plus_square(a: Arithmetic, x: Number) -> Series:
    return [x * x + a.number(1), x * 2, a.number(1)]


def _one_minus_square(a: Arithmetic, x: Number) -> Series:
    one = a.number(1)
    return [(one - x) * (one + x), x * -2, -one]


_HALF = Fraction(-1, 2)
_MINUS = Fraction(-1)

TAYLOR: Mapping[str, Callable[..., Series]] = {
    "exp": _exp,
    "log": _log,
    "sin": _cyclic(("sin", "cos"), (1, 1, -1, -1)),
    "cos": _cyclic(("cos", "sin"), (1, -1, -1, 1)),
    "sinh": _cyclic(("sinh", "cosh"), (1, 1, 1, 1)),
    "cosh": _cyclic(("cosh", "sinh"), (1, 1, 1, 1)),
    "atan": _from_derivative("atan", _one_plus_square, _MINUS),
    "atanh": _from_derivative("atanh", _one_minus_square, _MINUS),
    "asin": _from_derivative("asin", _one_minus_square, _HALF),
    "acos": _from_derivative("acos", _one_minus_square, _HALF, -1),
    "asinh": _from_derivative("asinh", _one_plus_square, _HALF),
    "acosh": _acosh,
    "erf": _error_function("erf", 1, -1),
    "erfc": _error_function("erfc", -1, -1),
    "erfi": _error_function("erfi", 1, 1),
    "gamma": _gamma(1),
    "rgamma": _gamma(-1),
    "loggamma": _loggamma,
    "polygamma": _polygamma,
    "zeta": _zeta,
    "LambertW": _lambert,
    "besselj": _bessel("besselj", -1, 1),
    "bessely": _bessel("bessely", -1, 1),
    "besseli": _bessel("besseli", 1, 1),
    "besselk": _bessel("besselk", 1, -1),
}
