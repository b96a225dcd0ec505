"""Many geodesics at once, and bundles of light rays around a black hole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import DomainError
from geomkit.geodesic.batch import Paths
from geomkit.geodesic.events import Event
from geomkit.geodesic.trajectory import Ending, column_of

if TYPE_CHECKING:
    from geomkit.geodesic.model import Geodesics

__all__ = ["Bundle", "Ray", "light_rays", "make_bundle"]

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
        drift: change of the energy of each from start to end, (N,), relative to the larger sum of
            |g_ij v^i v^j|/2.
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
    drift: Array
    steps: NDArray[np.intp]
    evaluations: int

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
            "drift": self.drift.tolist(),
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
        return (
            f"{self.count} geodesics of {self.metric}: {counts}; {int(self.steps.sum())} steps, "
            f"largest drift of the energy {self.drift.max():.1e}"
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
        drift=_drift(geodesics, points, velocities),
        steps=paths.steps,
        evaluations=paths.evaluations,
    )


def _drift(geodesics: Geodesics, points: Array, velocities: Array) -> Array:
    """Change of the energy from the start to the end of each curve."""
    with np.errstate(all="ignore"):
        ends = []
        for k in (0, -1):
            (g,) = geodesics.equations.field("metric")(points[:, k])
            terms = 0.5 * np.einsum("ai,aij,aj->aij", velocities[:, k], g, velocities[:, k])
            ends.append(terms.reshape(len(terms), -1))
        size = np.maximum(*(np.abs(one).sum(axis=1) for one in ends))
        change = np.abs(ends[1].sum(axis=1) - ends[0].sum(axis=1))
        drift = np.where(size > 0, change / np.where(size > 0, size, 1.0), 0.0)
    return np.where(np.isfinite(drift), drift, 1e300)


def light_rays(
    geodesics: Geodesics,
    impact: Any,
    *,
    distance: float,
    escape: float | None = None,
    samples: int = 600,
    margin: float = 1e-3,
    names: tuple[str, str, str, str] = ("t", "r", "theta", "phi"),
) -> Bundle:
    """Return a parallel beam of light in the equatorial plane of a stationary black hole.

    Each ray has energy -p_t = 1 and angular momentum p_phi = b, exactly: its impact parameter. The
    beam comes from x = distance towards smaller x, at y = b.

    Args:
        geodesics: a stationary axisymmetric metric with its parameters: Schwarzschild, Kerr ...
        impact: impact parameters b, (N,); positive b moves with the rotation.
        distance: where the beam starts.
        escape: radius at which a ray has escaped; 1.5 times the start by default.
        samples: samples of each ray.
        margin: g^rr at which a ray counts as captured by the horizon.
        names: the coordinates of time, radius, polar angle, azimuth.

    Returns:
        The rays; `stopped_by` is "horizon" or "escape".

    Raises:
        DomainError: a ray of this impact parameter does not exist at the start.
    """
    b = np.atleast_1d(np.asarray(impact, dtype=np.float64))
    t, r, theta, phi = (geodesics.metric.index(name) for name in names)
    points = np.zeros((len(b), geodesics.n))
    points[:, r], points[:, theta] = np.hypot(distance, b), np.pi / 2
    points[:, phi] = np.arctan2(b, distance)
    (g,) = geodesics.equations.field("metric")(points)
    inverse = np.linalg.inv(g)
    momenta = np.zeros_like(points)
    momenta[:, t], momenta[:, phi] = -1.0, b
    rest = np.einsum("ai,aij,aj->a", momenta, inverse, momenta)
    if not (rest <= 0).all():
        raise DomainError(
            f"no ray of impact parameter {b[rest > 0][0]:g} passes distance {distance:g}; start "
            "farther out"
        )
    momenta[:, r] = -np.sqrt(-rest / inverse[:, r, r])
    velocities = np.einsum("aij,aj->ai", inverse, momenta)
    far = 1.5 * float(points[:, r].max()) if escape is None else float(escape)
    stops = [
        geodesics.horizon(names[1], margin),
        Event(geodesics.metric.coordinates[r] - _exact(far), "escape", direction=1),
    ]
    return geodesics.geodesics(points, velocities, 20 * far, events=stops, samples=samples)


def _exact(value: float) -> Any:
    import sympy

    return sympy.Rational(value)
