"""The network inside a coupling: from the coordinates that stay to the parameters for the others.

An ordinary multilayer perceptron with a smooth activation, which also gives its Jacobian by forward
propagation: J <- f'(a) * (W J), one matrix product a layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from ndm.activations import activation
from ndm.errors import ModelError

__all__ = ["Conditioner", "checked_hidden"]

# The last layer starts at this fraction of its usual size: a coupling begins near the identity, and
# yet every parameter has a gradient from the first step on.
_START = 0.05


class Conditioner(nn.Module):
    """Smooth multilayer perceptron R^inputs -> R^outputs, small at the start.

    Args:
        inputs: number of inputs, at least 1.
        outputs: number of outputs.
        hidden: widths of the hidden layers.
        activation: name of a smooth activation.

    Raises:
        ModelError: widths that are no positive whole numbers, an activation that is not smooth.

    Example:
        >>> import torch
        >>> from ndm.charts.conditioner import Conditioner
        >>> net = Conditioner(2, 3, hidden=(8,), activation="silu")
        >>> value, jacobian = net.with_jacobian(torch.zeros(5, 2))
        >>> tuple(value.shape), tuple(jacobian.shape)
        ((5, 3), (5, 3, 2))
    """

    def __init__(
        self, inputs: int, outputs: int, hidden: Sequence[int], activation: str = "tanh"
    ) -> None:
        super().__init__()
        self.hidden = checked_hidden(hidden, "Conditioner")
        self._smooth = _named(activation)
        widths = (inputs, *self.hidden, outputs)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        with torch.no_grad():
            self.layers[-1].weight.mul_(_START)
            self.layers[-1].bias.mul_(_START)

    def forward(self, x: Tensor) -> Tensor:
        """Values (..., outputs) at x (..., inputs)."""
        for layer in self.layers[:-1]:
            x = self._smooth(layer(x))
        return self.layers[-1](x)

    def with_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Values (..., outputs) and their derivatives (..., outputs, inputs) at x."""
        jacobian: Tensor | None = None
        for layer in self.layers[:-1]:
            jacobian = layer.weight if jacobian is None else layer.weight @ jacobian
            x, slope = self._smooth.derivatives(layer(x), 1)
            jacobian = slope.unsqueeze(-1) * jacobian
        last = self.layers[-1]
        if jacobian is None:
            return last(x), last.weight.expand(*x.shape[:-1], *last.weight.shape)
        return last(x), last.weight @ jacobian

    def extra_repr(self) -> str:
        """The activation."""
        return f"activation={self._smooth.name}"


_named = activation  # the argument of that name hides the function


def checked_hidden(hidden: Sequence[int], name: str) -> tuple[int, ...]:
    """Widths of hidden layers that can be used.

    Args:
        hidden: what was given.
        name: of the map that they are for.

    Returns:
        The widths as a tuple; an empty one makes the network linear.

    Raises:
        ModelError: not a sequence of positive whole numbers.
    """
    usable = isinstance(hidden, Sequence) and not isinstance(hidden, str)
    if not usable or any(isinstance(h, bool) or not isinstance(h, int) or h < 1 for h in hidden):
        raise ModelError(
            f"{name} was given hidden={hidden!r}, and needs widths from 1 on, such as (32, 32)"
        )
    return tuple(hidden)
