"""Null controls: planted effects are found, and effects of the charts alone are not believed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from ndm.analysis.controls import (
    controlled,
    curvature_size,
    geodesic_length,
    log_volume,
    untrained,
)
from ndm.analysis.ranks import auc, ranks, spearman
from ndm.charts import coordinate_map
from ndm.errors import DataError, ModelError
from ndm.geometry import ConstantMetric, ExactMetric
from ndm.metric_net import MetricNet
from ndm.model import NDM
from tests.ndm.oracles import points, shaken


def steep(n: int = 2) -> MetricNet:
    """A metric whose volume grows along the first coordinate: log factor = 3 tanh(x_0)."""
    torch.manual_seed(0)
    net: MetricNet = MetricNet(n, "conformal", (1,))
    with torch.no_grad():
        net.net.layers[0].weight.copy_(torch.eye(n)[:1])
        net.net.layers[0].bias.zero_()
        net.net.layers[1].weight.fill_(3.0)
    return net


def peaked() -> MetricNet:
    """A metric whose volume is largest around x_0 = 0, and falls with |x_0|."""
    torch.manual_seed(0)
    net: MetricNet = MetricNet(2, "conformal", (2,))
    with torch.no_grad():
        net.net.layers[0].weight.copy_(torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
        net.net.layers[0].bias.copy_(torch.tensor([1.0, -1.0]))
        net.net.layers[1].weight.copy_(torch.tensor([[2.0, -2.0]]))
    return net


@given(st.lists(st.integers(-3, 3), min_size=4, max_size=12))
def test_rank_statistics_by_counting(numbers: list[int]) -> None:
    """Pairs counted one by one; Pearson's correlation of ranks by numpy."""
    values = torch.tensor(numbers, dtype=torch.float64)
    labels = torch.arange(len(numbers)) % 2
    wins = [(a > b) + 0.5 * (a == b) for a in values[labels == 1] for b in values[labels == 0]]
    assert auc(values, labels) == pytest.approx(float(sum(wins)) / len(wins), abs=1e-12)
    if len(set(numbers)) > 1:
        other = torch.arange(len(numbers)).double() ** 3
        pair = torch.stack([ranks(values), ranks(other)])
        assert spearman(values, other) == pytest.approx(float(torch.corrcoef(pair)[0, 1]), abs=1e-9)


def test_a_planted_effect_is_found() -> None:
    x = points(120, 2)
    found = controlled(peaked(), log_volume, x, x[:, 0].abs() < 0.5, resamples=100)
    assert found.trained == 1  # log volume falls with |x_0|
    assert found.supported
    expected = 0.5 - (found.untrained - 0.5).abs().mean().item()
    assert found.effect == pytest.approx(expected)
    low, high = found.effect_interval
    assert 0 < low <= high
    assert abs(found.shuffled.mean().item() - 0.5) < 0.02  # 200 shuffles, each +- 0.053
    assert found.p_shuffled == pytest.approx(1 / 201)
    assert found.p_untrained == pytest.approx(1 / 20)
    few = controlled(peaked(), log_volume, x, x[:, 0].abs() < 0.5, controls=18, resamples=20)
    assert not few.supported  # 18 cannot speak for 95 %
    assert "supported" in str(found)
    assert "untrained" in str(found)


def test_luck_of_either_sign_is_luck() -> None:
    """Volumes of untrained metrics order points along some axis too, up or down."""
    torch.manual_seed(5)
    net = MetricNet(1, "conformal", (4,))
    x = points(60, 1)
    found = controlled(net, log_volume, x, x[:, 0], "spearman", controls=19, resamples=50)
    assert abs(found.trained) > 0.5
    assert found.p_shuffled < 0.05  # no shuffling of labels would tell
    assert found.untrained.min() < -0.5
    assert found.untrained.max() > 0.5  # their mean says nothing of how good they are
    assert not found.supported


def test_metrics_that_were_never_trained_pass_rarely() -> None:
    """They are exchangeable with the controls: each passes with a chance of at most 5 %."""
    x = points(40, 2)
    net = MetricNet(2, "conformal", (4,))
    passed = [
        controlled(
            untrained(net, 1000 + k), log_volume, x, x[:, 0], "spearman", shuffles=99, resamples=20
        ).supported
        for k in range(12)
    ]
    assert sum(passed) <= 3  # more has a chance of 0.2 % where each has 5 %


