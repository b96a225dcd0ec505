"""From tensors on the CPU to arrays that share their memory, as numba takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["read"]

Array = NDArray[Any]


def read(
    arguments: Sequence[Any], vectors: int
) -> tuple[list[Array], Sequence[float | Array], tuple[int, ...]]:
    """Read the arguments of a call.

    Args:
        arguments: tensors (..., k), then numbers or tensors (...).
        vectors: how many there are of the first kind, at least one.

    Returns:
        Arrays (N, k), numbers or arrays (N,), and the leading dimensions, N being their product.

    Example:
        >>> points, a = torch.zeros(5, 4, 3), torch.ones(4)
        >>> [array], [column], shape = read([points, a], 1)
        >>> array.shape, column.shape, shape
        ((20, 3), (20,), (5, 4))
    """
    # The usual call, without broadcasting: a microsecond for each tensor.
    arrays = [_array(a) for a in arguments[:vectors]]
    scalars = arguments[vectors:]
    shape = arrays[0].shape[:-1]
    alike = len(shape) == 1
    for array in arrays:
        alike = alike and array.shape[:-1] == shape
    for value in scalars:
        alike = alike and type(value) is float
    if alike:
        return arrays, scalars, shape
    shapes = [a.shape[:-1] for a in arguments[:vectors]]
    shapes += [a.shape for a in scalars if isinstance(a, Tensor)]
    whole = torch.broadcast_shapes(*shapes)
    matrices = [_matrix(a, whole) for a in arguments[:vectors]]
    return matrices, [_column(a, whole) for a in scalars], tuple(whole)


def _array(tensor: Tensor) -> Array:
    # "force" leaves gradients and pending signs behind; memory is shared where that is possible
    array: Array = tensor.numpy(force=True)
    return array


def _matrix(tensor: Tensor, shape: torch.Size) -> Array:
    """A vector argument as an array (N, k)."""
    width = tensor.shape[-1]
    # not -1: with no points at all it would be ambiguous
    return _array(tensor.expand(*shape, width).reshape(shape.numel(), width))


def _column(argument: Tensor | float, shape: torch.Size) -> float | Array:
    """A scalar argument as a number or an array (N,)."""
    if not isinstance(argument, Tensor):
        return float(argument)
    if argument.ndim == 0:
        return float(argument.item())
    return _array(argument.expand(shape).reshape(shape.numel()))
