"""A diagonal metric plus one of low rank."""

from __future__ import annotations

import torch
from torch import Tensor

import geomkit as gk
from ndm import contraction
from ndm.field import MetricJet, certified, factored, inverted, symmetric
from ndm.jets import SmoothMLP

from .base import Entries, full_jet

__all__ = ["LowRank"]


class LowRank(Entries):
    """g = diag(l(f_i)^2 + eps) + U U^T, U of n rows and r columns.

    Args:
        n: dimension.
        eps: smallest entry of the diagonal, at least.
        rank: r.
    """

    def __init__(self, n: int, eps: float, *, rank: int) -> None:
        super().__init__(n, eps)
        self.rank = rank
        self.outputs = n * (1 + rank)

    def _split(self, f: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs as those of the diagonal (..., n) and U (..., n, r)."""
        return f[..., : self.n], f[..., self.n :].unflatten(-1, (self.n, self.rank))

    def metric(self, f: Tensor) -> Tensor:
        """See `Parametrisation`."""
        f, u = self._split(f)
        return symmetric(u @ u.mT) + torch.diag_embed(self.entries(f))

    def log_volume(self, f: Tensor) -> Tensor:
        """See `Parametrisation`; by the matrix determinant lemma, in O(n r^2)."""
        d, _, root = self._capacity(f)
        return 0.5 * d.log().sum(-1) + root.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def _capacity(self, f: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of the diagonal d: d, d^-1 U (..., n, r), and Cholesky's factor of 1 + U^T d^-1 U."""
        f, u = self._split(f)
        d = self.entries(f)
        scaled = u / d[..., None]
        one = torch.eye(self.rank, dtype=u.dtype, device=u.device)
        return d, scaled, factored(symmetric(one + u.mT @ scaled))

    def inverse(self, f: Tensor) -> Tensor:
        """See `Parametrisation`; by Woodbury's identity, in O(n^2 r)."""
        d, scaled, root = self._capacity(f)
        half = torch.linalg.solve_triangular(root, scaled.mT, upper=False)
        return torch.diag_embed(1 / d) - symmetric(half.mT @ half)

    def raised(self, f: Tensor, w: Tensor) -> Tensor:
        """See `Parametrisation`; by Woodbury's identity, in O(n r^2)."""
        d, scaled, root = self._capacity(f)
        half = torch.linalg.solve_triangular(root, scaled.mT, upper=False)
        return w / d - (half.mT @ (half @ w[..., None]))[..., 0]

    def _parts(self, net: SmoothMLP, x: Tensor) -> tuple[Tensor, ...]:
        """Jets of the diagonal and of U, as `geomkit.families.low_rank` takes them."""
        n, r = self.n, self.rank
        f, first, second = full_jet(net, x, "hessian")
        root, slope, bend = self.positive(f[..., :n], 2)
        rate, rate2 = 2 * root * slope, 2 * (slope * slope + root * bend)
        df = first[..., :n, :]
        products = df[..., :, None] * df[..., None, :]
        dd = rate2[..., None, None] * products + rate[..., None, None] * second[..., :n, :, :]
        u, du = f[..., n:].unflatten(-1, (n, r)), first[..., n:, :].unflatten(-2, (n, r))
        ddu = second[..., n:, :, :].unflatten(-3, (n, r))
        return root * root + self.eps, rate[..., None] * df, dd, u, du, ddu

    def first(self, net: SmoothMLP, x: Tensor) -> tuple[Tensor, Tensor]:
        """See `Parametrisation`."""
        f, first, _ = net.jet(x, "first")
        n, r = self.n, self.rank
        d, dd = self.entry_slopes(f[..., :n], first[..., :n, :])
        u, du = f[..., n:].unflatten(-1, (n, r)), first[..., n:, :].unflatten(-2, (n, r))
        half = torch.einsum("...ark,...br->...abk", du, u)
        one = torch.eye(n, dtype=f.dtype, device=f.device)
        dg = half + half.transpose(-3, -2) + one[..., None] * dd[..., None, :]
        return symmetric(u @ u.mT) + torch.diag_embed(d), dg

    def jet(self, net: SmoothMLP, x: Tensor) -> MetricJet:
        """See `Parametrisation`."""
        return MetricJet(*gk.families.low_rank.jet(*self._parts(net, x)))

    def scalar(self, net: SmoothMLP, x: Tensor) -> Tensor:
        """See `Parametrisation`."""
        certified("low_rank", self.n)
        layer, n, r = net.last_layer(x), self.n, self.rank
        value = layer.slopes[0] @ layer.weight.mT + layer.bias
        first = layer.weight @ (layer.slopes[1][..., None] * layer.first)
        (f, u), df = self._split(value), first[..., :n, :]
        root, slope, bend = self.positive(f, 2)
        d, rate = root * root + self.eps, 2 * root * slope
        # by Cholesky's factor, not Woodbury's identity: it fails where R would have no digit left
        h = inverted(self.metric(value))
        one = torch.eye(n, dtype=f.dtype, device=f.device)
        own = layer._replace(weight=torch.diag_embed(layer.weight[:n].mT).movedim(0, -1))
        low = layer._replace(weight=layer.weight[n:].unflatten(0, (n, r)))
        total = contraction.hidden_units(h, h, one * rate[..., None], own)
        total = total + contraction.bends(h, h, df, 2 * (slope * slope + root * bend))
        ones = torch.ones((n, r), dtype=f.dtype, device=f.device)
        total = total + 2 * contraction.hidden_units(h, h @ u, ones, low)
        du = first[..., n:, :].unflatten(-2, (n, r))
        result: Tensor = gk.families.low_rank.scalar(
            d, rate[..., None] * df, None, u, du, None, contracted=total
        )
        return result
