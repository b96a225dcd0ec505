"""Losses: closed forms, invariance, decomposition, couplings (R25 to R31, R35 to R39, R65, R72)."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from ndm.balance import AutoBalance, warm_up
from ndm.errors import ModelError
from ndm.field import MetricField
from ndm.geometry import ConstantMetric, ExactMetric, PulledBack
from ndm.heads import LinearHead, PrototypeHead
from ndm.losses import (
    LossTerms,
    consistency_loss,
    curvature_penalty,
    fisher_match_loss,
    geo_loss,
    grad_decomposition,
    metric_variation,
    output_fisher,
    volume_penalty,
)
from ndm.metric_net import MetricNet
from ndm.model import NDM
from tests.ndm.models import jacobian, map_jacobian, maps, model, slopes
from tests.ndm.oracles import F32, F64, PLANTED, Planted, inside, points, shaken

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


# --- the total, and its gradient: R25, R26, R31, R38, R39


@given(a=st.floats(-5, 5), b=st.floats(0, 5))
def test_total_is_linear_in_lambda(a: float, b: float) -> None:
    own = model()
    terms = terms_of(own, *data())
    line = (1 - b) * terms.total(0.0) + b * terms.total(1.0)
    torch.testing.assert_close(terms.total(b), line, **EXACT)
    torch.testing.assert_close(terms.total(b), terms.task + b * terms.geo, **EXACT)
    both = slopes(terms.total(b), own)
    task, geo = slopes(terms.task, own), slopes(terms.geo, own)
    for name, slope in both.items():
        torch.testing.assert_close(slope, task[name] + b * geo[name], **EXACT)
    weighted = LossTerms(terms.task, terms.curvature, terms.volume, weights={"curvature": a})
    assert terms.curvature is not None
    expected = a * terms.curvature + terms.volume
    torch.testing.assert_close(weighted.geo, expected, **EXACT)


def test_all_terms_count() -> None:
    one, two, three, five, seven = (torch.tensor(float(k)) for k in (1, 2, 3, 5, 7))
    terms = LossTerms(one, two, three, five, seven, weights={"fisher": 0.5})
    assert terms.total(10.0).item() == 1 + 10 * 5 + 5 + 3.5
    assert terms.total(torch.tensor(10.0)).item() == terms.total(10.0).item()
    assert LossTerms(one).total(3.0).item() == 1
    assert LossTerms(one).geo.item() == 0
    assert [*terms.items()] == ["task", "curvature", "volume", "consistency", "fisher"]
    assert LossTerms(one, volume=two * math.nan).not_finite() == ("volume",)


def test_lambda_zero_is_the_plain_network_bit_for_bit() -> None:
    """The same parameters after training with lambda = 0, and without any geometry."""
    x, target = data()
    ends = []
    for geometry in (True, False):
        own = model()
        optimizer = torch.optim.Adam(own.parameters(), lr=0.01)
        for _ in range(5):
            optimizer.zero_grad()
            task = nn.functional.cross_entropy(own(x), target)
            loss = terms_of(own, x, target).total(0.0) if geometry else task
            loss.backward()
            optimizer.step()
        ends.append(own.state_dict())
    for name, value in ends[0].items():
        assert torch.equal(value, ends[1][name])


def test_lambda_zero_does_not_spread_what_is_not_finite() -> None:
    own = model()
    x, target = data()
    task = nn.functional.cross_entropy(own(x), target)
    terms = LossTerms(task, task * math.inf)
    assert terms.total(0.0) is task
    _, rest = grad_decomposition(own, terms, 0.0)
    assert all((slope == 0).all() for slope in rest.values())


@pytest.mark.parametrize("tie", ["pullback", "independent"])
@pytest.mark.parametrize("lam", [0.0, 0.3, 100.0])
def test_gradient_has_two_parts(tie: str, lam: float) -> None:
    own = model(tie=tie)
    x, target = data()
    terms = terms_of(own, x, target)
    terms = LossTerms(
        terms.task,
        terms.curvature,
        terms.volume,
        consistency=consistency_loss(own, x),
        fisher=fisher_match_loss(own, x),
        weights={"fisher": 0.1},
    )
    signal, force = grad_decomposition(own, terms, lam)
    total, task = slopes(terms.total(lam), own), slopes(terms.task, own)
    assert set(signal) == set(force) == set(total)
    for name, slope in total.items():
        # the requirement's 1e-12, of the size of what is added
        size = 1 + slope.abs().max()
        torch.testing.assert_close(
            (signal[name] + force[name]) / size, slope / size, rtol=0, atol=1e-12
        )
        torch.testing.assert_close(signal[name], task[name], **EXACT)


@pytest.mark.parametrize("tie", ["pullback", "independent"])
def test_what_acts_on_what(tie: str) -> None:
    """R39, N1: as written, the task teaches the metric nothing; a head that reads it does."""
    x, target = data()

    def touched(own: NDM) -> tuple[set[bool], ...]:
        """Whether the task, and the rest, reach the parameters of metric nets, and of maps."""
        signal, force = grad_decomposition(own, terms_of(own, x, target), 1.0)
        nets = {id(p) for m in own.modules() if isinstance(m, MetricField) for p in m.parameters()}
        names = dict(own.named_parameters())
        metric = [name for name, p in names.items() if id(p) in nets]
        mapped = [n for n in names if n not in metric and not n.startswith("head")]
        groups = [(signal, metric), (force, metric), (signal, mapped), (force, mapped)]
        return tuple({bool((part[n] != 0).any()) for n in group} for part, group in groups)

    plain = touched(model(tie=tie))
    # with independent metrics the maps after the last metric are reached by the task alone
    reached = {True} if tie == "pullback" else {True, False}
    assert plain == ({False}, {True}, {True}, reached)
    coupled = touched(model(tie=tie, head=PrototypeHead(2, 2)))
    assert True in coupled[0]
    if tie == "pullback":
        assert coupled[0] == {True}


@pytest.mark.parametrize(
    "task",
    [
        lambda y, t: nn.functional.cross_entropy(y, t),
        lambda y, t: nn.functional.mse_loss(y[:, 0], t.to(y)),
        lambda y, t: (y[:, 0] - t).abs().mean(),
    ],
)
def test_tasks(task: Callable[[Tensor, Tensor], Tensor]) -> None:
    own = model()
    x, target = data()
    terms = LossTerms(task(own(x), target), curvature_penalty(own.geometry(x).scalar_curvature))
    terms.total(0.1).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in own.parameters())


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


# --- what the terms do when they are trained alone: R29, R30, N1


def test_a_constant_metric_has_no_geometric_loss() -> None:
    own = model(metric=ConstantMetric(2, points(2, 2)))
    found = own.geometry(points(10, 2))
    assert curvature_penalty(found.scalar_curvature) == 0
    assert volume_penalty(found.log_volume, "variance") < 1e-28


def test_geometric_terms_alone_flatten_even_out_and_forget() -> None:
    """E[R^2] falls, the volume evens out, and the metric forgets the points (N1)."""
    torch.manual_seed(0)
    field, x = shaken(MetricNet(2, hidden=(8,)).double(), 0.3), points(60, 2)
    optimizer = torch.optim.Adam(field.parameters(), lr=0.01)
    curvature, variation, evenness = [], [], []
    for _ in range(150):
        optimizer.zero_grad()
        R, log_volume = field.scalar_curvature(x), field.log_volume(x)
        (curvature_penalty(R) + volume_penalty(log_volume, "log_variance")).backward()
        optimizer.step()
        curvature.append(R.square().mean().item())
        volume = log_volume.exp()
        evenness.append((volume.std() / volume.mean()).item())
        variation.append(metric_variation(field(x)).item())
    smooth = np.array(curvature).reshape(5, 30).mean(1)
    assert (np.diff(smooth) < 0).all()
    assert curvature[-1] < 0.05 * curvature[0]
    assert evenness[-1] < 0.2 * evenness[0]
    assert variation[-1] < 0.8 * variation[0]


# --- curvature at some of the points: R65


def test_a_sample_of_points_estimates_without_bias() -> None:
    """A z-test over 400 draws of 8 of 64 points."""
    own, x = model(), points(64, 2)
    exact = own.geometry(x).scalar_curvature.square().mean()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        draws = torch.stack(
            [
                own.geometry(x, points=8, generator=generator).scalar_curvature.square().mean()
                for _ in range(400)
            ]
        )
    z = (draws.mean() - exact) / (draws.std() / math.sqrt(len(draws)))
    assert abs(z) < 3
    assert draws.std() > 0


# --- lambda: R72


def test_warm_up() -> None:
    assert [warm_up(k, 4) for k in range(6)] == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    assert warm_up(0, 0) == 1.0


def test_auto_balance_keeps_a_share() -> None:
    own = model()
    balance = AutoBalance(share=0.2, memory=0.0)
    terms = terms_of(own, *data())
    lam = balance.update(terms, own.parameters())
    task, geo = slopes(terms.task, own), slopes(terms.geo, own)
    shared = [name for name in task if name.startswith("layers")]  # what both reach

    def size(part: dict[str, Tensor]) -> float:
        return math.sqrt(sum(float(part[name].square().sum()) for name in shared))

    assert math.isclose(lam * size(geo), 0.2 * size(task), rel_tol=1e-10)
    assert balance.value == lam
    # with metrics that the task does not see, all parameters count
    w, v = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    apart = LossTerms((3 * w).sum(), (6 * v).sum())
    assert math.isclose(AutoBalance(0.5, 0.0).update(apart, [w, v]), 0.25)


def test_auto_balance_remembers_and_stays_in_bounds() -> None:
    w = torch.ones(1, requires_grad=True)
    balance = AutoBalance(share=1.0, memory=0.5)
    assert balance.update(LossTerms(w.sum(), w.sum()), [w]) == 1.0
    # the mean of log 1 and log 16
    assert math.isclose(balance.update(LossTerms(16 * w.sum(), w.sum()), [w]), 4.0)
    other = AutoBalance(share=1.0, memory=0.5)
    other.load_state_dict(balance.state_dict())
    again = [one.update(LossTerms(w.sum(), w.sum()), [w]) for one in (balance, other)]
    assert again[0] == again[1]
    assert math.isclose(again[0], 2.0)
    still = balance.update(LossTerms(w.sum(), 0 * w.sum()), [w])  # no gradient, no news
    assert still == again[0]
    tight = AutoBalance(bounds=(0.5, 2.0), memory=0.0)
    assert tight.update(LossTerms(1e6 * w.sum(), w.sum()), [w]) == 2.0
    for bad in ({"share": 0.0}, {"memory": 1.0}, {"bounds": (1.0, 0.5)}):
        with pytest.raises(ModelError, match="needed are"):
            AutoBalance(**bad)


def test_pulled_back_terms_need_no_pull_back() -> None:
    """The penalty of a model is that of its one metric: pulling back changes nothing."""
    own, x = model(2, 2), points(10, 2)
    pulled = PulledBack(own.field(-1), own.layers[1].coordinate_map)
    y = own.trace(x)[1]
    found = own.geometry(x).scalar_curvature
    torch.testing.assert_close(pulled.scalar_curvature(y), found, rtol=1e-12, atol=1e-12)
