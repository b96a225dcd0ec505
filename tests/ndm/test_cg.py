"""Conjugate gradients (R10, R43)."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ndm.cg import conjugate_gradient
from ndm.errors import SolverError
from ndm.fisher import GeneralisedFisher
from tests.ndm.models import model
from tests.ndm.oracles import F64, points

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
    torch.testing.assert_close(short.left, b - A @ short.x, rtol=0, atol=1e-10)  # A is 1e4 large
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
