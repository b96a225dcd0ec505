"""Linear algebra with error bounds: inverse of a matrix of jets; inertia, determinant of balls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from geomkit.errors import DomainError
from geomkit.evaluate import Jet, Jets, UndecidedError

__all__ = ["determinant", "dot", "inertia", "inverse"]

Ball = Any


def dot(zero: Ball, pairs: Iterable[tuple[Ball, Ball]]) -> Ball:
    """Sum of products of balls; products with an exact zero are skipped.

    Args:
        zero: the exact zero, for an empty sum.
        pairs: pairs of balls.

    Returns:
        A ball.
    """
    total = None
    for a, b in pairs:
        if not (a.is_zero() or b.is_zero()):
            total = a * b if total is None else total + a * b
    return zero if total is None else total


def inverse(ring: Jets, rows: list[dict[int, Jet]], order: int) -> dict[tuple[int, int], Jet]:
    """Invert a square matrix of jets by Gauss-Jordan elimination with pivoting.

    Args:
        ring: the jets.
        rows: for each row its entries by column; a missing entry is exactly zero.
        order: degree up to which the inverse is wanted.

    Returns:
        The entries of the inverse that are not exactly zero.
    """
    n = len(rows)
    one = ring.jet({0: ring.base.number(1)}).truncate(order)
    work = [{**row, n + i: one} for i, row in enumerate(rows)]
    for column in range(n):
        pivot = _pivot([row.get(column) for row in work[column:]]) + column
        work[column], work[pivot] = work[pivot], work[column]
        factor = ring.power(work[column][column], Fraction(-1))
        scaled = {j: jet * factor for j, jet in work[column].items() if j != column}
        for i, row in enumerate(work):
            below = row.pop(column, None)
            if i != column and below is not None:
                _subtract(row, below, scaled)
        work[column] = scaled
    return {(i, j - n): jet for i, row in enumerate(work) for j, jet in row.items() if jet.terms}


def _subtract(row: dict[int, Jet], factor: Jet, other: dict[int, Jet]) -> None:
    for j, jet in other.items():
        step = -(factor * jet)
        row[j] = row[j] + step if j in row else step


def _pivot(candidates: Sequence[Jet | None]) -> int:
    """Position of a jet whose constant term is surely nonzero, and large."""
    best, largest, open_ = None, None, False
    for position, jet in enumerate(candidates):
        if jet is None or jet.value.is_zero():
            continue
        if jet.value.contains(0):
            open_ = True
            continue
        size = abs(jet.value.mid())
        if largest is None or size > largest:
            best, largest = position, size
    if best is None:
        raise _degenerate(undecided=open_)
    return best


def _degenerate(*, undecided: bool) -> DomainError:
    if undecided:
        return UndecidedError("the metric is not known to be regular at this point")
    return DomainError("the metric is degenerate at this point; take another one")


def inertia(matrix: Sequence[Sequence[Ball]]) -> tuple[int, int]:
    """Numbers of positive and negative eigenvalues of a symmetric matrix, rigorously.

    Sylvester's law: a symmetric elimination with pivots of size 1 (a diagonal entry) or 2 (an
    off-diagonal entry) leaves the inertia unchanged. Every pivot is a ball that excludes zero, so
    the count is proved.

    Args:
        matrix: rows of balls, symmetric.

    Returns:
        (plus, minus).
    """
    work = {(i, j): x for i, row in enumerate(matrix) for j, x in enumerate(row)}
    left = list(range(len(matrix)))
    plus = 0
    while left:
        pivots = _symmetric_pivot(work, left)
        plus += _plus(work, pivots)
        left = [i for i in left if i not in pivots]
        _eliminate(work, pivots, left)
    return plus, len(matrix) - plus


def _symmetric_pivot(work: dict[tuple[int, int], Ball], left: Sequence[int]) -> tuple[int, ...]:
    """The largest surely nonzero diagonal entry; else a 2 x 2 block with nonzero determinant."""
    best, largest = None, None
    for i in left:
        x = work[i, i]
        if not x.contains(0) and (largest is None or abs(x.mid()) > largest):
            best, largest = i, abs(x.mid())
    if best is not None:
        return (best,)
    for i in left:
        for j in left:
            if i < j and not _block(work, i, j).contains(0):
                return i, j
    zero = all(work[i, j].is_zero() for i in left for j in left)
    raise _degenerate(undecided=not zero)


def _block(work: dict[tuple[int, int], Ball], i: int, j: int) -> Ball:
    return work[i, i] * work[j, j] - work[i, j] * work[i, j]


def _plus(work: dict[tuple[int, int], Ball], pivots: tuple[int, ...]) -> int:
    if len(pivots) == 1:
        return int(work[pivots[0], pivots[0]] > 0)
    if _block(work, *pivots) < 0:
        return 1
    return 2 if work[pivots[0], pivots[0]] > 0 else 0


def _eliminate(
    work: dict[tuple[int, int], Ball], pivots: tuple[int, ...], left: Sequence[int]
) -> None:
    """Schur complement: M - C B^-1 C^T on the rows that are left."""
    if len(pivots) == 1:
        p = pivots[0]
        for i in left:
            for j in left:
                if not (work[i, p].is_zero() or work[p, j].is_zero()):
                    work[i, j] = work[i, j] - work[i, p] * work[p, j] / work[p, p]
        return
    p, q = pivots
    determinant_ = _block(work, p, q)
    for i in left:
        for j in left:
            first = work[i, p] * work[q, q] - work[i, q] * work[p, q]
            second = work[i, q] * work[p, p] - work[i, p] * work[p, q]
            work[i, j] = work[i, j] - (first * work[p, j] + second * work[q, j]) / determinant_


def determinant(matrix: Sequence[Sequence[Ball]], one: Ball) -> Ball:
    """Determinant by expansion along rows, with memo over column sets: no division is needed.

    Args:
        matrix: rows of balls.
        one: the ball 1.

    Returns:
        A ball.
    """
    minors: dict[tuple[int, ...], Ball] = {(): one}
    n = len(matrix)
    for size in range(1, n + 1):
        row = matrix[n - size]
        minors = _next_minors(minors, row, one - one)
    return minors[tuple(range(n))]


def _next_minors(
    minors: dict[tuple[int, ...], Ball], row: Sequence[Ball], zero: Ball
) -> dict[tuple[int, ...], Ball]:
    """Minors with one row more, on every set of columns, expanded along the new top row."""
    result: dict[tuple[int, ...], Ball] = {}
    for columns, minor in minors.items():
        for c, x in enumerate(row):
            if c in columns:
                continue
            place = sum(1 for other in columns if other < c)
            chosen = (*columns[:place], c, *columns[place:])
            before = result.get(chosen, zero)
            if x.is_zero() or minor.is_zero():
                result[chosen] = before
            else:
                term = x * minor
                result[chosen] = before - term if place % 2 else before + term
    return result
