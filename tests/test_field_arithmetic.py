"""Arithmetic, derivation and growth of the field, against mpmath and against SymPy's own ring."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from geomkit.domain import Box, Domain
from geomkit.errors import BudgetError, FieldError
from geomkit.field import Budget, Element, Field, RefinementError, decide_zero, polynomial

x, y = sp.symbols("x y", real=True)
r, p = sp.symbols("r p", positive=True)
DOMAIN = Domain(
    (
        Box(p, sp.Rational(1, 2), sp.Integer(2)),
        Box(r, sp.Rational(1, 2), sp.Integer(3)),
        Box(x, sp.Integer(-1), sp.Integer(1)),
        Box(y, sp.Integer(-1), sp.Integer(1)),
    )
)
POINT = {x: sp.Rational(3, 7), y: sp.Rational(-2, 9), r: sp.Rational(11, 8), p: sp.Rational(5, 6)}
# 60 digits of work, expressions of a few dozen operations: 40 correct digits are left at least.
DIGITS, TOLERANCE = 60, sp.Float("1e-40", 60)

ATOMS = [
    x, y, r, sp.Integer(2), sp.Rational(-3, 5), sp.sin(x), sp.cos(x), sp.exp(x - y), sp.sqrt(r),
    sp.sqrt(1 + x**2), r**p, sp.log(r), sp.sinh(y), sp.cbrt(2), sp.atan(x), sp.tan(y / 2),
]  # fmt: skip


@st.composite
def expressions(draw: st.DrawFn) -> sp.Expr:
    parts = draw(st.lists(st.sampled_from(ATOMS), min_size=2, max_size=4))
    result = parts[0]
    for part in parts[1:]:
        operation = draw(st.sampled_from(["+", "*", "/", "-"]))
        if operation == "/":
            result = result / (part**2 + 1)
        else:
            result = {"+": result + part, "*": result * part, "-": result - part}[operation]
    return result


def build(*given_expressions: sp.Expr) -> Field:
    return Field((x, y, r), domain=DOMAIN, expressions=given_expressions)


def number(expression: sp.Expr) -> sp.Float:
    return sp.N(expression.subs(POINT), DIGITS)


@given(expressions())
def test_conversion_keeps_the_value(expression: sp.Expr) -> None:
    shown = build(expression)(expression).to_sympy()
    assert abs(number(shown) - number(expression)) < TOLERANCE * (1 + abs(number(expression)))


@given(expressions(), st.sampled_from([x, y, r]))
def test_derivative_is_the_slope(expression: sp.Expr, symbol: sp.Symbol) -> None:
    slope = build(expression)(expression).diff(symbol).to_sympy()
    others = {s: v for s, v in POINT.items() if s != symbol}
    with mpmath.workdps(50):
        function = sp.lambdify(symbol, expression.subs(others), "mpmath")
        place = mpmath.mpf(int(POINT[symbol].p)) / int(POINT[symbol].q)
        expected = mpmath.diff(function, place)
        # mpmath.diff is a difference quotient: about a third of the 50 digits hold
        assert abs(mpmath.mpf(number(slope)) - expected) < mpmath.mpf("1e-12") * (1 + abs(expected))


@given(expressions(), expressions(), expressions())
def test_ring_laws(one: sp.Expr, two: sp.Expr, three: sp.Expr) -> None:
    field = build(one, two, three)
    a, b, c = field(one), field(two), field(three)
    assert a * (b + c) == a * b + a * c
    assert (a * b) * c == a * (b * c)
    assert a - a == 0
    assert (a * b).diff(x) == a.diff(x) * b + a * b.diff(x)
    if not b.is_zero:
        assert (a / b) * b == a
        assert b**-2 * b**2 == 1


@given(expressions())
def test_both_rings_agree(expression: sp.Expr) -> None:
    """Where python-flint is missing SymPy's ring gives the very same normal forms."""
    fast = build(expression)(expression)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(polynomial, "flint_available", lambda: False)
        slow_field = build(expression)
        slow = slow_field(expression)
        assert not isinstance(slow_field.ring, polynomial.FlintRing)
        assert slow.to_sympy() == fast.to_sympy()
        assert slow.diff(x).to_sympy() == fast.diff(x).to_sympy()


