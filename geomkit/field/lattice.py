"""Q-linear relations among arguments: which exponentials, angles and powers are independent.

exp(x) and exp(2x), or sin(x) and sin(x/2), must become powers of one generator, or the field would
hold relations that it does not see. A `Lattice` keeps a basis of arguments over Q such that every
argument known when it was made is an integer combination of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING

from geomkit.errors import FieldError

if TYPE_CHECKING:
    from .fraction import Element
    from .tower import Field

__all__ = ["REFINE", "Lattice", "RefinementError"]

REFINE = (
    "the field was built for other multiples of this argument; name the expression when the field "
    "is made"
)
Vector = dict[tuple[int, ...], Fraction]


class RefinementError(FieldError):
    """The field as built is too coarse; one built with this expression in view would hold it."""


class Lattice:
    """A growing, Q-linearly independent list of elements.

    Args:
        field: the field of the elements.
        modulo_one: also split off a rational multiple of 1 (for exponents, where x^1 is known).
    """

    def __init__(self, field: Field, *, modulo_one: bool = False) -> None:
        self.field = field
        self.basis: list[Element] = []
        self._modulo_one = modulo_one

    def coordinates(self, element: Element) -> tuple[list[Fraction], Fraction] | None:
        """Return rational c_j and q with element = sum c_j basis_j + q, or None.

        Without `modulo_one` the second number is 0.
        """
        spanning = [*self.basis, self.field.one] if self._modulo_one else self.basis
        solution = _solve(_vectors(self.field, [*spanning, element]))
        if solution is None:
            return None
        if self._modulo_one:
            return solution[:-1], solution[-1]
        return solution, Fraction(0)

    def extend(self, elements: Sequence[Element]) -> list[Element]:
        """Add what is needed so that all elements are combinations of the basis.

        New basis elements are divided so that the coordinates along them are integers; the present
        ones stay as they are.

        Returns:
            The new basis elements.
        """
        present = len(self.basis)
        for element in sorted(elements, key=lambda e: (e.term_count, len(e.denominator))):
            if self.coordinates(element) is None:
                self.basis.append(element)
        divisors = [1] * len(self.basis)
        for element in elements:
            found = self.coordinates(element)
            assert found is not None
            divisors = [lcm(d, c.denominator) for d, c in zip(divisors, found[0], strict=True)]
        for j in range(present, len(self.basis)):
            self.basis[j] = self.basis[j] * Fraction(1, divisors[j])
        return self.basis[present:]


def _vectors(field: Field, elements: Sequence[Element]) -> list[Vector]:
    """Return the numerators over one denominator, as vectors of coefficients."""
    width = max((len(e.denominator) for e in elements), default=0)
    padded = [e.denominator + (0,) * (width - len(e.denominator)) for e in elements]
    common = [max(column) for column in zip(*padded, strict=True)]
    vectors = []
    for element, exponents in zip(elements, padded, strict=True):
        poly = field.numerator(element)
        for index, (most, here) in enumerate(zip(common, exponents, strict=True)):
            if most > here:
                poly = poly * field.base(index) ** (most - here)
        vectors.append(dict(field.ring.terms(field.reduce(poly))))
    return vectors


def _solve(vectors: list[Vector]) -> list[Fraction] | None:
    """Return c with last = sum c_j vectors_j, or None; the others are independent."""
    *columns, target = vectors
    keys = sorted({key for vector in vectors for key in vector})
    zero = Fraction(0)
    rows = [[v.get(k, zero) for v in columns] + [target.get(k, zero)] for k in keys]
    size, pivot_row = len(columns), 0
    pivots = []
    for column in range(size):
        pivot = next((r for r in range(pivot_row, len(rows)) if rows[r][column]), None)
        if pivot is None:
            continue
        rows[pivot_row], rows[pivot] = rows[pivot], rows[pivot_row]
        scale = rows[pivot_row][column]
        rows[pivot_row] = [value / scale for value in rows[pivot_row]]
        for r, row in enumerate(rows):
            if r != pivot_row and row[column]:
                factor = row[column]
                rows[r] = [a - factor * b for a, b in zip(row, rows[pivot_row], strict=True)]
        pivots.append(column)
        pivot_row += 1
    if any(row[size] for row in rows[pivot_row:]):
        return None
    solution = [zero] * size
    for r, column in enumerate(pivots):
        solution[column] = rows[r][size]
    return solution
