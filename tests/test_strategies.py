"""What the strategies promise: regular metrics, invertible changes of coordinates, immersions.

A promise that is not kept would make property tests pass on degenerate input, or fail for no reason
of the engine. Everything is checked at random points by `tests.mp_numbers`.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from geomkit import expressions
from tests import map_strategies as maps
from tests import strategies
from tests.mp_numbers import number
from tests.oracles import Oracle, with_functions

FAMILIES = ["diagonal", "sheared", "dominant", "unspecified", "warped", "exotic"]
CHANGES = st.integers(1, 4).flatmap(
    lambda n: st.one_of(maps.coordinate_changes(n), maps.triangular_changes(n))
)
RATIONALS = st.fractions(-1, 1, max_denominator=9)


def parsed(texts: tuple[str, ...], names: tuple[str, ...]) -> tuple[list[Any], list[Any]]:
    """Coordinates as symbols, and expressions in them."""
    symbols = {name: sympy.Symbol(name, real=True) for name in names}
    return list(symbols.values()), [expressions.parse(text, symbols) for text in texts]


@pytest.mark.parametrize("family", FAMILIES)
@given(data=st.data())
def test_metrics_are_regular(family: str, data: st.DataObject) -> None:
    """det g is not zero at a rational point of the declared box, for any example of a family."""
    metric = data.draw(getattr(strategies, family)()).build()
    (point,) = metric.domain.sample(1, seed=data.draw(st.integers(0, 99)))
    examples = {f.function: f.examples[0] for f in metric.functions}
    oracle = Oracle.of(metric, point, examples)
    # The families bound det g from below by 1e-4 or so; 1e-12 only has to tell it from zero.
    assert abs(oracle.determinant()) > 1e-12
    assert metric.matrix == metric.matrix.T


@given(change=CHANGES, data=st.data())
def test_changes_have_an_invertible_jacobian(change: maps.Change, data: st.DataObject) -> None:
    symbols, maps = parsed(change.map, change.coordinates)
    jacobian = sympy.Matrix(maps).jacobian(symbols).det()
    point = {x: data.draw(RATIONALS) for x in symbols}
    assert abs(number(jacobian, {x: sympy.Rational(v) for x, v in point.items()})) > 1e-6


@given(change=CHANGES, data=st.data())
def test_changes_are_injective(change: maps.Change, data: st.DataObject) -> None:
    symbols, maps = parsed(change.map, change.coordinates)
    points = data.draw(
        st.lists(st.tuples(*[RATIONALS] * len(symbols)), min_size=2, max_size=4, unique=True)
    )
    images = [
        [number(f, dict(zip(symbols, map(sympy.Rational, point), strict=True))) for f in maps]
        for point in points
    ]
    for first, second in itertools.combinations(images, 2):
        assert max(abs(a - b) for a, b in zip(first, second, strict=True)) > 1e-12


@given(immersion=st.one_of(maps.surfaces(), maps.monge_patches(3)), data=st.data())
def test_immersions_have_full_rank(immersion: maps.Immersion, data: st.DataObject) -> None:
    """det (J^T J) > 0, with the first concrete function in the place of an unspecified one."""
    symbols = {name: sympy.Symbol(name, real=True) for name in immersion.coordinates}
    heads = {name.split("(")[0]: sympy.Function(name.split("(")[0]) for name in immersion.functions}
    maps = [expressions.parse(text, symbols | heads) for text in immersion.map]
    concrete = {
        expressions.parse(name, symbols | heads): expressions.parse(examples[0], symbols)
        for name, examples in immersion.functions.items()
    }
    jacobian = sympy.Matrix(maps).jacobian(list(symbols.values()))
    gram = with_functions(jacobian.T * jacobian, concrete)
    point = {x: sympy.Rational(data.draw(RATIONALS)) for x in symbols.values()}
    assert Oracle(gram, list(symbols.values()), point).determinant() > 1e-6


@given(fields=strategies.vector_fields(("x", "y")), tensor=strategies.symmetric_tensors(("x", "y")))
def test_tensor_fields_have_their_shape(fields: list[str], tensor: list[list[str]]) -> None:
    assert len(fields) == 2
    assert tensor[0][1] == tensor[1][0]
    parsed(tuple(fields), ("x", "y"))
    parsed((tensor[0][0], tensor[0][1], tensor[1][1]), ("x", "y"))
