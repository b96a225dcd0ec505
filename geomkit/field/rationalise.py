"""Denominators made free of eliminated generators, by conjugates or, in general, by norms."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from geomkit.errors import FieldError

from .polynomial import Poly

if TYPE_CHECKING:
    from .tower import Field

__all__ = ["rationalise"]

# A norm of more terms than this would swell everything it divides (two-centre problems): such a
# factor stays as it is. Zero is still recognised then, but equal elements may look different.
MAX_NORM = 100
# (index of a base factor, its exponent)
BasePower = tuple[int, int]


def rationalise(field: Field, factor: Poly) -> Iterator[tuple[Poly, list[BasePower]]]:
    """Yield (cofactor, bases) with prod cofactor/prod bases = 1/factor.

    Args:
        field: the field.
        factor: an irreducible polynomial, perhaps with eliminated generators.

    Yields:
        Numerator and denominator of each step; a product of fractions.

    Raises:
        FieldError: the factor is a zero divisor (a relation of the field is reducible).
    """
    pending = [(factor, 1)]  # irreducible factors of what is left to be inverted
    while pending:
        poly, exponent = pending.pop()
        level = _top_eliminated(field, poly)
        if level is None:
            yield field.ring.one, [(field.base_index(poly), exponent)]
            continue
        cofactor, norm = _norm(field, poly, level)
        if len(norm) > MAX_NORM:
            field.canonical = False
            yield field.ring.one, [(field.base_index(poly), exponent)]
            continue
        if norm == 0:
            raise FieldError(
                "a quotient", "its denominator is a zero divisor: the roots are dependent"
            )
        for _ in range(exponent):
            yield cofactor, []
        content, parts = field.factor(norm)
        yield field.ring.constant(1 / content**exponent), []
        pending += [(p, e * exponent) for p, e in parts]


def _top_eliminated(field: Field, poly: Poly) -> int | None:
    degrees = field.ring.degrees(poly)
    for level, (name, _, _, _) in enumerate(field._relations):
        if degrees[field.ring.index[name]]:
            return level
    return None


def _norm(field: Field, poly: Poly, level: int) -> tuple[Poly, Poly]:
    """Return (C, N) with poly * C = N and N free of the eliminated generator."""
    name, degree, value, _ = field._relations[level]
    w = field.ring.gens[field.ring.index[name]]
    pure = not field.ring.degrees(value)[field.ring.index[name]]  # w^degree free of w
    a = _coefficients(field, poly, name, degree)
    if degree == 2 and pure:
        return a[0] - a[1] * w, field.reduce(a[0] * a[0] - a[1] * a[1] * value)
    occupied = [i for i, c in enumerate(a) if c != 0]
    if len(occupied) == 1 and pure:
        i = occupied[0]
        return w ** (degree - i), field.reduce(a[i] * value)
    # Multiplication by poly in the basis 1, w, ..., w^(q-1); its adjugate gives the cofactor.
    columns = [_coefficients(field, field.reduce(poly * w**j), name, degree) for j in range(degree)]
    matrix = [[column[i] for column in columns] for i in range(degree)]
    cofactors = [_minor(field, matrix, j) for j in range(degree)]
    norm = sum((matrix[0][j] * cofactors[j] for j in range(degree)), field.ring.zero)
    cofactor = sum((cofactors[j] * w**j for j in range(degree)), field.ring.zero)
    return field.reduce(cofactor), field.reduce(norm)


def _coefficients(field: Field, poly: Poly, name: str, degree: int) -> list[Poly]:
    position = field.ring.index[name]
    parts: list[dict[tuple[int, ...], object]] = [{} for _ in range(degree)]
    for exponents, coefficient in field.ring.terms(poly):
        rest = (*exponents[:position], 0, *exponents[position + 1 :])
        parts[exponents[position]][rest] = coefficient
    return [field.ring.from_terms(part) for part in parts]  # type: ignore[arg-type]


def _determinant(field: Field, matrix: list[list[Poly]]) -> Poly:
    size = len(matrix)
    minors: dict[tuple[int, ...], Poly] = {(): field.ring.one}
    for row in range(size):
        fresh: dict[tuple[int, ...], Poly] = {}
        for columns in combinations(range(size), row + 1):
            total = field.ring.zero
            for k, column in enumerate(columns):
                rest = columns[:k] + columns[k + 1 :]
                term = matrix[row][column] * minors[rest]
                total = total + (term if (row + k) % 2 == 0 else -term)
            fresh[columns] = field.reduce(total)
        minors = fresh
    return minors[tuple(range(size))]


def _minor(field: Field, matrix: list[list[Poly]], column: int) -> Poly:
    """Return the cofactor of entry (0, column)."""
    rest = [[e for j, e in enumerate(row) if j != column] for row in matrix[1:]]
    value = _determinant(field, rest)
    return value if column % 2 == 0 else -value