def test_what_the_metric_has_no_part_in_is_not_supported() -> None:
    """A measure that looks at points alone separates perfectly, with any metric."""
    x = points(80, 2)

    def place(model: nn.Module, y: Tensor) -> Tensor:
        return y[:, 0]

    found = controlled(steep(), place, x, x[:, 0] > 0, controls=19, resamples=50)
    assert found.trained == 1
    assert found.effect == 0
    assert max(found.effect_interval) == 0
    assert min(found.effect_interval) == 0
    assert not found.supported


def test_labels_that_mean_nothing_are_not_supported() -> None:
    x = points(100, 2)
    labels = points(100, seed=7)
    found = controlled(
        steep(), curvature_size, x, labels, "spearman", controls=19, shuffles=100, resamples=50
    )
    assert not found.supported
    assert abs(found.trained) < 0.3  # three standard deviations of a chance correlation
    assert "not supported" in str(found)


def test_an_untrained_copy_changes_the_metric_only() -> None:
    torch.manual_seed(0)
    maps = [coordinate_map("affine_coupling", 2, parity=k) for k in range(2)]
    model = NDM(maps, None, steep())
    shaken(model, 0.3)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    fresh: Any = untrained(model, 3)
    assert torch.equal(state, torch.get_rng_state())  # nobody else's random numbers are touched
    x = torch.randn(4, 2)
    for a, b in zip(fresh.trace(x), model.trace(x), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(fresh.metric(x), model.metric(x))
    assert fresh.layers[0].metric._model[0] is fresh  # its layers see the fresh metric
    again: list[Any] = [untrained(model, seed) for seed in (3, 4)]
    assert torch.equal(again[0].metric(x), fresh.metric(x))
    assert not torch.equal(again[1].metric(x), fresh.metric(x))
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    # near the identity, as metrics start: tr g / n = 1 up to the spread
    g = untrained(steep())(x)
    assert (g - torch.eye(2)).abs().max() < 0.5


def test_distances_of_pairs_and_points_that_are_dropped() -> None:
    pairs = points(8, 2, 2) * 0.2
    target = (pairs[:, 0] - pairs[:, 1]).norm(dim=-1)
    found = controlled(
        steep(), geodesic_length, pairs, target, "spearman", controls=1, shuffles=20, resamples=20
    )
    assert found.points + found.dropped == 8
    assert found.trained > 0.3

    def holes(model: nn.Module, y: Tensor) -> Tensor:
        return torch.where(y[:, 0] > 1, torch.nan, y[:, 0])

    x = points(50, 2)
    few = controlled(steep(), holes, x, x[:, 1] > 0, controls=1, shuffles=9, resamples=9)
    assert few.dropped == int((x[:, 0] > 1).sum()) > 0


def test_refusals() -> None:
    x = points(6, 2)
    with pytest.raises(ModelError, match="nothing to initialise"):
        untrained(ExactMetric("hyperbolic_plane_half"))
    with pytest.raises(ModelError, match="nothing to initialise"):
        untrained(ConstantMetric(2))
    assert torch.equal(
        untrained(ConstantMetric(2, 3 * torch.eye(2), learn=True))(x),
        torch.eye(2).double().expand(6, 2, 2),
    )
    with pytest.raises(DataError, match="not known"):
        controlled(steep(), log_volume, x, x[:, 0], "accuracy")
    with pytest.raises(DataError, match="must be positive"):
        controlled(steep(), log_volume, x, x[:, 0], controls=0)
    with pytest.raises(DataError, match="6 points and 5 labels"):
        controlled(steep(), log_volume, x, x[:5, 0])
    with pytest.raises(DataError, match="nothing can be compared"):
        controlled(steep(), log_volume, x, torch.ones(6))
    with pytest.raises(DataError, match="labels == k"):
        auc(x[:, 0], x[:, 1])
    with pytest.raises(DataError, match="two of shape"):
        spearman(x, x)
    with pytest.raises(DataError, match="not finite"):
        spearman(x[:, 0] / 0, x[:, 0])
    with pytest.raises(ModelError, match="neither an NDM"):
        curvature_size(nn.Linear(2, 2), x)
