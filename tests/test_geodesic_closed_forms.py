"""Geodesics against closed forms: great circles and hyperbolas in many charts, straight lines."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import geomkit as gk
from geomkit.geodesic import Geodesics, Settings
from tests.geodesic_charts import HYPERBOLIC, SPHERES, ChartOfSpace

CHARTS = {chart.name: chart for chart in (*SPHERES, *HYPERBOLIC)}


@cache
def space(name: str) -> Geodesics:
    # The interpreter needs no compilation, and its right-hand sides are correctly rounded.
    return Geodesics(CHARTS[name].metric(), backend="interpret")


def deviation(chart: ChartOfSpace, vector: list[float]) -> float:
    """Distance, in flat space, of exp_p(v) from the great circle through p along v."""
    reached = space(chart.name).exp(list(chart.point), vector)
    return float(np.abs(chart.image(reached) - chart.great_circle(chart.point, vector, 1.0)).max())


@pytest.mark.parametrize("name", sorted(CHARTS))
def test_geodesics_are_great_circles(name: str) -> None:
    chart = CHARTS[name]
    vector = [0.4, -0.3, 0.2, 0.5][: len(chart.point)]
    # rtol 1e-10 a step, some ten steps; the images have sizes up to 4
    assert deviation(chart, vector) < 4e-9


@given(
    name=st.sampled_from(sorted(CHARTS)),
    direction=st.lists(st.floats(-0.4, 0.4), min_size=4, max_size=4),
)
def test_any_direction_is_a_great_circle(name: str, direction: list[float]) -> None:
    chart = CHARTS[name]
    vector = direction[: len(chart.point)]
    if max(map(abs, vector)) > 0.01:
        assert deviation(chart, vector) < 4e-9  # as above


def test_the_great_circle_law_fails_for_another_curve() -> None:
    chart = CHARTS["polar S2"]
    wrong = chart.image([1.3 + 0.4, 0.2 - 0.3])  # a straight line of the chart
    assert np.abs(wrong - chart.great_circle(chart.point, [0.4, -0.3], 1.0)).max() > 1e-3


def test_straight_lines_of_the_plane_in_polar_coordinates() -> None:
    plane = Geodesics(gk.catalog["flat_polar"], backend="interpret")
    curve = plane.geodesic([1.0, 0.0], [-0.6, 0.8], 40.0)
    x = curve.column("r") * np.cos(curve.column("phi"))
    y = curve.column("r") * np.sin(curve.column("phi"))
    # relative tolerance 1e-10 a step at distance 40
    assert np.abs(x - (1 - 0.6 * curve.s)).max() < 2e-7
    assert np.abs(y - 0.8 * curve.s).max() < 2e-7
    assert curve.conserved
    assert curve.invariants["p_phi"].value == pytest.approx(0.8)


def test_fall_towards_the_cosmological_flat_slices_of_de_sitter() -> None:
    # Comoving observers of flat slices are geodesics: x constant, t = tau.
    metric = gk.catalog["de_sitter_flat"]
    values = {p.symbol.name: 1.0 for p in metric.parameters}
    space_time = Geodesics(metric, backend="interpret", parameters=values)
    point = [0.1, *[0.3] * (metric.n - 1)]
    velocity = space_time.clock(point, [None, *[0.0] * (metric.n - 1)])
    assert velocity == pytest.approx([1.0, *[0.0] * (metric.n - 1)], abs=1e-15)
    curve = space_time.geodesic(point, velocity, 2.0)
    assert curve.end == pytest.approx([2.1, *[0.3] * (metric.n - 1)], abs=1e-12)
    assert curve.character == "timelike"


def test_an_unspecified_function_is_given_as_a_callable() -> None:
    # ds^2 = -dt^2 + a(t)^2 dx^2: a^2 dx/ds = k is conserved, and (dt/ds)^2 = 1 + k^2/a^2.
    metric = gk.Metric.from_line_element(
        "-dt**2 + a(t)**2*dx**2", ["t", "x"], functions={"a(t)": ["exp(t)"]},
        domain={"t": ["0", "1"]}, name="expanding",
    )  # fmt: skip

    def a(t: Any, orders: tuple[int, ...]) -> Any:
        return np.exp(t)  # all derivatives of exp are exp

    world = Geodesics(metric, backend="interpret", a=a)
    curve = world.geodesic([0.0, 0.0], [math.sqrt(2.0), 1.0], 1.0)
    # with a = e^t: e^t dt/sqrt(e^2t + 1) = ds, so asinh(e^t) is linear in s  (k = 1)
    expected = math.log(math.sinh(math.asinh(1.0) + 1.0))
    assert curve.end[0] == pytest.approx(expected, abs=1e-9)


def test_dense_output_agrees_with_the_great_circle_between_the_steps() -> None:
    chart = CHARTS["stereographic S2"]
    curve = space(chart.name).geodesic(list(chart.point), [0.3, 0.4], 2.0)
    for s in (0.1234, 0.777, 1.9):
        exact = chart.great_circle(chart.point, [0.3, 0.4], s)
        # the interpolant of degree 7 has a larger error than the steps: some 1e-8
        assert np.abs(chart.image(curve(s)) - exact).max() < 1e-7
    assert curve(np.array([0.1, 0.2])).shape == (2, 2)
    assert curve.velocity(0.0) == pytest.approx([0.3, 0.4], abs=1e-12)


def test_the_error_follows_the_tolerance() -> None:
    chart = CHARTS["polar S2"]
    exact = chart.great_circle(chart.point, [0.4, -0.3], 6.0)
    errors = []
    for rtol in (1e-4, 1e-7, 1e-10):
        settings = Settings(rtol=rtol, atol=rtol / 100)
        coarse = Geodesics(chart.metric(), backend="interpret", settings=settings)
        end = coarse.geodesic(list(chart.point), [0.4, -0.3], 6.0, samples=2).end
        errors.append(float(np.abs(chart.image(end) - exact).max()))
    # an error control that works: three digits of tolerance bring about three digits
    assert errors[0] > 30 * errors[1] > 900 * errors[2] > 0


def test_backwards_leads_back() -> None:
    plane = Geodesics(gk.catalog["hyperbolic_plane_half"], backend="interpret")
    there = plane.geodesic([0.0, 1.0], [0.5, 0.5], 2.0)
    back = plane.geodesic(there.end, there.velocities[-1], -2.0)
    assert back.end == pytest.approx([0.0, 1.0], abs=1e-8)  # two errors of some 1e-9


def test_the_sphere_of_mpmath_agrees_with_that_of_numpy() -> None:
    # The oracle itself: |X| = 1 and X' is tangent.
    for chart in SPHERES:
        image, slope = chart.image(chart.point), chart.pushed(chart.point, [0.3] * len(chart.point))
        assert mpmath.fsum(x * x for x in image) == pytest.approx(1.0, abs=1e-14)
        assert abs(image @ slope) < 1e-14
