"""Residuals of motion: values, derivatives against differences, priors, elimination of states."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import least_squares
from torch import Tensor, nn

from ndm.dynamics.least_squares import Stop, fit_levenberg_marquardt
from ndm.dynamics.motion import MetricDynamics
from ndm.dynamics.residuals import (
    acceleration_residual,
    curvature_prior,
    gauge,
    rollout_residual,
)
from ndm.dynamics.rollout import follow, follow_steps, follow_with_slopes
from ndm.dynamics.samples import Trajectories, Triples
from ndm.dynamics.systems import surface
from ndm.errors import DataError, ModelError
from ndm.metric_net import MetricNet


def model(seed: int = 0, hidden: tuple[int, ...] = (6,)) -> MetricDynamics:
    torch.manual_seed(seed)
    made: MetricDynamics = MetricDynamics(MetricNet(2, "full", hidden, spread=0.5)).double()
    return made


def points(count: int) -> Tensor:
    source = torch.Generator().manual_seed(1)
    return torch.randn(count, 2, generator=source, dtype=torch.float64) / 2


class Spring(nn.Module):
    """x'' = -k x - c x': its motion is known in closed form for c = 0."""

    def __init__(self, k: float = 1.0) -> None:
        super().__init__()
        self.k = nn.Parameter(torch.tensor(k, dtype=torch.float64))
        self.c = nn.Parameter(torch.tensor(0.0, dtype=torch.float64))

    def forward(self, x: Tensor, v: Tensor) -> Tensor:
        return -self.k * x - self.c * v


def spring_data(noise: float, count: int = 3, seed: int = 0) -> Trajectories:
    t, random = np.linspace(0, 2, 9), np.random.default_rng(seed)
    start, speed = random.normal(size=(2, count, 1, 2))
    omega = 1.5
    x = start * np.cos(omega * t)[:, None] + speed / omega * np.sin(omega * t)[:, None]
    return Trajectories(t, x + noise * random.normal(size=x.shape), noise or None)


def bind(theta: Tensor, function: object, *arguments: Tensor) -> Tensor:
    with_theta = Spring()
    return torch.func.functional_call(
        _Wrapped(with_theta), {"inner.k": theta[0], "inner.c": theta[1]}, (function, *arguments)
    )


class _Wrapped(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, function: object, *arguments: Tensor) -> Tensor:
        result: Tensor = function(self.inner, *arguments)  # type: ignore[operator]
        return result


def test_acceleration_rows_are_relative_or_in_error_bars() -> None:
    x, v, a = np.random.default_rng(0).normal(size=(3, 7, 2))
    net = model()
    found = net(torch.tensor(x), torch.tensor(v)).detach().numpy() - a
    rows = acceleration_residual(Triples(x, v, a))
    # one rounding or two
    assert np.allclose(rows(net).detach(), (found / np.sqrt(np.mean(a**2))).ravel(), 1e-13)
    bars = np.full_like(a, 0.25)
    barred = acceleration_residual(Triples(x, v, a, bars), weight=2.0)
    assert np.allclose(barred(net).detach(), 2 * (found / 0.25).ravel(), 1e-13)


def test_data_at_rest_are_no_division_by_zero() -> None:
    x = np.zeros((3, 2))
    assert bool(acceleration_residual(Triples(x, x, x))(model()).isfinite().all())