def test_elements_survive_the_growth_of_their_field() -> None:
    f = sp.Function("f")
    field = build(f(x, y), sp.sin(x))
    early = field(sp.sin(x)) / field(f(x, y))
    slope = early.diff(y)  # adjoins the derivatives of f
    later = field(sp.exp(r) + sp.log(x**2 + 1))
    assert slope + early - slope == early
    assert -slope + slope == 0
    assert (later * slope) / later == slope


def test_composite_functions_are_recognised_by_value() -> None:
    f = sp.Function("f")
    field = build(f((x + y) ** 2), f(x**2 + 2 * x * y + y**2))
    assert field(f((x + y) ** 2)) == field(f(x**2 + 2 * x * y + y**2))


def test_a_fraction_of_an_angle_needs_a_new_field() -> None:
    field = build(sp.sin(x))
    with pytest.raises(RefinementError, match="name the expression"):
        field(sp.sin(x / 2))
    field = build(sp.sin(x), sp.sin(x / 2))
    assert field(sp.sin(x)) == 2 * field(sp.sin(x / 2)) * field(sp.cos(x / 2))


def test_a_fraction_of_an_exponent_does_not() -> None:
    field = build(sp.exp(x), sp.sqrt(r), r**p)
    assert field(sp.exp(x / 2)) ** 2 == field(sp.exp(x))
    assert field(r ** sp.Rational(1, 6)) ** 3 == field(sp.sqrt(r))
    assert field(r ** (p / 2)) ** 2 == field(r**p)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        (sp.Float(0.5) * x, "float"),
        (sp.I * x, "complex"),
        (sp.floor(x), "derivative"),
        (1 / (sp.sin(x) ** 2 + sp.cos(x) ** 2 - 1), "zero"),
        ((x + 1) ** 5000, "expanded"),
        (sp.sqrt(-1 - x**2), "negative"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_named(expression: sp.Expr, reason: str) -> None:
    with pytest.raises(FieldError, match=reason):
        build(expression)(expression).diff(x)


def test_sign_of_an_even_power_is_not_assumed() -> None:
    n = sp.Symbol("n", integer=True, positive=True)
    field = build()
    with pytest.raises(FieldError, match="sign is open"):
        field(x**n)
    assert field(sp.sqrt(x**2)) != field(x)


def test_wrong_branch_is_refuted_by_a_ball() -> None:
    decision = decide_zero(build(sp.sqrt(x**2))(sp.sqrt(x**2) - x))
    assert (decision.value, decision.proof) == (False, "exact")
    assert decision.point is not None
    assert decision.point[x] < 0


def test_zero_that_the_normal_form_misses_is_only_numeric() -> None:
    nested = sp.sqrt(3 + 2 * sp.sqrt(2)) - 1 - sp.sqrt(2)
    decision = decide_zero(build(nested)(nested))
    assert (decision.value, decision.proof) == (True, "numeric")


def test_undecided_where_nothing_can_be_evaluated() -> None:
    bad = sp.sqrt(r - 5) * x  # not real on the domain, r <= 3
    with pytest.raises(FieldError, match="negative"):
        build(bad)(bad)
    open_sign = sp.log(sp.sin(1000 * r) - 1) * x + y  # never real: sin <= 1
    assert decide_zero(build(open_sign)(open_sign)).value is None


def test_budget_ends_a_large_product() -> None:
    symbols = sp.symbols("a0:12", real=True)
    field = Field(symbols, budget=Budget(0.5))
    with pytest.raises(BudgetError, match="budget"):
        field((sp.Add(*symbols, *[s**2 for s in symbols]) + 1) ** 40)


def test_terms_are_limited_without_a_time_budget() -> None:
    symbols = sp.symbols("a0:12", real=True)
    field = Field(symbols, budget=Budget(max_terms=1000))
    with pytest.raises(BudgetError, match="1000"):
        field((sp.Add(*symbols) + 1) ** 8)


def test_rational_constants() -> None:
    field = build()
    assert field(sp.Rational(3, 4)).as_rational() == Fraction(3, 4)
    assert field(x).as_rational() is None
    assert isinstance(field.zero, Element)
    assert field.zero.as_rational() == 0
