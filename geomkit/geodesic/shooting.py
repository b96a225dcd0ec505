"""The logarithm by shooting with continuation, and the distance along what it finds.

To reach q from p, the target moves along a path of points from p to q, the straight one in the
coordinates first; at each point Newton's method corrects the vector, with d exp from Jacobi fields
as the derivative. Where that fails the steps become shorter, and then other paths are tried.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import DomainError, EvaluationError, MetricError
from geomkit.geodesic import causal, deviation
from geomkit.geodesic.connecting import Distance, Logarithm
from geomkit.geodesic.integrate import Settings, integrate
from geomkit.geodesic.trajectory import Ending

if TYPE_CHECKING:
    from geomkit.geodesic.model import Geodesics

__all__ = ["distance", "log"]

Array = NDArray[np.float64]
# A vector is accepted when its geodesic, integrated anew, ends this close to q: relative to the
# largest |q^i - p^i|, and to the rounding of the coordinates themselves.
CLOSE, ROUNDING = 1e-8, 1e-13
_NEWTON, _SHORTEST = 12, 1 / 256
# Limits of the effort: steps of one shot on the way and at the end, and evaluations of the
# right-hand side on each path.
_STEPS, _FINE_STEPS, _EFFORT = 60, 3000, 6_000
# How often a corrected vector may differ from the predicted one: a jump to another branch is more.
_JUMP = 0.5


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

    Raises:
        DomainError: the chart is not regular at the start, or an option is no usable number.
    """
    attempts, seed = _whole(attempts, "attempts", 1), _whole(seed, "seed", 0)
    if not _regular(geodesics, start):
        raise DomainError(
            f"the chart is not regular at the start, {geodesics._describe(start)}; take another "
            "chart, or a start close to it"
        )
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
        number = isinstance(period, (int, float)) and 0 < period < np.inf
        if name not in geodesics.coordinates or not number:
            raise MetricError(
                f"periods has {name!r}: {period!r}; give a positive number for one of "
                f"{', '.join(geodesics.coordinates)}"
            )
    for turns in product((0, -1, 1), repeat=len(periods)):
        shift = np.zeros(geodesics.n)
        for turn, (name, period) in zip(turns, periods.items(), strict=True):
            shift[geodesics.coordinates.index(name)] = turn * period
        yield shift


def _whole(given: Any, what: str, least: int) -> int:
    try:
        number = operator.index(given)
    except TypeError:
        number = least - 1
    if number < least:
        raise DomainError(f"{what} = {given!r}: give a whole number, at least {least}")
    return number


def _regular(geodesics: Geodesics, point: Array) -> bool:
    """Whether the metric and the equations are regular at a point."""
    n = geodesics.n
    with np.errstate(all="ignore"):
        try:
            g = geodesics.equations.matrix(point)
        except EvaluationError:
            return False
        slope = geodesics.equations.geodesic(0.0, np.concatenate([point, np.ones(n)]))
        return bool(np.isfinite(slope).all() and not causal.is_degenerate(g))


def _log(geodesics: Geodesics, start: Array, end: Array, attempts: int, seed: int) -> Logarithm:
    if np.array_equal(start, end):
        zero = np.zeros(geodesics.n)
        return Logarithm(start, end, True, zero, 0.0, "the points are the same", 0, 0)
    if not _regular(geodesics, end):
        message = (
            f"the chart is not regular at the end, {geodesics._describe(end)}: shooting cannot aim "
            "at such a point; take another chart, or an end close to it"
        )
        size = float(np.abs(end - start).max())
        return Logarithm(start, end, False, None, size, message, 0, 0)
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
            max_steps=min(given.max_steps, _FINE_STEPS),
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

        t = 0.0
        vector: Array = np.zeros(len(straight))
        slope: Any = straight + bend  # d vector/dt at the start, where d exp = 1
        step = self.first_step(slope)
        shortest, self.effort, self.trouble = step * _SHORTEST, 0, "no shot came near"
        while t < 1:
            after = min(1.0, t + step)
            guess = vector + (after - t) * slope
            found = self.newton(guess, target(after), self.coarse)
            if found is None or self._jumped(found[0], guess):
                step = 0.5 * (after - t)
                if step < shortest or self.effort > _EFFORT:
                    self.trouble += f"; the last path was followed over {100 * t:.2g} % of it"
                    return None
                continue
            vector, derivative = found
            t, step = after, 2 * step
            direction = straight + (1 - 2 * t) * bend
            slope = np.linalg.lstsq(derivative, direction, rcond=None)[0]
        polished = self.newton(vector, self.end, self.fine)
        return None if polished is None else polished[0]

    def first_step(self, vector: Array) -> float:
        """The part of a path over which a geodesic with this velocity does not bend much."""
        state = np.concatenate([self.start, vector])
        with np.errstate(all="ignore"):
            bending = self.geodesics.equations.geodesic(0.0, state)[self.geodesics.n :]
            part = 2 * np.abs(vector).max() / np.abs(bending).max()
        return float(min(1.0, part)) if part > 0 else 1.0

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
