"""Special functions with derivatives of every order, in every mode.

Torch forgets the graph at its Bessel functions, so that their derivative would silently be missing,
and differentiates lgamma to a trigamma of ten digits. Here each function names its derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from . import bessel, gammas
from .dual import nested, primal

__all__ = ["special"]


def special(kind: str, order: int, x: Tensor) -> Tensor:
    """Return a special function.

    Args:
        kind: "J", "Y", "I", "K", "polygamma" or "loggamma".
        order: a whole number; 0 for "loggamma".
        x: tensor of any shape.

    Returns:
        Tensor of the same shape; NaN where the function is not real.

    Example:
        >>> x = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
        >>> (slope,) = torch.autograd.grad(special("J", 0, x), x)
        >>> bool(slope == -special("J", 1, x))
        True
    """
    sign = -1 if order < 0 and order % 2 and kind in "JY" else 1
    # torch.compile traces no function that has a jvp of its own
    function = _Reverse if torch.compiler.is_compiling() else _Special
    value: Tensor = function.apply(kind, abs(order), x)
    return sign * value


def _derivative(kind: str, order: int, x: Tensor) -> Tensor:
    if kind in ("polygamma", "loggamma"):
        return special("polygamma", order + (kind == "polygamma"), x)
    # C'_n = (C_{n-1} - C_{n+1})/2, with other signs for I and K
    below, above = special(kind, order - 1, x), special(kind, order + 1, x)
    if kind == "K":
        return -0.5 * (below + above)
    return 0.5 * (below + above if kind == "I" else below - above)


_VALUES: Mapping[str, Callable[[int, Tensor], Tensor]] = {
    **bessel.VALUES,
    "polygamma": gammas.polygamma,
    "loggamma": lambda order, x: torch.lgamma(x),
}


class _Reverse(torch.autograd.Function):  # type: ignore[misc]
    """Values and reverse mode."""

    @staticmethod
    def forward(kind: str, order: int, x: Tensor) -> Tensor:
        return _VALUES[kind](order, x.double()).to(x.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.kind, ctx.order, x = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> tuple[None, None, Tensor]:
        (x,) = ctx.saved_tensors
        return None, None, cotangent * _derivative(ctx.kind, ctx.order, x)


class _Special(_Reverse):
    """All modes."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        _Reverse.setup_context(ctx, inputs, output)
        ctx.save_for_forward(inputs[2])

    @staticmethod
    def jvp(ctx: Any, kind: None, order: None, tangent: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        with nested():
            return tangent * _derivative(ctx.kind, ctx.order, primal(x))

    @staticmethod
    def vmap(info: Any, in_dims: Any, kind: str, order: int, x: Tensor) -> tuple[Tensor, Any]:
        return _Special.apply(kind, order, x), in_dims[2]
