"""The verbs of `Geodesics` as functions of a metric, for a single call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geomkit.geodesic.model import Geodesics

if TYPE_CHECKING:
    from geomkit.geodesic.connecting import Distance, Logarithm
    from geomkit.geodesic.deviation import JacobiField
    from geomkit.geodesic.parallel import Transported
    from geomkit.geodesic.trajectory import Trajectory
    from geomkit.metric import Metric

__all__ = ["distance", "exp", "geodesic", "jacobi_field", "log", "transport"]

Array = NDArray[np.float64]


def geodesic(
    metric: Metric, point: Any, velocity: Any, length: float = 1.0, **parameters: Any
) -> Trajectory:
    """Return the geodesic x(s), 0 <= s <= length; see `Geodesics.geodesic`.

    Args:
        metric: the metric.
        point: where it starts, (n,).
        velocity: dx/ds there, (n,).
        length: range of the affine parameter.
        **parameters: what `Geodesics` takes.

    Returns:
        The curve.
    """
    return Geodesics(metric, **parameters).geodesic(point, velocity, length)


def exp(metric: Metric, point: Any, vector: Any, **parameters: Any) -> Array:
    """Return exp_p(v), (..., n); see `Geodesics.exp`.

    Args:
        metric: the metric.
        point: p, (..., n).
        vector: v, (..., n).
        **parameters: what `Geodesics` takes.

    Returns:
        The points.

    Example:
        >>> import geomkit as gk
        >>> exp(gk.catalog["flat_polar"], [1.0, 0.0], [0.0, 1.0], backend="interpret").round(9)
        array([1.41421356, 0.78539816])
    """
    return Geodesics(metric, **parameters).exp(point, vector)


def log(metric: Metric, start: Any, end: Any, **parameters: Any) -> Logarithm:
    """Return v with exp_p(v) = q, if one is found; see `Geodesics.log`.

    Args:
        metric: the metric.
        start: p, (n,).
        end: q, (n,).
        **parameters: what `Geodesics` takes.

    Returns:
        The result.
    """
    return Geodesics(metric, **parameters).log(start, end)


def distance(metric: Metric, start: Any, end: Any, **parameters: Any) -> Distance:
    """Return the length of the geodesic that `log` finds; see `Geodesics.distance`.

    Args:
        metric: the metric.
        start: p, (n,).
        end: q, (n,).
        **parameters: what `Geodesics` takes.

    Returns:
        The result.
    """
    return Geodesics(metric, **parameters).distance(start, end)


def transport(
    metric: Metric, curve: Any, vectors: Any, span: tuple[float, float], **parameters: Any
) -> Transported:
    """Carry vectors parallel along a given curve; see `Geodesics.transport_along`.

    Args:
        metric: the metric.
        curve: n expressions in s, or a callable s -> (point, velocity).
        vectors: what to carry, (n,) or (k, n).
        span: first and last value of s.
        **parameters: what `Geodesics` takes.

    Returns:
        The vectors along the curve.
    """
    return Geodesics(metric, **parameters).transport_along(curve, vectors, span)


def jacobi_field(
    metric: Metric,
    point: Any,
    velocity: Any,
    deviation: Any,
    rate: Any,
    length: float = 1.0,
    **parameters: Any,
) -> JacobiField:
    """Return the Jacobi field with given J(0) and DJ/ds(0); see `Geodesics.jacobi_field`.

    Args:
        metric: the metric.
        point: where the geodesic starts, (n,).
        velocity: dx/ds there, (n,).
        deviation: J(0), (n,) or (k, n).
        rate: DJ/ds(0), of the same shape.
        length: range of s.
        **parameters: what `Geodesics` takes.

    Returns:
        The fields.
    """
    geodesics = Geodesics(metric, **parameters)
    return geodesics.jacobi_field(point, velocity, deviation, rate, length)
