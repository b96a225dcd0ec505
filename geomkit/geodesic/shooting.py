"""The logarithm by shooting with continuation, and the distance along what it finds.

To reach q from p, the target moves along a path of points from p to q, the straight one in the
coordinates first; at each point Newton's method corrects the vector, with d exp from Jacobi fields
as the derivative. Where that fails the steps become shorter, and then other paths are tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import DomainError, MetricError
from geomkit.geodesic import causal, deviation
from geomkit.geodesic.integrate import Settings, integrate
from geomkit.geodesic.trajectory import Ending

if TYPE_CHECKING:
    from geomkit.geodesic.model import Geodesics

__all__ = ["Distance", "Logarithm", "distance", "log"]

Array = NDArray[np.float64]
# A vector is accepted when its geodesic, integrated anew, ends this close to q: relative to the
# largest |q^i - p^i|, and to the rounding of the coordinates themselves.
CLOSE, ROUNDING = 1e-8, 1e-13
_NEWTON, _SHORTEST = 12, 1 / 256
# Limits of the effort: steps of one shot, and evaluations of the right-hand side altogether.
_STEPS, _EFFORT = 300, 25_000
# How often a corrected vector may differ from the predicted one: a jump to another branch is more.
_JUMP = 0.5


@dataclass(frozen=True)
class Logarithm:
    """What shooting from p to q has found.

    Attributes:
        start: p, (n,).
        end: q, (n,); an image of the q that was asked for if `periods` were given.
        converged: whether a vector was found and checked.
        vector: v with exp_p(v) = q, (n,); None if none was found.
        residual: largest |x^i(1) - q^i| of the geodesic, integrated anew with only its own
            equation; of the best attempt if none converged.
        message: what happened, in words.
        shots: geodesics integrated.
        attempts: paths tried.
    """

    start: Array
    end: Array
    converged: bool
    vector: Array | None
    residual: float
    message: str
    shots: int
    attempts: int

    def __str__(self) -> str:
        if self.vector is None:
            return f"no geodesic found: {self.message} (residual {self.residual:.2g})"
        return f"log = {self.vector.tolist()} (residual {self.residual:.2g}, {self.shots} shots)"


@dataclass(frozen=True)
class Distance:
    """The length of a geodesic between two points, or the interval.

    Attributes:
        value: sqrt|g(v, v)|; None if no geodesic was found.
        character: "spacelike", "timelike" (value is proper time) or "null"; "" where there are no
            light cones, and if nothing was found.
        shortest: False if the geodesic has a conjugate point before its end, so that shorter ones
            exist (for timelike ones: longer ones); None if nothing is known.
        message: what is known about the value.
        log: the logarithm it comes from.
    """

    value: float | None
    character: str
    shortest: bool | None
    message: str
    log: Logarithm

    @property
    def converged(self) -> bool:
        """Whether a geodesic was found."""
        return self.log.converged

    def __float__(self) -> float:
        if self.value is None:
            raise DomainError(f"there is no distance: {self.message}")
        return self.value

    def __str__(self) -> str:
        return self.message if self.value is None else f"{self.value:.12g} ({self.message})"


def log(
    geodesics: Geodesics,
    start: Array,
    end: Array,
    *,
    periods: Mapping[str, float] | None = None,
    attempts: int = 6,
    seed: int = 0,
) -> Logarithm:
    """Find v with exp_p(v) = q.

    Args:
        geodesics: the metric with its parameters.
        start: p, (n,).
        end: q, (n,).
        periods: coordinates that are angles, with their periods, {"phi": 2*pi}: the images of q one
            period to each side are tried as well, and the vector of least |g(v, v)| is returned.
        attempts: how many paths from p to q are tried, the straight one first.
        seed: of the random paths.

    Returns:
        The result.
    """
    geodesics.equations.matrix(start)
    images = [end + shift for shift in _shifts(geodesics, periods or {})]
    found = [_log(geodesics, start, image, attempts, seed) for image in images]
    good = [one for one in found if one.vector is not None]
    if not good:
        return min(found, key=lambda one: one.residual)
    g = geodesics.equations.matrix(start)
    return min(good, key=lambda one: abs(causal.square(g, np.asarray(one.vector))))


def distance(geodesics: Geodesics, start: Array, end: Array, **options: Any) -> Distance:
    """Return the length of the geodesic that `log` finds.

    Args:
        geodesics: the metric with its parameters.
        start: p, (n,).
        end: q, (n,).
        **options: as for `log`.

    Returns:
        The result.
    """
    found = log(geodesics, start, end, **options)
    if found.vector is None:
        return Distance(None, "", None, f"no geodesic was found: {found.message}", found)
    g = geodesics.equations.matrix(start)
    kind = causal.character(g, found.vector)
    if not found.vector.any():
        return Distance(0.0, "", True, "the points are the same", found)
    value = (
        0.0
        if causal.is_null(g, found.vector)
        else float(np.sqrt(abs(causal.square(g, found.vector))))
    )
    definite = bool((np.sign(np.linalg.eigvalsh(g)) == np.sign(g[0, 0])).all())
    conjugate = _first_conjugate(geodesics, start, found.vector)
    shortest, message = _knowledge(kind, definite, conjugate)
    return Distance(value, kind, shortest, message, found)


def _first_conjugate(geodesics: Geodesics, start: Array, vector: Array) -> float | None:
    state = np.concatenate([start, vector])
    points = deviation.conjugate_points(geodesics, state, 1.0)
    # one at the end itself is not before it
    return next((one.s for one in points if one.s < 1 - 1e-9), None)


def _knowledge(kind: str, definite: bool, conjugate: float | None) -> tuple[bool | None, str]:
    """Whether the geodesic is extremal, and a sentence about it."""
    if definite:
        if conjugate is not None:
            return False, (
                f"length of the geodesic found; not the distance: a conjugate point at s = "
                f"{conjugate:.6g} makes shorter curves possible"
            )
        return None, "geodesic distance along the found geodesic; a shorter one may exist"
    if kind == "timelike":
        if conjugate is not None:
            return False, (
                f"proper time along the found geodesic; a conjugate point at s = {conjugate:.6g} "
                "makes longer ones possible"
            )
        return None, "proper time along the found geodesic; a longer one may exist"
    if kind == "null":
        return None, "light connects the points: interval 0 along the found geodesic"
    return None, "interval along the found geodesic; it is no minimum of any length"


def _shifts(geodesics: Geodesics, periods: Mapping[str, float]) -> Iterator[Array]:
    """The shifts of q to its images, the trivial one first."""
    for name, period in periods.items():
        if name not in geodesics.coordinates or not np.isfinite(period) or period <= 0:
            raise MetricError(
                f"periods has {name!r}: {period!r}; give a positive number for one of "
                f"{', '.join(geodesics.coordinates)}"
            )
    for turns in product((0, -1, 1), repeat=len(periods)):
        shift = np.zeros(geodesics.n)
        for turn, (name, period) in zip(turns, periods.items(), strict=True):
            shift[geodesics.coordinates.index(name)] = turn * period
        yield shift


def _log(geodesics: Geodesics, start: Array, end: Array, attempts: int, seed: int) -> Logarithm:
    if np.array_equal(start, end):
        zero = np.zeros(geodesics.n)
        return Logarithm(start, end, True, zero, 0.0, "the points are the same", 0, 0)
    search = _Search(geodesics, start, end)
    random = np.random.default_rng(seed)
    size = float(np.abs(end - start).max())
    for attempt in range(attempts):
        bend = np.zeros(geodesics.n) if attempt == 0 else size * random.normal(size=geodesics.n)
        vector = search.follow(bend)
        if vector is not None:
            residual = search.check(vector)
            if residual <= search.tolerance:
                message = "converged"
                return Logarithm(
                    start, end, True, vector, residual, message, search.shots, attempt + 1
                )
    message = (
        f"shooting from ({geodesics._describe(start)}) to ({geodesics._describe(end)}) did not "
        f"converge on {attempts} paths: {search.trouble}. There may be no geodesic between the "
        "points in this chart; try another chart, points closer together, or more attempts="
    )
    return Logarithm(start, end, False, None, search.best, message, search.shots, attempts)


class _Search:
    """Shots from one point, counted."""

    def __init__(self, geodesics: Geodesics, start: Array, end: Array) -> None:
        self.geodesics, self.start, self.end = geodesics, start, end
        size = float(np.abs(end - start).max())
        rounding = ROUNDING * float(np.abs(np.concatenate([start, end])).max())
        self.tolerance = CLOSE * size + rounding
        # no finer than the coordinates themselves, whose differences may be tiny
        finest = max(1e-13 * size, 1e-3 * rounding, 1e-300)
        given = geodesics.settings
        self.fine = replace(
            given,
            rtol=max(1e-13, 0.01 * given.rtol),
            atol=min(given.atol, finest),
            max_steps=min(given.max_steps, 10 * _STEPS),
        )
        # on the way d exp and the target are needed to some digits only
        self.coarse = replace(self.fine, rtol=1e-7, atol=max(1e-9 * size, finest), max_steps=_STEPS)
        self.effort = 0
        self.near = 1e-4 * size + rounding  # close enough on the way
        self.shots, self.best, self.trouble = 0, float(size), "no shot came near"

    def follow(self, bend: Array) -> Array | None:
        """Follow the target from p to q along p + t (q - p) + t (1 - t) bend."""
        straight = self.end - self.start

        def target(t: float) -> Array:
            return self.start + t * straight + t * (1 - t) * bend

        t, step = 0.0, 1.0
        vector: Array = np.zeros(len(straight))
        slope: Any = straight + bend  # d vector/dt at the start, where d exp = 1
        while t < 1:
            after = min(1.0, t + step)
            guess = vector + (after - t) * slope
            found = self.newton(guess, target(after), self.coarse)
            if found is None or self._jumped(found[0], guess):
                step = 0.5 * (after - t)
                if step < _SHORTEST or self.effort > _EFFORT:
                    self.trouble += f"; the path was followed over {100 * t:.0f} % of it"
                    return None
                continue
            vector, derivative = found
            t, step = after, 2 * step
            direction = straight + (1 - 2 * t) * bend
            slope = np.linalg.lstsq(derivative, direction, rcond=None)[0]
        polished = self.newton(vector, self.end, self.fine)
        return None if polished is None else polished[0]

    def _jumped(self, vector: Array, guess: Array) -> bool:
        return bool(np.abs(vector - guess).max() > _JUMP * np.abs(guess).max())

    def newton(
        self, vector: Array, target: Array, settings: Settings
    ) -> tuple[Array, Array] | None:
        """Solve exp_p(v) = target by damped Newton steps; return v and d exp."""
        goal = 1e-2 * self.tolerance if settings is self.fine else self.near
        shot = self.shoot(vector, target, settings)
        for _ in range(_NEWTON):
            if shot is None:
                return None
            miss, derivative = shot
            size = float(np.abs(miss).max())
            if size <= goal:
                return vector, derivative
            change: Any = np.linalg.lstsq(derivative, miss, rcond=None)[0]
            better = self._damped(vector, change, target, settings, size)
            if better is None:
                # rounding may end the progress a little above the goal: `check` decides
                return (vector, derivative) if size <= self.tolerance else None
            vector, shot = better
        return None

    def _damped(
        self, vector: Array, change: Array, target: Array, settings: Settings, size: float
    ) -> tuple[Array, tuple[Array, Array]] | None:
        for damping in (1.0, 0.5, 0.25, 0.1):
            tried = vector - damping * change
            shot = self.shoot(tried, target, settings)
            if shot is not None and np.abs(shot[0]).max() < size:
                return tried, shot
        return None

    def shoot(self, vector: Array, target: Array, settings: Settings) -> tuple[Array, Array] | None:
        """Return exp_p(v) - target and d exp; None if the geodesic does not reach s = 1."""
        if self.effort > _EFFORT:
            self.trouble = f"{self.effort} evaluations of the equations were spent"
            return None
        self.shots += 1
        state = np.concatenate([self.start, vector])
        try:
            path, derivative = deviation.exp_derivative(self.geodesics, state, settings)
        except DomainError:
            return None
        self.effort += path.evaluations
        if path.ending is not Ending.LENGTH or not np.isfinite(derivative).all():
            self.trouble = f"a geodesic did not reach its end ({path.message})"
            return None
        reached = path.states[-1, : self.geodesics.n]
        self.best = min(self.best, float(np.abs(reached - self.end).max()))
        return reached - target, derivative

    def check(self, vector: Array) -> float:
        """The residual of the geodesic integrated by itself, without Jacobi fields."""
        path = integrate(
            self.geodesics.equations.geodesic,
            np.concatenate([self.start, vector]),
            (0.0, 1.0),
            self.fine,
            dense=False,
        )
        if path.ending is not Ending.LENGTH:
            return float("inf")
        return float(np.abs(path.states[-1, : self.geodesics.n] - self.end).max())
