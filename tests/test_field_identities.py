"""Identities that the normal form must see: both sides become the same element."""

from __future__ import annotations

import pytest
import sympy as sp
from sympy import (
    Abs,
    E,
    Function,
    GoldenRatio,
    Heaviside,
    LambertW,
    Max,
    Min,
    Piecewise,
    Rational,
    acosh,
    asin,
    asinh,
    atan,
    atan2,
    besselj,
    besselk,
    cos,
    cosh,
    coth,
    digamma,
    erf,
    erfc,
    exp,
    gamma,
    log,
    loggamma,
    pi,
    polygamma,
    sech,
    sign,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
)

from geomkit.domain import Box, Domain
from geomkit.field import Element, Field, decide_zero

x, y = sp.symbols("x y", real=True)
theta = sp.Symbol("theta", real=True)
r, M, a, t, u, k, n = sp.symbols("r M a t u k n", positive=True)
f, h = Function("f"), Function("h")
DOMAIN = Domain(
    (
        Box(M, Rational(1, 2), sp.Integer(2)),
        Box(a, Rational(1, 10), Rational(2, 5)),
        Box(u, Rational(11, 10), sp.Integer(3)),
        Box(k, Rational(1, 2), sp.Integer(2)),
        Box(n, Rational(1, 2), sp.Integer(2)),
        Box(r, 3 * M, 10 * M),
        Box(t, Rational(1, 2), sp.Integer(2)),
        Box(x, sp.Integer(-2), sp.Integer(2)),
        Box(y, sp.Integer(-2), sp.Integer(2)),
        Box(theta, Rational(2, 5), Rational(13, 5)),
    )
)
KASNER = (-u / (1 + u + u**2), (1 + u) / (1 + u + u**2), u * (1 + u) / (1 + u + u**2))

