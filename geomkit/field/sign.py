"""Signs of polynomials on the domain: proved by interval arithmetic, or left open."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any

import sympy

from geomkit.errors import DomainError
from geomkit.evaluate import Balls, evaluate

from .ball import Evaluation
from .bernstein import bernstein_sign
from .fraction import Element
from .polynomial import Poly

if TYPE_CHECKING:
    from .tower import Field

__all__ = ["Signs"]

# Boxes that a proof of constant sign may examine; each costs some ten microseconds a term.
MAX_BOXES = 400
BITS = 64
# A box is a product of subintervals of [0, 1], one a symbol.
Box = dict[Any, tuple[float, float]]


class Signs:
    """Decides the signs of polynomials of a field on its domain.

    A sign counts as proved when it is constant on the interior of the box up to a set of measure
    zero; that is enough, since identities are continuous.
    """

    def __init__(self, field: Field) -> None:
        self._field = field
        self._known: list[tuple[Poly, int | None]] = []

    def of(self, poly: Poly) -> int | None:
        """Return +1 or -1 when the sign is proved on the domain, None otherwise."""
        field = self._field
        poly = field.lift(poly)
        self._known = [(field.lift(p), s) for p, s in self._known]
        for known, sign in self._known:
            if known == poly:
                return sign
        sign = self._decide(poly)
        self._known.append((poly, sign))
        return sign

    def assume(self, poly: Poly, sign: int) -> None:
        """Record a sign that follows from the expression being real on the domain."""
        self._known = [(p, s) for p, s in self._known if self._field.lift(p) != poly]
        self._known.append((poly, sign))

    def _decide(self, poly: Poly) -> int | None:
        terms = self._field.ring.terms(poly)
        if all(not any(m) for m, _ in terms):
            return 1 if terms[0][1] > 0 else -1
        by_terms = self._by_terms(terms)
        if by_terms is not None:
            return by_terms
        by_bernstein = self._by_bernstein(poly)
        return self._by_boxes(poly) if by_bernstein is None else by_bernstein

    def _by_bernstein(self, poly: Poly) -> int | None:
        """Decide for polynomials in the symbols themselves, also where they vanish on a face."""
        field = self._field
        used = [n for n, d in zip(field.ring.names, field.ring.degrees(poly), strict=True) if d]
        kinds = {field.generators[name].kind for name in used}
        if field.domain is None or kinds != {"symbol"}:
            return None
        return bernstein_sign(Element(field, poly, ()).to_sympy(), field.domain)

    def _by_terms(self, terms: list[Any]) -> int | None:
        """Decide by the signs of the factors of each term (so Sigma = r^2 + a^2 c^2 > 0)."""
        total: int | None = None
        for exponents, coefficient in terms:
            sign = 1 if coefficient > 0 else -1
            for index, exponent in enumerate(exponents):
                if exponent % 2:
                    factor = self._generator_sign(self._field.ring.names[index])
                    if factor is None:
                        return None
                    sign *= factor
            if total not in (None, sign):
                return None
            total = sign
        return total

    def _generator_sign(self, name: str) -> int | None:
        generator = self._field.generators[name]
        if generator.kind in ("exp", "root", "power", "cosh"):
            return 1
        expr = generator.expr
        if expr.is_positive or expr.is_nonnegative:
            return 1
        if expr.is_negative or expr.is_nonpositive:
            return -1
        if generator.kind == "sin" and self._within(expr.args[0], 0, 1):
            return 1
        if generator.kind == "cos" and self._within(expr.args[0], -1, 1, 2):
            return 1
        return None

    def _within(self, angle: sympy.Expr, low: int, high: int, divisor: int = 1) -> bool:
        """Whether the angle stays in [low, high] pi/divisor on the domain."""
        domain = self._field.domain
        factor, angle = angle.as_coeff_Mul()
        if domain is None or not angle.is_Symbol or not factor > 0:
            return False
        box = next((b for b in domain.boxes if b.symbol == angle), None)
        if box is None or box.lower.free_symbols | box.upper.free_symbols:
            return False
        bounds = low * sympy.pi / divisor, high * sympy.pi / divisor
        gaps = (factor * box.lower - bounds[0], bounds[1] - factor * box.upper)
        with Balls(BITS).working():
            return all(gap == 0 or evaluate(gap, {}, Balls(BITS)) > 0 for gap in gaps)

    def _by_boxes(self, poly: Poly) -> int | None:
        """Subdivide the domain until the polynomial has one sign on every piece."""
        domain = self._field.domain
        symbols = self._symbols(poly)
        if domain is None or not symbols:
            return self._at_no_symbols(poly) if not symbols else None
        order = count()
        whole: Box = dict.fromkeys(symbols, (0.0, 1.0))
        queue: list[tuple[float, int, Box]] = [(-1.0, next(order), whole)]
        sign: int | None = None
        with Balls(BITS).working():
            for _ in range(MAX_BOXES):
                if not queue:
                    return sign
                _, _, box = heappop(queue)
                found = self._sign_on(poly, box)
                if found is None:
                    for half in _halves(box):
                        width = max(b - a for a, b in half.values())
                        heappush(queue, (-width, next(order), half))
                elif sign not in (None, found):
                    return None
                else:
                    sign = found
        return None if queue else sign

    def _at_no_symbols(self, poly: Poly) -> int | None:
        with Balls(BITS).working():
            return self._sign_on(poly, {})

    def _sign_on(self, poly: Poly, box: Box) -> int | None:
        try:
            value = Evaluation(self._field, self._place(box), BITS, _no_jet).polynomial(poly)
        except DomainError:
            return None
        return 1 if value >= 0 else -1 if value <= 0 else None

    def _place(self, box: Box) -> Mapping[sympy.Symbol, Any]:
        """Return the ball of each symbol; bounds may depend on earlier symbols."""
        balls = Balls(BITS)
        domain = self._field.domain
        assert domain is not None or not box
        values: dict[sympy.Symbol, Any] = {}
        for item in domain.boxes if domain else ():
            if item.symbol in box:
                low = evaluate(item.lower, values, balls)
                high = evaluate(item.upper, values, balls)
                a, b = (balls.number(Fraction(end)) for end in box[item.symbol])
                values[item.symbol] = low + a.union(b) * (high - low)
        return values

    def _symbols(self, poly: Poly) -> set[sympy.Symbol]:
        """Return the symbols that the polynomial depends on, with those of their bounds."""
        field = self._field
        degrees = field.ring.degrees(poly)
        wanted: set[Any] = set()
        for name, degree in zip(field.ring.names, degrees, strict=True):
            if degree:
                wanted |= field.generators[name].expr.free_symbols
        if field.domain is not None:
            for item in reversed(field.domain.boxes):
                if item.symbol in wanted:
                    wanted |= item.lower.free_symbols | item.upper.free_symbols
        return wanted


def _halves(box: Box) -> list[Box]:
    widest = max(box, key=lambda s: box[s][1] - box[s][0])
    a, b = box[widest]
    middle = (a + b) / 2
    return [{**box, widest: (a, middle)}, {**box, widest: (middle, b)}]


def _no_jet(expression: sympy.Expr, arguments: list[Any]) -> Any:
    raise DomainError(f"{expression} is unspecified")
