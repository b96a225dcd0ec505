"""Natural gradient: the matrix, its solvers, the optimiser (R10 to R12, R23, R24, R41 to R44)."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from ndm.cg import conjugate_gradient
from ndm.charts import Affine, CoordinateMap, Pad
from ndm.errors import ModelError, SolverError
from ndm.fisher import GeneralisedFisher, fisher_product, fisher_root
from ndm.geometry import ConstantMetric
from ndm.heads import Head, LinearHead, PrototypeHead
from ndm.kfac import KroneckerFactors
from ndm.losses import curvature_penalty
from ndm.metric_net import MetricNet
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


# --- the matrix: R23


@pytest.mark.parametrize("tie", ["pullback", "independent"])
@pytest.mark.parametrize("likelihood", ["categorical", "normal"])
def test_the_matrix_is_its_definition(tie: str, likelihood: str) -> None:
    own, x = model(2, 2, tie=tie), points(4, 2)
    G = GeneralisedFisher(own, x, w_metric=[0.5, 2.0], w_fisher=0.7, likelihood=likelihood)
    expected = naive(own, x, G.parameters, [0.5, 2.0], 0.7, likelihood)
    torch.testing.assert_close(G.dense(), expected, **EXACT)
    torch.testing.assert_close(G.dense(), G.dense().T, **EXACT)
    v = points(G.size, seed=4)
    torch.testing.assert_close(G(v), expected @ v, **EXACT)
    assert torch.linalg.eigvalsh(expected).min() > -1e-12


def test_defaults() -> None:
    own, x = model(2, 2), points(4, 2)
    G = GeneralisedFisher(own, x)
    torch.testing.assert_close(G.dense(), naive(own, x, G.parameters, [0.5, 0.5], 1.0), **EXACT)
    one = GeneralisedFisher(own, x, w_metric=3.0)
    torch.testing.assert_close(one.dense(), naive(own, x, G.parameters, [1.5, 1.5], 1.0), **EXACT)
    bare = NDM([phi.double() for phi in maps(2, 2)], LinearHead(2, 3).double())
    G = GeneralisedFisher(bare, x)
    torch.testing.assert_close(G.dense(), naive(bare, x, G.parameters, [0.0, 0.0], 1.0), **EXACT)


def test_without_metrics_it_is_the_fisher_matrix() -> None:
    """w_i = 0: E over points and labels of the outer product of the gradients of log p."""
    own, x = model(2, 2), points(4, 2)
    G = GeneralisedFisher(own, x, w_metric=0.0)
    total = torch.zeros(G.size, G.size, dtype=F64)
    for point in x:
        for c in range(3):
            logs = own(point).log_softmax(-1)
            score = torch.cat([s.flatten() for s in torch.autograd.grad(logs[c], G.parameters)])
            total += logs[c].exp().detach() * torch.outer(score, score) / len(x)
    torch.testing.assert_close(G.dense(), total, **EXACT)


def test_with_the_identity_it_is_gauss_newton() -> None:
    """w_F = 0, g = 1, last chart only: J^T J, the matrix of least squares in that chart."""
    own, x = model(2, 2, metric=ConstantMetric(2)), points(4, 2)
    G = GeneralisedFisher(own, x, w_metric=[0.0, 1.0], w_fisher=0.0)
    total = torch.zeros(G.size, G.size, dtype=F64)
    for point in x:
        rows = [
            torch.cat(
                [s.flatten() for s in torch.autograd.grad(own.trace(point)[-1][k], G.parameters)]
            )
            for k in range(2)
        ]
        total += sum(torch.outer(row, row) for row in rows) / len(x)
    torch.testing.assert_close(G.dense(), total, **EXACT)


def test_damping_makes_it_positive() -> None:
    own, x = model(2, 2), points(2, 2)  # few points: G is singular
    G = GeneralisedFisher(own, x)
    assert torch.linalg.eigvalsh(G.dense()).min() < 1e-10
    damped = GeneralisedFisher(own, x, damping=0.1)
    assert torch.linalg.eigvalsh(damped.dense()).min() > 0.1 - 1e-10
    one = torch.eye(G.size, dtype=F64)
    torch.testing.assert_close(damped.dense(), G.dense() + 0.1 * one, **EXACT)


def test_the_metric_shapes_the_matrix() -> None:
    """R42: G changes when only the weights of the metric net change."""
    own, x = model(2, 2), points(4, 2)
    before = GeneralisedFisher(own, x).dense()
    outputs = own(x)
    shaken(own.field(-1), 0.5, seed=7)
    assert torch.equal(own(x), outputs)
    after = GeneralisedFisher(own, x).dense()
    assert (after - before).norm() > 0.01 * before.norm()
    nets = {id(p) for p in own.field(-1).parameters()}
    assert not any(id(p) in nets for p in GeneralisedFisher(own, x).parameters)


def test_a_head_that_reads_the_metric_brings_its_parameters_in() -> None:
    own, x = model(2, 2, head=PrototypeHead(2, 3)), points(3, 2)
    G = GeneralisedFisher(own, x)
    nets = {id(p) for p in own.field(-1).parameters()}
    assert nets <= {id(p) for p in G.parameters}
    torch.testing.assert_close(G.dense(), naive(own, x, G.parameters, [0.5, 0.5], 1.0), **EXACT)


@pytest.mark.parametrize("likelihood", ["categorical", "normal"])
def test_fisher_of_outputs_and_its_root(likelihood: str) -> None:
    outputs = 2 * points(5, 4)
    F = torch.stack(
        [fisher_product(outputs, v.expand(5, 4), likelihood) for v in torch.eye(4).double()], -1
    )
    S = torch.stack(
        [fisher_root(outputs, v.expand(5, 4), likelihood) for v in torch.eye(4).double()], -1
    )
    torch.testing.assert_close(S @ S.mT, F, rtol=1e-12, atol=1e-12)
    if likelihood == "categorical":  # the Hessian of cross-entropy by the logits
        hessian = vmap(torch.func.hessian(lambda z: torch.logsumexp(z, -1)))(outputs)
        torch.testing.assert_close(F, hessian, rtol=1e-12, atol=1e-12)
    with pytest.raises(ModelError, match="'poisson'"):
        fisher_product(outputs, outputs, "poisson")


def test_leading_axes_are_points_too() -> None:
    own, x = model(2, 2), points(6, 2)
    whole = GeneralisedFisher(own, x).dense()
    torch.testing.assert_close(GeneralisedFisher(own, x.view(2, 3, 2)).dense(), whole, **EXACT)
    one = GeneralisedFisher(own, x[0]).dense()
    torch.testing.assert_close(one, GeneralisedFisher(own, x[:1]).dense(), **EXACT)


def test_refusals_of_the_matrix() -> None:
    own, x = model(2, 2), points(3, 2)
    bare: NDM = NDM(maps(2, 2)).double()
    cases: list[tuple[NDM, dict[str, Any], str]] = [
        (own, {"w_metric": [1.0]}, "one for each of the 2 charts"),
        (own, {"w_metric": -1.0}, ">= 0"),
        (own, {"w_fisher": -1.0}, ">= 0"),
        (own, {"w_metric": 0.0, "w_fisher": 0.0}, "nothing to precondition"),
        (own, {"likelihood": "gamma"}, "'gamma'"),
        (bare, {}, "with a head"),
        (bare, {"w_metric": 1.0, "w_fisher": 0.0}, "with a metric"),
    ]
    for bad, options, message in cases:
        with pytest.raises(ModelError, match=message):
            GeneralisedFisher(bad, x, **options)


# --- conjugate gradients: R10, R43


def _with_condition(kappa: float, n: int, seed: int) -> Tensor:
    q, _ = torch.linalg.qr(points(n, n, seed=seed))
    return q @ torch.diag(torch.logspace(0, math.log10(kappa), n, dtype=F64)) @ q.T


@given(
    kappa=st.sampled_from([1.0, 10.0, 1e3, 1e4]), n=st.integers(1, 30), seed=st.integers(0, 10**6)
)
def test_conjugate_gradients_solve(kappa: float, n: int, seed: int) -> None:
    A, b = _with_condition(kappa, n, seed), points(n, seed=seed + 1)
    found = conjugate_gradient(lambda v: A @ v, b, tolerance=1e-11, max_iterations=2 * n + 60)
    exact = torch.linalg.solve(A, b)
    # 1e-11 of the residual, times the condition of at most 1e4
    torch.testing.assert_close(found.x, exact, rtol=0, atol=2e-7 * float(exact.norm()))
    few = conjugate_gradient(lambda v: A @ v, b, tolerance=1e-8)
    assert few.iterations <= 2 * n  # by default
    if few.converged:  # R10
        assert (A @ few.x - b).norm() <= 1.1e-8 * b.norm()


@pytest.mark.parametrize("kappa", [1.0, 1e2, 1e4])
@pytest.mark.parametrize("n", [5, 40, 200])
def test_iterations_that_are_needed(kappa: float, n: int) -> None:
    """The requirement: 1e-6 of the dense solution in at most 2 n iterations up to condition 1e4."""
    A, b = _with_condition(kappa, n, 0), points(n, seed=1)
    found = conjugate_gradient(lambda v: A @ v, b, tolerance=1e-10)
    exact = torch.linalg.solve(A, b)
    assert found.iterations <= 2 * n
    assert (found.x - exact).norm() <= 1e-6 * exact.norm()


def test_preconditioning_and_warm_starts() -> None:
    n = 40
    scale = torch.logspace(0, 6, n, dtype=F64)
    A = scale.sqrt()[:, None] * _with_condition(10.0, n, 3) * scale.sqrt()
    b = points(n, seed=5)
    diagonal = A.diagonal()
    plain = conjugate_gradient(lambda v: A @ v, b, max_iterations=1000, memory=0)
    kept = conjugate_gradient(lambda v: A @ v, b)
    assert plain.iterations > 2 * n >= 2 * kept.iterations  # rounding, and what is done about it
    better = conjugate_gradient(
        lambda v: A @ v, b, max_iterations=1000, precondition=lambda v: v / diagonal
    )
    assert better.converged
    assert better.iterations < 0.5 * plain.iterations
    exact = torch.linalg.solve(A, b)
    torch.testing.assert_close(better.x, exact, rtol=1e-5, atol=1e-5 * float(exact.abs().max()))
    again = conjugate_gradient(lambda v: A @ v, b, start=exact, tolerance=1e-6)
    assert again.iterations == 0
    assert torch.equal(again.x, exact)


def test_what_conjugate_gradients_cannot_solve() -> None:
    b = points(6)
    A = _with_condition(1e4, 6, 0)
    short = conjugate_gradient(lambda v: A @ v, b, max_iterations=1)
    assert not short.converged
    assert "raise max_iterations" in short.reason
    true = float((A @ short.x - b).norm() / b.norm())
    assert math.isclose(short.residual, true, rel_tol=1e-6)
    with pytest.raises(SolverError, match="raise max_iterations"):
        conjugate_gradient(lambda v: A @ v, b, max_iterations=1, throw=True)
    bent = conjugate_gradient(lambda v: -v, b)
    assert "damping" in bent.reason
    for product, right in [(lambda v: v * math.nan, b), (lambda v: v, b * math.inf)]:
        with pytest.raises(SolverError, match="not finite"):
            conjugate_gradient(product, right)
    assert torch.equal(conjugate_gradient(lambda v: v, 0 * b).x, 0 * b)


def test_the_solver_of_the_optimiser_against_a_dense_solution() -> None:
    own, x = model(2, 2), points(20, 2)
    G = GeneralisedFisher(own, x, damping=1e-2)
    matrix, b = G.dense(), points(G.size, seed=3)
    values = torch.linalg.eigvalsh(matrix)
    assert 10 < values[-1] / values[0] < 1e4
    found = conjugate_gradient(G, b, tolerance=1e-9)
    exact = torch.linalg.solve(matrix, b)
    assert found.iterations <= 2 * G.size
    assert (found.x - exact).norm() < 1e-6 * exact.norm()


# --- K-FAC: R44


def test_kronecker_factors_of_one_layer() -> None:
    """Normal inputs, cotangents independent of them: A kron B is G up to Monte-Carlo error."""
    torch.manual_seed(0)
    factor = points(2, 2) + torch.eye(2, dtype=F64)
    own: NDM = NDM([Affine(2)], LinearHead(2, 2), ConstantMetric(2, factor)).double()
    for p in own.layers.parameters():
        p.requires_grad_(False)
    x = points(4000, 2)
    options: dict[str, Any] = {"w_metric": 0.0, "likelihood": "normal"}
    factors = KroneckerFactors(own, x, draws=8, **options)
    assert len(factors.blocks) == 1
    block = factors.blocks[0]
    # exact: A = E[a a^T] with a = (x, 1), B = F = 1
    y = torch.cat([own.trace(x)[-1], torch.ones(4000, 1, dtype=F64)], -1).detach()
    torch.testing.assert_close(block.inputs, y.T @ y / 4000, rtol=1e-12, atol=1e-12)
    # 32000 draws: relative standard deviation 0.8 %
    torch.testing.assert_close(block.outputs, torch.eye(2, dtype=F64), rtol=0, atol=0.04)
    dense = GeneralisedFisher(own, x, **options)
    names = [p.numel() for p in dense.parameters]
    assert names == [4, 2]
    kron = torch.kron(block.outputs, block.inputs)  # of (out, in + 1), the bias last in each row
    order = [0, 1, 3, 4, 2, 5]  # weight rows, then the biases
    torch.testing.assert_close(kron[order][:, order], dense.dense(), rtol=0.05, atol=0.04)
    v = points(6, seed=2)
    exact = torch.linalg.solve(dense.dense() + 1e-3 * torch.eye(6, dtype=F64), v)
    assert (factors.solve(v, 1e-3) - exact).norm() < 0.1 * exact.norm()


def test_factored_damping() -> None:
    """(B + c/r)^-1 V (A + c r)^-1 by a dense Kronecker product."""
    own, x = model(2, 2), points(10, 2)
    block = KroneckerFactors(own, x, generator=torch.Generator().manual_seed(0)).blocks[0]
    A, B, c = block.inputs, block.outputs, math.sqrt(0.01)
    ratio = math.sqrt((A.trace() / len(A)) / (B.trace() / len(B)))
    V = points(len(B), len(A), seed=1)
    one = torch.eye
    left = B + c / ratio * one(len(B), dtype=F64)
    right = A + c * ratio * one(len(A), dtype=F64)
    exact = torch.linalg.solve(torch.kron(left, right), V.flatten()).view_as(V)
    torch.testing.assert_close(block.solve(V, 0.01), exact, **EXACT)


def test_random_cotangents_have_the_right_covariance() -> None:
    """Averages over many draws of the pieces that K-FAC is made of, against the exact matrix."""
    own, x = model(2, 1), points(3, 2)
    factors = KroneckerFactors(own, x, draws=4000, generator=torch.Generator().manual_seed(0))
    diagonal = factors.matrix.dense().diagonal()
    # 4000 draws: 2 % is a standard deviation of each entry
    torch.testing.assert_close(factors.diagonal, diagonal, rtol=0.12, atol=1e-3)
    weights = {id(p): p for p in factors.matrix.parameters}
    for block in factors.blocks:
        assert id(block.module.weight) in weights


def test_kfac_points_the_same_way() -> None:
    """The general case: the cosine with the exact step is reported by the benchmark; here > 0.5."""
    own, x = model(2, 2), points(60, 2)
    target = (x[:, 0] > 0).long()
    factors = KroneckerFactors(own, x, draws=20, generator=torch.Generator().manual_seed(0))
    loss = nn.functional.cross_entropy(own(x), target)
    found = torch.autograd.grad(loss, factors.matrix.parameters)
    gradient = torch.cat([s.flatten() for s in found])
    one = torch.eye(len(gradient), dtype=F64)
    exact = torch.linalg.solve(factors.matrix.dense() + 0.1 * one, gradient)
    step = factors.solve(gradient, 0.1)
    assert torch.cosine_similarity(step, exact, dim=0) > 0.5
    assert torch.dot(step, gradient) > 0  # downhill


def test_layers_that_are_learned_in_part() -> None:
    own, x = model(2, 1), points(5, 2)
    assert isinstance(own.head, LinearHead)
    own.head.linear.bias.requires_grad_(False)
    factors = KroneckerFactors(own, x)
    assert own.head.linear not in [block.module for block in factors.blocks]
    v = torch.ones(factors.matrix.size, dtype=F64)
    assert factors.solve(v, 0.1).isfinite().all()


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
