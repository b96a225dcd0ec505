"""Smooth activations with their derivatives in closed form.

Curvature needs second derivatives of a metric, so every network that feeds a metric or a coordinate
map has activations that are smooth. ReLU and its relatives are refused by name: their second
derivative is zero almost everywhere and missing at the kinks, where all the curvature would hide.

| name | f(x) | range of f' |
|---|---|---|
| `tanh` | tanh x | (0, 1] |
| `softplus` | log(1 + e^x) | (0, 1) |
| `silu` | x sigma(x), sigma(x) = 1/(1 + e^-x) | (-0.1, 1.1) |
| `gelu` | x Phi(x), Phi the normal distribution function | (-0.13, 1.13) |
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ndm.errors import ModelError

__all__ = ["KINKED", "NAMES", "Activation", "activation", "kinked_modules", "refuse_kinks"]

# Beyond 40, log(1 + e^x) = x and sigma(x) = 1 to the last bit of float64; torch's own threshold
# of 20 leaves a step of 2e-9, which second differences see.
_LINEAR = 40.0
# The normal density and all its multiples by powers of x are zero in float64 beyond this.
_GAUSS_ZERO = 40.0

# Names that people ask for, which are not twice continuously differentiable.
KINKED: tuple[str, ...] = (
    "celu",
    "elu",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leaky_relu",
    "leakyrelu",
    "prelu",
    "relu",
    "relu6",
    "rrelu",
    "selu",
    "softshrink",
    "softsign",
    "threshold",
)

_KINKED_MODULES: tuple[type, ...] = (
    nn.CELU,
    nn.ELU,
    nn.Hardshrink,
    nn.Hardsigmoid,
    nn.Hardswish,
    nn.Hardtanh,
    nn.LeakyReLU,
    nn.PReLU,
    nn.ReLU,
    nn.ReLU6,
    nn.RReLU,
    nn.SELU,
    nn.Softshrink,
    nn.Softsign,
    nn.Threshold,
    nn.MaxPool1d,
)


@dataclass(frozen=True)
class Activation:
    """A smooth function of one variable, with its first three derivatives.

    Calling it gives f(x). The derivatives are accurate to a few units in the last place of the
    largest value of that derivative (not of its tails), in the dtype of `x`.

    Attributes:
        name: the name that `activation` knows it by.
        derivatives: `derivatives(x, order)` gives (f, f', ..., f^(order)) at x for order 0 to 3,
            each of the shape of x, sharing what they have in common.

    Example:
        >>> import torch
        >>> from ndm.activations import activation
        >>> value, first, second = activation("tanh").derivatives(torch.zeros(1), 2)
        >>> value.item(), first.item(), abs(second.item())
        (0.0, 1.0, 0.0)
    """

    name: str
    derivatives: Callable[[Tensor, int], tuple[Tensor, ...]]

    def __call__(self, x: Tensor) -> Tensor:
        """f(x), of the shape of x."""
        return self.derivatives(x, 0)[0]


def _tanh(x: Tensor, order: int) -> tuple[Tensor, ...]:
    t = torch.tanh(x)
    if order == 0:
        return (t,)
    first = 1 - t * t
    if order == 1:
        return (t, first)
    second = -2 * t * first
    if order == 2:
        return (t, first, second)
    return (t, first, second, first * (6 * t * t - 2))


def _softplus(x: Tensor, order: int) -> tuple[Tensor, ...]:
    value = nn.functional.softplus(x, threshold=_LINEAR)
    return (value,) if order == 0 else (value, *_sigmoid(x, order - 1))


def _sigmoid(x: Tensor, order: int) -> tuple[Tensor, ...]:
    """Logistic s(x): s' = s(1 - s), s'' = s'(1 - 2s), s''' = s'(1 - 6s')."""
    s = torch.sigmoid(x)
    if order == 0:
        return (s,)
    first = s * (1 - s)
    if order == 1:
        return (s, first)
    second = first * (1 - 2 * s)
    if order == 2:
        return (s, first, second)
    return (s, first, second, first * (1 - 6 * first))


def _silu(x: Tensor, order: int) -> tuple[Tensor, ...]:
    """Leibniz: (x s)^(k) = x s^(k) + k s^(k-1)."""
    s = _sigmoid(x, order)
    return (x * s[0], *(x * s[k] + k * s[k - 1] for k in range(1, order + 1)))


def _gelu(x: Tensor, order: int) -> tuple[Tensor, ...]:
    """With the normal density p: f' = Phi + x p, f'' = p (2 - x^2), f''' = p (x^3 - 4x)."""
    value = nn.functional.gelu(x)
    if order == 0:
        return (value,)
    # x^2 would overflow far out, and 0 times infinity is NaN; p is zero there already
    near = x.clamp(-_GAUSS_ZERO, _GAUSS_ZERO)
    square = near * near
    density = torch.exp(-0.5 * square) / math.sqrt(2 * math.pi)
    first = 0.5 * torch.special.erfc(-x / math.sqrt(2)) + near * density
    if order == 1:
        return (value, first)
    second = density * (2 - square)
    if order == 2:
        return (value, first, second)
    return (value, first, second, density * near * (square - 4))


_ACTIVATIONS: dict[str, Activation] = {
    "gelu": Activation("gelu", _gelu),
    "silu": Activation("silu", _silu),
    "softplus": Activation("softplus", _softplus),
    "tanh": Activation("tanh", _tanh),
}
NAMES: tuple[str, ...] = tuple(_ACTIVATIONS)


def activation(name: str) -> Activation:
    """The smooth activation of that name.

    Args:
        name: "tanh", "softplus", "silu" or "gelu".

    Returns:
        A callable f with `f.derivatives(x, order)`.

    Raises:
        ModelError: the name is unknown, or the function has kinks (ReLU and its relatives).

    Example:
        >>> from ndm.activations import activation
        >>> activation("softplus").name
        'softplus'
        >>> activation("relu6")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        ndm.errors.ModelError: activation 'relu6' is not twice continuously differentiable, ...
    """
    found = _ACTIVATIONS.get(name) if isinstance(name, str) else None
    if found is not None:
        return found
    choice = ", ".join(NAMES)
    if isinstance(name, str) and name.lower() in KINKED:
        raise ModelError(
            f"activation {name!r} is not twice continuously differentiable, and curvature is made "
            f"of second derivatives; use one of {choice}"
        )
    near = difflib.get_close_matches(str(name).lower(), NAMES, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ModelError(f"activation {name!r} is not known: it must be one of {choice}{hint}")


def kinked_modules(module: nn.Module) -> tuple[str, ...]:
    """Dotted names (with class) of all ReLU-like modules within `module`, itself included.

    This is a static check: it sees modules, not functions that a `forward` calls.

    Args:
        module: any torch module.

    Returns:
        Names like `net.1 (ReLU)`, empty if there are none.

    Example:
        >>> from torch import nn
        >>> from ndm.activations import kinked_modules
        >>> kinked_modules(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
        ('1 (ReLU)',)
    """
    return tuple(
        f"{name or 'itself'} ({type(part).__name__})"
        for name, part in module.named_modules()
        if isinstance(part, _KINKED_MODULES)
    )


def refuse_kinks(module: nn.Module, what: str) -> None:
    """Refuses a module that contains ReLU-like activations.

    Args:
        module: the module to search.
        what: how to call it in the message.

    Raises:
        ModelError: there are such activations; the message names them.
    """
    found = kinked_modules(module)
    if found:
        raise ModelError(
            f"{what} contains activations that are not twice continuously differentiable: "
            f"{', '.join(found)}; use smooth ones ({', '.join(NAMES)})"
        )
