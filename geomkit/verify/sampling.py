"""Regular points of a metric, at which claims are tested.

A sample is a rational point with a choice of concrete functions; its `view(bits)` evaluates
expressions, jets and the geometry with balls of that precision. Points on curves and pairs of
points have samplers of their own (`curve_sampling`, `pair_sampling`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import sympy

from geomkit.domain import Point
from geomkit.enclosure import regular_points
from geomkit.errors import DomainError, GeomkitError
from geomkit.expressions import to_text
from geomkit.metric import Metric

from .critical import Critical, Fold, Switch
from .view import FOLD_BITS, REGULAR_BITS, View, describe

if TYPE_CHECKING:
    from geomkit.metric import UnspecifiedFunction

__all__ = ["CANDIDATES", "MetricSampler", "PointSample"]

# So many points are drawn from the domain at most; regular ones among them are found on demand.
CANDIDATES = 400
# Among so many of them the signs of coordinates are spread.
SPREAD = 16


@dataclass
class PointSample:
    """A regular point of a metric.

    Attributes:
        metric: the metric.
        point: values of parameters and coordinates.
        example: number of the concrete functions in use.
    """

    metric: Metric
    point: Point
    example: int
    _views: dict[int, View] = field(default_factory=dict, repr=False)

    def view(self, bits: int) -> View:
        """The point with a working precision."""
        if bits not in self._views:
            self._views[bits] = View(self.metric, self.point, self.example, bits)
        return self._views[bits]

    def describe(self) -> dict[str, Any]:
        """Point, parameters and functions as strings."""
        return describe(self.metric, self.point, self.example)


class MetricSampler:
    """Regular points of a metric.

    Args:
        metric: the metric.
        seed: seed of the points.

    Raises:
        DomainError: (by its methods) the domain has no regular point.
    """

    def __init__(self, metric: Metric, seed: int) -> None:
        self.metric = metric
        self.seed = seed

    @cached_property
    def _candidates(self) -> Iterator[Point]:
        """Points of the domain, those with different signs of coordinates first."""
        stream = self.metric.domain.stream(self.seed, CANDIDATES)
        return chain(_spread(self.metric, list(islice(stream, SPREAD))), stream)

    @cached_property
    def _found(self) -> list[PointSample]:
        return []

    def pool(self, count: int) -> list[PointSample]:
        """The first `count` regular points, or fewer if there are no more."""
        while len(self._found) < count:
            point = next(self._candidates, None)
            if point is None:
                break
            sample = PointSample(self.metric, point, len(self._found))
            if sample.view(REGULAR_BITS).is_regular:
                self._found.append(sample)
        if not self._found:  # says in full what is wrong with the domain
            regular_points(self.metric, 1, seed=self.seed)
        return self._found[:count]

    def draw(self, count: int) -> Sequence[PointSample]:
        """The first samples: enough of them for every listed function and sign of a coordinate."""
        least = max((len(f.examples) for f in self.metric.functions), default=0)
        return self.pool(max(count, least, _patterns(self.metric)))

    @cached_property
    def _critical(self) -> Critical:
        def value(expression: sympy.Expr, point: Point) -> Any:
            return View(self.metric, point, 0, FOLD_BITS).value(expression)

        return Critical(self.metric.domain, value, self.seed)

    def folds(self, arguments: Sequence[Switch]) -> Sequence[Fold]:
        """Where expressions change their sign, with the first of the listed functions."""
        return self._critical.folds(arguments)

    def at(self, point: Point) -> PointSample | None:
        """The sample at a point of the domain, if it is regular."""
        sample = PointSample(self.metric, point, 0)
        return sample if sample.view(REGULAR_BITS).is_regular else None

    def corners(self) -> Sequence[PointSample]:
        """Regular points close to the edges of the domain."""
        samples = (self.at(point) for point in self._critical.corners)
        return [sample for sample in samples if sample is not None]

    def others(self) -> Sequence[PointSample]:
        """Samples with functions that are not in the list: perturbations of those that are."""
        metric = _perturbed(self.metric)
        if metric is None:
            return []
        try:
            points = regular_points(metric, 6, seed=self.seed + 1)
        except DomainError:
            return []
        return [PointSample(metric, point, k) for k, point in enumerate(points)]


def _straddling(metric: Metric) -> list[sympy.Symbol]:
    """Symbols whose boxes reach over zero: signs of roots may change there."""
    boxes = metric.domain.boxes
    bounds = [(box.symbol, *metric.domain.bounds(box.symbol)) for box in boxes]
    return [symbol for symbol, low, high in bounds if low < 0 < high]


def _patterns(metric: Metric) -> int:
    return int(2 ** min(len(_straddling(metric)), 2))


def _spread(metric: Metric, points: Sequence[Point]) -> list[Point]:
    """The points, reordered: signs of straddling symbols vary from one point to the next."""
    symbols = _straddling(metric)
    groups: dict[tuple[bool, ...], list[Point]] = {}
    for point in points:
        groups.setdefault(tuple(point[s] > 0 for s in symbols), []).append(point)
    spread: list[Point] = []
    queues = list(groups.values())
    while queues:
        spread += [queue.pop(0) for queue in queues]
        queues = [queue for queue in queues if queue]
    return spread


def _perturbed(metric: Metric) -> Metric | None:
    """The metric with other concrete functions.

    The listed ones may be special (a(t) = exp(t) hides a'' a = a'^2). Each is multiplied by a
    positive function close to 1, so that signs stay as the author of the file meant them.

    Returns:
        The metric, or None if no functions are listed.
    """
    listed = [function for function in metric.functions if function.examples]
    if not listed:
        return None
    content = metric.to_dict()
    content["functions"] = {
        str(f.function): [to_text(example * _wiggle(f)) for example in f.examples] or None
        for f in metric.functions
    }
    try:
        return Metric.from_dict(content)
    except GeomkitError:
        return None


def _wiggle(function: UnspecifiedFunction) -> sympy.Expr:
    """1 + a small polynomial in sines: bounded by 1/2 everywhere, all derivatives independent."""
    arguments = function.arguments
    phase = sum((x * (i + 2) for i, x in enumerate(arguments)), start=sympy.Rational(1, 3))
    cross = sympy.Mul(*arguments)
    return 1 + sympy.sin(phase) / 7 + sympy.cos(cross / 2 + phase / 3) / 5
