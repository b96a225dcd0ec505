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

import geomkit.evaluate
from geomkit.errors import DomainError, EvaluationError
from geomkit.evaluate import (
    Balls,
    Digits,
    Evaluator,
    Jet,
    Jets,
    UndecidedError,
    evaluate,
    refine,
    settled,
)
from geomkit.evaluate.intervals import IntervalBalls
from geomkit.evaluate.monomials import monomials
from tests.mp_numbers import CONTEXT, number

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


# -- domains --------------------------------------------------------------------------------------
OUTSIDE = [
    (sympy.sqrt(x), -1), (x ** Rational(1, 3), -8), (sympy.log(x), 0), (sympy.log(x), -2),
    (1 / x, 0), (x ** Rational(-1, 2), 0), (sympy.asin(x), 2), (sympy.acos(x), -2),
    (sympy.acosh(x), 0), (sympy.atanh(x), 1), (sympy.acoth(x), 0), (sympy.asec(x), Rational(1, 2)),
    (sympy.gamma(x), -3), (sympy.loggamma(x), Rational(-1, 2)), (sympy.polygamma(0, x), 0),
    (sympy.polygamma(2, x), -1), (sympy.zeta(x), 1), (sympy.besselj(Rational(1, 2), x), -1),
    (sympy.bessely(0, x), 0), (sympy.besselk(1, x), -1), (sympy.LambertW(x), -1),
    (sympy.cot(x), 0), (sympy.coth(x), 0), (sympy.csch(x), 0), (sympy.Ci(x), -1),
    (sympy.elliptic_k(x), 2), (x**sympy.pi, -1), (sympy.atan2(x, x), 0),
    (sympy.DiracDelta(x), 0), (sympy.Piecewise((1, x > 3)), 1),
]  # fmt: skip


@pytest.mark.parametrize(("f", "point"), OUTSIDE, ids=str)
@pytest.mark.parametrize("arithmetic", [BALLS, Digits(30)], ids=["balls", "digits"])
def test_outside_the_real_domain_is_an_error_not_a_nan(f: Any, point: Any, arithmetic: Any) -> None:
    with pytest.raises(DomainError):
        evaluate(f, {x: point}, arithmetic)


@pytest.mark.parametrize(
    ("f", "point"),
    [
        (sympy.sqrt(x), 0),
        (sympy.Abs(x), 0),
        (sympy.sign(x), 0),
        (sympy.Heaviside(x), 0),
        (sympy.Max(x, 0), 0),
        (sympy.Piecewise((x, x > 0), (0, True)), 0),
        (sympy.asin(x), 1),
        (sympy.acosh(x), 1),
        (sympy.atan2(x, -1), 0),
    ],
    ids=str,
)
def test_jets_refuse_points_where_a_function_is_not_smooth(f: Any, point: Any) -> None:
    evaluate(f, {x: point}, BALLS)
    with pytest.raises(DomainError):
        evaluate(f, {x: point}, Jets(BALLS, [x], 1))


def test_a_ball_that_touches_the_edge_is_undecided_not_wrong() -> None:
    zero = sympy.sqrt(2) * sympy.sqrt(3, evaluate=False) - sympy.sqrt(6)
    edge = sympy.Add(sympy.sqrt(x), sympy.Mul(-1, sympy.sqrt(y)), evaluate=False)
    with pytest.raises(UndecidedError):
        evaluate(sympy.sqrt(edge), {x: 2, y: 2}, BALLS)
    assert zero == 0


def test_values_at_the_edge_itself() -> None:
    assert evaluate(sympy.sqrt(x), {x: 0}, BALLS).is_zero()
    assert evaluate(x ** Rational(1, 3), {x: 0}, BALLS).is_zero()
    assert evaluate(x**y, {x: 0, y: Rational(1, 3)}, BALLS).is_zero()
    assert evaluate(sympy.acosh(x), {x: 1}, BALLS).is_zero()
    assert evaluate(sympy.sign(x), {x: 0}, BALLS).is_zero()
    assert (evaluate(sympy.Heaviside(x), {x: 0}, BALLS) * 2).contains(1)
    assert evaluate(x**y, {x: -2, y: 3}, BALLS).contains(-8)
    assert evaluate(sympy.binomial(x, 2), {x: -1}, BALLS).contains(1)


