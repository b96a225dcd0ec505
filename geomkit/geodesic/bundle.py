"""Many geodesics at once: the result, with its own accuracy report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geomkit.geodesic.batch import Paths
from geomkit.geodesic.invariants import drifts
from geomkit.geodesic.trajectory import Ending, column_of

if TYPE_CHECKING:
    from geomkit.geodesic.model import Geodesics

__all__ = ["Bundle", "Ray", "make_bundle"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Ray:
    """One geodesic of a bundle, without repetitions of its end.

    Attributes:
        coordinates: names of the coordinates.
        s: curve parameter, (K,).
        points: positions, (K, n).
        velocities: dx/ds, (K, n).
        ending: why it ends.
        message: the same in words.
    """

    coordinates: tuple[str, ...]
    s: Array
    points: Array
    velocities: Array
    ending: Ending
    message: str

    def column(self, coordinate: str) -> Array:
        """Return one coordinate along the samples, (K,)."""
        return column_of(self.points, self.coordinates, coordinate)


@dataclass(frozen=True)
class Bundle:
    """N geodesics with S samples each. Where one ends early, its end is repeated.

    Attributes:
        metric: name of the metric.
        coordinates: names of the coordinates.
        parameters: values of the parameters.
        s: curve parameter, (N, S).
        points: positions, (N, S, n).
        velocities: dx/ds, (N, S, n).
        endings: why each one ends.
        messages: the same in words.
        stopped_by: for each, the name of the event that ended it, or "".
        drifts: for each invariant (energy, Killing momenta ...) its change from the start to the
            end of each curve, (N,), relative to the size of the terms that make it up: the sum of
            |g_ij v^i v^j|/2 for the energy, which is 0 itself for light. At a horizon these terms
            grow without limit; the drift stays what it is elsewhere, the relative error of v.
        tolerance: drift above which an invariant counts as not conserved.
        steps: steps of each, (N,).
        evaluations: calls of the right-hand side, each for all curves under way.
    """

    metric: str
    coordinates: tuple[str, ...]
    parameters: Mapping[str, Any]
    s: Array
    points: Array
    velocities: Array
    endings: tuple[Ending, ...]
    messages: tuple[str, ...]
    stopped_by: tuple[str, ...]
    drifts: Mapping[str, Array]
    tolerance: float
    steps: NDArray[np.intp]
    evaluations: int

    @property
    def drift(self) -> Array:
        """The largest drift of an invariant of each curve, (N,)."""
        largest: Array = np.max(list(self.drifts.values()), axis=0)
        return largest

    @property
    def conserved(self) -> bool:
        """Whether every invariant of every curve kept its value within the tolerance."""
        return bool((self.drift <= self.tolerance).all())

    @property
    def count(self) -> int:
        """The number N of curves."""
        return len(self.endings)

    @property
    def complete(self) -> bool:
        """Whether all have the length that was asked for."""
        return all(one is Ending.LENGTH for one in self.endings)

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Ray]:
        return (self[k] for k in range(self.count))

    def __getitem__(self, number: int) -> Ray:
        s = self.s[number]
        # the end is the first sample that has its value of s
        size = int(np.argmax(s == s[-1])) + 1
        return Ray(
            self.coordinates,
            s[:size],
            self.points[number, :size],
            self.velocities[number, :size],
            self.endings[number],
            self.messages[number],
        )

    def cartesian(self, radius: str = "r", angle: str = "phi", polar: str = "theta") -> Array:
        """Return x = r sin(theta) cos(phi), y = r sin(theta) sin(phi) for plots, (N, S, 2).

        Args:
            radius: name of the radial coordinate.
            angle: name of the azimuth.
            polar: name of the polar angle; sin(theta) = 1 if there is none.

        Returns:
            The plane curves. MetricError if the metric has no such coordinates.
        """
        r, phi = (column_of(self.points, self.coordinates, name) for name in (radius, angle))
        if polar in self.coordinates:
            r = r * np.sin(self.points[..., self.coordinates.index(polar)])
        return np.stack([r * np.cos(phi), r * np.sin(phi)], axis=-1)

    def to_dict(self) -> dict[str, Any]:
        """Return lists, texts and numbers that JSON can hold."""
        return {
            "metric": self.metric,
            "coordinates": list(self.coordinates),
            "parameters": {k: v for k, v in self.parameters.items() if not callable(v)},
            "endings": [one.value for one in self.endings],
            "messages": list(self.messages),
            "drifts": {name: drift.tolist() for name, drift in self.drifts.items()},
            "s": self.s.tolist(),
            "points": self.points.tolist(),
            "velocities": self.velocities.tolist(),
        }

    def to_json(self) -> str:
        """Return `to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def __str__(self) -> str:
        pairs = zip(self.stopped_by, self.endings, strict=True)
        ends = [name or ending.value for name, ending in pairs]
        counts = ", ".join(f"{ends.count(end)} {end}" for end in dict.fromkeys(ends))
        worst = max(self.drifts, key=lambda name: float(self.drifts[name].max()))
        remark = "" if self.conserved else "  NOT CONSERVED"
        return (
            f"{self.count} geodesics of {self.metric}: {counts}; {int(self.steps.sum())} steps, "
            f"largest drift {self.drift.max():.1e}, of {worst}{remark}"
        )


def make_bundle(geodesics: Geodesics, paths: Paths, names: Sequence[str]) -> Bundle:
    """Return what `integrate_many` gave as a bundle.

    Args:
        geodesics: the metric with its parameters.
        paths: the paths.
        names: names of the events.

    Returns:
        The bundle.
    """
    n = geodesics.n
    points, velocities = paths.states[..., :n], paths.states[..., n:]
    stopped = tuple(names[k] if k >= 0 else "" for k in paths.events)
    messages = []
    for k, ending in enumerate(paths.endings):
        where = geodesics._describe(points[k, -1])
        messages.append(
            {
                Ending.LENGTH: "the whole length was integrated",
                Ending.EVENT: f"event {stopped[k]} at s = {paths.s[k, -1]:.10g}",
                Ending.SINGULAR: f"the equations are singular ahead of {where}, "
                f"s = {paths.s[k, -1]:.10g}; the chart ends there",
                Ending.STEPS: f"{paths.steps[k]} steps made at s = {paths.s[k, -1]:.10g}",
            }[ending]
        )
    return Bundle(
        metric=geodesics.metric.name,
        coordinates=geodesics.coordinates,
        parameters=geodesics.parameters,
        s=paths.s,
        points=points,
        velocities=velocities,
        endings=paths.endings,
        messages=tuple(messages),
        stopped_by=stopped,
        drifts=drifts(
            geodesics.conserved,
            geodesics.equations,
            (points[:, 0], velocities[:, 0]),
            (points[:, -1], velocities[:, -1]),
        ),
        tolerance=geodesics.drift,
        steps=paths.steps,
        evaluations=paths.evaluations,
    )
