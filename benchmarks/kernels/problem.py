"""The points that are computed, the same for everybody, and how packed components become rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["MASS", "SPIN", "ends", "mismatch", "points"]

Array = NDArray[np.float64]
MASS, SPIN = 1.0, 0.4
# Relative to the largest value of the component: everybody rounds, and autodiff a little more.
AGREEMENT = 1e-10


def points(count: int) -> Array:
    """Random points (count, 4) of Boyer-Lindquist coordinates well outside of the horizon.

    Args:
        count: how many.

    Returns:
        The rows (t, r, theta, phi), always the same.
    """
    random = np.random.default_rng(2718)
    low, high = [0.0, 3.0, 0.2, 0.0], [1.0, 10.0, 2.9, 6.0]
    return np.ascontiguousarray(random.uniform(low, high, (count, 4)))


def ends(values: Array) -> Array:
    """The largest absolute value of each component, as a column.

    Args:
        values: (components, points).

    Returns:
        (components, 1).
    """
    largest: Array = np.max(np.abs(values), axis=1, keepdims=True)
    return largest


def mismatch(values: Any, expected: Array, names: Sequence[str]) -> str | None:
    """Say where values differ from what is expected.

    Args:
        values: (components, points), as somebody else computed them.
        expected: the same by geomkit.
        names: what the components are called.

    Returns:
        None if they agree, else a sentence.
    """
    array = np.asarray(values, dtype=float)
    if array.shape != expected.shape:
        return f"shape {array.shape} instead of {expected.shape}"
    error = np.abs(array - expected) / ends(expected)
    worst = np.unravel_index(int(np.argmax(np.where(np.isnan(error), np.inf, error))), error.shape)
    if error[worst] <= AGREEMENT:
        return None
    return f"{names[int(worst[0])]} is off by {error[worst]:.1e}"
