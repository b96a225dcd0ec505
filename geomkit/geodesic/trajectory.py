"""What comes out of an integration: frozen results with their own accuracy report."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import DomainError, MetricError
from geomkit.geodesic.numbers import numbers

__all__ = ["Ending", "Hit", "Invariant", "Trajectory", "column_of"]

Array = NDArray[np.float64]


class Ending(StrEnum):
    """Why a curve ends.

    `length`: all of it was integrated; `event`: a stopping event; `singular`: the equations are
    not regular beyond (a horizon in bad coordinates, a pole, a curvature singularity); `steps`: the
    limit on steps was reached.
    """

    LENGTH = "length"
    EVENT = "event"
    SINGULAR = "singular"
    STEPS = "steps"


@dataclass(frozen=True)
class Hit:
    """An event on a curve.

    Attributes:
        name: of the event.
        s: the curve parameter there.
        point: position there, (n,).
        velocity: velocity there, (n,).
    """

    name: str
    s: float
    point: Array
    velocity: Array


@dataclass(frozen=True)
class Invariant:
    """A quantity that ought to be constant along a curve, and how far it was.

    Attributes:
        name: its name: "energy", "p_phi" ...
        formula: what it is.
        proved: whether geomkit has proved that it is conserved.
        value: at the start.
        drift: largest |change|, relative to the size of the terms that make up the quantity, at the
            start or where it is measured, whichever is larger.
        scale: that size at the start: |value| where nothing cancels.
        ok: whether the drift is within the tolerance.
    """

    name: str
    formula: str
    proved: bool
    value: float
    drift: float
    scale: float
    ok: bool

    def __str__(self) -> str:
        remark = "" if self.ok else "  NOT CONSERVED"
        return f"{self.name} = {self.value:.10g}, drift {self.drift:.1e}{remark}"


@dataclass(frozen=True)
class Trajectory:
    """A geodesic x(s).

    Attributes:
        metric: name of the metric.
        coordinates: names of the coordinates.
        parameters: values of the parameters.
        s: curve parameter of the samples, (N,).
        points: positions, (N, n).
        velocities: dx/ds, (N, n).
        ending: why it ends.
        message: the same in words.
        hits: the events on it, in order.
        invariants: energy and other first integrals, by name, with their drift.
        character: "spacelike", "timelike" or "null"; "" where there are no light cones.
        steps: steps of the integrator.
        evaluations: evaluations of the right-hand side.
        steps_s: curve parameter after each step.
    """

    metric: str
    coordinates: tuple[str, ...]
    parameters: Mapping[str, float]
    s: Array
    points: Array
    velocities: Array
    ending: Ending
    message: str
    hits: tuple[Hit, ...]
    invariants: Mapping[str, Invariant]
    character: str
    steps: int
    evaluations: int
    steps_s: Array = field(repr=False)
    _dense: Callable[[Any], Array] = field(repr=False, compare=False)

    @property
    def complete(self) -> bool:
        """Whether it has the length that was asked for."""
        return self.ending is Ending.LENGTH

    @property
    def conserved(self) -> bool:
        """Whether every invariant stayed within its tolerance."""
        return all(one.ok for one in self.invariants.values())

    @property
    def end(self) -> Array:
        """The last point, (n,)."""
        end: Array = self.points[-1]
        return end

    @property
    def length(self) -> float:
        """The range of s that was covered."""
        return float(self.s[-1] - self.s[0])

    def __call__(self, s: Any) -> Array:
        """Return x(s) for numbers or arrays s on the curve: (..., n), from the dense output.

        Raises:
            DomainError: s lies outside of the curve.
        """
        return self.state(s)[..., : len(self.coordinates)]

    def velocity(self, s: Any) -> Array:
        """Return dx/ds at s, (..., n)."""
        return self.state(s)[..., len(self.coordinates) :]

    def state(self, s: Any) -> Array:
        """Return position and velocity at s in one row, (..., 2n).

        Args:
            s: numbers between the ends of the curve.

        Returns:
            The states.

        Raises:
            DomainError: s lies outside of the curve.
        """
        wanted = numbers(s, "s")
        low, high = sorted((float(self.s[0]), float(self.s[-1])))
        slack = 1e-12 * (high - low)
        if not ((wanted >= low - slack) & (wanted <= high + slack)).all():
            raise DomainError(
                f"s = {s} is not on this geodesic, which covers [{low:.10g}, {high:.10g}] "
                f"({self.message}); ask for a greater length"
            )
        rows: Array = self._dense(np.clip(wanted, low, high).ravel())
        return rows.reshape(*wanted.shape, -1)

    def smooth(self, count: int = 16) -> Trajectory:
        """Return the same curve with as many samples on each step: dense where it bends.

        Args:
            count: samples on each step of the integrator.

        Returns:
            The curve, for pictures.
        """
        steps = np.arange(len(self.steps_s))
        places = np.linspace(0, steps[-1], count * steps[-1] + 1)
        s = np.interp(places, steps, self.steps_s)
        points, velocities = np.split(self.state(s), 2, axis=1)
        return replace(self, s=s, points=points, velocities=velocities)

    def column(self, coordinate: str) -> Array:
        """Return one coordinate along the samples, (N,).

        Args:
            coordinate: its name.

        Returns:
            The column of `points`.
        """
        return column_of(self.points, self.coordinates, coordinate)

    def to_dict(self) -> dict[str, Any]:
        """Return lists, texts and numbers that JSON can hold."""
        return {
            "metric": self.metric,
            "coordinates": list(self.coordinates),
            "parameters": {k: v for k, v in self.parameters.items() if not callable(v)},
            "character": self.character,
            "ending": self.ending.value,
            "message": self.message,
            "steps": self.steps,
            "evaluations": self.evaluations,
            "invariants": {k: vars(one) for k, one in self.invariants.items()},
            "hits": [
                {"name": h.name, "s": h.s, "point": h.point.tolist(), "velocity": list(h.velocity)}
                for h in self.hits
            ],
            "s": self.s.tolist(),
            "points": self.points.tolist(),
            "velocities": self.velocities.tolist(),
        }

    def to_json(self) -> str:
        """Return `to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def to_csv(self) -> str:
        """Return the samples as comma-separated values: s, coordinates, velocities."""
        names = ["s", *self.coordinates, *(f"v_{name}" for name in self.coordinates)]
        rows = np.column_stack([self.s, self.points, self.velocities])
        lines = [",".join(format(float(x), ".17g") for x in row) for row in rows]
        return "\n".join([",".join(names), *lines]) + "\n"

    def __str__(self) -> str:
        def shown(point: Array) -> str:
            pairs = zip(self.coordinates, point, strict=True)
            return ", ".join(f"{name} = {x:.8g}" for name, x in pairs)

        kind = f"{self.character} geodesic" if self.character else "geodesic"
        lines = [
            f"{kind} of {self.metric}, s from {self.s[0]:g} to {self.s[-1]:.8g}",
            f"  from  {shown(self.points[0])}",
            f"  to    {shown(self.points[-1])}",
            f"  end   {self.message}",
        ]
        lines += [f"  event {h.name} at s = {h.s:.10g}: {shown(h.point)}" for h in self.hits]
        lines += [f"  {one}" for one in self.invariants.values()]
        lines.append(f"  {self.steps} steps, {self.evaluations} evaluations")
        return "\n".join(lines)


def column_of(points: Array, coordinates: tuple[str, ...], name: str) -> Array:
    """Return one coordinate of points (..., n).

    Args:
        points: the points.
        coordinates: names of the coordinates.
        name: the one that is wanted.

    Returns:
        The array (...,).

    Raises:
        MetricError: there is no such coordinate.
    """
    if name not in coordinates:
        raise MetricError(f"there is no coordinate {name!r}; there are {', '.join(coordinates)}")
    column: Array = points[..., coordinates.index(name)]
    return column
