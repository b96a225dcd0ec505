"""Values of generators, polynomials and elements as balls at a point or over a box."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..errors import DomainError
from .polynomial import Poly

if TYPE_CHECKING:
    import sympy

    from .fraction import Element
    from .tower import Field

__all__ = ["Evaluation", "precision"]

# An Arb ball; its class lives in a compiled module without type information.
Ball = Any


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Work with so many bits of Arb precision, and restore the former ones."""
    from flint import ctx

    former = ctx.prec
    ctx.prec = bits
    try:
        yield
    finally:
        ctx.prec = former


class Evaluation:
    """Evaluates elements of a field for given values of the symbols.

    Args:
        field: the field.
        symbols: value of each symbol: a rational number (a point) or a ball (a box).
        jet: value of a derivative of an unspecified function, given its SymPy form and the balls
            of its arguments; by default a fixed rational number, different for each of them.

    Raises:
        DomainError: (by its methods) a value is not a finite real number there.
    """

    def __init__(
        self,
        field: Field,
        symbols: Mapping[sympy.Symbol, Any],
        jet: Callable[[sympy.Expr, list[Ball]], Ball] | None = None,
    ) -> None:
        self.field = field
        self._symbols = symbols
        self._jet = jet or free_jet
        self._values: dict[str, Ball] = {}

    def symbol(self, symbol: sympy.Symbol) -> Ball:
        """Return the value of a symbol as a ball."""
        from flint import arb

        try:
            value = self._symbols[symbol]
        except KeyError:
            raise DomainError(f"no value is given for {symbol}") from None
        return value if isinstance(value, arb) else rational_ball(value)

    def jet(self, expression: sympy.Expr, arguments: list[Ball]) -> Ball:
        """Return the value of an unspecified function or one of its derivatives."""
        return self._jet(expression, arguments)

    def generator(self, name: str) -> Ball:
        """Return the value of a generator."""
        if name not in self._values:
            generator = self.field.generators[name]
            value = generator.value(self)
            if not value.is_finite():
                raise DomainError(f"{generator.expr} has no finite real value at this point")
            self._values[name] = value
        return self._values[name]

    def polynomial(self, poly: Poly) -> Ball:
        """Return the value of a polynomial, power products taken term by term."""
        from flint import arb

        ring = self.field.ring
        total = arb(0)
        powers: dict[tuple[int, int], Ball] = {}
        for exponents, coefficient in ring.terms(self.field.lift(poly)):
            term = rational_ball(coefficient)
            for i, e in enumerate(exponents):
                if e:
                    if (i, e) not in powers:
                        powers[i, e] = self.generator(ring.names[i]) ** e
                    term *= powers[i, e]
            total += term
        return total

    def element(self, element: Element) -> Ball:
        """Return the value of an element.

        Raises:
            DomainError: a denominator vanishes or cannot be separated from zero.
        """
        value = self.polynomial(element.numerator)
        for index, exponent in enumerate(element.denominator):
            if exponent:
                base = self.polynomial(self.field.base(index))
                if base.contains(0):
                    raise DomainError("a denominator vanishes at this point")
                value /= base**exponent
        return value


def rational_ball(value: Any) -> Ball:
    """Return an exact rational (Fraction, int, SymPy Rational) as a ball."""
    from flint import arb, fmpq

    if isinstance(value, int):
        return arb(value)
    if isinstance(value, Fraction):
        return arb(fmpq(value.numerator, value.denominator))
    return arb(fmpq(int(value.p), int(value.q)))


def free_jet(expression: sympy.Expr, arguments: list[Ball]) -> Ball:
    """Return a fixed rational value in (1/2, 3/2) for an unspecified function or derivative.

    The value depends on the name, the derivative and the arguments only: any such values are
    those of some smooth function.
    """
    text = f"{expression}|{[str(a.mid()) for a in arguments]}"
    digest = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
    return rational_ball(Fraction(1, 2) + Fraction(digest % 997 + 1, 998))
