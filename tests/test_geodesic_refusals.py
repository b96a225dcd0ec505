"""What is refused, with which words; and answers at the edges of charts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import geomkit as gk
from geomkit.errors import DomainError, EvaluationError, GeomkitError, MetricError
from geomkit.geodesic import Ending, Event, Geodesics, Settings, horizon_event, light_rays
from geomkit.geodesic.expressions import Floats, Scalar
from geomkit.geodesic.integrate import integrate

SPHERE = gk.catalog["sphere2"]


@pytest.fixture(scope="module")
def sphere() -> Geodesics:
    return Geodesics(SPHERE, a=1.0, backend="interpret")


@pytest.fixture(scope="module")
def schwarzschild() -> Geodesics:
    return Geodesics(gk.catalog["schwarzschild"], M=1.0, backend="interpret")


@pytest.mark.parametrize(
    ("point", "vector", "message"),
    [
        ([1.0, 0.0], [1j, 0.0], "no row of numbers"),
        (["1", "0"], [1.0, 0.0], "no row of numbers"),
        ([[1.0, 0.0], [1.0]], [1.0, 0.0], "no row of numbers"),
        ([10**400, 0], [1.0, 0.0], "no row of numbers"),
        (None, None, "do not fit"),
        (1.0, 2.0, "do not fit"),
        ([[1.0, 0.0], [1.0, math.nan]], [1.0, 0.0], r"points\[1\] = \[1.0, nan\] is not finite"),
        (torch.ones(2, requires_grad=True), [1.0, 0.0], "geomkit.geodesic.torch"),
        ([[0.0, 0.0]], [1.0, 0.0], "singular ahead of theta = 0"),
    ],
)
def test_points_that_are_none(sphere: Geodesics, point: Any, vector: Any, message: str) -> None:
    with pytest.raises(DomainError, match=message):
        sphere.exp(point, vector)


def test_tensors_and_empty_batches_are_understood(sphere: Geodesics) -> None:
    vectors = torch.tensor([[0.25, 0.5]], dtype=torch.float32)  # exact in binary
    exact = sphere.exp([1.0, 0.0], [0.25, 0.5])
    assert sphere.exp(torch.tensor([1.0, 0.0]), vectors)[0] == pytest.approx(exact, abs=1e-9)
    assert sphere.exp(np.zeros((0, 2)), np.zeros((0, 2))).shape == (0, 2)
    assert sphere.exp([1.0, 0.0], [0.0, 0.0]).tolist() == [1.0, 0.0]
    with pytest.raises(DomainError, match="no curve to follow"):
        sphere.geodesics(np.zeros((0, 2)), np.zeros((0, 2)))
    with pytest.raises(DomainError, match="2 lengths were given for 3 curves"):
        sphere.geodesics([[1.0, 0.0]] * 3, [[0.0, 1.0]] * 3, [1.0, 2.0])


@pytest.mark.parametrize(
    ("events", "error", "message"),
    [
        ("3", MetricError, "the same everywhere"),
        ("log(-theta)", DomainError, "no real number at theta = 1"),
        ("LambertW(theta)", EvaluationError, "cannot be used along a curve"),
    ],
)
def test_events_that_are_none(
    sphere: Geodesics, events: str, error: type[GeomkitError], message: str
) -> None:
    with pytest.raises(error, match=message):
        sphere.geodesic([1.0, 0.0], [0.1, 0.4], events=events)
    with pytest.raises(error, match=message):
        sphere.geodesics([[1.0, 0.0]], [[0.1, 0.4]], events=events)


def test_settings_and_options_are_checked(sphere: Geodesics, schwarzschild: Geodesics) -> None:
    for settings in ({"rtol": "a"}, {"max_steps": 0}):
        with pytest.raises(DomainError, match="give numbers, and at least 1 step"):
            Settings(**settings)
    with pytest.raises(DomainError, match="direction = 7"):
        Event("theta", direction=7)
    with pytest.raises(DomainError, match="margin"):
        horizon_event(schwarzschild.metric, margin=math.nan)
    with pytest.raises(MetricError, match="is no Metric"):
        Geodesics("sphere2", a=1.0)  # type: ignore[arg-type]
    with pytest.raises(MetricError, match="given twice"):
        Geodesics(SPHERE, a=1.0, parameters={"a": 2.0})
    with pytest.raises(MetricError, match="two invariants are called 'energy'"):
        Geodesics(SPHERE, a=1.0, integrals={"energy": "phi"}, backend="interpret")
    with pytest.raises(DomainError, match="drift"):
        Geodesics(SPHERE, a=1.0, drift=math.nan)
    for count in (10.5, 1, 10**12):
        with pytest.raises(DomainError, match="samples were asked for"):
            sphere.geodesic([1.0, 0.0], [0.1, 0.4], samples=count)  # type: ignore[arg-type]
    for options in ({"attempts": 0}, {"seed": -1}, {"attempts": "x"}):
        with pytest.raises(DomainError, match="give a whole number"):
            sphere.log([1.0, 0.0], [1.0, 1.0], **options)
    with pytest.raises(DomainError, match="it has to return position and velocity"):
        sphere.transport_along(lambda s: None, [1.0, 1.0])


def test_rays_that_do_not_exist(sphere: Geodesics, schwarzschild: Geodesics) -> None:
    for impact, distance, message in [
        ([0.0], 1.0, "no ray of impact parameter 0 comes in from distance 1"),
        ([math.nan], 10.0, "give finite numbers"),
        ([], 10.0, "give finite numbers"),
    ]:
        with pytest.raises(DomainError, match=message):
            light_rays(schwarzschild, impact, distance=distance)
    with pytest.raises(DomainError, match="lies within the beam"):
        light_rays(schwarzschild, 0.0, distance=10.0, escape=5.0)
    with pytest.raises(MetricError, match="no coordinate 't'"):
        light_rays(sphere, 1.0, distance=10.0)


def test_a_degenerate_metric_is_refused() -> None:
    nothing = Geodesics(SPHERE, a=0.0, backend="interpret")
    with pytest.raises(DomainError, match="the metric is degenerate"):
        nothing.geodesic([1.0, 0.0], [0.1, 0.4])


def test_closeness_to_a_horizon_is_not_degeneracy(schwarzschild: Geodesics) -> None:
    # g_tt and 1/g_rr are 5e-12 here, and their product is 1
    point = [0.0, 2 + 1e-11, math.pi / 2, 0.0]
    light = schwarzschild.light(point, [None, -1.0, 0.0, 0.0])
    f = 1 - 2 / point[1]
    assert light[0] == pytest.approx(1 / f, rel=1e-5)  # r - 2 itself has five digits
    # in a chart that is regular there, g_tt vanishes on the horizon: one root is at infinity
    regular = gk.Metric.from_line_element(
        "-(1 - 2/r)*dv**2 + 2*dv*dr", ["v", "r"], domain={"r": ["1", "9"]}, name="regular"
    )
    on_it = Geodesics(regular, backend="interpret")
    moving = on_it.clock([0.0, 2.0], [None, -0.5], time="v")
    assert moving == pytest.approx([1.0, -0.5])  # 2 v^v v^r = -1


# Edges of charts ----------------------------------------------------------------------------------


def test_a_pole_is_no_conjugate_point(sphere: Geodesics) -> None:
    # along the meridian through the pole at s = 1; the first conjugate point is at pi
    assert sphere.conjugate_points([1.0, 0.0], [-1.0, 0.0], 1.5) == ()


def test_conjugate_points_do_not_depend_on_units() -> None:
    # the sphere with phi in units of 1e-4: coordinates alone would make d exp look singular
    metric = gk.Metric.from_line_element(
        "dtheta**2 + 10**8*sin(theta)**2*dw**2", ["theta", "w"], name="fine units"
    )
    fine = Geodesics(metric, backend="interpret")
    found = fine.conjugate_points([1.0, 0.0], fine.unit([1.0, 0.0], [0.3, 0.9e-4]), 4.0)
    assert [one.s for one in found] == pytest.approx([math.pi], abs=1e-7)


def test_poles_are_named_by_the_logarithm(sphere: Geodesics) -> None:
    found = sphere.distance([1.0, 0.0], [0.0, 0.0])
    assert not found.converged
    assert "the chart is not regular at the end, theta = 0" in found.message
    with pytest.raises(DomainError, match="not regular at the start, theta = 0"):
        sphere.log([0.0, 0.0], [1.0, 0.0])


def test_antipodal_points_have_a_geodesic_of_half_a_turn(sphere: Geodesics) -> None:
    # a whole circle of them; d exp is singular at each
    found = sphere.distance([1.0, 0.0], [math.pi - 1, math.pi])
    assert float(found) == pytest.approx(math.pi, abs=1e-8)


@pytest.mark.slow
def test_the_log_around_a_pole_is_the_long_great_circle() -> None:
    # the straight path of targets crosses a meridian on which geodesics pass through the pole
    ball = Geodesics(SPHERE, a=1.0)
    found = ball.distance([1.0, 0.0], [1.0, 4.0])
    short = math.acos(math.cos(1) ** 2 + math.sin(1) ** 2 * math.cos(4))
    assert float(found) == pytest.approx(2 * math.pi - short, abs=1e-7)
    assert found.shortest is False


def test_a_huge_length_is_no_singularity() -> None:
    def oscillator(_s: float, state: Any) -> Any:
        return np.array([state[1], -state[0]])

    path = integrate(oscillator, np.array([1.0, 0.0]), (0.0, 1e200), Settings(max_steps=50))
    assert path.ending is Ending.STEPS


def test_a_singularity_far_before_the_end_is_one() -> None:
    # y' = y^2 from y = 1 is 1/(1 - s)
    path = integrate(lambda _s, y: y**2, np.array([1.0]), (0.0, 1e6), Settings())
    assert path.ending is Ending.SINGULAR
    assert path.s[-1] == pytest.approx(1.0, abs=1e-8)


def test_a_smooth_curve_has_no_corners(schwarzschild: Geodesics) -> None:
    point = [0.0, 10.0, math.pi / 2, 0.0]
    velocity = schwarzschild.clock(point, [None, 0.0, 0.0, 0.042])
    orbit = schwarzschild.geodesic(point, velocity, 300.0, samples=5)
    smooth = orbit.smooth()
    r, phi = smooth.column("r"), smooth.column("phi")
    steps = np.diff(np.column_stack([r * np.cos(phi), r * np.sin(phi)]), axis=0)
    turns = np.diff(np.unwrap(np.arctan2(steps[:, 1], steps[:, 0])))
    assert np.abs(turns).max() < np.radians(10)
    assert smooth.points[[0, -1]] == pytest.approx(orbit.points[[0, -1]], abs=1e-9)


def test_killing_fields_of_the_catalogue_are_monitored(sphere: Geodesics) -> None:
    curve = sphere.geodesic([1.0, 0.0], [0.6, 0.9], 3.0)
    assert {"K2", "K3"} <= set(curve.invariants)  # the rotations about two other axes
    assert curve.conserved
    none = Geodesics(SPHERE, a=1.0, killing=(), backend="interpret")
    assert set(none.geodesic([1.0, 0.0], [0.6, 0.9], 1.0).invariants) == {"energy", "p_phi"}


# Functions along curves ---------------------------------------------------------------------------


def test_an_event_is_evaluated_as_the_walk_does_it() -> None:
    from geomkit.evaluate import evaluate

    texts = [
        "sin(theta)**3/2 - sqrt(phi)*v_theta",
        "a**2 + exp(-theta)/(1 + v_phi**2) - 3",
        "atan2(theta, phi)**(1/3) + pi*a",
        "cot(theta) + sech(phi) + polygamma(1, theta)",
    ]
    rows = np.random.default_rng(0).uniform(0.5, 2.0, (20, 4))
    for text in texts:
        scalar = Scalar(SPHERE, text, {"a": 1.5})
        names = {str(symbol): symbol for symbol in scalar.expression.free_symbols}
        for row in rows:
            given = dict(zip(["theta", "phi", "v_theta", "v_phi"], row, strict=True)) | {"a": 1.5}
            values = {symbol: given[name] for name, symbol in names.items()}
            exact = float(evaluate(scalar.expression, values, Floats()))
            assert float(scalar(row[:2], row[2:])) == exact
