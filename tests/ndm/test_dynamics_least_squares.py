"""Levenberg-Marquardt: SciPy's minima, laws, more parameters than data, ends of a fit."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import least_squares
from torch import Tensor, nn

from ndm.dynamics.least_squares import Rows, Stop, fit_levenberg_marquardt
from ndm.dynamics.steps import Damping, Point, System, better
from ndm.errors import SolverError


class Vector(nn.Module):
    """A model that is nothing but its parameters."""

    def __init__(self, start: list[float]) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(start, dtype=torch.float64))
        self.frozen = nn.Parameter(torch.ones((), dtype=torch.float64), requires_grad=False)


def decay(model: Vector, t: Tensor, y: Tensor) -> Tensor:
    a, b, c = model.theta
    return a * torch.exp(-b * t) + c - y


def data(seed: int, count: int = 20) -> tuple[Tensor, Tensor]:
    random = np.random.default_rng(seed)
    t = np.linspace(0, 3, count)
    y = 2 * np.exp(-1.3 * t) + 0.5 + 0.1 * random.normal(size=count)
    return torch.tensor(t)[:, None], torch.tensor(y)[:, None]


def test_the_minimum_is_that_of_scipy() -> None:
    t, y = data(0)
    fit = fit_levenberg_marquardt(
        lambda _: Vector([1.0, 1.0, 0.0]),
        [Rows(decay, (t, y))],
        multistart=1,
        stop=Stop(progress=1e-14),
    )

    def residuals(theta: np.ndarray) -> np.ndarray:
        times, values = np.asarray(t[:, 0]), np.asarray(y[:, 0])
        return np.asarray(theta[0] * np.exp(-theta[1] * times) + theta[2] - values)

    truth = least_squares(residuals, [1.0, 1.0, 0.0], xtol=1e-14, ftol=1e-14, gtol=1e-14)
    assert isinstance(fit.model, Vector)
    # both stop where the sum of squares changes by 1e-14: parameters are good to its root
    assert np.abs(fit.model.theta.detach().numpy() - truth.x).max() < 1e-6
    assert abs(fit.residual - math.sqrt(2 * truth.cost / 20)) < 1e-12


def test_a_linear_problem_is_solved_with_weights_and_a_gauge() -> None:
    """Blocks of rows weigh as they say; rows that are no data are not in the residual."""
    one = torch.zeros(1, 1, dtype=torch.float64)
    first = Rows(lambda m, x: m.theta[:1] - 1.0, (one,), 3.0)
    second = Rows(lambda m, x: m.theta[:1] - 2.0, (one,), 1.0, "prior", data=False)
    stop = Stop(progress=1e-15)
    fit = fit_levenberg_marquardt(
        lambda _: Vector([5.0]), [first], gauge=second, multistart=1, stop=stop
    )
    assert isinstance(fit.model, Vector)
    # weighted mean (9 * 1 + 1 * 2) / 10; the damping ends at about 1e-9
    assert abs(fit.model.theta.item() - 1.1) < 1e-8
    assert abs(fit.residual - 0.1) < 1e-8
    assert fit.model.frozen.item() == 1.0


@given(st.integers(0, 1000), st.integers(2, 12), st.floats(0.1, 3.0))
def test_the_sum_of_squares_never_increases(seed: int, count: int, size: float) -> None:
    """For any data and start, with fewer rows than parameters too."""
    t, y = data(seed, count)
    start = (size * np.random.default_rng(seed).normal(size=3)).tolist()
    fit = fit_levenberg_marquardt(
        lambda _: Vector(start), [Rows(decay, (t, y))], multistart=1, stop=Stop(iterations=8)
    )
    # roundings of a mean and of a sum differ
    assert all(a * (1 + 1e-14) >= b for a, b in zip(fit.history, fit.history[1:], strict=False))
    assert isinstance(fit.model, Vector)
    reached = torch.stack([decay(fit.model, *pair) for pair in zip(t, y, strict=True)])
    assert abs(float(reached.detach().square().mean().sqrt()) - fit.residual) < 1e-12 * (
        1 + fit.residual
    )


def test_more_parameters_than_rows() -> None:
    def make(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(1, 30), nn.Tanh(), nn.Linear(30, 1)).double()

    x = torch.linspace(-1, 1, 5, dtype=torch.float64)[:, None]
    rows = Rows(lambda m, x: m(x) - torch.sin(3 * x), (x,))
    fit = fit_levenberg_marquardt(make, [rows], multistart=1, stop=Stop(residual=1e-9))
    assert fit.residual <= 1e-9
    assert fit.reason == "the residual is small enough"


def test_steps_of_both_systems_agree() -> None:
    """(J^T J + mu D)^-1 J^T r, dense, for more rows than columns and the other way round."""
    source = torch.Generator().manual_seed(0)
    for shape in ((7, 4), (4, 7)):
        J = torch.randn(*shape, generator=source, dtype=torch.float64)
        r = torch.randn(shape[0], generator=source, dtype=torch.float64)
        D = J.square().sum(0).max() * torch.eye(shape[1], dtype=torch.float64)
        step = torch.linalg.solve(J.mT @ J + 0.1 * D, -J.mT @ r)
        solve = System(J, r).damped(0.1)
        assert solve is not None
        assert torch.allclose(solve(r), step, atol=1e-13)  # condition numbers below 100


def test_a_fit_ends_for_stated_reasons() -> None:
    t, y = data(0)
    rows = Rows(decay, (t, y))

    def reason(stop: Stop) -> str:
        return fit_levenberg_marquardt(
            lambda _: Vector([1.0, 1.0, 0.0]), [rows], multistart=1, stop=stop
        ).reason

    assert reason(Stop(iterations=2)) == "2 iterations"
    assert reason(Stop(seconds=0.0)) == "the time is over"
    assert reason(Stop(residual=10.0)) == "the residual is small enough"
    assert reason(Stop(progress=0.5, patience=2)) == "it has converged"


def test_later_starts_are_made_until_one_is_good() -> None:
    made: list[int] = []

    def make(seed: int) -> Vector:
        made.append(seed)
        # the first start is not finite, the second stands at the solution
        return Vector([[math.nan] * 3, [2.0, 1.3, 0.5], [0.0] * 3][seed])

    t, _ = data(0)
    y = 2 * torch.exp(-1.3 * t) + 0.5
    fit = fit_levenberg_marquardt(
        make, [Rows(decay, (t, y))], multistart=3, stop=Stop(residual=1e-9)
    )
    assert made == [0, 1]
    assert len(fit.starts) == 1


def test_a_fit_is_watched() -> None:
    """Steps are counted over all starts; residuals are those of the histories."""
    seen: list[tuple[int, float]] = []
    fit = fit_levenberg_marquardt(
        lambda seed: Vector([1.0 + seed, 1.0, 0.0]),
        [Rows(decay, data(0))],
        multistart=2,
        stop=Stop(iterations=4, progress=0.0),
        watch=lambda count, residual: seen.append((count, residual)),
    )
    assert [count for count, _ in seen] == list(range(1, 9))
    assert fit.iterations == 8
    assert {seen[3][1], seen[7][1]} == set(fit.starts)
    assert [r for _, r in seen if r in fit.history] == list(fit.history[1:])


def test_the_curved_valley_of_rosenbrock() -> None:
    """r = (10 (y - x^2), 1 - x): its valley is bent, its minimum (1, 1) exact."""
    one = torch.zeros(1, 1, dtype=torch.float64)

    def valley(model: Vector, _: Tensor) -> Tensor:
        x, y = model.theta
        return torch.stack([10 * (y - x**2), 1 - x])

    fit = fit_levenberg_marquardt(
        lambda _: Vector([-1.2, 1.0]),
        [Rows(valley, (one,))],
        multistart=1,
        stop=Stop(residual=1e-13),
    )
    assert isinstance(fit.model, Vector)
    assert (fit.model.theta - 1).abs().max() < 1e-10


def test_the_turn_of_a_step_is_the_geodesic_acceleration() -> None:
    """Against -(J^T J + mu D)^-1 J^T r'' / 2 with a second derivative known in closed form."""
    x, y, mu = -1.2, 1.0, 10.0
    J = torch.tensor([[-20 * x, 10.0], [-1.0, 0.0]], dtype=torch.float64)

    def reach(theta: Tensor) -> Point:
        r = torch.stack([10 * (theta[1] - theta[0] ** 2), 1 - theta[0]])
        return Point(theta, [r], r, float(r @ r))

    theta = torch.tensor([x, y], dtype=torch.float64)
    at, system = reach(theta), System(J, reach(theta).r)
    D = J.square().sum(0).max() * torch.eye(2, dtype=torch.float64)
    A = J.mT @ J + mu * D
    step = torch.linalg.solve(A, -J.mT @ at.r)
    bend = torch.stack([-20 * step[0] ** 2, 0 * step[0]])
    turn = torch.linalg.solve(A, -J.mT @ bend) / 2
    damping = Damping()
    damping.mu = mu
    found = better(reach, system, at, damping)
    assert found is not None
    # r is quadratic: the difference quotient is exact but for rounding
    assert torch.allclose(found.theta - theta, step + turn, atol=1e-12)


@pytest.mark.parametrize(
    ("k", "theta", "mu"),
    [(1.0, 0.5 - 1 / 16, 1.0), (3.0, 0.5, 1.0), (8.0, 1 / 3, 2.0)],
)
def test_a_turn_that_is_too_large_is_left_out_or_the_step_is_shorter(
    k: float, theta: float, mu: float
) -> None:
    """r = -1 + t + k t^2 / 2 from 0: d = 1/(1 + mu), turn = -k d^3 / 2, 4 |turn|/d = 2 k d^2.

    Trusted below 0.75, left out from there on, and from 3 on not even tried: mu is doubled.
    """
    tried: list[float] = []

    def reach(t: Tensor) -> Point:
        tried.append(t.item())
        r = -1 + t + k * t**2 / 2
        return Point(t, [r], r, float(r @ r))

    zero, one = torch.zeros(1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    at, damping = reach(zero), Damping()
    damping.mu = 1.0
    accepted: list[float] = []
    damping.accept = lambda ratio: accepted.append(damping.mu)  # type: ignore[method-assign]
    found = better(reach, System(one, at.r), at, damping)
    assert found is not None
    assert found.theta.item() == pytest.approx(theta, abs=1e-12)  # a difference over 0.1
    assert accepted == [mu]
    assert sum(abs(t - theta) < 1e-9 for t in tried) == 1


def test_damping_follows_nielsen() -> None:
    damping = Damping()
    seen = []
    for ratio in (0.5, 1.0, 0.75, 0.0, None, None, None, 0.5, None):
        before = damping.mu
        if ratio is None:
            damping.refuse()
        else:
            damping.accept(ratio)
        seen.append(damping.mu / before)
    assert seen == pytest.approx([1, 1 / 3, 7 / 8, 2, 2, 4, 8, 1, 2])
    for _ in range(40):
        damping.accept(1.0)
    assert damping.mu == 1e-14


def test_nothing_to_fit_is_refused() -> None:
    with pytest.raises(SolverError, match="needs rows"):
        fit_levenberg_marquardt(lambda _: Vector([0.0]), [])
    t, y = data(0)
    with pytest.raises(SolverError, match="finite residuals"):
        fit_levenberg_marquardt(
            lambda _: Vector([math.nan] * 3), [Rows(decay, (t, y))], multistart=2
        )
