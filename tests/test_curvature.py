"""`curvature`: literature results on hard metrics, properties with proof, budgets and errors."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest
import sympy as sp

import geomkit as gk
from geomkit.errors import BudgetError, FieldError, MetricError
from geomkit.metric import Metric

CARTESIAN = ["t", "x", "y", "z"]
BOX = {"x": ["2", "3"], "y": ["2", "3"], "z": ["2", "3"]}

# Vacuum solutions in charts that are known to be hard: nested and several independent roots,
# symbolic powers, two rotations, exponentials of quotients.
VACUUM = {
    "Kerr, Boyer-Lindquist": {
        "line_element": "-(D/S)*(dt - a*sin(th)**2*dphi)**2"
        " + sin(th)**2/S*((r**2 + a**2)*dphi - a*dt)**2 + S/D*dr**2 + S*dth**2",
        "coordinates": ["t", "r", "th", "phi"],
        "parameters": ["M", "a"],
        "definitions": {"S": "r**2 + a**2*cos(th)**2", "D": "r**2 - 2*M*r + a**2"},
        "domain": {"r": ["6", "9"], "th": ["0.4", "2.6"]},
    },
    "Kerr, Cartesian Kerr-Schild": {
        "line_element": "-dt**2 + dx**2 + dy**2 + dz**2 + 2*M*r**3/(r**4 + a**2*z**2)*(dt"
        " + (r*x + a*y)/(r**2 + a**2)*dx + (r*y - a*x)/(r**2 + a**2)*dy + z/r*dz)**2",
        "coordinates": CARTESIAN,
        "parameters": ["M", "a"],
        "definitions": {
            "rho": "x**2 + y**2 + z**2 - a**2",
            "r": "sqrt((rho + sqrt(rho**2 + 4*a**2*z**2))/2)",
        },
        "domain": BOX,
    },
    "Myers-Perry, two rotations": {
        "line_element": "-dt**2 + mu/S*(dt - a*sin(th)**2*dphi - b*cos(th)**2*dpsi)**2"
        " + r**2*S/((r**2 + a**2)*(r**2 + b**2) - mu*r**2)*dr**2 + S*dth**2"
        " + (r**2 + a**2)*sin(th)**2*dphi**2 + (r**2 + b**2)*cos(th)**2*dpsi**2",
        "coordinates": ["t", "r", "th", "phi", "psi"],
        "parameters": ["a", "b", "mu"],
        "definitions": {"S": "r**2 + a**2*cos(th)**2 + b**2*sin(th)**2"},
        "domain": {"th": ["0.3", "1.2"], "r": ["4", "6"]},
    },
    "Zipoy-Voorhees": {
        "line_element": "-((x - 1)/(x + 1))**d*dt**2 + s**2*((x + 1)/(x - 1))**d*((x**2 - y**2)"
        "*((x**2 - 1)/(x**2 - y**2))**(d**2)*(dx**2/(x**2 - 1) + dy**2/(1 - y**2))"
        " + (x**2 - 1)*(1 - y**2)*dphi**2)",
        "coordinates": ["t", "x", "y", "phi"],
        "parameters": ["d", "s"],
        "domain": {"x": ["1.5", "3"], "y": ["-0.8", "0.8"]},
    },
    "Curzon-Chazy": {
        "line_element": "-exp(-2*m/R)*dt**2 + exp(2*m/R)*(exp(-m**2*rho**2/R**4)"
        "*(drho**2 + dz**2) + rho**2*dphi**2)",
        "coordinates": ["t", "rho", "z", "phi"],
        "parameters": ["m"],
        "definitions": {"R": "sqrt(rho**2 + z**2)"},
        "domain": {"rho": ["1", "2"]},
    },
}


def build(content: Mapping[str, Any]) -> Metric:
    given = dict(content)
    return Metric.from_line_element(given.pop("line_element"), **given)


@pytest.mark.parametrize("name", VACUUM)
def test_vacuum_is_proved(name: str) -> None:
    curvature = gk.curvature(build(VACUUM[name]))
    decision = curvature.is_ricci_flat()
    assert (decision.value, decision.proof) == (True, "exact")
    assert curvature.scalar == 0
    assert curvature.is_flat().proof == "exact"
    assert not curvature.is_flat()


def test_kretschmann_of_kerr_is_that_of_the_literature() -> None:
    """Henry 2000, in factored form; the Cartesian chart gives the same at one point."""
    curvature = gk.curvature(gk.catalog["kerr"])
    symbols = curvature.chart.metric.symbols
    r, th, m, a = (symbols[s] for s in ("r", "theta", "M", "a"))
    sigma = r**2 + a**2 * sp.cos(th) ** 2
    expected = (
        48 * m**2 * (r**2 - a**2 * sp.cos(th) ** 2)
        * (sigma**2 - 16 * a**2 * r**2 * sp.cos(th) ** 2) / sigma**6
    )  # fmt: skip
    assert curvature.element("kretschmann") == curvature.chart.field(expected)
    assert curvature.weyl_squared == curvature.kretschmann

    cartesian = gk.curvature(build(VACUUM["Kerr, Cartesian Kerr-Schild"]))
    there = cartesian.chart.metric.symbols
    # t = 0, r = 2, theta = pi/3, a = 1/2, and phi chosen so that y = 0
    point = {there["M"]: 1, there["a"]: sp.Rational(1, 2), there["z"]: 1, there["y"]: 0}
    point[there["x"]] = sp.sqrt((4 + sp.Rational(1, 4)) * sp.Rational(3, 4))
    same = {r: 2, th: sp.pi / 3, m: 1, a: sp.Rational(1, 2)}
    difference = cartesian.kretschmann.subs(point) - expected.subs(same)
    # 40 digits of work on an expression of 20 terms
    assert abs(sp.N(difference, 40)) < sp.Float("1e-30")


def test_two_centres() -> None:
    """Majumdar-Papapetrou with two charges: R = 0 because the Maxwell field is trace-free."""
    metric = Metric.from_line_element(
        "-dt**2/U**2 + U**2*(dx**2 + dy**2 + dz**2)",
        coordinates=CARTESIAN,
        parameters=["m1", "m2", "b"],
        definitions={
            "U": "1 + m1/sqrt(x**2 + y**2 + (z - b)**2) + m2/sqrt(x**2 + y**2 + (z + b)**2)"
        },
        domain=BOX,
    )
    curvature = gk.curvature(metric)
    assert curvature.scalar == 0
    decision = curvature.is_ricci_flat()
    assert (decision.value, decision.proof) == (False, "exact")


def test_einstein_constant_of_the_plebanski_demianski_family() -> None:
    metric = Metric.from_line_element(
        "1/(1 - p*q)**2*((p**2 + q**2)/X*dp**2 + X/(p**2 + q**2)*(dtau + q**2*dsigma)**2"
        " + (p**2 + q**2)/Y*dq**2 - Y/(p**2 + q**2)*(dtau - p**2*dsigma)**2)",
        coordinates=["tau", "p", "q", "sigma"],
        parameters=["k", "m", "n", "eps", "Lambda"],
        definitions={
            "X": "k + 2*n*p - eps*p**2 + 2*m*p**3 - (k + Lambda/3)*p**4",
            "Y": "k - 2*m*q + eps*q**2 - 2*n*q**3 - (k + Lambda/3)*q**4",
        },
        domain={"p": ["0.1", "0.3"], "q": ["0.1", "0.3"]},
    )
    decision = gk.curvature(metric).is_einstein()
    assert (decision.value, decision.proof) == (True, "exact")
    assert decision.constant == metric.symbols["Lambda"]


@pytest.mark.parametrize("n", range(2, 11))
def test_round_sphere_in_every_dimension(n: int) -> None:
    factors = [[f"sin(x{j})**2" for j in range(i)] for i in range(n)]
    metric = Metric.from_line_element(
        " + ".join("*".join([f"dx{i}**2", *factors[i]]) for i in range(n)),
        coordinates=[f"x{i}" for i in range(n)],
        domain={f"x{i}": ["0.4", "2.6"] for i in range(n)},
    )
    curvature = gk.curvature(metric)
    assert curvature.is_constant_curvature().constant == 1
    assert curvature.scalar == n * (n - 1)
    assert curvature.kretschmann == 2 * n * (n - 1)
    assert curvature.is_locally_symmetric()


def test_properties_tell_products_apart() -> None:
    product = gk.curvature(gk.catalog["s2xs2"]) if "s2xs2" in gk.catalog.names() else None
    metric = Metric.from_line_element(
        "dtheta**2 + sin(theta)**2*dphi**2 + dx**2 + dy**2",
        coordinates=["theta", "phi", "x", "y"],
        domain={"theta": ["0.4", "2.6"]},
    )
    curvature = gk.curvature(metric)
    assert not curvature.is_einstein()
    assert not curvature.is_constant_curvature()
    assert not curvature.is_conformally_flat()
    assert curvature.is_locally_symmetric()
    assert product is None or product.is_locally_symmetric()


def test_a_factor_that_varies_is_no_constant() -> None:
    surface = Metric.from_line_element(
        "(1 + u**2)*du**2 + u**2*dv**2", coordinates=["u", "v"], domain={"u": ["1", "2"]}
    )
    decision = gk.curvature(surface).is_einstein()
    assert decision.value is False
    assert "not constant" in decision.detail


def test_dimension_one_and_what_is_not_defined() -> None:
    line = gk.curvature(Metric(coordinates=["x"], matrix=[["1 + x**2"]]))
    assert line.scalar == 0
    assert line.is_flat()
    assert line.is_conformally_flat()
    for name in ("weyl", "cotton", "schouten", "weyl_squared", "gauss", "chern_pontryagin"):
        with pytest.raises(MetricError, match=r"not defined|defined for"):
            getattr(line, name)
    with pytest.raises(MetricError, match="needs n >= 2"):
        line.is_constant_curvature()


def test_quantities_are_derived_once() -> None:
    curvature = gk.curvature(gk.catalog["kerr"])
    assert curvature.riemann_down is curvature.riemann_down
    assert curvature.element("scalar") is curvature.element("scalar")


def test_sectional_curvature_of_a_plane() -> None:
    curvature = gk.curvature(gk.catalog["kerr"])
    symbols = curvature.chart.metric.symbols
    value = curvature.sectional(["0", "1", "0", "0"], ["0", "0", "1", "0"])
    equatorial = sp.simplify(value.subs(symbols["theta"], sp.pi / 2))
    assert equatorial == -symbols["M"] / symbols["r"] ** 3
    with pytest.raises(MetricError, match="degenerate"):
        curvature.sectional(["0", "1", "0", "0"], ["0", "2", "0", "0"])


def generic(n: int) -> Metric:
    names = [f"x{i}" for i in range(n)]
    arguments = ", ".join(names)
    matrix = [[f"g{min(i, j)}{max(i, j)}({arguments})" for j in range(n)] for i in range(n)]
    examples = {matrix[i][j]: ["3" if i == j else "1/10"] for i in range(n) for j in range(i, n)}
    return Metric(coordinates=names, matrix=matrix, functions=examples)


@pytest.mark.parametrize("seconds", [1, 3])
def test_budget_is_honoured_within_a_factor_two(seconds: int) -> None:
    """Every product and every factorisation is estimated before FLINT is called."""
    metric = generic(6)
    start = time.monotonic()
    with pytest.raises(BudgetError, match="budget"):
        _ = gk.curvature(metric, budget=seconds).kretschmann
    assert time.monotonic() - start < 2 * seconds + 0.5  # 0.5 s: slack for a loaded machine


def test_decisions_name_the_constant() -> None:
    sphere = gk.curvature(gk.catalog["sphere2"])
    assert str(sphere.is_constant_curvature()).startswith("yes (exact), the constant is a**(-2)")
    assert "constant is" not in str(sphere.is_flat())


@pytest.mark.slow
def test_without_a_budget_size_is_limited() -> None:
    with pytest.raises(BudgetError, match=r"one component|concrete functions"):
        _ = gk.curvature(generic(4)).kretschmann


def test_what_fits_no_field_is_said() -> None:
    metric = Metric(
        coordinates=["x", "y"],
        matrix=[["1", "0"], ["0", "x**2*gamma(x)"]],
        domain={"x": ["1", "2"]},
    )
    assert gk.curvature(metric).scalar != 0  # gamma closes over polygamma
    with pytest.raises(FieldError):
        gk.curvature(metric).chart.field(sp.Function("q")(sp.floor(metric.coordinates[0]))).diff(
            metric.coordinates[0]
        )
