"""Losses: closed forms, invariance, decomposition, couplings (R25 to R31, R35 to R39, R65, R72)."""

from __future__ import annotations

import copy
import math
import warnings

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ndm.errors import ModelError
from ndm.field import MetricField
from ndm.geometry import ConstantMetric, ExactMetric
from ndm.heads import LinearHead, PrototypeHead
from ndm.losses import (
    LossTerms,
    consistency_loss,
    curvature_penalty,
    fisher_match_loss,
    geo_loss,
    metric_variation,
    output_fisher,
    volume_penalty,
)
from ndm.metric_net import MetricNet
from ndm.model import NDM
from tests.ndm.models import jacobian, map_jacobian, maps, model, slopes
from tests.ndm.oracles import F32, F64, PLANTED, Planted, inside, points

EXACT = {"rtol": 1e-12, "atol": 1e-12}


def terms_of(own: NDM, x: Tensor, target: Tensor) -> LossTerms:
    """A task and both geometric terms."""
    geometry = own.geometry(x)
    return LossTerms(
        nn.functional.cross_entropy(own(x), target),
        curvature_penalty(geometry.scalar_curvature),
        volume_penalty(geometry.log_volume, dimension=own.dimension),
    )


def data(count: int = 30, n: int = 2) -> tuple[Tensor, Tensor]:
    x = points(count, n)
    return x, (x.prod(-1) > 0).long()


# --- curvature: R27, N2, N5


@pytest.mark.parametrize("radius", [0.5, 1.0, 3.0])
def test_curvature_penalty_of_spheres(radius: float) -> None:
    """R = 2/r^2, so that E[R^2] = 4/r^4."""
    field, x = ExactMetric("sphere2", a=radius), inside(2)
    R = field.scalar_curvature(x)
    assert math.isclose(curvature_penalty(R, "square").item(), 4 / radius**4, rel_tol=1e-12)
    expected = math.asinh(2 / radius**2) ** 2
    assert math.isclose(curvature_penalty(R).item(), expected, rel_tol=1e-12)


def test_curvature_penalty_is_a_mean_over_points() -> None:
    R = points(4, 7) * 3
    array = R.numpy()
    torch.testing.assert_close(
        curvature_penalty(R, "square"), torch.tensor((array**2).mean()), **EXACT
    )
    expected = torch.tensor((np.arcsinh(array) ** 2).mean())
    torch.testing.assert_close(curvature_penalty(R), expected, **EXACT)
    small = 1e-4 * R  # the same for small R, to its relative size squared
    square = curvature_penalty(small, "square")
    torch.testing.assert_close(curvature_penalty(small), square, rtol=1e-6, atol=0)
    with pytest.raises(ModelError, match="'cubic'"):
        curvature_penalty(R, "cubic")
    with pytest.raises(ModelError, match="dimension=n"):
        curvature_penalty(R, log_volume=R)


