"""Layers, charts, the one manifold of a model (R1 to R7, R16 to R18, R33, R34, R64, R70, R73)."""

from __future__ import annotations

import copy
import itertools
import pickle

import pytest
import torch
from torch import Tensor
from torch.func import vmap

from ndm.charts import Inverse, coordinate_map
from ndm.errors import ModelError
from ndm.field import MetricField
from ndm.geometry import ConstantMetric, ExactMetric, PulledBack
from ndm.heads import LinearHead
from ndm.layer import LayerOutput, ManifoldLayer
from ndm.metric_net import MetricNet
from ndm.model import NDM
from tests.ndm.models import jacobian, map_jacobian, maps, model
from tests.ndm.oracles import F32, F64, points, shaken


class Untouchable(MetricField):
    """A metric that must not be asked for anything."""

    def forward(self, x: Tensor) -> Tensor:
        raise AssertionError("the geometry was computed though it was turned off")


# --- charts and points: R1, R2, R5, R16


def test_charts_give_the_activations() -> None:
    own, x = model(3, 4), points(10, 3)
    point, y = own.point(x), x
    assert len(own.atlas) == len(own.trace(x)) == 5
    for chart, layer in zip(own.atlas, own.layers, strict=False):
        assert torch.equal(layer.chart.coords(point), y)  # bit for bit
        assert layer.chart == chart
        y = layer(y, compute_geometry=False).x
    assert torch.equal(own.atlas[-1].coords(point), y)
    assert own.head is not None
    assert torch.equal(own(x), own.head(y))
    for a, b in zip(own.charts(x), own.trace(x), strict=True):
        assert torch.equal(a, b)


def test_all_charts_describe_one_point() -> None:
    own, x = model(3, 3), points(10, 3)
    trace = own.trace(x)
    for i, here in enumerate(trace):
        for j, there in enumerate(trace):
            y = here
            for k in range(i, j):
                y = own.layers[k].coordinate_map(y)[0]
            for k in range(i, j, -1):
                y = own.layers[k - 1].coordinate_map.inverse(y)
            # 1e-9 is the requirement's; couplings lose a digit or two
            torch.testing.assert_close(y, there, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("dtype", "bound"), [(F64, 1e-10), (F32, 1e-4)])
def test_inversion(dtype: torch.dtype, bound: float) -> None:
    own, x = model(4, 6).to(dtype), points(50, 4, dtype=dtype)
    # 1e-6 of the requirement holds at the start; these maps are shaken, and stretch errors
    torch.testing.assert_close(own.invert(own.trace(x)[-1]), x, rtol=0, atol=bound)
    fresh = NDM(maps(6, 4)).to(dtype)
    torch.testing.assert_close(fresh.invert(fresh(x)), x, rtol=0, atol=min(bound, 1e-6) * 4)


def test_the_whole_is_the_composition_of_its_parts() -> None:
    own, x = model(3, 3), points(5, 3)
    trace = own.trace(x)
    whole = jacobian(lambda p: own.trace(p)[-1], x)
    product = torch.eye(3, dtype=F64).expand(5, 3, 3)
    total = torch.zeros(5, dtype=F64)
    for layer, y in zip(own.layers, trace, strict=False):
        product = map_jacobian(layer.coordinate_map, y) @ product
        total = total + layer.coordinate_map(y)[1]
    torch.testing.assert_close(product, whole, rtol=1e-9, atol=1e-9)  # functoriality
    torch.testing.assert_close(own.log_det(x), total, rtol=1e-12, atol=1e-12)
    exact = torch.linalg.slogdet(whole).logabsdet
    torch.testing.assert_close(own.log_det(x), exact, rtol=1e-9, atol=1e-9)


def test_transitions_are_smooth() -> None:
    """Second differences converge at order 2 (R3), for the whole of the coordinate maps."""
    own, x, v = model(2, 3), points(4, 2), points(4, 2, seed=1)

    def second(h: float) -> Tensor:
        a, b, c = (own.trace(x + k * h * v)[-1] for k in (-1, 0, 1))
        return (a - 2 * b + c) / h**2

    steps = [0.04, 0.02, 0.01]
    gaps = [(second(h) - second(h / 2)).abs().max() for h in steps]
    for wide, narrow in itertools.pairwise(gaps):
        assert 3.5 < wide / narrow < 4.5  # 4 for order 2


# --- one metric in all charts: R22, R27


