"""The exponential map, and many geodesics integrated together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import DomainError
from geomkit.geodesic import reading
from geomkit.geodesic.batch import integrate_many
from geomkit.geodesic.bundle import Bundle, make_bundle
from geomkit.geodesic.events import read_events, require_real, watch
from geomkit.geodesic.integrate import integrate
from geomkit.geodesic.trajectory import Ending

if TYPE_CHECKING:
    from geomkit.geodesic.model import Geodesics

__all__ = ["exp", "geodesics"]

Array = NDArray[np.float64]


def exp(model: Geodesics, point: Any, vector: Any) -> Array:
    """Return exp_p(v) for one vector or many.

    Args:
        model: the metric with its parameters.
        point: p, (..., n).
        vector: v, (..., n); leading dimensions broadcast with those of p.

    Returns:
        The points, (..., n).

    Raises:
        DomainError: a geodesic ends before s = 1.
    """
    point, vector = reading.numbers(point, "point"), reading.numbers(vector, "vector")
    if point.ndim == vector.ndim == 1:
        return _exp_of_one(model, point, vector)
    if not (point.size and vector.size):  # no points, no curves
        x, _ = reading.rows(point, vector, model.coordinates)
        return x.reshape(np.broadcast_shapes(point.shape, vector.shape))
    bundle = geodesics(model, point, vector, 1.0, samples=2)
    lost = [k for k, ending in enumerate(bundle.endings) if ending is not Ending.LENGTH]
    if lost:
        raise DomainError(
            f"exp is not defined for {len(lost)} of {bundle.count} vectors, the first of them "
            f"number {lost[0]}: {bundle.messages[lost[0]]}"
        )
    shape = np.broadcast_shapes(point.shape, vector.shape)
    return bundle.points[:, -1].reshape(shape)


def _exp_of_one(model: Geodesics, point: Any, vector: Any) -> Array:
    path = integrate(
        model.equations.geodesic,
        model._state(point, vector),
        (0.0, 1.0),
        model.settings,
        (),
        model._describe,
        dense=False,
    )
    if path.ending is not Ending.LENGTH:
        raise DomainError(f"exp is not defined: {path.message}")
    return path.states[-1, : model.n]


def geodesics(
    model: Geodesics,
    points: Any,
    velocities: Any,
    length: Any,
    *,
    events: Any = (),
    samples: int,
    by_steps: bool = False,
) -> Bundle:
    """Return many geodesics, integrated together; see `Geodesics.geodesics`.

    Args:
        model: the metric with its parameters.
        points: where they start, (..., n).
        velocities: dx/ds there, (..., n); leading dimensions broadcast.
        length: range of s, one number or one for each.
        events: what stops a curve.
        samples: how many samples of each.
        by_steps: whether they are spread over the steps of each curve.

    Returns:
        The bundle.

    Raises:
        DomainError: there is no curve, or what is given does not fit.
    """
    x, v = reading.rows(points, velocities, model.coordinates)
    if not len(x):
        raise DomainError(f"there is no curve to follow: points have shape {np.shape(points)}")
    lengths = reading.spans(length, len(x))
    states, wanted = np.concatenate([x, v], axis=1), read_events(events)
    watches = watch(model.metric, wanted, model.numbers)
    require_real(watches, states)
    paths = integrate_many(
        model.equations.geodesics,
        states,
        lengths,
        reading.samples(samples),
        model.settings,
        watches,
        by_steps=by_steps,
    )
    return make_bundle(model, paths, [one.name for one in wanted])
