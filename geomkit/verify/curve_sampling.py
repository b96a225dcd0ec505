"""Points on a curve, at which claims about geodesics are tested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import sympy

from geomkit.domain import Domain, Point
from geomkit.errors import DomainError, EvaluationError
from geomkit.metric import Metric

from .critical import Critical, Fold, Switch
from .sampling import CANDIDATES
from .view import FOLD_BITS, REGULAR_BITS, Ball, View, describe

__all__ = ["CurveSample", "CurveSampler", "CurveView"]


@dataclass
class CurveSample:
    """A point on a curve: values of parameters, of the constants and of s."""

    sampler: CurveSampler
    point: Point
    example: int
    _views: dict[int, CurveView] = field(default_factory=dict, repr=False)

    def view(self, bits: int) -> CurveView:
        """The point with a working precision."""
        if bits not in self._views:
            self._views[bits] = CurveView(self.sampler, self.point, self.example, bits)
        return self._views[bits]

    @property
    def is_regular(self) -> bool:
        """Whether the curve is smooth there, and the metric regular."""
        try:
            view = self.view(REGULAR_BITS)
            with view.arithmetic.working():
                view.squared_speed()
                view.demanded_acceleration(0)
        except (DomainError, EvaluationError, ZeroDivisionError):
            return False
        return True

    def describe(self) -> dict[str, Any]:
        """The curve parameter and the constants, parameters and functions."""
        sampler = self.sampler
        text = describe(sampler.metric, self.point, self.example)
        used = {str(s) for component in sampler.components for s in component.free_symbols}
        constants = {name: v for name, v in text["point"].items() if name in used}
        name = str(sampler.parameter)
        text["point"] = {name: text["parameters"].pop(name), **constants}
        return text


class CurveSampler:
    """Points on a curve x^i(s); the coordinates inside the x^i stand for constants.

    Args:
        metric: the metric.
        seed: seed of the points.
        parameter: s.
        components: the functions x^i.
        domain: boxes of parameters, constants and s.
    """

    def __init__(
        self, metric: Metric, seed: int, parameter: sympy.Symbol,
        components: Sequence[sympy.Expr], domain: Domain,
    ) -> None:  # fmt: skip
        self.metric = metric
        self.seed = seed
        self.parameter = parameter
        self.components = components
        self.domain = domain

    @cached_property
    def _candidates(self) -> Iterator[Point]:
        return self.domain.stream(self.seed, CANDIDATES)

    @cached_property
    def _found(self) -> list[CurveSample]:
        return []

    def draw(self, count: int) -> Sequence[CurveSample]:
        """The first samples where curve and metric are regular."""
        while len(self._found) < count:
            point = next(self._candidates, None)
            if point is None:
                break
            sample = CurveSample(self, point, len(self._found))
            if sample.is_regular:
                self._found.append(sample)
        return self._found[:count]

    @cached_property
    def _critical(self) -> Critical:
        def value(expression: sympy.Expr, point: Point) -> Any:
            return View(self.metric, point, 0, FOLD_BITS).value(expression)

        return Critical(self.domain, value, self.seed)

    def folds(self, arguments: Sequence[Switch]) -> Sequence[Fold]:
        """Where expressions change their sign, with the first of the listed functions."""
        return self._critical.folds(arguments)

    def at(self, point: Point) -> CurveSample | None:
        """The sample at a point of the domain, if curve and metric are regular there."""
        sample = CurveSample(self, point, 0)
        return sample if sample.is_regular else None

    def corners(self) -> Sequence[CurveSample]:
        """Regular points close to the ends of the curve."""
        samples = (self.at(point) for point in self._critical.corners)
        return [sample for sample in samples if sample is not None]

    def others(self) -> Sequence[CurveSample]:
        """None: the listed functions are enough for curves."""
        return []


class CurveView(View):
    """Curve, velocity and connection at a point of a curve."""

    def __init__(self, sampler: CurveSampler, point: Point, example: int, bits: int) -> None:
        super().__init__(sampler.metric, point, example, bits)
        self._curve = [
            self.expansion(component, (sampler.parameter,), 2) for component in sampler.components
        ]
        place = [expansion.value for expansion in self._curve]
        there = {**point, **dict(zip(self.metric.coordinates, place, strict=True))}
        there.pop(sampler.parameter)
        self._there = View(self.metric, there, example, bits)

    def velocity(self, i: int) -> Ball:
        """x'^i."""
        return self._curve[i].slope(0)

    def acceleration(self, i: int) -> Ball:
        """x''^i."""
        return self._curve[i].slope(0, 0)

    def demanded_acceleration(self, i: int) -> Ball:
        """-Gamma^i_jk x'^j x'^k: what x''^i is on a geodesic."""
        gamma, n = self._there.geometry.gamma, self.metric.n
        total = self.zero
        for j in range(n):
            for k in range(n):
                total -= gamma[i][j][k] * self.velocity(j) * self.velocity(k)
        return total

    def wedge(self, i: int, j: int) -> Ball:
        """A^i x'^j - A^j x'^i for the covariant acceleration A."""
        a, b = (self.acceleration(m) - self.demanded_acceleration(m) for m in (i, j))
        return a * self.velocity(j) - b * self.velocity(i)

    def squared_speed(self) -> Ball:
        """g(x', x')."""
        g, n = self._there.geometry.g, self.metric.n
        total = self.zero
        for i in range(n):
            for j in range(n):
                total += g[i][j] * self.velocity(i) * self.velocity(j)
        return total
