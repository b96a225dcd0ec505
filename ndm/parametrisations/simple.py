"""Conformal and diagonal metrics."""

from __future__ import annotations

import torch
from torch import Tensor

import geomkit as gk
from ndm.field import MetricJet, certified
from ndm.jets import SmoothMLP

from .base import Entries

__all__ = ["Conformal", "Diagonal"]


class Conformal(Entries):
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


class Diagonal(Entries):
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
