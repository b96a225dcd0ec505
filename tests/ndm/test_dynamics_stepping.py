"""Many motions at once: closed forms, one that ends among others that go on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ndm.dynamics.rollout import follow, follow_each
from ndm.dynamics.stepping import follow_together
from ndm.dynamics.systems import double_pendulum, surface
from ndm.errors import SolverError

Array = NDArray[np.float64]


def test_springs_of_different_stiffness_against_closed_form() -> None:
    k = np.array([[1.0], [9.0], [400.0]])
    times = np.linspace(0, 5, 23)
    found = follow_together(lambda x, v: -k * x, np.ones((3, 1)), np.zeros((3, 1)), times, 1e-10)
    w = np.sqrt(k)
    # some 200 steps of the stiffest spring with 1e-10 each; speeds are 20 times larger
    assert np.abs(found.x[..., 0] - np.cos(w * times)).max() < 1e-7
    assert np.abs(found.v[..., 0] + w * np.sin(w * times)).max() < 2e-6
    assert not found.ended


def runaway(x: Array, v: Array) -> Array:
    """x'' = 6 x^2: from x = 1, v = 2, x = 1/(1 - t)^2, which ends at t = 1; from 0 nothing."""
    return 6 * x**2


def fallen(x: Array, v: Array) -> Array:
    """Not defined below 0; falls freely above."""
    if (x < 0).any():
        raise ValueError("below the floor")
    return np.full_like(x, -2.0)


def numberless(x: Array, v: Array) -> Array:
    return np.where(x < 0, np.nan, -2.0)


def test_a_motion_that_runs_away_ends_alone() -> None:
    times = np.array([0.0, 0.5, 0.9, 2.0])
    start = np.array([[1.0], [0.0]]), np.array([[2.0], [0.0]])
    found = follow_together(runaway, *start, times)
    assert np.allclose(found.x[0, :3, 0], [1, 4, 100], rtol=1e-6)  # 1e-9 a step, growing as x
    assert np.isnan(found.x[0, 3]).all()
    assert set(found.ended) == {0}
    assert "runs away" in found.ended[0]
    assert (found.x[1] == 0).all()


@pytest.mark.parametrize("bend", [fallen, numberless])
def test_a_motion_that_leaves_the_chart_ends_alone(bend: object) -> None:
    """Falling from 1 and from 9: the floor is reached at t = 1 and t = 3."""
    times = np.array([0.0, 0.75, 1.25, 2.5])
    start = np.array([[1.0], [9.0]]), np.zeros((2, 1))
    found = follow_together(bend, *start, times)  # type: ignore[arg-type]
    assert abs(found.x[0, 1, 0] - (1 - 0.75**2)) < 1e-12  # a parabola is exact
    assert np.isnan(found.x[0, 2:]).all()
    assert np.abs(found.x[1, :, 0] - (9 - times**2)).max() < 1e-9
    assert list(found.ended) == [0]
    # steps go on to within rounding of the floor
    assert found.ended[0].startswith("at t = 1:")


def test_a_motion_that_cannot_begin() -> None:
    found = follow_together(numberless, np.array([[-1.0], [4.0]]), np.zeros((2, 1)), np.arange(2.0))
    assert list(found.ended) == [0]
    assert abs(found.x[1, 1, 0] - 3) < 1e-12


def test_together_is_as_each_alone() -> None:
    """Common steps change nothing but the errors, which are as small for each."""
    system, times = double_pendulum(), np.linspace(0, 2, 5)
    q = np.array([[0.3, -0.2], [1.0, 0.5], [0.0, 0.1]])
    v = np.zeros_like(q)
    together = system.trajectories(q, v, times)
    alone = [system.trajectory(*pair, times) for pair in zip(q, v, strict=True)]
    assert np.abs(together.x - [x for x, _ in alone]).max() < 1e-9  # 1e-12 a step, some 100
    before, after = (system.energy(together.x[:, k], together.v[:, k]) for k in (0, -1))
    assert np.abs(after - before).max() < 1e-9


class Torn(nn.Module):
    """A Cholesky factor of a matrix that is not positive beyond x = 1."""

    def forward(self, x: Tensor, v: Tensor) -> Tensor:
        return 0 * torch.linalg.cholesky((1 - x)[..., None])[..., 0] * v


def test_models_that_break_say_so() -> None:
    x, v = torch.tensor([[0.0], [-5.0]]).double(), torch.ones(2, 1).double()
    with pytest.raises(SolverError, match=r"1 of 2 motions .* motion 0 ends at t = 1"):
        follow(Torn(), x, v, np.array([0.0, 2.0]))
    found = follow_each(Torn(), x, v, np.array([0.0, 2.0]))
    assert abs(found.x[1, 1, 0] + 3) < 1e-12
    with pytest.raises(SolverError, match="cannot be followed"):
        surface("plane").trajectory(np.full(2, np.nan), np.zeros(2), np.arange(2.0))
