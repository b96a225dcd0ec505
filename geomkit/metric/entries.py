"""The matrix of a metric: from lists, SymPy matrices or LaTeX to expressions, shape checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sympy

from geomkit.errors import MetricError
from geomkit.metric.declarations import Declarations

__all__ = ["MatrixSource", "as_rows", "read_matrix"]

MatrixSource = Callable[[Declarations], Any]
"""Makes the entries once the declarations are known: what the constructors pass as `matrix`."""

_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{[A-Za-z]*(?:matrix|array)\*?\}(?:\{[clr|]*\})?")


def read_matrix(given: Any, declarations: Declarations) -> sympy.ImmutableDenseMatrix:
    """Return the matrix as stated (definitions not substituted), of the right size.

    Args:
        given: rows of texts, expressions or exact numbers; a SymPy matrix; a LaTeX matrix; or a
            `MatrixSource`.
        declarations: what the entries may use.

    Returns:
        The n x n matrix. It need not be symmetric yet.

    Raises:
        MetricError: if it is not square, or not as large as there are coordinates.
    """
    rows = as_rows(given(declarations) if callable(given) else given)
    n = len(declarations.coordinates)
    names = ", ".join(map(str, declarations.coordinates))
    for index, row in enumerate(rows):
        if len(row) != len(rows):
            raise MetricError(
                f"the matrix is not square: it has {len(rows)} rows, but row {index} has "
                f"{len(row)} entries; give n rows of n entries"
            )
    if len(rows) != n:
        raise MetricError(
            f"the matrix is {len(rows)} x {len(rows)}, but there are {n} coordinates ({names}); "
            "give one row and column for each coordinate"
        )
    seen: dict[str, sympy.Expr] = {}

    def entry(i: int, j: int) -> sympy.Expr:
        text = rows[i][j]
        if not isinstance(text, str):
            return declarations.read(text, f"matrix[{i}][{j}]")
        if text not in seen:  # symmetric matrices, and many zeros: every text is read once
            seen[text] = declarations.read(text, f"matrix[{i}][{j}]")
        return seen[text]

    return sympy.ImmutableDenseMatrix(n, n, entry)


def as_rows(given: Any) -> list[list[Any]]:
    r"""Return a matrix-like object as a list of rows.

    Args:
        given: nested lists, a SymPy matrix or array, or a LaTeX matrix.

    Returns:
        The rows; they may be of different lengths.

    Raises:
        MetricError: if it is nothing of the kind.

    Example:
        >>> as_rows(r"\begin{pmatrix} 1 & 0 \\ 0 & r^2 \end{pmatrix}")
        [['{1}', '{0}'], ['{0}', '{r^2}']]
    """
    if isinstance(given, str):
        if given.lstrip().startswith("["):
            raise MetricError(
                f"matrix: {given[:40]!r} is a text; give the list itself, without quotes around it"
            )
        given = _latex_rows(given)
    if isinstance(given, sympy.MatrixBase):
        given = given.tolist()
    if hasattr(given, "tolist"):
        given = given.tolist()
    rows = []
    iterable = isinstance(given, Iterable) and not isinstance(given, Mapping)
    for index, row in enumerate(given if iterable else ()):
        if isinstance(row, str | Mapping) or not isinstance(row, Iterable):
            raise MetricError(f"matrix[{index}]: expected a row of entries, got {str(row)[:60]!r}")
        rows.append(list(row))
    if not rows:
        raise MetricError(
            f"matrix: expected a list of rows or a SymPy matrix, got {str(given)[:60]!r}"
        )
    return rows


def _latex_rows(text: str) -> list[list[str]]:
    body = _ENVIRONMENT.sub("", text).strip()
    rows = [row for row in re.split(r"\\\\(?:\[[^\]]*\])?", body) if row.strip()]
    # in braces, so that entries such as 2M are known to be LaTeX
    return [["{" + entry.strip() + "}" for entry in row.split("&")] for row in rows]
