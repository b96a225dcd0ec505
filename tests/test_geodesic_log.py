"""The logarithm and the distance: round trips, closed forms, and failure that says so."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import geomkit as gk
from geomkit.errors import DomainError, MetricError
from geomkit.geodesic import Geodesics


@pytest.fixture(scope="module")
def half_plane() -> Geodesics:
    return Geodesics(gk.catalog["hyperbolic_plane_half"])


@pytest.fixture(scope="module")
def sphere() -> Geodesics:
    return Geodesics(gk.catalog["sphere2"], a=1.0)


@pytest.fixture(scope="module")
def minkowski() -> Geodesics:
    return Geodesics(gk.catalog["minkowski"], backend="interpret")


def half_plane_distance(p: list[float], q: list[float]) -> float:
    (x0, y0), (x1, y1) = p, q
    return 2 * math.asinh(0.5 * math.hypot(x1 - x0, y1 - y0) / math.sqrt(y0 * y1))


HALF_PLANE_POINTS = st.tuples(st.floats(-2, 2), st.floats(0.3, 3)).map(list)


@given(p=HALF_PLANE_POINTS, q=HALF_PLANE_POINTS)
def test_distance_of_the_half_plane(half_plane: Geodesics, p: list[float], q: list[float]) -> None:
    exact = half_plane_distance(p, q)
    found = half_plane.distance(p, q)
    assert found.converged
    # the residual is below 1e-8 of the coordinate difference; the distance is more exact still
    assert float(found) == pytest.approx(exact, rel=1e-7, abs=1e-10)
    assert found.shortest in (None, True)


@given(p=HALF_PLANE_POINTS, v=st.tuples(st.floats(-1, 1), st.floats(-1, 1)))
def test_log_is_the_inverse_of_exp(
    half_plane: Geodesics, p: list[float], v: tuple[float, float]
) -> None:
    vector = p[1] * np.array(v)  # of length |v|: without conjugate points log is unique
    q = half_plane.exp(p, vector)
    found = half_plane.log(p, q)
    assert found.converged
    assert found.vector == pytest.approx(vector, abs=1e-7 * p[1])
    assert half_plane.exp(p, found.vector) == pytest.approx(q, abs=1e-7)


def test_great_circle_distances(sphere: Geodesics) -> None:
    p, q = [0.5, 0.0], [1.9, 2.5]
    cosine = math.cos(p[0]) * math.cos(q[0]) + math.sin(p[0]) * math.sin(q[0]) * math.cos(q[1])
    found = sphere.distance(p, q)
    assert float(found) == pytest.approx(math.acos(cosine), abs=1e-9)
    assert "a shorter one may exist" in str(found)


def test_the_long_way_round_is_known_not_to_be_shortest(sphere: Geodesics) -> None:
    # along the equator by more than half a turn: the straight path leads to the long geodesic
    found = sphere.distance([math.pi / 2, 0.0], [math.pi / 2, 4.0])
    assert float(found) == pytest.approx(4.0, abs=1e-9)
    assert found.shortest is False
    assert "conjugate point at s = 0.785398" in found.message  # pi/4 of the way
    shorter = sphere.distance([math.pi / 2, 0.0], [math.pi / 2, 4.0], periods={"phi": 2 * math.pi})
    assert float(shorter) == pytest.approx(2 * math.pi - 4.0, abs=1e-9)
    assert shorter.shortest is None


def test_points_without_a_geodesic_between_them_give_no_vector(half_plane: Geodesics) -> None:
    # y = 0 is infinitely far away, and y = -1 beyond
    plane = half_plane
    found = plane.log([0.0, 1.0], [0.0, -1.0], attempts=1)
    assert not found.converged
    assert found.vector is None
    assert "did not converge" in found.message
    assert found.residual > 0.1
    distance = plane.distance([0.0, 1.0], [0.0, -1.0], attempts=1)
    assert distance.value is None
    assert "no geodesic" in str(distance)
    with pytest.raises(DomainError, match="no distance"):
        float(distance)


def test_the_same_point_is_at_distance_zero(sphere: Geodesics) -> None:
    found = sphere.distance([1.0, 2.0], [1.0, 2.0])
    assert (found.value, found.shortest) == (0.0, True)


def test_intervals_of_minkowski_space(minkowski: Geodesics) -> None:
    origin = [0.0] * 4
    for end, character, value in [
        ([5.0, 3.0, 0.0, 0.0], "timelike", 4.0),
        ([3.0, 5.0, 0.0, 0.0], "spacelike", 4.0),
        ([5.0, 3.0, 4.0, 0.0], "null", 0.0),
    ]:
        found = minkowski.distance(origin, end)
        assert (found.character, found.converged) == (character, True)
        assert found.value == pytest.approx(value, abs=1e-12)
    assert "light connects" in minkowski.distance(origin, [5.0, 3.0, 4.0, 0.0]).message


def test_small_separations_are_not_lost(half_plane: Geodesics) -> None:
    p, q = [0.3, 1.0], [0.3 + 1e-6, 1.0 + 2e-6]
    # the residual is relative to the difference of the coordinates, whose own rounding is 1e-10
    assert float(half_plane.distance(p, q)) == pytest.approx(half_plane_distance(p, q), rel=1e-7)


@pytest.mark.parametrize("step", [1e-9, 1e-14, 1.4e-45, 5e-324])
def test_separations_down_to_the_smallest_numbers(half_plane: Geodesics, step: float) -> None:
    found = half_plane.log([0.0, 1.0], [step, 1.0])
    assert found.converged
    # to the rounding of coordinates of size 1, and to 1e-8 of the difference
    assert found.vector == pytest.approx([step, 0.0], rel=1e-7, abs=2e-13)


def test_wrong_periods_are_refused(sphere: Geodesics) -> None:
    with pytest.raises(MetricError, match="positive number"):
        sphere.log([1, 0], [1, 1], periods={"phi": -1.0})
    with pytest.raises(MetricError, match="theta, phi"):
        sphere.log([1, 0], [1, 1], periods={"psi": 1.0})


def test_log_says_what_it_is(sphere: Geodesics) -> None:
    assert "residual" in str(sphere.log([1.0, 0.0], [1.2, 0.1]))
