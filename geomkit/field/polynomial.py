"""Multivariate polynomials over Q: python-flint, or SymPy's own ring where it is missing.

Both rings offer the same few operations on raw polynomial objects, which add, subtract and
multiply by their own operators. The order is lexicographic; the field puts the generators that a
relation eliminates first, so that a remainder is a normal form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any, Protocol

__all__ = ["Poly", "Ring", "make_ring"]

# A raw polynomial of one of the two rings; only this module looks inside.
Poly = Any
Exponents = tuple[int, ...]


class Ring(Protocol):
    """Q[x_1, ..., x_m] with named generators in lexicographic order."""

    names: tuple[str, ...]
    index: dict[str, int]
    gens: tuple[Poly, ...]
    zero: Poly
    one: Poly

    def constant(self, value: Fraction | int) -> Poly:
        """Return the constant polynomial."""

    def scale(self, poly: Poly, factor: Fraction | int) -> Poly:
        """Return a rational multiple."""

    def lift(self, poly: Poly) -> Poly:
        """Return `poly`, made by an earlier ring with fewer generators, in this ring."""

    def quotient(self, poly: Poly, divisor: Poly) -> Poly | None:
        """Return poly / divisor, or None when the division is not exact."""

    def remainder(self, poly: Poly, divisor: Poly) -> Poly:
        """Return the remainder of the division, no term of it divisible by lm(divisor)."""

    def factor(self, poly: Poly) -> tuple[Fraction, list[tuple[Poly, int]]]:
        """Return the content and the irreducible factors, primitive, leading coefficient > 0."""

    def is_constant(self, poly: Poly) -> bool:
        """Say whether the polynomial is a number."""

    def derivative(self, poly: Poly, index: int) -> Poly:
        """Return the partial derivative by one generator."""

    def degrees(self, poly: Poly) -> Exponents:
        """Return the degree in each generator (all 0 for constants)."""

    def terms(self, poly: Poly) -> list[tuple[Exponents, Fraction]]:
        """Return the terms, leading one first."""

    def from_terms(self, terms: Mapping[Exponents, Fraction]) -> Poly:
        """Return the polynomial with these terms."""


def _primitive(ring: Ring, poly: Poly) -> tuple[Fraction, Poly]:
    """Split off the content, signed so that the leading coefficient becomes positive."""
    from math import gcd, lcm

    coefficients = [c for _, c in ring.terms(poly)]
    numerator = gcd(*(c.numerator for c in coefficients))
    content = Fraction(numerator, lcm(*(c.denominator for c in coefficients)))
    if coefficients[0] < 0:
        content = -content
    return content, poly * ring.constant(1 / content)


class FlintRing:
    """`fmpq_mpoly` of python-flint."""

    def __init__(self, names: tuple[str, ...]) -> None:
        from flint import fmpq

        self.names = names
        self.index = {name: i for i, name in enumerate(names)}
        self._fmpq = fmpq
        self.context = self._context(names)
        self.gens = tuple(self.context.gens())
        self.zero = self.context.constant(0)
        self.one = self.context.constant(1)

    @staticmethod
    def _context(names: Iterable[str]) -> Any:
        from flint import Ordering, fmpq_mpoly_ctx

        return fmpq_mpoly_ctx.get(list(names), Ordering.lex)

    def constant(self, value: Fraction | int) -> Poly:
        return self.context.constant(self._fmpq(value.numerator, value.denominator))

    def scale(self, poly: Poly, factor: Fraction | int) -> Poly:
        return poly * self._fmpq(factor.numerator, factor.denominator)

    def lift(self, poly: Poly) -> Poly:
        return poly if poly.context() is self.context else poly.project_to_context(self.context)

    def quotient(self, poly: Poly, divisor: Poly) -> Poly | None:
        from flint.utils.flint_exceptions import DomainError

        try:
            return poly / divisor
        except DomainError:
            return None

    def remainder(self, poly: Poly, divisor: Poly) -> Poly:
        return poly % divisor

    def factor(self, poly: Poly) -> tuple[Fraction, list[tuple[Poly, int]]]:
        # FLINT's factorisation slows down with generators that do not even occur
        used = [n for n, d in zip(self.names, self.degrees(poly), strict=True) if d]
        small = self._context(used)
        constant, factors = poly.project_to_context(small).factor()
        content = Fraction(int(constant.p), int(constant.q))
        result = []
        for factor, exponent in factors:
            scale, primitive = _primitive(self, factor.project_to_context(self.context))
            content *= scale**exponent
            result.append((primitive, int(exponent)))
        return content, result

    def is_constant(self, poly: Poly) -> bool:
        return bool(poly.is_constant())

    def derivative(self, poly: Poly, index: int) -> Poly:
        return poly.derivative(index)

    def degrees(self, poly: Poly) -> Exponents:
        return (
            tuple(map(int, poly.degrees())) if self.names and poly != 0 else (0,) * len(self.names)
        )

    def terms(self, poly: Poly) -> list[tuple[Exponents, Fraction]]:
        return [(tuple(map(int, m)), Fraction(int(c.p), int(c.q))) for m, c in poly.terms()]

    def from_terms(self, terms: Mapping[Exponents, Fraction]) -> Poly:
        fmpq = self._fmpq
        return self.context.from_dict(
            {m: fmpq(c.numerator, c.denominator) for m, c in terms.items() if c}
        )


class SympyRing:
    """`PolyElement` of SymPy: the same results, only slower."""

    def __init__(self, names: tuple[str, ...]) -> None:
        from sympy import QQ
        from sympy.polys.orderings import lex
        from sympy.polys.rings import PolyRing

        self.names = names
        self.index = {name: i for i, name in enumerate(names)}
        # A ring needs one generator at least; the spare one is never used.
        self._ring = PolyRing(list(names) or ["spare"], QQ, lex)
        self._domain = QQ
        self.gens = tuple(self._ring.gens) if names else ()
        self.zero = self._ring.zero
        self.one = self._ring.one

    def constant(self, value: Fraction | int) -> Poly:
        return self._ring(self._domain(value.numerator, value.denominator))

    def scale(self, poly: Poly, factor: Fraction | int) -> Poly:
        return poly * self.constant(factor)

    def lift(self, poly: Poly) -> Poly:
        if poly.ring == self._ring:
            return poly
        old = [str(s) for s in poly.ring.symbols]
        place = [self.index.get(name, -1) for name in old]
        result = {}
        for monomial, coefficient in poly.terms():
            exponents = [0] * max(len(self.names), 1)
            for position, exponent in zip(place, monomial, strict=True):
                if exponent:
                    exponents[position] = exponent
            result[tuple(exponents)] = coefficient
        return self._ring.from_dict(result)

    def quotient(self, poly: Poly, divisor: Poly) -> Poly | None:
        quotient, rest = poly.div(divisor)
        return None if rest else quotient

    def remainder(self, poly: Poly, divisor: Poly) -> Poly:
        return poly.rem(divisor)

    def factor(self, poly: Poly) -> tuple[Fraction, list[tuple[Poly, int]]]:
        constant, factors = poly.factor_list()
        content = Fraction(int(constant.numerator), int(constant.denominator))
        result = []
        for factor, exponent in factors:
            scale, primitive = _primitive(self, factor)
            content *= scale**exponent
            result.append((primitive, int(exponent)))
        return content, result

    def is_constant(self, poly: Poly) -> bool:
        return bool(poly.is_ground)

    def derivative(self, poly: Poly, index: int) -> Poly:
        return poly.diff(self.gens[index])

    def degrees(self, poly: Poly) -> Exponents:
        return (
            tuple(max(d, 0) for d in poly.degrees())
            if self.names and poly
            else (0,) * len(self.names)
        )

    def terms(self, poly: Poly) -> list[tuple[Exponents, Fraction]]:
        width = len(self.names)
        return [
            (tuple(m[:width]), Fraction(int(c.numerator), int(c.denominator)))
            for m, c in poly.terms()
        ]

    def from_terms(self, terms: Mapping[Exponents, Fraction]) -> Poly:
        return self._ring.from_dict(
            {
                (m if self.names else (0,)): self._domain(c.numerator, c.denominator)
                for m, c in terms.items()
                if c
            }
        )


@lru_cache(maxsize=1)
def flint_available() -> bool:
    """Say whether python-flint can be imported."""
    try:
        import flint  # noqa: F401
    except ImportError:
        return False
    return True


def make_ring(names: Iterable[str]) -> Ring:
    """Return Q[names], by python-flint where it is installed.

    Args:
        names: the generators, those that relations eliminate first.

    Returns:
        The ring.

    Examples:
        >>> ring = make_ring(["x", "y"])
        >>> x, y = ring.gens
        >>> ring.quotient(x * x - y * y, x - y) == x + y
        True
    """
    return FlintRing(tuple(names)) if flint_available() else SympyRing(tuple(names))
