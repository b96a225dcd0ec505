"""Parallel transport, Jacobi fields and conjugate points against closed forms."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import geomkit as gk
from geomkit.errors import DomainError, MetricError
from geomkit.geodesic import Geodesics
from geomkit.geodesic.deviation import exp_derivative


@pytest.fixture(scope="module")
def sphere() -> Geodesics:
    return Geodesics(gk.catalog["sphere2"], a=1.0)


@pytest.fixture(scope="module")
def sphere3() -> Geodesics:
    return Geodesics(gk.catalog["sphere3_stereographic"], parameters=_ones("sphere3_stereographic"))


@pytest.fixture(scope="module")
def half_plane() -> Geodesics:
    return Geodesics(gk.catalog["hyperbolic_plane_half"])


def _ones(name: str) -> dict[str, float]:
    return {p.symbol.name: 1.0 for p in gk.catalog[name].parameters if p.value is None}


# Transport ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("theta", ["1/2", "1", "2"])
def test_holonomy_of_a_circle_of_latitude(sphere: Geodesics, theta: str) -> None:
    carried = sphere.transport_along([theta, "s"], [1.0, 0.0], (0.0, 2 * math.pi))
    sine = math.sin(carried.points[0, 0])
    turn = 2 * math.pi * math.cos(carried.points[0, 0])
    found = carried.end[0, 0], sine * carried.end[0, 1]  # in the orthonormal frame
    # the frame of the chart turns by -2 pi cos(theta) against the carried vector; rtol 1e-10 a step
    assert found == pytest.approx((math.cos(turn), -math.sin(turn)), abs=1e-8)
    assert carried.drift < 1e-9
    assert carried.complete


def test_a_curve_may_be_a_function(sphere: Geodesics) -> None:
    def latitude(s: float) -> tuple[list[float], list[float]]:
        return [1.0, 2 * s], [0.0, 2.0]

    by_function = sphere.transport_along(latitude, [[1.0, 0.0], [0.3, 0.4]], (0.0, 1.0))
    by_text = sphere.transport_along(["1", "2*s"], [[1.0, 0.0], [0.3, 0.4]], (0.0, 1.0))
    assert by_function.vectors == pytest.approx(by_text.vectors, abs=1e-12)
    assert by_function.vectors.shape == (201, 2, 2)


def test_the_velocity_of_a_geodesic_is_parallel(half_plane: Geodesics) -> None:
    carried = half_plane.transport([0.0, 1.0], [0.8, 0.6], [[0.8, 0.6], [-0.6, 0.8]], 3.0)
    assert carried.vectors[:, 0] == pytest.approx(carried.velocities, abs=1e-9)
    # lengths and angles are kept: the second vector stays orthogonal, and in two dimensions that
    # determines it
    x_dot, y_dot = carried.velocities.T
    assert carried.vectors[:, 1] == pytest.approx(np.column_stack([-y_dot, x_dot]), abs=1e-9)
    assert carried.drift < 1e-9


def test_transport_around_a_small_loop_is_curvature(half_plane: Geodesics) -> None:
    # Gauss-Bonnet: the angle is K times the area; K = -1, area of a square of side e at y = 1
    side = 1e-2
    corners = [(0.0, 1.0), (side, 1.0), (side, 1.0 + side), (0.0, 1.0 + side), (0.0, 1.0)]
    vector = np.array([[1.0, 0.0]])
    for (x0, y0), (x1, y1) in pairwise(corners):
        edge = [f"{x0} + s*({x1 - x0})", f"{y0} + s*({y1 - y0})"]
        vector = half_plane.transport_along(edge, vector).end
    area = side * (1 - 1 / (1 + side))
    assert math.atan2(vector[0, 1], vector[0, 0]) == pytest.approx(-area, rel=1e-6)


def test_curves_that_are_none_are_refused(sphere: Geodesics) -> None:
    with pytest.raises(DomainError, match="needs 2 expressions"):
        sphere.transport_along(["1"], [1.0, 0.0])
    with pytest.raises(MetricError, match="uses coordinates"):
        sphere.transport_along(["theta", "s"], [1.0, 0.0])
    with pytest.raises(MetricError, match="is a symbol of metric"):
        sphere.transport_along(["1", "a"], [1.0, 0.0], parameter="a")
    with pytest.raises(DomainError, match="return position and velocity"):
        sphere.transport_along(lambda s: ([1.0], [0.0]), [1.0, 0.0])
    with pytest.raises(DomainError, match="give two numbers, finite"):
        sphere.transport_along(["1", "s"], [1.0, 0.0], (1.0, 1.0))
    with pytest.raises(DomainError, match="are needed"):
        sphere.transport_along(["1", "s"], [1.0, 0.0, 0.0])


# Jacobi fields ------------------------------------------------------------------------------------


def test_jacobi_fields_of_the_sphere_are_sines(sphere: Geodesics) -> None:
    # along the equator, J(0) = 0, DJ = d/dtheta: |J| = |sin s|
    field = sphere.jacobi_field([math.pi / 2, 0], [0, 1], [0, 0], [1.0, 0.0], 5.0)
    assert field.fields[:, 0, 0] == pytest.approx(np.sin(field.s), abs=1e-8)
    assert field.fields[:, 0, 1] == pytest.approx(0.0, abs=1e-12)
    assert field.squares[:, 0] == pytest.approx(np.sin(field.s) ** 2, abs=1e-8)
    assert field.rates[:, 0, 0] == pytest.approx(np.cos(field.s), abs=1e-8)


def test_jacobi_fields_of_the_hyperbolic_plane_are_hyperbolic_sines(half_plane: Geodesics) -> None:
    point, velocity, normal = [0.2, 1.5], np.array([0.9, 1.2]), np.array([-1.2, 0.9])  # |v| = 1
    fields = half_plane.jacobi_field(
        point, velocity, [[0.0, 0.0], normal], [normal, [0.0, 0.0]], 4.0
    )
    # J = sinh(s) e and cosh(s) e for a parallel unit normal e; relative error of some 1e-9
    assert np.sqrt(fields.squares[:, 0]) == pytest.approx(np.sinh(fields.s), rel=1e-7, abs=1e-9)
    assert np.sqrt(fields.squares[:, 1]) == pytest.approx(np.cosh(fields.s), rel=1e-7)


@given(
    theta=st.floats(0.6, 2.5),
    direction=st.lists(st.floats(-1, 1), min_size=4, max_size=4),
)
def test_d_exp_is_the_difference_of_geodesics(
    sphere: Geodesics, theta: float, direction: list[float]
) -> None:
    v, w = np.array(direction[:2]) * 0.5, np.array(direction[2:])
    _, derivative = exp_derivative(sphere, np.array([theta, 0.0, *v]), sphere.settings)
    h = 1e-4
    difference = (sphere.exp([theta, 0], v + h * w) - sphere.exp([theta, 0], v - h * w)) / (2 * h)
    # the remainder h^2/6 d^3 exp, and the error 1e-10 of exp over h
    assert derivative @ w == pytest.approx(difference, abs=3e-6)


def test_conjugate_points_of_the_sphere(sphere: Geodesics) -> None:
    point = [1.0, 0.0]
    found = sphere.conjugate_points(point, sphere.unit(point, [0.3, 0.9]), 10.0)
    assert [one.s for one in found] == pytest.approx([math.pi, 2 * math.pi, 3 * math.pi], abs=1e-8)
    assert [one.multiplicity for one in found] == [1, 1, 1]
    assert found[0].point == pytest.approx([math.pi - 1, math.pi], abs=1e-8)  # the antipode


def test_multiplicity_two_on_the_three_sphere(sphere3: Geodesics) -> None:
    point = [0.3, 0.2, 0.1]
    found = sphere3.conjugate_points(point, sphere3.unit(point, [0.5, -0.3, 0.4]), 4.0)
    assert [one.multiplicity for one in found] == [2]
    assert found[0].s == pytest.approx(math.pi, abs=1e-7)


def test_no_conjugate_points_where_curvature_is_negative(half_plane: Geodesics) -> None:
    assert half_plane.conjugate_points([0.0, 1.0], [1.0, 0.0], 6.0) == ()


def test_fields_of_different_shapes_are_refused(sphere: Geodesics) -> None:
    with pytest.raises(DomainError, match="as many of each"):
        sphere.jacobi_field([1, 0], [0, 1], [0, 0], [[1, 0], [0, 1]])
