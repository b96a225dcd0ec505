"""Small matrices of field elements: inverse, determinant, action on one slot of a tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from geomkit.chart import Chart
from geomkit.errors import TensorError
from geomkit.field import Element
from geomkit.tensor.symmetry import Index

__all__ = ["Rows", "converted", "determinant", "inverse_matrix"]

Rows = list[list[Element]]


def converted(
    chart: Chart, components: Mapping[Index, Element], slot: int, rows: Sequence[Sequence[Element]]
) -> dict[Index, Element]:
    """One slot of all components multiplied by a matrix: T'_{..a..} = sum_i rows[a][i] T_{..i..}.

    Args:
        chart: the chart whose field the elements belong to.
        components: all non-zero components, by index.
        slot: the slot.
        rows: the matrix; it need not be square.

    Returns:
        All components that can be non-zero, by index.
    """
    sums: dict[Index, list[tuple[int, Element, Element]]] = {}
    for index, element in components.items():
        for a, row in enumerate(rows):
            factor = row[index[slot]]
            if not factor.is_zero:
                target = (*index[:slot], a, *index[slot + 1 :])
                sums.setdefault(target, []).append((1, factor, element))
    return {index: chart.field.dot(terms) for index, terms in sums.items()}


def inverse_matrix(chart: Chart, rows: Rows) -> Rows:
    """The inverse of a square matrix, by elimination.

    Args:
        chart: the chart whose field the elements belong to.
        rows: the matrix.

    Returns:
        The inverse.

    Raises:
        TensorError: if the matrix is singular.
    """
    n, zero, one = len(rows), chart.field.zero, chart.field.one
    table = [[*row, *(one if i == j else zero for j in range(n))] for i, row in enumerate(rows)]
    for column in range(n):
        candidates = [i for i in range(column, n) if not table[i][column].is_zero]
        if not candidates:
            raise TensorError("the matrix is singular: a map of coordinates must be invertible")
        # the shortest pivot keeps the intermediate fractions short
        best = min(candidates, key=lambda i: table[i][column].term_count)
        table[column], table[best] = table[best], table[column]
        pivot = table[column][column]
        table[column] = [entry / pivot for entry in table[column]]
        for i in range(n):
            factor = table[i][column]
            if i != column and not factor.is_zero:
                table[i] = [a - factor * b for a, b in zip(table[i], table[column], strict=True)]
    return [row[n:] for row in table]


def determinant(chart: Chart, rows: Sequence[Sequence[Element]]) -> Element:
    """The determinant of a square matrix, by expansion along its sparsest row.

    Args:
        chart: the chart whose field the elements belong to.
        rows: the matrix, of moderate size (the cost grows like the factorial for full ones).

    Returns:
        The determinant; 1 for the empty matrix.
    """
    if not rows:
        return chart.field.one
    r = min(range(len(rows)), key=lambda i: sum(not e.is_zero for e in rows[i]))
    terms = []
    for c, entry in enumerate(rows[r]):
        if not entry.is_zero:
            minor = [
                [e for k, e in enumerate(row) if k != c] for i, row in enumerate(rows) if i != r
            ]
            terms.append((-1 if (r + c) % 2 else 1, entry, determinant(chart, minor)))
    return chart.field.dot(terms)
