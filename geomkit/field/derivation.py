"""Partial derivatives of elements, by the chain rule over the generators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .fraction import Element
from .polynomial import Poly

if TYPE_CHECKING:
    import sympy

    from .tower import Field

__all__ = ["Derivation"]


class Derivation:
    """The derivations d/dx of one field; derivatives of generators and bases are kept.

    Args:
        field: the field.
    """

    def __init__(self, field: Field) -> None:
        self._field = field
        self._bases: dict[tuple[int, sympy.Symbol], Element] = {}
        self._generators: dict[tuple[str, sympy.Symbol], Element] = {}

    def of(self, element: Element, symbol: sympy.Symbol) -> Element:
        """Return (N' - N sum e_i b_i'/b_i) / prod b_i^e_i."""
        field = self._field
        if element.vanishes:
            return element
        if element.parts:
            return field.sum(self.of(part, symbol) for part in element.parts)
        numerator = self._of_polynomial(field.numerator(element), symbol)
        triples = [(1, numerator, Element(field, field.ring.one, element.denominator))]
        for index, exponent in enumerate(element.denominator):
            if exponent:
                triples.append((-exponent, element, self._of_base(index, symbol)))
        return field.dot(triples)

    def _of_base(self, index: int, symbol: sympy.Symbol) -> Element:
        """Return b'/b for a base factor b."""
        key = (index, symbol)
        if key not in self._bases:
            field = self._field
            slope = self._of_polynomial(field.base(index), symbol)
            inverse = Element(field, field.ring.one, (0,) * index + (1,))
            self._bases[key] = slope * inverse
        return self._bases[key]

    def _of_polynomial(self, poly: Poly, symbol: sympy.Symbol) -> Element:
        field = self._field
        if len(poly) <= 1 and field.ring.is_constant(poly):
            return field.zero
        triples = []
        degrees = zip(field.ring.names, field.ring.degrees(poly), strict=True)
        for name in [name for name, degree in degrees if degree]:
            slope = self._of_generator(name, symbol)
            if not slope.vanishes:
                poly = field.lift(poly)  # the derivative may have adjoined generators
                part = field.ring.derivative(poly, field.ring.index[name])
                triples.append((1, Element(field, part, ()), slope))
        return field.dot(triples)

    def _of_generator(self, name: str, symbol: sympy.Symbol) -> Element:
        key = (name, symbol)
        if key not in self._generators:
            self._generators[key] = self._field.generators[name].derive(symbol)
        return self._generators[key]
