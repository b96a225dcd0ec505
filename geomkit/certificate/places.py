"""Where a kernel is compared: random places of the domain, and places that are meant to hurt it.

A place gives a number of the kernel's own type to every input. The comparison takes these numbers
as exact, so that errors are errors of the kernel and not of its arguments.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil, floor
from typing import Any

import numpy as np
import sympy

from geomkit.domain import Box
from geomkit.errors import CertificateError
from geomkit.metric import Metric
from geomkit.program import Program, identifier

from .functions import Functions
from .trace import delicate, trace

__all__ = ["Place", "Places"]

# How near to the ends of a box, as parts of its width; the middle ones first.
_DISTANCES = (1e-6, 1e-3, 1e-9, 1e-12)
_NEAR_ROOTS = (0.0, 1e-8, -1e-4)
_POOL = 48  # places among which a change of sign is looked for
_ROOTS = 12
_BISECTIONS = 60


@dataclass(frozen=True)
class Place:
    """Values for all inputs of a kernel.

    Attributes:
        kind: "random" or "adversarial".
        note: what is special about it.
        values: numbers by name: the inputs, and derivatives of unspecified functions beyond them.
    """

    kind: str
    note: str
    values: Mapping[str, float]


class Places:
    """Draws places; the same ones for the same seed.

    Args:
        metric: the metric.
        program: the program of the kernel.
        dtype: number type of the kernel.
        seed: which sequence.
        fixed: values of inputs that are not to be varied, by name.

    Raises:
        CertificateError: a fixed value is no input of the kernel, or no finite number.
    """

    def __init__(
        self, metric: Metric, program: Program, dtype: str, seed: int, fixed: Mapping[str, float]
    ) -> None:
        self.program = program
        self.type = np.dtype(dtype).type
        self.symbols = {identifier(b.symbol.name): b.symbol for b in metric.domain.boxes}
        self.functions = Functions(metric, program, self.symbols)
        self.metric = self.functions.twin(metric)
        self._boxes: tuple[Box, ...] = metric.domain.boxes
        self._random = random.Random(f"geomkit certificate {seed}")
        self._vectors = [one.name for one in program.inputs if one.kind == "vector"]
        self._fixed = self._checked(fixed)

    def _checked(self, fixed: Mapping[str, float]) -> dict[str, float]:
        inputs = [one.name for one in self.program.inputs]
        result = {}
        for name, value in fixed.items():
            key = identifier(name)
            if key not in inputs:
                raise CertificateError(
                    f"arguments: this kernel has no input {name!r}; it has {', '.join(inputs)}"
                )
            try:
                with np.errstate(over="ignore"):
                    number = float(self.type(value))
            except (TypeError, ValueError, OverflowError):
                number = np.nan
            if not np.isfinite(number):
                raise CertificateError(f"arguments: {name} = {value!r} is not a finite number")
            result[key] = number
        return result

    # Drawing --------------------------------------------------------------------------------

    def draw(self, parts: Mapping[str, float] | None = None) -> dict[str, float] | None:
        """Draw a place.

        Args:
            parts: for some inputs the position in their box, from 0 to 1; negative: from above.

        Returns:
            Values by name; None where a box turns out empty.
        """
        parts = parts or {}
        values: dict[str, float] = {}
        exact: dict[sympy.Symbol, sympy.Rational] = {}
        for box in self._boxes:
            name = identifier(box.symbol.name)
            value = self._fixed.get(name)
            if value is None:
                value = self._in_box(box, exact, parts.get(name))
            if value is None:
                return None
            values[name] = value
            exact[box.symbol] = _rational(value)
        for name in self._vectors:
            drawn = self._random.uniform(-1, 1)
            values[name] = self._fixed.get(name, float(self.type(drawn)))
        for name, number in self.functions.values(exact, self._random.randrange(3)):
            values[name] = self._fixed.get(name, float(self.type(number)))
        return values

    def _in_box(
        self, box: Box, exact: Mapping[sympy.Symbol, sympy.Rational], part: float | None
    ) -> float | None:
        bounds = [_bound(b, exact) for b in (box.lower, box.upper)]
        lo, hi = bounds
        if lo is None or hi is None or lo > hi:
            return None
        if box.integer:
            first, last = ceil(lo), floor(hi)
            if first > last:
                return None
            if part is not None:
                return float(last if part < 0 else first)
            return float(self._random.randint(first, last))
        share = Fraction(self._random.random()) if part is None else Fraction(abs(part))
        target = hi - (hi - lo) * share if part is not None and part < 0 else lo + (hi - lo) * share
        return self._inside(float(self.type(float(target))), lo, hi)

    def _inside(self, value: float, lo: Fraction, hi: Fraction) -> float | None:
        if lo < value < hi:
            return value
        # rounding has led out of the box: the neighbouring number
        way = np.inf if value <= lo else -np.inf
        value = float(np.nextafter(self.type(value), self.type(way)))
        return value if lo < value < hi else None

    def contains(self, values: Mapping[str, float]) -> bool:
        """Tell whether a place lies in all boxes."""
        exact: dict[sympy.Symbol, sympy.Rational] = {}
        for box in self._boxes:
            name = identifier(box.symbol.name)
            lo, hi = _bound(box.lower, exact), _bound(box.upper, exact)
            inside = lo is not None and hi is not None and lo < values[name] < hi
            if not inside and name not in self._fixed:
                return False
            exact[box.symbol] = _rational(values[name])
        return True

    # Kinds of places ------------------------------------------------------------------------

    def random(self) -> Iterator[Place]:
        """Yield places drawn uniformly from the boxes, without end (but for empty boxes)."""
        while True:
            values = self.draw()
            if values is not None:
                yield Place("random", "random", values)

    def adversarial(self, used: Sequence[str]) -> Iterator[Place]:
        """Yield places near the ends of boxes, in corners, at zeros, whole numbers and roots.

        Args:
            used: the inputs that matter.
        """
        makers: list[Callable[[], Iterator[Place]]] = [
            lambda: self._edges(used, _DISTANCES[:1]),
            lambda: self._roots(_NEAR_ROOTS[:1]),
            lambda: self._corners(used),
            lambda: self._whole(used),
            lambda: self._edges(used, _DISTANCES[1:2]),
            lambda: self._roots(_NEAR_ROOTS[1:]),
            lambda: self._edges(used, _DISTANCES[2:]),
        ]
        for maker in makers:
            yield from maker()

    def _edges(self, used: Sequence[str], distances: Sequence[float]) -> Iterator[Place]:
        free = [name for name in used if name in self.symbols and name not in self._fixed]
        for distance in distances:
            for name in free:
                for part in (distance, -distance):
                    values = self.draw({name: part})
                    if values is not None:
                        end = "upper" if part < 0 else "lower"
                        note = f"{name} at {distance:g} of its box from the {end} end"
                        yield Place("adversarial", note, values)

    def _corners(self, used: Sequence[str]) -> Iterator[Place]:
        free = [name for name in used if name in self.symbols and name not in self._fixed]
        for _ in range(min(8, 2 ** len(free))):
            signs = [self._random.choice((1, -1)) for _ in free]
            values = self.draw(dict(zip(free, (1e-6 * s for s in signs), strict=True)))
            if values is not None:
                yield Place("adversarial", "in a corner of the boxes", values)

    def _whole(self, used: Sequence[str]) -> Iterator[Place]:
        """Zero, one and minus one, where formulas degenerate; and all that can be zero at once."""
        free = [name for name in used if name in self.symbols and name not in self._fixed]
        targets = [{name: number} for number in (0.0, 1.0, -1.0) for name in free]
        for target in [dict.fromkeys(free, 0.0), *targets]:
            values = self.draw()
            if values is None:
                continue
            changed = {**values}
            for name, number in target.items():
                attempt = {**changed, name: number}
                changed = attempt if self.contains(attempt) else changed
            if changed != values:
                note = ", ".join(f"{n} = {changed[n]:g}" for n in target if changed[n] != values[n])
                yield Place("adversarial", note, changed)

    def _roots(self, distances: Sequence[float]) -> Iterator[Place]:
        """Places where a denominator, a component or a sum changes its sign, and places nearby."""
        names, lines = self._lines
        for near in distances:
            for start, step, root in lines:
                row = start + (root + near) * step
                values = {n: float(self.type(x)) for n, x in zip(names, row, strict=True)}
                if self.contains(values):
                    note = f"{near:g} beside" if near else "at"
                    yield Place("adversarial", f"{note} a change of sign", values)

    @cached_property
    def _lines(self) -> tuple[list[str], list[tuple[Any, Any, float]]]:
        """Names of columns, and straight lines with the part at which a node changes its sign."""
        drawn = [self.draw() for _ in range(_POOL)]
        pool = [values for values in drawn if values is not None]
        if not pool:
            return [], []
        names = list(pool[0])
        table = np.array([[values[name] for name in names] for values in pool])
        nodes = trace(self.program, _columns(names, table))
        found = []
        for node in delicate(self.program):
            plus, minus = np.flatnonzero(nodes[node] > 0), np.flatnonzero(nodes[node] < 0)
            if len(plus) and len(minus):
                found.append((node, table[plus[0]], table[minus[-1]]))
        return names, self._bisected(names, found[:_ROOTS])

    def _bisected(
        self, names: Sequence[str], found: Sequence[tuple[int, Any, Any]]
    ) -> list[tuple[Any, Any, float]]:
        """Straight lines from a positive to a negative place, and where the sign changes."""
        if not found:
            return []
        start = np.array([row[1] for row in found])
        step = np.array([row[2] for row in found]) - start
        lo, hi = np.zeros(len(found)), np.ones(len(found))
        rows = np.arange(len(found))
        for _ in range(_BISECTIONS):
            middle = (lo + hi) / 2
            nodes = trace(self.program, _columns(names, start + middle[:, None] * step))
            positive = np.array([nodes[row[0]][k] > 0 for k, row in zip(rows, found, strict=True)])
            lo, hi = np.where(positive, middle, lo), np.where(positive, hi, middle)
        return list(zip(start, step, lo, strict=True))


def _columns(names: Sequence[str], table: Any) -> dict[str, Any]:
    return {name: table[:, k] for k, name in enumerate(names)}


def _rational(value: float) -> sympy.Rational:
    return sympy.Rational(*value.as_integer_ratio())


def _bound(bound: sympy.Expr, exact: Mapping[sympy.Symbol, sympy.Rational]) -> Fraction | None:
    """A bound at a place; None where it is not real."""
    value = bound.xreplace(dict(exact)) if bound.free_symbols else bound
    if not value.is_Rational:
        value = value.evalf(30)
        if not (value.is_Float and value.is_finite):
            return None
        value = sympy.Rational(value)
    return Fraction(int(value.p), int(value.q))
