"""Points that random samples miss: close to the edges of the domain, and on both sides of folds.

A fold is where an expression changes its branch or ceases to be real: a zero of the argument of
Abs, sign, Max or Heaviside, of a radicand, of 1 - u^2 for asin(u) ... The arguments are evaluated
at random points and close to the corners of the box; where two signs differ, bisection on the
chord between the two points finds the fold.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product
from typing import Any

import sympy
from sympy.core.relational import Relational

from geomkit.domain import Domain, Point
from geomkit.errors import DomainError, EvaluationError

__all__ = ["Critical", "Fold", "Switch", "minors", "roots", "switches"]

# How far inside the box the points at its edges lie, as a share of its width. Not a round number,
# so that they are no zeros of x - 10^-6 and the like.
INSET = Fraction(1, 10**12 + 39)
# All corners of a box of so few symbols; of larger ones the two extreme ones, and the faces.
CORNER_SYMBOLS = 3
RANDOM_POINTS = 12
# Chords on which one fold is located, folds that are used in all, and bisections on a chord.
CHORDS, FOLDS, BISECTIONS = 2, 8, 44
# How far from the fold the nearer pair of samples lies, as a share of the chord.
NEAR = Fraction(1, 2**12)
# A fold that is touched only: the derivative changes its sign where 1 - u^2, say, is as small.
TOUCH = Fraction(1, 10**6)

# An expression whose sign changes are looked for, and what must be about zero there as well.
Switch = tuple[sympy.Expr, sympy.Expr | None]
Shares = tuple[Fraction, ...]
Value = Callable[[sympy.Expr, Point], Any]

_KINKED = (sympy.Abs, sympy.sign, sympy.Heaviside)


def switches(expressions: Iterable[sympy.Expr]) -> list[Switch]:
    """Expressions at whose sign changes the given ones may change branch or cease to be real.

    Args:
        expressions: what is examined.

    Returns:
        Pairs: the expression, and None, or what must be about zero at its sign change as well.

    Example:
        >>> x = sympy.Symbol("x", real=True)
        >>> switches([sympy.Abs(x - 1), sympy.exp(x)])
        [(x - 1, None)]
    """
    found: dict[Switch, None] = {}
    for expression in expressions:
        for node in sorted(_nodes(expression), key=sympy.default_sort_key):
            for pair in _switch(node):
                if pair[0].free_symbols and not _signed(pair[0]):
                    found[pair] = None
    return list(found)


def minors(matrix: Any) -> list[sympy.Expr]:
    """Expressions whose signs decide the signature of a metric that is nearly diagonal.

    Args:
        matrix: the metric.

    Returns:
        Diagonal entries that stand alone in their row, and 2 x 2 minors of the others.
    """
    n = matrix.shape[0]
    coupled = [(i, j) for i in range(n) for j in range(i + 1, n) if matrix[i, j] != 0]
    alone = sorted(set(range(n)) - {i for pair in coupled for i in pair})
    others = [matrix[i, i] * matrix[j, j] - matrix[i, j] ** 2 for i, j in coupled]
    return [*(matrix[i, i] for i in alone), *others]


def roots(expression: sympy.Expr) -> list[sympy.Expr]:
    """The expressions that must not be negative for an expression to be real."""
    nodes = _nodes(expression)
    radicands = [node.base for node in nodes if node.is_Pow and not node.exp.is_integer]
    return [base for base in radicands if base.free_symbols and not _signed(base)]


def _nodes(expression: sympy.Expr) -> set[Any]:
    kinds = (
        *_KINKED, sympy.Max, sympy.Min, sympy.Piecewise, sympy.Pow, sympy.log, sympy.asin,
        sympy.acos, sympy.acosh, sympy.atanh, sympy.atan, sympy.atan2,
    )  # fmt: skip
    nodes: set[Any] = expression.atoms(*kinds)
    return nodes


def _signed(expression: sympy.Expr) -> bool:
    return bool(expression.is_nonnegative or expression.is_nonpositive)


def _switch(node: Any) -> Iterator[Switch]:
    first = node.args[0]
    if isinstance(node, (*_KINKED, sympy.log, sympy.atan2)):
        yield first, None
    elif isinstance(node, (sympy.Max, sympy.Min)):
        yield from ((a - b, None) for a, b in combinations(node.args, 2))
    elif isinstance(node, sympy.Piecewise):
        conditions = [condition for _, condition in node.args]
        relations = {r for c in conditions if hasattr(c, "atoms") for r in c.atoms(Relational)}
        yield from ((r.lhs - r.rhs, None) for r in sorted(relations, key=sympy.default_sort_key))
    elif isinstance(node, sympy.Pow):
        if not node.exp.is_integer and not node.base.is_number:
            yield node.base, None
            yield from _slopes(node.base, node.base)
    elif isinstance(node, (sympy.asin, sympy.acos, sympy.atanh)):
        yield 1 - first**2, None
        yield from _slopes(first, 1 - first**2)
    elif isinstance(node, sympy.acosh):
        yield first - 1, None
    elif isinstance(node, sympy.atan):
        yield from ((pole, None) for pole in _poles(first))


def _slopes(argument: sympy.Expr, touching: sympy.Expr) -> Iterator[Switch]:
    if argument.has(sympy.Derivative, sympy.Abs, sympy.Piecewise, *_KINKED):
        return
    for symbol in sorted(argument.free_symbols, key=str):
        yield sympy.diff(argument, symbol), touching


def _poles(expression: sympy.Expr) -> Iterator[sympy.Expr]:
    """Expressions at whose zeros a quotient or tangent goes to infinity."""
    for node in expression.atoms(sympy.tan, sympy.cot, sympy.Pow):
        if isinstance(node, sympy.tan):
            yield sympy.cos(node.args[0])
        elif isinstance(node, sympy.cot):
            yield sympy.sin(node.args[0])
        elif node.exp.is_negative:
            yield node.base


@dataclass(frozen=True)
class Fold:
    """A sign change on a chord.

    Attributes:
        sides: two points very close to the fold, one on each side.
        samples: points farther from it, on both sides.
    """

    sides: tuple[Point, Point]
    samples: tuple[Point, ...]


class Critical:
    """Finds the critical points of a domain.

    Args:
        domain: the boxes.
        value: evaluates an expression at a point, as a ball.
        seed: seed of the chords.
    """

    def __init__(self, domain: Domain, value: Value, seed: int) -> None:
        self.domain = domain
        self.value = value
        self._random = random.Random(f"geomkit critical {seed}")
        corners = list(_corner_shares(len(domain.boxes), self._random))
        inner = [_random_shares(len(domain.boxes), self._random) for _ in range(RANDOM_POINTS)]
        self._corners = [(s, p) for s in corners if (p := _place(domain, s)) is not None]
        self._base = self._corners + [(s, p) for s in inner if (p := _place(domain, s))]

    @property
    def corners(self) -> list[Point]:
        """Points close to the corners and the faces of the box."""
        return [point for _, point in self._corners]

    def folds(self, arguments: Sequence[Switch]) -> list[Fold]:
        """Locate the sign changes of expressions.

        Args:
            arguments: as `switches` gives them.

        Returns:
            Some folds of each argument that changes its sign, in all at most `FOLDS`.
        """
        found: dict[Any, list[Fold]] = {}
        places = list(self._base)
        for _ in range(2):  # thin regions between two folds are reached from the first fold
            for argument, touching in arguments:
                if found.get((argument, touching)) or len(found) >= FOLDS:
                    continue
                for fold, shares in self._of(argument, touching, places):
                    found.setdefault((argument, touching), []).append(fold)
                    places += [(s, p) for s in shares if (p := _place(self.domain, s))]
            if not found:
                break
        return [fold for folds in found.values() for fold in folds]

    def _sign(self, argument: sympy.Expr, point: Point) -> int | None:
        try:
            ball = self.value(argument, point)
        except (DomainError, EvaluationError, ZeroDivisionError):
            return None
        return 1 if ball > 0 else -1 if ball < 0 else None

    def _of(
        self, argument: sympy.Expr, touching: sympy.Expr | None, places: Sequence[Any]
    ) -> Iterator[tuple[Fold, list[Shares]]]:
        """Sign changes of one argument on a few chords."""
        sides: dict[int, list[Shares]] = {1: [], -1: []}
        for shares, point in places:
            sign = self._sign(argument, point)
            if sign is not None:
                sides[sign].append(shares)
        chords = min(CHORDS, max(len(sides[1]), len(sides[-1])) if all(sides.values()) else 0)
        for number in range(chords):
            # from the ends of the lists: random points come last, corners first
            low = sides[-1][-1 - number % len(sides[-1])]
            high = sides[1][-1 - number % len(sides[1])]
            fold = self._bisect(argument, touching, low, high)
            if fold is not None:
                yield fold

    def _bisect(
        self, argument: sympy.Expr, touching: sympy.Expr | None, low: Shares, high: Shares
    ) -> tuple[Fold, list[Shares]] | None:
        def at(t: Fraction) -> Shares:
            return tuple(a + t * (b - a) for a, b in zip(low, high, strict=True))

        start, stop = Fraction(0), Fraction(1)
        for _ in range(BISECTIONS):
            middle = (start + stop) / 2
            point = _place(self.domain, at(middle))
            sign = None if point is None else self._sign(argument, point)
            if sign is None:  # it hit the zero, or a pole: an uneven cut avoids it
                middle = start + (stop - start) * Fraction(37, 97)
                point = _place(self.domain, at(middle))
                sign = None if point is None else self._sign(argument, point)
                if sign is None:
                    return None
            start, stop = (middle, stop) if sign < 0 else (start, middle)
        ends = [_place(self.domain, at(t)) for t in (start, stop)]
        if ends[0] is None or ends[1] is None or not self._touches(touching, ends[0]):
            return None
        far = [start / 2, (1 + stop) / 2]
        near = [start - min(NEAR, start / 4), stop + min(NEAR, (1 - stop) / 4)]
        # small denominators, but on the same side of the fold
        finest = int(2000 / max(min(start, 1 - stop), INSET))
        shares = [at(t.limit_denominator(finest)) for t in (*far, *near)]
        samples = [p for s in shares if (p := _place(self.domain, s)) is not None]
        samples += [p for s in (low, high) if (p := _place(self.domain, s)) is not None]
        return Fold((ends[0], ends[1]), tuple(samples)), shares

    def _touches(self, touching: sympy.Expr | None, point: Point) -> bool:
        if touching is None:
            return True
        try:
            return bool(abs(self.value(touching, point)) < float(TOUCH))
        except (DomainError, EvaluationError, ZeroDivisionError):
            return True


def _corner_shares(count: int, generator: random.Random) -> Iterator[Shares]:
    low, high = INSET, 1 - INSET
    corners = product((low, high), repeat=count) if count <= CORNER_SYMBOLS else ()
    yield from corners
    if count > CORNER_SYMBOLS:
        yield (low,) * count
        yield (high,) * count
    for index in range(count):
        for end in (low, high):
            shares = list(_random_shares(count, generator))
            shares[index] = end
            yield tuple(shares)


def _random_shares(count: int, generator: random.Random) -> Shares:
    return tuple(Fraction(generator.randint(1, 1008), 1009) for _ in range(count))


def _place(domain: Domain, shares: Shares) -> Point | None:
    """The point with these shares of the boxes; None if a box is empty there."""
    point: Point = {}
    for box, share in zip(domain.boxes, shares, strict=True):
        low, high = (_number(bound, point) for bound in (box.lower, box.upper))
        if low is None or high is None or low >= high:
            return None
        value = low + share * (high - low)
        if box.integer:
            value = Fraction(round(value))
            if not low <= value <= high:
                return None
        if value == 0 and box.symbol.is_zero is False:
            return None
        point[box.symbol] = sympy.Rational(value.numerator, value.denominator)
    return point


def _number(bound: sympy.Expr, point: Mapping[Any, Any]) -> Fraction | None:
    value = bound.xreplace(dict(point)) if bound.free_symbols else bound
    if value.is_Rational:
        return Fraction(int(value.p), int(value.q))
    number = value.evalf(40)
    if not (number.is_Float and number.is_finite):
        return None
    rounded = sympy.Rational(str(number))
    return Fraction(int(rounded.p), int(rounded.q))
