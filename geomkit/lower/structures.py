"""Structures: short sums, such as Sigma and Delta, that longer sums are written with.

A polynomial P with many terms is divided by the structures B that the metric itself has (its
definitions, and the denominators of its inverse): P = Q B + R, where Q and R together have fewer
terms than P. What is divided by is chosen by that number alone; which term of B leads is free.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from geomkit.field.polynomial import make_ring
from geomkit.field.render import shorter

from .loss import Loss

if TYPE_CHECKING:
    from geomkit.field import Field
    from geomkit.field.polynomial import Poly, Ring

__all__ = ["Structures"]

Exponents = tuple[int, ...]
Terms = dict[Exponents, Fraction]
# Sums of fewer terms are left alone; so are longer ones, for which the search takes too long.
FEWEST, MOST = 3, 2000
# A structure of more terms than this is hardly found again in anything.
LONGEST = 12
# Sines and cosines exchanged may make the parts shorter than they are at first, but not by far:
# so only the first few are looked at.
CLOSE = 1.5
TRIED = 4
# How much larger the error may become: two sums in place of one count twice.
WORSE = 4


class Structures:
    """The structures of one field.

    Args:
        field: the field.
    """

    def __init__(self, field: Field) -> None:
        self.field = field
        self._known: list[Poly] = []
        self._loss = Loss(field)
        self._rings: dict[int, Ring] = {}

    def add(self, polys: Iterable[Poly]) -> None:
        """Add the irreducible factors of polynomials that are sums."""
        for poly in polys:
            if not 1 < len(poly) <= LONGEST:
                continue
            for factor, _ in self.field.ring.factor(poly)[1]:
                if len(factor) > 1 and all(factor != k for k in self._lifted()):
                    self._known.append(factor)

    def _lifted(self) -> list[Poly]:
        self._known = [self.field.lift(poly) for poly in self._known]
        return self._known

    def split(self, poly: Poly) -> tuple[Poly, Poly, Poly] | None:
        """Write a polynomial as Q B + R with fewer terms.

        Args:
            poly: an irreducible polynomial, reduced.

        Returns:
            Q, B and R; None if no structure makes it shorter.
        """
        if not FEWEST <= len(poly) <= MOST:
            return None
        terms = self._terms(poly)
        least, best, allowed = len(terms), None, self._loss.of(terms)[1] * WORSE
        for quotient, base, rest in self._candidates(poly):
            above, below = self._terms(quotient), self._terms(rest)
            if len(above) + len(below) < least and self._harmless(above, base, below, allowed):
                best, least = (quotient, base, rest), len(above) + len(below)
        return best

    def _candidates(self, poly: Poly) -> list[tuple[Poly, Poly, Poly]]:
        """The shortest quotients and rests, before sines and cosines are exchanged."""
        found = []
        for base in self._lifted():
            for x in _leading(self.field.ring.terms(base)) if len(base) < len(poly) else ():
                quotient, rest = self._divided(poly, base, x)
                if quotient != 0 and len(quotient) + len(rest) < CLOSE * len(poly):
                    found.append((quotient, base, rest))
        return sorted(found, key=lambda parts: len(parts[0]) + len(parts[2]))[:TRIED]

    def _terms(self, poly: Poly) -> Terms:
        return shorter(self.field, dict(self.field.ring.terms(poly)))

    def _divided(self, poly: Poly, base: Poly, x: int) -> tuple[Poly, Poly]:
        """Quotient and rest of the division in which the highest power of one variable leads."""
        ring = self.field.ring
        if x not in self._rings or len(self._rings[x].names) != len(ring.names):
            names = [ring.names[x], *(n for k, n in enumerate(ring.names) if k != x)]
            self._rings[x] = make_ring(names)
        there = self._rings[x]
        whole, divisor = there.lift(poly), there.lift(base)
        rest = there.remainder(whole, divisor)
        quotient = there.quotient(whole - rest, divisor)
        assert quotient is not None
        return ring.lift(quotient), ring.lift(rest)

    def _harmless(self, quotient: Terms, base: Poly, rest: Terms, allowed: Any) -> bool:
        """Whether Q B + R loses no more digits than is allowed, at any point."""
        q, size_q = self._loss.of(quotient)
        b, size_b = self._loss.of(self._terms(base))
        size = abs(q) * size_b + size_q * abs(b)
        if rest:
            size = size + self._loss.of(rest)[1]
        return bool((size <= allowed).all())


def _leading(terms: list[tuple[Exponents, Fraction]]) -> list[int]:
    """The variables whose highest power stands in one term only; one for each such term."""
    found: dict[Exponents, int] = {}
    for x in range(len(terms[0][0])):
        top = max(m[x] for m, _ in terms)
        leaders = [m for m, _ in terms if m[x] == top]
        if top and len(leaders) == 1:
            found.setdefault(leaders[0], x)
    return list(found.values())
