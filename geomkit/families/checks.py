"""What is refused: arrays that are not symmetric, results that are not finite.

A metric that is singular, overflow, and nan in a jet all end in numbers that are not finite, so the
result is what is looked at. NumPy's own warnings stay silent meanwhile: there is an error instead,
or with `check=False` there is nan or infinity, as asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from geomkit.errors import DomainError, MetricError

if TYPE_CHECKING:
    from .arrays import Argument

__all__ = ["finite", "quiet", "symmetric"]

# Symmetry is looked at on about so many numbers: enough to notice indices in another order.
NUMBERS = 1024
# Of each axis at most so many indices are looked at.
INDICES = 6
# Differences of this relative size are rounding, or a derivative taken by differences.
ASYMMETRY = 1e-3
# torch.compile cannot read a union of these
NUMPY = (np.ndarray, np.floating)


def quiet(like: Any) -> AbstractContextManager[Any]:
    """No warnings from NumPy where results may be infinite or nan.

    Args:
        like: one of the arrays; tensors need nothing, and torch could not compile it.

    Returns:
        The context.
    """
    if isinstance(like, np.ndarray):
        return np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore")
    return nullcontext()


def symmetric(arguments: Sequence[Argument], flat: Sequence[np.ndarray[Any, Any]]) -> None:
    """Refuse arrays that are not symmetric where they have to be.

    Args:
        arguments: what the arrays are.
        flat: (N, ...), in their order; some of their numbers are looked at.

    Raises:
        MetricError: one is not symmetric.
    """
    from . import kernels

    for one, array in zip(arguments, flat, strict=False):
        if not one.symmetric or not array.size:
            continue
        count, n = array.shape[:2]
        step = -(-n // INDICES)
        points = max(1, min(count, NUMBERS * count * step ** len(one.axes) // array.size))
        for a, b in one.symmetric:
            # one axis for all indices before the pair, one for all behind it
            shaped = array[:points].reshape((points, n**a, n, n, -1))
            # written so that nan passes: it is refused where the result is looked at
            if kernels.asymmetry(shaped, step) > ASYMMETRY:
                raise MetricError(
                    f"{one.name} is not symmetric in its axes {a} and {b} (counted after the "
                    "batch); the index of a derivative comes last: dg[..., i, j, k] = d_k g_ij"
                )


def finite(result: Any, check: bool, what: str = "curvature", batch: int | None = None) -> Any:
    """Refuse a result that is not finite; tensors that are not NumPy's are not looked at.

    Args:
        result: what was computed, (..., *).
        check: whether to look.
        what: how messages call it.
        batch: how many leading axes count points; None: all.

    Returns:
        The result.

    Raises:
        DomainError: some of it is not finite.
    """
    if not check or not isinstance(result, NUMPY):
        return result
    good = np.asarray(np.isfinite(result))
    if good.all():
        return result
    axes = good.ndim if batch is None else batch
    good = np.asarray(good.all(axis=tuple(range(axes, good.ndim))))
    wrong = np.argwhere(~good)
    point = tuple(int(i) for i in wrong[0])
    raise DomainError(
        f"the {what} is not finite at {len(wrong)} of {good.size} points, first at index "
        f"{point}: the metric is singular there, or its jet is not finite or overflows; "
        "check=False gives nan or infinity instead"
    )