@pytest.mark.parametrize("metric_chart", [0, 1, 2, -1])
def test_the_metric_in_every_chart(metric_chart: int) -> None:
    """g in chart i is J^T g J with the Jacobian from chart i to the metric's, by autodiff."""
    own, x = model(2, 2, metric_chart=metric_chart), points(5, 2)
    given = metric_chart % 3
    net = own.field(given)
    assert isinstance(net, MetricNet)
    trace = own.trace(x)
    home = net(trace[given])
    R = net.scalar_curvature(trace[given])
    for i in range(3):
        parts = [layer.coordinate_map for layer in own.layers]

        def there(p: Tensor, i: int = i, parts: list[torch.nn.Module] = parts) -> Tensor:
            for k in range(i, given):
                p = parts[k](p)[0]
            for k in range(i, given, -1):
                p = parts[k - 1].inverse(p)
            return p

        J = jacobian(there, trace[i])
        expected = J.mT @ home @ J
        torch.testing.assert_close(own.metric(x, chart=i), expected, rtol=1e-10, atol=1e-10)
        field = own.field(i)
        torch.testing.assert_close(field(trace[i]), expected, rtol=1e-10, atol=1e-10)
        # one function on the manifold, whatever the chart
        scalar = field.scalar_curvature(trace[i])
        torch.testing.assert_close(scalar, R, rtol=1e-9, atol=1e-9)
        half = 0.5 * torch.linalg.slogdet(expected).logabsdet
        torch.testing.assert_close(field.log_volume(trace[i]), half, rtol=1e-10, atol=1e-10)
        if i < 2:
            layered = own.layers[i].metric
            torch.testing.assert_close(layered(trace[i]), expected, rtol=1e-10, atol=1e-10)
            assert torch.equal(layered.scalar_curvature(trace[i]), scalar)
            w = points(5, 2, seed=1)
            assert torch.equal(layered.raised(trace[i], w), field.raised(trace[i], w))
            for name in ("slope", "cholesky", "inverse", "ricci"):
                own_way, of_field = getattr(layered, name), getattr(field, name)
                assert torch.equal(own_way(trace[i]), of_field(trace[i]))
            for name in ("first", "jet"):
                pairs = (getattr(layered, name)(trace[i]), getattr(field, name)(trace[i]))
                assert all(torch.equal(a, b) for a, b in zip(*pairs, strict=True))
            assert f"in chart {i}" in repr(layered)


def test_geometry_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    own, x = model(2, 3), points(20, 2)
    net, counts = own.field(-1), []
    exact = net.scalar_curvature

    def counted(y: Tensor) -> Tensor:
        counts.append(len(y))
        return exact(y)

    monkeypatch.setattr(net, "scalar_curvature", counted)
    found = own.geometry(x)
    y = own.trace(x)[-1]
    assert torch.equal(found.metric, net(y))
    assert torch.equal(found.scalar_curvature, exact(y))
    assert torch.equal(found.log_volume, net.log_volume(y))
    assert torch.equal(found.volume, found.log_volume.exp())
    # a few points cost as few: R65
    some = own.geometry(x, points=5, generator=torch.Generator().manual_seed(0))
    assert len(some.scalar_curvature) == 5
    assert all((exact(y) == one).any() for one in some.scalar_curvature)
    assert len(some.metric) == len(some.log_volume) == 20
    assert own.geometry(x, curvature=False).scalar_curvature.numel() == 0
    assert len(own.geometry(x, points=100).scalar_curvature) == 20
    assert counts == [20, 5, 20]
    with pytest.raises(ModelError, match="1 or more"):
        own.geometry(x, points=0)


def test_geometry_of_independent_metrics() -> None:
    own, x = model(2, 3, tie="independent"), points(6, 2)
    found, trace = own.geometry(x), own.trace(x)
    for i, layer in enumerate(own.layers):
        assert torch.equal(found.metric[i], layer.metric(trace[i]))
        assert torch.equal(found.scalar_curvature[i], layer.metric.scalar_curvature(trace[i]))
        assert torch.equal(found.log_volume[i], layer.metric.log_volume(trace[i]))
        assert own.field(i) is layer.metric
    last = own.field(3)(trace[3])
    J = jacobian(lambda p: own.layers[2].coordinate_map.inverse(p), trace[3])
    torch.testing.assert_close(last, J.mT @ found.metric[2] @ J, rtol=1e-10, atol=1e-10)


# --- layers: R33, R34


def test_a_layer_returns_what_listing_1_unpacks() -> None:
    own, x = model(3, 1), points(4, 3)
    layer = ManifoldLayer(own.layers[0].coordinate_map, own.field(1))
    found = layer(x, compute_geometry=True)
    z, g, R, vol = found
    assert torch.equal(z, layer.coordinate_map(x)[0])
    assert layer.metric is not None
    assert torch.equal(g, layer.metric(x))  # both paths are fed the same x
    assert torch.equal(R, layer.metric.scalar_curvature(x))
    assert torch.equal(vol, layer.metric.log_volume(x).exp())
    assert found.log_volume is not None
    assert torch.equal(found.log_volume.exp(), vol)
    assert isinstance(found, LayerOutput)
    assert found.metric is g
    assert isinstance(layer(x), LayerOutput)  # on unless turned off
    assert layer(x).metric is not None