@pytest.mark.parametrize("seed", [0, 1])
def test_curvature_penalty_does_not_depend_on_coordinates(seed: int) -> None:
    own, x = model(2, 3, seed=seed), points(10, 2)
    trace = own.trace(x)
    values = [curvature_penalty(own.field(i).scalar_curvature(trace[i])) for i in range(4)]
    torch.testing.assert_close(torch.stack(values), values[0].expand(4), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", ["asinh", "square"])
@pytest.mark.parametrize("name", ["conformal plane", "warped product"])
def test_normalised_penalty_does_not_know_the_scale(name: str, kind: str) -> None:
    n, metric, _ = PLANTED[name]
    x = inside(n)

    def penalty(c: float, normalise: bool) -> Tensor:
        field = Planted(n, lambda p: c * metric(p))
        volume = field.log_volume(x) if normalise else None
        return curvature_penalty(field.scalar_curvature(x), kind, log_volume=volume, dimension=n)

    for c in (0.01, 10.0, 1e4):
        torch.testing.assert_close(penalty(c, True), penalty(1.0, True), rtol=1e-10, atol=0)
    # without it, the penalty falls when g is inflated: c = 10 takes a factor 100 off R^2
    assert penalty(10.0, False) < 0.1 * penalty(1.0, False)


def test_normalisation_is_for_each_layer_of_its_own() -> None:
    R, volume = points(3, 5), points(3, 8, seed=1)
    together = curvature_penalty(R, "square", log_volume=volume, dimension=2)
    apart = [
        curvature_penalty(a, "square", log_volume=b, dimension=2)
        for a, b in zip(R, volume, strict=True)
    ]
    torch.testing.assert_close(together, torch.stack(apart).mean(), **EXACT)
    # inflate the metric of one layer, c = 7 in two dimensions
    R[1], volume[1] = R[1] / 7, volume[1] + math.log(7)
    inflated = curvature_penalty(R, "square", log_volume=volume, dimension=2)
    torch.testing.assert_close(inflated, together, **EXACT)


def test_one_dimension_is_warned_of() -> None:
    own = model(1, 2)
    R = own.geometry(points(5, 1)).scalar_curvature
    with pytest.warns(UserWarning, match="n = 1"):
        assert curvature_penalty(R, dimension=1) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert curvature_penalty(R) == 0


# --- volume: R28, N8


def test_volume_penalty() -> None:
    log_volume = points(40)
    array = log_volume.numpy()
    for kind, dimension, expected in [
        ("variance", None, np.var(np.exp(array))),
        ("log_variance", None, np.var(array)),
        ("auto", 8, np.var(np.exp(array))),
        ("auto", 9, np.var(array)),
    ]:
        found = volume_penalty(log_volume, kind, dimension)
        torch.testing.assert_close(found, torch.tensor(expected), **EXACT)
    layers = points(3, 40)
    expected = np.var(layers.numpy(), axis=1).mean()  # of each layer, then their mean
    torch.testing.assert_close(
        volume_penalty(layers, "log_variance"), torch.tensor(expected), **EXACT
    )
    with pytest.raises(ModelError, match="dimension=n"):
        volume_penalty(log_volume)
    with pytest.raises(ModelError, match="'std'"):
        volume_penalty(log_volume, "std")


def test_volume_penalty_of_a_constant_metric_is_zero() -> None:
    field = ConstantMetric(3, points(3, 3))
    log_volume = field.log_volume(points(10, 3))
    for kind in ("variance", "log_variance"):
        assert volume_penalty(log_volume, kind) < 1e-28  # a rounding, squared


def test_volumes_of_many_dimensions() -> None:
    """In 64 dimensions the volume overflows in float32, and its logarithm does not."""
    torch.manual_seed(0)
    field = MetricNet(64, "diagonal")
    with torch.no_grad():
        field.net.layers[-1].bias.fill_(4.0)
    log_volume = field.log_volume(points(20, 64, dtype=F32))
    assert log_volume.exp().isinf().any()
    assert volume_penalty(log_volume, dimension=64).isfinite()


# --- listing 1: R35, R36


def test_geo_loss_is_the_sum_over_layers() -> None:
    own, x = model(2, 3, tie="independent"), points(12, 2)
    curvatures, volumes, z = [], [], x
    for layer in own.layers:
        z, _, R, vol = layer(z, compute_geometry=True)
        curvatures.append(R)
        volumes.append(vol)
    offline = 0.0
    for field, y in zip((layer.metric for layer in own.layers), own.trace(x), strict=False):
        offline += (field.scalar_curvature(y).detach().numpy() ** 2).mean()
        offline += np.var(torch.linalg.det(field(y)).sqrt().detach().numpy())
    found = geo_loss(curvatures, volumes)
    assert math.isclose(found.item(), offline, rel_tol=1e-10)
    stacked = own.geometry(x)
    torch.testing.assert_close(geo_loss(stacked.scalar_curvature, stacked.volume), found, **EXACT)
    halves = geo_loss(curvatures, volumes, curvature_weight=0.0)
    torch.testing.assert_close(
        halves + geo_loss(curvatures, volumes, volume_weight=0.0), found, **EXACT
    )
    for bad in ((curvatures, volumes[:2]), ([], [])):
        with pytest.raises(ModelError, match="both need one"):
            geo_loss(*bad)
    with pytest.raises(ModelError, match="wrap"):
        geo_loss(curvatures[0], volumes[0])


def test_listing_1_runs() -> None:
    """The paper's listing, `lambda` spelt `lam` and `target` passed, for 100 steps."""
    torch.manual_seed(0)
    metrics: list[MetricField] = [MetricNet(2, hidden=(8,)) for _ in range(2)]
    ndm = NDM(maps(2, 2), None, metrics, tie="independent").double()
    task_loss, lam = nn.functional.cross_entropy, 1e-2
    x, label = data(128)
    batches = list(zip(x.split(32), label.split(32), strict=True))
    optimizer = torch.optim.Adam(ndm.parameters(), lr=1e-2)

    def forward(ndm: NDM, x: Tensor, target: Tensor) -> Tensor:
        metrics, curvatures, volumes = [], [], []
        for layer in ndm.layers:
            x, g, R, vol = layer(x, compute_geometry=True)
            metrics.append(g)
            curvatures.append(R)
            volumes.append(vol)
        y = x
        L_task = task_loss(y, target)
        L_geo = geo_loss(curvatures, volumes)
        return L_task + lam * L_geo

    losses = []
    for _ in range(25):
        for batch, target in batches:
            optimizer.zero_grad()
            total_loss = forward(ndm, batch, target)
            total_loss.backward()
            optimizer.step()
            losses.append(total_loss.item())
    assert len(losses) == 100
    assert np.isfinite(losses).all()
    assert np.mean(losses[-8:]) < 0.8 * np.mean(losses[:8])


# --- couplings: N4


def test_consistency_loss() -> None:
    own, x = model(2, 3, tie="independent"), points(6, 2)
    trace, rows = own.trace(x), []
    for i in range(2):
        phi = own.layers[i].coordinate_map
        J = map_jacobian(phi, trace[i])
        g, h = own.field(i)(trace[i]), J.mT @ own.field(i + 1)(trace[i + 1]) @ J
        rows.append(torch.linalg.eigvals(torch.linalg.solve(g, h)).real.log().square().sum(-1))
    torch.testing.assert_close(
        consistency_loss(own, x), torch.stack(rows).mean(), rtol=1e-9, atol=1e-9
    )
    assert consistency_loss(model(2, 3), x) < 1e-16  # one metric: 0 up to rounding
    with pytest.raises(ModelError, match="two layers"):
        consistency_loss(model(2, 1, tie="independent"), x)


def _fisher_by_classes(own: NDM, y: Tensor) -> Tensor:
    """E[d log p d log p^T], equation 2 of the paper, class by class."""
    total = torch.zeros(len(y), 2, 2, dtype=F64)
    for c in range(3):
        score = jacobian(lambda p: own.read(p).log_softmax(-1), y)[:, c : c + 1]
        probability = own.read(y).softmax(-1)[:, c, None, None]
        total = total + probability * score.mT @ score
    return total


@pytest.mark.parametrize("head", [LinearHead(2, 3), PrototypeHead(2, 3)])
def test_output_fisher(head: nn.Module) -> None:
    own, y = model(head=copy.deepcopy(head)), points(7, 2)
    found = output_fisher(own, y)
    torch.testing.assert_close(found, _fisher_by_classes(own, y), rtol=1e-11, atol=1e-12)
    assert torch.equal(found, found.mT)
    J = jacobian(own.read, y)
    torch.testing.assert_close(output_fisher(own, y, "normal"), J.mT @ J, **EXACT)
    with pytest.raises(ModelError, match="'poisson'"):
        output_fisher(own, y, "poisson")
    with pytest.raises(ModelError, match="needs a head"):
        output_fisher(NDM(maps(1, 2)).double(), y)


def test_fisher_match_loss() -> None:
    own, x = model(), points(9, 2)
    y = own.trace(x)[-1]
    target = _fisher_by_classes(own, y) + 0.01 * torch.eye(2, dtype=F64)
    ratios = torch.linalg.eigvals(torch.linalg.solve(target, own.field(-1)(y))).real
    expected = ratios.log().square().sum(-1).mean()
    torch.testing.assert_close(fisher_match_loss(own, x), expected, rtol=1e-9, atol=1e-9)
    # it teaches the metric, and nothing else
    nets = {name for name, _ in own.named_parameters() if not name.startswith(("head", "layers"))}
    for name, slope in slopes(fisher_match_loss(own, x), own).items():
        assert bool((slope != 0).any()) == (name in nets)
    # and is 0 for the metric that it wants
    head = LinearHead(2, 3).double()
    flat = Planted(2, lambda p: output_fisher(wanted, p) + 0.01 * torch.eye(2, dtype=F64))
    wanted = NDM([phi.double() for phi in maps(2, 2)], head, flat)
    assert fisher_match_loss(wanted, x) < 1e-20


def test_metric_variation() -> None:
    g = points(8, 3, 3)
    mean = sum(g) / 8
    spread = math.sqrt(sum(float(((one - mean) ** 2).sum()) for one in g) / 8)
    expected = spread / math.sqrt(float((mean**2).sum()))
    assert math.isclose(metric_variation(g).item(), expected, rel_tol=1e-12)
    assert metric_variation(g[:1].expand(5, 3, 3)) < 1e-15
