"""Kronecker factors against the matrix that they approximate (R44)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from ndm.charts import Affine
from ndm.fisher import GeneralisedFisher
from ndm.geometry import ConstantMetric
from ndm.heads import LinearHead
from ndm.kfac import KroneckerFactors
from ndm.model import NDM
from tests.ndm.models import model
from tests.ndm.oracles import F64, points
from tests.ndm.test_natural_gradient import EXACT

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
