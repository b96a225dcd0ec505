"""Natural gradients of distributions, and long runs (R11, R12, R24, R42, R66)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import jacrev

from ndm.cg import conjugate_gradient
from ndm.charts import CoordinateMap
from ndm.fisher import GeneralisedFisher
from ndm.heads import PrototypeHead
from ndm.losses import curvature_penalty
from ndm.metric_net import MetricNet
from ndm.model import NDM
from ndm.natural_gradient import NaturalGradient
from tests.ndm.models import maps, model
from tests.ndm.oracles import F32, F64, points

# --- natural gradients of distributions: R11, R12


def _fit(
    to_mean_and_log: Callable[[Tensor], Tensor], start: Tensor, step: float, natural: bool
) -> Tensor:
    """Fit a normal distribution by a flow of time 1; its endpoint as (mean, log sigma).

    The loss is E[-log p] for data of mean 0.5 and variance 0.6; the Fisher matrix that of
    (mean, log sigma), diag(1/s^2, 2), pulled back. The step is solved by `conjugate_gradient`.
    """
    theta = start.clone()

    def loss(theta: Tensor) -> Tensor:
        mean, log_s = to_mean_and_log(theta)
        return log_s + 0.5 * ((mean - 0.5) ** 2 + 0.6) * torch.exp(-2 * log_s)

    for _ in range(round(1 / step)):
        slope = torch.func.grad(loss)(theta)
        if natural:
            J = jacrev(to_mean_and_log)(theta)
            s = to_mean_and_log(theta)[1].exp()
            inner = torch.diag(torch.stack([s**-2, 2 + 0 * s]))
            pulled = J.T @ inner @ J
            slope = conjugate_gradient(pulled.__matmul__, slope).x
        theta = theta - step * slope
    return to_mean_and_log(theta)


def _charts() -> dict[str, tuple[Callable[[Tensor], Tensor], Tensor]]:
    """(mu, log s), (mu, s) and the natural parameters (mu/s^2, -1/(2 s^2)), from (-1, e^0.4)."""
    s = math.exp(0.4)

    def natural(t: Tensor) -> Tensor:
        return torch.stack([-t[0] / (2 * t[1]), -0.5 * torch.log(-2 * t[1])])

    return {
        "log": (lambda t: t, torch.tensor([-1.0, 0.4], dtype=F64)),
        "sigma": (lambda t: torch.stack([t[0], t[1].log()]), torch.tensor([-1.0, s], dtype=F64)),
        "eta": (natural, torch.tensor([-1 / s**2, -0.5 / s**2], dtype=F64)),
    }


@pytest.mark.parametrize("pair", [("log", "sigma"), ("log", "eta")])
def test_natural_gradient_does_not_depend_on_parameters(pair: tuple[str, str]) -> None:
    """The gap of the endpoints is O(step): halving the step halves it; plain descent's stays."""
    one, other = (_charts()[name] for name in pair)

    def gap(step: float, natural: bool) -> float:
        ends = [_fit(chart, start, step, natural) for chart, start in (one, other)]
        return float((ends[0] - ends[1]).norm())

    gaps = [gap(step, True) for step in (0.02, 0.01, 0.005)]
    for wide, narrow in itertools.pairwise(gaps):
        assert 1.8 < wide / narrow < 2.2
    plain = [gap(step, False) for step in (0.02, 0.005)]
    assert plain[1] > 0.9 * plain[0]
    assert plain[1] > 0.02


