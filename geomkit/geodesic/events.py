"""Events on a curve: where a function of position and velocity changes its sign."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import DomainError, MetricError
from geomkit.geodesic.expressions import Scalar

if TYPE_CHECKING:
    from geomkit.metric import Metric

__all__ = [
    "Event",
    "Watch",
    "boundary_events",
    "horizon_event",
    "read_events",
    "require_real",
    "watch",
]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Event:
    """Something to look out for: a function of position and velocity that passes through zero.

    It is looked at four times or more in each step of the integrator; what passes through zero and
    back between two looks is not seen, nor is anything where the function is no real number.

    Args:
        expression: text or SymPy expression in coordinates, parameters and velocities `v_r`, ...
        name: what it is called; the expression itself by default.
        stop: whether the curve ends there.
        direction: +1 counts only passing upwards, -1 only downwards, 0 both.

    Raises:
        DomainError: the direction is none of these.

    Example:
        >>> Event("r - 3*M", stop=False).name
        'r - 3*M'
    """

    expression: Any
    name: str = ""
    stop: bool = True
    direction: int = 0

    def __post_init__(self) -> None:
        if self.direction not in (-1, 0, 1):
            raise DomainError(
                f"direction = {self.direction!r} of an event: give 1, -1, or 0 for both"
            )
        if not self.name:
            object.__setattr__(self, "name", str(self.expression))


@dataclass(frozen=True)
class Watch:
    """An event with its function in numbers."""

    event: Event
    scalar: Scalar

    def __call__(self, states: Array) -> Array:
        """Return the function at states (..., 2n or more)."""
        n = len(self.scalar.coordinates)
        return self.scalar(states[..., :n], states[..., n : 2 * n])

    def crossed(self, before: Array, after: Array) -> NDArray[np.bool_]:
        """Whether the event lies between two values of the function; zero itself counts once."""
        up, down = (before < 0) & (after >= 0), (before > 0) & (after <= 0)
        if self.event.direction > 0:
            return up
        return down if self.event.direction < 0 else up | down


def read_events(given: Any) -> tuple[Event, ...]:
    """Return events from what a user writes.

    Args:
        given: an `Event`, an expression, a mapping name -> expression, or several of them.

    Returns:
        The events.
    """
    if given is None:
        return ()
    if isinstance(given, Event):
        return (given,)
    if isinstance(given, Mapping):
        return tuple(Event(expression, name=str(name)) for name, expression in given.items())
    if isinstance(given, Iterable) and not isinstance(given, str):
        return tuple(event for one in given for event in read_events(one))
    return (Event(given),)


def watch(
    metric: Metric, events: Sequence[Event], parameters: Mapping[str, float]
) -> tuple[Watch, ...]:
    """Return the functions of events.

    Args:
        metric: the metric.
        events: the events.
        parameters: values of the parameters.

    Returns:
        One for each event.

    Raises:
        MetricError: an event depends neither on the position nor on the velocity.
    """
    found = []
    for one in events:
        scalar = Scalar(metric, one.expression, parameters, where=f"event {one.name!r}")
        if not scalar.varies:
            raise MetricError(
                f"event {one.name!r} is the same everywhere; write an expression in coordinates "
                "and velocities that changes its sign"
            )
        found.append(Watch(one, scalar))
    return tuple(found)


def require_real(watches: Sequence[Watch], states: Array) -> None:
    """Refuse events that are no real number where the curves start, as they would never be seen.

    Args:
        watches: the events.
        states: the starts, (N, 2n).

    Raises:
        DomainError: naming the event.
    """
    for one in watches:
        with np.errstate(all="ignore"):
            lost = np.flatnonzero(np.isnan(one(states)))
        if len(lost):
            place = ", ".join(
                f"{x} = {value:.8g}"
                for x, value in zip(one.scalar.coordinates, states[lost[0]], strict=False)
            )
            raise DomainError(
                f"event {one.event.name!r} is no real number at {place}; write it as a function "
                "that is real along the curve"
            )


def boundary_events(metric: Metric) -> tuple[Event, ...]:
    """Return the ends of the boxes of the metric's domain as stopping events.

    Args:
        metric: the metric. Coordinates that its components do not depend on have no boundary.

    Returns:
        Two events for each other coordinate.
    """
    symbols = metric.matrix.free_symbols
    events = []
    for box in metric.domain.boxes:
        if box.symbol in symbols and box.symbol in metric.coordinates:
            for bound, direction in ((box.lower, -1), (box.upper, 1)):
                name = f"boundary {box.symbol} = {bound}"
                events.append(Event(box.symbol - bound, name, True, direction))
    return tuple(events)


def horizon_event(metric: Metric, coordinate: str = "r", margin: Any = 1e-6) -> Event:
    """Return the stopping event g^rr = margin, that is, a horizon r = const just ahead.

    The gradient of r is null on a horizon, so g^rr vanishes there, whatever the coordinates. In
    coordinates that break down on it (Boyer-Lindquist), the curve is stopped shortly before.

    Args:
        metric: the metric; g^rr is derived exactly.
        coordinate: the coordinate that is constant on the horizon.
        margin: the value of g^rr at which to stop; 0 for charts that are regular there.

    Returns:
        The event "horizon".

    Raises:
        MetricError: there is no such coordinate.
        DomainError: the margin is no number, or negative.

    Example:
        >>> import geomkit as gk
        >>> horizon_event(gk.catalog["schwarzschild"], margin=0).expression
        (-2*M + r)/r
    """
    import sympy

    from geomkit.chart import Chart

    names = [x.name for x in metric.coordinates]
    if coordinate not in names:
        raise MetricError(
            f"metric {metric.name!r} has no coordinate {coordinate!r}; name the one that is "
            f"constant on the horizon: {', '.join(names)}"
        )
    if not isinstance(margin, (int, float)) or not 0 <= margin < 1:
        raise DomainError(f"margin = {margin!r}: give a small number, 0 or positive")
    i = metric.index(coordinate)
    expression = Chart.of(metric).inverse[i][i].to_sympy() - sympy.Rational(str(margin))
    return Event(expression, "horizon")