def test_geometry_turned_off_is_not_computed() -> None:
    phi, x = maps(1, 3)[0].double(), points(4, 3)
    layer = ManifoldLayer(phi, Untouchable(3))
    found = layer(x, compute_geometry=False)
    assert torch.equal(found.x, phi(x)[0])
    assert found[1:] == (None, None, None)
    assert found.log_volume is None
    whole = NDM([phi], LinearHead(3, 2).double(), Untouchable(3))
    whole(x)  # nor by the network on the way to its outputs
    with pytest.raises(AssertionError):
        layer(x)
    with pytest.raises(ModelError, match="compute_geometry=False"):
        ManifoldLayer(phi)(x)
    with pytest.raises(ModelError, match="do not make a layer"):
        ManifoldLayer(phi, MetricNet(2))


def test_layer_outputs_go_through_transformations_and_copies() -> None:
    own, x = model(2, 1), points(4, 2)
    layer = own.layers[0]
    with torch.no_grad():  # torch copies leaves only
        found = layer(x)
    for other in (vmap(layer)(x), copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert isinstance(other, LayerOutput)
        for a, b in zip([*other, other.log_volume], [*found, found.log_volume], strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


# --- independent metrics and how far they disagree: R70


def test_planted_push_forward_is_compatible() -> None:
    torch.manual_seed(0)
    parts = [shaken(phi.double(), 0.3) for phi in maps(3, 2)]
    first: MetricField = MetricNet(2, hidden=(6,)).double()
    fields = [first]
    for phi in parts[:-1]:
        fields.append(PulledBack(fields[-1], Inverse(phi)))
    own, x = NDM(parts, None, fields, tie="independent"), points(6, 2)
    for measure in own.compatibility(x):
        assert measure.shape == (2, 6)
        # the requirement's 0, up to Jacobians there and back
        torch.testing.assert_close(measure, torch.zeros(2, 6, dtype=F64), rtol=0, atol=1e-8)
    tied = NDM(parts, None, first)
    for measure in tied.compatibility(x):
        torch.testing.assert_close(measure, torch.zeros(2, 6, dtype=F64), rtol=0, atol=1e-8)


def test_compatibility_of_independent_metrics() -> None:
    own, x = model(2, 3, tie="independent"), points(6, 2)
    found, trace = own.compatibility(x), own.trace(x)
    for i in range(2):
        phi, here, there = own.layers[i].coordinate_map, own.field(i), own.field(i + 1)
        J = map_jacobian(phi, trace[i])
        g, h = here(trace[i]), J.mT @ there(trace[i + 1]) @ J
        size = ((g - h) ** 2).sum((-1, -2)).sqrt() / (g**2).sum((-1, -2)).sqrt()
        torch.testing.assert_close(found.metric[i], size, rtol=1e-10, atol=1e-10)
        values = torch.linalg.eigvals(torch.linalg.solve(g, h)).real.log()
        distance = values.square().sum(-1).sqrt()
        torch.testing.assert_close(found.log_ratio[i], distance, rtol=1e-9, atol=1e-9)
        gap = here.scalar_curvature(trace[i]) - there.scalar_curvature(trace[i + 1])
        assert torch.equal(found.curvature[i], gap.abs())
    assert (found.metric > 0.01).all()
    with pytest.raises(ModelError, match="two layers"):
        model(2, 1, tie="independent").compatibility(x)


# --- parts alone, and exchanged: R6


@pytest.mark.parametrize("kind", ["affine_coupling", "lu", "monotone", "flow", "spline"])
def test_maps_are_exchangeable(kind: str) -> None:
    torch.manual_seed(0)
    parts = [coordinate_map(kind, 2) for _ in range(2)]
    own: NDM = NDM(parts, LinearHead(2, 3), MetricNet(2)).double()
    x = points(5, 2)
    assert own(x).shape == (5, 3)
    assert own.geometry(x).scalar_curvature.isfinite().all()


@pytest.mark.parametrize("family", ["full", "diagonal", "conformal", "lowrank", "flat", "exact"])
def test_metrics_are_exchangeable(family: str) -> None:
    metric: MetricField
    if family == "exact":
        metric = ExactMetric("hyperbolic_plane_half")
    else:
        metric = ConstantMetric(2) if family == "flat" else MetricNet(2, family)
    own: NDM = NDM([coordinate_map("affine", 2)], LinearHead(2, 3), metric).double()
    x = points(5, 2).abs() + 0.5
    _, _, R, vol = own.layers[0](x)
    assert R.isfinite().all()
    assert (vol > 0).all()
    if isinstance(metric, ExactMetric):
        torch.testing.assert_close(R, torch.full((5,), -2.0, dtype=F64), rtol=1e-12, atol=0)


def test_parts_alone() -> None:
    x = points(5, 2)
    bare: NDM = NDM(maps(2, 2)).double()  # coordinates without geometry, without a task
    assert not bare.has_metric
    assert torch.equal(bare(x), bare.trace(x)[-1])
    for call in (bare.geometry, bare.metric, bare.compatibility):
        with pytest.raises(ModelError, match="no metric"):
            call(x)
    assert MetricNet(2).double().scalar_curvature(x).shape == (5,)  # geometry without coordinates