IDENTITIES = {
    "trigonometric": [
        (sin(2 * theta), 2 * sin(theta) * cos(theta)),
        (cos(2 * theta), cos(theta) ** 2 - sin(theta) ** 2),
        (sin(3 * x), 3 * sin(x) - 4 * sin(x) ** 3),
        (tan(theta / 2), sin(theta) / (1 + cos(theta))),
        (sin(x + y), sin(x) * cos(y) + cos(x) * sin(y)),
        (cos(x - y) * cos(x + y), cos(x) ** 2 - sin(y) ** 2),
        (sin(x) ** 4, (3 - 4 * cos(2 * x) + cos(4 * x)) / 8),
        (sin(x + pi / 3), sin(x) / 2 + sqrt(3) / 2 * cos(x)),
        (cos(pi / 5), (1 + sqrt(5)) / 4),
        (cos(pi / 7) - cos(2 * pi / 7) + cos(3 * pi / 7), Rational(1, 2)),
        (1 / cos(pi / 7) * sin(2 * pi / 7), 2 * sin(pi / 7)),
        (cos(x + pi / 9), cos(x) * cos(pi / 9) - sin(x) * sin(pi / 9)),
        (sin(x) ** 2 / (1 - cos(x)), 1 + cos(x)),
        (sin(2 * atan(x)), 2 * x / (1 + x**2)),
        (tan(atan(x) + atan(y)), (x + y) / (1 - x * y)),
    ],
    "hyperbolic and exponential": [
        (cosh(2 * x), 2 * cosh(x) ** 2 - 1),
        (tanh(x), (exp(2 * x) - 1) / (exp(2 * x) + 1)),
        (sinh(x) + cosh(x), exp(x)),
        (coth(r) * tanh(r), sp.Integer(1)),
        (sech(x) ** 2, 1 - tanh(x) ** 2),
        (exp(2 * sqrt(2) * a * x), exp(sqrt(2) * a * x) ** 2),
        (exp(x + 1), E * exp(x)),
        (exp(x / 2) ** 2, exp(x)),
        (sqrt(exp(3 * x) + exp(2 * x)), exp(x) * sqrt(1 + exp(x))),
        (exp(n * log(r)), r**n),
        (exp(x * log(2)), 2**x),
        (exp(asinh(x)), x + sqrt(x**2 + 1)),
        (cosh(2 * acosh(r)), 2 * r**2 - 1),
        (tanh(log(r)), (r**2 - 1) / (r**2 + 1)),
        (sinh(log(2 + sin(x))), (2 + sin(x) - 1 / (2 + sin(x))) / 2),
        (exp(2 * sp.atanh(x / 3)), (3 + x) / (3 - x)),
        (exp(asinh(sin(x))), sin(x) + sqrt(1 + sin(x) ** 2)),
        (log(6 * r), log(2) + log(3) + log(r)),
        (log(sqrt(r)), log(r) / 2),
        (log(exp(x)), x),
        (LambertW(r) * exp(LambertW(r)), r),
        (exp(-2 * LambertW(x)), (LambertW(x) / x) ** 2),
    ],
    "roots and powers": [
        (sqrt(r**2 + 2 * r + 1), r + 1),
        (sqrt(x**2 + 2 * x + 1), Abs(x + 1)),
        (sqrt(r**2 - 2 * M * r), sqrt(r) * sqrt(r - 2 * M)),
        (
            (x**2 + y**2 + 1) ** Rational(-3, 4) * (x**2 + y**2 + 1) ** Rational(7, 4),
            x**2 + y**2 + 1,
        ),
        ((r**2 + 1) ** Rational(6, 5) / (r**2 + 1) ** Rational(1, 5), r**2 + 1),
        (2 ** Rational(2, 3) * 2 ** Rational(1, 3), sp.Integer(2)),
        (sqrt(6), sqrt(2) * sqrt(3)),
        (1 / (1 + sqrt(2)), sqrt(2) - 1),
        (1 / (sqrt(r) + sqrt(M)), (sqrt(r) - sqrt(M)) / (r - M)),
        (1 / (r ** Rational(1, 3) + 1), (r ** Rational(2, 3) - r ** Rational(1, 3) + 1) / (r + 1)),
        (sqrt(1 + sqrt(r)) ** 2, 1 + sqrt(r)),
        (sqrt(1 - sin(theta) ** 2), Abs(cos(theta))),
        (sqrt(1 - cos(theta) ** 2), sin(theta)),
        (sqrt(1 + sinh(x) ** 2), cosh(x)),
        (t ** (2 * KASNER[0]) * t ** (2 * KASNER[1]) * t ** (2 * KASNER[2]), t**2),
        (r**n * r ** (2 - n), r**2),
        ((r * M) ** n, r**n * M**n),
        (r**x / r ** (x - 1), r),
        (6**x, 2**x * 3**x),
        (GoldenRatio**2, GoldenRatio + 1),
    ],
    "absolute values": [
        (sqrt(x**2), Abs(x)),
        (Abs(x * y), Abs(x) * Abs(y)),
        (sign(x) * Abs(x), x),
        (Abs(sin(theta)), sin(theta)),
        (Max(x, y) + Min(x, y), x + y),
        (Max(x, y) * Min(x, y), x * y),
        (Piecewise((x, r > 0), (y, True)), x),
        (Heaviside(r), sp.Integer(1)),
        ((x**2) ** Rational(1, 4), sqrt(Abs(x))),
    ],
    "derivatives": [
        (atan(x).diff(x), 1 / (1 + x**2)),
        (asinh(x).diff(x), 1 / sqrt(1 + x**2)),
        (asin(sin(theta)).diff(theta), sign(cos(theta))),
        (atan2(y, x).diff(x), -y / (x**2 + y**2)),
        (f(x**2 + y**2).diff(x) * y, f(x**2 + y**2).diff(y) * x),
        (f(x * y).diff(x, y), f(x * y).diff(y, x)),
        (h(x, y).diff(x, y), h(x, y).diff(y).diff(x)),
    ],
    "special functions": [
        (polygamma(1, k + 1), polygamma(1, k) - 1 / k**2),
        (gamma(k + 2), k * (k + 1) * gamma(k)),
        (loggamma(k + 1), loggamma(k) + log(k)),
        (digamma(k + 3), digamma(k) + 1 / k + 1 / (k + 1) + 1 / (k + 2)),
        (besselj(2, r), 2 / r * besselj(1, r) - besselj(0, r)),
        (besselj(0, r).diff(r), -besselj(1, r)),
        (besselk(1, r).diff(r), -besselk(0, r) - besselk(1, r) / r),
        (erf(r).diff(r), 2 / sqrt(pi) * exp(-(r**2))),
        (erfc(x), 1 - erf(x)),
    ],
}
PAIRS = [(left, right) for pairs in IDENTITIES.values() for left, right in pairs]


def element(expression: sp.Expr) -> Element:
    return Field((x, y, r, theta, t, M, k), domain=DOMAIN, expressions=(expression,))(expression)


@pytest.mark.parametrize(("left", "right"), PAIRS, ids=str)
def test_identity_is_seen(left: sp.Expr, right: sp.Expr) -> None:
    # evaluate=False: SymPy must not find the identity for us
    assert element(sp.Add(left, -right, evaluate=False)).is_zero


@pytest.mark.parametrize(("left", "right"), PAIRS, ids=str)
def test_a_wrong_identity_is_refuted(left: sp.Expr, right: sp.Expr) -> None:
    """Off by one part in a thousand: the normal form is not zero, and a ball proves it."""
    wrong = element(sp.Add(left, -right * Rational(1001, 1000), evaluate=False))
    decision = decide_zero(wrong)
    assert not wrong.is_zero
    assert (decision.value, decision.proof) == (False, "exact")
