"""The total, its gradient, and its terms in training (R25, R26, R29 to R31, R38, R39, R65, R72)."""

from __future__ import annotations

import math
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
from ndm.geometry import ConstantMetric, PulledBack
from ndm.heads import PrototypeHead
from ndm.losses import (
    LossTerms,
    consistency_loss,
    curvature_penalty,
    fisher_match_loss,
    grad_decomposition,
    metric_variation,
    volume_penalty,
)
from ndm.metric_net import MetricNet
from ndm.model import NDM
from tests.ndm.models import model, slopes
from tests.ndm.oracles import points, shaken
from tests.ndm.test_losses import EXACT, data, terms_of

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
