"""Systems and models of motion against closed forms and automatic differentiation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ndm.dynamics.motion import ConnectionNet, MetricDynamics, Potential
from ndm.dynamics.systems import n_pendulum, surface
from ndm.errors import DataError, ModelError
from ndm.metric_net import MetricNet

FAMILIES = ("full", "diagonal", "conformal", "lowrank")


def points(count: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    source = torch.Generator().manual_seed(2)
    x, v = torch.randn(2, count, 2, generator=source, dtype=torch.float64)
    return x, v


@pytest.mark.parametrize("family", FAMILIES)
def test_first_derivatives_of_each_family(family: str) -> None:
    torch.manual_seed(0)
    net, (x, _) = MetricNet(2, family, (7, 5), spread=0.5).double(), points()
    g, dg = net.first(x)
    assert torch.equal(g, net(x))
    # rounding in numbers of size 1
    assert (dg - torch.func.vmap(torch.func.jacfwd(net))(x)).abs().max() < 1e-14
    assert torch.equal(net.slope(x), dg)


def test_motion_is_that_of_the_lagrangian() -> None:
    """d/dt dL/dv = dL/dx for L = g(v, v)/2 - V, by automatic differentiation."""
    torch.manual_seed(0)
    model = MetricDynamics(MetricNet(2, "full", (7,), spread=0.5), Potential(2, (6,))).double()
    x, v = points()

    def lagrangian(x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        kinetic = model.metric.inner(x, v, v) / 2
        return kinetic - model.potential(x)

    momentum = torch.func.grad(lagrangian, argnums=1)
    mass = torch.func.vmap(torch.func.jacrev(momentum, argnums=1))(x, v)
    mixed = torch.func.vmap(torch.func.jacrev(momentum, argnums=0))(x, v)
    force = torch.func.vmap(torch.func.grad(lagrangian))(x, v)
    a = model(x, v)
    left = (mass @ a[..., None] + mixed @ v[..., None])[..., 0]
    # rounding in numbers of size 1
    assert (left - force).abs().max() < 1e-13


def test_a_connection_is_quadratic_in_velocities() -> None:
    torch.manual_seed(0)
    net, (x, v) = ConnectionNet(2, (6,)).double(), points()
    assert torch.allclose(net(x, 3 * v), 9 * net(x, v), rtol=1e-13)
    pushed = ConnectionNet(2, (6,), force=True).double()
    assert pushed(x, 0 * v).abs().max() > 0


def test_a_plain_pendulum_is_one() -> None:
    system = n_pendulum((2.0,), (0.5,), 9.81)
    q, v = np.array([[0.3], [1.0]]), np.array([[0.0], [2.0]])
    assert np.allclose(system.acceleration(q, v), -9.81 / 0.5 * np.sin(q), rtol=1e-14)
    energy = 2 * 0.25 * v[:, 0] ** 2 / 2 - 2 * 9.81 * 0.5 * np.cos(q[:, 0])
    assert np.allclose(system.energy(q, v), energy, rtol=1e-14)


def test_what_is_no_metric_or_no_surface_is_refused() -> None:
    with pytest.raises(ModelError, match="no metric field"):
        MetricDynamics(torch.nn.Linear(2, 2))
    with pytest.raises(DataError, match="not known"):
        surface("cube")
    with pytest.raises(DataError, match="as many"):
        n_pendulum((1.0, 2.0), (1.0,))