def test_gauge_and_priors_say_what_they_should() -> None:
    net, x = model(), points(9)
    R = net.metric.scalar_curvature(x).detach()
    assert torch.allclose(gauge(x)(net), net.metric(x).diagonal(dim1=1, dim2=2).mean() - 1)
    theta = torch.cat([p.detach().reshape(-1) for p in net.parameters()])

    def of_model(theta: Tensor, function: object, *arguments: Tensor) -> Tensor:
        names, parts, start = [k for k, _ in net.named_parameters()], {}, 0
        for name, p in zip(names, net.parameters(), strict=True):
            parts[f"inner.{name}"] = theta[start : start + p.numel()].view_as(p)
            start += p.numel()
        return torch.func.functional_call(_Wrapped(net), parts, (function, *arguments))

    constant = curvature_prior("constant", x, 3.0)
    flat = curvature_prior("flat", x, 3.0)
    values = constant.values(of_model, theta)
    # sum of squares = 9 * variance; rounding of numbers of size 1
    assert abs(float(values.square().sum()) - 9 * float(R.var(unbiased=False))) < 1e-12
    assert (
        abs(float(flat.values(of_model, theta).square().sum()) - 9 * float(R.square().mean()))
        < 1e-12
    )
    J = torch.func.jacrev(lambda t: constant.values(of_model, t))(theta)
    assert torch.allclose(constant.slopes(of_model, theta), J, atol=1e-12)
    with pytest.raises(ModelError, match="'constant' or 'flat'"):
        curvature_prior("smooth", x)


def test_a_constant_prior_leaves_the_sphere_alone_and_flat_does_not() -> None:
    sphere = surface("sphere")
    x, v = sphere.draw(60, np.random.default_rng(0))
    rows = acceleration_residual(Triples(x, v, sphere.acceleration(x, v)))
    grid = torch.tensor(x[:20])
    spreads = {}
    for kind in ("constant", "flat"):
        prior = curvature_prior(kind, grid, 1.0)
        fit = fit_levenberg_marquardt(
            lambda seed: model(seed, (12,)),
            [rows, prior],
            gauge=gauge(grid),
            multistart=1,
            stop=Stop(iterations=40),
        )
        spreads[kind] = fit.residual
    # the sphere has constant curvature: that prior costs nothing, the other one ruins the fit
    assert 5 * spreads["constant"] < spreads["flat"]


def test_motion_and_its_derivatives_against_closed_form() -> None:
    spring, t = Spring(2.25), torch.linspace(0, 2, 21, dtype=torch.float64)
    theta = torch.tensor([2.25, 0.0], dtype=torch.float64)
    states = torch.tensor([[1.0, 0.0, 0.0, 0.6], [0.2, -1.0, 1.0, 1.0]], dtype=torch.float64)

    def closed(k: Tensor, states: Tensor) -> Tensor:
        w = k.sqrt()
        x, v = states[:, None, :2], states[:, None, 2:]
        return x * torch.cos(w * t)[:, None] + v / w * torch.sin(w * t)[:, None]

    def move(theta: Tensor, x: Tensor, v: Tensor) -> Tensor:
        return bind(theta, lambda m, x, v: m(x, v), x, v)

    x, slopes = follow_with_slopes(move, theta, states, t, 4, True)
    # Runge-Kutta: (step 0.025 * 1.5)^4 times the length of the motion
    assert (x - closed(theta[0], states)).abs().max() < 1e-6
    by_k = torch.func.jacfwd(closed)(theta[0], states)
    assert (slopes[..., 4] - by_k).abs().max() < 1e-6
    by_state = torch.func.vmap(torch.func.jacfwd(lambda s: closed(theta[0], s[None])[0]))(states)
    assert (slopes[..., :4] - by_state).abs().max() < 1e-6
    ends, _ = follow(spring, states[:, :2], states[:, 2:], t.numpy())
    assert (ends - closed(theta[0], states)).abs().max() < 1e-8  # tolerance 1e-9 a step


@pytest.mark.slow
def test_steps_without_derivatives_are_the_same_steps() -> None:
    t = torch.tensor([0.0, 0.1, 0.4], dtype=torch.float64)
    theta = torch.tensor([2.25, 0.1], dtype=torch.float64)
    states = torch.tensor([[1.0, 0.0, 0.0, 0.6], [0.2, -1.0, 1.0, 1.0]], dtype=torch.float64)

    def move(theta: Tensor, x: Tensor, v: Tensor) -> Tensor:
        return bind(theta, lambda m, x, v: m(x, v), x, v)

    x, _ = follow_with_slopes(move, theta, states, t, 3, False)
    assert torch.equal(follow_steps(move, theta, states, t, 3), x)


