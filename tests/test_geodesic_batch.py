"""Many geodesics at once: equal to single ones, with the same order, events and ends."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import geomkit as gk
from geomkit.errors import DomainError, MetricError
from geomkit.geodesic import Ending, Event, Geodesics, Settings
from geomkit.geodesic.batch import integrate_many


@pytest.fixture(scope="module")
def half_plane() -> Geodesics:
    return Geodesics(gk.catalog["hyperbolic_plane_half"])


def oscillator(states: Any) -> Any:
    return np.stack([states[:, 1], -states[:, 0]], axis=1)


STATES = arrays(np.float64, (5, 2), elements=st.floats(-3, 3))
LENGTHS = arrays(np.float64, (5,), elements=st.floats(0.1, 20) | st.floats(-20, -0.1))


@given(states=STATES, lengths=LENGTHS)
def test_oscillators_of_any_length(states: Any, lengths: Any) -> None:
    paths = integrate_many(oscillator, states, lengths, 9, Settings())
    x, v = states[:, :1], states[:, 1:]
    exact = x * np.cos(paths.s) + v * np.sin(paths.s)
    assert paths.s[:, -1] == pytest.approx(lengths)
    # rtol 1e-10 a step of about 0.4; the samples between come from the interpolant
    assert paths.states[..., 0] == pytest.approx(exact, abs=2e-8)
    assert set(paths.endings) == {Ending.LENGTH}


def test_the_law_of_the_oscillators_fails_for_damped_ones() -> None:
    def damped(states: Any) -> Any:
        return oscillator(states) - [0.0, 1e-3] * states

    paths = integrate_many(damped, np.array([[1.0, 0.0]]), np.array([5.0]), 9, Settings())
    assert np.abs(paths.states[..., 0] - np.cos(paths.s)).max() > 1e-4


def test_the_error_falls_with_the_eighth_order() -> None:
    errors, steps = [], []
    for rtol in (1e-5, 1e-8, 1e-11):
        settings = Settings(rtol=rtol, atol=rtol)
        paths = integrate_many(oscillator, np.array([[1.0, 0.0]]), np.array([50.0]), 2, settings)
        errors.append(abs(paths.states[0, -1, 0] - math.cos(50.0)))
        steps.append(int(paths.steps[0]))
    # error ~ steps^-8, seen over a factor of steps: at least order 6.5
    order = math.log(errors[0] / errors[2]) / math.log(steps[2] / steps[0])
    assert order > 6.5


@given(
    points=arrays(np.float64, (4, 2), elements=st.floats(0.5, 2)),
    vectors=arrays(np.float64, (4, 2), elements=st.floats(-0.7, 0.7)),
)
def test_a_batch_is_its_members(half_plane: Geodesics, points: Any, vectors: Any) -> None:
    together = half_plane.exp(points, vectors)
    alone = [half_plane.exp(p, v) for p, v in zip(points, vectors, strict=True)]
    # both have rtol 1e-10 a step
    assert together == pytest.approx(np.array(alone), abs=1e-8)


def test_leading_dimensions_broadcast(half_plane: Geodesics) -> None:
    vectors = np.linspace(-0.5, 0.5, 12).reshape(3, 2, 2)
    ends = half_plane.exp([0.0, 1.0], vectors)
    assert ends.shape == (3, 2, 2)
    assert ends[1, 1] == pytest.approx(half_plane.exp([0.0, 1.0], vectors[1, 1]), abs=1e-9)


def test_each_curve_stops_at_its_own_event(half_plane: Geodesics) -> None:
    # vertical geodesics y = e^s meet y = 2 at s = log 2 - log y0; downwards ones never do
    starts = np.array([[0.0, 1.0], [1.0, 0.5], [2.0, 1.0]])
    velocities = np.array([[0.0, 1.0], [0.0, 0.5], [0.0, -1.0]])
    bundle = half_plane.geodesics(starts, velocities, 3.0, events={"high": "y - 2"}, samples=31)
    assert bundle.stopped_by == ("high", "high", "")
    assert [one.value for one in bundle.endings] == ["event", "event", "length"]
    assert bundle.s[:, -1] == pytest.approx([math.log(2), math.log(4), 3.0], abs=1e-8)
    # until then as without event; afterwards the end is repeated
    inside = bundle.s < bundle.s[:, -1:]
    heights = starts[:, 1:] * np.exp([[1.0], [1.0], [-1.0]] * bundle.s)
    assert bundle.points[..., 1] == pytest.approx(heights, abs=1e-7)
    assert inside.sum(axis=1).tolist() == [7, 14, 30]
    rays = list(bundle)
    assert [len(ray.s) for ray in rays] == [8, 15, 31]
    assert rays[0].column("y")[-1] == pytest.approx(2.0, abs=1e-12)
    assert "event high" in rays[0].message
    assert "2 high, 1 length" in str(bundle)
    assert json.loads(bundle.to_json())["endings"] == ["event", "event", "length"]


def test_the_first_of_several_events_counts_even_within_one_step() -> None:
    # straight lines, which the integrator follows in a few huge steps
    flat = Geodesics(gk.Metric(["x", "y"], [[1, 0], [0, 1]], name="flat"), backend="interpret")
    starts, velocities = [[0.0, 0.0], [0.0, 5.0]], [[1.0, 0.0], [1.0, 0.0]]
    events = {"late": "x - 7", "twice": "(x - 6)**2 - 4", "early": "x - 3 + y"}
    bundle = flat.geodesics(starts, velocities, 10.0, events=events, samples=3)
    assert bundle.stopped_by == ("early", "twice")
    assert bundle.s[:, -1] == pytest.approx([3.0, 4.0], abs=1e-12)


def test_an_event_in_one_direction_only(half_plane: Geodesics) -> None:
    arc = ([0.0, 1.0], [0.8, 0.6])  # rises to sqrt(1/0.64) = 1.25 and falls again
    down = half_plane.geodesics(*arc, 5.0, events=Event("y - 1.1", direction=-1))
    up = half_plane.geodesics(*arc, 5.0, events=Event("y - 1.1", direction=1))
    assert down.s[0, -1] > up.s[0, -1] > 0
    assert down.points[0, -1, 1] == pytest.approx(1.1) == up.points[0, -1, 1]


def test_a_line_through_the_origin_leaves_the_others_alone() -> None:
    # a straight line through the origin of polar coordinates, and one beside it
    plane = Geodesics(gk.catalog["flat_polar"], backend="interpret")
    bundle = plane.geodesics([[1.0, 0.0], [1.0, 0.0]], [[-1.0, 0.0], [0.0, 1.0]], 2.0, samples=5)
    assert np.isfinite(bundle.points).all()
    assert bundle.endings[1] is Ending.LENGTH


def test_exp_names_the_vectors_it_is_not_defined_for() -> None:
    # dx^2/x^4: 1/x = 1 - v s, so that a curve with v = 4 leaves the chart at s = 1/4
    line = gk.Metric.from_line_element("dx**2/x**4 + dy**2", ["x", "y"], domain={"x": ["1", "2"]})
    half_line = Geodesics(line, backend="interpret")
    fine = half_line.exp([1.0, 0.0], [[0.5, 0.0], [-1.0, 0.0]])
    assert fine[:, 0] == pytest.approx([2.0, 0.5], abs=1e-9)
    with pytest.raises(DomainError, match="1 of 2 vectors, the first of them number 1"):
        half_line.exp([1.0, 0.0], [[0.5, 0.0], [4.0, 0.0]])
    with pytest.raises(DomainError, match="exp is not defined"):
        half_line.exp([1.0, 0.0], [4.0, 0.0])


def test_the_limit_on_steps(half_plane: Geodesics) -> None:
    few = Geodesics(half_plane.metric, settings=Settings(max_steps=3), backend="interpret")
    bundle = few.geodesics([[0.0, 1.0]], [[0.5, 0.5]], 50.0, samples=3)
    assert bundle.endings == (Ending.STEPS,)
    single = few.geodesic([0.0, 1.0], [0.5, 0.5], 50.0)
    assert single.ending is Ending.STEPS
    assert single.steps == 3


def test_wrong_shapes_are_refused(half_plane: Geodesics) -> None:
    with pytest.raises(DomainError, match="do not fit"):
        half_plane.geodesics([[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0]])
    with pytest.raises(DomainError, match="broadcast"):
        half_plane.geodesics(np.ones((3, 2)), np.ones((4, 2)))
    with pytest.raises(DomainError, match="not finite"):
        half_plane.geodesics([[0.0, math.nan]], [[0.0, 1.0]])
    with pytest.raises(DomainError, match="not zero"):
        half_plane.geodesics([[0.0, 1.0]], [[0.0, 1.0]], 0.0)
    with pytest.raises(MetricError, match="no coordinate 'r'"):
        half_plane.geodesics([[0.0, 1.0]], [[0.0, 1.0]], samples=2).cartesian()
