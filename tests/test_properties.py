"""Laws of Riemannian geometry over random metrics, each proved by an exact zero.

Symmetric storage makes R_ijkl = -R_jikl true by construction; what gives the tests their power is
that the stored tensor is compared, for ALL indices, with the definition: the connection with
nabla g = 0 and zero torsion (there is only one), Riemann with d Gamma + Gamma Gamma, and the rest
with traces of it. The engine itself never differentiates Gamma for Riemann.

Each test runs in two tiers: a few examples under `make test`, many under `make test-slow`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomkit.calculus import (
    covariant_derivative,
    gradient,
    hessian,
    laplacian_element,
    lie_bracket,
    lie_derivative,
    vector_field,
)
from geomkit.curvature import Curvature, curvature
from tests import laws, strategies
from tests.strategies import Spec


@pytest.fixture(params=["fast", pytest.param("thorough", marks=pytest.mark.slow)], autouse=True)
def tier(request: pytest.FixtureRequest) -> Any:
    """Run every test twice: with few examples, and (`make test-slow`) with many."""
    return request.param


def derivative(c: Curvature) -> Callable[[Any, int], Any]:
    """d_k of an element."""
    return lambda element, k: element.diff(c.chart.metric.coordinates[k])


def three_or_more() -> st.SearchStrategy[Spec]:
    """Metrics for which Weyl and Cotton are defined."""
    return st.one_of(
        strategies.diagonal((3, 4)),
        strategies.sheared((3,)),
        strategies.dominant((3,)),
        strategies.unspecified((3, 4)),
        strategies.warped(),
    )


def light() -> st.SearchStrategy[Spec]:
    """Metrics whose third derivatives stay small: what nabla Riemann is taken of."""
    return st.one_of(
        strategies.diagonal((1, 2, 3, 4)),
        strategies.sheared((2, 3), shears=1),
        strategies.dominant((2,)),
        strategies.unspecified((2, 3)),
        strategies.warped(),
    )


@strategies.MANY
@given(spec=strategies.metrics())
def test_connection_is_the_one_of_levi_civita(spec: Spec) -> None:
    c = curvature(spec.build())
    g, up, gamma = c.metric.element, c.inverse_metric.element, c.christoffel.element
    laws.assert_inverse(g, up, c.n)
    laws.assert_torsion_free(gamma, c.n)
    laws.assert_metric_compatible(g, gamma, derivative(c), c.n)
    laws.assert_lowered(c.christoffel_down.element, gamma, g, 3, c.n)


@strategies.MANY
@given(spec=strategies.metrics())
def test_riemann_is_the_curvature_of_the_connection(spec: Spec) -> None:
    c = curvature(spec.build())
    up, down = c.riemann.element, c.riemann_down.element
    laws.assert_riemann_of_connection(up, c.christoffel.element, derivative(c), c.n)
    laws.assert_lowered(down, up, c.metric.element, 4, c.n)
    laws.assert_riemann_symmetries(down, c.n)
    laws.assert_first_bianchi(down, c.n)


@strategies.MANY
@given(spec=strategies.metrics())
def test_ricci_scalar_and_einstein_are_traces(spec: Spec) -> None:
    c = curvature(spec.build())
    g, up, ricci, scalar = (
        c.metric.element,
        c.inverse_metric.element,
        c.ricci.element,
        c.element("scalar"),
    )
    laws.assert_ricci_is_trace(ricci, c.riemann.element, c.n)
    laws.assert_trace(scalar, ricci, up, c.n)
    laws.assert_trace_free(c.tracefree_ricci.element, up, c.n)
    for i in range(c.n):
        for j in range(c.n):
            einstein = ricci(i, j) - scalar * g(i, j) / 2
            laws.assert_equal(c.einstein.element(i, j), einstein, "G_ij", (i, j))
            mixed = sum((up(i, m) * ricci(m, j) for m in range(c.n)), start=c.chart.field.zero)
            laws.assert_equal(c.ricci_mixed.element(i, j), mixed, "Ric^i_j", (i, j))


@given(spec=three_or_more())
def test_weyl_is_the_trace_free_part_of_riemann(spec: Spec) -> None:
    c = curvature(spec.build())
    up, weyl, schouten = c.inverse_metric.element, c.weyl.element, c.schouten.element
    laws.assert_weyl_decomposition(c.riemann_down.element, weyl, schouten, c.metric.element, c.n)
    laws.assert_weyl_trace_free(weyl, up, c.n)
    laws.assert_riemann_symmetries(weyl, c.n)
    laws.assert_first_bianchi(weyl, c.n)
    if c.n == 3:
        laws.assert_all_zero(weyl, 4, 3, "W = 0 for n = 3")


@given(spec=three_or_more())
def test_cotton_is_the_divergence_of_weyl(spec: Spec) -> None:
    c = curvature(spec.build())
    up = c.inverse_metric.element
    laws.assert_cotton_symmetries(c.cotton.element, up, c.n)
    nabla = covariant_derivative(c.weyl).element
    laws.assert_cotton_is_divergence_of_weyl(nabla, c.cotton.element, up, c.n)


@strategies.MANY
@given(spec=light())
def test_second_bianchi_identity(spec: Spec) -> None:
    c = curvature(spec.build())
    laws.assert_second_bianchi(covariant_derivative(c.riemann_down).element, c.n)


@strategies.MANY
@given(spec=strategies.metrics())
def test_einstein_tensor_is_free_of_divergence(spec: Spec) -> None:
    """nabla^i G_ij = 0 identically, whatever the metric: the contracted second Bianchi identity."""
    c = curvature(spec.build())
    nabla = covariant_derivative(c.einstein).element
    laws.assert_einstein_divergence_free(nabla, c.inverse_metric.element, c.n)


@strategies.MANY
@given(spec=strategies.metrics())
def test_covariant_derivative_of_the_metric_vanishes(spec: Spec) -> None:
    c = curvature(spec.build())
    laws.assert_all_zero(covariant_derivative(c.metric).element, 3, c.n, "nabla g = 0")
    laws.assert_all_zero(covariant_derivative(c.inverse_metric).element, 3, c.n, "nabla g^-1 = 0")


@strategies.MANY
@given(spec=light())
def test_quadratic_scalars_are_full_contractions(spec: Spec) -> None:
    """Kretschmann by R^ij_kl R^kl_ij over all indices, not over pairs as in the engine."""
    c = curvature(spec.build())
    n, zero = range(c.n), c.chart.field.zero
    mixed = c.riemann_down.raise_index(0).raise_index(1).element
    total = zero
    for i in n:
        for j in n:
            for k in n:
                total = c.chart.field.sum(
                    [total, *(mixed(i, j, k, m) * mixed(k, m, i, j) for m in n)]
                )
    laws.assert_equal(c.element("kretschmann"), total, "Kretschmann scalar")
    once = c.ricci_mixed.element
    squared = sum((once(i, j) * once(j, i) for i in n for j in n), start=zero)
    laws.assert_equal(c.element("ricci_squared"), squared, "Ric_ij Ric^ij")
    if c.n >= 3:
        scalar = c.element("scalar")
        traces = squared * 4 / (c.n - 2) - scalar**2 * 2 / ((c.n - 1) * (c.n - 2))
        laws.assert_equal(c.element("weyl_squared"), total - traces, "W_ijkl W^ijkl")
    if c.n == 2:
        laws.assert_equal(c.element("gauss") * 2, c.element("scalar"), "2 K = R")


@strategies.MANY
@given(spec=strategies.metrics())
def test_volume_element_squares_to_the_determinant(spec: Spec) -> None:
    """sqrt|g|^2 = |det g|, and Gamma^m_mk = d_k log sqrt|g|."""
    c = curvature(spec.build())
    plus_or_minus = -1 if c.signature[1] % 2 else 1
    volume, n = c.element("volume_element"), range(c.n)
    laws.assert_equal(volume**2, c.element("determinant") * plus_or_minus, "sqrt|g|^2 = |det g|")
    for k in n:
        trace = sum((c.christoffel.element(m, m, k) for m in n), start=c.chart.field.zero)
        laws.assert_equal(derivative(c)(volume, k), trace * volume, "d_k sqrt|g|", (k,))


@st.composite
def with_vector_fields(draw: strategies.Draw, count: int = 2) -> tuple[Spec, list[list[str]]]:
    """A light metric and vector fields on it."""
    spec = draw(light())
    return spec, [draw(strategies.vector_fields(spec.coordinates)) for _ in range(count)]


def with_fields(spec: Spec, texts: list[str]) -> tuple[Curvature, Any]:
    """Curvature over a field that holds the metric and further expressions, and these."""
    metric = spec.build()
    expressions = [metric.resolve(text) for text in texts]
    return curvature(metric).accommodating(expressions), expressions


@given(drawn=with_vector_fields(1))
def test_ricci_identity(drawn: tuple[Spec, list[list[str]]]) -> None:
    """[nabla_k, nabla_l] V^i = R^i_jkl V^j for random vector fields: fixes the sign of Riemann."""
    spec, (components,) = drawn
    c, expressions = with_fields(spec, components)
    vector = vector_field(c, expressions)
    second = covariant_derivative(covariant_derivative(vector)).element
    laws.assert_ricci_identity(second, vector.element, c.riemann.element, c.n)


@given(drawn=with_vector_fields(2))
def test_lie_derivatives(drawn: tuple[Spec, list[list[str]]]) -> None:
    """L_X g_ij = nabla_i X_j + nabla_j X_i; [X, Y] = nabla_X Y - nabla_Y X = L_X Y."""
    spec, fields = drawn
    c, expressions = with_fields(spec, [text for field in fields for text in field])
    first, second = vector_field(c, expressions[: c.n]), vector_field(c, expressions[c.n :])
    along_metric, lower = (
        lie_derivative(first, c.metric),
        covariant_derivative(first.lower_index(0)),
    )
    bracket, lie = lie_bracket(first, second), lie_derivative(first, second)
    nabla_first, nabla_second = covariant_derivative(first), covariant_derivative(second)
    zero = c.chart.field.zero
    for i in range(c.n):
        for j in range(c.n):
            expected = lower.element(i, j) + lower.element(j, i)
            laws.assert_equal(along_metric.element(i, j), expected, "(L_X g)_ij", (i, j))
        commutator = sum(
            (
                first.element(m) * nabla_second.element(i, m)
                - second.element(m) * nabla_first.element(i, m)
                for m in range(c.n)
            ),
            start=zero,
        )
        laws.assert_equal(bracket.element(i), commutator, "[X, Y]^i", (i,))
        laws.assert_equal(lie.element(i), commutator, "(L_X Y)^i", (i,))


@given(drawn=with_vector_fields(1))
def test_laplacian_is_trace_of_hessian_and_divergence_of_gradient(
    drawn: tuple[Spec, list[list[str]]],
) -> None:
    spec, (components,) = drawn
    c, (function, *_) = with_fields(spec, components[:1])
    laplacian = laplacian_element(c, function)
    laws.assert_trace(laplacian, hessian(c, function).element, c.inverse_metric.element, c.n)
    slopes = covariant_derivative(gradient(c, function)).element
    divergence = sum((slopes(i, i) for i in range(c.n)), start=c.chart.field.zero)
    laws.assert_equal(laplacian, divergence, "Laplacian = div grad")
