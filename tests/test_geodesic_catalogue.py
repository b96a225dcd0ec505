"""Geodesics of every metric of the catalogue: accelerations from Arb, and what is conserved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy

import geomkit as gk
from geomkit.enclosure import enclose, regular_points
from geomkit.geodesic import Ending, Geodesics

CONCRETE = [name for name in gk.catalog if not gk.catalog[name].functions]
QUICK = ("kerr", "sphere3_hopf", "godel", "kerr_newman", "fisher_gamma", "sphere5_hopf")


def check(name: str) -> None:
    """Compare x'' at a point with rigorous Christoffel symbols, and follow a short geodesic."""
    metric = gk.catalog[name]
    point = regular_points(metric, 1, seed=3)[0]
    values = {p.symbol.name: float(point[p.symbol]) for p in metric.parameters if p.value is None}
    geodesics = Geodesics(metric, backend="interpret", parameters=values)
    x = np.array([float(point[c]) for c in metric.coordinates])
    v = np.array([float(sympy.Rational(k + 2, 7 * (k + 1))) for k in range(metric.n)])
    found = geodesics.equations.geodesic(0.0, np.concatenate([x, v]))[metric.n :]
    # a tenth of the way on which the velocity changes by its own size
    span = 0.1 / (1 + float(np.abs(found).max()))
    assert found == pytest.approx(acceleration(metric, point, v), rel=1e-11, abs=1e-11)
    curve = geodesics.geodesic(x, v, span, samples=3)
    assert curve.ending is Ending.LENGTH, curve.message
    # rtol 1e-10 a step, and a few steps; terms of the energy may cancel in part
    assert max(one.drift for one in curve.invariants.values()) < 1e-7, str(curve)


def acceleration(metric: gk.Metric, point: Any, v: Any) -> list[float]:
    """-Gamma^i_jk v^j v^k from enclosures by plain loops over jets, of the exact point."""
    there = enclose(metric, point)
    n = metric.n
    gamma = [[[float(there.gamma[i][j][k].mid()) for k in range(n)] for j in range(n)]
             for i in range(n)]  # fmt: skip
    return list(-np.einsum("ijk,j,k->i", np.array(gamma), v, v))


@pytest.mark.parametrize("name", QUICK)
def test_a_few_metrics(name: str) -> None:
    check(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", CONCRETE)
def test_every_metric_of_the_catalogue(name: str) -> None:
    check(name)
