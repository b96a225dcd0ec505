"""Arrays of real numbers from what users give."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import DomainError

__all__ = ["numbers"]

Array = NDArray[np.float64]


def numbers(given: Any, what: str) -> Array:
    """Return an array of real numbers, in a copy.

    Args:
        given: numbers, nested sequences of them, an array, a tensor without gradient.
        what: what it is, for messages.

    Returns:
        The array.

    Raises:
        DomainError: it is something else.
    """
    if getattr(given, "requires_grad", False):
        raise DomainError(
            f"{what} is a tensor with a gradient, which would be lost here; use "
            "geomkit.geodesic.torch, or give tensor.detach()"
        )
    try:
        raw = np.asarray(given)
        if raw.dtype.kind in "biufO":  # neither text nor complex numbers
            return np.array(raw, dtype=np.float64)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        pass
    shown = repr(given) if len(repr(given)) < 200 else f"a {type(given).__name__}"
    raise DomainError(f"{what} is no row of numbers: {shown}")
