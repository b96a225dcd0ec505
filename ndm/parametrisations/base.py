"""What all families of metrics have in common, and those with positive entries."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from ndm.activations import activation
from ndm.field import MetricJet, inverted, solved
from ndm.jets import SmoothMLP

__all__ = ["Entries", "Parametrisation", "full_jet"]

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

    def inverse(self, f: Tensor) -> Tensor:
        """The inverse metric (..., n, n), symmetric to the last bit."""
        return inverted(self.metric(f))

    def raised(self, f: Tensor, w: Tensor) -> Tensor:
        """The inverse metric times covectors w (..., n)."""
        return solved(self.metric(f), w)

    @abstractmethod
    def first(self, net: SmoothMLP, x: Tensor) -> tuple[Tensor, Tensor]:
        """Metric (..., n, n) and first derivatives (..., n, n, n), the derivative last."""

    @abstractmethod
    def jet(self, net: SmoothMLP, x: Tensor) -> MetricJet:
        """Metric with first and second derivatives."""

    @abstractmethod
    def scalar(self, net: SmoothMLP, x: Tensor) -> Tensor:
        """Scalar curvature, from no more second derivatives than the family needs."""


def full_jet(net: SmoothMLP, x: Tensor, kind: str) -> tuple[Tensor, Tensor, Tensor]:
    """A jet whose second derivatives are known to be there."""
    value, first, second = net.jet(x, kind)
    assert second is not None
    return value, first, second


class Entries(Parametrisation):
    """Families of which some outputs are g_ii or g itself: what they have in common."""

    def entries(self, f: Tensor) -> Tensor:
        """The numbers l(f)^2 + eps."""
        value = self.positive(f)[0]
        return value * value + self.eps

    def inverse(self, f: Tensor) -> Tensor:
        """See `Parametrisation`."""
        return torch.diag_embed((1 / self.entries(f)).expand(*f.shape[:-1], self.n))

    def raised(self, f: Tensor, w: Tensor) -> Tensor:
        """See `Parametrisation`."""
        return w / self.entries(f)

    def entry_slopes(self, f: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """The numbers l(f)^2 + eps (..., m) and their first derivatives (..., m, n)."""
        root, slope = self.positive(f, 1)
        return root * root + self.eps, (2 * root * slope)[..., None] * first

    def entry_jet(self, net: SmoothMLP, x: Tensor, kind: str) -> tuple[Tensor, Tensor, Tensor]:
        """Jets of l(f)^2 + eps: value (..., m), first (..., m, n), second as `kind` says."""
        f, first, second = full_jet(net, x, kind)
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
