"""Element: numerator over a product of powers of the field's irreducible denominators.

An element is kept in normal form (numerator reduced by the relations, no denominator factor
dividing it), so that equality is structural and zero is the zero polynomial.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from .polynomial import Poly

if TYPE_CHECKING:
    import sympy

    from .tower import Field

__all__ = ["Denominator", "Element", "merge_denominators", "trim"]

# Exponents of the field's base factors, without trailing zeros.
Denominator = tuple[int, ...]
Number = int | Fraction


def trim(exponents: list[int]) -> Denominator:
    """Drop trailing zeros, so that equal denominators are equal tuples."""
    end = len(exponents)
    while end and not exponents[end - 1]:
        end -= 1
    return tuple(exponents[:end])


def merge_denominators(first: Denominator, second: Denominator) -> Denominator:
    """Return the exponents of the product of two denominators."""
    if not first:
        return second
    if not second:
        return first
    if len(first) < len(second):
        first, second = second, first
    return tuple(e + second[i] if i < len(second) else e for i, e in enumerate(first))


class Element:
    """An element of a `Field`; immutable, canonical.

    Elements are made by the field, `field(expression)`, and by arithmetic. They add, subtract,
    multiply and divide among themselves and with exact rational numbers.

    Args:
        field: the field that it belongs to.
        numerator: reduced polynomial.
        denominator: exponents of the field's base factors.

    Examples:
        >>> import sympy as sp
        >>> from geomkit.field import Field
        >>> x = sp.Symbol("x", real=True)
        >>> field = Field((x,), expressions=(sp.sin(x),))
        >>> s, c = field(sp.sin(x)), field(sp.cos(x))
        >>> (s * s + c * c - 1).is_zero
        True
        >>> (s / c).diff(x).to_sympy()
        cos(x)**(-2)
    """

    __slots__ = ("_sympy", "denominator", "field", "numerator", "ring", "vanishes")

    # the summands of a sum that is kept grouped (see `grouped`)
    parts: tuple[Element, ...] = ()

    def __init__(self, field: Field, numerator: Poly, denominator: Denominator) -> None:
        self.field = field
        self.numerator = numerator
        self.ring = field.ring  # the ring that the numerator lives in
        self.denominator = denominator
        self.vanishes = bool(numerator == 0)
        self._sympy: sympy.Expr | None = None

    @property
    def is_zero(self) -> bool:
        """Whether the normal form is 0 (this is a proof that the element vanishes)."""
        return self.vanishes

    @property
    def term_count(self) -> int:
        """Number of terms of the expanded numerator."""
        return len(self.numerator)

    def _coerce(self, other: object) -> Element | None:
        if isinstance(other, Element):
            return other
        if isinstance(other, int | Fraction):
            return self.field.constant(other)
        if getattr(other, "is_Rational", False):
            return self.field.constant(Fraction(int(other.p), int(other.q)))  # type: ignore[attr-defined]
        return None

    def __add__(self, other: object) -> Element:
        right = self._coerce(other)
        return NotImplemented if right is None else self.field.sum((self, right))

    __radd__ = __add__

    def __neg__(self) -> Element:
        return Element(self.field, -self.field.numerator(self), self.denominator)

    def __sub__(self, other: object) -> Element:
        right = self._coerce(other)
        return NotImplemented if right is None else self.field.sum((self, -right))

    def __rsub__(self, other: object) -> Element:
        left = self._coerce(other)
        return NotImplemented if left is None else self.field.sum((left, -self))

    def __mul__(self, other: object) -> Element:
        right = self._coerce(other)
        return NotImplemented if right is None else self.field.dot(((1, self, right),))

    __rmul__ = __mul__

    def __truediv__(self, other: object) -> Element:
        right = self._coerce(other)
        return NotImplemented if right is None else self * self.field.inverse(right)

    def __rtruediv__(self, other: object) -> Element:
        left = self._coerce(other)
        return NotImplemented if left is None else left * self.field.inverse(self)

    def __pow__(self, exponent: int) -> Element:
        return self.field.power(self, exponent)

    def __eq__(self, other: object) -> bool:
        right = self._coerce(other)
        if right is None:
            return NotImplemented
        same = self.denominator == right.denominator and bool(
            self.field.numerator(self) == self.field.numerator(right)
        )
        return same or (not self.field.canonical and (self - right).is_zero)

    __hash__ = None  # type: ignore[assignment]

    def diff(self, symbol: sympy.Symbol) -> Element:
        """Return the partial derivative by a symbol of the field.

        Args:
            symbol: a coordinate or parameter.

        Returns:
            The derivative, in normal form.
        """
        return self.field.derivative(self, symbol)

    def as_rational(self) -> Fraction | None:
        """Return the value when the element is a rational number, else None."""
        if self.denominator:
            return None
        if self.is_zero:
            return Fraction(0)
        terms = self.field.ring.terms(self.field.numerator(self))
        return terms[0][1] if len(terms) == 1 and not any(terms[0][0]) else None

    def to_sympy(self, definitions: Mapping[sympy.Symbol, Element] | None = None) -> sympy.Expr:
        """Return the element as a factored SymPy expression (converted once, then kept).

        Args:
            definitions: abbreviations to print where a factor equals one of them.

        Returns:
            The expression.
        """
        from .render import render

        if definitions:
            return render(self, definitions)
        if self._sympy is None:
            self._sympy = render(self, {})
        return self._sympy

    def __repr__(self) -> str:
        size = self.term_count
        return f"Element({self.to_sympy()})" if size < 50 else f"Element(<{size} terms>)"