def test_states_found_with_old_derivatives_are_the_best_ones() -> None:
    """After a step in the parameters: as good as those that SciPy finds from nothing."""
    data = spring_data(0.02)
    rows, theta = rollout_residual(data), torch.tensor([2.0, 0.1], dtype=torch.float64)
    rows.values(bind, theta)
    rows.slopes(bind, theta)  # from here on derivatives are those at theta
    other = torch.tensor([2.2, 0.0], dtype=torch.float64)
    found = rows.values(bind, other)

    def residuals(states: np.ndarray) -> np.ndarray:
        x = follow_steps(
            lambda th, x, v: bind(th, lambda m, x, v: m(x, v), x, v),
            other,
            torch.tensor(states).reshape(3, 4),
            rows.t,
            1,
        )
        return np.asarray((x - rows.x) / rows.size).reshape(-1)

    truth = least_squares(residuals, rows.states.numpy().ravel(), xtol=1e-14, ftol=1e-14)
    # directions are those of the old derivatives, a tenth off: its square, times what they explain
    excess = float(found.square().sum()) / (2 * truth.cost) - 1
    assert 0 <= excess + 1e-9 < 0.02


def test_projected_rows_agree_with_all_unknowns_at_once() -> None:
    """The minimum over parameters and initial states together, found by SciPy."""
    data = spring_data(0.02)
    rows = rollout_residual(data)
    stop = Stop(iterations=12, progress=1e-13, patience=3)
    fit = fit_levenberg_marquardt(lambda _: Spring(1.0), [rows], multistart=1, stop=stop)

    def all_at_once(unknown: np.ndarray) -> np.ndarray:
        theta, states = torch.tensor(unknown[:2]), torch.tensor(unknown[2:]).reshape(3, 4)
        x, _ = follow_with_slopes(
            lambda th, x, v: bind(th, lambda m, x, v: m(x, v), x, v),
            theta,
            states,
            rows.t,
            1,
            False,
        )
        return np.asarray((x.detach() - rows.x) / rows.size).reshape(-1)

    start = np.concatenate([[2.0, 0.1], rows.states.numpy().ravel()])
    truth = least_squares(all_at_once, start, xtol=1e-12, ftol=1e-12, gtol=1e-12)
    found = fit.model
    assert isinstance(found, Spring)
    # SciPy's differences have eight digits
    assert abs(found.k.item() - truth.x[0]) < 1e-5
    assert abs(found.c.item() - truth.x[1]) < 1e-5
    assert abs(fit.residual**2 * rows.x.numel() / (2 * truth.cost) - 1) < 1e-6


def test_noise_is_met_and_no_more() -> None:
    rows = rollout_residual(spring_data(0.02, count=20))
    stop = Stop(iterations=12, residual=rows.limit)
    fit = fit_levenberg_marquardt(lambda _: Spring(1.0), [rows], multistart=1, stop=stop)
    # 360 data - 80 states: chi^2 scatters by sqrt(2 / 280) = 8 %, half of it in the root
    assert abs(fit.residual / rows.limit - 1) < 0.1
    assert isinstance(fit.model, Spring)
    # some 200 positions with noise 0.02 of motions of size 1
    assert abs(fit.model.k.item() - 2.25) < 0.05


def test_without_projection_errors_of_the_first_state_stay() -> None:
    data = spring_data(0.02)
    stop = Stop(iterations=8)
    reached = [
        fit_levenberg_marquardt(
            lambda _: Spring(1.0),
            [rollout_residual(data, variable_projection=project)],
            multistart=1,
            stop=stop,
        ).residual
        for project in (True, False)
    ]
    assert reached[0] < 1.1 < reached[1]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(DataError, match="substeps"):
        rollout_residual(spring_data(0.1), substeps=0)
