"""Baselines: their equations, their sizes, and that all are tuned alike."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from ndm.dynamics.baselines import (
    GRID,
    NAMES,
    Effort,
    Setting,
    compare,
    sized,
    tune,
)
from ndm.dynamics.lagrangian import DelanNet, LagrangianNet
from ndm.dynamics.motion import MetricDynamics
from ndm.dynamics.samples import Triples
from ndm.dynamics.systems import particle_on_surface, surface
from ndm.errors import DataError, ModelError
from ndm.field import MetricField

torch.set_num_threads(1)
F64 = torch.float64
LM, ADAM = Setting("lm", 1e-8), Setting("adam", 1e-6, 1e-2)


def shaken(model: torch.nn.Module) -> torch.nn.Module:
    with torch.no_grad():
        for p in model.parameters():
            p += 0.3 * torch.randn_like(p)
    return model.requires_grad_(False)


def sphere(count: int, seed: int = 0) -> Triples:
    system = surface("sphere")
    x, v = system.draw(count, np.random.default_rng(seed))
    return Triples(x, v, system.acceleration(x, v))


class Masses(MetricField):
    """The masses of a `DelanNet` as a metric."""

    def __init__(self, net: DelanNet) -> None:
        super().__init__(net.n)
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net.masses(x)


class Potential(torch.nn.Module):
    """The potential of a `DelanNet`."""

    def __init__(self, net: DelanNet) -> None:
        super().__init__()
        self.net = net

    def gradient(self, x: Tensor) -> Tensor:
        slope: Tensor = torch.func.vmap(torch.func.jacrev(lambda q: self.net.net(q)[-1]))(x)
        return slope


def test_euler_lagrange_is_the_geodesic_equation_with_a_force() -> None:
    torch.manual_seed(0)
    net = DelanNet(3).double()
    shaken(net)
    x, v = torch.randn(2, 6, 3, dtype=F64)
    exact = MetricDynamics(Masses(net), Potential(net))(x, v)
    # second derivatives and an inverse: condition about 100
    assert float((net(x, v) - exact).abs().max() / exact.abs().max()) < 1e-12


def test_any_lagrangian_solves_its_own_equation() -> None:
    # along the motion, d/dt dL/dv = dL/dq, by differences in time
    torch.manual_seed(0)
    net = LagrangianNet(2).double()
    shaken(net)
    x, v = torch.randn(2, 2, dtype=F64)
    a, h = net(x, v), 1e-4
    momentum = torch.func.jacrev(net.lagrangian, 1)
    ends = [momentum(x + s * v + s**2 / 2 * a, v + s * a) for s in (-h, h)]
    slope = (ends[1] - ends[0]) / (2 * h)
    push = torch.func.jacrev(net.lagrangian, 0)(x, v)
    # central differences err by h^2 times third derivatives
    assert torch.allclose(slope, push, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layers", [2, 3])
def test_several_layers_are_as_wide_as_the_budget_allows(name: str, layers: int) -> None:
    model = sized(name, 2, 820, layers=layers)(0)
    rows = [p.shape[0] for p in model.parameters() if p.dim() == 2]
    width, inputs = rows[0], 4 if name in {"free", "lnn"} else 2
    assert rows[:-1] == [width] * layers
    outputs = {"metric": 3, "connection": 6, "free": 2, "delan": 4, "lnn": 1}[name]

    def count(w: int) -> int:  # weights and biases, layer by layer
        return (inputs + 1) * w + (layers - 1) * (w + 1) * w + (w + 1) * outputs

    assert sum(p.numel() for p in model.parameters()) == count(width) <= 820 < count(width + 1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("force", [False, True])
def test_budgets_are_kept_and_used(name: str, force: bool) -> None:
    make = sized(name, 2, 820, force=force)
    count = sum(p.numel() for p in make(0).parameters())
    assert 0.98 * 820 < count <= 820
    x, v = torch.randn(2, 4, 2, dtype=F64)
    assert make(0)(x, v).shape == (4, 2)
    assert torch.equal(make(3)(x, v), make(3)(x, v))
    assert not torch.equal(make(3)(x, v), make(4)(x, v))


@pytest.mark.parametrize("name", ["metric", "connection", "delan"])
def test_free_motion_is_quadratic_in_the_velocity(name: str) -> None:
    model = sized(name, 2, 300)(0)
    if isinstance(model, DelanNet):  # its potential is a part of it
        with torch.no_grad():
            model.net.layers[-1].weight[-1] = 0
    x, v = torch.randn(2, 4, 2, dtype=F64)
    assert torch.allclose(model(x, 3 * v), 9 * model(x, v), rtol=1e-11)


@pytest.mark.slow
def test_a_comparison_always_has_the_connection() -> None:
    effort = Effort(iterations=30, starts=1, steps=60)
    found = compare(sphere(80), sphere(200, 1), 80, ["free"], grid=(LM, ADAM), effort=effort)
    assert [t.name for t in found.trained] == ["metric", "connection", "free"]
    assert found.connection_ratio == found.errors["connection"] / found.errors["metric"]
    assert str(found).splitlines()[-1] == f"connection / metric: {found.connection_ratio:.2f}"
    # what knows that accelerations are quadratic beats what does not, with 80 samples
    assert max(found.errors["metric"], found.errors["connection"]) < found.errors["free"]
    assert found.errors["metric"] < 0.3  # 0.15 with 75 parameters; predicting zero gives 1
    # held-out errors are those of the settings chosen
    assert all(t.residual < 1 and t.setting in (LM, ADAM) for t in found.trained)


def test_masses_and_a_potential_are_learned_from_motion() -> None:
    system = particle_on_surface()
    x, v = system.draw(80, np.random.default_rng(0))
    data = Triples(x, v, system.acceleration(x, v))
    effort = Effort(iterations=15, starts=1)
    found = tune("delan", data, 70, force=True, grid=(LM,), effort=effort)
    # far from fitted after so few steps, and far better than predicting zero, which gives 1
    assert found.residual < 0.15


def test_any_lagrangian_learns_an_oscillator() -> None:
    generator = np.random.default_rng(0)
    x, v = generator.uniform(-1, 1, (60, 1)), generator.normal(size=(60, 1))
    # Levenberg-Marquardt is often stuck here: masses d^2 L/dv^2 may come near 0; Adam is not
    effort = Effort(steps=200)
    found = tune("lnn", Triples(x, v, -2 * x), 40, grid=(ADAM,), effort=effort)
    assert found.residual < 0.3  # 0.1 for each of three seeds; predicting zero gives 1


def test_the_grid_is_one_and_its_settings_differ() -> None:
    assert len(set(GRID)) == len(GRID) == 8
    assert str(GRID[-1]) == "adam, decay 1e-06, rate 0.01"


def test_what_cannot_be_used_is_refused() -> None:
    with pytest.raises(ModelError, match="'mlp' is not known"):
        compare(sphere(10), sphere(10), 100, ["mlp"])
    with pytest.raises(ModelError, match="at least"):
        sized("metric", 2, 3)
    with pytest.raises(ModelError, match="1 or more"):
        sized("metric", 2, 300, layers=0)
    with pytest.raises(DataError, match="held out"):
        tune("free", sphere(2), 100)
