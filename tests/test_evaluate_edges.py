"""Where values and derivatives end: domains, branches, conditions, names, messages, precision."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import flint
import mpmath
import pytest
import sympy
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
from tests.mp_numbers import CONTEXT
from tests.test_evaluate import BALLS, x, y

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
