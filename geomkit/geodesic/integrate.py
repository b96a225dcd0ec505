"""One curve: SciPy's integrators step by step, with events, dense output and a reason for its end.

Departures from `scipy.integrate.solve_ivp`: events are looked for inside of a step as well as at
its ends; where the equations break down the curve ends there, with a message; steps are limited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import DomainError
from geomkit.geodesic.events import Watch
from geomkit.geodesic.trajectory import Ending

__all__ = ["METHODS", "Crossing", "Path", "Settings", "integrate"]

Array = NDArray[np.float64]
METHODS = ("DOP853", "RK45", "RK23", "Radau", "BDF", "LSODA")
# A step shorter than this part of the way so far means that the equations are about to break down:
# the steps close in on a value of s at which something becomes infinite.
SHORTEST = 1e-11
# Inner points of a step at which events are looked at, so that two crossings are not overlooked.
_INNER = 4


@dataclass(frozen=True)
class Settings:
    """How to integrate.

    Attributes:
        rtol: relative tolerance of a step.
        atol: absolute tolerance of a step.
        method: one of `METHODS`.
        max_steps: limit on the number of steps.

    Raises:
        DomainError: a tolerance or the method is not usable.
    """

    rtol: float = 1e-10
    atol: float = 1e-12
    method: str = "DOP853"
    max_steps: int = 100_000

    def __post_init__(self) -> None:
        numbers = (self.rtol, self.atol, self.max_steps)
        if not all(isinstance(one, Real) for one in numbers) or not self.max_steps >= 1:
            raise DomainError(
                f"rtol = {self.rtol!r}, atol = {self.atol!r}, max_steps = {self.max_steps!r}: give "
                "numbers, and at least 1 step"
            )
        if not (1e-13 <= self.rtol < 1 and 0 < self.atol < np.inf):
            raise DomainError(
                f"rtol = {self.rtol}, atol = {self.atol} cannot be reached in double precision; "
                "give 1e-13 <= rtol < 1 and atol > 0"
            )
        if self.method not in METHODS:
            raise DomainError(f"unknown method {self.method!r}; there are {', '.join(METHODS)}")


@dataclass(frozen=True)
class Crossing:
    """Where an event function passes through zero."""

    watch: Watch
    s: float
    state: Array


@dataclass(frozen=True)
class Dense:
    """States between the steps: takes (K,), gives (K, m)."""

    solution: Any

    def __call__(self, s: Any) -> Array:
        """Return the states at values of s."""
        assert self.solution is not None, "this path was integrated without dense output"
        return np.ascontiguousarray(self.solution(s).T)


@dataclass(frozen=True)
class Path:
    """A curve in the space of states.

    Attributes:
        s: parameter after each step, the start included, (M,).
        states: the states there, (M, m).
        dense: state between steps; takes (K,), gives (K, m).
        ending: why it ends.
        message: the same in words.
        crossings: the events.
        evaluations: of the right-hand side.
    """

    s: Array
    states: Array
    dense: Callable[[Any], Array]
    ending: Ending
    message: str
    crossings: tuple[Crossing, ...]
    evaluations: int


def integrate(
    slope: Callable[[float, Array], Array],
    state: Array,
    span: tuple[float, float],
    settings: Settings,
    watches: Sequence[Watch] = (),
    describe: Callable[[Array], str] = str,
    *,
    dense: bool = True,
) -> Path:
    """Integrate d state/ds = slope(s, state).

    Args:
        slope: the right-hand side.
        state: where to start, (m,).
        span: first and last value of s; may go backwards.
        settings: tolerances, method, limit on steps.
        watches: events to look out for.
        describe: writes a state for messages.
        dense: whether states between steps will be asked for; they cost a quarter more. Events
            need them.

    Returns:
        The curve, as far as it goes.

    Raises:
        DomainError: the equations are not regular at the start.
    """
    from scipy import integrate as scipy_integrate

    with np.errstate(all="ignore"):
        first = slope(span[0], state)
        if not (np.isfinite(state).all() and np.isfinite(first).all()):
            raise DomainError(
                f"the equations are not regular at {describe(state)}; start from a regular point"
            )
        solver = getattr(scipy_integrate, settings.method)(
            slope, span[0], state, span[1], rtol=settings.rtol, atol=settings.atol
        )
        walk = _Walk(solver, settings, watches, describe, dense)
        return walk.run(scipy_integrate.OdeSolution)


class _Walk:
    """The loop over steps."""

    def __init__(
        self,
        solver: Any,
        settings: Settings,
        watches: Sequence[Watch],
        describe: Callable[[Array], str],
        dense: bool,
    ) -> None:
        self.wants_dense = dense
        self.solver, self.settings, self.watches, self.describe = (
            solver,
            settings,
            watches,
            describe,
        )
        self.s, self.states = [float(solver.t)], [solver.y.copy()]
        self.pieces: list[Any] = []
        self.crossings: list[Crossing] = []

    def run(self, solution: Callable[..., Any]) -> Path:
        ending, message = self._steps()
        if len(self.s) == 1:
            raise DomainError(
                f"no step could be made from {self.describe(self.states[0])}: {message}"
            )
        dense = solution(np.array(self.s), self.pieces) if self.pieces else None
        return Path(
            np.array(self.s),
            np.array(self.states),
            Dense(dense),
            ending,
            message,
            tuple(self.crossings),
            self.solver.nfev,
        )

    def _steps(self) -> tuple[Ending, str]:
        solver = self.solver
        while solver.status == "running":
            if len(self.s) > self.settings.max_steps:
                return Ending.STEPS, f"{self.settings.max_steps} steps made at s = {self.s[-1]:g}"
            solver.step()
            if self._broken():
                where = self.describe(self.states[-1])
                return Ending.SINGULAR, (
                    f"the equations are singular ahead of {where}: the steps became too small "
                    f"at s = {self.s[-1]:.10g}; the chart ends there"
                )
            if self.wants_dense:
                self.pieces.append(solver.dense_output())
            stop = self._look()
            if stop is not None:
                self._append(stop.s, stop.state)
                return Ending.EVENT, f"event {stop.watch.event.name} at s = {stop.s:.10g}"
            self._append(float(solver.t), solver.y.copy())
        return Ending.LENGTH, "the whole length was integrated"

    def _broken(self) -> bool:
        solver = self.solver
        if solver.status == "failed" or not np.isfinite(solver.y).all():
            return True
        step = abs(solver.t - self.s[-1])
        # the first step is a guess, and the last one is cut to the end of the range
        way = abs(self.s[-1] - self.s[0])
        return solver.status == "running" and len(self.s) > 1 and step < SHORTEST * way

    def _append(self, s: float, state: Array) -> None:
        self.s.append(s)
        self.states.append(state)

    def _look(self) -> Crossing | None:
        """Record the events of the last step; return the first that stops."""
        if not self.watches:
            return None
        found = sorted(self._found(), key=lambda one: abs(one.s - self.s[-1]))
        for one in found:
            self.crossings.append(one)
            if one.watch.event.stop and one.s != self.s[-1]:
                return one
        return None

    def _found(self) -> Iterator[Crossing]:
        piece = self.pieces[-1]
        grid = np.linspace(self.s[-1], float(self.solver.t), _INNER + 2)
        states = np.array([self.states[-1], *piece(grid[1:-1]).T, self.solver.y])
        for watch in self.watches:
            values = watch(states)
            for k in np.flatnonzero(watch.crossed(values[:-1], values[1:])):
                s = _root(watch, piece, float(grid[k]), float(grid[k + 1]))
                yield Crossing(watch, s, np.array(piece(s)))


def _root(watch: Watch, piece: Callable[[float], Array], low: float, high: float) -> float:
    """Where an event function vanishes on a step, to the last digit."""
    from scipy.optimize import brentq

    def function(s: float) -> float:
        return float(watch(piece(s)))

    f_low, f_high = function(low), function(high)
    if f_low * f_high > 0:  # the crossing is at an end, where dense output and step differ by 1 ulp
        return low if abs(f_low) < abs(f_high) else high
    return float(brentq(function, low, high, xtol=1e-300, rtol=8.9e-16))
