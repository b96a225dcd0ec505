"""Jacobi's metric: its geodesics are the motions, its curvature is geomkit's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

import geomkit as gk
from ndm.dynamics.jacobi import JacobiMetric, exact_jacobi_metric, jacobi_metric
from ndm.dynamics.motion import Potential
from ndm.dynamics.systems import System, double_pendulum, particle_on_surface
from ndm.errors import ModelError
from ndm.geometry import ConstantMetric, ExactMetric
from ndm.metric_net import MetricNet

torch.set_num_threads(1)
F64 = torch.float64


def jacobi(system: System, energy: float) -> JacobiMetric:
    kernel = gk.compile(system.metric, [f"potential = {system.potential}"], backend="torch")

    def potential(x: Tensor) -> Tensor:
        value: Tensor = kernel(x, **system.parameters).potential
        return value

    return jacobi_metric(ExactMetric(system.metric, **system.parameters), potential, energy)


def geodesic(field: JacobiMetric, x: np.ndarray, v: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The geodesic of J through x along v, at given times: x' = u t', t' = dt/ds, by DOP853."""
    n = len(x)

    def slope(_: float, state: Any) -> Any:
        y, u = (torch.as_tensor(state[k * n : (k + 1) * n], dtype=F64) for k in (0, 1))
        gamma, rate = field.christoffel(y), float(field.clock(y))
        turn = -torch.einsum("ijk,j,k->i", gamma, u, u)
        return np.concatenate([u.numpy(), turn.numpy()]) / rate  # d/dt = (ds/dt) d/ds

    y = torch.as_tensor(x, dtype=F64)
    u = torch.as_tensor(v, dtype=F64) / field.norm(y, torch.as_tensor(v, dtype=F64))
    start = np.concatenate([x, u.numpy()])
    span = (times[0], times[-1])
    found = solve_ivp(slope, span, start, method="DOP853", t_eval=times, rtol=1e-9, atol=1e-10)
    positions: np.ndarray = found.y[:n].T
    return positions


# The double pendulum's kernels take ten seconds to derive and compile.
SYSTEMS = [particle_on_surface(), pytest.param(double_pendulum(), marks=pytest.mark.slow)]


@pytest.mark.parametrize("system", SYSTEMS)
def test_geodesics_are_the_motions(system: System) -> None:
    q, v = np.array([0.3, -0.2]), np.array([2.0, -1.0])
    times = np.linspace(0, 0.4, 5)
    field = jacobi(system, float(system.energy(q, v)))
    expected, _ = system.trajectory(q, v, times)
    # 1e-9 a step of the geodesic, over some thirty steps, and the path's own stretching
    assert np.abs(geodesic(field, q, v, times) - expected).max() < 1e-7


@pytest.mark.parametrize("system", SYSTEMS)
def test_curvature_is_that_of_the_conformal_metric_of_geomkit(system: System) -> None:
    energy = 60.0
    exact = ExactMetric(exact_jacobi_metric(system), **system.parameters, energy=energy)
    x = torch.rand(20, 2, dtype=F64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    field = jacobi(system, energy)
    assert torch.allclose(field(x), exact(x), rtol=1e-13)  # a few operations each
    R = exact.scalar_curvature(x)
    # second derivatives by automatic differentiation: condition about 100
    assert float((field.scalar_curvature(x) - R).abs().max() / R.abs().max()) < 1e-11
    assert torch.allclose(field.log_volume(x), exact.log_volume(x), rtol=1e-12)


def test_kepler_at_zero_energy_is_flat() -> None:
    # J = 2 k/r (dr^2 + r^2 dphi^2) is a cone: R = 0 away from r = 0; a closed form of its own
    field = jacobi_metric(ConstantMetric(2).double(), lambda x: -1 / x.norm(dim=-1), 0.0)
    x = torch.tensor([[0.5, 0.4], [-1.0, 2.0]], dtype=F64)
    assert float(field.scalar_curvature(x).abs().max()) < 1e-13  # rounding of terms of size 1
    # at E = 1 it is f = 2 (r + 1)/r, and R = -Laplace(log f)/f = -1/(2 (r + 1)^3)
    field = jacobi_metric(ConstantMetric(2).double(), lambda x: -1 / x.norm(dim=-1), 1.0)
    r = x.norm(dim=-1)
    assert torch.allclose(field.scalar_curvature(x), -1 / (2 * (r + 1) ** 3), rtol=1e-12)


@pytest.mark.slow
def test_velocity_has_the_energy() -> None:
    system = double_pendulum()
    field = jacobi(system, 5.0)
    x = torch.tensor([[0.1, 0.2], [-0.4, 0.3]], dtype=F64)
    v = field.velocity(x, torch.tensor([[1.0, 2.0], [-3.0, 0.1]], dtype=F64))
    assert np.allclose(system.energy(x.numpy(), v.numpy()), 5.0, rtol=1e-13)


def test_where_the_motion_cannot_go_is_refused_under_vmap_too() -> None:
    field = jacobi_metric(ConstantMetric(2).double(), lambda x: x.square().sum(-1), 1.0)
    inside, outside = torch.zeros(3, 2, dtype=F64), torch.ones(3, 2, dtype=F64)
    for ask in (field, field.scalar_curvature, field.christoffel, field.log_volume,
                torch.func.vmap(field), torch.func.vmap(torch.func.jacfwd(field))):  # fmt: skip
        assert bool(ask(inside).isfinite().all())
        with pytest.raises(ModelError, match="E > V"):
            ask(outside)
    with pytest.raises(ModelError, match="E > V"):
        field(torch.full((1, 2), float("nan"), dtype=F64))


def test_a_learned_jacobi_metric_has_the_parameters_of_its_parts() -> None:
    torch.manual_seed(0)
    field = jacobi_metric(MetricNet(2).double(), Potential(2).double(), 3.0)
    names = {name.split(".")[0] for name, _ in field.named_parameters()}
    assert names == {"field", "potential"}
    x = torch.zeros(2, 2, dtype=F64)
    field.scalar_curvature(x).sum().backward()
    assert all(p.grad is not None for p in field.parameters())
    assert "energy=3" in repr(field)


def test_what_cannot_be_used_is_refused() -> None:
    with pytest.raises(ModelError, match="metric field"):
        jacobi_metric(torch.nn.Linear(2, 2), lambda x: x[..., 0], 1.0)
    with pytest.raises(ModelError, match="finite energy"):
        jacobi_metric(ConstantMetric(2), lambda x: x[..., 0], float("inf"))
    taken = gk.Metric(["x", "y"], [["energy", "0"], ["0", "1"]], parameters=["energy"],
                      domain={"x": ["0", "1"], "y": ["0", "1"]})  # fmt: skip
    with pytest.raises(ModelError, match="call it otherwise"):
        exact_jacobi_metric(System(taken, "x", {"energy": 1.0}))
