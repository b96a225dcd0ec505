"""Gauss's theorema egregium: the curvature of the induced metric is that of the embedding.

For a hypersurface X of R^(n+1) with B_ij = det(X_1, ..., X_n, X_ij) the second fundamental form
is II_ij = B_ij / sqrt(det g), so that

    R_ijkl = (B_ik B_jl - B_il B_jk) / det g        (times the ambient sign, if Lorentzian)

without any root. The right-hand side is computed here, from the map alone; the left-hand side is
derived by the engine from the induced metric alone; they are equal as elements of the field.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomkit.curvature import Curvature, curvature
from geomkit.metric import Metric
from geomkit.submanifold import Submanifold
from tests import laws, map_strategies
from tests.map_strategies import Immersion


@pytest.fixture(params=["fast", pytest.param("thorough", marks=pytest.mark.slow)], autouse=True)
def tier(request: pytest.FixtureRequest) -> Any:
    """Run every test twice: with few examples, and (`make test-slow`) with many."""
    return request.param


def induced(immersion: Immersion, ambient: list[int] | None = None) -> tuple[Curvature, Any]:
    """Curvature of the induced metric over a field that holds the map, and the map."""
    metric = Metric.from_embedding(
        list(immersion.map),
        list(immersion.coordinates),
        ambient,
        functions=immersion.functions,
    )
    images = [metric.resolve(text) for text in immersion.map]
    derivatives = [
        f.diff(x, y) for f in images for x in metric.coordinates for y in metric.coordinates
    ]
    return curvature(metric).accommodating([*images, *derivatives]), images


def determinant(rows: list[list[Any]]) -> Any:
    """Expansion along the first row."""
    if len(rows) == 1:
        return rows[0][0]
    total = None
    for k, entry in enumerate(rows[0]):
        minor = determinant([[*row[:k], *row[k + 1 :]] for row in rows[1:]])
        term = entry * minor if k % 2 == 0 else -(entry * minor)
        total = term if total is None else total + term
    return total


def second_form(c: Curvature, images: list[Any]) -> dict[tuple[int, int], Any]:
    """B_ij = det(X_1, ..., X_n, X_ij) in the field."""
    field, x = c.chart.field, c.chart.metric.coordinates
    tangents = [[field(f.diff(y)) for f in images] for y in x]
    return {
        (i, j): determinant([*tangents, [field(f.diff(x[i], x[j])) for f in images]])
        for i in range(c.n)
        for j in range(c.n)
    }


def assert_gauss_equation(c: Curvature, images: list[Any], ambient_sign: int = 1) -> None:
    """R_ijkl det g = +-(B_ik B_jl - B_il B_jk) for all indices."""
    b, n, det = second_form(c, images), range(c.n), c.element("determinant")
    for i in n:
        for j in n:
            for k in n:
                for m in n:
                    gauss = (b[i, k] * b[j, m] - b[i, m] * b[j, k]) * ambient_sign
                    left = c.riemann_down.element(i, j, k, m) * det
                    laws.assert_equal(left, gauss, "R_ijkl det g and B o B", (i, j, k, m))


@given(immersion=map_strategies.surfaces())
def test_theorema_egregium(immersion: Immersion) -> None:
    c, images = induced(immersion)
    assert_gauss_equation(c, images)
    b, det = second_form(c, images), c.element("determinant")
    extrinsic = (b[0, 0] * b[1, 1] - b[0, 1] ** 2) / det**2
    laws.assert_equal(c.element("gauss"), extrinsic, "K intrinsic and extrinsic")
    laws.assert_equal(c.element("scalar"), extrinsic * 2, "R = 2 K")


@given(immersion=map_strategies.monge_patches(3))
def test_gauss_equation_of_hypersurfaces_of_dimension_3(immersion: Immersion) -> None:
    assert_gauss_equation(*induced(immersion))


@given(immersion=map_strategies.monge_patches())
def test_gauss_equation_in_a_lorentzian_space(immersion: Immersion) -> None:
    """Ambient diag(1, 1, -7): det g = -7 <c, c> for the conormal c, hence the factor -7.

    The 7 keeps graphs over the plane from being null: |grad h|^2 = 1/7 has no solution in h with
    integer coefficients.
    """
    c, images = induced(immersion, [1, 1, -7])
    assert_gauss_equation(c, images, ambient_sign=-7)


@given(immersion=map_strategies.surfaces())
def test_submanifolds_agree(immersion: Immersion) -> None:
    """`Submanifold`: det S = K, II = B / sqrt(det g), Gauss and Codazzi with exact proof."""
    surface = Submanifold(
        list(immersion.map), list(immersion.coordinates), functions=immersion.functions
    )
    for decision in (surface.gauss_equation(), surface.codazzi_equation()):
        assert (decision.value, decision.proof) == (True, "exact"), str(decision)
    c = Curvature(surface.chart)
    images = [surface.metric.resolve(text) for text in immersion.map]
    b, det, form = second_form(c, images), c.element("determinant"), surface.second_fundamental_form
    laws.assert_equal(form.element(0, 0) ** 2 * det, b[0, 0] ** 2, "II_11^2 det g = B_11^2")
    for i, j in b:
        # b and II are proportional: no root, and the sign of the normal does not matter
        left, right = form.element(i, j) * b[0, 0], form.element(0, 0) * b[i, j]
        laws.assert_equal(left, right, "II : B", (i, j))
    kronecker = c.chart.field(surface.gauss_kronecker)
    laws.assert_equal(kronecker, c.element("gauss"), "det S = K")
    half_trace = c.chart.field(surface.mean_curvature) * 2
    up = c.inverse_metric.element
    trace = c.chart.field.sum(up(i, j) * form.element(i, j) for i, j in b)
    laws.assert_equal(half_trace, trace, "2 H = tr S")


@given(data=st.data())
def test_a_wrong_embedding_is_noticed(data: st.DataObject) -> None:
    """The metric of one surface and the second form of another do not fit."""
    immersion = data.draw(map_strategies.surfaces_of_revolution())
    c, (first, second, third) = induced(immersion)
    with pytest.raises(AssertionError, match="violated"):
        assert_gauss_equation(c, [first, second, third * 2])
