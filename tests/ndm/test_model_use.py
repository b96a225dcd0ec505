"""Models: parameters, padding, densities, heads, and use as modules of torch."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
import torch
from torch.func import functional_call, vmap

from ndm.charts import Composition, Pad
from ndm.errors import ModelError
from ndm.heads import DensityHead, LinearHead, PrototypeHead
from ndm.metric_net import MetricNet
from ndm.model import NDM
from tests.ndm.models import maps, model, slopes
from tests.ndm.oracles import F32, F64, points

# --- parameters: R4, R7, R64, R73


def test_metric_parameters_are_the_models() -> None:
    own, x = model(2, 3), points(5, 2)
    names = dict(own.named_parameters())
    net = own.field(-1)
    for p in net.parameters():
        assert any(p is q for q in names.values())
    optimizer = torch.optim.Adam(own.parameters())
    listed = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert {id(p) for p in net.parameters()} <= listed
    found = slopes((own.metric(x) * points(2, 2, seed=1)).sum(), own)
    reached = [name for name, slope in found.items() if (slope != 0).any()]
    assert len([n for n in reached if not n.startswith("layers")]) == len(list(net.parameters()))


def test_training_changes_the_metric() -> None:
    own, x, other = model(2, 2, head=PrototypeHead(2, 2)), points(40, 2), points(40, 2, seed=9)
    target = (x[:, 0] * x[:, 1] > 0).long()
    before = own.metric(other).detach()
    optimizer = torch.optim.Adam(own.parameters(), lr=0.01)
    for _ in range(20):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(own(x), target).backward()
        optimizer.step()
    change = torch.linalg.matrix_norm(own.metric(other) - before)
    assert (change / torch.linalg.matrix_norm(before)).mean() > 0.01


def test_metric_nets_can_be_shared() -> None:
    def size(net: torch.nn.Module) -> int:
        return sum(p.numel() for p in net.parameters())

    one = MetricNet(2, hidden=(6,))
    apart = NDM(maps(3, 2), None, [copy.deepcopy(one) for _ in range(3)], tie="independent")
    shared = NDM(maps(3, 2), None, one, tie="independent")
    assert size(apart) - size(shared) == 2 * size(one)
    assert shared.layers[0].metric is shared.layers[2].metric


def test_the_number_of_charts_is_fixed() -> None:
    own = model(2, 3)
    count = len(own.atlas)
    own(points(5, 2))
    own.geometry(points(5, 2))
    assert len(own.atlas) == count == 4
    for chart in (4, -5):
        with pytest.raises(ModelError, match="charts 0 to 3"):
            own.field(chart)


# --- padding and densities: R17, R18


def test_padding() -> None:
    torch.manual_seed(0)
    own: NDM = NDM(maps(2, 4), LinearHead(4, 2), MetricNet(4), pad=Pad(2, 4)).double()
    x = points(5, 2)
    assert own.trace(x)[0].shape == (5, 4)
    assert torch.equal(own.trace(x)[0][:, :2], x)
    torch.testing.assert_close(own.invert(own.trace(x)[-1]), x, rtol=0, atol=1e-12)
    assert torch.equal(own(own.trace(x)[0]), own(x))  # what is padded already is left alone
    assert own.metric(x).shape == (5, 4, 4)
    with pytest.raises(ModelError, match="without pad"):
        own.log_prob(x)
    with pytest.raises(ModelError, match="padding to 3"):
        NDM(maps(2, 4), pad=Pad(2, 3))


def test_density() -> None:
    """exp(log_prob) integrates to 1, over dx, and over the volume of the metric."""
    own = model(2, 2, size=0.1)
    line = torch.linspace(-9, 9, 241, dtype=F64)
    grid = torch.cartesian_prod(line, line)
    cell = (line[1] - line[0]) ** 2
    with torch.no_grad():
        plain = own.log_prob(grid)
        riemannian = own.log_prob(grid, riemannian=True)
        # the rule is exact to 1e-6 and better for functions that are smooth and vanish outside
        assert abs((plain.exp() * cell).sum() - 1) < 1e-6
        volume = torch.linalg.det(own.metric(grid)).sqrt()
        assert abs((riemannian.exp() * volume * cell).sum() - 1) < 1e-6


def test_density_head() -> None:
    own, y = model(3, 1), points(5, 3)
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(y).sum(-1)
    torch.testing.assert_close(DensityHead()(y), normal, rtol=1e-12, atol=1e-12)
    field = own.field(1)
    half = 0.5 * torch.linalg.slogdet(field(y)).logabsdet
    torch.testing.assert_close(DensityHead()(y, field), normal - half, rtol=1e-12, atol=1e-12)


# --- heads: N4


@pytest.mark.parametrize("at", ["prototype", "point"])
def test_prototype_head(at: str) -> None:
    torch.manual_seed(0)
    head = PrototypeHead(2, 3, temperature=2.0, at=at)
    own, x = model(2, 2, head=head), points(5, 2)
    field, y = own.field(-1), own.trace(x)[-1]
    tau = head.log_temperature.exp()
    expected = torch.empty(5, 3, dtype=F64)
    for k in range(5):
        for c in range(3):
            away = y[k] - head.prototypes[c]
            g = field(head.prototypes[c] if at == "prototype" else y[k])
            expected[k, c] = -away @ g @ away / tau
    torch.testing.assert_close(own(x), expected, rtol=1e-12, atol=1e-12)
    with pytest.raises(ModelError, match="need a metric"):
        NDM(maps(1, 2), PrototypeHead(2, 3))(points(1, 2, dtype=F32))


def test_temperature_starts_where_it_was_asked_for() -> None:
    assert math.isclose(PrototypeHead(2, 3, temperature=0.5).log_temperature.exp().item(), 0.5)
    with pytest.raises(ModelError, match="'here'"):
        PrototypeHead(2, 3, at="here")
    with pytest.raises(ModelError, match="must be positive"):
        PrototypeHead(2, 3, temperature=0.0)
    assert "classes=3" in repr(PrototypeHead(2, 3))


# --- as a module of torch


@pytest.mark.parametrize("tie", ["pullback", "independent"])
def test_copies_and_states(tie: str) -> None:
    own, x = model(2, 2, tie=tie), points(5, 2)
    other = model(2, 2, tie=tie, seed=3)
    assert not torch.equal(other(x), own(x))
    other.load_state_dict(own.state_dict())
    copied = copy.deepcopy(own)
    for one in (other, copied, pickle.loads(pickle.dumps(own))):
        assert torch.equal(one(x), own(x))
        for a, b in zip(one.geometry(x), own.geometry(x), strict=True):
            assert torch.equal(a, b)
    with torch.no_grad():  # a copy shares nothing, its layers' metrics neither
        for p in copied.parameters():
            p.zero_()
    assert not torch.equal(copied.layers[0].metric(x), own.layers[0].metric(x))
    assert torch.equal(other.layers[0].metric(x), own.layers[0].metric(x))


@pytest.mark.parametrize("tie", ["pullback", "independent"])
def test_functional_call_and_vmap(tie: str) -> None:
    own, x = model(2, 2, tie=tie), points(5, 2)
    doubled = {name: 1.5 * p for name, p in own.named_parameters()}
    other = copy.deepcopy(own)
    other.load_state_dict(doubled)

    assert torch.equal(functional_call(own, doubled, (x,)), other(x))
    close = {"rtol": 1e-12, "atol": 1e-12}
    torch.testing.assert_close(vmap(own)(x), own(x), **close)
    torch.testing.assert_close(vmap(own.field(0))(x), own.field(0)(x), **close)
    R = own.field(0).scalar_curvature
    torch.testing.assert_close(vmap(R)(x), R(x), **close)
    # an ensemble: two sets of parameters at once
    pairs = {name: torch.stack([p, 1.5 * p]) for name, p in own.named_parameters()}
    both = vmap(lambda p: functional_call(own, p, (x,)))(pairs)
    torch.testing.assert_close(both[0], own(x), **close)
    torch.testing.assert_close(both[1], other(x), **close)


def test_single_precision() -> None:
    own, x = model(2, 2, size=0.2), points(30, 2)
    single = copy.deepcopy(own).float()
    for a, b in zip(single.geometry(x.float()), own.geometry(x), strict=True):
        assert a.dtype == F32
        # 1e3 roundings of 6e-8 for R, some dozen for the others
        torch.testing.assert_close(a.double(), b, rtol=1e-3, atol=1e-3)


def test_refusals() -> None:
    net = MetricNet(2)
    with pytest.raises(ModelError, match="'pulled'"):
        NDM(maps(2, 2), tie="pulled")
    with pytest.raises(ModelError, match="charts are 0 to 2"):
        NDM(maps(2, 2), metric_chart=3)
    with pytest.raises(ModelError, match="takes one metric"):
        NDM(maps(2, 2), None, [net, net])
    with pytest.raises(ModelError, match="1 metrics were given for 2 layers"):
        NDM(maps(2, 2), None, [net], tie="independent")
    with pytest.raises(ModelError, match="no metric of dimension 3"):
        NDM(maps(2, 3), None, net)
    with pytest.raises(ModelError, match="3"):
        NDM([*maps(1, 2), *maps(1, 3)])
    with pytest.raises(ModelError, match="at least one"):
        NDM([])
    own = model(2, 2)
    with pytest.raises(ModelError, match="last dimension must be 2"):
        own(torch.zeros(1, 3, dtype=F64))
    assert "tie='pullback'" in repr(own)
    assert len(Composition(*maps(2, 2))) == 2
