"""Conjugate gradients for a positive definite operator that is known only by its products."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ndm.errors import SolverError

__all__ = ["Solution", "conjugate_gradient"]

Product = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Solution:
    """What a solver found.

    Attributes:
        x: the solution, or the last that was reached.
        iterations: how many there were, each with one product.
        residual: |b - A x| / |b|, as the iteration knows it: without another product.
        converged: whether the residual is within the tolerance.
        reason: why it stopped, in words.
        left: b - A x, as the iteration knows it.
    """

    x: Tensor
    iterations: int
    residual: float
    converged: bool
    reason: str
    left: Tensor


def conjugate_gradient(
    product: Product,
    b: Tensor,
    *,
    start: Tensor | None = None,
    tolerance: float = 1e-8,
    max_iterations: int | None = None,
    precondition: Product | None = None,
    memory: int = 100,
    throw: bool = False,
) -> Solution:
    """Solve A x = b for a symmetric positive definite A.

    Residuals are orthogonal to each other, until rounding spoils it, which then costs iterations
    (at condition 1e4, more than 2 p of them). Those that are kept are held against it: every new
    residual is made orthogonal to them once more.

    Args:
        product: v -> A v, on vectors (p,).
        b: (p,).
        start: where to begin; 0 by default.
        tolerance: of |b - A x| / |b|.
        max_iterations: at most so many; 2 p by default.
        precondition: v -> M v with M near the inverse of A, symmetric positive definite.
        memory: how many residuals are kept, the first ones; each takes the room of b twice.
        throw: raise an error instead of giving a solution that did not converge.

    Returns:
        The solution, and how it came about.

    Raises:
        SolverError: it did not converge, and `throw` is set; or b or a product is not finite.

    References:
        Hestenes and Stiefel 1952; Nocedal and Wright, Numerical Optimization, algorithm 5.3.

    Example:
        >>> A = torch.tensor([[2.0, 1.0], [1.0, 3.0]], dtype=torch.float64)
        >>> found = conjugate_gradient(lambda v: A @ v, torch.tensor([3.0, 4.0]).double())
        >>> found.x.round(decimals=10).tolist(), found.iterations, found.converged
        ([1.0, 1.0], 2, True)
    """
    size = _norm(b)
    if size == 0:
        return Solution(torch.zeros_like(b), 0, 0.0, True, "the right-hand side is 0", b.clone())
    x = torch.zeros_like(b) if start is None else start.clone()
    r = b - product(x) if start is not None else b.clone()
    z = r if precondition is None else precondition(r)
    p, rho, reason, count = z, torch.dot(r, z), "", 0
    most = 2 * b.numel() if max_iterations is None else max_iterations
    kept = _Residuals(b, min(memory, most))
    while _norm(r) > tolerance * size:
        if count == most:
            reason = f"{most} iterations were not enough: raise max_iterations, or the damping"
            break
        q = product(p)
        bend = float(torch.dot(p, q))
        if not math.isfinite(bend):
            raise SolverError("conjugate gradients met a product that is not finite")
        if not bend > 0:
            reason = "a direction without positive curvature: the operator needs (more) damping"
            break
        alpha = float(rho) / bend
        kept.add(r, z / rho)
        x, r = x.add(p, alpha=alpha), kept.cleaned(r.add(q, alpha=-alpha))
        count += 1
        z = r if precondition is None else precondition(r)
        rho, old = torch.dot(r, z), rho
        p = z + (rho / old) * p
    return _outcome(Solution(x, count, _norm(r) / size, not reason, reason, r), throw)


def _norm(r: Tensor) -> float:
    return float(torch.linalg.vector_norm(r))


def _outcome(found: Solution, throw: bool) -> Solution:
    """Look at what was found: refuse it, or say why it is good."""
    if not found.residual < float("inf"):
        raise SolverError("conjugate gradients met a residual that is not finite: look at b")
    if found.converged:
        return replace(found, reason="the residual is small enough")
    if throw:
        raise SolverError(
            f"conjugate gradients stopped at residual {found.residual:.2g}: {found.reason}"
        )
    return found


class _Residuals:
    """Residuals that are kept, as rows, with z / rho of each beside them."""

    def __init__(self, b: Tensor, room: int) -> None:
        self.room, self.count = room, 0
        self.rows, self.duals = b.new_empty(0, len(b)), b.new_empty(0, len(b))

    def add(self, r: Tensor, dual: Tensor) -> None:
        if self.count == self.room:
            return
        if self.count == len(self.rows):  # twice as many rows: few copies, no room for nothing
            more = self.rows.new_empty(min(max(8, self.count), self.room - self.count), len(r))
            self.rows, self.duals = torch.cat([self.rows, more]), torch.cat([self.duals, more])
        self.rows[self.count], self.duals[self.count] = r, dual
        self.count += 1

    def cleaned(self, r: Tensor) -> Tensor:
        """The residual, orthogonal to those before it."""
        if not self.count:
            return r
        return torch.addmv(r, self.rows[: self.count].mT, self.duals[: self.count] @ r, alpha=-1)
