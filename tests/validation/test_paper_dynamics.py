"""The check of R60 that a vector field does not depend on coordinates."""

from __future__ import annotations

import torch
from torch import Tensor

from ndm.dynamics.motion import MetricDynamics, Potential
from ndm.geometry import ExactMetric
from ndm.metric_net import MetricNet
from validation.paper.dynamics import push_forward_error


def test_a_metric_and_its_potential_do_not_depend_on_coordinates() -> None:
    torch.manual_seed(0)
    x, v = torch.randn(2, 20, 2, dtype=torch.float64)
    model = MetricDynamics(MetricNet(2, spread=1.0), Potential(2)).double()
    # two derivatives of the map, in float64
    assert push_forward_error(model, x, v, seed=1) < 1e-10


def test_free_motion_neither() -> None:
    x = torch.rand(10, 2, dtype=torch.float64)
    model = MetricDynamics(ExactMetric("sphere2_stereographic"))
    assert push_forward_error(model, x, x + 1, seed=2) < 1e-10


def test_a_force_that_is_no_covector_is_noticed() -> None:
    class Wrong(MetricDynamics):
        def forward(self, x: Tensor, v: Tensor) -> Tensor:
            result: Tensor = super().forward(x, v) + 0.1 * x  # of this chart alone
            return result

    torch.manual_seed(0)
    x, v = torch.randn(2, 20, 1, dtype=torch.float64)
    model = Wrong(MetricNet(1), Potential(1)).double()
    assert push_forward_error(model, x, v, seed=3) > 1e-3
