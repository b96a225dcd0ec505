"""Units of motion: laws of the change of coordinates, by automatic differentiation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from ndm.dynamics.motion import MetricDynamics, Potential
from ndm.dynamics.samples import Trajectories, Triples
from ndm.dynamics.units import Units, units_of
from ndm.errors import DataError
from ndm.field import MetricField
from ndm.metric_net import MetricNet

UNITS = Units(np.array([3.0, -40.0]), np.array([0.5, 20.0]), 0.01)
FACTOR = 7.0


def model() -> MetricDynamics:
    torch.manual_seed(0)
    net = MetricNet(2, "full", (5,), spread=0.5)
    made: MetricDynamics = MetricDynamics(net, Potential(2, (4,))).double()
    return made


def samples(count: int = 5) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(3)
    z, w = torch.randn(2, count, 2, generator=source, dtype=torch.float64)
    return z, w


def outer(z: Tensor) -> Tensor:
    return torch.tensor(UNITS.centre) + torch.tensor(UNITS.scale) * z


class Plain(MetricField):
    """A field that leaves everything but its values to automatic differentiation."""

    def __init__(self, field: MetricField) -> None:
        super().__init__(field.dimension)
        self.field = field

    def forward(self, x: Tensor) -> Tensor:
        return self.field(x)


def test_everything_of_the_metric_agrees_with_its_values() -> None:
    field = UNITS.metric(model().metric, FACTOR)
    plain, x = Plain(field), outer(samples()[0])
    weight = FACTOR / (torch.tensor(UNITS.scale)[:, None] * torch.tensor(UNITS.scale))
    assert torch.allclose(field(x), weight * model().metric(samples()[0]), rtol=1e-14)
    pairs = [
        (field.first(x)[1], plain.slope(x)),
        (field.slope(x), plain.slope(x)),
        (field.jet(x).ddg, plain.jet(x).ddg),
        (field.log_volume(x), plain.log_volume(x)),
        (field.scalar_curvature(x), plain.scalar_curvature(x)),
    ]
    for one, other in pairs:
        # rounding, in sums of terms larger than the result
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-12)


def test_the_model_moves_as_the_one_inside() -> None:
    (z, w), inner = samples(), model()
    there = UNITS.model(inner, FACTOR)
    s, t = torch.tensor(UNITS.scale), UNITS.time
    # rounding
    assert torch.allclose(there(outer(z), s * w / t), s / t**2 * inner(z, w), rtol=1e-11)
    assert there.potential is not None
    gradient = torch.func.vmap(torch.func.grad(there.potential))(outer(z))
    assert torch.allclose(there.potential.gradient(outer(z)), gradient, rtol=1e-12)
    energy = FACTOR / t**2 * inner.energy(z, w)
    assert torch.allclose(there.energy(outer(z), s * w / t), energy, rtol=1e-12)


def test_data_become_numbers_of_size_one() -> None:
    random = np.random.default_rng(0)
    x = np.array([5000.0, -2.0]) + np.array([1000.0, 1e-3]) * (2 * random.random((400, 2)) - 1)
    v = np.array([30.0, 3e-5]) * random.normal(size=(400, 2))
    triples = Triples(x, v, 0.1 * v, np.abs(v) + 1e-9)
    units = units_of(triples, triples)
    inner = units.triples(triples)
    # uniform on [-1, 1], of 400 points: 5 % off
    assert np.allclose(np.abs(inner.x).max(0), 1, atol=0.1)
    assert abs(np.mean(inner.v**2) - 1) < 1e-12
    assert inner.error is not None
    assert triples.error is not None
    # an error bar is changed as what it belongs to
    assert np.allclose(inner.error / triples.error, inner.a / triples.a)


def test_trajectories_have_one_scale_and_keep_their_noise() -> None:
    t = np.linspace(0, 500, 9)
    x = np.random.default_rng(0).normal(size=(4, 1, 2)) * (1 + t[:, None] / 500) * [1, 10]
    motion = Trajectories(t, x, 0.1)
    units = units_of(motion, motion.triples())
    assert units.scale[0] == units.scale[1]
    inner = units.trajectories(motion)
    assert inner.noise == 0.1 / units.scale[0]
    assert np.allclose(units.centre + units.scale * inner.x, x)
    assert np.allclose(inner.t * units.time, t)


def test_degenerate_motion() -> None:
    still = Triples(np.ones((4, 2)), np.zeros((4, 2)), np.zeros((4, 2)))
    with pytest.raises(DataError, match="one place"):
        units_of(still, still)
    x = np.stack([np.arange(4.0), np.full(4, 1e9)], -1)  # the second does not vary
    pushed = Triples(x, np.zeros((4, 2)), 4 * np.ones((4, 2)))
    units = units_of(pushed, pushed)
    assert units.scale[0] == units.scale[1]
    inner = units.triples(pushed)
    assert abs(np.mean(inner.a**2) - 1) < 1e-12  # at rest, the force sets the time
    assert units_of(*[Triples(x, 0 * x, 0 * x)] * 2).time == 1
