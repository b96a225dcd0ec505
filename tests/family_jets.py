"""Jets for the tests of families: random ones, and those of metrics whose curvature is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy

import geomkit as gk

Array = np.ndarray[Any, Any]


def random_jet(
    random: np.random.Generator, count: int, n: int, *, lorentzian: bool = False
) -> tuple[Array, Array, Array]:
    """`count` jets of well-conditioned metrics: g (N, n, n), dg, ddg."""
    turn = np.linalg.qr(random.normal(size=(count, n, n)))[0]
    values = 0.5 + random.random((count, 1, n))
    if lorentzian:
        values[..., 0] *= -1
    g = (turn * values) @ turn.swapaxes(1, 2)
    dg = random.normal(size=(count, n, n, n))
    ddg = random.normal(size=(count, n, n, n, n))
    dg, ddg = dg + dg.swapaxes(1, 2), ddg + ddg.swapaxes(1, 2)
    return (g + g.swapaxes(1, 2)) / 2, dg, ddg + ddg.swapaxes(3, 4)


def change(jet: tuple[Array, ...], matrix: Array) -> tuple[Array, ...]:
    """The jet in coordinates y with x = A y: every index meets A."""
    result = []
    for array in jet:
        for _ in range(array.ndim - 1):
            # takes the first index after the batch, appends the new one: after all, a full turn
            array = np.tensordot(array, matrix, (1, 0))
        result.append(array)
    return tuple(result)


def catalogue_jet(name: str, seed: int) -> tuple[tuple[Array, Array, Array], float]:
    """Jet of a catalogue metric at a random point of its domain, and R there, exactly derived."""
    metric = gk.catalog[name]
    random = np.random.default_rng(seed)
    values: dict[sympy.Symbol, float] = {}
    for box in metric.domain.boxes:
        # bounds may refer to symbols of earlier boxes
        low, high = (
            float(sympy.sympify(bound, strict=True).subs(values)) if bound is not None else default
            for bound, default in ((box.lower, -1.0), (box.upper, 1.0))
        )
        values[box.symbol] = low + (high - low) * random.uniform(0.3, 0.7)
    for symbol in metric.symbols.values():
        values.setdefault(symbol, float(random.uniform(0.5, 1.5)))
    x, n = metric.coordinates, len(metric.coordinates)
    g, dg, ddg = (np.zeros((n,) * rank) for rank in (2, 3, 4))

    def number(entry: sympy.Expr) -> float:
        return float(entry.subs(values).evalf(30))

    for i in range(n):
        for j in range(n):
            entry = metric.matrix[i, j]
            g[i, j] = number(entry)
            for k in range(n):
                slope = sympy.diff(entry, x[k])
                dg[i, j, k] = number(slope) if slope != 0 else 0.0
                for m in range(n):
                    second = sympy.diff(slope, x[m]) if slope != 0 else 0
                    ddg[i, j, k, m] = number(second) if second != 0 else 0.0
    return (g, dg, ddg), number(sympy.sympify(gk.curvature(metric).scalar, strict=True))
