"""Curvature by another package: `python -m benchmarks.peer_run PACKAGE CASE` in its environment.

Each derives Riemann, Ricci and the scalar curvature in its usual way, with what simplification it
does by itself. Prints the CPU seconds as JSON.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import json
import sys
import time
from importlib import import_module
from itertools import product
from typing import Any

import sympy as sp

from benchmarks.cases import CASES

__all__ = ["PACKAGES"]


def _einsteinpy(coordinates: list[Any], rows: list[list[Any]]) -> Any:
    from einsteinpy.symbolic import (
        ChristoffelSymbols,
        MetricTensor,
        RicciScalar,
        RicciTensor,
        RiemannCurvatureTensor,
    )

    metric = MetricTensor(rows, tuple(coordinates))
    gamma = ChristoffelSymbols.from_metric(metric)
    riemann = RiemannCurvatureTensor.from_christoffels(gamma)
    ricci = RicciTensor.from_riemann(riemann, parent_metric=metric)
    return RicciScalar.from_riccitensor(ricci).expr


def _gravipy(coordinates: list[Any], rows: list[list[Any]]) -> Any:
    from gravipy import tensorial

    x = tensorial.Coordinates("x", coordinates)
    g = tensorial.MetricTensor("g", x, sp.Matrix(rows))
    tensorial.Christoffel("Ga", g)
    riemann, ricci = tensorial.Riemann("Rm", g), tensorial.Ricci("Ri", g)
    n = len(coordinates)
    for index in product(range(1, n + 1), repeat=4):
        riemann(*index)
    for index in product(range(1, n + 1), repeat=2):
        ricci(*index)
    return ricci.scalar()


def _pytearcat(coordinates: list[Any], rows: list[list[Any]]) -> Any:
    import pytearcat as pt

    matrix = sp.Matrix(rows)
    pt.coords(",".join(map(str, coordinates)))
    functions = matrix.atoms(sp.core.function.AppliedUndef)
    for function in functions:
        pt.fun(function.func.__name__, ",".join(map(str, function.args)))
    for symbol in sorted(matrix.free_symbols - set(coordinates), key=str):
        pt.con(str(symbol))
    bare = {f: sp.Symbol(f.func.__name__) for f in functions}
    terms = [
        f"({entry.subs(bare)})*d{coordinates[i]}*d{coordinates[j]}"
        for i, j in product(range(len(coordinates)), repeat=2)
        if (entry := rows[i][j]) != 0
    ]
    pt.metric("ds2 = " + " + ".join(terms))
    pt.christoffel()
    pt.riemann()
    pt.ricci()
    return pt.riccis()


PACKAGES = {"einsteinpy": _einsteinpy, "gravipy": _gravipy, "pytearcat": _pytearcat}


def main(package: str, name: str) -> None:
    """Time one case with one package and print the seconds."""
    coordinates, rows = CASES[name].build()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        # pytearcat expects the name that notebooks define.
        builtins.display = lambda *_args, **_options: None  # type: ignore[attr-defined]
        import_module(package)  # not timed
        started = time.process_time()
        scalar = PACKAGES[package](coordinates, rows)
        seconds = time.process_time() - started
    print(json.dumps({"seconds": seconds, "scalar": str(scalar)[:200]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
