"""The matrix of the natural gradient against its definition (R23)."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.func import vmap

from ndm.errors import ModelError
from ndm.fisher import GeneralisedFisher, fisher_product, fisher_root
from ndm.geometry import ConstantMetric
from ndm.heads import LinearHead, PrototypeHead
from ndm.model import NDM
from tests.ndm.models import maps, model
from tests.ndm.oracles import F64, points, shaken
from tests.ndm.test_natural_gradient import EXACT, naive

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


@pytest.mark.parametrize("metric_chart", [0, 1])
def test_the_metric_may_be_given_in_any_chart(metric_chart: int) -> None:
    own, x = model(2, 2, metric_chart=metric_chart), points(4, 2)
    G = GeneralisedFisher(own, x)
    torch.testing.assert_close(G.dense(), naive(own, x, G.parameters, [0.5, 0.5], 1.0), **EXACT)


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
