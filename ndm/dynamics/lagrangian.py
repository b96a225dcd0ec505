"""Motion from a learned Lagrangian: the Euler-Lagrange equation by automatic differentiation.

| model | L(q, v) |
|---|---|
| `DelanNet` | v M(q) v/2 - V(q), M by a Cholesky factor |
| `LagrangianNet` | any function of position and velocity |
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ndm.jets import SmoothMLP

__all__ = ["DelanNet", "LagrangianNet"]


class _Lagrangian(nn.Module):
    """Motion under a Lagrangian L(q, v): v^j d^2 L/dv^i dq^j + a^j d^2 L/dv^i dv^j = dL/dq^i."""

    def lagrangian(self, q: Tensor, v: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} defines no lagrangian(q, v)")

    def forward(self, x: Tensor, v: Tensor) -> Tensor:
        """The acceleration (..., n) at points x with velocities v."""
        n = x.shape[-1]
        flat = torch.func.vmap(self._one)(x.reshape(-1, n), v.reshape(-1, n))
        return flat.reshape(x.shape)

    def _one(self, x: Tensor, v: Tensor) -> Tensor:
        push = torch.func.jacrev(self.lagrangian, 0)(x, v)
        mixed, mass = torch.func.jacfwd(torch.func.jacrev(self.lagrangian, 1), (0, 1))(x, v)
        # the inverse, whose derivatives are right under vmap; those of `solve` are not
        return torch.linalg.inv(mass) @ (push - mixed @ v)


class LagrangianNet(_Lagrangian):
    """Any Lagrangian: L = |v|^2/2 + a network of position and velocity.

    Args:
        n: dimension.
        hidden: widths of the hidden layers.
        activation: a smooth one.

    References:
        Cranmer et al., Lagrangian Neural Networks, 2020, arXiv:2003.04630.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> LagrangianNet(2)(torch.zeros(3, 2), torch.ones(3, 2)).shape
        torch.Size([3, 2])
    """

    def __init__(self, n: int, hidden: Sequence[int] = (32,), activation: str = "tanh") -> None:
        super().__init__()
        self.net = SmoothMLP(2 * n, 1, hidden, activation, spread=0.1)

    def lagrangian(self, q: Tensor, v: Tensor) -> Tensor:
        """L(q, v), a scalar, at one point."""
        result: Tensor = 0.5 * v @ v + self.net(torch.cat([q, v]))[0]
        return result


class DelanNet(_Lagrangian):
    """Masses by a Cholesky factor, and a potential, from one network: L = v M(q) v/2 - V(q).

    Args:
        n: dimension.
        hidden: widths of the hidden layers.
        activation: a smooth one.
        eps: smallest eigenvalue of M, at least.

    References:
        Lutter, Ritter, Peters, Deep Lagrangian Networks, 2019, arXiv:1907.04490.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> model = DelanNet(2).double()
        >>> q = torch.zeros(4, 2).double()
        >>> bool((torch.linalg.eigvalsh(model.masses(q)) > 0.01).all())
        True
    """

    def __init__(
        self,
        n: int,
        hidden: Sequence[int] = (32,),
        activation: str = "tanh",
        eps: float = 1e-2,
    ) -> None:
        super().__init__()
        self.n, self.eps = n, eps
        rows, cols = torch.tril_indices(n, n, -1)
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("cols", cols, persistent=False)
        self.net = SmoothMLP(n, n + len(rows) + 1, hidden, activation, spread=0.1)

    def masses(self, q: Tensor) -> Tensor:
        """M = L L^T + eps 1, of shape (..., n, n)."""
        values = self.net(q)
        # softplus(0.54) = 1: M starts near the identity
        lower = torch.diag_embed(nn.functional.softplus(values[..., : self.n] + 0.54))
        unit = torch.eye(self.n, dtype=q.dtype, device=q.device)
        below = torch.einsum(
            "...p,pi,pj->...ij", values[..., self.n : -1], unit[self.rows], unit[self.cols]
        )
        lower = lower + below
        return lower @ lower.mT + self.eps * unit

    def lagrangian(self, q: Tensor, v: Tensor) -> Tensor:
        """L(q, v), a scalar, at one point."""
        result: Tensor = 0.5 * v @ (self.masses(q) @ v) - self.net(q)[-1]
        return result
