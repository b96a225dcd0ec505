"""Rows of the table of targets: what they measure is what they say."""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.motion.__main__ import rows
from benchmarks.motion.connection import MOTIONS, motions
from benchmarks.motion.record import place
from benchmarks.motion.surfaces import scrambled
from ndm.dynamics.motion import MetricDynamics


def test_every_measurement_has_a_file_of_its_own() -> None:
    every = [(row.name, case, seed) for row in rows() for case in row.cases for seed in range(2)]
    assert len({place(*one) for one in every}) == len(every) > 10
    for row in rows():
        named = {case for goal in row.goals for case in goal.cases}
        assert named <= set(row.cases)  # a goal of no case would never be looked at


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
