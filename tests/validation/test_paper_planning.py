"""Plans, measured where the shortest path is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ndm.geometry import ConstantMetric, ExactMetric
from validation.paper.planning import WORLDS, excess, length, pairs, plan, world


def test_plans_by_the_true_metric_of_a_sphere_are_great_circles() -> None:
    p, q = pairs("sphere", 1, 4)
    truth = ExactMetric(world("sphere").metric)

    def place(x: torch.Tensor) -> torch.Tensor:
        r2 = x.square().sum(-1, keepdim=True)
        return torch.cat([2 * x, 1 - r2], -1) / (1 + r2)

    angle = torch.acos((place(p) * place(q)).sum(-1))
    # 128 chords of a curve of length about 1: off by some 1e-6
    assert torch.allclose(length(truth, plan(truth, p, q)), angle, rtol=1e-5)


def test_a_plan_that_knows_nothing_goes_straight_and_is_too_long() -> None:
    p, q = torch.tensor([[-1.0, 0.05]]).double(), torch.tensor([[1.0, 0.05]]).double()
    truth = ExactMetric(world("obstacle").metric)
    best, straight = plan(truth, p, q), plan(ConstantMetric(2).double(), p, q)
    assert float((straight[0, :, 1] - 0.05).abs().max()) < 1e-9
    assert excess(truth, straight, best) > 0.1  # it climbs what the best path goes around
    assert excess(truth, best, best) == 0
    assert float(best[0, 64].norm()) > 0.4


@pytest.mark.parametrize("name", WORLDS)
def test_starts_and_goals_are_apart_and_new_for_each_seed(name: str) -> None:
    p, q = pairs(name, 0)
    assert float((p - q).norm(dim=-1).min()) > 1
    assert not torch.equal(p, pairs(name, 1)[0])
    low, high = world(name).box
    assert bool((p >= torch.tensor(low)).all() and (p <= torch.tensor(high)).all())


def test_lengths_of_polygons() -> None:
    s = torch.linspace(0, 1, 5).double()
    path = torch.stack([3 * s, 4 * s], -1)[None]
    assert np.isclose(float(length(ConstantMetric(2).double(), path)), 5)
