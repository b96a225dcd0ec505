"""How the numba kernels of the families are compiled, and the inverse that they share.

Scratch arrays and all arithmetic are float64, whatever the precision of the input: a float32 jet
gives the curvature of exactly that jet, rounded once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

__all__ = ["Array", "asymmetry", "inverse", "kernel"]

Array = np.ndarray[Any, np.dtype[np.floating[Any]]]
F = TypeVar("F", bound=Callable[..., Any])

# Sums may be taken in any order, which lets them be vectorised. Nothing here may assume that
# numbers are finite (no "nnan", "ninf"): a singular metric has to come out as nan.
_FLAGS = {"contract", "reassoc", "nsz"}


def kernel(function: F) -> F:
    """Compile with numba: cached on disk, without the interpreter lock.

    Args:
        function: what to compile.

    Returns:
        The compiled function.
    """
    return cast(F, numba.njit(cache=True, nogil=True, fastmath=_FLAGS)(function))


@kernel
def inverse(g: Array, h: Array, swaps: Array) -> bool:
    """Write the inverse of a symmetric matrix into h; a singular one gives nan everywhere.

    Elimination on the diagonal as long as every pivot is positive: for a positive definite matrix
    its error does not depend on how the coordinates are scaled. Any other matrix (Lorentzian, say)
    is scaled to entries of size one and eliminated with row exchanges.

    Args:
        g: the matrix (n, n); only its symmetric part counts.
        h: the result (n, n).
        swaps: scratch (2, n).

    Returns:
        Whether the matrix was regular.
    """
    n = g.shape[0]
    _symmetric_part(g, h)
    if _eliminate_definite(h):
        _mirror(h)
        return True
    _symmetric_part(g, h)
    for i in range(n):
        largest = 0.0
        for j in range(n):
            largest = max(largest, abs(h[i, j]))
        # powers of two: scaling itself does not round
        swaps[1, i] = 2.0 ** (-np.round(0.5 * np.log2(largest))) if largest > 0.0 else 1.0
    for i in range(n):
        for j in range(n):
            h[i, j] *= swaps[1, i] * swaps[1, j]
    regular = _eliminate(h, swaps[0])
    for i in range(n):
        for j in range(n):
            h[i, j] = h[i, j] * (swaps[1, i] * swaps[1, j]) if regular else np.nan
    _mirror(h)
    return regular


@kernel
def _symmetric_part(g: Array, h: Array) -> None:
    n = g.shape[0]
    for i in range(n):
        for j in range(n):
            h[i, j] = 0.5 * (np.float64(g[i, j]) + np.float64(g[j, i]))


@kernel
def _mirror(h: Array) -> None:
    n = h.shape[0]
    for i in range(n):
        for j in range(i):
            h[i, j] = 0.5 * (h[i, j] + h[j, i])
            h[j, i] = h[i, j]


@kernel
def _eliminate_definite(h: Array) -> bool:
    """Invert in place by Gauss and Jordan without exchanges; False when a pivot is not positive."""
    n = h.shape[0]
    for p in range(n):
        if not h[p, p] > 0.0:
            return False
        pivot = 1.0 / h[p, p]
        if not pivot < np.inf:
            return False
        h[p, p] = 1.0
        for j in range(n):
            h[p, j] *= pivot
        for i in range(n):
            if i != p:
                factor = h[i, p]
                h[i, p] = 0.0
                for j in range(n):
                    h[i, j] -= factor * h[p, j]
    return True


@kernel
def _eliminate(h: Array, swaps: Array) -> bool:
    """Invert in place by Gauss and Jordan with row exchanges; False when singular."""
    n = h.shape[0]
    for p in range(n):
        best = p
        for i in range(p + 1, n):
            if abs(h[i, p]) > abs(h[best, p]):
                best = i
        swaps[p] = best
        if not 0.0 < abs(h[best, p]) < np.inf:
            return False
        if best != p:
            for j in range(n):
                h[p, j], h[best, j] = h[best, j], h[p, j]
        pivot = 1.0 / h[p, p]
        h[p, p] = 1.0
        for j in range(n):
            h[p, j] *= pivot
        for i in range(n):
            if i != p:
                factor = h[i, p]
                h[i, p] = 0.0
                for j in range(n):
                    h[i, j] -= factor * h[p, j]
    for p in range(n - 1, -1, -1):
        q = int(swaps[p])
        if q != p:
            for i in range(n):
                h[i, p], h[i, q] = h[i, q], h[i, p]
    return True


@kernel
def asymmetry(x: Array, step: int) -> float:
    """How far x (N, a, n, n, b) is from symmetric in its two axes of n, relative to its size.

    Args:
        x: the array.
        step: only each so many-th index is looked at.

    Returns:
        The largest difference over the largest number; 0 where all is 0 or nan.
    """
    largest, difference = 0.0, 0.0
    for p in range(x.shape[0]):
        for a in range(0, x.shape[1], step):
            for i in range(0, x.shape[2], step):
                for j in range(0, i + 1, step):
                    for b in range(0, x.shape[4], step):
                        one, other = np.float64(x[p, a, i, j, b]), np.float64(x[p, a, j, i, b])
                        # comparisons with nan are false
                        if abs(one - other) > difference:
                            difference = abs(one - other)
                        if abs(one) > largest:
                            largest = abs(one)
                        if abs(other) > largest:
                            largest = abs(other)
    return difference / largest if largest > 0.0 else 0.0
