"""The few array operations that NumPy and torch spell differently, for formulas of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from geomkit.errors import MetricError

from .arrays import Argument, is_torch, sizes

__all__ = ["identity", "inverse", "place", "read"]


def read(arguments: Sequence[Argument], arrays: Sequence[Any]) -> tuple[list[Any], dict[str, int]]:
    """Give all arrays the same leading shape.

    Args:
        arguments: what is expected.
        arrays: NumPy arrays (or what becomes one) or torch tensors.

    Returns:
        The arrays, and {letter: size}.

    Raises:
        MetricError: numbers that are not real, shapes that do not fit.
    """
    if is_torch(*arrays):
        given = list(arrays)
        wrong = [one for one, x in zip(arguments, given, strict=True) if not x.is_floating_point()]
    else:
        given = [np.asarray(x) for x in arrays]
        given = [x.astype(np.float64) if x.dtype.kind in "iu" else x for x in given]
        wrong = [
            one
            for one, x in zip(arguments, given, strict=True)
            if x.dtype not in (np.float32, np.float64)
        ]
    if wrong:
        raise MetricError(f"{wrong[0].name} is not of a real float type, float32 or float64")
    batch, known = sizes(arguments, [tuple(x.shape) for x in given])
    full = [
        batch + tuple(x.shape[x.ndim - len(one.axes) :])
        for one, x in zip(arguments, given, strict=True)
    ]
    if is_torch(*given):
        return [x.expand(shape) for x, shape in zip(given, full, strict=True)], known
    return [np.broadcast_to(x, shape) for x, shape in zip(given, full, strict=True)], known


def place(size: int, blocks: Sequence[tuple[tuple[int, ...], Any]]) -> Any:
    """Put blocks into zeros (..., size, ..., size); each comes with where it begins.

    Args:
        size: of each axis that is filled.
        blocks: begin and content; leading shapes are equal, blocks do not overlap.

    Returns:
        The array or tensor.
    """
    contents = [block for _, block in blocks]
    if is_torch(*contents):
        from .torch import blocks as plain

        return plain.place(size, blocks)
    rank = len(blocks[0][0])
    batch = contents[0].shape[: contents[0].ndim - rank]
    out = np.zeros(batch + (size,) * rank, dtype=np.result_type(*contents))
    for starts, block in blocks:
        spans = zip(starts, block.shape[block.ndim - rank :], strict=True)
        inner = tuple(slice(start, start + length) for start, length in spans)
        out[(slice(None),) * len(batch) + inner] = block
    return out


def identity(n: int, like: Any) -> Any:
    """The identity matrix, in the precision of another array.

    Args:
        n: its size.
        like: the array.

    Returns:
        (n, n).
    """
    if is_torch(like):
        from .torch import blocks as plain

        return plain.identity(n, like)
    return np.eye(n, dtype=like.dtype)


def inverse(matrix: Any) -> Any:
    """Inverse of (..., n, n); nan where it is singular.

    Args:
        matrix: the matrices.

    Returns:
        As `matrix`.
    """
    if is_torch(matrix):
        from .torch import blocks as plain

        return plain.inverse(matrix)
    from . import kernels

    n = matrix.shape[-1]
    out = np.empty(matrix.shape, dtype=np.float64)
    swaps = np.empty((2, n))
    for source, target in zip(matrix.reshape(-1, n, n), out.reshape(-1, n, n), strict=True):
        kernels.inverse(np.ascontiguousarray(source), target, swaps)
    return out.astype(matrix.dtype, copy=False)
