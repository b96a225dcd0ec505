"""Pairs of points with common parameters, at which claims about distances are tested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

import sympy

from geomkit.domain import Box, Domain, Point
from geomkit.evaluate import Balls
from geomkit.metric import Metric

from .critical import Critical, Fold, Switch
from .sampling import MetricSampler, PointSample
from .view import FOLD_BITS, REGULAR_BITS, Ball, Values, View, describe

__all__ = ["PairSample", "PairSampler", "PairView"]


@dataclass
class PairSample:
    """A point x and a second point x_0, with the same parameters."""

    sampler: PairSampler
    point: Point
    example: int
    origin: PairSample | None = None
    _views: dict[int, PairView] = field(default_factory=dict, repr=False)

    def view(self, bits: int) -> PairView:
        """The pair with a working precision."""
        if bits not in self._views:
            self._views[bits] = PairView(self.sampler, self.point, self.example, bits)
        return self._views[bits]

    def describe(self) -> dict[str, Any]:
        """Both points, parameters and functions."""
        shown = self if self.origin is None else self.origin
        text = describe(self.sampler.metric, shown.point, self.example)
        for symbol in self.sampler.second:
            text["point"][str(symbol)] = text["parameters"].pop(str(symbol))
        if self.origin is not None:
            text["limit"] = "x_0 + eps (x - x_0) for eps -> 0"
        return text

    def towards(self, step: sympy.Rational) -> PairSample:
        """The pair with x moved close to x_0: x_0 + step (x - x_0)."""
        point = dict(self.point)
        pairs = zip(self.sampler.metric.coordinates, self.sampler.second, strict=True)
        for x, x0 in pairs:
            point[x] = point[x0] + step * (point[x] - point[x0])
        return PairSample(self.sampler, point, self.example, self)

    def segment_length(self, steps: int, bits: int) -> Ball | None:
        """A ball that contains the length of the straight segment in coordinates.

        Args:
            steps: number of pieces, on each of which the metric is enclosed.
            bits: working precision.

        Returns:
            The length, or None if the metric is not proved to be positive along the segment.
        """
        number = Balls(bits).number
        pairs = list(zip(self.sampler.metric.coordinates, self.sampler.second, strict=True))
        start = [number(self.point[x0]) for _, x0 in pairs]
        step = [number(self.point[x] - self.point[x0]) for x, x0 in pairs]
        total = number(0)
        for piece in range(steps):
            ends = number(Fraction(piece, steps)), number(Fraction(piece + 1, steps))
            share = ends[0].union(ends[1])
            place = {x: a + share * b for (x, _), a, b in zip(pairs, start, step, strict=True)}
            view = View(self.sampler.metric, {**self.point, **place}, self.example, bits)
            square = _square(view.geometry.g, step)
            if not square > 0:
                return None
            total += square.sqrt()
        return total / steps


def _square(g: Sequence[Sequence[Ball]], v: Sequence[Ball]) -> Ball:
    n = len(v)
    return sum(g[i][j] * v[i] * v[j] for i in range(n) for j in range(n))


class PairView(View):
    """A metric at x, and functions of x and x_0."""

    def __init__(self, sampler: PairSampler, point: Point, example: int, bits: int) -> None:
        super().__init__(sampler.metric, point, example, bits)
        self._second = sampler.second

    def squared_gradient(self, distance: sympy.Expr) -> Ball:
        """g^ij d_i d d_j d at x."""
        jet, inverse = self.jet(distance, 1), self.geometry.ginv
        return _square(inverse, jet.first)

    def straight_length(self) -> Ball:
        """|x - x_0| in the metric at x_0."""
        pairs = list(zip(self.metric.coordinates, self._second, strict=True))
        there = {**self.values, **{x: self.values[x0] for x, x0 in pairs}}
        g = View(self.metric, there, self.example, self.bits).geometry.g
        v = [self.arithmetic.number(self.values[x] - self.values[x0]) for x, x0 in pairs]
        return _square(g, v).sqrt()


class PairSampler:
    """Pairs of regular points with common parameters.

    Args:
        metric: the metric.
        seed: seed of the points.
        second: symbols of the second point.
    """

    def __init__(self, metric: Metric, seed: int, second: Sequence[sympy.Symbol]) -> None:
        self.metric = metric
        self.second = second
        self.points = MetricSampler(metric, seed)
        self._pairs: list[PairSample] = []

    def _pair(self, first: PointSample, other: PointSample, number: int) -> PairSample:
        boxes = {box.symbol: box for box in self.metric.domain.boxes}
        # the second point must lie in the domain for the parameters of the first
        place = {s: v for s, v in first.point.items() if s not in self.metric.coordinates}
        for symbol in (box.symbol for box in self.metric.domain.boxes if box.symbol not in place):
            box = boxes[symbol]
            share = _share(box, other.point, other.point[symbol])
            low, high = _ends(box, place)
            place[symbol] = sympy.Rational(*_as_fraction(low + share * (high - low)))
        renamed = {x0: place[x] for x, x0 in zip(self.metric.coordinates, self.second, strict=True)}
        return PairSample(self, {**first.point, **renamed}, number)

    def draw(self, count: int) -> Sequence[PairSample]:
        """Points of the metric, each with a second point at the relative place of the next."""
        samples = self.points.pool(count + 1)
        following = [*samples[1:], samples[0]]
        pairs = list(zip(samples, following, strict=True))[:count]
        for number in range(len(self._pairs), len(pairs)):
            self._pairs.append(self._pair(*pairs[number], number))
        return self._pairs[:count]

    @cached_property
    def domain(self) -> Domain:
        """Boxes of parameters and of both points."""
        rename = dict(zip(self.metric.coordinates, self.second, strict=True))
        boxes = self.metric.domain.boxes
        copies = [
            Box(rename[b.symbol], b.lower.xreplace(rename), b.upper.xreplace(rename), b.integer)
            for b in boxes
            if b.symbol in rename
        ]
        return Domain((*boxes, *copies))

    @cached_property
    def _critical(self) -> Critical:
        def value(expression: sympy.Expr, point: Point) -> Any:
            return View(self.metric, point, 0, FOLD_BITS).value(expression)

        return Critical(self.domain, value, self.points.seed)

    def folds(self, arguments: Sequence[Switch]) -> Sequence[Fold]:
        """Where expressions change their sign, with the first of the listed functions."""
        return self._critical.folds(arguments)

    def at(self, point: Point) -> PairSample | None:
        """The pair of points with these coordinates, if the metric is regular at the first."""
        sample = PairSample(self, point, 0)
        return sample if sample.view(REGULAR_BITS).is_regular else None

    def corners(self) -> Sequence[PairSample]:
        """Pairs of regular points close to the edges of the domain."""
        samples = (self.at(point) for point in self._critical.corners)
        return [sample for sample in samples if sample is not None]

    def others(self) -> Sequence[PairSample]:
        """None: the listed functions are enough for distances."""
        return []


def _ends(box: Any, point: Values) -> tuple[Fraction, Fraction]:
    """Bounds of a box at a point, to twelve digits."""
    ends = [bound.xreplace(dict(point)).evalf(20) for bound in (box.lower, box.upper)]
    low, high = (Fraction(str(end)).limit_denominator(10**12) for end in ends)
    return low, high


def _share(box: Any, point: Values, value: sympy.Rational) -> Fraction:
    low, high = _ends(box, point)
    return ((Fraction(int(value.p), int(value.q)) - low) / (high - low)).limit_denominator(997)


def _as_fraction(value: Fraction) -> tuple[int, int]:
    return value.as_integer_ratio()
