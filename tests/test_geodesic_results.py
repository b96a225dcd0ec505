"""What results say, and what is refused: events, invariants, initial conditions, parameters."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

import geomkit as gk
from geomkit.errors import DomainError, EvaluationError, GeomkitError, MetricError
from geomkit.geodesic import (
    Ending,
    Event,
    Geodesics,
    Settings,
    cyclic_coordinates,
    horizon_event,
    killing_fields,
)
from geomkit.geodesic.expressions import Scalar


@pytest.fixture(scope="module")
def sphere() -> Geodesics:
    fields = killing_fields(gk.catalog["sphere2"])
    return Geodesics(gk.catalog["sphere2"], a=1.0, killing=fields, backend="interpret")


@pytest.fixture(scope="module")
def schwarzschild() -> Geodesics:
    return Geodesics(gk.catalog["schwarzschild"], M=1.0, backend="interpret")


# Invariants ---------------------------------------------------------------------------------------


def test_the_momenta_of_the_rotations_are_conserved(sphere: Geodesics) -> None:
    curve = sphere.geodesic([1.0, 0.0], [0.6, 0.9], 6.0)
    assert {"energy", "p_phi", "K1", "K2"} <= set(curve.invariants)
    assert all(one.proved and one.ok for one in curve.invariants.values())
    # L^2 = 2 a^2 E on the unit sphere: the rotations about x, y, z, up to the order of the fields
    energy = 0.5 * (0.6**2 + math.sin(1.0) ** 2 * 0.9**2)
    assert curve.invariants["energy"].value == pytest.approx(energy)
    assert curve.invariants["p_phi"].value == pytest.approx(math.sin(1.0) ** 2 * 0.9)
    assert max(one.drift for one in curve.invariants.values()) < 1e-9


def test_what_is_no_killing_field_is_refused(sphere: Geodesics) -> None:
    with pytest.raises(MetricError, match="was given as a Killing field of 'sphere2' and is not"):
        Geodesics(sphere.metric, a=1.0, killing={"D": ["1", "0"]}, backend="interpret")


def test_cyclic_coordinates_are_found_where_symbols_drop_out() -> None:
    metric = gk.Metric(["x", "y"], [["1 + x**2 - (x - 1)*(x + 1)", 0], [0, "1 + y**2"]])
    assert cyclic_coordinates(metric) == ("x",)
    assert killing_fields(metric) == {}


def test_a_loose_tolerance_is_seen_in_the_drift(sphere: Geodesics) -> None:
    loose = Geodesics(
        sphere.metric, a=1.0, settings=Settings(rtol=1e-2, atol=1e-2), backend="interpret"
    )
    curve = loose.geodesic([1.0, 0.0], [0.6, 0.9], 30.0)
    assert not curve.conserved
    assert "NOT CONSERVED" in str(curve)
    tolerant = Geodesics(
        sphere.metric, a=1.0, settings=Settings(rtol=1e-2, atol=1e-2), drift=1e3,
        backend="interpret",
    )  # fmt: skip
    assert tolerant.geodesic([1.0, 0.0], [0.6, 0.9], 30.0).conserved


# Kernels ------------------------------------------------------------------------------------------


def test_single_points_and_batches_and_the_interpreter_agree() -> None:
    # components that vanish exactly (x), and some that do not
    metric = gk.Metric.from_line_element(
        "dx**2 + b**2*(dr**2 + r**2*dphi**2)", ["x", "r", "phi"], parameters=["b"], name="cylinders"
    )
    kernels, slow = Geodesics(metric, b=1.5), Geodesics(metric, b=1.5, backend="interpret")
    rows = np.random.default_rng(0).normal(size=(5, 12))
    for quantities, width in ((("geodesic",), 2), (("geodesic", "jacobi"), 4), (("metric",), 1)):
        parts = [rows[:, 3 * k : 3 * k + 3] for k in range(width)]
        batch = kernels.equations.field(*quantities)(*parts)
        exact = slow.equations.field(*quantities)(*parts)
        for k, row in enumerate(rows):
            alone = kernels.equations.field(*quantities).at(row[: 3 * width])
            for one, many, right in zip(alone, batch, exact, strict=True):
                assert one.shape == many[k].shape
                # a few roundings of a few operations; terms cancel in the sums
                assert one == pytest.approx(right[k], rel=1e-13, abs=1e-14)
                assert many[k] == pytest.approx(right[k], rel=1e-13, abs=1e-14)


def test_flat_space_has_nothing_to_compute() -> None:
    flat = Geodesics(gk.Metric(["x", "y"], [[1, 0], [0, 1]], name="flat"))
    assert flat.exp([1.0, 2.0], [3.0, 4.0]) == pytest.approx([4.0, 6.0])
    assert flat.exp([1.0, 2.0], [[3.0, 4.0]] * 3) == pytest.approx(np.array([[4.0, 6.0]] * 3))


def test_threads_may_share_geodesics() -> None:
    from concurrent.futures import ThreadPoolExecutor

    plane = Geodesics(gk.catalog["flat_polar"])
    vectors = np.random.default_rng(1).uniform(-0.5, 0.5, (40, 2))
    alone = [plane.exp([1.0, 0.0], v) for v in vectors]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda v: plane.exp([1.0, 0.0], v), vectors))
    assert np.array_equal(alone, together)


def test_a_trajectory_survives_pickling(sphere: Geodesics) -> None:
    import pickle

    curve = sphere.geodesic([1.0, 0.0], [0.3, 1.0], 2.0)
    again = pickle.loads(pickle.dumps(curve))
    assert again(0.7) == pytest.approx(curve(0.7), abs=0)


# Events -------------------------------------------------------------------------------------------


def test_events_are_found_to_the_last_digit(sphere: Geodesics) -> None:
    # along the equator phi = s
    curve = sphere.geodesic(
        [math.pi / 2, 0.0], [0.0, 1.0], 10.0,
        events=[Event("phi - 1", stop=False), Event("sin(phi)", "crossing", stop=False), "phi - 8"],
    )  # fmt: skip
    assert [hit.name for hit in curve.hits] == ["phi - 1", "crossing", "crossing", "phi - 8"]
    assert [hit.s for hit in curve.hits] == pytest.approx([1, math.pi, 2 * math.pi, 8], abs=1e-9)
    assert curve.ending is Ending.EVENT
    assert curve.message.startswith("event phi - 8")
    assert curve.length == pytest.approx(8.0, abs=1e-9)
    assert curve.hits[0].point == pytest.approx([math.pi / 2, 1.0])


def test_two_crossings_within_one_step_are_both_seen() -> None:
    flat = gk.Metric(["x", "y"], [[1, 0], [0, 1]], name="flat")
    plane = Geodesics(flat, backend="interpret")
    # the integrator needs a few huge steps for a straight line; 0.2 of it are below zero
    curve = plane.geodesic([0.0, 0.0], [1.0, 0.0], 10.0, events=Event("(x - 5)**2 - 1", stop=False))
    assert [hit.s for hit in curve.hits] == pytest.approx([4.0, 6.0], abs=1e-12)


def test_an_event_that_holds_at_the_start_does_not_stop_there(sphere: Geodesics) -> None:
    curve = sphere.geodesic([1.0, 0.0], [0.3, 1.0], 2.0, events="phi")
    assert curve.complete
    assert curve.hits == ()


def test_the_boundary_of_the_domain(schwarzschild: Geodesics) -> None:
    point = [0.0, 5.0, math.pi / 2, 0.0]
    velocity = schwarzschild.light(point, [None, 1.0, 0.0, 0.0])
    curve = schwarzschild.geodesic(point, velocity, 1e3, within_domain=True)
    upper = next(str(b.upper) for b in schwarzschild.metric.domain.boxes if str(b.symbol) == "r")
    assert curve.ending is Ending.EVENT
    assert curve.message.startswith(f"event boundary r = {upper}")


def test_horizons_are_where_the_gradient_is_null() -> None:
    assert str(horizon_event(gk.catalog["schwarzschild"], margin=0).expression) == "(-2*M + r)/r"
    with pytest.raises(MetricError, match="name the one that is constant on the horizon"):
        horizon_event(gk.catalog["minkowski"])


def test_events_with_unknown_names_are_refused(sphere: Geodesics) -> None:
    with pytest.raises(GeomkitError, match="rho"):
        sphere.geodesic([1.0, 0.0], [0.0, 1.0], events="rho - 1")


# Initial conditions -------------------------------------------------------------------------------


def test_light_clocks_and_units(schwarzschild: Geodesics) -> None:
    point = [0.0, 10.0, math.pi / 2, 0.0]
    light = schwarzschild.light(point, [None, -1.0, 0.0, 0.05])
    assert schwarzschild.character(point, light) == "null"
    assert light[0] > 0
    past = schwarzschild.light(point, [None, -1.0, 0.0, 0.05], future=False)
    assert past[0] == pytest.approx(-light[0])
    clock = schwarzschild.clock(point, [None, 0.1, 0.0, 0.0])
    assert schwarzschild.square(point, clock) == pytest.approx(-1.0)
    assert schwarzschild.character(point, clock) == "timelike"
    unit = schwarzschild.unit(point, [0.0, 2.0, 0.0, 0.0])
    assert schwarzschild.square(point, unit) == pytest.approx(1.0)
    assert schwarzschild.character(point, unit) == "spacelike"


def test_the_other_signature_is_understood() -> None:
    metric = gk.Metric.from_line_element(
        "dt**2 - dx**2 - dy**2", ["t", "x", "y"], name="mostly minus"
    )
    world = Geodesics(metric, backend="interpret")
    clock = world.clock([0, 0, 0], [None, 0.75, 0.0])
    assert clock == pytest.approx([1.25, 0.75, 0.0])
    assert world.character([0, 0, 0], clock) == "timelike"
    assert world.character([0, 0, 0], [0.0, 1.0, 0.0]) == "spacelike"


def test_inside_the_ergosphere_nothing_can_stand_still() -> None:
    kerr = Geodesics(gk.catalog["kerr"], M=1.0, a=0.9, backend="interpret")
    inside = [0.0, 1.8, math.pi / 2, 0.0]
    with pytest.raises(DomainError, match="no unit timelike vector"):
        kerr.clock(inside, [None, 0.0, 0.0, 0.0])
    dragged = kerr.clock(inside, [None, 0.0, 0.0, 0.6])
    assert kerr.square(inside, dragged) == pytest.approx(-1.0)
    assert dragged[0] > 0


def test_wrong_causal_types_are_refused(schwarzschild: Geodesics, sphere: Geodesics) -> None:
    point = [0.0, 10.0, math.pi / 2, 0.0]
    with pytest.raises(DomainError, match="has no unit multiple"):
        schwarzschild.unit(point, schwarzschild.light(point, [None, 1.0, 0.0, 0.0]))
    with pytest.raises(DomainError, match="is zero"):
        schwarzschild.unit(point, [0.0] * 4)
    with pytest.raises(DomainError, match="no light cones"):
        sphere.light([1.0, 0.0], [0.0, 1.0])
    assert sphere.character([1.0, 0.0], [0.0, 1.0]) == ""


@pytest.mark.parametrize(
    ("point", "velocity", "message"),
    [
        ([1.0], [0.0, 1.0], "needs 2 finite components, for theta, phi"),
        ([1.0, math.nan], [0.0, 1.0], "finite"),
        ([1.0, "x"], [0.0, 1.0], "no row of numbers"),
        ([0.0, 0.0], [0.0, 1.0], "not regular at theta = 0"),
    ],
)
def test_wrong_starts_are_refused(
    sphere: Geodesics, point: Any, velocity: Any, message: str
) -> None:
    with pytest.raises(DomainError, match=message):
        sphere.geodesic(point, velocity)


def test_lengths_tolerances_and_samples_are_checked(sphere: Geodesics) -> None:
    for length in (0.0, math.inf):
        with pytest.raises(DomainError, match="not zero"):
            sphere.geodesic([1, 0], [0, 1], length)
    with pytest.raises(DomainError, match="double precision"):
        Settings(rtol=1e-16)
    with pytest.raises(DomainError, match="unknown method"):
        Settings(method="Euler")
    with pytest.raises(DomainError, match="at least 2"):
        sphere.geodesic([1, 0], [0, 1], samples=1)
    with pytest.raises(DomainError, match="none of the samples"):
        sphere.geodesic([1, 0], [0, 1], samples=[2.0, 3.0])
    assert sphere.geodesic([1, 0], [0, 1], samples=[0.25, 0.5, 3.0]).s.tolist() == [0.25, 0.5]


def test_parameters_are_checked() -> None:
    kerr, flrw = gk.catalog["kerr"], gk.catalog["flrw"]
    with pytest.raises(MetricError, match="values are missing for a="):
        Geodesics(kerr, M=1.0)
    with pytest.raises(MetricError, match="no parameter 'q'; it has M, a"):
        Geodesics(kerr, M=1.0, a=0.5, q=1.0)
    with pytest.raises(DomainError, match="no finite number"):
        Geodesics(kerr, M=1.0, a="half")
    with pytest.raises(MetricError, match=r"a callable f"):
        Geodesics(flrw)
    with pytest.raises(DomainError, match="give a callable"):
        Geodesics(flrw, a=1.0, parameters={"k": 0.0})


def test_scalars_on_arrays() -> None:
    sphere = gk.catalog["sphere2"]
    scalar = Scalar(
        sphere, "sin(theta)**2*v_phi + atan2(theta, a) + sqrt(abs(phi - 9))", {"a": 2.0}
    )
    x, v = np.array([[1.0, 4.0], [0.5, 9.0]]), np.array([[0.0, 1.0], [0.0, 2.0]])
    expected = (
        np.sin(x[:, 0]) ** 2 * v[:, 1] + np.arctan2(x[:, 0], 2) + np.sqrt(np.abs(x[:, 1] - 9))
    )
    assert scalar(x, v) == pytest.approx(expected, rel=1e-14)
    with pytest.raises(EvaluationError, match="unspecified function"):
        Scalar(gk.catalog["flrw"], "a(t)", {})


# Reports ------------------------------------------------------------------------------------------


def test_a_trajectory_as_text_and_json(sphere: Geodesics) -> None:
    curve = sphere.geodesic([1.0, 0.0], [0.3, 1.0], 2.0, events=Event("phi - 1", stop=False))
    text = str(curve)
    assert text.startswith("geodesic of sphere2, s from 0 to 2")
    assert "event phi - 1 at s" in text
    content = json.loads(curve.to_json())
    assert content["points"] == curve.points.tolist()
    assert content["invariants"]["energy"]["ok"] is True
    lines = curve.to_csv().splitlines()
    assert lines[0] == "s,theta,phi,v_theta,v_phi"
    assert [float(x) for x in lines[-1].split(",")[1:3]] == curve.end.tolist()
    with pytest.raises(DomainError, match="not on this geodesic"):
        curve(2.5)
    with pytest.raises(MetricError, match="there are theta, phi"):
        curve.column("r")


def test_functions_for_a_single_call() -> None:
    from geomkit import geodesic as verbs

    plane, options = gk.catalog["flat_polar"], {"backend": "interpret"}
    assert verbs.geodesic(plane, [1, 0], [1, 0], 2.0, **options).end == pytest.approx([3, 0])
    assert verbs.log(plane, [1, 0], [3, 0], **options).vector == pytest.approx([2, 0])
    assert float(verbs.distance(plane, [1, 0], [1, 1], **options)) == pytest.approx(
        2 * math.sin(0.5)
    )
    carried = verbs.transport(plane, ["1", "s"], [1, 0], (0, 1), **options)
    assert carried.end[0] == pytest.approx([math.cos(1), -math.sin(1)])
    field = verbs.jacobi_field(plane, [1, 0], [1, 0], [0, 0], [0, 1], 2.0, **options)
    assert np.sqrt(field.squares[:, 0]) == pytest.approx(field.s, abs=1e-9)  # flat: |J| = s
