"""Scores of R54 on geometries that follow the energy, or do not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from ndm.field import MetricField
from ndm.geometry import ConstantMetric
from validation.paper.constraints import energy, flat_direction, level_sets, motion, states


class Planted(MetricField):
    """1 + dE dE: longest across the level sets of the energy."""

    def forward(self, x: Tensor) -> Tensor:
        velocity = motion(x)
        across = torch.stack([-velocity[..., 1], velocity[..., 0]], -1)
        one = torch.eye(2, dtype=x.dtype)
        return one + across[..., :, None] * across[..., None, :]


def test_states_swing_and_keep_their_energy() -> None:
    task = states(0)
    x, y = task.train
    assert x.shape == y.shape == (200, 2)
    # followed to 1e-12 by an integrator that knows no energy
    assert torch.allclose(energy(x), energy(y), rtol=1e-9)
    assert float(energy(x).max()) < 2 * 9.81


def test_the_motion_is_along_level_sets() -> None:
    x = states(1).test[0].requires_grad_()
    (slope,) = torch.autograd.grad(energy(x).sum(), x)
    assert float((slope * motion(x)).sum(-1).detach().abs().max()) < 1e-12


def test_planted_geometries_are_found_and_none_is_not() -> None:
    x = states(0).test[0]
    assert flat_direction(Planted(2), x) == pytest.approx(1, abs=1e-9)
    assert level_sets(-(energy(x).numpy() ** 3), x) == pytest.approx(1)
    noise = np.random.default_rng(0).normal(size=len(x))
    assert level_sets(noise, x) < 0.15  # 2.6 standard deviations of 300
    turned = flat_direction(ConstantMetric(2, torch.diag(torch.tensor([1.0, 2.0]))).double(), x)
    assert 0.2 < turned < 0.8
