"""Maps of curvature and volume, flat regions: closed forms and scaling laws."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ndm.analysis.maps import flat_regions, geometry_map
from ndm.errors import ModelError
from ndm.geometry import ConstantMetric, ProductMetric
from ndm.metric_net import MetricNet
from tests.ndm.oracles import F64, PLANTED, Planted, points


def test_a_map_of_a_conformal_plane() -> None:
    """R and the volume of exp(2 f) in closed form, at the places that the map names."""
    _, metric, scalar = PLANTED["conformal plane"]
    found = geometry_map(Planted(2, metric), ((-1, 2), (0, 1)), 7)
    assert found.points.shape == (7, 7, 2)
    torch.testing.assert_close(found.points[2, 5], torch.stack([found.u[5], found.v[2]]))
    torch.testing.assert_close(found.curvature, scalar(found.points), rtol=1e-9, atol=1e-9)
    wave = 0.5 * torch.sin(found.points[..., 0]) * torch.cos(2 * found.points[..., 1])
    torch.testing.assert_close(found.log_volume, 2 * wave, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found.condition, torch.ones(7, 7).double())
    assert "49 of 49" in str(found)


def test_a_slice_is_of_the_whole_metric() -> None:
    sphere = Planted(2, PLANTED["sphere of radius 3"][1])
    field = ProductMetric([sphere, ConstantMetric(1)])
    plane = torch.tensor([[0.0, 0, 1], [1, 1, 0]])
    found = geometry_map(field, ((0, 1), (1, 2)), 4, origin=torch.zeros(3), directions=plane)
    torch.testing.assert_close(found.curvature, torch.full((4, 4), 2 / 9).double())
    u, v = found.u[1], found.v[2]
    torch.testing.assert_close(found.points[2, 1], torch.stack([v, v, u]))


def test_outside_of_the_domain_is_nan() -> None:
    def half(x: Tensor) -> Tensor:
        return x[..., :1, None] * torch.eye(2, dtype=F64)

    found = geometry_map(Planted(2, half), ((-1, 1), (0, 1)), 4)
    outside = found.points[..., 0] < 0
    assert outside.any()
    assert torch.equal(found.curvature.isnan(), outside)
    assert torch.equal(found.log_volume.isnan(), outside)


def test_flat_regions() -> None:
    """Flat for x <= 0, R = 2 for x > 0: dx^2 + w^2 dy^2 with w = 1, or cos x."""

    def metric(x: Tensor) -> Tensor:
        w = torch.where(x[..., 0] > 0, torch.cos(x[..., 0]), 1 + 0 * x[..., 0])
        return torch.diag_embed(torch.stack([1 + 0 * w, w**2], -1))

    x = torch.stack([torch.linspace(-1, 1, 21, dtype=F64), torch.zeros(21, dtype=F64)], -1)
    found = flat_regions(Planted(2, metric), x)
    assert torch.equal(found.flat, x[:, 0] <= 0)
    assert found.share == pytest.approx(11 / 21)
    inside = torch.cos(x[11:, 0]).sum().item()
    assert found.volume_share == pytest.approx(11 / (11 + inside))
    assert found.length == pytest.approx((x[:, 0].square().mean()).sqrt().item())
    # nothing depends on the unit of length
    scaled = flat_regions(Planted(2, lambda y: 100 * metric(y)), x)
    assert torch.equal(scaled.flat, found.flat)
    assert scaled.length == pytest.approx(10 * found.length)
    assert flat_regions(Planted(2, metric), x, length=1e-3).share == 1
    assert "52.4 % of the points" in str(found)


def test_float32_models_and_refusals() -> None:
    field = MetricNet(3, "conformal")
    assert geometry_map(field, ((0, 1), (0, 1)), 3).curvature.dtype == F64
    assert flat_regions(field, torch.randn(5, 3)).flat.shape == (5,)
    flat = ConstantMetric(2)
    with pytest.raises(ModelError, match="u0 < u1"):
        geometry_map(flat, ((1, 0), (0, 1)))
    with pytest.raises(ModelError, match="2 is the least"):
        geometry_map(flat, ((0, 1), (0, 1)), 1)
    with pytest.raises(ModelError, match="needs two coordinates"):
        geometry_map(ConstantMetric(1), ((0, 1), (0, 1)))
    with pytest.raises(ModelError, match="parallel"):
        geometry_map(flat, ((0, 1), (0, 1)), directions=torch.ones(2, 2))
    with pytest.raises(ModelError, match="needed are"):
        geometry_map(flat, ((0, 1), (0, 1)), origin=torch.ones(3))
    with pytest.raises(ModelError, match="N >= 2"):
        flat_regions(flat, points(1, 2))
    with pytest.raises(ModelError, match="positive"):
        flat_regions(flat, points(3, 2), 0)
