"""A smooth perceptron with hand-written forward jets.

The jet of f: R^n -> R^m at x is (f, d_k f_a, second derivatives). Pushed forward layer by layer,

    linear      u = W v + b:     d u = W dv,              dd u = W ddv
    activation  v = s(u):        d v = s'(u) du,          dd v = s''(u) du du + s'(u) ddu

it costs a few batched matrix products and is itself differentiable, which is what a loss on
curvature needs; nested automatic differentiation of the same network takes tens of times longer.

How much of dd f is wanted differs: only the Laplacian (conformal metrics), only d_k d_k f (diagonal
ones), all of it, or a contraction with known coefficients. The first three are linear in dd, so
that one recursion serves all; for the fourth the last hidden layer is handed out (`LastLayer`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from ndm import activations
from ndm.errors import ModelError

__all__ = ["KINDS", "Jet", "LastLayer", "SmoothMLP"]

# Kind of second derivatives -> shape of its axes after the outputs, for inputs x of R^n.
KINDS = {"first": None, "laplacian": "", "diagonal": "n", "hessian": "nn"}


class Jet(NamedTuple):
    """Value and derivatives of m functions of n variables.

    Attributes:
        value: (..., m), f_a.
        first: (..., m, n), d_k f_a.
        second: None; or (..., m) sum_k d_k d_k f_a; (..., m, n) d_k d_k f_a; (..., m, n, n)
            d_k d_l f_a: as the kind that was asked for.
    """

    value: Tensor
    first: Tensor
    second: Tensor | None


class LastLayer(NamedTuple):
    """What enters the last activation s of a network, f = W s(u) + b, and what leaves it.

    Attributes:
        first: (..., h, n), d_k u; without leading axes where u is linear in x.
        second: (..., h, n, n), d_k d_l u, or None where u is linear in x.
        slopes: (s, s', s'') at u, each (..., h).
        weight: W, (m, h).
        bias: b, (m,).
    """

    first: Tensor
    second: Tensor | None
    slopes: tuple[Tensor, Tensor, Tensor]
    weight: Tensor
    bias: Tensor


class SmoothMLP(nn.Module):
    """A perceptron f(x) = W_D s(... s(W_0 x + b_0) ...) + b_D of smooth activations, with its jets.

    Args:
        inputs: n, dimension of x.
        outputs: m, dimension of f(x).
        hidden: widths of the hidden layers; at least one.
        activation: see `ndm.activations`; ReLU-like ones are refused.
        spread: the last layer starts with weights of standard deviation spread / sqrt(width) and
            no bias, so that f(x) starts with about that size.

    Raises:
        ModelError: no hidden layer, or sizes that are not positive.

    Example:
        >>> import torch
        >>> _ = torch.manual_seed(0)
        >>> f = SmoothMLP(2, 3, hidden=(8, 8)).double()
        >>> x = torch.randn(5, 2, dtype=torch.float64)
        >>> jet = f.jet(x, "hessian")
        >>> jet.value.shape, jet.first.shape, jet.second.shape
        (torch.Size([5, 3]), torch.Size([5, 3, 2]), torch.Size([5, 3, 2, 2]))
        >>> J = torch.func.vmap(torch.func.jacfwd(f))(x)
        >>> bool(torch.allclose(jet.first, J, atol=1e-14))
        True
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        hidden: Sequence[int] = (32,),
        activation: str = "tanh",
        *,
        spread: float = 1.0,
    ) -> None:
        super().__init__()
        sizes = [inputs, *hidden, outputs]
        if not hidden or min(sizes) < 1:
            raise ModelError(
                f"a network of sizes {sizes} cannot be made: it needs at least one hidden layer, "
                "and sizes of 1 or more"
            )
        self.inputs, self.outputs, self.hidden = inputs, outputs, tuple(hidden)
        self.activation = activations.activation(activation)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        last = self.layers[-1]
        nn.init.normal_(last.weight, std=spread / math.sqrt(sizes[-2]))
        nn.init.zeros_(last.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Values f(x).

        Args:
            x: (..., n).

        Returns:
            (..., m).
        """
        result: Tensor = self.layers[-1](self.features(x))
        return result

    def features(self, x: Tensor) -> Tensor:
        """The values that the last linear map acts on.

        Args:
            x: (..., n).

        Returns:
            (..., h).

        Raises:
            ModelError: the last axis is not n.
        """
        self._check(x)
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return x

    def jet(self, x: Tensor, kind: str = "hessian") -> Jet:
        """Values and derivatives.

        Args:
            x: (..., n).
            kind: "first", "laplacian", "diagonal" or "hessian": see `Jet`.

        Returns:
            The jet.

        Raises:
            ModelError: the kind is not known, or the last axis of x is not n.
        """
        if kind not in KINDS:
            raise ModelError(f"jets of kind {kind!r} are not known; choose one of {[*KINDS]}")
        u, first, second = self._last(x, kind)
        slopes = self.activation.derivatives(u, 1 if kind == "first" else 2)
        value, first, second = _through(slopes, first, second, kind)
        last = self.layers[-1]
        bent = None
        if second is not None:
            axes = (self.outputs, *_axes(kind, self.inputs))
            bent = (last.weight @ second).reshape(*second.shape[:-2], *axes)
        return Jet(last(value), last.weight @ first, bent)

    def last_layer(self, x: Tensor) -> LastLayer:
        """The last hidden layer, for contractions of second derivatives that need no full Hessian.

        Args:
            x: (..., n).

        Returns:
            The jets before the last activation, its derivatives there, and W and b.
        """
        u, first, second = self._last(x, "hessian")
        slopes = self.activation.derivatives(u, 2)
        if second is not None:
            second = second.reshape(*second.shape[:-1], self.inputs, self.inputs)
        last = self.layers[-1]
        return LastLayer(first, second, _three(slopes), last.weight, last.bias)

    def _last(self, x: Tensor, kind: str) -> tuple[Tensor, Tensor, Tensor | None]:
        """Jets before the last activation; second derivatives (..., h, size)."""
        self._check(x)
        u, first, second = self.layers[0](x), self.layers[0].weight, None
        for layer in self.layers[1:-1]:
            slopes = self.activation.derivatives(u, 1 if kind == "first" else 2)
            value, first, second = _through(slopes, first, second, kind)
            u, first = layer(value), layer.weight @ first
            second = None if second is None else layer.weight @ second
        return u, first, second

    def _check(self, x: Tensor) -> None:
        if x.shape[-1:] != (self.inputs,):
            raise ModelError(
                f"points of shape {tuple(x.shape)} do not fit: the last axis must be {self.inputs}"
            )

    def extra_repr(self) -> str:
        """Sizes and activation."""
        sizes = " -> ".join(str(k) for k in (self.inputs, *self.hidden, self.outputs))
        return f"{sizes}, {self.activation.name}"


def _axes(kind: str, n: int) -> tuple[int, ...]:
    return (n,) * len(KINDS[kind] or "")


def _three(slopes: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, Tensor]:
    return slopes[0], slopes[1], slopes[2]


def _through(
    slopes: tuple[Tensor, ...], first: Tensor, second: Tensor | None, kind: str
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Push jets through an activation whose derivatives at u are `slopes`."""
    value, slope = slopes[0], slopes[1][..., None]
    if kind == "first":
        return value, slope * first, None
    if kind == "hessian":
        products = (first[..., :, None] * first[..., None, :]).flatten(-2)
    else:
        products = first * first
        if kind == "laplacian":
            products = products.sum(-1, keepdim=True)
    bent = slopes[2][..., None] * products
    if second is not None:
        bent = bent + slope * second
    return value, slope * first, bent
