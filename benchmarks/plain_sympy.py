"""The baseline: curvature by SymPy's `diff` and `simplify` alone, as one would write it by hand.

The textbook formulas in plain loops over all indices, every component simplified, no symmetry used.
`python -m benchmarks.plain_sympy CASE` prints the CPU seconds of one run as JSON. It is run in a
process of its own, which the caller ends when it takes too long.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import product
from typing import Any

import sympy as sp

from benchmarks.cases import CASES

__all__ = ["derive"]


def derive(coordinates: list[Any], rows: list[list[Any]], *, kretschmann: bool) -> tuple[Any, Any]:
    """Derive Riemann, Ricci, the scalar and the Kretschmann scalar, simplifying each component.

    Args:
        coordinates: the coordinates.
        rows: the matrix.
        kretschmann: whether the Kretschmann scalar is wanted.

    Returns:
        The scalar curvature and the Kretschmann scalar (or None).
    """
    n = len(coordinates)
    span = range(n)
    g = sp.Matrix(rows)
    inverse = g.inv().applyfunc(sp.simplify)
    gamma = [[[sp.Integer(0)] * n for _ in span] for _ in span]
    for i, j, k in product(span, repeat=3):
        terms = (
            inverse[i, m]
            * (
                g[m, k].diff(coordinates[j])
                + g[m, j].diff(coordinates[k])
                - g[j, k].diff(coordinates[m])
            )
            / 2
            for m in span
        )
        gamma[i][j][k] = sp.simplify(sum(terms))

    def riemann(i: int, j: int, k: int, m: int) -> Any:
        value = gamma[i][m][j].diff(coordinates[k]) - gamma[i][k][j].diff(coordinates[m])
        for e in span:
            value += gamma[i][k][e] * gamma[e][m][j] - gamma[i][m][e] * gamma[e][k][j]
        return sp.simplify(value)

    up = {index: riemann(*index) for index in product(span, repeat=4)}
    ricci = [[sp.simplify(sum(up[i, j, i, k] for i in span)) for k in span] for j in span]
    scalar = sp.simplify(sum(inverse[i, j] * ricci[i][j] for i, j in product(span, repeat=2)))
    return scalar, _kretschmann(g, inverse, up) if kretschmann else None


def _kretschmann(g: Any, inverse: Any, up: dict[tuple[int, ...], Any]) -> Any:
    """Contract R_ijkl R^ijkl, one index at a time."""
    span = range(g.shape[0])
    down: dict[tuple[int, ...], Any] = {
        (i, j, k, m): sum(g[i, e] * up[e, j, k, m] for e in span)
        for i, j, k, m in product(span, repeat=4)
    }
    raised = down
    for slot in range(4):
        previous = raised
        raised = {
            index: sum(
                inverse[index[slot], e] * previous[(*index[:slot], e, *index[slot + 1 :])]
                for e in span
            )
            for index in previous
        }
    return sp.simplify(sum(down[index] * raised[index] for index in down))


def main(name: str) -> None:
    """Time one case and print the seconds."""
    case = CASES[name]
    coordinates, rows = case.build()
    started = time.process_time()
    scalar, _ = derive(coordinates, rows, kretschmann=case.kretschmann)
    print(json.dumps({"seconds": time.process_time() - started, "scalar": str(scalar)[:200]}))


if __name__ == "__main__":
    main(sys.argv[1])
