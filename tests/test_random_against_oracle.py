"""Random metrics against the oracle: does the engine differentiate what was written?

The laws of `test_properties.py` hold for any metric, so they cannot see a formula that was
misread, such as a root with the wrong sign. Here each random metric is computed a second time
from its matrix, at a random rational point, at 50 digits.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomkit.metric import Metric
from tests import strategies
from tests.comparison import Comparison
from tests.oracles import Oracle
from tests.strategies import Spec


@pytest.fixture(params=["fast", pytest.param("thorough", marks=pytest.mark.slow)], autouse=True)
def tier(request: pytest.FixtureRequest) -> Any:
    """Run every test twice: with few examples, and (`make test-slow`) with many."""
    return request.param


@strategies.MANY
@given(spec=strategies.metrics(), seed=st.integers(0, 999))
def test_connection_and_curvature(spec: Spec, seed: int) -> None:
    both = Comparison(spec.build(), seed)
    c, oracle = both.curvature, both.oracle
    both.assert_number(c.determinant, oracle.determinant(), oracle.determinant(), "det g")
    volume = oracle.volume_element()
    both.assert_number(c.volume_element, volume, volume, "sqrt|det g|")
    connection = oracle.christoffel()
    both.assert_tensor(c.christoffel, connection, "Gamma")
    products = {index: value**2 for index, value in connection.items()}
    both.assert_tensor(c.riemann_down, oracle.riemann_down(), "R", entering=products)


@given(spec=st.one_of(strategies.exotic(), strategies.warped()), seed=st.integers(0, 999))
def test_cotton_and_weyl(spec: Spec, seed: int) -> None:
    """Third derivatives of functions of functions."""
    both = Comparison(spec.build(), seed)
    if both.curvature.n >= 3:
        both.assert_tensor(both.curvature.cotton, both.oracle.cotton(), "C")
        both.assert_tensor(both.curvature.weyl, both.oracle.weyl(), "W")


@given(spec=strategies.exotic((2,)), seed=st.integers(0, 99))
def test_the_oracle_is_no_echo(spec: Spec, seed: int) -> None:
    """It notices a metric that differs by one percent in one entry."""
    metric = spec.build()
    both = Comparison(metric, seed)
    changed = metric.matrix.as_mutable()
    changed[0, 0] *= 1 + metric.coordinates[1] ** 2 / 100
    both.oracle = Oracle(changed, metric.coordinates, both.point)
    with pytest.raises(AssertionError, match="the oracle"):
        both.assert_tensor(both.curvature.riemann_down, both.oracle.riemann_down(), "R")


@pytest.mark.parametrize(
    "entry", ["f(2*x)", "f(x**2 + y)", "exp(f(x*y))", "1 + diff(f(x*x), x)**2"]
)
def test_formulas_use_the_symbols_of_their_own_metric(entry: str) -> None:
    """Two metrics with an x of other assumptions, one after the other.

    `sympy.Subs` compares equal when its points PRINT alike, and SymPy's cache hands out the older
    object: the derivative f'(2 x) of the second metric must not contain the x of the first.
    """
    for box in (["1/4", "1"], ["-1", "1"]):
        metric = Metric(
            coordinates=["x", "y"],
            matrix=[[entry, "0"], ["0", "2 + x**2 + y**2"]],
            domain={"x": box, "y": ["1/4", "1"]},
            functions={"f(x)": ["2 + x/3 + x**2/7"]},
        )
        both = Comparison(metric)
        for component in both.curvature.christoffel.all_nonzero().values():
            assert component.free_symbols <= set(metric.coordinates), f"{entry} on {box}"
        both.assert_tensor(both.curvature.riemann_down, both.oracle.riemann_down(), "R")
