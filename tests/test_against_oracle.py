"""Every tensor of the engine against the independent computation at 50 digits.

For each metric of `tests.metric_table`, at rational points of its domain: the engine's SymPy
expressions with concrete functions put in, evaluated by `tests.mp_numbers`, against
`tests.oracles`. ALL components are compared, not the stored ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Any

import pytest
import sympy

from geomkit.calculus import (
    covariant_derivative,
    hessian,
    laplacian,
    lie_derivative,
    vector_field,
)
from geomkit.catalog import catalog
from geomkit.metric import Metric
from tests.comparison import Comparison
from tests.metric_table import METRICS
from tests.mp_numbers import CONTEXT
from tests.oracles import Table

TENSORS = [
    *("metric", "inverse_metric", "christoffel", "christoffel_down", "riemann", "riemann_down"),
    *("ricci", "einstein", "tracefree_ricci"),
]
TENSORS_FROM_3 = ["schouten", "weyl", "cotton"]
SCALARS = ["determinant", "volume_element", "scalar", "kretschmann", "ricci_squared"]
SCALARS_OF = {
    2: ["gauss"],
    3: ["weyl_squared"],
    4: ["weyl_squared", "euler_density", "chern_pontryagin"],
    5: ["weyl_squared"],
}
NAMES = list(METRICS)


@cache
def comparison(name: str) -> Comparison:
    """The same comparison for all tests of a metric: the oracle remembers what it computed."""
    return Comparison(METRICS[name].build(name))


def assert_everything(both: Comparison) -> None:
    """All tensors and scalars."""
    n, c, oracle = both.metric.n, both.curvature, both.oracle
    for name in [*TENSORS, *(TENSORS_FROM_3 if n >= 3 else [])]:
        both.assert_tensor(getattr(c, name), getattr(oracle, name)(), name)
    # squares of curvature are sums of terms of this size, which cancel
    size = max(abs(value) for value in oracle.riemann_down().values()) ** 2
    for name in [*SCALARS, *SCALARS_OF.get(n, [])]:
        expected = getattr(oracle, name)()
        both.assert_number(getattr(c, name), expected, max(size, abs(expected)), name)


@pytest.mark.parametrize("name", NAMES)
def test_curvature(name: str) -> None:
    assert_everything(comparison(name))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
@pytest.mark.parametrize("name", NAMES)
def test_curvature_at_more_points_and_for_other_functions(name: str, seed: int) -> None:
    assert_everything(Comparison(METRICS[name].build(name), seed, k=seed))


@pytest.mark.slow
@pytest.mark.parametrize("name", catalog.names())
def test_catalogue(name: str) -> None:
    """Connection, curvature and volume of every metric of the catalogue."""
    both = Comparison(catalog[name])
    c, oracle = both.curvature, both.oracle
    both.assert_tensor(c.christoffel, oracle.christoffel(), "Gamma")
    both.assert_tensor(c.riemann_down, oracle.riemann_down(), "R")
    both.assert_tensor(c.ricci, oracle.ricci(), "Ric")
    size = max(1, *(abs(value) for value in oracle.ricci().values()))
    both.assert_number(c.scalar, oracle.scalar(), size, "R")
    volume = oracle.volume_element()
    both.assert_number(c.volume_element, volume, volume, "sqrt|det g|")


def vector(metric: Metric) -> list[Any]:
    """A vector field without symmetry: X^i = x_i x_(i+1) + i."""
    x = metric.coordinates
    return [x[i] * x[(i + 1) % metric.n] + i for i in range(metric.n)]


def function(metric: Metric) -> Any:
    """A function of all coordinates: the sum of (i + 1) x_i^2 x_(i+1)."""
    x, n = metric.coordinates, metric.n
    return sympy.Add(*((i + 1) * x[i] ** 2 * x[(i + 1) % n] for i in range(n)))


@pytest.mark.parametrize("name", NAMES)
def test_derivatives(name: str) -> None:
    """Covariant and Lie derivatives, Hessian and Laplacian of fields that have no symmetry."""
    both = comparison(name)
    c, oracle = both.curvature, both.oracle
    components, f = vector(both.metric), function(both.metric)
    field, x = oracle.field(components), vector_field(c, components)
    expectations: Iterator[tuple[str, Any, Table]] = iter(
        [
            ("nabla X", covariant_derivative(x), oracle.covariant_derivative(field, "u")),
            (
                "nabla Ric",
                covariant_derivative(c.ricci),
                oracle.covariant_derivative(oracle.ricci, "dd"),
            ),
            (
                "L_X g",
                lie_derivative(x, c.metric),
                oracle.lie_derivative(field, oracle.metric, "dd"),
            ),
            (
                "L_X Ric",
                lie_derivative(x, c.ricci),
                oracle.lie_derivative(field, oracle.ricci, "dd"),
            ),
            ("Hess f", hessian(c, f), oracle.hessian(f)),
        ]
    )
    for what, tensor, expected in expectations:
        both.assert_tensor(tensor, expected, what)
    size = max(abs(value) for value in oracle.hessian(f).values())
    both.assert_number(laplacian(c, f), oracle.laplacian(f), size, "Laplacian of f")


@pytest.mark.parametrize("name", ["kerr", "myers-perry 5d", "general 3d"])
def test_index_positions(name: str) -> None:
    """Raised and lowered Riemann, by the oracle's own matrices."""
    both = comparison(name)
    up, down = both.oracle.inverse_metric(), both.oracle.riemann_down()
    raised = both.curvature.riemann_down.with_positions("uudd")
    n = range(both.metric.n)
    expected: Table = {}
    for i, j, k, m in product(n, repeat=4):
        expected[i, j, k, m] = sum(up[i, a] * up[j, b] * down[a, b, k, m] for a in n for b in n)
    both.assert_tensor(raised, expected, "R^ij_kl")


def test_a_wrong_component_is_noticed() -> None:
    """A relative error of 1e-45 in one component of Riemann does not pass."""
    both = comparison("kerr")
    expected = dict(both.oracle.riemann_down())
    both.assert_tensor(both.curvature.riemann_down, expected, "R")
    expected[0, 3, 0, 3] += CONTEXT.mpf(10) ** -45
    with pytest.raises(AssertionError, match="the oracle"):
        both.assert_tensor(both.curvature.riemann_down, expected, "R")
