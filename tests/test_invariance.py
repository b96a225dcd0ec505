"""Scalars are invariant, tensors covariant, under random changes of coordinates: exactly.

The engine derives the curvature twice, from g and from phi^* g, in two unrelated fields.
The scalar of g, with the map put in, has to be the scalar of phi^* g: equal normal forms.
"""

from __future__ import annotations

from typing import Any

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from geomkit.calculus import transform
from geomkit.curvature import Curvature, curvature
from geomkit.metric import Metric
from tests import laws, map_strategies, strategies
from tests.map_strategies import Change
from tests.strategies import Spec


@pytest.fixture(params=["fast", pytest.param("thorough", marks=pytest.mark.slow)], autouse=True)
def tier(request: pytest.FixtureRequest) -> Any:
    """Run every test twice: with few examples, and (`make test-slow`) with many."""
    return request.param


@st.composite
def changed_metrics(
    draw: strategies.Draw, dimensions: tuple[int, ...] = (2, 3)
) -> tuple[Spec, Change]:
    """A metric that is regular on R^n and a change of its coordinates."""
    spec = draw(strategies.entire_metrics(dimensions))
    return spec, draw(map_strategies.coordinate_changes(len(spec.coordinates)))


def substitution(old: Metric, new: Metric, change: Change) -> dict[Any, Any]:
    """Symbols of the old metric to expressions of the new one; parameters go by name."""
    images = [new.resolve(text) for text in change.map]
    rule = dict(zip(old.coordinates, images, strict=True))
    return rule | {p.symbol: new.symbols[p.symbol.name] for p in old.parameters}


def moved(expression: Any, rule: dict[Any, Any]) -> sympy.Expr:
    """The expression after the change of coordinates.

    `subs` knows what to do with the derivative of an unknown function, but it may take minutes over
    powers and exponentials; where there is none, symbols are just replaced.
    """
    if expression.has(sympy.Derivative):
        return expression.subs(list(rule.items()), simultaneous=True)
    return expression.xreplace(rule)


def over_field_of(metric: Metric, expressions: list[Any]) -> Curvature:
    """Curvature in a field that holds the expressions, too."""
    return curvature(metric).accommodating(expressions)


@given(drawn=changed_metrics())
def test_scalars_are_invariant(drawn: tuple[Spec, Change]) -> None:
    spec, change = drawn
    old = spec.build()
    new = old.pullback(list(change.map), list(change.coordinates))
    before, rule = curvature(old), substitution(old, new, change)
    for name in ("scalar", "kretschmann", "ricci_squared"):
        expected = moved(getattr(before, name), rule)
        after = over_field_of(new, [expected])
        laws.assert_equal(after.element(name), after.chart.field(expected), name)


@given(spec=strategies.entire_diagonal((2,)), change=map_strategies.coordinate_changes(2))
def test_ricci_is_covariant(spec: Spec, change: Change) -> None:
    """Ric'_ab = Ric_ij d_a phi^i d_b phi^j, by loops here and by `transform`."""
    old = spec.build()
    new = old.pullback(list(change.map), list(change.coordinates))
    before, rule = curvature(old), substitution(old, new, change)
    images = [rule[x] for x in old.coordinates]
    ricci = {(i, j): moved(before.ricci[i, j], rule) for i in range(2) for j in range(2)}
    after = over_field_of(new, [*images, *ricci.values()])
    field = after.chart.field
    jacobian = [[field(image.diff(x)) for x in new.coordinates] for image in images]
    transformed = transform(before.ricci, new, list(change.map))
    for a in range(2):
        for b in range(2):
            expected = field.sum(
                field(ricci[i, j]) * jacobian[i][a] * jacobian[j][b] for i, j in ricci
            )
            laws.assert_equal(after.ricci.element(a, b), expected, "Ric'_ab", (a, b))
            laws.assert_equal(field(transformed[a, b]), expected, "transform(Ric)_ab", (a, b))


UNKNOWN = [
    Spec(("x", "y"), (("1", "0"), ("0", "f(x)**2")), functions={"f(x)": ["1 + x**2", "exp(x)"]}),
    Spec(
        ("x", "y"),
        (("exp(2*h(x, y))", "0"), ("0", "exp(2*h(x, y))")),
        functions={"h(x, y)": ["x*y", "sin(x) + y"]},
    ),
]


@given(spec=st.sampled_from(UNKNOWN), change=map_strategies.linear_changes(2))
def test_scalars_of_unknown_functions_are_invariant(spec: Spec, change: Change) -> None:
    """The pullback contains composite functions f(p - 2 q): derivatives act on the slot."""
    old = spec.build()
    new = old.pullback(list(change.map), list(change.coordinates))
    rule = substitution(old, new, change)
    expected = moved(curvature(old).scalar, rule)
    after = over_field_of(new, [expected])
    laws.assert_equal(after.element("scalar"), after.chart.field(expected), "scalar")


@given(spec=strategies.entire_metrics((2,)), change=map_strategies.coordinate_changes(2))
def test_a_wrong_scalar_is_noticed(spec: Spec, change: Change) -> None:
    """R + 1 is not the scalar of the pullback: the test above can fail."""
    old = spec.build()
    new = old.pullback(list(change.map), list(change.coordinates))
    expected = moved(curvature(old).scalar, substitution(old, new, change)) + 1
    after = over_field_of(new, [expected])
    with pytest.raises(AssertionError, match="violated"):
        laws.assert_equal(after.element("scalar"), after.chart.field(expected), "scalar")
