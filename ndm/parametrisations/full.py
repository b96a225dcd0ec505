"""Any metric: L L^T + eps 1."""

from __future__ import annotations

import math

import torch
from torch import Tensor

import geomkit as gk
from ndm import contraction
from ndm.field import MetricJet, certified, factored, inverted, symmetric
from ndm.jets import LastLayer, SmoothMLP

from .base import Parametrisation, full_jet

__all__ = ["Full"]


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
        # batched products of matrices whose entries lie apart take ten times as long
        factor = (f * (1 - one) + one * found[0][..., None]).contiguous()
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
        f, first, second = full_jet(net, x, "hessian")
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
