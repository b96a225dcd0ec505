"""Reading what users give: parameters, points, vectors; checked, with messages that name them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import DomainError, MetricError

if TYPE_CHECKING:
    from geomkit.metric import Metric

__all__ = ["parameters", "row", "rows", "several", "span"]

Array = NDArray[np.float64]


def parameters(metric: Metric, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value for each free parameter, and a callable for each unspecified function.

    Args:
        metric: the metric.
        given: name -> number, or callable.

    Returns:
        name -> float, or callable.

    Raises:
        MetricError: one is missing or unknown.
        DomainError: a value is no finite number.
    """
    free = [p.symbol.name for p in metric.parameters if p.value is None]
    derived = {p.symbol.name: p.value for p in metric.parameters if p.value is not None}
    functions = [f.name for f in metric.functions]
    for name in given:
        if name in derived:
            raise MetricError(
                f"{name} is no free parameter of {metric.name!r}: it is {derived[name]}"
            )
        if name not in (*free, *functions):
            known = ", ".join([*free, *functions]) or "none"
            raise MetricError(f"metric {metric.name!r} has no parameter {name!r}; it has {known}")
    missing = [name for name in (*free, *functions) if name not in given]
    if missing:
        shown = ", ".join(f"{name}=" for name in missing)
        how = " (a callable f(*arguments, orders))" if set(missing) & set(functions) else ""
        raise MetricError(f"values are missing for {shown} of metric {metric.name!r}{how}")
    return {name: _value(name, given[name], name in functions) for name in (*free, *functions)}


def _value(name: str, value: Any, function: bool) -> Any:
    if function:
        if not callable(value):
            raise DomainError(f"{name} is a function of the metric; give a callable, not {value!r}")
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise DomainError(f"parameter {name} = {value!r} is no finite number")
    return number


def row(given: Any, what: str, names: Sequence[str], unused: int | None = None) -> Array:
    """Return a point or vector.

    Args:
        given: n numbers.
        what: what it is, for messages.
        names: of the coordinates.
        unused: a component that may be anything, None included; it becomes 0.

    Returns:
        The array (n,).

    Raises:
        DomainError: it is none.
    """
    try:
        array = np.array(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise DomainError(f"{what} is no row of numbers: {given!r}") from None
    if unused is not None and array.shape == (len(names),):
        array[unused] = 0.0
    if array.shape != (len(names),) or not np.isfinite(array).all():
        raise DomainError(
            f"{what} = {array.tolist()} needs {len(names)} finite components, for "
            f"{', '.join(names)}"
        )
    return array


def rows(points: Any, velocities: Any, names: Sequence[str]) -> tuple[Array, Array]:
    """Return points and vectors (..., n), broadcast, as (N, n).

    Args:
        points: the points.
        velocities: the vectors.
        names: of the coordinates.

    Returns:
        Both arrays.

    Raises:
        DomainError: the shapes do not fit, or a number is not finite.
    """
    n = len(names)
    try:
        x, v = np.asarray(points, dtype=np.float64), np.asarray(velocities, dtype=np.float64)
        shape = np.broadcast_shapes(x.shape, v.shape)
    except (TypeError, ValueError):
        raise DomainError("points and velocities are no arrays of numbers that broadcast") from None
    if x.shape[-1:] != (n,) or v.shape[-1:] != (n,) or 0 in shape:
        raise DomainError(
            f"points {x.shape} and velocities {v.shape} do not fit; give (..., {n}) for "
            f"{', '.join(names)}"
        )
    if not (np.isfinite(x).all() and np.isfinite(v).all()):
        raise DomainError("points and velocities hold numbers that are not finite")
    return np.broadcast_to(x, shape).reshape(-1, n), np.broadcast_to(v, shape).reshape(-1, n)


def several(vectors: Any, names: Sequence[str]) -> Array:
    """Return one vector or several as (k, n).

    Args:
        vectors: (n,) or (k, n).
        names: of the coordinates.

    Returns:
        The array.

    Raises:
        DomainError: it has another shape, or a number is not finite.
    """
    n = len(names)
    array = np.array(vectors, dtype=np.float64, ndmin=2)
    if array.ndim != 2 or array.shape[1] != n or not len(array) or not np.isfinite(array).all():
        raise DomainError(
            f"vectors of shape {np.shape(vectors)} were given; finite ones of shape ({n},) or "
            f"(k, {n}) are needed, for {', '.join(names)}"
        )
    return array


def span(length: Any) -> float:
    """Return the range of s.

    Args:
        length: a number.

    Returns:
        The number.

    Raises:
        DomainError: it is zero or not finite.
    """
    number = float(length)
    if not math.isfinite(number) or number == 0:
        raise DomainError(f"length = {length}; give a finite number that is not zero")
    return number
