"""The quotient that tells rotations from translations, on metrics that have or lack them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ndm.field import MetricField
from validation.paper.symmetries import quotient, rings


class Planted(MetricField):
    """(1 + |x|^2 + lack u)^2 times the metric of the plane."""

    def __init__(self, lack: float) -> None:
        super().__init__(2)
        self.lack = lack

    def forward(self, x: Tensor) -> Tensor:
        size = 1 + x.square().sum(-1) + self.lack * x[..., 0]
        return size.square()[..., None, None] * torch.eye(2, dtype=x.dtype)


def test_a_metric_with_the_rotation_has_quotient_zero() -> None:
    x = rings(0).test[0]
    assert quotient(Planted(0.0), x) < 1e-25


def test_the_less_symmetric_the_larger() -> None:
    x = rings(0).test[0]
    found = [quotient(Planted(lack), x) for lack in (0.01, 0.1, 0.5)]
    assert found[0] < found[1] < found[2]
    # |L_X g| grows with what is lacking, its square with the square: 100, to the change of g itself
    assert found[1] / found[0] == pytest.approx(100, rel=0.1)


def test_the_quotient_knows_no_scale() -> None:
    class Scaled(Planted):
        def forward(self, x: Tensor) -> Tensor:
            return 7 * super().forward(x)

    x = rings(0).test[0]
    assert quotient(Scaled(0.3), x) == pytest.approx(quotient(Planted(0.3), x), rel=1e-10)


def test_both_tasks_share_their_points() -> None:
    one, other = rings(4), rings(4, symmetric=False)
    assert torch.equal(one.train[0], other.train[0])
    assert not torch.equal(one.train[1], other.train[1])
