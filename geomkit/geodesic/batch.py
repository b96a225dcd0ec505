"""Many curves at once: the Dormand-Prince method of order 8, each curve with steps of its own.

The coefficients are SciPy's (`scipy.integrate.DOP853`), and so are the error estimate and the
control of the step; here all curves that are still under way share each evaluation of the
right-hand side, which is one call of a kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import DOP853

from geomkit.geodesic.events import Watch
from geomkit.geodesic.integrate import SHORTEST, Settings
from geomkit.geodesic.trajectory import Ending

__all__ = ["Paths", "integrate_many"]

Array = NDArray[np.float64]
Slope = Callable[[Array], Array]

_STAGES, _EXPONENT = DOP853.n_stages, -1 / 8
_SAFETY, _SMALLEST, _LARGEST = 0.9, 0.2, 10.0
_BISECTIONS = 60
# Parts of a step whose ends are looked at for events.
_PARTS = 4
_CODES = (Ending.LENGTH, Ending.EVENT, Ending.SINGULAR, Ending.STEPS)


@dataclass(frozen=True)
class Paths:
    """Curves in the space of states, N of them with S samples each.

    Attributes:
        s: (N, S); where a curve ends early, its end is repeated.
        states: (N, S, m).
        endings: why each one ends.
        events: for each one, the number of the event that ended it, or -1.
        steps: accepted steps of each one, (N,).
        evaluations: calls of the right-hand side.
    """

    s: Array
    states: Array
    endings: tuple[Ending, ...]
    events: NDArray[np.intp]
    steps: NDArray[np.intp]
    evaluations: int


def integrate_many(
    slope: Slope,
    states: Array,
    lengths: Array,
    samples: int,
    settings: Settings,
    watches: Sequence[Watch] = (),
    *,
    by_steps: bool = False,
) -> Paths:
    """Integrate d state/ds = slope(state) for many states, from s = 0.

    Args:
        slope: the right-hand side, (K, m) -> (K, m).
        states: where to start, (N, m).
        lengths: last value of s for each, (N,); not zero.
        samples: number of samples of each curve, at least 2.
        settings: tolerances and limit on steps; the method is always DOP853.
        watches: events; all of them stop.
        by_steps: False for samples that are equidistant over the whole length. True for as many on
            each step of a curve, from its start to its own end: dense where it bends, because steps
            are short there. That needs a second pass, which repeats the first.

    Returns:
        The curves.
    """
    with np.errstate(all="ignore"):
        grid = lengths[:, None] * np.linspace(0, 1, 2 if by_steps else samples)
        grid[:, -1] = lengths
        walk = _Walk(slope, states, lengths, grid, settings, watches)
        walk.tracing = by_steps
        first = walk.run()
        if not by_steps:
            return first
        grid = walk.by_steps(samples)
        paths = _Walk(slope, states, lengths, grid, settings, watches).run()
    return replace(paths, evaluations=first.evaluations + paths.evaluations)


class _Walk:
    def __init__(
        self,
        slope: Slope,
        states: Array,
        lengths: Array,
        grid: Array,
        settings: Settings,
        watches: Sequence[Watch],
    ) -> None:
        self.slope, self.settings, self.watches = slope, settings, watches
        self.count, self.width = states.shape
        self.evaluations = 0
        self.y, self.f = states.copy(), self._slope(states)
        self.s, self.lengths = np.zeros(self.count), lengths
        self.grid = grid
        self.out = np.repeat(states[:, None, :], grid.shape[1], axis=1)
        self.out_s = np.zeros_like(self.grid)
        self.filled = np.ones(self.count, dtype=np.intp)
        self.codes = np.full(self.count, -1)
        self.events = np.full(self.count, -1, dtype=np.intp)
        self.steps = np.zeros(self.count, dtype=np.intp)
        self.rejected = np.zeros(self.count, dtype=bool)
        self.tracing = False
        self.trace: list[tuple[NDArray[np.intp], Array]] = []  # who made a step, to which s
        self.h = self._first_steps()
        self.first = self.h.copy()

    def _slope(self, states: Array) -> Array:
        self.evaluations += 1
        return self.slope(states)

    def _first_steps(self) -> Array:
        """Sizes of the first steps, as Hairer, Norsett and Wanner (1993), II.4, choose them."""
        sign = np.sign(self.lengths)
        scale = self.settings.atol + np.abs(self.y) * self.settings.rtol
        d0, d1 = _rms(self.y / scale), _rms(self.f / scale)
        h0 = np.where((d0 < 1e-5) | (d1 < 1e-5), 1e-6, 0.01 * d0 / d1)
        h0 = np.minimum(h0, np.abs(self.lengths))
        f1 = self._slope(self.y + (sign * h0)[:, None] * self.f)
        d2 = _rms((f1 - self.f) / scale) / h0
        largest = np.maximum(d1, d2)
        small = largest <= 1e-15
        h1 = np.where(small, np.maximum(1e-6, h0 * 1e-3), (0.01 / largest) ** (1 / 8))
        h1 = np.where(np.isfinite(h1), h1, h0)
        size: Array = np.minimum(np.minimum(100 * h0, h1), np.abs(self.lengths))
        return sign * size

    def run(self) -> Paths:
        self.codes[~np.isfinite(self.f).all(axis=1)] = _CODES.index(Ending.SINGULAR)
        while (self.codes < 0).any():
            self._step(np.flatnonzero(self.codes < 0))
        return Paths(
            self.out_s,
            self.out,
            tuple(_CODES[code] for code in self.codes),
            self.events,
            self.steps,
            self.evaluations,
        )

    def by_steps(self, samples: int) -> Array:
        """Values of s for each curve, equally many on each of its steps, (N, samples)."""
        who = np.concatenate([np.arange(self.count), *(one for one, _ in self.trace)])
        s = np.concatenate([np.zeros(self.count), *(values for _, values in self.trace)])
        order = np.argsort(who, kind="stable")  # each curve's steps stay in their order
        steps = np.split(s[order], np.cumsum(self.steps + 1)[:-1])
        places = np.linspace(0, 1, samples)
        return np.array([np.interp(places, np.linspace(0, 1, len(one)), one) for one in steps])

    def _step(self, active: NDArray[np.intp]) -> None:
        s0, y0, h = self.s[active], self.y[active], self.h[active]
        left = self.lengths[active] - s0
        last = np.abs(h) >= np.abs(left)
        h = np.where(last, left, h)
        stages, y1 = self._stages(y0, self.f[active], h)
        error = self._error(stages, y0, y1, h)
        accepted = error < 1
        factor = _SAFETY * np.where(error == 0, 1e-16, error) ** _EXPONENT
        growth = np.clip(factor, None, np.where(self.rejected[active], 1.0, _LARGEST))
        # a step that gave NaN is one that is much too large
        shrink = np.where(np.isfinite(error), np.maximum(factor, _SMALLEST), _SMALLEST)
        self.h[active] = h * np.where(accepted, growth, shrink)
        self.rejected[active] = ~accepted
        s1 = np.where(last, self.lengths[active], s0 + h)
        good = np.flatnonzero(accepted)
        if len(good):
            self._accept(active[good], s0[good], s1[good], stages[:, good], y0[good], y1[good])
            if self.tracing:
                self.trace.append((active[good], self.s[active[good]]))
        way = np.maximum(np.abs(self.s[active]), np.abs(self.first[active]))
        lost = ~last & (np.abs(self.h[active]) < SHORTEST * way)
        self._end(active[lost], Ending.SINGULAR)
        tired = self.steps[active] >= self.settings.max_steps
        self._end(active[tired & (self.codes[active] < 0)], Ending.STEPS)

    def _stages(self, y0: Array, f0: Array, h: Array) -> tuple[Array, Array]:
        """All stages, (16, K, m) with room for those of the dense output, and the new states."""
        stages = np.empty((_STAGES + 1 + len(DOP853.A_EXTRA), *y0.shape))
        stages[0] = f0
        for k in range(1, _STAGES):
            change = np.tensordot(DOP853.A[k, :k], stages[:k], axes=1)
            stages[k] = self._slope(y0 + h[:, None] * change)
        y1 = y0 + h[:, None] * np.tensordot(DOP853.B, stages[:_STAGES], axes=1)
        stages[_STAGES] = self._slope(y1)
        return stages, y1

    def _error(self, stages: Array, y0: Array, y1: Array, h: Array) -> Array:
        """The estimate of the error of a step in units of the tolerance, (K,)."""
        scale = self.settings.atol + np.maximum(np.abs(y0), np.abs(y1)) * self.settings.rtol
        used = stages[: _STAGES + 1]
        fifth = np.sum((np.tensordot(DOP853.E5, used, axes=1) / scale) ** 2, axis=1)
        third = np.sum((np.tensordot(DOP853.E3, used, axes=1) / scale) ** 2, axis=1)
        below = np.sqrt((fifth + 0.01 * third) * self.width)
        return np.where((fifth == 0) & (third == 0), 0.0, np.abs(h) * fifth / below)

    def _accept(
        self, who: NDArray[np.intp], s0: Array, s1: Array, stages: Array, y0: Array, y1: Array
    ) -> None:
        self.s[who], self.y[who], self.f[who] = s1, y1, stages[_STAGES]
        self.steps[who] += 1
        ahead = np.abs(self.grid[who, np.minimum(self.filled[who], self.grid.shape[1] - 1)])
        needed = (ahead < np.abs(s1)) | bool(self.watches)
        ends, events = s1.copy(), np.full(len(who), -1, dtype=np.intp)
        if needed.any():
            k = np.flatnonzero(needed)
            dense = self._dense(s0[k], s1[k], stages[:, k], y0[k], y1[k])
            ends[k], events[k] = self._events(dense)
            hit = k[events[k] >= 0]
            self.s[who[hit]], self.y[who[hit]] = ends[hit], dense.part(events[k] >= 0)(ends[hit])
            self.events[who[hit]] = events[hit]
            self._fill(dense, who[k], ends[k])
            self._end(who[hit], Ending.EVENT)
        self._close(who[events < 0], s1[events < 0], y1[events < 0])

    def _events(self, dense: _Dense) -> tuple[Array, NDArray[np.intp]]:
        """Where each step ends, at its first event or at its own end; number of the event or -1."""
        ends, found = dense.s1.copy(), np.full(len(dense.s0), -1, dtype=np.intp)
        for number, watch in enumerate(self.watches):
            for part in range(_PARTS):
                low, high = (dense.at((part + one) / _PARTS) for one in (0, 1))
                before, after = watch(dense(low)), watch(dense(high))
                k = np.flatnonzero(watch.crossed(before, after) & (np.abs(low) < np.abs(ends)))
                if len(k):
                    place = _bisected(watch, dense.part(k), low[k], high[k], before[k])
                    first = np.abs(place) < np.abs(ends[k])
                    ends[k[first]], found[k[first]] = place[first], number
        return ends, found

    def _dense(self, s0: Array, s1: Array, stages: Array, y0: Array, y1: Array) -> _Dense:
        h = (s1 - s0)[:, None]
        for k, a in enumerate(DOP853.A_EXTRA, start=_STAGES + 1):
            stages[k] = self._slope(y0 + h * np.tensordot(a[:k], stages[:k], axes=1))
        rise = y1 - y0
        f0, f1 = stages[0], stages[_STAGES]
        rows = [rise, h * f0 - rise, 2 * rise - h * (f0 + f1)]
        rows += list(h * np.tensordot(DOP853.D, stages, axes=1))
        return _Dense(s0, s1, y0, np.array(rows))

    def _fill(self, dense: _Dense, who: NDArray[np.intp], ends: Array) -> None:
        """Write the samples that lie before the ends of the steps."""
        size = self.grid.shape[1]
        while True:
            wanted = self.grid[who, np.minimum(self.filled[who], size - 1)]
            k = np.flatnonzero((self.filled[who] < size) & (np.abs(wanted) < np.abs(ends)))
            if not len(k):
                break
            place = who[k], self.filled[who[k]]
            self.out[place] = dense.part(k)(wanted[k])
            self.out_s[place] = wanted[k]
            self.filled[who[k]] += 1

    def _close(self, who: NDArray[np.intp], s1: Array, y1: Array) -> None:
        """Samples that lie exactly at the end of a step; curves that are done."""
        size = self.grid.shape[1]
        wanted = self.grid[who, np.minimum(self.filled[who], size - 1)]
        exact = (self.filled[who] < size) & (wanted == s1)
        place = who[exact], self.filled[who[exact]]
        self.out[place], self.out_s[place] = y1[exact], s1[exact]
        self.filled[who[exact]] += 1
        self._end(who[s1 == self.lengths[who]], Ending.LENGTH)

    def _end(self, who: NDArray[np.intp], ending: Ending) -> None:
        """Mark curves as ended, and repeat the end in the samples that are left."""
        self.codes[who] = _CODES.index(ending)
        for one in who:
            self.out[one, self.filled[one] :] = self.y[one]
            self.out_s[one, self.filled[one] :] = self.s[one]


@dataclass(frozen=True)
class _Dense:
    """Polynomials of degree 7 between the ends of steps."""

    s0: Array
    s1: Array
    y0: Array
    rows: Array

    def at(self, part: float) -> Array:
        """A fraction of the way through each step."""
        return self.s1 if part == 1 else self.s0 + part * (self.s1 - self.s0)

    def part(self, chosen: NDArray[Any]) -> _Dense:
        return _Dense(self.s0[chosen], self.s1[chosen], self.y0[chosen], self.rows[:, chosen])

    def __call__(self, s: Array) -> Array:
        x = ((s - self.s0) / (self.s1 - self.s0))[:, None]
        total = np.zeros_like(self.y0)
        for k, row in enumerate(self.rows[::-1]):
            total = (total + row) * (1 - x if k % 2 else x)
        return self.y0 + total


def _bisected(watch: Watch, dense: _Dense, low: Array, high: Array, before: Array) -> Array:
    """Where an event function that has the sign of `before` at `low` loses it."""
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        same = watch(dense(middle)) * before > 0
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return high


def _rms(rows: Array) -> Array:
    size: Array = np.sqrt(np.mean(rows**2, axis=-1))
    return size
