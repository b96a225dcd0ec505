"""Natural gradient: the matrix, its solvers, the optimiser (R10 to R12, R23, R24, R41 to R44)."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev

from ndm.charts import Affine, Pad
from ndm.errors import ModelError, SolverError
from ndm.fisher import GeneralisedFisher
from ndm.heads import Head, LinearHead
from ndm.losses import curvature_penalty
from ndm.model import NDM
from ndm.natural_gradient import LevenbergMarquardt, NaturalGradient
from tests.ndm.models import maps, model
from tests.ndm.oracles import F32, F64, points, shaken

EXACT = {"rtol": 1e-10, "atol": 1e-10}


def naive(
    own: NDM,
    x: Tensor,
    parameters: list[Tensor],
    w_metric: list[float],
    w_fisher: float,
    likelihood: str = "categorical",
) -> Tensor:
    """G by Jacobians of one point after the other, everything written out."""
    names = [next(n for n, p in own.named_parameters() if p is one) for one in parameters]
    values = {name: p.detach() for name, p in own.named_parameters()}

    class Chart(nn.Module):
        def __init__(self, chart: int | None) -> None:
            super().__init__()
            self.own, self.chart = own, chart

        def forward(self, point: Tensor) -> Tensor:
            y = self.own.trace(point)[-1 if self.chart is None else self.chart]
            return self.own.read(y) if self.chart is None else y

    def rows(chart: int | None, point: Tensor) -> Tensor:
        def outputs(chosen: dict[str, Tensor]) -> Tensor:
            all_values = {f"own.{k}": v for k, v in (values | chosen).items()}
            result: Tensor = functional_call(Chart(chart), all_values, (point,))
            return result

        found = jacrev(outputs)({name: values[name] for name in names})
        return torch.cat([found[name].reshape(len(found[name]), -1) for name in names], 1)

    size = sum(p.numel() for p in parameters)
    total = torch.zeros(size, size, dtype=F64)
    for point in x:
        trace = own.trace(point)
        for i, weight in enumerate(w_metric, start=1):
            if weight:
                J = rows(i, point)
                total += weight * J.T @ own.field(i)(trace[i]).detach() @ J / len(x)
        if w_fisher:
            J = rows(None, point)
            p = own(point).detach().softmax(-1)
            # the covariance of scores: E[e e^T] with e = one-hot - p
            scores = torch.eye(len(p), dtype=F64) - p
            F = sum(p[c] * torch.outer(scores[c], scores[c]) for c in range(len(p)))
            if likelihood == "normal":
                F = torch.eye(len(p), dtype=F64)
            total += w_fisher * J.T @ F @ J / len(x)
    return total


# --- the optimiser: R37, R41


class _Line(Head):
    """Outputs are the coordinates: least squares in them is a quadratic of an affine map."""

    def forward(self, y: Tensor, field: object = None) -> Tensor:
        return y


def test_one_step_to_the_minimum_of_a_quadratic() -> None:
    torch.manual_seed(0)
    own: NDM = NDM([Affine(2)], _Line()).double()
    x = points(30, 2)
    target = x @ points(2, 2, seed=1) + points(2, seed=2)
    optimizer = NaturalGradient(
        own, damping=1e-14, likelihood="normal", tolerance=1e-13, max_iterations=100
    )
    loss = 0.5 * (own(x) - target).square().sum(-1).mean()  # its Hessian is G
    loss.backward()
    optimizer.step()
    assert loss > 0.1
    assert (own(x) - target).square().mean() < 1e-16


def test_a_step_that_is_too_long_is_shortened() -> None:
    """Four times the step to the minimum of a quadratic; a quarter of that is the right one."""
    torch.manual_seed(0)
    own: NDM = NDM([Affine(2)], _Line()).double()
    x = points(30, 2)
    target = x @ points(2, 2, seed=1) + points(2, seed=2)
    damping = LevenbergMarquardt(1e-12, lower=1e-14)
    optimizer = NaturalGradient(
        own, 4.0, damping=damping, likelihood="normal", tolerance=1e-13, max_iterations=100
    )
    losses = []

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = 0.5 * (own(x) - target).square().sum(-1).mean()
        loss.backward()
        losses.append(loss.item())
        return loss

    optimizer.step(closure)
    # along the line the loss is (1 - 4 share)^2 of the first one
    assert math.isclose(losses[1], 9 * losses[0], rel_tol=1e-8)
    assert losses[2] < 1e-16 * losses[0]
    assert len(losses) == 3
    assert damping.value > 1e-12


def test_kfac_and_the_last_step_are_combined_by_the_exact_model() -> None:
    """The step is least along itself and along the last one: the residual is orthogonal to both."""
    own, x = model(2, 2), points(20, 2)
    target = (x.prod(-1) > 0).long()
    optimizer = NaturalGradient(own, 0.5, solver="kfac", damping=0.1)
    ways: list[Tensor] = []
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(own(x), target).backward()
        G = GeneralisedFisher(own, x, damping=0.1)
        matrix = G.dense()
        gradient = torch.cat([p.grad.flatten() for p in G.parameters])
        before = [p.detach().clone() for p in G.parameters]
        optimizer.step()
        moved = [(a - b).flatten() for a, b in zip(before, G.parameters, strict=True)]
        ways.append(torch.cat(moved).detach() / 0.5)
        residual = gradient - matrix @ ways[-1]
        assert residual.norm() > 1e-3 * gradient.norm()  # it is no exact solution
        for way in ways[-2:]:
            assert abs(torch.dot(residual, way)) < 1e-9 * gradient.norm() * way.norm()


def test_logistic_regression_is_fisher_scoring() -> None:
    """Against Newton's steps by the closed form X^T W X, whose Hessian is the Fisher matrix."""
    torch.manual_seed(0)
    own: NDM = NDM([Affine(2)], LinearHead(2, 2)).double()
    for p in own.layers.parameters():
        p.requires_grad_(False)
    assert isinstance(own.head, LinearHead)
    with torch.no_grad():  # two logits, of which the first stays at 0: the usual logistic model
        for p in own.head.parameters():
            p.zero_()
    x = points(60, 2)
    label = (x[:, 0] + 0.8 * points(60, seed=5) > 0).long()
    design = torch.cat([own.trace(x)[-1].detach(), torch.ones(60, 1, dtype=F64)], -1)
    beta = torch.zeros(3, dtype=F64)
    optimizer = NaturalGradient(own, damping=1e-12, tolerance=1e-12, max_iterations=200)
    for _ in range(5):
        p = torch.sigmoid(design @ beta)
        W = (p * (1 - p))[:, None]
        beta = beta + torch.linalg.solve(design.T @ (W * design), design.T @ (label - p))
        optimizer.zero_grad()
        nn.functional.cross_entropy(own(x), label).backward()
        optimizer.step()
        weight, bias = own.head.linear.weight, own.head.linear.bias
        own_beta = torch.cat([weight[1] - weight[0], (bias[1] - bias[0])[None]])
        torch.testing.assert_close(own_beta, beta, rtol=1e-6, atol=1e-6)