def test_it_is_the_steepest_direction_of_distributions() -> None:
    """Against the best of many steps on the boundary of a small ball of Kullback-Leibler."""
    own, x = model(1, 1, outputs=2), points(12, 1)
    G = GeneralisedFisher(own, x, w_metric=0.0, damping=1e-4)
    assert own.head is not None
    for p in own.layers.parameters():
        p.requires_grad_(False)
    own.head.linear.weight.requires_grad_(True)
    target = torch.tensor([0, 1] * 6)
    G = GeneralisedFisher(own, x, w_metric=0.0)
    weight, bias = own.head.linear.weight, own.head.linear.bias
    features = torch.cat([own.trace(x)[-1], torch.ones(12, 1, dtype=F64)], -1).detach()
    start = torch.cat([weight, bias[:, None]], -1).detach()

    def difference(theta: Tensor) -> Tensor:
        """Outputs as a model of two parameters: the logit of the second class."""
        return features @ theta

    theta0 = start[1] - start[0]

    def loss(theta: Tensor) -> Tensor:
        return nn.functional.binary_cross_entropy_with_logits(difference(theta), target.to(F64))

    def kl(theta: Tensor) -> Tensor:
        p, z, z0 = torch.sigmoid(difference(theta0)), difference(theta), difference(theta0)
        softplus = nn.functional.softplus
        return (p * (z0 - z) + softplus(z) - softplus(z0)).mean()

    radius = 1e-7
    best, found = math.inf, torch.zeros(2, dtype=F64)
    for angle in torch.linspace(0, 2 * math.pi, 2001, dtype=F64)[:-1]:
        way = torch.stack([angle.cos(), angle.sin()])
        size = math.sqrt(radius / float(kl(theta0 + 1e-3 * way)) * 1e-6)
        value = float(loss(theta0 + size * way) - loss(theta0))
        if value < best:
            best, found = value, way
    # the model has each logit apart: steps of opposite sign, of which the difference is theta
    out = nn.functional.cross_entropy(own(x), target)
    slopes = torch.autograd.grad(out, G.parameters)
    gradient = torch.cat([s.flatten() for s in slopes])
    step = -torch.linalg.pinv(G.dense(), rtol=1e-10) @ gradient
    parts = dict(zip(map(id, G.parameters), G.split(step), strict=True))
    moved = torch.stack(
        [
            parts[id(weight)][1, 0] - parts[id(weight)][0, 0],
            parts[id(bias)][1] - parts[id(bias)][0],
        ]
    )
    assert torch.cosine_similarity(moved, found, dim=0) > 0.999


def test_steepest_in_the_learned_metric() -> None:
    """R24: of all steps of one G-length the natural one decreases the loss most."""
    own, x = model(2, 2), points(30, 2)
    target = (x.prod(-1) > 0).long()
    G = GeneralisedFisher(own, x, damping=1e-3)
    loss = nn.functional.cross_entropy(own(x), target)
    found = torch.autograd.grad(loss, G.parameters)
    gradient = torch.cat([s.flatten() for s in found])
    natural = conjugate_gradient(G, gradient, tolerance=1e-10, max_iterations=500).x

    def decrease(way: Tensor) -> float:
        return float(torch.dot(gradient, way) / torch.dot(way, G(way)).sqrt())

    best = decrease(natural)
    assert best > 1.5 * decrease(gradient)
    for seed in range(20):
        assert decrease(natural + natural.norm() * 0.3 * points(len(gradient), seed=seed)) < best


# --- long runs: R42, R66


@pytest.mark.slow
@pytest.mark.timeout(1200)  # half a minute of work, on a machine that may be busy
def test_closed_loop_of_1000_steps() -> None:
    """g builds G, which moves the model, which changes g: stable with damping."""
    own, x = model(2, 2, head=PrototypeHead(2, 2), size=0.1), points(60, 2)
    target = (x.prod(-1) > 0).long()
    optimizer = NaturalGradient(own, lr=0.3, damping=0.1, max_iterations=8)
    before = own.metric(x).detach()
    losses = []
    for _ in range(1000):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(own(x), target)
        (loss + 1e-3 * curvature_penalty(own.geometry(x, points=8).scalar_curvature)).backward()
        optimizer.step()
        losses.append(loss.item())
    assert all(math.isfinite(value) for value in losses)
    assert max(losses[500:]) < 0.5 * losses[0]
    assert (own.metric(x) - before).norm() > 0.01 * before.norm()


@pytest.mark.slow
@pytest.mark.timeout(1200)  # half a minute of work, on a machine that may be busy
def test_the_metric_stays_positive_for_10000_steps() -> None:
    """In single precision; lambda_min by the closed form for 2 x 2, in double precision."""
    torch.manual_seed(0)
    eps = 1e-2
    field = MetricNet(2, hidden=(6,), eps=eps)
    phi: CoordinateMap = maps(1, 2)[0]
    head = PrototypeHead(2, 2)
    own = NDM([phi], head, field)
    x = points(16, 2, dtype=F32)
    target = (x.prod(-1) > 0).long()
    optimizer = torch.optim.Adam(own.parameters(), lr=5e-3)
    lowest = torch.tensor(math.inf)
    for _ in range(10_000):
        optimizer.zero_grad()
        y = own.trace(x)[-1]
        loss = nn.functional.cross_entropy(head(y, field), target)
        (loss + 1e-2 * curvature_penalty(field.scalar_curvature(y[:4]))).backward()
        optimizer.step()
        with torch.no_grad():
            a, _, b, d = field(y).double().flatten(1).unbind(-1)
            half = 0.5 * (a + d)
            smallest = half - (0.25 * (a - d) ** 2 + b * b).sqrt()
            slack = 4 * 2.0**-24 * 2 * half  # c n u |g| with c = 2
            lowest = torch.minimum(lowest, (smallest + slack).min())
    assert lowest >= eps
    assert loss.isfinite()
    assert field(x).isfinite().all()
