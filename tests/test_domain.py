"""Boxes, their enclosures and the points drawn from them."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from geomkit.domain import Box, Domain
from geomkit.errors import DomainError, MetricError
from geomkit.intervals import enclose

M = sympy.Symbol("M", positive=True)
A = sympy.Symbol("a", real=True)
R = sympy.Symbol("r", positive=True)
HALF = sympy.Rational(1, 2)


def kerr_box() -> Domain:
    return Domain(
        (
            Box(M, HALF, sympy.Integer(2)),
            Box(A, M / 10, 9 * M / 10),
            Box(R, M + sympy.sqrt(M**2 - A**2) + HALF, 10 * M),
        )
    )


def test_bounds_are_outer_and_exact_for_rational_boxes() -> None:
    domain = kerr_box()
    assert domain.bounds(A) == (sympy.Rational(1, 20), sympy.Rational(9, 5))
    lo, hi = domain.bounds(R)
    # M**2 - a**2 by intervals is [1/4 - 81/25, 4 - 1/400]; a root is not negative
    assert lo == 1
    assert hi == 20


def test_dependent_boxes_are_honoured() -> None:
    for point in kerr_box().sample(50):
        m, a, r = point[M], point[A], point[R]
        assert m / 10 < a < 9 * m / 10
        assert float(m) + (float(m) ** 2 - float(a) ** 2) ** 0.5 + 0.5 < r < 10 * m


def test_sampling_is_deterministic_and_nested() -> None:
    domain = kerr_box()
    assert domain.sample(5, seed=3) == domain.sample(5, seed=3)
    assert domain.sample(9, seed=3)[:5] == domain.sample(5, seed=3)
    assert domain.sample(5, seed=3) != domain.sample(5, seed=4)


def test_denominators_are_modest() -> None:
    for point in kerr_box().sample(50):
        assert all(value.q <= 2**4 * 137 for value in point.values())


def test_accept_and_attempts() -> None:
    domain = kerr_box()
    large = domain.sample(4, accept=lambda point: point[M] > 1)
    assert len(large) == 4
    assert all(point[M] > 1 for point in large)
    with pytest.raises(DomainError, match=r"none of 10 sample points .*M in \[1/2, 2\]"):
        domain.sample(1, accept=lambda _: False, attempts=10)
    assert domain.sample(0) == []


def test_integers_are_drawn_from_the_closed_box() -> None:
    n = sympy.Symbol("n", integer=True, positive=True)
    domain = Domain((Box(n, sympy.Integer(1), sympy.Integer(3), integer=True),))
    assert {int(point[n]) for point in domain.sample(60)} == {1, 2, 3}


def test_nonzero_symbols_are_never_zero() -> None:
    k = sympy.Symbol("k", integer=True, nonzero=True)
    domain = Domain((Box(k, sympy.Integer(-1), sympy.Integer(1), integer=True),))
    assert {int(point[k]) for point in domain.sample(40)} == {-1, 1}


@pytest.mark.parametrize(
    ("lower", "upper", "integer", "positive", "negative"),
    [
        (0, 1, False, True, False),
        (-1, 0, False, False, True),
        (0, 3, True, False, False),
        (1, 3, True, True, False),
        (-3, 0, True, False, False),
        (-1, 1, False, False, False),
    ],
)
def test_signs(lower: int, upper: int, integer: bool, positive: bool, negative: bool) -> None:
    x = sympy.Symbol("x", real=True)
    domain = Domain((Box(x, sympy.Integer(lower), sympy.Integer(upper), integer),))
    assert domain.is_positive(x) is positive
    assert domain.is_negative(x) is negative


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([(R, 3, 2)], "the bounds are reversed"),
        ([(R, 2, 2)], "it has no interior"),
        ([(R, 2 * M, 3)], "uses M, without box"),
        ([(M, 1, 2), (R, 0, 1 / (M - 1))], "not finite on the earlier boxes"),
        ([(M, 1, sympy.oo)], "give finite bounds"),
        ([(M, 1, 2), (M, 1, 2)], "two boxes"),
        ([(M, 1, 2), (R, 10 * M, 3 * M)], "reversed"),
    ],
)
def test_bad_boxes(boxes: list[tuple[object, object, object]], message: str) -> None:
    with pytest.raises(MetricError, match=message):
        Domain(tuple(Box(s, sympy.sympify(lo), sympy.sympify(hi)) for s, lo, hi in boxes))


def test_unknown_symbol() -> None:
    with pytest.raises(DomainError, match="x has no box"):
        kerr_box().bounds(sympy.Symbol("x"))


X, Y = sympy.symbols("x y", real=True)
FORMULAS = [
    X * Y - 3 * X,
    (X + Y) ** 3,
    X**2 / (5 + Y**2),
    sympy.sqrt(4 + X) * Y,
    (4 + X) ** sympy.Rational(1, 3),
    (4 + X) ** sympy.Rational(-3, 2),
    sympy.exp(X) * sympy.sin(Y),
    sympy.cos(X + Y) + sympy.pi * X,
    sympy.log(4 + X) - sympy.Abs(Y),
    sympy.Max(X, Y) + sympy.Min(X, 2),
]
UNIT = st.fractions(min_value=-2, max_value=2, max_denominator=40)


@given(st.sampled_from(FORMULAS), st.lists(UNIT, min_size=6, max_size=6))
def test_enclosures_enclose(formula: sympy.Expr, numbers: list[Fraction]) -> None:
    a, b, c, d, s, t = numbers
    boxes = {X: (min(a, b), max(a, b)), Y: (min(c, d), max(c, d))}
    interval = enclose(formula, boxes)
    assert interval is not None
    weights = {X: (s + 2) / 4, Y: (t + 2) / 4}
    point = {z: lo + (hi - lo) * weights[z] for z, (lo, hi) in boxes.items()}
    values = {z: sympy.Rational(v.numerator, v.denominator) for z, v in point.items()}
    # 40 digits: an independent evaluation, far sharper than the enclosures, which are doubles
    value = formula.xreplace(values).evalf(40)
    slack = sympy.Float("1e-30", 40)
    assert sympy.Rational(*interval[0].as_integer_ratio()) - slack <= value
    assert value <= sympy.Rational(*interval[1].as_integer_ratio()) + slack


@pytest.mark.parametrize("formula", [1 / X, sympy.log(X), sympy.Function("f")(X), X**Y])
def test_what_cannot_be_enclosed(formula: sympy.Expr) -> None:
    box = (Fraction(-1), Fraction(1))
    assert enclose(formula, {X: box, Y: box}) is None
