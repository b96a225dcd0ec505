"""How the outputs of a network become a metric: one class a family.

| family | g | outputs | R costs (each point, one hidden layer) |
|---|---|---|---|
| `full` | L L^T + eps 1 | n (n + 1) / 2 | O(n^4) |
| `diagonal` | diag(l_i^2 + eps) | n | O(n^2) |
| `conformal` | (l^2 + eps) 1 | 1 | O(n) |
| `lowrank` | diag(l_i^2 + eps) + U U^T | n (1 + r) | O(n^4) |

Numbers that must be positive are l = softplus(f + shift); the shift makes g = 1 where f = 0, so
that a network with small outputs starts with a metric near the Euclidean one. softplus rather than
exp: g grows like f^2 far out, and overflows nowhere.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

import geomkit as gk
from ndm import contraction
from ndm.activations import activation
from ndm.field import MetricJet, certified, factored, inverted, symmetric
from ndm.jets import LastLayer, SmoothMLP

__all__ = ["FAMILIES", "Conformal", "Diagonal", "Full", "LowRank", "Parametrisation"]

_SOFTPLUS = activation("softplus").derivatives


class Parametrisation(nn.Module, ABC):
    """A family of metrics.

    Args:
        n: dimension.
        eps: smallest eigenvalue of g, at least.
        start: l(0); by default sqrt(1 - eps), so that l^2 + eps = 1.

    Attributes:
        outputs: how many numbers the network gives for each point.
    """

    outputs: int

    def __init__(self, n: int, eps: float, start: float | None = None) -> None:
        super().__init__()
        self.n, self.eps = n, eps
        self.start = math.sqrt(1 - eps) if start is None else start
        self.shift = math.log(math.expm1(self.start))  # softplus(shift) = start

    def positive(self, f: Tensor, order: int = 0) -> tuple[Tensor, ...]:
        """The positive numbers l(f) = softplus(f + shift), and derivatives up to an order."""
        return _SOFTPLUS(f + self.shift, order)

    @abstractmethod
    def metric(self, f: Tensor) -> Tensor:
        """The metric (..., n, n) of outputs (..., m)."""

    @abstractmethod
    def log_volume(self, f: Tensor) -> Tensor:
        """Half the logarithm of det g, (...,)."""

    @abstractmethod
    def first(self, net: SmoothMLP, x: Tensor) -> tuple[Tensor, Tensor]:
        """Metric (..., n, n) and first derivatives (..., n, n, n), the derivative last."""

    @abstractmethod
    def jet(self, net: SmoothMLP, x: Tensor) -> MetricJet:
        """Metric with first and second derivatives."""

    @abstractmethod
    def scalar(self, net: SmoothMLP, x: Tensor) -> Tensor:
        """Scalar curvature, from no more second derivatives than the family needs."""


def _full_jet(net: SmoothMLP, x: Tensor, kind: str) -> tuple[Tensor, Tensor, Tensor]:
    """A jet whose second derivatives are known to be there."""
    value, first, second = net.jet(x, kind)
    assert second is not None
    return value, first, second


class _Factors(Parametrisation):
    """Families of which some outputs are g_ii or g itself: what they have in common."""

    def entries(self, f: Tensor) -> Tensor:
        """The numbers l(f)^2 + eps."""
        value = self.positive(f)[0]
        return value * value + self.eps

    def entry_slopes(self, f: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """The numbers l(f)^2 + eps (..., m) and their first derivatives (..., m, n)."""
        root, slope = self.positive(f, 1)
        return root * root + self.eps, (2 * root * slope)[..., None] * first

    def entry_jet(self, net: SmoothMLP, x: Tensor, kind: str) -> tuple[Tensor, Tensor, Tensor]:
        """Jets of l(f)^2 + eps: value (..., m), first (..., m, n), second as `kind` says."""
        f, first, second = _full_jet(net, x, kind)
        root, slope, bend = self.positive(f, 2)
        rate, rate2 = 2 * root * slope, 2 * (slope * slope + root * bend)
        other = first[..., None, :] if kind == "hessian" else first
        products = (first[..., None] if kind == "hessian" else first) * other
        if kind == "laplacian":
            products = products.sum(-1)
        tail = (...,) + (None,) * (second.ndim - f.ndim)
        return (
            root * root + self.eps,
            rate[..., None] * first,
            rate2[tail] * products + rate[tail] * second,
        )


class Conformal(_Factors):
    """g = (l(f)^2 + eps) 1."""

    def __init__(self, n: int, eps: float) -> None:
        super().__init__(n, eps)
        self.outputs = 1

    def metric(self, f: Tensor) -> Tensor:
        """See `Parametrisation`."""
        return torch.diag_embed(self.entries(f).expand(*f.shape[:-1], self.n))

    def log_volume(self, f: Tensor) -> Tensor:
        """See `Parametrisation`."""
        return 0.5 * self.n * self.entries(f)[..., 0].log()

    def first(self, net: SmoothMLP, x: Tensor) -> tuple[Tensor, Tensor]:
        """See `Parametrisation`."""
        s, ds = self.entry_slopes(*net.jet(x, "first")[:2])
        one = torch.eye(self.n, dtype=s.dtype, device=s.device)
        return s[..., None] * one, one[:, :, None] * ds[..., None, :]

    def jet(self, net: SmoothMLP, x: Tensor) -> MetricJet:
        """See `Parametrisation`."""
        s, ds, dds = self.entry_jet(net, x, "hessian")
        one = torch.eye(self.n, dtype=s.dtype, device=s.device)
        return MetricJet(
            s[..., None] * one,
            one[:, :, None] * ds[..., None, :],
            one[:, :, None, None] * dds[..., None, :, :],
        )

    def scalar(self, net: SmoothMLP, x: Tensor) -> Tensor:
        """See `Parametrisation`."""
        certified("conformal", self.n)
        s, ds, lap = self.entry_jet(net, x, "laplacian")
        s, ds, lap = s[..., 0], ds[..., 0, :], lap[..., 0]
        slope = ds / (2 * s[..., None])  # phi = log(s)/2
        bend = lap / (2 * s) - 2 * (slope * slope).sum(-1)
        result: Tensor = gk.families.conformal.scalar(0.5 * s.log(), slope, bend)
        return result


class Diagonal(_Factors):
    """g = diag(l(f_i)^2 + eps)."""

    def __init__(self, n: int, eps: float) -> None:
        super().__init__(n, eps)
        self.outputs = n

    def metric(self, f: Tensor) -> Tensor:
        """See `Parametrisation`."""
        return torch.diag_embed(self.entries(f))

    def log_volume(self, f: Tensor) -> Tensor:
        """See `Parametrisation`."""
        return 0.5 * self.entries(f).log().sum(-1)

    def first(self, net: SmoothMLP, x: Tensor) -> tuple[Tensor, Tensor]:
        """See `Parametrisation`."""
        s, ds = self.entry_slopes(*net.jet(x, "first")[:2])
        one = torch.eye(self.n, dtype=s.dtype, device=s.device)
        return torch.diag_embed(s), one[:, :, None] * ds[..., None, :]

    def jet(self, net: SmoothMLP, x: Tensor) -> MetricJet:
        """See `Parametrisation`."""
        s, ds, dds = self.entry_jet(net, x, "hessian")
        one = torch.eye(self.n, dtype=s.dtype, device=s.device)
        return MetricJet(
            torch.diag_embed(s),
            one[:, :, None] * ds[..., None, :],
            one[:, :, None, None] * dds[..., None, :, :],
        )

    def scalar(self, net: SmoothMLP, x: Tensor) -> Tensor:
        """See `Parametrisation`."""
        certified("diagonal_metric", self.n)
        jets = self.entry_jet(net, x, "diagonal")
        result: Tensor = gk.families.diagonal.scalar(*jets, parameter="metric")
        return result


class Full(Parametrisation):
    """g = L L^T + e 1, with L lower triangular.

    Args:
        n: dimension.
        eps: e, at least.
        positive_diagonal: L_ii = softplus(f_ii + shift) rather than f_ii + softplus(shift).
        max_condition: with kappa given, e = eps + tr(L L^T) / (kappa - 1), a smooth function of x,
            which keeps the condition number of g below kappa.
    """

    place: Tensor
    lower: Tensor

    def __init__(
        self,
        n: int,
        eps: float,
        *,
        positive_diagonal: bool = True,
        max_condition: float | None = None,
    ) -> None:
        share = 0.0 if max_condition is None else 1 / (max_condition - 1)
        # g = start^2 (1 + n share) 1 + eps 1 = 1 where f = 0
        super().__init__(n, eps, math.sqrt((1 - eps) / (1 + n * share)))
        self.outputs = n * (n + 1) // 2
        self.positive_diagonal, self.share = positive_diagonal, share
        rows, cols = torch.tril_indices(n, n)
        place = torch.full((n, n), self.outputs)  # entries above the diagonal: a row of zeros
        place[rows, cols] = torch.arange(self.outputs)
        self.register_buffer("place", place, persistent=False)

    def _matrix(self, table: Tensor) -> Tensor:
        """Put outputs (m, ...) of the network into a triangle (n, n, ...)."""
        return torch.cat([table, torch.zeros_like(table[:1])])[self.place]

    def _diagonal(self, f: Tensor, order: int) -> tuple[Tensor, ...]:
        if self.positive_diagonal:
            return self.positive(f, order)
        return (f + self.start, torch.ones_like(f), torch.zeros_like(f))[: order + 1]

    def _factor(self, f: Tensor, order: int) -> tuple[Tensor, Tensor, Tensor]:
        """L from entries f (..., n, n), its rates (..., n, n), and second rates of the diagonal."""
        diagonal = f.diagonal(dim1=-2, dim2=-1)
        found = (*self._diagonal(diagonal, order), diagonal, diagonal)[:3]
        one = torch.eye(self.n, dtype=f.dtype, device=f.device)
        factor = f * (1 - one) + one * found[0][..., None]
        return factor, 1 - one + one * found[1][..., None], found[2]

    def _complete(self, product: Tensor) -> Tensor:
        """Add e 1 to L L^T."""
        g = symmetric(product)
        one = torch.eye(self.n, dtype=g.dtype, device=g.device)
        level = self.eps + self.share * g.diagonal(dim1=-2, dim2=-1).sum(-1)[..., None, None]
        return g + one * level

    def metric(self, f: Tensor) -> Tensor:
        """See `Parametrisation`."""
        entries = self._matrix(f.movedim(-1, 0)).movedim((0, 1), (-2, -1))
        factor, _, _ = self._factor(entries, 0)
        return self._complete(factor @ factor.mT)

    def log_volume(self, f: Tensor) -> Tensor:
        """See `Parametrisation`."""
        return factored(self.metric(f)).diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def first(self, net: SmoothMLP, x: Tensor) -> tuple[Tensor, Tensor]:
        """See `Parametrisation`."""
        f, first, _ = net.jet(x, "first")
        f = self._matrix(f.movedim(-1, 0)).movedim((0, 1), (-2, -1))
        first = self._matrix(first.movedim(-2, 0)).movedim((0, 1), (-3, -2))
        factor, rates, _ = self._factor(f, 1)
        # [i, k, j] = d_k L_im L_jm, as a matrix product over m
        half = ((rates[..., None] * first).transpose(-1, -2) @ factor.mT[..., None, :, :]).mT
        dg = half + half.transpose(-3, -2)
        g = self._complete(factor @ factor.mT)
        if not self.share:
            return g, dg
        one = torch.eye(self.n, dtype=f.dtype, device=f.device)
        level = self.share * dg.diagonal(dim1=-3, dim2=-2).sum(-1)
        return g, dg + one[..., None] * level[..., None, None, :]

    def jet(self, net: SmoothMLP, x: Tensor) -> MetricJet:
        """See `Parametrisation`."""
        f, first, second = _full_jet(net, x, "hessian")
        put = self._matrix
        f = put(f.movedim(-1, 0)).movedim((0, 1), (-2, -1))
        first = put(first.movedim(-2, 0)).movedim((0, 1), (-3, -2))
        second = put(second.movedim(-3, 0)).movedim((0, 1), (-4, -3))
        factor, rates, bend = self._factor(f, 2)
        slopes = rates[..., None] * first
        corner = first.diagonal(dim1=-3, dim2=-2).movedim(-1, -2)  # d_k f_ii at [i, k]
        products = bend[..., None, None] * corner[..., :, None] * corner[..., None, :]
        one = torch.eye(self.n, dtype=f.dtype, device=f.device)
        bends = rates[..., None, None] * second + one[..., None, None] * products[..., None, :, :]
        dg = torch.einsum("...imk,...jm->...ijk", slopes, factor)
        ddg = torch.einsum("...imkl,...jm->...ijkl", bends, factor)
        ddg = ddg + torch.einsum("...imk,...jml->...ijkl", slopes, slopes)
        dg, ddg = dg + dg.transpose(-3, -2), ddg + ddg.transpose(-4, -3)
        level = self.share * dg.diagonal(dim1=-3, dim2=-2).sum(-1)
        level2 = self.share * ddg.diagonal(dim1=-4, dim2=-3).sum(-1)
        return MetricJet(
            self._complete(factor @ factor.mT),
            dg + one[..., None] * level[..., None, None, :],
            ddg + one[..., None, None] * level2[..., None, None, :, :],
        )

    def scalar(self, net: SmoothMLP, x: Tensor) -> Tensor:
        """See `Parametrisation`."""
        if self.share:  # the level bends too: no short cut
            certified("full", self.n)
            exact: Tensor = gk.scalar_curvature_from_jet(*self.jet(net, x))
            return exact
        certified("full_contracted", self.n)
        layer = net.last_layer(x)
        layer = layer._replace(weight=self._matrix(layer.weight), bias=self._matrix(layer.bias))
        g, dg, contracted = self._contracted(layer)
        result: Tensor = gk.scalar_curvature_from_jet(g, dg, contracted=contracted)
        return result

    def _contracted(self, layer: LastLayer) -> tuple[Tensor, Tensor, Tensor]:
        n, flat = self.n, layer.weight.flatten(0, 1)
        f = (layer.slopes[0] @ flat.mT).unflatten(-1, (n, n)) + layer.bias
        first = (flat @ (layer.slopes[1][..., None] * layer.first)).unflatten(-2, (n, n))
        factor, rates, bend = self._factor(f, 2)
        slopes = rates[..., None] * first
        half = factor[..., None, :, :] @ slopes  # [i, j, k] = L_jm d_k L_im
        g = self._complete(factor @ factor.mT)
        h = inverted(g)
        p = h @ factor
        corner = first.diagonal(dim1=-3, dim2=-2).mT
        total = 2 * contraction.hidden_units(h, p, rates, layer)
        total = total + 2 * contraction.bends(h, p, corner, bend) + contraction.quadratic(h, slopes)
        return g, half + half.transpose(-3, -2), total


class LowRank(_Factors):
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
        f, u = self._split(f)
        d = self.entries(f)
        small = torch.eye(self.rank, dtype=u.dtype, device=u.device) + u.mT @ (u / d[..., None])
        roots = torch.linalg.cholesky(symmetric(small)).diagonal(dim1=-2, dim2=-1)
        return 0.5 * d.log().sum(-1) + roots.log().sum(-1)

    def _parts(self, net: SmoothMLP, x: Tensor) -> tuple[Tensor, ...]:
        """Jets of the diagonal and of U, as `geomkit.families.low_rank` takes them."""
        n, r = self.n, self.rank
        f, first, second = _full_jet(net, x, "hessian")
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
        h = gk.families.low_rank.inverse_metric(d, u)
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


FAMILIES: dict[str, type[Parametrisation]] = {
    "full": Full,
    "diagonal": Diagonal,
    "conformal": Conformal,
    "lowrank": LowRank,
}
