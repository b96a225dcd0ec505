"""Where the mass of a density lies: quadrature must not step over a narrow or distant peak.

The logarithm of a density says more than the density, which may underflow to nothing at all nodes.
On each piece of the support it is climbed from the best of some places of all magnitudes; the
width of the peak is where it has fallen by `DROP`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

__all__ = ["Peak", "diverges", "find_peak"]

# Places of all magnitudes from which the climb starts, measured from the end of the piece or zero.
MAGNITUDES = tuple(m * 10.0**k for k in range(-6, 10) for m in (1.0, 3.0))
# The density falls to about exp(-DROP) of its maximum within the width.
DROP = 2.0
CLIMB_STEPS = 400
FAR = 1e12

LogDensity = Callable[[float], float]  # -inf where it cannot be evaluated


@dataclass(frozen=True)
class Peak:
    """The largest maximum that was found on a piece of the support.

    Attributes:
        place: where it is.
        height: log density there.
        width: distance at which it has fallen by `DROP`, on the wider side.
    """

    place: float
    height: float
    width: float


def find_peak(f: LogDensity, low: float, high: float) -> Peak | None:
    """Climb to a maximum of a log density.

    Args:
        f: the log density.
        low: lower end of the piece, or -inf.
        high: upper end of the piece, or inf.

    Returns:
        The peak, or None if the log density is nowhere finite.

    Example:
        >>> peak = find_peak(lambda x: -((x - 100.5) / 0.01) ** 2, -math.inf, math.inf)
        >>> round(peak.place, 4), 0.001 < peak.width < 0.1
        (100.5, True)
    """
    starts = sorted(set(_starts(low, high)))
    values = [f(x) for x in starts]
    best = max(range(len(starts)), key=values.__getitem__)
    if not math.isfinite(values[best]):
        return None
    place, height = starts[best], values[best]
    gaps = [abs(starts[i] - place) for i in (best - 1, best + 1) if 0 <= i < len(starts)]
    place, height = _climb(f, place, height, max(gaps) / 2, low, high)
    width = max(_drop(f, place, height, low, high, side) for side in (-1, 1))
    return Peak(place, height, width)


def _starts(low: float, high: float) -> Iterator[float]:
    if math.isfinite(low) and math.isfinite(high):
        yield from (low + (high - low) * k / 64 for k in range(1, 64))
    elif math.isfinite(low):
        yield from (low + m for m in MAGNITUDES)
    elif math.isfinite(high):
        yield from (high - m for m in MAGNITUDES)
    else:
        yield 0.0
        yield from (s * m for m in MAGNITUDES for s in (1, -1))


def _climb(
    f: LogDensity, x: float, height: float, step: float, low: float, high: float
) -> tuple[float, float]:
    """Steps that double while they lead upwards, and are halved when neither side does."""
    for _ in range(CLIMB_STEPS):
        if step <= 1e-9 * abs(x) or step < 1e-300 or abs(x) > FAR:
            break
        sides = [(f(y), y) for y in (x - step, x + step) if low < y < high]
        best = max(sides, default=(-math.inf, x))
        if best[0] > height:
            height, x = best
            step *= 2
        else:
            step /= 3
    return x, height


def _drop(f: LogDensity, place: float, height: float, low: float, high: float, side: int) -> float:
    """How far it is to where the log density has fallen by `DROP`, within a factor 2."""
    room = (high - place) if side > 0 else (place - low)
    step = 1e-12 * max(abs(place), 1e-3)
    while step < min(room, FAR) and f(place + side * step) > height - DROP:
        step *= 2
    return min(step, room)


def diverges(f: LogDensity, sign: int) -> bool:
    """Whether x p(x) does not fall off towards infinity, so that p has no integral.

    Args:
        f: the log density.
        sign: 1 for plus infinity, -1 for minus infinity.

    Returns:
        True if it is as large at 10^12 as at 10^8 and 10^10, or larger.
    """
    places = (1e8, 1e10, 1e12)
    masses = [f(sign * x) + math.log(x) for x in places]
    return all(math.isfinite(m) for m in masses) and masses[0] <= masses[1] <= masses[2]
