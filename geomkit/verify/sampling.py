"""Points at which claims are tested, and the values of both sides there, without the exact field.

A `Sample` is a rational point with a choice of concrete functions; its `view(bits)` evaluates
expressions, jets and the geometry with balls of that precision. There are three kinds: points of
the metric, points on a curve, and pairs of points.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import sympy
from sympy.core.function import AppliedUndef

from geomkit.domain import Domain, Point
from geomkit.enclosure import PointGeometry, enclose, regular_points
from geomkit.errors import DomainError, EvaluationError, GeomkitError
from geomkit.evaluate import Balls, Evaluator, Jet, Jets, evaluate
from geomkit.expressions import to_text
from geomkit.metric import Metric
from geomkit.metric.functions import concretise

if TYPE_CHECKING:
    from geomkit.metric import UnspecifiedFunction

__all__ = [
    "CurveSampler",
    "Expansion",
    "MetricSampler",
    "PairSample",
    "PairSampler",
    "PointSample",
    "View",
]

Ball = Any
Values = Mapping[sympy.Symbol, Any]

# So many points are drawn from the domain at most; regular ones among them are found on demand.
CANDIDATES = 400
# Among so many of them the signs of coordinates are spread.
SPREAD = 16
# Precision at which a point is found to be regular; the first look at claims is made with it too.
REGULAR_BITS = 160


@dataclass(frozen=True)
class Expansion:
    """Value and partial derivatives of a function at a point.

    Attributes:
        jet: the truncated Taylor series, or a ball for a constant.
        variables: number of variables.
        zero: the ball 0.
    """

    jet: Any
    variables: int
    zero: Ball

    @property
    def value(self) -> Ball:
        """f."""
        return self.jet.value if isinstance(self.jet, Jet) else self.jet

    def slope(self, *variables: int) -> Ball:
        """A partial derivative."""
        return self.jet.derivative(*variables) if isinstance(self.jet, Jet) else self.zero

    @cached_property
    def first(self) -> list[Ball]:
        """d_i f."""
        return [self.slope(i) for i in range(self.variables)]

    @cached_property
    def second(self) -> list[list[Ball]]:
        """d_i d_j f."""
        return [[self.slope(i, j) for j in range(self.variables)] for i in range(self.variables)]


class View:
    """A metric at given values of its symbols, with a working precision.

    Args:
        metric: the metric.
        values: rationals or balls for all coordinates and parameters (and further symbols).
        example: number of the concrete functions in use.
        bits: working precision.
    """

    def __init__(self, metric: Metric, values: Values, example: int, bits: int) -> None:
        self.metric = metric
        self.values = values
        self.example = example
        self.bits = bits
        self.arithmetic = Balls(bits)
        self.zero = self.arithmetic.number(0)
        self.one = self.arithmetic.number(1)
        self._evaluator = Evaluator(values, self.arithmetic)
        self._known: dict[Any, Any] = {}

    @cached_property
    def geometry(self) -> PointGeometry:
        """Metric, connection and curvature at the point, each computed when first asked for."""
        return enclose(self.metric, self.values, order=0, bits=self.bits, k=self.example)

    @property
    def is_regular(self) -> bool:
        """Whether the metric is twice differentiable and det g is not zero, as proved by balls."""
        try:
            self.geometry.jets(2)
            return not self.geometry.determinant.contains(0)
        except (DomainError, EvaluationError):
            return False

    def value(self, expression: sympy.Expr) -> Ball:
        """An expression at the point."""
        return self._evaluator(_concrete(self.metric, expression, self.example))

    def jet(self, expression: sympy.Expr, order: int) -> Expansion:
        """An expression with its derivatives by the coordinates."""
        return self.expansion(expression, self.metric.coordinates, order)

    def expansion(
        self, expression: sympy.Expr, variables: Sequence[sympy.Symbol], order: int
    ) -> Expansion:
        """An expression with its derivatives by some symbols.

        Args:
            expression: the expression.
            variables: the symbols.
            order: order of the highest derivatives.

        Returns:
            Value and derivatives.
        """
        key = (expression, tuple(variables), order)
        if key not in self._known:
            concrete = _concrete(self.metric, expression, self.example)
            arithmetic = Jets(self.arithmetic, variables, order)
            jet = evaluate(concrete, self.values, arithmetic)
            self._known[key] = Expansion(jet, len(variables), self.zero)
        return self._known[key]

    def complex_value(self, expression: sympy.Expr) -> str | None:
        """The value as text where it is not real, by SymPy's own evaluation; None where it is."""
        concrete = _concrete(self.metric, expression, self.example)
        number = concrete.xreplace(dict(self.values)).evalf(30)
        if not number.is_number or number.has(sympy.zoo, sympy.nan, sympy.oo):
            return None
        real, imaginary = number.as_real_imag()
        # thirty digits are asked for: an imaginary part of rounding errors is far smaller
        if abs(imaginary) <= sympy.Rational(1, 10**15) * (1 + abs(real)):
            return None
        return str(number.evalf(15))


def _concrete(metric: Metric, expression: sympy.Expr, example: int) -> sympy.Expr:
    """The expression with concrete functions, derivatives carried out once for each."""
    if not metric.functions:
        return expression
    if expression.has(sympy.Subs):
        return concretise(expression, metric.functions, example)
    atoms = expression.atoms(AppliedUndef, sympy.Derivative)
    return expression.xreplace({a: _substituted(a, metric.functions, example) for a in atoms})


@lru_cache(maxsize=4096)
def _substituted(atom: Any, functions: Any, example: int) -> Any:
    return concretise(atom, functions, example)


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


def describe(metric: Metric, point: Values, example: int) -> dict[str, Any]:
    """A sample point for the report.

    Args:
        metric: the metric.
        point: values of all symbols.
        example: number of the concrete functions in use.

    Returns:
        "point", "parameters" and, if there are unspecified ones, "functions": strings by name.
    """
    coordinates = set(metric.coordinates)
    text = {
        "point": {str(x): str(point[x]) for x in metric.coordinates},
        "parameters": {str(s): str(v) for s, v in point.items() if s not in coordinates},
    }
    if metric.functions:
        text["functions"] = {
            str(f.function): to_text(f.example(example, salt))
            for salt, f in enumerate(metric.functions)
        }
    return text


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
    return 2 ** min(len(_straddling(metric)), 2)


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
    """The metric with other concrete functions; None if it has no listed ones.

    The listed ones may be special (a(t) = exp(t) hides a'' a = a'^2). Each is multiplied by a
    positive function close to 1, so that signs stay as the author of the file meant them.
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


# Curves -------------------------------------------------------------------------------------------


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


# Pairs of points ----------------------------------------------------------------------------------


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
        renamed = {
            x0: place[x] for x, x0 in zip(self.metric.coordinates, self.second, strict=True)
        }
        return PairSample(self, {**first.point, **renamed}, number)

    def draw(self, count: int) -> Sequence[PairSample]:
        """Points of the metric, each with a second point at the relative place of the next."""
        samples = self.points.pool(count + 1)
        following = [*samples[1:], samples[0]]
        pairs = list(zip(samples, following, strict=True))[:count]
        for number in range(len(self._pairs), len(pairs)):
            self._pairs.append(self._pair(*pairs[number], number))
        return self._pairs[:count]

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
