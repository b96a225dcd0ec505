"""Rows of the table of targets: what they measure is what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.motion import record as records
from benchmarks.motion import surfaces
from benchmarks.motion.__main__ import rows
from benchmarks.motion.connection import MOTIONS, motions
from benchmarks.motion.record import place
from benchmarks.motion.surfaces import scrambled
from ndm.dynamics.motion import MetricDynamics
from ndm.dynamics.report import curvature_report


def test_every_measurement_has_a_file_of_its_own() -> None:
    every = [(row.name, case, seed) for row in rows() for case in row.cases for seed in range(2)]
    assert len({place(*one) for one in every}) == len(every) > 10


def test_scrambled_motion_is_that_of_the_true_metric() -> None:
    world = scrambled("torus", 1)
    x, v, a = (torch.tensor(each[:50]) for each in (world.data.x, world.data.v, world.data.a))
    with torch.no_grad():
        found = MetricDynamics(world.truth)(x, v)
    # rounding in second derivatives of the flow, accelerations of size 1 to 10
    assert float((found - a).abs().max()) < 1e-10
    assert not np.array_equal(world.data.x, scrambled("torus", 2).data.x)


def test_motions_stay_where_the_data_are() -> None:
    world = scrambled("hyperbolic", 0)
    z, v, times = motions(world, 0)
    assert z.shape == v.shape == (MOTIONS, 2)
    x = world.flow(torch.tensor(z))[0].numpy()
    assert np.abs(x).max() < 0.5
    assert times[-1] == 1.5


@pytest.mark.slow
def test_a_scrambled_sphere_reaches_its_targets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "WEIGHTS", tmp_path)
    values = surfaces.measure("sphere", 0)
    for goal in surfaces.ROW.goals:
        assert goal.bound is None or goal.holds(values[goal.key])
    # the same model comes back from its weights: as good at points where it was not fitted
    model, world = surfaces.fitted("sphere", 0), scrambled("sphere", 0)
    report = curvature_report(model.metric, world.truth, torch.tensor(world.test.x))
    assert report.curvature_rms == pytest.approx(values["curvature"], rel=1e-9)
