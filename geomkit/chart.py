"""Chart: a metric inside its differential field, with inverse, determinant and Christoffel symbols.

Only the metric is differentiated (first and second derivatives); the inverse is taken block by
block as adjugate over determinant, whose irreducible factors become the field's denominators.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

from geomkit.errors import MetricError
from geomkit.field import Budget, Element, Field, RefinementError

if TYPE_CHECKING:
    import sympy

    from geomkit.metric import Metric

__all__ = ["Chart"]

HALF = Fraction(1, 2)
Matrix = list[list[Element]]


class Chart:
    """The coordinates, metric and field that tensors of one geometry share.

    Args:
        metric: the metric.
        field: a field that holds its entries.

    Raises:
        MetricError: the metric is degenerate.
    """

    def __init__(self, metric: Metric, field: Field) -> None:
        self.metric = metric
        self.field = field
        self.n = len(metric.coordinates)
        matrix = metric.matrix
        upper = {(i, j): field(matrix[i, j]) for i in range(self.n) for j in range(i, self.n)}
        self.g: Matrix = [
            [upper[min(i, j), max(i, j)] for j in range(self.n)] for i in range(self.n)
        ]
        self._first: dict[tuple[int, int, int], Element] = {}
        self._second: dict[tuple[int, int, int, int], Element] = {}
        self._christoffel_first: dict[tuple[int, int, int], Element] = {}
        self._christoffel: dict[tuple[int, int, int], Element] = {}

    @classmethod
    def of(
        cls,
        metric: Metric,
        *,
        expressions: Iterable[sympy.Expr] = (),
        budget: float | Budget | None = None,
    ) -> Chart:
        """Return a chart whose field holds the metric and further expressions.

        Args:
            metric: the metric.
            expressions: expressions (of the metric's symbols) that will be converted later.
            budget: seconds, or a budget already running.

        Returns:
            The chart.

        Raises:
            FieldError: an entry does not fit the exact field.
        """
        limit = budget if isinstance(budget, Budget) else Budget(budget)
        return cls(metric, Field.of(metric, expressions=expressions, budget=limit))

    def holds(self, expressions: Iterable[sympy.Expr]) -> bool:
        """Say whether further expressions fit the field as it was built.

        Args:
            expressions: expressions in the metric's symbols.

        Returns:
            False when a field built anew for them is needed.

        Raises:
            FieldError: an expression fits no field at all.
        """
        try:
            for expression in expressions:
                self.field(expression)
        except RefinementError:
            return False
        return True

    @cached_property
    def blocks(self) -> list[list[int]]:
        """Index sets of the connected blocks of the matrix."""
        left, blocks = set(range(self.n)), []
        while left:
            block, pending = set(), [min(left)]
            while pending:
                i = pending.pop()
                if i not in block:
                    block.add(i)
                    pending += [j for j in left if not self.g[i][j].is_zero]
            left -= block
            blocks.append(sorted(block))
        return blocks

    @cached_property
    def _block_determinants(self) -> list[Element]:
        return [self._minor(tuple(b), tuple(b)) for b in self.blocks]

    @cached_property
    def determinant(self) -> Element:
        """Determinant of g_ij."""
        result = self.field.one
        for value in self._block_determinants:
            result = result * value
        return result

    @cached_property
    def inverse(self) -> Matrix:
        """Inverse metric g^ij."""
        zero = self.field.zero
        result = [[zero] * self.n for _ in range(self.n)]
        for block, determinant in zip(self.blocks, self._block_determinants, strict=True):
            if determinant.is_zero:
                names = ", ".join(str(self.metric.coordinates[i]) for i in block)
                raise MetricError(
                    f"metric {self.metric.name!r} is degenerate: its determinant in the "
                    f"coordinates {names} vanishes identically; remove a redundant coordinate"
                )
            reciprocal = self.field.inverse(determinant)
            for a, i in enumerate(block):
                for j in block[a:]:
                    rows = tuple(k for k in block if k != i)
                    columns = tuple(k for k in block if k != j)
                    sign = -1 if (a + block.index(j)) % 2 else 1
                    cofactor = self._minor(rows, columns)
                    result[i][j] = result[j][i] = self.field.dot(((sign, cofactor, reciprocal),))
        return result

    @cached_property
    def _minors(self) -> dict[tuple[tuple[int, ...], tuple[int, ...]], Element]:
        return {}

    def _minor(self, rows: tuple[int, ...], columns: tuple[int, ...]) -> Element:
        """Return the determinant of a submatrix, expanded along its first row."""
        if not rows:
            return self.field.one
        key = (rows, columns)
        mirrored = self._minors.get((columns, rows))
        if mirrored is not None:
            return mirrored
        if key not in self._minors:
            first, rest = rows[0], rows[1:]
            self._minors[key] = self.field.dot(
                (-1 if k % 2 else 1, self.g[first][c], self._minor(rest, _without(columns, k)))
                for k, c in enumerate(columns)
                if not self.g[first][c].is_zero
            )
        return self._minors[key]

    @cached_property
    def volume(self) -> Element:
        """Volume element sqrt|det g|.

        Squares that are written as such in a diagonal entry are taken out before anything is
        expanded: a square of sums of roots would not be recognised afterwards.
        """
        outside, inside = self.field.one, self.field.one
        for block, determinant in zip(self.blocks, self._block_determinants, strict=True):
            i = block[0]
            factors = [self.metric.matrix[i, i]] if len(block) == 1 else []
            squares, rest = _squares(factors)
            if len(block) > 1 or not squares:
                inside = inside * determinant
                continue
            for base, exponent in squares:
                outside = outside * self.field.absolute(self.field(base)) ** exponent
            for factor in rest:
                inside = inside * self.field(factor)
        return outside * self.field.sqrt_abs(inside)

    # Derivatives ----------------------------------------------------------------------------

    def dg(self, i: int, j: int, k: int) -> Element:
        """Return d_k g_ij."""
        key = (min(i, j), max(i, j), k)
        if key not in self._first:
            self.field.budget.check()
            self._first[key] = self.g[key[0]][key[1]].diff(self.metric.coordinates[k])
        return self._first[key]

    def ddg(self, i: int, j: int, k: int, m: int) -> Element:
        """Return d_k d_m g_ij."""
        key = (min(i, j), max(i, j), min(k, m), max(k, m))
        if key not in self._second:
            slope = self.dg(key[0], key[1], key[2])
            self._second[key] = slope.diff(self.metric.coordinates[key[3]])
        return self._second[key]

    def christoffel_first(self, k: int, i: int, j: int) -> Element:
        """Return Gamma_kij = (d_i g_kj + d_j g_ki - d_k g_ij)/2."""
        key = (k, min(i, j), max(i, j))
        if key not in self._christoffel_first:
            one = self.field.one
            slopes = (HALF, self.dg(k, j, i)), (HALF, self.dg(k, i, j)), (-HALF, self.dg(i, j, k))
            self._christoffel_first[key] = self.field.dot((c, d, one) for c, d in slopes)
        return self._christoffel_first[key]

    def christoffel(self, i: int, j: int, k: int) -> Element:
        """Return Gamma^i_jk = g^im Gamma_mjk."""
        key = (i, min(j, k), max(j, k))
        if key not in self._christoffel:
            self._christoffel[key] = self.field.dot(
                (1, self.inverse[i][m], self.christoffel_first(m, j, k))
                for m in range(self.n)
                if not self.inverse[i][m].is_zero
            )
        return self._christoffel[key]


def _squares(
    entries: Iterable[sympy.Expr],
) -> tuple[list[tuple[sympy.Expr, int]], list[sympy.Expr]]:
    """Split products into squares (b, k), meaning b^(2 k), and other factors."""
    squares, rest = [], []
    for entry in entries:
        for factor in entry.as_ordered_factors():
            base, exponent = factor.as_base_exp()
            if exponent.is_Integer and exponent % 2 == 0:
                squares.append((base, int(exponent) // 2))
            else:
                rest.append(factor)
    return squares, rest


def _without(items: Sequence[int], position: int) -> tuple[int, ...]:
    return tuple(items[:position]) + tuple(items[position + 1 :])