def test_step_functions_of_wide_balls_are_wide() -> None:
    unsure = flint.arb(0, 1)
    sign = evaluate(sympy.sign(x), {x: unsure}, BALLS)
    assert all(sign.contains(value) for value in (-1, 0, 1))
    step = evaluate(sympy.Heaviside(x), {x: unsure}, BALLS)
    assert step.contains(0)
    assert step.contains(1)
    with pytest.raises(UndecidedError):
        evaluate(sympy.Piecewise((1, x > 0), (2, True)), {x: unsure}, BALLS)


def test_only_the_branch_that_holds_is_evaluated() -> None:
    f = sympy.Piecewise((sympy.log(-x), x < 0), (sympy.log(x), (x > 0) & (x < 5)), (7, True))
    assert evaluate(f, {x: -1}, BALLS).contains(0)
    assert evaluate(f, {x: 1}, BALLS).contains(0)
    assert evaluate(f, {x: 6}, BALLS).contains(7)


def test_conditions_in_three_valued_logic() -> None:
    below, above, edge = x < 1, x > 1, sympy.Eq(x, 1)
    nested = sympy.ITE(edge, below, above)
    point, unsure = {x: 2}, {x: flint.arb(1, 1)}
    for condition, value in [(below, 0), (above, 1), (edge, 0), (~edge, 1), (nested, 1)]:
        f = sympy.Piecewise((1, condition), (0, True))
        assert evaluate(f, point, BALLS).contains(value)
        with pytest.raises(UndecidedError):
            evaluate(f, unsure, BALLS)
    certain = sympy.Piecewise((1, above | (x > -5)), (0, True))
    assert evaluate(certain, unsure, BALLS).contains(1)


def test_a_condition_without_variables_may_be_an_equality_in_jets() -> None:
    f = sympy.Piecewise((x**2, sympy.Eq(y, 2)), (x, True))
    assert evaluate(f, {x: 3, y: 2}, Jets(BALLS, [x], 1)).derivative(0).contains(6)


# -- the walk -------------------------------------------------------------------------------------
def test_functions_and_derivatives_take_given_values() -> None:
    a = sympy.Function("a")(x)
    assert evaluate(a + a.diff(x) ** 2, {a: 5, a.diff(x): 3}, BALLS).contains(14)
    with pytest.raises(EvaluationError, match="no closed form"):
        evaluate(a.diff(x), {x: 1}, BALLS)
    with pytest.raises(EvaluationError, match="no value was given for a"):
        evaluate(a, {x: 1}, BALLS)


def test_a_user_function_named_like_a_known_one_is_not_that_one() -> None:
    gamma = sympy.Function("gamma")(x)
    with pytest.raises(EvaluationError):
        evaluate(gamma, {x: 1}, BALLS)


def test_derivatives_of_concrete_functions_are_worked_out() -> None:
    assert evaluate(sympy.Derivative(x**3, (x, 2)), {x: 2}, BALLS).contains(12)


