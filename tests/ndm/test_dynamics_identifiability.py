"""Parallel tensors: counted on metrics whose holonomy is known; what data leave open."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import geomkit as gk
from ndm.charts import coordinate_map
from ndm.dynamics.identifiability import (
    connection_of,
    force_of,
    identifiability_spectrum,
)
from ndm.dynamics.motion import ConnectionNet, MetricDynamics, Potential
from ndm.dynamics.systems import double_pendulum, surface, two_link_arm
from ndm.errors import DataError
from ndm.field import MetricField
from ndm.geometry import ConstantMetric, ExactMetric, ProductMetric, PulledBack
from ndm.metric_net import MetricNet

torch.set_num_threads(1)
F64 = torch.float64


def uniform(low: list[float], high: list[float], count: int = 120) -> Tensor:
    random = torch.rand(count, len(low), dtype=F64, generator=torch.Generator().manual_seed(0))
    return torch.tensor(low, dtype=F64) + random * (torch.tensor(high) - torch.tensor(low)).double()


def sphere() -> MetricField:
    return ExactMetric("sphere2_stereographic")


def hyperbolic() -> MetricField:
    return ExactMetric("hyperbolic_plane_disk")


def line(n: int = 1) -> MetricField:
    made: MetricField = ConstantMetric(n).double()
    return made


# Metrics with the dimension that de Rham's decomposition gives: 1 for each irreducible factor,
# k (k + 1)/2 for a flat one of dimension k.
CASES: dict[str, tuple[Callable[[], MetricField], int]] = {
    "S2": (lambda: sphere(), 1),
    "H2": (lambda: hyperbolic(), 1),
    "ellipsoid": (lambda: ExactMetric(surface("ellipsoid").metric), 1),
    "line": (lambda: line(), 1),
    "flat 2": (lambda: line(2), 3),
    "flat 3": (lambda: line(3), 6),
    "S2 x R": (lambda: ProductMetric([sphere(), line()]), 2),
    "S2 x R2": (lambda: ProductMetric([sphere(), line(2)]), 4),
    "S2 x H2": (lambda: ProductMetric([sphere(), hyperbolic()]), 2),
    "S3": (lambda: ExactMetric("sphere3_stereographic"), 1),
}


@pytest.mark.parametrize("name", CASES)
def test_one_constant_for_each_factor(name: str) -> None:
    field, expected = CASES[name][0](), CASES[name][1]
    n = field.dimension
    found = identifiability_spectrum(field, uniform([-0.4] * n, [0.4] * n, 60), degrees=(1, 2))
    assert [level.dimension for level in found.levels] == [expected] * 2
    assert found.settled
    assert found.gap > 1e15  # zero up to rounding: the tensors lie in the frame's own span


def test_flat_space_in_curved_coordinates() -> None:
    # polar coordinates: constant matrices become cos^2, sin cos, sin^2 of the angle; Fourier in it
    polar = gk.Metric.from_line_element("dr**2 + r**2*dphi**2", coordinates=["r", "phi"])
    points = uniform([1.0, -3.14], [2.0, 3.14], 200)
    found = identifiability_spectrum(
        ExactMetric(polar), points, degrees=(1, 2, 3), basis=["polynomial", "fourier"]
    )
    assert [level.dimension for level in found.levels] == [1, 3, 3]
    # dx (x) dy + dy (x) dx in polar coordinates is a combination of what was found
    r, phi = points.T
    one = torch.stack([torch.cos(phi), -r * torch.sin(phi)], -1)
    two = torch.stack([torch.sin(phi), r * torch.cos(phi)], -1)
    target = torch.einsum("si,sj->sij", one, two) + torch.einsum("si,sj->sij", two, one)
    columns = found.levels[-1].tensors(points).permute(0, 2, 3, 1).reshape(-1, 3)
    solved = torch.linalg.lstsq(columns, target.reshape(-1, 1))
    # rounding: the columns are nearly orthogonal
    assert float((columns @ solved.solution - target.reshape(-1, 1)).abs().max()) < 1e-12


def test_a_product_in_mixed_coordinates_has_two() -> None:
    torch.manual_seed(0)
    product = PulledBack(ProductMetric([sphere(), line()]), coordinate_map("affine", 3).double())
    with torch.no_grad():
        for p in product.coordinate_map.parameters():
            p += 0.2 * torch.randn_like(p)
    points = uniform([-0.4] * 3, [0.4] * 3, 150)
    found = identifiability_spectrum(product.requires_grad_(False), points, degrees=(2, 3))
    assert [level.dimension for level in found.levels] == [2, 2]
    assert "R_k/c_k" in found.verdict
    # the metric itself is one of them
    g, columns = product(points), found.levels[-1].tensors(points).flatten(2).mT.flatten(0, 1)
    rest = g.reshape(-1, 1) - columns @ torch.linalg.lstsq(columns, g.reshape(-1, 1)).solution
    assert float(rest.abs().max()) < 1e-12 * float(g.abs().max())  # exact in this frame


def test_a_connection_that_is_no_metrics_has_none() -> None:
    torch.manual_seed(0)
    net = ConnectionNet(2).double()
    with torch.no_grad():
        for p in net.parameters():
            p += torch.randn_like(p)
    found = identifiability_spectrum(connection_of(net), uniform([-1, -1], [1, 1]))
    assert found.dimension == 0
    assert "no metric" in found.verdict


def test_the_connection_alone_finds_its_metric() -> None:
    # the metric of the sphere is rational in these coordinates: a polynomial approaches it
    points = uniform([-0.5, -0.5], [0.5, 0.5], 200)
    found = identifiability_spectrum(sphere().christoffel, points, degrees=(4, 8))
    assert found.dimension == 1
    h, g = found.levels[-1].tensors(points)[:, 0], sphere()(points)
    scale = float((h * g).sum() / (h * h).sum())
    # best approximation of 4/(1 + r^2)^2 by degree 8 on this square: about 1e-4
    assert float((scale * h - g).abs().max() / g.abs().max()) < 2e-3


def test_the_connection_of_motion_is_that_of_the_metric() -> None:
    torch.manual_seed(0)
    metric, points = MetricNet(3, spread=1.0).double(), uniform([-1] * 3, [1] * 3, 9)
    potential = Potential(3).double()
    model = MetricDynamics(metric, potential).requires_grad_(False)
    exact = metric.christoffel(points)
    # differences of accelerations: 1e-15 times their size
    assert float((connection_of(model)(points) - exact).abs().max()) < 1e-12
    pull = torch.linalg.solve(metric(points), -potential.gradient(points)[..., None])[..., 0]
    assert float((force_of(model)(points) - pull).abs().max()) < 1e-13


def test_a_potential_leaves_fewer_constants() -> None:
    points, flat = uniform([-1, -1], [1, 1]), line(2)

    def springs(x: Tensor) -> Tensor:  # V = x^2/2 + y^2: masses of x and of y may differ
        return -x * torch.tensor([1.0, 2.0], dtype=F64)

    def coupled(x: Tensor) -> Tensor:  # V = (x + y)^4/4 + x^2: only one scale is left
        cube = (x[..., :1] + x[..., 1:]) ** 3
        return -torch.cat([cube + 2 * x[..., :1], cube], -1)

    assert identifiability_spectrum(flat, points, force=springs).dimension == 2
    # h F is closed only for h = c: h12 = 0 from x^2, then h11 = h22 from the quartic
    found = identifiability_spectrum(flat, points, force=coupled)
    assert found.dimension == 1
    assert found.gap > 1e15
    # no force at all is free motion
    assert identifiability_spectrum(flat, points, force=lambda x: 0 * x).dimension == 3


@pytest.mark.parametrize("system", [double_pendulum(), two_link_arm()])
def test_mechanical_systems_are_known_up_to_a_scale_or_flat(system: object) -> None:
    field = ExactMetric(system.metric, **system.parameters)  # type: ignore[attr-defined]
    found = identifiability_spectrum(field, uniform([-1, -1], [1, 1]), degrees=(2, 3))
    assert found.dimension == 1
    assert "up to one scale" in str(found)


def test_what_cannot_be_used_is_refused() -> None:
    points = uniform([-1, -1], [1, 1], 20)
    with pytest.raises(DataError, match="degrees of 1 or more"):
        identifiability_spectrum(line(2), points, degrees=(0, 1))
    with pytest.raises(DataError, match="of dimension 3"):
        identifiability_spectrum(line(3), points)
    with pytest.raises(DataError, match="Gamma"):
        identifiability_spectrum(lambda x: x, points)
    with pytest.raises(DataError, match="unknowns"):
        identifiability_spectrum(line(2), points[:4], degrees=(5,))
