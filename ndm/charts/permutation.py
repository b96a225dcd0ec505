"""Permutations of the coordinates: a map between charts that only renames."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ndm.charts.base import CoordinateMap
from ndm.errors import ModelError

__all__ = ["Permutation"]


class Permutation(CoordinateMap):
    """y^i = x^order[i]; |det| = 1.

    Args:
        order: each of 0 ... n-1 once.

    Attributes:
        order: buffer of indices (n,), saved with the model.

    Raises:
        ModelError: it is no permutation.

    Example:
        >>> import torch
        >>> from ndm.charts import Permutation
        >>> Permutation([2, 0, 1])(torch.tensor([1.0, 2.0, 3.0]))[0]
        tensor([3., 1., 2.])
    """

    order: Tensor

    def __init__(self, order: Sequence[int]) -> None:
        whole = isinstance(order, Sequence) and all(isinstance(index, int) for index in order)
        if not whole or not order or sorted(order) != list(range(len(order))):
            raise ModelError(
                f"Permutation was given {order!r}, and needs each of 0 ... n-1 exactly once"
            )
        indices = list(order)
        super().__init__(len(indices))
        self.register_buffer("order", torch.tensor(indices))

    def extra_repr(self) -> str:
        """The order."""
        return str(self.order.tolist())

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x[..., self.order], x.new_zeros(x.shape[:-1])

    def _inverse(self, y: Tensor) -> Tensor:
        return y[..., torch.argsort(self.order)]

    def _with_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, log_det = self._forward(x)
        one = torch.eye(self.dimension, dtype=x.dtype, device=x.device)
        return y, log_det, one[self.order].expand(*x.shape, self.dimension)
