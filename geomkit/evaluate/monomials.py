"""Numbering of the monomials of several variables by degree, with their multiplication table.

Number 0 is the constant, 1 ... n are the variables. Because degrees come in order, the monomials up
to a lower degree are a prefix, and a jet is truncated by dropping the tail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations_with_replacement
from math import factorial, prod

__all__ = ["Monomials", "monomials"]


@dataclass(frozen=True)
class Monomials:
    """The monomials of `count` variables up to degree `order`.

    Attributes:
        exponents: exponent tuple of each monomial.
        index: number of an exponent tuple.
        sizes: sizes[d] = how many monomials have degree <= d.
        degrees: degree of each monomial.
        products: products[i][j] = number of monomial i times monomial j, for j up to the degree
            that fits.
        factorials: alpha! of each monomial: derivative = Taylor coefficient times alpha!.
    """

    exponents: tuple[tuple[int, ...], ...]
    index: dict[tuple[int, ...], int]
    sizes: tuple[int, ...]
    degrees: tuple[int, ...]
    products: tuple[tuple[int, ...], ...]
    factorials: tuple[int, ...]

    def of(self, variables: Sequence[int]) -> int:
        """The number of a product of variables, given as a list of their positions."""
        exponents = [0] * len(self.exponents[0])
        for variable in variables:
            exponents[variable] += 1
        return self.index[tuple(exponents)]


@lru_cache(maxsize=64)
def monomials(count: int, order: int) -> Monomials:
    """Number the monomials of `count` variables up to degree `order`.

    Args:
        count: number of variables.
        order: highest degree.

    Returns:
        The tables.

    Example:
        >>> table = monomials(2, 2)
        >>> table.exponents
        ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
        >>> table.products[1][2] == table.of([0, 1])
        True
    """
    exponents: list[tuple[int, ...]] = []
    sizes = []
    for degree in range(order + 1):
        choices = combinations_with_replacement(range(count), degree)
        exponents.extend(tuple(chosen.count(v) for v in range(count)) for chosen in choices)
        sizes.append(len(exponents))
    index = {e: i for i, e in enumerate(exponents)}
    products = tuple(
        tuple(
            index[tuple(a + b for a, b in zip(first, second, strict=True))]
            for second in exponents[: sizes[order - sum(first)]]
        )
        for first in exponents
    )
    return Monomials(
        tuple(exponents),
        index,
        tuple(sizes),
        tuple(sum(e) for e in exponents),
        products,
        tuple(prod(factorial(k) for k in e) for e in exponents),
    )
