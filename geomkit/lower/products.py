"""Products that share parts: the greedy choice of common pairs, and of reciprocals.

Given products such as 12 M^2 r^3 / Sigma^5, find which pairs of factors (x*y, x*x) occur in most of
them, make each a factor of its own, and go on until no pair occurs twice. What is divided by more
than once is divided by once: 1/Sigma becomes a factor.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

__all__ = ["Shared", "share"]

Monomial = tuple[tuple[int, int], ...]
Powers = dict[int, int]
# Beyond so many products the search for pairs takes longer than it saves.
MOST = 60_000


@dataclass
class Shared:
    """Products over a table of factors.

    Attributes:
        factors: ("atom", number), ("number", Fraction), ("reciprocal", powers) or ("pair", powers),
            powers being ((factor, exponent), ...).
        rows: for each product the powers of factors that multiply and that divide.
    """

    factors: list[tuple[str, Any]] = field(default_factory=list)
    rows: list[tuple[Monomial, Monomial]] = field(default_factory=list)


def share(products: Sequence[tuple[Fraction, Monomial]]) -> Shared:
    """Find common parts of products.

    Args:
        products: positive number, and atoms with exponents, which may be negative.

    Returns:
        The table of factors, and each product in terms of it.
    """
    table = _Table()
    shares = _reciprocals(products)
    rows: list[Powers] = []
    for number, (coefficient, monomial) in enumerate(products):
        above: Powers = {}
        below: Powers = {}
        if coefficient != 1:
            above[table.number("number", coefficient)] = 1
        for atom, k in monomial:
            if k > 0:
                above[table.number("atom", atom)] = k
            elif (atom, number) in shares:
                for group, times in shares[atom, number]:
                    powers = tuple((table.number("atom", a), e) for a, e in group)
                    above[table.number("reciprocal", powers)] = times
            else:
                below[table.number("atom", atom)] = -k
        rows += [above, below]
    if len(products) <= MOST:
        _Pairs(table, rows).extract()
    done = [tuple(sorted(row.items())) for row in rows]
    return Shared(table.factors, list(zip(done[::2], done[1::2], strict=True)))


class _Table:
    def __init__(self) -> None:
        self.factors: list[tuple[str, Any]] = []
        self._numbers: dict[tuple[str, Any], int] = {}

    def number(self, kind: str, value: Any) -> int:
        key = kind, value
        if key not in self._numbers:
            self._numbers[key] = len(self.factors)
            self.factors.append(key)
        return self._numbers[key]


def _reciprocals(
    products: Sequence[tuple[Fraction, Monomial]],
) -> dict[tuple[int, int], list[tuple[Monomial, int]]]:
    """For (atom, product) that divide by a shared reciprocal: its group, and how often.

    Atoms that always divide together, with equal exponents, share one reciprocal: it is listed for
    the first of them, and nothing for the others.

    Args:
        products: positive number, and atoms with exponents.

    Returns:
        By atom and number of the product: ((atom, 1), ...) and the exponent, at most once.
    """
    uses: dict[int, list[tuple[int, int]]] = {}
    for number, (_, monomial) in enumerate(products):
        for atom, k in monomial:
            if k < 0:
                uses.setdefault(atom, []).append((number, -k))
    groups: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for atom, where in uses.items():
        if len(where) > 1:
            groups.setdefault(tuple(where), []).append(atom)
    result: dict[tuple[int, int], list[tuple[Monomial, int]]] = {}
    for sites, atoms in groups.items():
        together = tuple((atom, 1) for atom in sorted(atoms))
        for number, times in sites:
            for atom in atoms:
                result[atom, number] = []
            result[together[0][0], number] = [(together, times)]
    return result


class _Pairs:
    """Greedy extraction: the pair of factors that most rows have becomes a factor."""

    def __init__(self, table: _Table, rows: list[Powers]) -> None:
        self.table = table
        self.rows = rows
        self.where: dict[tuple[int, int], set[int]] = {}
        self.heap: list[tuple[int, tuple[int, int]]] = []
        for number in range(len(rows)):
            self._enter(number)

    def extract(self) -> None:
        """Replace pairs until none occurs twice."""
        self.heap = [(-len(rows), pair) for pair, rows in self.where.items() if len(rows) > 1]
        heapq.heapify(self.heap)
        while self.heap:
            count, pair = heapq.heappop(self.heap)
            actual = len(self.where.get(pair, ()))
            if actual < 2:
                continue
            if actual != -count:
                heapq.heappush(self.heap, (-actual, pair))
                continue
            self._replace(pair)

    def _replace(self, pair: tuple[int, int]) -> None:
        a, b = pair
        fresh = self.table.number("pair", ((a, 2),) if a == b else ((a, 1), (b, 1)))
        touched: dict[tuple[int, int], None] = {}
        for number in sorted(self.where[pair]):
            row = self.rows[number]
            for one in _pairs(row):
                self.where[one].discard(number)
            times = row[a] // 2 if a == b else min(row[a], row[b])
            for factor, k in ((a, 2 * times),) if a == b else ((a, times), (b, times)):
                row[factor] -= k
                if not row[factor]:
                    del row[factor]
            row[fresh] = row.get(fresh, 0) + times
            touched |= dict.fromkeys(self._enter(number))
        for one in touched:
            if len(self.where[one]) > 1:
                heapq.heappush(self.heap, (-len(self.where[one]), one))

    def _enter(self, number: int) -> list[tuple[int, int]]:
        found = _pairs(self.rows[number])
        for pair in found:
            self.where.setdefault(pair, set()).add(number)
        return found


def _pairs(row: Powers) -> list[tuple[int, int]]:
    factors = sorted(row)
    found = [(a, a) for a in factors if row[a] > 1]
    for i, a in enumerate(factors):
        found += [(a, b) for b in factors[i + 1 :]]
    return found
