"""Values of generators, polynomials and elements as balls at a point or over a box."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from geomkit.errors import DomainError
from geomkit.evaluate import Balls

from .polynomial import Poly

if TYPE_CHECKING:
    import sympy

    from .fraction import Element
    from .tower import Field

__all__ = ["Evaluation"]

# An Arb ball, or an mpmath interval where python-flint is missing.
Ball = Any


class Evaluation:
    """Evaluates elements of a field for given values of the symbols.

    Its methods are to be called inside `with evaluation.working():`, which sets the precision.

    Args:
        field: the field.
        symbols: value of each symbol: a rational number (a point) or a ball (a box).
        bits: precision.
        jet: value of a derivative of an unspecified function, given its SymPy form and the balls
            of its arguments; by default a fixed rational number, different for each of them.

    Raises:
        DomainError: (by its methods) a value is not a finite real number there.
    """

    def __init__(
        self,
        field: Field,
        symbols: Mapping[sympy.Symbol, Any],
        bits: int,
        jet: Callable[[sympy.Expr, list[Ball]], Ball] | None = None,
    ) -> None:
        self.field = field
        self.arithmetic = Balls(bits)
        self._symbols = symbols
        self._jet = jet or self._free_jet
        self._values: dict[str, Ball] = {}

    def working(self) -> AbstractContextManager[Any]:
        """Context in which balls have the precision of this evaluation."""
        context: AbstractContextManager[Any] = self.arithmetic.working()
        return context

    def number(self, value: Any) -> Ball:
        """Return an exact rational as a ball; balls pass through."""
        return self.arithmetic.number(value)

    def apply(self, name: str, *arguments: Ball) -> Ball:
        """Return a function, by its SymPy name, of balls."""
        return self.arithmetic.apply(name, arguments)

    def symbol(self, symbol: sympy.Symbol) -> Ball:
        """Return the value of a symbol as a ball."""
        if symbol not in self._symbols:
            raise DomainError(f"no value is given for {symbol}")
        return self.number(self._symbols[symbol])

    def jet(self, expression: sympy.Expr, arguments: list[Ball]) -> Ball:
        """Return the value of an unspecified function or one of its derivatives."""
        return self._jet(expression, arguments)

    def generator(self, name: str) -> Ball:
        """Return the value of a generator."""
        if name not in self._values:
            self._values[name] = self.field.generators[name].value(self)
        return self._values[name]

    def polynomial(self, poly: Poly) -> Ball:
        """Return the value of a polynomial, power products taken term by term."""
        ring = self.field.ring
        total = self.number(0)
        powers: dict[tuple[int, int], Ball] = {}
        for exponents, coefficient in ring.terms(self.field.lift(poly)):
            term = self.number(coefficient)
            for i, e in enumerate(exponents):
                if e:
                    if (i, e) not in powers:
                        powers[i, e] = self.generator(ring.names[i]) ** e
                    term = term * powers[i, e]
            total = total + term
        return total

    def element(self, element: Element) -> Ball:
        """Return the value of an element.

        Raises:
            DomainError: a denominator vanishes or cannot be separated from zero.
        """
        if element.parts:
            total = self.number(0)
            for part in element.parts:
                total = total + self.element(part)
            return total
        value = self.polynomial(self.field.numerator(element))
        for index, exponent in enumerate(element.denominator):
            if exponent:
                base = self.polynomial(self.field.base(index))
                if base.contains(0):
                    raise DomainError("a denominator vanishes at this point")
                value = value / base**exponent
        return value

    def _free_jet(self, expression: sympy.Expr, arguments: list[Ball]) -> Ball:
        """Return a fixed rational in (1/2, 3/2) for an unspecified function or derivative.

        It depends on the function, the derivative and the arguments only; any such values are
        those of some smooth function.
        """
        text = f"{expression}|{[a.str(30) for a in arguments]}"
        digest = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
        return self.number(Fraction(1, 2) + Fraction(digest % 997 + 1, 998))
