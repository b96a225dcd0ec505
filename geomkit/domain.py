"""Where a metric is meant: a box for every parameter and coordinate, and points inside.

The boxes are the assumptions. A symbol whose box is positive is a positive symbol, signs of roots
are decided on the boxes, and numerical checks draw their points from them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

import sympy

from geomkit.errors import DomainError, MetricError
from geomkit.intervals import Interval, enclose

__all__ = ["Box", "Domain", "Point", "outer_interval"]

Point = dict[sympy.Symbol, sympy.Rational]

# Prime, so that sample points are not accidentally special (integers, equal to one another).
_DENOMINATORS = (53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137)
# A box is cut into at least so many steps; the outermost 1/50 at each end is not used.
_STEPS, _MARGIN = 100, 50


@dataclass(frozen=True)
class Box:
    """The open interval `lower < symbol < upper`; closed, and of whole numbers, if `integer`.

    Args:
        symbol: the coordinate or parameter.
        lower: lower bound; may use symbols of earlier boxes.
        upper: upper bound; may use symbols of earlier boxes.
        integer: whether only whole numbers count.
    """

    symbol: sympy.Symbol
    lower: sympy.Expr
    upper: sympy.Expr
    integer: bool = False

    def __str__(self) -> str:
        kind = "integer " if self.integer else ""
        return f"{kind}{self.symbol} in [{self.lower}, {self.upper}]"


@dataclass(frozen=True)
class Domain:
    """Boxes of all free parameters and of all coordinates, each in terms of earlier ones.

    Args:
        boxes: parameters first, then coordinates.

    Raises:
        MetricError: if a box is empty, uses a symbol that has no earlier box, or is unbounded.

    Example:
        >>> from sympy import Integer, Rational, Symbol
        >>> M, r = Symbol("M", positive=True), Symbol("r", positive=True)
        >>> box = Domain((Box(M, Rational(1, 2), Integer(2)), Box(r, 3 * M, 10 * M)))
        >>> box.bounds(r)
        (3/2, 20)
        >>> box.is_positive(r)
        True
        >>> points = box.sample(2, seed=1)
        >>> all(3 * p[M] < p[r] < 10 * p[M] for p in points)
        True
    """

    boxes: tuple[Box, ...]
    _outer: dict[sympy.Symbol, Interval] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        for box in self.boxes:
            if box.symbol in self._outer:
                raise MetricError(f"{box.symbol} has two boxes in the domain; give one")
            self._outer[box.symbol] = outer_interval(box, self._outer)

    def bounds(self, symbol: sympy.Symbol) -> tuple[sympy.Rational, sympy.Rational]:
        """Return rationals (lo, hi) between which `symbol` lies, whatever the earlier ones are.

        Args:
            symbol: a symbol with a box.

        Returns:
            The outer bounds, by interval arithmetic over the earlier boxes.
        """
        lo, hi = self._interval(symbol)
        return _rational(lo), _rational(hi)

    def is_positive(self, symbol: sympy.Symbol) -> bool:
        """Whether the box proves `symbol > 0`.

        Args:
            symbol: a symbol with a box.

        Returns:
            True if proved; False means "not proved".
        """
        lo, _ = self._interval(symbol)
        return lo > 0 or (lo == 0 and not self._box(symbol).integer)

    def is_negative(self, symbol: sympy.Symbol) -> bool:
        """Whether the box proves `symbol < 0`.

        Args:
            symbol: a symbol with a box.

        Returns:
            True if proved; False means "not proved".
        """
        _, hi = self._interval(symbol)
        return hi < 0 or (hi == 0 and not self._box(symbol).integer)

    def sample(
        self,
        count: int,
        seed: int = 0,
        accept: Callable[[Point], bool] | None = None,
        attempts: int | None = None,
    ) -> list[Point]:
        """Draw rational points of the interior, the same ones for the same seed.

        Denominators are small (a prime below 140, times a power of two where a box is narrow), so
        that exact evaluation at a point stays cheap. The points of a smaller `count` come first.

        Args:
            count: how many points.
            seed: which sequence of points.
            accept: keeps a point if it returns True; for regular points, say.
            attempts: how many points to draw at most; 20 for each wanted one, and 100, if None.

        Returns:
            `count` points, or fewer if `accept` refuses too many.

        Raises:
            DomainError: if not a single point was found.
        """
        limit = 20 * count + 100 if attempts is None else attempts
        points: list[Point] = []
        if count > 0:
            for point in self.stream(seed, limit):
                if accept is None or accept(point):
                    points.append(point)
                    if len(points) == count:
                        break
        if count > 0 and not points:
            shown = ", ".join(map(str, self.boxes))
            raise DomainError(
                f"none of {limit} sample points of the domain ({shown}) can be used; "
                "check that the boxes are not empty and lie where the metric is regular"
            )
        return points

    def stream(self, seed: int = 0, attempts: int = 1000) -> Iterator[Point]:
        """Yield the points that `sample` draws, one at a time.

        Args:
            seed: which sequence of points.
            attempts: how many to draw; those for which a box turns out empty are left out.

        Yields:
            Rational points of the interior.
        """
        generator = random.Random(f"geomkit domain {seed}")
        for _ in range(attempts):
            point = self._draw(generator)
            if point is not None:
                yield point

    def _draw(self, generator: random.Random) -> Point | None:
        point: Point = {}
        for box in self.boxes:
            lo, hi = _inner(box.lower, point, up=True), _inner(box.upper, point, up=False)
            if lo is None or hi is None:
                return None
            value = _whole(lo, hi, generator) if box.integer else _fraction(lo, hi, generator)
            if value is None or (value == 0 and box.symbol.is_zero is False):
                return None
            point[box.symbol] = _rational(value)
        return point

    def _interval(self, symbol: sympy.Symbol) -> Interval:
        try:
            return self._outer[symbol]
        except KeyError:
            names = ", ".join(str(box.symbol) for box in self.boxes)
            raise DomainError(f"{symbol} has no box in this domain, only {names} have") from None

    def _box(self, symbol: sympy.Symbol) -> Box:
        return next(box for box in self.boxes if box.symbol == symbol)


def outer_interval(box: Box, earlier: Mapping[sympy.Symbol, Interval]) -> Interval:
    """Return rational bounds of a box, whatever values the earlier symbols have.

    Args:
        box: the box; its bounds may use the keys of `earlier`.
        earlier: outer bounds of earlier boxes.

    Returns:
        The pair (lo, hi).

    Raises:
        MetricError: if the box is certainly empty, unbounded, or uses a symbol without a box.
    """
    ends = []
    for name, bound in (("lower", box.lower), ("upper", box.upper)):
        foreign = bound.free_symbols - earlier.keys()
        if foreign:
            names = ", ".join(sorted(map(str, foreign)))
            raise MetricError(f"the {name} bound {bound} of {box.symbol} uses {names}, without box")
        if bound.is_infinite:
            raise MetricError(
                f"the {name} bound of {box.symbol} is infinite; give finite bounds: the box "
                "is where sample points are taken and signs are decided"
            )
        interval = enclose(bound, earlier)
        if interval is None:
            raise MetricError(
                f"the {name} bound {bound} of {box.symbol} is not finite on the earlier boxes, or "
                "not elementary; give finite bounds: the box is where points are sampled"
            )
        ends.append(interval)
    (lo, lo_max), (hi_min, hi) = ends
    if ceil(lo) > floor(hi) if box.integer else lo >= hi:
        reason = "the bounds are reversed" if lo_max > hi_min else "it has no interior"
        if box.integer and lo < hi:
            raise MetricError(
                f"the box [{box.lower}, {box.upper}] of {box.symbol} holds no whole number, and "
                f"{box.symbol} is declared as an integer; widen it"
            )
        raise MetricError(
            f"the box [{box.lower}, {box.upper}] of {box.symbol} is empty, {reason}: "
            "give [lower, upper] with lower < upper"
        )
    return lo, hi


def _inner(bound: sympy.Expr, point: Point, *, up: bool) -> Fraction | None:
    """The bound at a point: exact if rational, otherwise rounded into the box."""
    value = bound.xreplace(point) if bound.free_symbols else bound
    if value.is_Rational:
        return Fraction(int(value.p), int(value.q))
    number = value.evalf(30)
    if not (number.is_Float and number.is_finite):
        return None  # not real here: this point is outside
    scaled = number * 10**9
    return Fraction(int(sympy.floor(scaled)) + (2 if up else -1), 10**9)


def _fraction(lo: Fraction, hi: Fraction, generator: random.Random) -> Fraction | None:
    if lo >= hi:
        return None
    denominator = generator.choice(_DENOMINATORS)
    while (hi - lo) * denominator < _STEPS:
        denominator *= 2
    first, last = floor(lo * denominator) + 1, ceil(hi * denominator) - 1
    margin = (last - first) // _MARGIN
    return Fraction(generator.randint(first + margin, last - margin), denominator)


def _whole(lo: Fraction, hi: Fraction, generator: random.Random) -> Fraction | None:
    first, last = ceil(lo), floor(hi)
    return Fraction(generator.randint(first, last)) if first <= last else None


def _rational(value: Fraction) -> sympy.Rational:
    return sympy.Rational(value.numerator, value.denominator)