@pytest.mark.parametrize(
    ("f", "message"),
    [(x + y, "no value was given for y"), (sympy.Float("0.5") * x, "1/2, not 0.5")],
)
def test_messages_name_the_trouble(f: Any, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        evaluate(f, {x: 1}, BALLS)


def test_floats_are_refused_as_values() -> None:
    with pytest.raises(EvaluationError, match="exact rational"):
        evaluate(x, {x: 0.5}, BALLS)


@pytest.mark.parametrize("bad", [sympy.I, sympy.oo, sympy.zoo, sympy.nan])
def test_what_is_not_a_real_number(bad: Any) -> None:
    with pytest.raises(DomainError):
        evaluate(bad, {}, BALLS)


def test_depth_is_no_limit() -> None:
    deep = x
    for _ in range(5000):  # five times Python's recursion limit
        deep = sympy.sin(deep, evaluate=False) + 1
    assert evaluate(deep, {x: 1}, Balls(64)).is_finite()


def test_common_subexpressions_are_evaluated_once() -> None:
    tower = x
    for _ in range(200):  # 2**200 terms when written out
        sine, cosine = (f(tower, evaluate=False) for f in (sympy.sin, sympy.cos))
        tower = sympy.Add(sine, cosine, evaluate=False)
    assert evaluate(tower, {x: 1}, Balls(1000)).is_finite()


@pytest.mark.parametrize("arithmetic", [BALLS, Digits(70)], ids=["balls", "digits"])
def test_global_precision_is_restored_even_after_an_error(arithmetic: Any) -> None:
    before = flint.ctx.prec, mpmath.mp.prec
    Evaluator({x: 2}, arithmetic)(sympy.sqrt(x))
    with pytest.raises(DomainError):
        evaluate(sympy.log(x), {x: -1}, arithmetic)
    assert (flint.ctx.prec, mpmath.mp.prec) == before


# -- jets, monomials, precision -------------------------------------------------------------------
def test_monomials_multiply() -> None:
    table = monomials(3, 4)
    for i, row in enumerate(table.products):
        for j, k in enumerate(row):
            total = [a + b for a, b in zip(table.exponents[i], table.exponents[j], strict=True)]
            assert list(table.exponents[k]) == total
    assert table.sizes == tuple(math.comb(3 + d, d) for d in range(5))


def test_jet_arithmetic_truncates_to_the_lower_order() -> None:
    ring = Jets(Digits(30), [x, y], 3)
    with ring.working():
        a, b = ring.seed(x, 2), ring.seed(y, 3)
        product: Jet = (a * a * b).diff(0) * b
        assert product.order == 2
        assert product.derivative(0, 1) == 12  # d_x d_y of 2 x y**2 at (2, 3)
        assert (1 - a).derivative(0) == -1
        assert (a**5).derivative(0, 0, 0) == 240
    with pytest.raises(ValueError, match="no derivative of order"):
        product.derivative(0, 0, 0)


def test_refine_raises_precision_until_zero_is_excluded() -> None:
    tiny = sympy.sqrt(1 + sympy.exp(-1000)) - 1  # about 1e-435: needs some 1500 bits
    ball = refine(lambda bits: evaluate(tiny, {}, Balls(bits)), enough=lambda b: not b.contains(0))
    assert ball > 0
    assert not refine(lambda bits: evaluate(tiny, {}, Balls(bits)), limit=256) > 0
    with pytest.raises(DomainError, match="undecided"):
        refine(
            lambda bits: evaluate(
                sympy.log(sympy.sin(sympy.pi / 7) - sympy.cos(5 * sympy.pi / 14)), {}, Balls(bits)
            )
        )


def test_settled() -> None:
    assert settled(flint.arb(1))
    assert settled(flint.arb(0, "1e-30"))
    assert settled(flint.arb(10**30, 10**6)) is True  # excludes zero
    assert not settled(flint.arb(0, "1e-10"))


def test_without_python_flint_intervals_take_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geomkit.evaluate, "find_spec", lambda name: None)
    balls = Balls(120)
    assert isinstance(balls, IntervalBalls)
    f = sympy.sqrt(x) * sympy.atan2(x, 3) + sympy.acosh(x) - sympy.tanh(x) ** Rational(1, 3)
    jet = evaluate(f, {x: 2}, Jets(balls, [x], 2))
    expected = evaluate(f.diff(x, 2), {x: 2}, Digits(30))
    assert abs(float(jet.derivative(0, 0)) - float(expected)) < 1e-15
    with pytest.raises(EvaluationError, match="python-flint"):
        evaluate(sympy.besselj(0, x), {x: 1}, balls)
    assert CONTEXT.dps == 250  # the oracles' context is not touched


def test_powers_of_balls_around_zero() -> None:
    # |u| + u is 0 for u < 0: a ball with midpoint 0, of which FLINT makes no power
    u = x - Rational(1, 1000)
    for exponent in (1, 2, 3, 4, 7):
        for sign in (1, -1):
            ball = evaluate((abs(u) + sign * u) ** exponent, {x: Rational(-sign, 3)}, BALLS)
            assert ball.contains(0)
            assert ball.is_finite()
            assert BALLS.power(flint.arb(0, 2), Fraction(exponent)).contains(2**exponent)
