"""Every tensor of the engine against the independent computation at 50 digits.

For each metric of `tests.metric_table`, at rational points of its domain: the engine's SymPy
expressions with concrete functions put in, evaluated by `tests.mp_numbers`, against
`tests.oracles`. ALL components are compared, not the stored ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from typing import Any

import pytest
import sympy
from sympy.core.function import AppliedUndef

from geomkit.calculus import (
    covariant_derivative,
    hessian,
    laplacian,
    lie_derivative,
    vector_field,
)
from geomkit.curvature import Curvature, curvature
from geomkit.metric import Metric
from tests.metric_table import METRICS
from tests.mp_numbers import CONTEXT, evaluator, number
from tests.oracles import Oracle, Table, with_functions

#: The oracle is good to 60 digits (see `tests.oracles`) of the largest number that enters; the
#: engine's formulas are exact and evaluated with 250. 50 digits relative to the largest component
#: leave ten digits for cancellation within the oracle's sums.
TOLERANCE = CONTEXT.mpf(10) ** -50

TENSORS = {
    "metric": "metric",
    "inverse_metric": "inverse_metric",
    "christoffel": "christoffel",
    "christoffel_down": "christoffel_down",
    "riemann": "riemann",
    "riemann_down": "riemann_down",
    "ricci": "ricci",
    "einstein": "einstein",
    "tracefree_ricci": "tracefree_ricci",
}
TENSORS_FROM_3 = {"schouten": "schouten", "weyl": "weyl", "cotton": "cotton"}
SCALARS = ["determinant", "volume_element", "scalar", "kretschmann", "ricci_squared"]
SCALARS_OF = {
    2: ["gauss"],
    3: ["weyl_squared"],
    4: ["weyl_squared", "euler_density", "chern_pontryagin"],
    5: ["weyl_squared"],
}
NAMES = list(METRICS)


class Case:
    """A metric, its curvature, an oracle at one of its points, and concrete functions."""

    def __init__(self, name: str, seed: int = 1, k: int = 0) -> None:
        self.metric: Metric = METRICS[name].build(name)
        self.curvature: Curvature = curvature(self.metric)
        (self.point,) = self.metric.domain.sample(1, seed=seed)
        self.functions = {
            f.function: f.examples[k % len(f.examples)] for f in self.metric.functions
        }
        self.oracle = Oracle.of(self.metric, self.point, self.functions)
        self.jets: dict[Any, Any] = {}
        self.evaluate = evaluator(self.point)

    def number(self, expression: Any) -> Any:
        """An expression of the engine at the point, with the concrete functions.

        f(x) and its derivatives are numbers at the point; they are looked up in the formula, since
        putting functions into a formula of 10,000 terms takes SymPy minutes.
        """
        if not self.functions:
            return self.evaluate(expression)
        jets = sympy.sympify(expression).atoms(AppliedUndef, sympy.Derivative, sympy.Subs)
        # inside of Subs(f'(xi), xi, x^2) stands a jet at the bound xi, which is no number
        for jet in [j for j in jets - self.jets.keys() if j.free_symbols <= self.point.keys()]:
            self.jets[jet] = number(with_functions(jet, self.functions), self.point)
            self.evaluate = evaluator({**self.point, **self.jets})
        return self.evaluate(expression)


@cache
def case(name: str, seed: int = 1, k: int = 0) -> Case:
    """The same case for all tests of a metric: the oracle remembers what it computed."""
    return Case(name, seed, k)


def assert_close(found: Any, expected: Any, scale: Any, what: str) -> None:
    """Equal to 50 digits relative to `scale`, at least 1; complex values are wrong as well."""
    difference = abs(found - expected)
    if not difference <= TOLERANCE * max(1, abs(scale)):
        raise AssertionError(
            f"{what}: geomkit gives {CONTEXT.nstr(found, 30)}, the oracle "
            f"{CONTEXT.nstr(expected, 30)}; they differ by {CONTEXT.nstr(difference, 5)}"
        )


def assert_tensor(here: Case, component: Callable[..., Any], expected: Table, what: str) -> None:
    """All components; each distinct expression of the engine is evaluated once."""
    scale = max((abs(value) for value in expected.values()), default=0)
    known: dict[Any, Any] = {}
    for index, value in expected.items():
        expression = component(*index)
        if expression not in known:
            known[expression] = here.number(expression)
        assert_close(known[expression], value, scale, f"{what}{list(index)}")


def assert_everything(here: Case) -> None:
    """All tensors and scalars of a case."""
    n, c, oracle = here.metric.n, here.curvature, here.oracle
    names = TENSORS | (TENSORS_FROM_3 if n >= 3 else {})
    for name in names:
        tensor, expected = getattr(c, name), getattr(oracle, names[name])()
        assert_tensor(here, lambda *index, t=tensor: t[index], expected, name)
    for name in [*SCALARS, *SCALARS_OF.get(n, [])]:
        found, expected = here.number(getattr(c, name)), getattr(oracle, name)()
        # squares of curvature are sums of terms of this size, which cancel
        size = max(abs(value) for value in oracle.riemann_down().values()) ** 2
        assert_close(found, expected, max(size, abs(expected)), name)


@pytest.mark.parametrize("name", NAMES)
def test_curvature(name: str) -> None:
    assert_everything(case(name))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
@pytest.mark.parametrize("name", NAMES)
def test_curvature_at_more_points_and_for_other_functions(name: str, seed: int) -> None:
    assert_everything(Case(name, seed, k=seed))


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
    here = case(name)
    c, oracle = here.curvature, here.oracle
    components, f = vector(here.metric), function(here.metric)
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
        assert_tensor(here, lambda *index, t=tensor: t[index], expected, what)
    size = max(abs(value) for value in oracle.hessian(f).values())
    assert_close(here.number(laplacian(c, f)), oracle.laplacian(f), size, "Laplacian of f")


@pytest.mark.parametrize("name", ["kerr", "myers-perry 5d", "general 3d"])
def test_index_positions(name: str) -> None:
    """Raised and lowered Riemann, by the oracle's own matrices."""
    here = case(name)
    up, down = here.oracle.inverse_metric(), here.oracle.riemann_down()
    raised = here.curvature.riemann_down.with_positions("uudd")
    n = range(here.metric.n)
    expected: Table = {}
    for i, j, k, m in product(n, repeat=4):
        expected[i, j, k, m] = sum(up[i, a] * up[j, b] * down[a, b, k, m] for a in n for b in n)
    assert_tensor(here, lambda *index: raised[index], expected, "R^ij_kl")


def test_a_wrong_component_is_noticed() -> None:
    """A relative error of 1e-45 in one component of Riemann does not pass."""
    here = case("kerr")
    expected = dict(here.oracle.riemann_down())
    assert_tensor(here, lambda *i: here.curvature.riemann_down[i], expected, "R")
    expected[0, 3, 0, 3] += CONTEXT.mpf(10) ** -45
    with pytest.raises(AssertionError, match="the oracle"):
        assert_tensor(here, lambda *i: here.curvature.riemann_down[i], expected, "R")
