"""Reports: closed forms of errors that are put in on purpose."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ndm.dynamics.report import curvature_report, rollout_report
from ndm.dynamics.scramble import RandomFlow, carry, carry_back
from ndm.dynamics.systems import surface
from ndm.errors import ModelError
from ndm.field import MetricField
from ndm.geometry import ConstantMetric, ExactMetric, PulledBack
from ndm.metric_net import MetricNet


class Round(MetricField):
    """A sphere of curvature K, in stereographic coordinates, times a factor."""

    def __init__(self, curvature: float, factor: float = 1.0) -> None:
        super().__init__(2)
        self.curvature, self.factor = curvature, factor

    def forward(self, x: Tensor) -> Tensor:
        size = 4 * self.factor / (1 + self.curvature * x.square().sum(-1)) ** 2
        return torch.eye(2, dtype=x.dtype) * size[..., None, None]


def points(count: int = 30) -> Tensor:
    source = torch.Generator().manual_seed(0)
    return torch.rand(count, 2, generator=source, dtype=torch.float64) - 0.5


def test_scale_costs_nothing() -> None:
    report = curvature_report(Round(1.0, 7.0), Round(1.0), points())
    assert abs(report.scale - 1 / 7) < 1e-14
    # rounding in curvatures of size 1
    assert max(report.metric, report.curvature_rms, report.ricci_rms) < 1e-12


def test_errors_of_a_sphere_of_another_size() -> None:
    """K = 1.1: R = 2.2; c is found numerically, the Ricci tensor is K g whatever the scale."""
    x, truth, other = points(), Round(1.0), Round(1.1)
    report = curvature_report(other, truth, x)
    ratio = (1 + x.square().sum(-1)) ** 2 / (1 + 1.1 * x.square().sum(-1)) ** 2  # g / h
    scale = float(ratio.sum() / ratio.square().sum())
    assert abs(report.scale - scale) < 1e-14
    assert abs(report.metric - float((scale * ratio - 1).square().mean().sqrt())) < 1e-14
    assert abs(report.curvature_median - (2.2 / scale - 2) / 2) < 1e-12
    assert abs(report.ricci_rms - float((1.1 * ratio - 1).square().mean().sqrt())) < 1e-12


def test_reports_do_not_depend_on_coordinates() -> None:
    flow, x = RandomFlow(2, seed=2), points(10)
    plain = curvature_report(Round(1.1), Round(1.0), flow(x)[0])
    pulled = curvature_report(PulledBack(Round(1.1), flow), PulledBack(Round(1.0), flow), x)
    # the same tensors in other coordinates: rounding in second derivatives of the flow
    assert abs(plain.metric - pulled.metric) < 1e-10
    assert abs(plain.ricci_rms - pulled.ricci_rms) < 1e-10
    assert abs(plain.curvature_rms - pulled.curvature_rms) < 1e-10


def test_flat_truth_is_measured_absolutely() -> None:
    report = curvature_report(Round(0.5), ConstantMetric(2).double(), points())
    assert report.level == 1
    assert abs(report.curvature_rms * report.scale - 1) < 1e-12  # R = 2 K = 1


def test_the_truth_of_geomkit_is_the_closed_form() -> None:
    exact = ExactMetric(surface("sphere").metric)
    report = curvature_report(Round(1.0), exact, points())
    assert max(report.metric, report.curvature_rms, report.ricci_rms) < 1e-12


def test_dimensions_have_to_agree() -> None:
    with pytest.raises(ModelError, match="same dimension"):
        curvature_report(MetricNet(3), Round(1.0), points())


class Falling(nn.Module):
    """Accelerations that are 0.1 too large, in the plane."""

    def forward(self, x: Tensor, v: Tensor) -> Tensor:
        return torch.full_like(x, 0.1)


class Nowhere(nn.Module):
    """No acceleration at all."""

    def forward(self, x: Tensor, v: Tensor) -> Tensor:
        return torch.full_like(x, torch.nan)


def test_errors_of_motion_in_closed_form() -> None:
    plane = surface("plane")
    x, v = np.zeros((2, 2)), np.array([[1.0, 0.0], [0.0, 2.0]])
    report = rollout_report(Falling(), plane, x, v, np.linspace(0, 3, 4))
    # 0.1 t^2 / 2 in both directions; the energy grows by v . 0.1 t + (0.1 t)^2
    assert np.abs(report.endpoint - 0.45 * 2**0.5).max() < 1e-7
    grown = np.array([0.3 + 0.09, 0.6 + 0.09]) / np.std([0.5, 2.0])
    assert np.abs(report.drift - grown).max() < 1e-7
    assert "endpoint error 0.636" in str(report)


def test_a_motion_that_ends_is_infinitely_wrong() -> None:
    plane = surface("plane")
    report = rollout_report(Nowhere(), plane, np.zeros((1, 2)), np.ones((1, 2)), np.arange(3.0))
    assert bool(np.isinf(report.endpoint).all())


class Scrambled(nn.Module):
    """`Falling` in scrambled coordinates."""

    def __init__(self, flow: RandomFlow) -> None:
        super().__init__()
        self.flow = flow

    def forward(self, z: Tensor, w: Tensor) -> Tensor:
        bent = carry(self.flow, z, w, torch.zeros_like(z))[2]
        return torch.linalg.solve(self.flow.jacobian(z), 0.1 - bent)


def test_errors_in_scrambled_coordinates_are_those_of_the_plane() -> None:
    flow, plane = RandomFlow(2, 1.5, seed=3, steps=2), surface("plane")
    x, v = torch.zeros(2, 2).double(), torch.tensor([[0.5, 0.0], [0.0, 1.0]]).double()
    z, w, _ = (each.numpy() for each in carry_back(flow, x, v, torch.zeros_like(x)))
    report = rollout_report(Scrambled(flow), plane, z, w, np.linspace(0, 1, 3), chart=flow)
    # as above, with t = 1; the integration errs by 1e-8, the flow multiplies that by about 2
    assert np.abs(report.endpoint - 0.05 * 2**0.5).max() < 1e-6
    grown = np.array([0.05 + 0.01, 0.1 + 0.01]) / np.std([0.125, 0.5])
    assert np.abs(report.drift - grown).max() < 1e-6


class Walled(nn.Module):
    """Nothing beyond x^1 = 2."""

    def forward(self, x: Tensor, v: Tensor) -> Tensor:
        return torch.where(x[..., :1] > 2, torch.nan, torch.zeros_like(x))


def test_motions_that_end_leave_the_others_alone() -> None:
    x, v = np.zeros((3, 2)), np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.0]])
    report = rollout_report(Walled(), surface("plane"), x, v, np.linspace(0, 3, 4))
    assert np.isinf(report.endpoint).tolist() == [False, True, False]
    assert np.isinf(report.drift).tolist() == [False, True, False]
    assert report.endpoint[[0, 2]].max() < 1e-7  # the others are straight lines, as in the truth
