"""From numba's blocks of 64 points to rows. Imported only where numba kernels are used."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["rows"]

LANES = 64


def rows(packed: NDArray[Any], columns: NDArray[np.intp], width: int, count: int) -> NDArray[Any]:
    """Write components as columns.

    Args:
        packed: (blocks, C, 64), as numba kernels give it.
        columns: the column of each component.
        width: number of columns; those that no component has are zero.
        count: the number N of points.

    Returns:
        Array (N, width).

    Example:
        >>> packed = np.arange(128.0).reshape(1, 2, 64)
        >>> rows(packed, np.array([2, 0]), 3, 2)
        array([[64.,  0.,  0.],
               [65.,  0.,  1.]])
    """
    full = len(columns) == width
    out: NDArray[Any] = (np.empty if full else np.zeros)((count, width), packed.dtype)
    _rows(packed, columns, out)
    return out


@njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _rows(packed: NDArray[Any], columns: NDArray[np.intp], out: NDArray[Any]) -> None:
    count = out.shape[0]
    for block in range(packed.shape[0]):
        first = LANES * block
        lanes = min(LANES, count - first)
        for c in range(packed.shape[1]):
            column = columns[c]
            for lane in range(lanes):
                out[first + lane, column] = packed[block, c, lane]
