"""Neighbours under a metric against sorting closed-form distances; scores of shift."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ndm.analysis.neighbours import nearest, recall
from ndm.analysis.shift import gaussian_score, likelihood_score, metric_score, shift_report
from ndm.charts import coordinate_map
from ndm.errors import DataError
from ndm.field import log_ratio
from ndm.geometry import ConstantMetric
from ndm.metric_net import MetricNet
from ndm.model import NDM
from tests.ndm.oracles import F64, Planted, points


def half_plane(x: Tensor) -> Tensor:
    return torch.eye(2, dtype=F64) / x[..., 1, None, None] ** 2


def distance(p: Tensor, q: Tensor) -> Tensor:
    return 2 * torch.asinh((p - q).norm(dim=-1) / (2 * (p[..., 1] * q[..., 1]).sqrt()))


def test_neighbours_of_the_half_plane() -> None:
    x = torch.rand((24, 2), generator=torch.Generator().manual_seed(0), dtype=F64)
    x = x * torch.tensor([2.0, 1.5]) + torch.tensor([0.0, 0.15])
    closed = distance(x[:, None], x[None]).fill_diagonal_(torch.inf)
    expected = closed.sort(-1)
    field = Planted(2, half_plane)
    found = nearest(field, x, 3, candidates=8)
    truth = nearest(field, x, 3, candidates=24)
    assert torch.equal(truth.indices, expected.indices[:, :3])
    torch.testing.assert_close(truth.distances, expected.values[:, :3], rtol=1e-8, atol=0)
    assert found.converged.all()
    assert recall(found, truth) >= 0.95
    assert recall(truth, truth) == 1
    flat = torch.cdist(x, x).fill_diagonal_(torch.inf).argsort(-1)[:, :3]
    assert not torch.equal(flat, truth.indices)  # the metric has a say
    assert "24 points" in str(found)


def test_queries_and_refusals() -> None:
    x = points(9, 2)
    stretched = ConstantMetric(2, torch.diag(torch.tensor([10.0, 0.1])))
    q = points(4, 2, seed=1)
    found = nearest(stretched, x, 2, queries=q)
    exact = ((q[:, None] - x[None]) * torch.tensor([10.0, 0.1])).norm(dim=-1).sort(-1)
    assert torch.equal(found.indices, exact.indices[:, :2])
    torch.testing.assert_close(found.distances, exact.values[:, :2], rtol=1e-6, atol=0)
    with pytest.raises(DataError, match="set of 9 points"):
        nearest(stretched, x, 9)
    with pytest.raises(DataError, match="need"):
        nearest(stretched, x[0], 1)
    with pytest.raises(DataError, match="cannot be compared"):
        recall(found, nearest(stretched, x, 1))


def model() -> NDM:
    torch.manual_seed(0)
    maps = [coordinate_map("affine_coupling", 2, parity=k) for k in range(2)]
    return NDM(maps, None, MetricNet(2, "conformal", (4,)))


def test_scores() -> None:
    net, train, x = model().double(), points(50, 2), points(7, 2, seed=1)
    torch.testing.assert_close(likelihood_score(net, train, x), -net.log_prob(x))
    inverse = torch.linalg.inv(torch.cov(train.mT, correction=0))
    away = x - train.mean(0)
    expected = torch.einsum("ei,ij,ej->e", away, inverse, away).sqrt()
    torch.testing.assert_close(gaussian_score(net, train, x), expected, rtol=1e-7, atol=0)
    # conformal factors f: the log-Euclidean mean is their geometric mean, the distance sqrt(n) |.|
    field = MetricNet(2, "conformal", (4,)).double()
    middle = field.log_volume(train).mean().exp() * torch.eye(2, dtype=F64)
    expected = log_ratio(middle.expand(7, 2, 2), field(x))
    torch.testing.assert_close(metric_score(field, train, x), expected, rtol=1e-9, atol=1e-12)


def test_a_report_of_shift() -> None:
    train, inside = points(60, 2), points(40, 2, seed=1)
    outside = points(40, 2, seed=2) * 0.3 + torch.tensor([5.0, 5.0])
    report = shift_report(model(), train, inside, outside, controls=2, resamples=20)
    assert set(report.auc) == {"gaussian", "likelihood", "volume", "metric", "curvature"}
    assert report.auc["gaussian"] > 0.99
    assert report.auc["likelihood"] > 0.99
    assert set(report.controls) == {"volume", "metric", "curvature"}
    for name, value in report.values.items():
        ones, zeros = value[report.outside], value[~report.outside]
        counted = (ones[:, None] > zeros[None]).double().mean().item()
        assert report.auc[name] == pytest.approx(counted, abs=1e-9)
    # the metric was never trained: whatever it separates, so do other untrained ones
    assert not any(one.supported for one in report.controls.values())
    assert "likelihood" in str(report)
    assert "untrained metric" in str(report)
    alone = shift_report(MetricNet(1), train[:, :1], inside[:, :1], outside[:, :1], resamples=5)
    assert set(alone.auc) == {"gaussian", "volume", "metric"}
    with pytest.raises(DataError, match="has no density"):
        likelihood_score(MetricNet(2), train, inside)
    with pytest.raises(DataError, match="are needed"):
        shift_report(model(), train, inside, outside[:0])
