"""Common factors that only the other function of a pair shows: sinh in cosh, sin in cos.

With cosh^2 = 1 + sinh^2 the field keeps sinh, in which sinh(T)^2 - sinh(x)^2 is (sinh(T) -
sinh(x))(sinh(T) + sinh(x)). In cosh it is (cosh(T) - cosh(x))(cosh(T) + cosh(x)), and one of these
may divide the numerator. What is not cancelled loses all digits where it vanishes.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from geomkit.field import Field
    from geomkit.field.polynomial import Poly

__all__ = ["cancel"]

Exponents = tuple[int, ...]
Factors = list[tuple["Poly", int]]
Pair = tuple[int, "Poly"]
# A longer numerator is not rewritten.
LONGEST = 3000


def cancel(field: Field, numerator: Poly, bases: Factors) -> tuple[Poly, Factors]:
    """Cancel factors that a numerator and its denominator share in the eliminated functions.

    Args:
        field: the field.
        numerator: a reduced polynomial.
        bases: denominator factors with their exponents, which are positive.

    Returns:
        Numerator and denominator factors of an equal fraction; what was given if there is nothing
        to cancel.
    """
    for target in (("cos", "cosh"), ("sin", "sinh")):
        numerator, bases = _cancelled(field, numerator, bases, _pairs(field, target))
    return numerator, bases


def _cancelled(
    field: Field, numerator: Poly, bases: Factors, pairs: list[Pair]
) -> tuple[Poly, Factors]:
    """Cancel what is seen when all these pairs are written in their other function."""
    if not pairs or len(numerator) > LONGEST:
        return numerator, bases
    result: Factors = []
    for group, exponent in _groups(field, bases, [kept for kept, _ in pairs]):
        product = field.ring.one
        for base in group:
            product = product * base
        swapped = _swapped(field, product, pairs)
        number, parts = field.ring.factor(swapped)
        other, left = numerator, parts
        if len(parts) > 1:
            other, left = _divided(field, _swapped(field, numerator, pairs), parts, exponent)
        if sum(k for _, k in left) < exponent * sum(k for _, k in parts) and len(parts) > 1:
            numerator = field.ring.scale(other, 1 / number**exponent)
            result += left
        else:
            result += [(base, exponent) for base in group]
    return numerator, result


def _groups(field: Field, bases: Factors, kept: list[int]) -> list[tuple[list[Poly], int]]:
    """Bases one by one, but together where only their product is even in the kept functions."""
    together: dict[int, list[Poly]] = {}
    alone: list[tuple[list[Poly], int]] = []
    for base, exponent in bases:
        odd = any(m[k] % 2 for m, _ in field.ring.terms(base) for k in kept)
        if odd and len(base) > 1:
            together.setdefault(exponent, []).append(base)
        else:
            alone.append(([base], exponent))
    return alone + [(group, exponent) for exponent, group in together.items()]


def _divided(field: Field, numerator: Poly, parts: Factors, exponent: int) -> tuple[Poly, Factors]:
    """Divide as often as it goes by the parts of a denominator factor."""
    left: Factors = []
    for part, k in parts:
        times = k * exponent
        while times:
            quotient = field.ring.quotient(numerator, part)
            if quotient is None:
                break
            numerator, times = quotient, times - 1
        if times:
            left.append((part, times))
    return numerator, left


def _pairs(field: Field, target: tuple[str, str]) -> list[Pair]:
    """For each pair to be written in the target, its kept function, and kept^2 in the other."""
    ring, found = field.ring, []
    for name, _, value, _ in field._relations:
        if field.generators[name].kind not in target:
            continue
        constant, slope, kept = Fraction(0), Fraction(1), 0
        for exponents, c in ring.terms(value):
            if any(exponents):
                kept, slope = next(i for i, e in enumerate(exponents) if e), c
            else:
                constant = c
        other = ring.index[name]
        square = ring.scale(ring.gens[other] ** 2 - ring.constant(constant), 1 / slope)
        found.append((kept, square))
    return found


def _swapped(field: Field, poly: Poly, pairs: list[Pair]) -> Poly:
    """Replace the even powers of the kept functions."""
    for kept, square in pairs:
        groups: dict[int, dict[Exponents, Fraction]] = {}
        for exponents, c in field.ring.terms(poly):
            half, odd = divmod(exponents[kept], 2)
            rest = (*exponents[:kept], odd, *exponents[kept + 1 :])
            groups.setdefault(half, {})[rest] = c
        if set(groups) <= {0}:
            continue
        total = field.ring.zero
        for half, terms in groups.items():
            total = total + field.ring.from_terms(terms) * square**half
        poly = total
    return poly