def _closure(
    own: NDM, optimizer: torch.optim.Optimizer, x: Tensor, t: Tensor
) -> Callable[[], Tensor]:
    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(own(x), t)
        loss = loss + 1e-3 * curvature_penalty(own.geometry(x).scalar_curvature)
        loss.backward()
        return loss

    return closure


@pytest.mark.parametrize("solver", ["cg", "kfac", "sgd"])
def test_the_same_loop_for_every_optimiser(solver: str) -> None:
    own, x = model(2, 2), points(60, 2)
    target = (x.prod(-1) > 0).long()
    optimizer: torch.optim.Optimizer
    if solver == "sgd":
        optimizer = torch.optim.SGD(own.parameters(), lr=0.1)
    else:
        optimizer = NaturalGradient(own, lr=0.5, solver=solver, damping=0.1)
    losses = []
    for _ in range(15):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(own(x), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    if solver == "cg":
        assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("solver", ["cg", "kfac"])
def test_damping_follows_and_steps_that_fail_are_taken_back(solver: str) -> None:
    own, x = model(2, 2), points(60, 2)
    target = (x.prod(-1) > 0).long()
    damping = LevenbergMarquardt(1e-3)
    optimizer = NaturalGradient(own, lr=1.0, solver=solver, damping=damping)
    closure = _closure(own, optimizer, x, target)
    losses, dampings = [], []
    for _ in range(12):
        losses.append(optimizer.step(closure).item())
        dampings.append(damping.value)
    assert len(set(dampings)) > 3
    # only Adam's small steps of the metric net, which cost 1e-3 of R, may add to the loss
    assert all(after <= before + 1e-2 for before, after in itertools.pairwise(losses))
    assert losses[-1] < 0.7 * losses[0]
    # a step that must fail: a hundred times too long, without damping
    wild = NaturalGradient(own, lr=1e4, solver=solver, damping=LevenbergMarquardt(1e-8))
    before = [p.clone() for p in own.layers.parameters()]
    wild.step(_closure(own, wild, x, target))
    for p, old in zip(own.layers.parameters(), before, strict=True):
        assert torch.equal(p, old)
    assert wild.damping.value > 1e-8


def test_levenberg_marquardt() -> None:
    damping = LevenbergMarquardt(1.0, shrink=0.5, lower=0.2, upper=3.0)
    assert [damping.adapt(r) for r in (0.9, 0.5, 0.9, 0.9)] == [0.5, 0.5, 0.25, 0.2]
    assert [damping.adapt(r) for r in (0.1, -5.0, math.nan)] == [0.4, 0.8, 1.6]
    assert damping.adapt(0.0) == 3.0


def test_parameters_that_the_matrix_does_not_reach_take_steps_of_adam() -> None:
    own, x = model(2, 2), points(20, 2)
    optimizer = NaturalGradient(own, lr=0.5, damping=0.1, other_lr=1e-2)
    net = own.field(-1)
    other = copy.deepcopy(net)
    adam = torch.optim.Adam(other.parameters(), lr=1e-2)
    for _ in range(3):
        optimizer.zero_grad()
        (own(x).square().mean() + net(points(5, 2, seed=3)).square().mean()).backward()
        optimizer.step()
        adam.zero_grad()
        other(points(5, 2, seed=3)).square().mean().backward()
        adam.step()
    for a, b in zip(net.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b, **EXACT)


def test_learned_padding_has_a_natural_gradient() -> None:
    torch.manual_seed(0)
    own: NDM = NDM(maps(2, 3), LinearHead(3, 2), pad=Pad(2, 3, learned=True)).double()
    shaken(own, 0.2)
    x = points(10, 2)
    optimizer = NaturalGradient(own, damping=0.1, tolerance=1e-12, max_iterations=500)
    nn.functional.cross_entropy(own(x), (x[:, 0] > 0).long()).backward()
    assert own.pad is not None
    G = GeneralisedFisher(own, x, damping=0.1)
    gradient = torch.cat([p.grad.flatten() for p in G.parameters])
    before = [p.detach().clone() for p in G.parameters]
    expected = torch.linalg.solve(G.dense(), gradient)
    assert any(p is q for p in G.parameters for q in own.pad.parameters())
    optimizer.step()
    moved = torch.cat([(a - b).flatten() for a, b in zip(G.parameters, before, strict=True)])
    torch.testing.assert_close(-moved, expected, rtol=1e-6, atol=1e-8)


def test_optimiser_goes_on_where_it_was() -> None:
    x = points(30, 2)
    target = (x.prod(-1) > 0).long()

    def made(own: NDM) -> NaturalGradient:
        return NaturalGradient(own, damping=LevenbergMarquardt(0.1))

    own = model(2, 2)
    optimizer = made(own)
    for _ in range(3):
        optimizer.step(_closure(own, optimizer, x, target))
    copied = pickle.loads(pickle.dumps(copy.deepcopy(own)))  # a copy is not watched by the first
    copied(x)
    other = made(copied)
    other.step(_closure(copied, other, x, target))  # it has a state of its own, to be replaced
    copied.load_state_dict(own.state_dict())
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for _ in range(3):
        a = optimizer.step(_closure(own, optimizer, x, target))
        b = other.step(_closure(copied, other, x, target))
        assert torch.equal(a, b)
    for p, q in zip(own.parameters(), copied.parameters(), strict=True):
        assert torch.equal(p, q)


def test_refusals_of_the_optimiser() -> None:
    own = model(2, 2)
    with pytest.raises(ModelError, match="'lbfgs'"):
        NaturalGradient(own, solver="lbfgs")
    with pytest.raises(ModelError, match="lr = 0"):
        NaturalGradient(own, lr=0.0)
    optimizer = NaturalGradient(own)
    with pytest.raises(SolverError, match="no batch went through"):
        optimizer.step()
    before = [p.clone() for p in own.parameters()]
    (own(points(5, 2)).sum() * math.nan).backward()
    with pytest.raises(SolverError, match="no step was made"):
        optimizer.step()
    for p, old in zip(own.parameters(), before, strict=True):
        assert torch.equal(p, old)


def test_evaluation_is_not_the_batch() -> None:
    own, x = model(2, 2), points(8, 2)
    optimizer = NaturalGradient(own)
    own(x).sum().backward()
    with torch.no_grad():
        own(points(50, 2))
    own.eval()
    own(points(50, 2))
    assert optimizer._watch.batch is not None
    assert torch.equal(optimizer._watch.batch, x)


def test_single_precision() -> None:
    own, x = model(2, 2).float(), points(20, 2, dtype=F32)
    for solver in ("cg", "kfac"):
        optimizer = NaturalGradient(own, solver=solver, damping=0.1)
        own(x).square().mean().backward()
        optimizer.step()
        assert all(p.dtype == F32 and p.isfinite().all() for p in own.parameters())
