"""Values that are not finite, though the arguments are."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .arguments import Call

if TYPE_CHECKING:
    from geomkit.metric import Metric

__all__ = ["warn_of_what_is_not_finite"]


def warn_of_what_is_not_finite(metric: Metric, call: Call, results: Sequence[NDArray[Any]]) -> None:
    """Warn of points that gave NaN or infinity, unless the arguments themselves are not finite.

    Args:
        metric: the metric.
        call: the arguments.
        results: the tensors.

    Warns:
        GeomkitWarning: naming the first of the points.
    """
    from geomkit.metric import GeomkitWarning

    bad = np.zeros(call.count, dtype=bool)
    for one in results:
        bad |= ~np.isfinite(one).reshape(call.count, -1).all(axis=1)
    for argument in (*call.vectors, *(s for s in call.scalars if np.ndim(s))):
        bad &= np.isfinite(argument).reshape(call.count, -1).all(axis=1)
    bad &= all(np.isfinite(s) for s in call.scalars if np.ndim(s) == 0)
    if not bad.any():
        return
    first = int(np.argmax(bad))
    names = (str(x) for x in metric.coordinates)
    where = ", ".join(f"{k}={v:.6g}" for k, v in zip(names, call.vectors[0][first], strict=True))
    warnings.warn(
        f"{int(bad.sum())} of {call.count} points gave a value that is not finite, the first at "
        f"{where}: outside of the domain of {metric.name!r}, or a coordinate singularity",
        GeomkitWarning,
        stacklevel=4,
    )
