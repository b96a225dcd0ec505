"""Kernel against enclosures: the error of every component at every place."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import DomainError, EvaluationError
from geomkit.program import Index, Output

from .places import Place
from .reference import Enclosure, Reference

__all__ = ["Pair", "Site", "compare", "condition", "enclosed", "wrong_entries"]

Ball = Any
# A ball narrower than this, relative to its value, is as good as the exact value.
_TIGHT = 1e-20
# A ball around zero this narrow, relative to the largest component, is the value zero.
_ZERO = 1e-60
_BITS = (160, 320, 640, 1280)


@dataclass
class Pair:
    """A component at a place.

    Attributes:
        output: number of the output.
        index: the component.
        place: the place.
        value: what the kernel gives.
        exact: the enclosed value, rounded.
        error: |value - exact|.
        relative: error/|exact|; NaN where the exact value is zero, infinite where the kernel's
            value is not finite.
        ulp: the error in units of the last place of the exact value.
        conditioning: how much the exact value changes when each input moves by one unit of its
            last place, summed over the inputs; None where it was not computed.
    """

    output: int
    index: Index
    place: Place
    value: float
    exact: float
    error: float
    relative: float
    ulp: float
    conditioning: float | None = None

    @property
    def ratio(self) -> float:
        """The error in units of the conditioning."""
        if not self.error:
            return 0.0
        return self.error / self.conditioning if self.conditioning else math.inf


@dataclass
class Site:
    """A place with its enclosure and the pairs there.

    Attributes:
        place: the place.
        bits: the precision that was enough.
        at: the enclosure.
        pairs: a pair for each component whose value is not out of range.
        out_of_range: how many components are beyond the largest, or below the smallest normal
            number, so that no relative error is to be expected.
    """

    place: Place
    bits: int
    at: Enclosure
    pairs: list[Pair] = field(default_factory=list)
    out_of_range: int = 0


def enclosed(reference: Reference, place: Place) -> Site | None:
    """Enclose all components at a place, with as many bits as it takes.

    Args:
        reference: what is wanted.
        place: the place.

    Returns:
        The enclosure; None where the metric is singular, or no precision settles the values.
    """
    for bits in _BITS:
        try:
            at = reference.at(place.values, bits)
            settled = all(
                _settled(at, number, wanted.output)
                for number, wanted in enumerate(reference.wanted)
            )
        except (DomainError, EvaluationError):
            continue
        if settled:
            return Site(place, bits, at)
    return None


def _settled(at: Enclosure, number: int, output: Output) -> bool:
    balls = [at.entry(number, index) for index, _ in output.components]
    scale = max((float(abs(ball).mid()) for ball in balls), default=0.0)
    for ball in balls:
        radius = float(ball.rad())
        if radius > _TIGHT * float(abs(ball.mid())) and not radius < _ZERO * scale:
            return False
    return True


def compare(site: Site, number: int, output: Output, full: NDArray[Any]) -> None:
    """Add the pairs of one output to a site.

    Args:
        site: the place.
        number: of the output.
        output: the output.
        full: the kernel's tensor there.
    """
    limits = np.finfo(full.dtype)
    largest, smallest = float(limits.max), float(limits.tiny)
    with site.at.geometry.balls.working():
        for index, _ in output.components:
            ball = site.at.entry(number, index)
            value = float(full[index])
            exact = _rounded(ball)
            outside = abs(exact) > largest or 0 < abs(exact) < smallest
            if outside and (not math.isfinite(value) or abs(value) < 2 * smallest):
                site.out_of_range += 1
                continue
            spacing = float(np.spacing(np.asarray(abs(exact)).astype(full.dtype)))
            site.pairs.append(_pair(site, number, index, value, ball, exact, spacing))


def _pair(
    site: Site, number: int, index: Index, value: float, ball: Ball, exact: float, spacing: float
) -> Pair:
    if not math.isfinite(value):
        inf = math.inf
        return Pair(number, index, site.place, value, exact, inf, inf, inf)
    given = site.at.geometry.balls.number(Fraction(value))
    difference = abs(given - ball)
    error = _rounded(difference)
    if ball.contains(0):
        # as good as zero: there is nothing that an error could be relative to
        error = abs(value)
        return Pair(number, index, site.place, value, 0.0, error, math.nan, math.nan)
    relative = _rounded(difference / abs(ball))
    return Pair(number, index, site.place, value, exact, error, relative, error / spacing)


def _rounded(ball: Ball) -> float:
    try:
        return float(ball.mid())
    except OverflowError:
        return math.inf


def wrong_entries(site: Site, number: int, output: Output) -> Iterator[str]:
    """Yield what the program says wrongly of zeros and symmetric copies, as the balls prove.

    Args:
        site: the place.
        number: of the output.
        output: the output.

    Yields:
        One text for each wrong entry.
    """
    copies = {entry: (output.components[slot][0], sign) for entry, slot, sign in output.copies}
    entries = np.ndindex(output.shape) if output.shape else iter([()])
    components = {index for index, _ in output.components}
    for entry in entries:
        ball = site.at.entry(number, entry)
        name = output.name + (str(list(entry)) if entry else "")
        if entry in copies:
            original, sign = copies[entry]
            other = site.at.entry(number, original) * sign
            if not (ball - other).contains(0):
                yield f"{name} is said to be {'-' if sign < 0 else ''}{list(original)}, and is not"
        elif entry not in components and not ball.contains(0):
            yield f"{name} is said to be 0, and is {_rounded(ball):.6g}"


def condition(
    reference: Reference, site: Site, pairs: Sequence[Pair], used: Sequence[str], dtype: str
) -> None:
    """Find how much components change when each input moves by one unit of its last place.

    Args:
        reference: what is wanted.
        site: the place.
        pairs: pairs of this place; their `conditioning` is set.
        used: the inputs that matter.
        dtype: number type of the inputs.
    """
    for pair in pairs:
        pair.conditioning = 0.0
    bits = site.bits + 64
    base = reference.at(site.place.values, bits)
    kind = np.dtype(dtype).type
    for name in used:
        value = kind(site.place.values[name])
        for way in (math.inf, -math.inf):
            moved = {**site.place.values, name: float(np.nextafter(value, kind(way)))}
            if _add_changes(reference.at(moved, bits), base, pairs):
                break


def _add_changes(moved: Enclosure, base: Enclosure, pairs: Sequence[Pair]) -> bool:
    changes = []
    with base.geometry.balls.working():
        try:
            for pair in pairs:
                after = moved.entry(pair.output, pair.index)
                changes.append(_rounded(abs(after - base.entry(pair.output, pair.index))))
        except (DomainError, EvaluationError):
            return False
    for pair, change in zip(pairs, changes, strict=True):
        pair.conditioning = (pair.conditioning or 0.0) + change
    return True
