"""Many motions at once, by one adaptive Runge-Kutta method of order 8.

A right-hand side costs about the same for one state as for twenty, so that motions are followed
together, with common steps; one that cannot be followed ends alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import DOP853

__all__ = ["Motions", "follow_together"]

Array = NDArray[np.float64]

#: (x, v), (K, n) each -> x'', (K, n)
Acceleration = Callable[[Array, Array], Array]

# What moves so far has left any chart. A motion that runs away in finite time is stopped here,
# before its small steps hold up the others.
FAR = 1e8


@dataclass(frozen=True)
class Motions:
    """Positions and velocities along motions; nan after the end of one that could not be followed.

    Attributes:
        x: (K, T, n).
        v: (K, T, n).
        ended: when and why those ended that did not reach the last time, by their index.
    """

    x: Array
    v: Array
    ended: dict[int, str]


def follow_together(
    acceleration: Acceleration, x: Array, v: Array, times: Array, tolerance: float = 1e-9
) -> Motions:
    """Solve x'' = acceleration(x, x') from several initial states.

    Args:
        acceleration: of all states at once. Numbers that are not finite, a ValueError or a
            numpy.linalg.LinAlgError say that it is not defined somewhere.
        x: (K, n), at times[0].
        v: (K, n).
        times: (T,), increasing.
        tolerance: relative and absolute one, of each step of each motion.

    Returns:
        The motions.

    Example:
        >>> x, v = np.array([[1.0], [2.0]]), np.zeros((2, 1))
        >>> found = follow_together(lambda x, v: -x, x, v, np.array([0.0, np.pi]))
        >>> np.round(found.x[:, -1, 0], 7)
        array([-1., -2.])
    """
    count, n = x.shape
    held = np.full((count, len(times), 2, n), np.nan)
    state, now, done = np.stack([x, v], 1).astype(float), float(times[0]), 1
    held[:, 0] = state
    live, ended = np.arange(count), {}
    while len(live) and done < len(times):
        slopes = _Slopes(acceleration, n)
        lost = slopes.undefined(now, state)
        solver = None if lost.any() else _solver(slopes, now, state, times[-1], tolerance)
        why = "the acceleration is not defined there"
        while solver is not None and done < len(times) and not lost.any():
            solver.step()
            if solver.status == "failed":
                lost = slopes.culprits(now, state)
                break
            inside = times[done:][times[done:] <= solver.t]
            if len(inside):
                along = solver.dense_output()(inside).reshape(len(live), 2, n, -1)
                held[live, done : done + len(inside)] = along.transpose(0, 3, 1, 2)
                done += len(inside)
            now, state = float(solver.t), solver.y.reshape(-1, 2, n)
            lost, why = np.abs(state).max((1, 2)) > FAR, "it runs away"
        ended.update({int(k): f"at t = {now:.4g}: {why}" for k in live[lost]})
        live, state = live[~lost], state[~lost]
    return Motions(held[:, :, 0], held[:, :, 1], ended)


def _solver(slopes: _Slopes, now: float, state: Array, end: float, tolerance: float) -> DOP853:
    # SciPy takes the root mean square over all motions; none of them is to be worse for it
    own = max(tolerance / len(state) ** 0.5, 3e-14)
    return DOP853(slopes, now, state.reshape(-1), float(end), rtol=own, atol=own)


class _Slopes:
    """The right-hand side of all motions; nan where there is none, so that SciPy steps back."""

    def __init__(self, acceleration: Acceleration, n: int) -> None:
        self.acceleration, self.n = acceleration, n
        self.bad: NDArray[np.bool_] | None = None

    def __call__(self, time: float, flat: Array) -> Array:
        state = flat.reshape(-1, 2, self.n)
        bend = self._bend(state[:, 0], state[:, 1])
        bad: NDArray[np.bool_] = np.any(~np.isfinite(bend), axis=1)
        if bad.any():
            self.bad = bad
        return np.stack([state[:, 1], bend], 1).reshape(-1)

    def _bend(self, x: Array, v: Array) -> Array:
        try:
            return self.acceleration(x, v)
        except (ValueError, np.linalg.LinAlgError):
            if len(x) == 1:
                return np.full_like(x, np.nan)
        # one of many is at fault: each by itself
        return np.concatenate([self._bend(x[k : k + 1], v[k : k + 1]) for k in range(len(x))])

    def undefined(self, time: float, state: Array) -> NDArray[np.bool_]:
        """Which motions have no acceleration where they are, or are nowhere."""
        slope = self(time, state.reshape(-1)).reshape(state.shape)
        self.bad = None
        none: NDArray[np.bool_] = np.any(~np.isfinite(slope) | ~np.isfinite(state), axis=(1, 2))
        return none

    def culprits(self, time: float, state: Array) -> NDArray[np.bool_]:
        """Whose fault it is that steps became too small."""
        if self.bad is not None:
            return self.bad
        size = np.abs(self(time, state.reshape(-1))).reshape(len(state), -1).max(1)
        largest: NDArray[np.bool_] = size == size.max()
        return largest
