"""Sums that are kept grouped by denominator, where one common denominator would swell.

A ten-dimensional metric with ten different factors has a scalar curvature of 190 short fractions,
but one fraction of it would have millions of terms. Such a sum is added, multiplied,
differentiated and evaluated part by part. It is not canonical: whether it vanishes is only found
by bringing it to one denominator after all, as far as the budget allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import comb
from typing import TYPE_CHECKING

from geomkit.errors import BudgetError

from .fraction import Element
from .polynomial import Poly

if TYPE_CHECKING:
    import sympy

    from .fraction import Denominator
    from .polynomial import Ring
    from .tower import Field

__all__ = ["Grouped", "grouped_sum", "swells"]

# A sum whose common denominator would take it beyond so many terms stays grouped.
SWOLLEN = 20_000
# With fewer denominators than this there is little to swell.
FEWEST = 8
# Up to so many terms (before like ones are joined) a sum that a ball does not show to be non-zero
# is brought to one denominator, to see whether it vanishes.
MAX_COLLAPSED = 100_000_000
Groups = dict["Denominator", Poly]


class Grouped(Element):
    """A sum of elements with different denominators.

    Args:
        field: the field.
        parts: the summands, one for each denominator.
    """

    __slots__ = ("_whole", "parts")

    def __init__(self, field: Field, parts: Iterable[Element]) -> None:
        self.field = field
        self.parts = tuple(parts)
        self.vanishes = False
        self._sympy = None
        self._whole: Element | None = None

    @property
    def whole(self) -> Element:
        """The sum over one denominator.

        Raises:
            BudgetError: it would have too many terms.
        """
        if self._whole is None:
            self._whole = self.field.over_one_denominator(self.parts)
        return self._whole

    @property
    def numerator(self) -> Poly:
        """Numerator over the common denominator."""
        return self.field.numerator(self.whole)

    @property
    def ring(self) -> Ring:  # type: ignore[override]
        """The field's present ring: the numerator is always lifted."""
        return self.field.ring

    @property
    def denominator(self) -> Denominator:  # type: ignore[override]
        """Exponents of the common denominator."""
        return self.whole.denominator

    @property
    def is_zero(self) -> bool:
        """Whether the sum is seen to be 0 within the budget; False proves nothing here."""
        if self._whole is None:
            from .zero import sample_signs

            if sample_signs(self, points=1):
                return False
            if estimated_terms(self.field, _by_denominator(self)) > MAX_COLLAPSED:
                return False
        try:
            return self.whole.is_zero
        except BudgetError:
            return False

    @property
    def term_count(self) -> int:
        """Number of terms of all numerators."""
        return sum(part.term_count for part in self.parts)

    def __neg__(self) -> Element:
        return Grouped(self.field, [-part for part in self.parts])

    def to_sympy(self, definitions: Mapping[sympy.Symbol, Element] | None = None) -> sympy.Expr:
        """Return the sum of the parts as they are.

        Args:
            definitions: abbreviations to print where a factor equals one of them.

        Returns:
            The expression.
        """
        import sympy

        if self.is_zero:
            return sympy.Integer(0)
        return sympy.Add(*[part.to_sympy(definitions) for part in self.parts])


def _by_denominator(element: Grouped) -> Groups:
    return {part.denominator: element.field.numerator(part) for part in element.parts}


def estimated_terms(field: Field, groups: Groups) -> int:
    """Return how many terms a sum may have over its common denominator.

    Args:
        field: the field.
        groups: numerators by denominator.

    Returns:
        The sum of the products of the term counts.
    """
    width = max(map(len, groups))
    common = [max(k[i] if i < len(k) else 0 for k in groups) for i in range(width)]
    total = 0
    for key, poly in groups.items():
        size = len(poly)
        for i, exponent in enumerate(common):
            missing = exponent - (key[i] if i < len(key) else 0)
            size *= comb(len(field.base(i)) + missing - 1, missing)  # terms of base^missing
        total += size
    return total


def swells(field: Field, groups: Groups) -> bool:
    """Say whether one denominator would make a sum longer by far than its summands.

    Args:
        field: the field.
        groups: numerators by denominator.

    Returns:
        True when the sum should stay grouped.
    """
    if len(groups) < FEWEST:
        return False
    return estimated_terms(field, groups) > max(SWOLLEN, 20 * sum(map(len, groups.values())))


def grouped_sum(field: Field, groups: Groups) -> Element:
    """Return a sum as it is, each summand in lowest terms.

    Args:
        field: the field.
        groups: numerators by denominator.

    Returns:
        A `Grouped` element, or an ordinary one when cancelling has joined the summands.
    """
    lowest: Groups = {}
    for key, poly in groups.items():
        part = field.fraction(field.reduce(poly), key)
        sofar = lowest.get(part.denominator)
        lowest[part.denominator] = part.numerator if sofar is None else sofar + part.numerator
    if len(lowest) < len(groups):
        return field.combine(lowest)
    return Grouped(field, [Element(field, poly, key) for key, poly in lowest.items()])
