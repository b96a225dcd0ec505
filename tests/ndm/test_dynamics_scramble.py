"""Scrambled coordinates: the flow is a diffeomorphism, motion and metric go through it exactly."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ndm.dynamics.motion import MetricDynamics
from ndm.dynamics.scramble import RandomFlow, carry, carry_back
from ndm.dynamics.systems import surface
from ndm.errors import ModelError
from ndm.geometry import ExactMetric, PulledBack


def box(n: int, count: int = 40, radius: float = 1.0) -> torch.Tensor:
    source = torch.Generator().manual_seed(3)
    return radius * (2 * torch.rand(count, n, generator=source, dtype=torch.float64) - 1)


@given(st.integers(1, 3), st.integers(0, 100), st.floats(0.0, 0.3))
def test_is_a_diffeomorphism_of_the_stated_size(n: int, seed: int, displacement: float) -> None:
    flow = RandomFlow(n, 1.5, displacement, seed=seed)
    z = box(n, 60, 1.5)
    x, log_det = flow(z)
    # Newton's method ends at rounding of numbers of size 1
    assert (flow.inverse(x) - z).abs().max() < 1e-13
    # found on 2000 other points of the same box: no more than a hundredth beyond it here
    assert torch.linalg.vector_norm(x - z, dim=-1).max() <= 1.01 * displacement * 1.5
    J = torch.func.vmap(torch.func.jacfwd(lambda p: flow(p)[0]))(z)
    # rounding, over 8 Runge-Kutta steps
    assert (flow.jacobian(z) - J).abs().max() < 1e-13
    assert (torch.linalg.slogdet(J)[1] - log_det).abs().max() < 1e-13


def test_some_point_moves_as_far_as_stated() -> None:
    flow = RandomFlow(2, 2.0, 0.2, seed=4)
    moved = torch.linalg.vector_norm(flow(box(2, 4000, 2.0))[0] - box(2, 4000, 2.0), dim=-1)
    # random points come near the one that moves furthest, not onto it
    assert 0.95 * 0.4 < moved.max() <= 1.01 * 0.4


def test_motion_is_carried_as_differences_of_a_curve_say() -> None:
    flow = RandomFlow(2, seed=5)
    z, v, a = box(2, 3)[:, None], box(2, 6)[3:, None], box(2, 9)[6:, None]
    h = 1e-3
    t = h * torch.arange(-2.0, 3.0, dtype=torch.float64)[:, None]
    curve = flow(z + v * t + a * t**2 / 2)[0]
    x, velocity, bent = carry(flow, z[:, 0], v[:, 0], a[:, 0])
    first = torch.tensor([1.0, -8.0, 0.0, 8.0, -1.0], dtype=torch.float64) / (12 * h)
    second = torch.tensor([-1.0, 16.0, -30.0, 16.0, -1.0], dtype=torch.float64) / (12 * h * h)
    # fourth-order differences: h^4 and rounding / h^2, with margin
    assert (curve[:, 2] - x).abs().max() < 1e-15
    assert (torch.einsum("stn,t->sn", curve, first) - velocity).abs().max() < 1e-10
    assert (torch.einsum("stn,t->sn", curve, second) - bent).abs().max() < 1e-8


@pytest.mark.parametrize("name", ["sphere", "torus"])
def test_the_true_metric_explains_scrambled_motion(name: str) -> None:
    system = surface(name)
    q, v = system.draw(30, np.random.default_rng(0))
    a = system.acceleration(q, v)
    flow = RandomFlow(2, seed=1)
    z, w, b = carry_back(flow, *(torch.tensor(each) for each in (q, v, a)))
    truth = PulledBack(ExactMetric(system.metric), flow)
    # two ways of computing the same numbers, of size up to 30, with a matrix solved in each
    assert (MetricDynamics(truth)(z, w) - b).abs().max() < 1e-10
    assert torch.allclose(
        truth.scalar_curvature(z), ExactMetric(system.metric).scalar_curvature(torch.tensor(q))
    )


def test_refuses_what_may_fold_the_chart() -> None:
    with pytest.raises(ModelError, match="must be positive"):
        RandomFlow(2, 1.0, 0.9)
    with pytest.raises(ModelError, match="positive"):
        RandomFlow(2, 0.0)
