"""geomkit.evaluate against mpmath: values, derivatives, containment, domains, branches."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import flint
import mpmath
import pytest
import sympy
from hypothesis import assume, given
from hypothesis import strategies as st
from sympy import Rational

from geomkit.errors import DomainError
from geomkit.evaluate import (
    Balls,
    Digits,
    Jets,
    evaluate,
)
from geomkit.evaluate.intervals import IntervalBalls
from tests.mp_numbers import number

x, y = sympy.symbols("x y", real=True)
BALLS = Balls(200)
mp = mpmath.mp.clone()
mp.dps = 120

INSIDE, ABOVE = [Rational(3, 8), Rational(-5, 8)], [Rational(21, 8)]
POSITIVE = [Rational(3, 8), Rational(21, 8)]
EVERYWHERE = [Rational(3, 8), Rational(-5, 3)]
Case = tuple[Any, Callable[[Any], Any], list[Rational]]


def exact(value: Rational) -> Any:
    return mp.mpf(int(value.p)) / int(value.q)


def named(names: str, points: list[Rational]) -> list[Case]:
    """Functions of one argument that SymPy and mpmath call the same."""
    return [(getattr(sympy, name)(x), getattr(mp, name), points) for name in names.split()]


def bessel(names: str, order: Rational, points: list[Rational]) -> list[Case]:
    """Bessel functions of one order."""
    return [
        (getattr(sympy, name)(order, x), partial(getattr(mp, name), exact(order)), points)
        for name in names.split()
    ]


#: (function of x, mpmath's own function, points). What geomkit derives from other functions (acoth
#: from atanh, beta from gamma, ...) is compared with mpmath's direct implementation.
CASES: list[Case] = [
    *named("exp sin cos tan cot sec csc sinh cosh tanh coth sech csch atan acot", EVERYWHERE),
    *named("asinh acsch erf erfc erfi gamma factorial airyai airybi", EVERYWHERE),
    *named("asin acos atanh", INSIDE),
    *named("acosh acoth", ABOVE),
    *named("asec acsc", [*ABOVE, Rational(-9, 4)]),
    *bessel("besselj besseli", Rational(2), EVERYWHERE),
    *bessel("besselj bessely besseli besselk", Rational(2, 3), POSITIVE),
    *bessel("bessely besselk", Rational(1), POSITIVE),
    (sympy.log(x), mp.log, POSITIVE),
    (sympy.asech(x), mp.asech, [Rational(3, 8)]),
    (sympy.loggamma(x), mp.loggamma, POSITIVE),
    (sympy.digamma(x), mp.digamma, EVERYWHERE),
    (sympy.trigamma(x), lambda t: mp.psi(1, t), EVERYWHERE),
    (sympy.polygamma(3, x), lambda t: mp.psi(3, t), EVERYWHERE),
    (sympy.zeta(x), mp.zeta, [Rational(21, 8), Rational(-5, 3)]),
    (sympy.zeta(3, x), lambda t: mp.zeta(3, t), POSITIVE),
    (sympy.zeta(Rational(7, 2), x), lambda t: mp.zeta(mp.mpf(7) / 2, t), POSITIVE),
    (sympy.beta(x, 2), lambda t: mp.beta(t, 2), POSITIVE),
    (sympy.binomial(x, Rational(1, 3)), lambda t: mp.binomial(t, mp.mpf(1) / 3), POSITIVE),
    (sympy.LambertW(x), mp.lambertw, [*POSITIVE, Rational(-1, 5)]),
    (sympy.LambertW(x, -1), lambda t: mp.lambertw(t, -1), [Rational(-1, 5)]),
    (sympy.Si(x), mp.si, EVERYWHERE),
    (sympy.Shi(x), mp.shi, EVERYWHERE),
    (sympy.Ei(x), mp.ei, EVERYWHERE),
    (sympy.Ci(x), mp.ci, POSITIVE),
    (sympy.Chi(x), mp.chi, POSITIVE),
    (sympy.airyaiprime(x), lambda t: mp.airyai(t, derivative=1), EVERYWHERE),
    (sympy.airybiprime(x), lambda t: mp.airybi(t, derivative=1), EVERYWHERE),
    (sympy.elliptic_k(x), mp.ellipk, INSIDE),
    (sympy.elliptic_e(x), mp.ellipe, INSIDE),
    (sympy.elliptic_e(x, Rational(1, 3)), lambda t: mp.ellipe(t, mp.mpf(1) / 3), EVERYWHERE),
    (sympy.elliptic_f(x, Rational(1, 3)), lambda t: mp.ellipf(t, mp.mpf(1) / 3), EVERYWHERE),
    (sympy.elliptic_pi(x, Rational(1, 3)), lambda t: mp.ellippi(t, mp.mpf(1) / 3), INSIDE),
    (sympy.lowergamma(Rational(4, 3), x), lambda t: mp.gammainc(mp.mpf(4) / 3, 0, t), POSITIVE),
    (sympy.uppergamma(Rational(4, 3), x), lambda t: mp.gammainc(mp.mpf(4) / 3, t), POSITIVE),
    (x ** Rational(2, 3), lambda t: mp.root(t, 3) ** 2, POSITIVE),
    (x ** Rational(-5, 2), lambda t: mp.sqrt(t) ** -5, POSITIVE),
    (x**-3, lambda t: t**-3, EVERYWHERE),
    (x**sympy.pi, lambda t: t**mp.pi, POSITIVE),
    (2**x, lambda t: mp.mpf(2) ** t, EVERYWHERE),
    (x**x, lambda t: t**t, POSITIVE),
    (sympy.Abs(x), abs, EVERYWHERE),
    (sympy.Max(x, 2 * x), lambda t: max(t, 2 * t), EVERYWHERE),
    (sympy.Min(x, x**2), lambda t: min(t, t**2), [Rational(3, 8), Rational(21, 8)]),
    (sympy.atan2(x, -2), lambda t: mp.atan2(t, -2), EVERYWHERE),
    (sympy.atan2(1, x), lambda t: mp.atan2(1, t), EVERYWHERE),
    (sympy.Piecewise((x**2, x < 1), (x, True)), lambda t: t**2 if t < 1 else t, POSITIVE),
]
POINTS = [(f, reference, p) for f, reference, points in CASES for p in points]
IDS = [f"{f}@{p}" for f, _, p in POINTS]


def as_mpf(ball: Any) -> Any:
    """The midpoint of a ball, exactly."""
    numerator, denominator = ball.mid().fmpq().p, ball.mid().fmpq().q
    return mp.mpf(int(numerator)) / int(denominator)


def assert_contains(ball: Any, reference: Any, accuracy: Any = 0) -> None:
    """The ball contains a number that is itself only known up to `accuracy`."""
    radius = as_mpf(ball.rad()) * (1 + mp.mpf(2) ** -20)  # rad() rounds to nearest when printed
    distance = abs(as_mpf(ball) - mp.mpf(reference))
    assert distance <= radius + accuracy, f"{ball} misses {mpmath.nstr(reference, 30)}"


#: mpmath's functions are accurate to about the last of their 120 digits
REFERENCE = mp.mpf(10) ** -100


@pytest.mark.parametrize(("f", "reference", "point"), POINTS, ids=IDS)
def test_balls_contain_the_value_and_are_narrow(f: Any, reference: Any, point: Rational) -> None:
    value = reference(exact(point))
    ball = evaluate(f, {x: point}, BALLS)
    assert_contains(ball, value, REFERENCE * max(1, abs(value)))
    # 200 bits are 60 digits; special functions may lose some
    assert ball.rad() < 1e-45


@pytest.mark.parametrize(("f", "reference", "point"), POINTS, ids=IDS)
def test_digits_agree_with_mpmath(f: Any, reference: Any, point: Rational) -> None:
    value = reference(exact(point))
    found = evaluate(f, {x: point}, Digits(60))
    # 60 digits, less a few lost in composed functions
    assert abs(mp.mpf(found) - value) <= mp.mpf(10) ** -50 * max(1, abs(value))


@pytest.mark.parametrize(("f", "reference", "point"), POINTS, ids=IDS)
def test_jets_agree_with_numerical_derivatives(f: Any, reference: Any, point: Rational) -> None:
    jet = evaluate(f, {x: point}, Jets(BALLS, [x], 4))
    for order in range(5):
        # central differences by hand with step 1e-18 at 120 digits: error about 1e-36, noise 1e-48
        step, nodes = mp.mpf(10) ** -18, range(-order, order + 1, 2)
        total = mp.mpf(0)
        for i, node in enumerate(reversed(nodes)):
            total += (-1) ** i * math.comb(order, i) * reference(exact(point) + node * step)
        value = total / (2 * step) ** order
        assert_contains(jet.derivative(*[0] * order), value, mp.mpf(10) ** -28 * max(1, abs(value)))


@pytest.mark.parametrize(
    "f",
    [
        sympy.atan2(x * y, x - y),
        sympy.beta(x, y),
        sympy.elliptic_f(x, y / 2),
        sympy.elliptic_pi(x / 4, x, y / 2),
        sympy.besselj(2, x * y) * sympy.exp(x - y),
        (x + y) ** (x * y),
        sympy.Max(x, y) ** 3,
    ],
)
def test_jets_in_two_variables_agree_with_symbolic_derivatives(f: Any) -> None:
    point = {x: Rational(5, 4), y: Rational(2, 3)}
    jet = evaluate(f, point, Jets(BALLS, [x, y], 3))
    for indices in [(0,), (1,), (0, 0), (0, 1), (1, 1), (0, 0, 1), (0, 1, 1)]:
        derivative = f
        for i in indices:
            derivative = sympy.diff(derivative, (x, y)[i])
        with BALLS.working():
            difference = jet.derivative(*indices) - evaluate(derivative, point, BALLS)
        assert difference.contains(0)
        assert difference.rad() < 1e-40  # 60 digits, less what SymPy's long formulas lose


@pytest.mark.parametrize(("f", "reference", "point"), POINTS, ids=IDS)
@pytest.mark.parametrize("width", [Rational(1, 10**6), Rational(1, 7)], ids=["thin", "thick"])
def test_balls_and_jets_of_wide_balls_contain_what_lies_inside(
    f: Any, reference: Any, point: Rational, width: Rational
) -> None:
    with BALLS.working():
        around = BALLS.number(point) + flint.arb(0, 1) * BALLS.number(width)
    inside = {x: point + width * Rational(7, 8)}
    try:
        wide = evaluate(f, {x: around}, Jets(BALLS, [x], 2))
        thin = evaluate(f, inside, Jets(BALLS, [x], 2))
    except DomainError:
        assert width == Rational(1, 7)  # thick balls may reach a pole or a kink
        return
    for order in range(3):
        found, expected = (jet.derivative(*[0] * order) for jet in (wide, thin))
        assert found.contains(expected)


def test_incomplete_elliptic_integrals_across_their_period() -> None:
    m, z = Rational(1, 3), flint.arb("1.57", "0.1")  # pi/2 lies inside
    for f in (sympy.elliptic_f(x, m), sympy.elliptic_e(x, m), sympy.elliptic_pi(m, x, m)):
        for inside in (Rational(3, 2), Rational(8, 5)):
            try:
                assert evaluate(f, {x: z}, BALLS).contains(evaluate(f, {x: inside}, BALLS))
            except DomainError:
                continue


@pytest.mark.parametrize("constant", ["pi", "E", "EulerGamma", "Catalan", "GoldenRatio"])
def test_constants(constant: str) -> None:
    reference = sympy.N(getattr(sympy, constant), 110)
    assert_contains(
        evaluate(getattr(sympy, constant), {}, BALLS), mp.mpf(str(reference)), REFERENCE
    )
    assert abs(evaluate(getattr(sympy, constant), {}, Digits(50)) - mp.mpf(str(reference))) < 1e-48


# -- random trees ---------------------------------------------------------------------------------
@st.composite
def trees(draw: Any, depth: int = 4) -> Any:
    """Expressions in x and y that are real for all real x, y (where no denominator vanishes)."""
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        rational = st.fractions(min_value=-3, max_value=3, max_denominator=7).map(
            lambda q: Rational(q.numerator, q.denominator)
        )
        return draw(st.one_of(st.sampled_from([x, y, sympy.pi]), rational))
    a = draw(trees(depth - 1))
    one_argument = [
        sympy.sin, sympy.cos, sympy.atan, sympy.tanh, sympy.Abs, sympy.asinh, sympy.erf,
        lambda u: sympy.exp(sympy.sin(u)),
        lambda u: sympy.sqrt(1 + u**2),
        lambda u: sympy.log(2 + u**2),
        lambda u: (1 + u**2) ** Rational(-2, 3),
        lambda u: sympy.gamma(sympy.sqrt(1 + u**2) / (2 + sympy.Abs(u)) + 1),
        lambda u: u**3,
    ]  # fmt: skip
    two_arguments = [
        lambda u, v: u + v,
        lambda u, v: u - v,
        lambda u, v: u * v,
        lambda u, v: u / (1 + v**2),
        lambda u, v: sympy.Max(u, v),
        lambda u, v: sympy.Piecewise((u, x > y), (v - 1, True)),
    ]
    if draw(st.booleans()):
        return draw(st.sampled_from(one_argument))(a)
    return draw(st.sampled_from(two_arguments))(a, draw(trees(depth - 1)))


def reference_value(tree: Any, point: dict[Any, Any]) -> Any:
    """The value by the evaluator of the oracles (250 digits), Piecewise by hand."""
    for piece in sympy.postorder_traversal(tree):
        if isinstance(piece, sympy.Piecewise):
            (a, condition), (b, _) = piece.args
            holds = number(condition.gts, point) > number(condition.lts, point)
            return reference_value(tree.xreplace({piece: a if holds else b}), point)
    return number(tree, point)


@given(trees(), st.fractions(-2, 2, max_denominator=50), st.fractions(-2, 2, max_denominator=50))
def test_a_ball_contains_the_value_of_a_random_expression(
    tree: Any, first: Fraction, second: Fraction
) -> None:
    point = {x: Rational(first), y: Rational(second)}
    try:
        ball = evaluate(tree, point, Balls(150))
    except DomainError:
        # only where two sides of a Piecewise agree
        assume(False)
    value = mp.mpf(reference_value(tree, point))
    assert_contains(ball, value, REFERENCE * max(1, abs(value)))


@given(trees(3), st.fractions(-2, 2, max_denominator=50), st.fractions(-2, 2, max_denominator=50))
def test_jets_of_a_random_expression_enclose_symbolic_derivatives(
    tree: Any, first: Fraction, second: Fraction
) -> None:
    point = {x: Rational(first), y: Rational(second)}
    try:
        ring = Jets(BALLS, [x, y], 2)
        with ring.working():
            jet = ring.as_jet(evaluate(tree, point, ring))
        for indices in [(0,), (1,), (0, 1), (1, 1)]:
            derivative = tree
            for i in indices:
                derivative = sympy.diff(derivative, (x, y)[i])
            if derivative.has(sympy.Derivative, sympy.nan, sympy.zoo):
                continue
            assert (jet.derivative(*indices) - evaluate(derivative, point, BALLS)).contains(0)
    except DomainError:
        assume(False)


@given(trees(3))
def test_intervals_overlap_balls(tree: Any) -> None:
    point = {x: Rational(2, 3), y: Rational(-3, 7)}
    assume(not tree.has(sympy.gamma, sympy.erf))
    try:
        ball = evaluate(tree, point, Balls(100))
        interval = evaluate(tree, point, IntervalBalls(100))
    except DomainError:
        assume(False)
    low, high = mp.mpf(interval.value.a.mid), mp.mpf(interval.value.b.mid)
    middle, radius = as_mpf(ball), as_mpf(ball.rad())
    assert low <= middle + radius
    assert high >= middle - radius
