"""The conventions name every quantity, and the index order claimed for SymPy is SymPy's."""

from __future__ import annotations

import pickle

import pytest
import sympy as sp
from sympy.diffgeom import CoordSystem, Manifold, Patch, TensorProduct
from sympy.diffgeom import metric_to_Ricci_components as sympy_ricci
from sympy.diffgeom import metric_to_Riemann_components as sympy_riemann

from geomkit import conventions, errors
from geomkit.quantities import QUANTITIES


def test_every_quantity_has_a_convention() -> None:
    assert not set(QUANTITIES) - set(conventions.CONVENTIONS)
    assert not set(conventions.REFERENCES) - set(conventions.CONVENTIONS)


def test_index_order_of_sympy() -> None:
    # R^i_jkl as the text says it, by plain loops, on the sphere in sheared coordinates
    u, v = sp.symbols("u v", real=True)
    chart = CoordSystem("C", Patch("P", Manifold("M", 2)), [u, v])
    du, dv = chart.base_oneforms()
    x, y = chart.base_scalars()
    g = sp.Matrix([[1 + x**2, x], [x, 1]])
    form = sum(
        g[i, j] * TensorProduct(a, b)
        for i, a in enumerate((du, dv))
        for j, b in enumerate((du, dv))
    )
    xs, n = (x, y), range(2)
    plain = {x: u, y: v}
    metric = g.subs(plain)
    inverse = metric.inv()
    d = [metric.diff(s) for s in (u, v)]
    gamma = [
        [
            [sum(inverse[i, m] * (d[j][m, k] + d[k][m, j] - d[m][j, k]) for m in n) / 2 for k in n]
            for j in n
        ]
        for i in n
    ]

    def riemann(i: int, j: int, k: int, q: int) -> sp.Expr:
        value = sp.diff(gamma[i][q][j], (u, v)[k]) - sp.diff(gamma[i][k][j], (u, v)[q])
        return value + sum(
            gamma[i][k][m] * gamma[m][q][j] - gamma[i][q][m] * gamma[m][k][j] for m in n
        )

    theirs = sympy_riemann(form)
    for i in n:
        for j in n:
            for k in n:
                for q in n:
                    other = theirs[i, j, k, q].subs(dict(zip(xs, (u, v), strict=True)))
                    assert sp.simplify(other - riemann(i, j, k, q)) == 0
    ricci = sympy_ricci(form)
    for j in n:
        for q in n:
            ours = sum(riemann(i, j, i, q) for i in n)
            assert sp.simplify(ricci[j, q].subs(plain) - ours) == 0


@pytest.mark.parametrize(
    "error",
    [
        errors.ParseError("m", text="abc", position=1, where="w"),
        errors.FileError("m", file="f", key="k", remedy="r"),
        errors.FieldError("x", "because"),
        errors.BudgetError("m", "r"),
        errors.MetricError("m"),
    ],
)
def test_errors_are_of_one_family_and_cross_processes(error: errors.GeomkitError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(copy, errors.GeomkitError)
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))
