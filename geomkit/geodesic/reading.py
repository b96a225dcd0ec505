"""Reading what users give: parameters, points, vectors; checked, with messages that name them."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import DomainError, MetricError
from geomkit.geodesic.integrate import Settings
from geomkit.geodesic.numbers import numbers

if TYPE_CHECKING:
    from geomkit.metric import Metric

__all__ = ["model", "numbers", "parameters", "row", "rows", "samples", "several", "span", "spans"]

Array = NDArray[np.float64]
MOST = 10_000_000  # samples of one curve


def model(metric: Any, settings: Any, drift: Any) -> None:
    """Refuse what is no metric, no settings, no tolerance.

    Args:
        metric: a metric.
        settings: `Settings`, or None.
        drift: a positive number.

    Raises:
        MetricError: the metric is none.
        DomainError: the others are none.
    """
    from geomkit.metric import Metric

    if not isinstance(metric, Metric):
        raise MetricError(
            f"{metric!r} is no Metric; take one with gk.catalog[NAME], gk.load(FILE) or gk.Metric"
        )
    if settings is not None and not isinstance(settings, Settings):
        raise DomainError(f"settings = {settings!r}: give geomkit.geodesic.Settings(rtol=...)")
    if not isinstance(drift, (int, float)) or not drift > 0:
        raise DomainError(f"drift = {drift!r}: give a positive number")


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
    array = numbers(given, what)
    if unused is not None and array.shape == (len(names),):
        array[unused] = 0.0
    if array.shape != (len(names),) or not np.isfinite(array).all():
        shown = array.tolist() if array.size < 20 else f"an array of shape {array.shape}"
        raise DomainError(
            f"{what} = {shown} needs {len(names)} finite components, for {', '.join(names)}"
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
    x, v = numbers(points, "points"), numbers(velocities, "velocities")
    if x.shape[-1:] != (n,) or v.shape[-1:] != (n,):
        raise DomainError(
            f"points {x.shape} and velocities {v.shape} do not fit; give (..., {n}) for "
            f"{', '.join(names)}"
        )
    try:
        shape = np.broadcast_shapes(x.shape, v.shape)
    except ValueError:
        raise DomainError(
            f"points {x.shape} and velocities {v.shape} do not broadcast; give as many of each, or "
            "one of either"
        ) from None
    for array, what in ((x, "points"), (v, "velocities")):
        bad = np.argwhere(~np.isfinite(array).all(axis=-1))
        if len(bad):
            place = tuple(map(int, bad[0]))
            raise DomainError(
                f"{what}{list(place) if place else ''} = {array[place].tolist()} is not finite"
            )
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
    array = np.atleast_2d(numbers(vectors, "vectors"))
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
    array = numbers(length, "length")
    if array.shape or not np.isfinite(array) or array == 0:
        raise DomainError(f"length = {length}; give a finite number that is not zero")
    return float(array)


def spans(lengths: Any, count: int) -> Array:
    """Return the ranges of s of many curves.

    Args:
        lengths: one number, or one for each curve.
        count: the number of curves.

    Returns:
        The array (count,).

    Raises:
        DomainError: one is zero or not finite, or there are not as many as curves.
    """
    array = numbers(lengths, "length")
    if array.size not in (1, count):
        raise DomainError(
            f"{array.size} lengths were given for {count} curves; give one number, or as many"
        )
    if not np.isfinite(array).all() or not array.all():
        raise DomainError("a length is zero or not finite; give finite lengths that are not zero")
    return np.broadcast_to(array.ravel(), count).copy()


def samples(count: Any) -> int:
    """Return a number of samples.

    Args:
        count: the number.

    Returns:
        The number.

    Raises:
        DomainError: it is no whole number from 2 to `MOST`.
    """
    try:
        number = operator.index(count)
    except TypeError:
        number = 0
    if not 2 <= number <= MOST:
        raise DomainError(
            f"{count!r} samples were asked for; give a whole number, at least 2 and at most {MOST}"
        )
    return number
