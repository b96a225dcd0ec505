"""geomkit.enclosure against closed forms, against the naive oracles, and against identities."""

from __future__ import annotations

from itertools import product
from typing import Any

import flint
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Rational

from geomkit.enclosure import (
    enclose,
    regular_points,
    sectional,
)
from geomkit.metric import Metric
from tests.mp_numbers import CONTEXT
from tests.oracles import Oracle
from tests.strategies import Spec, diagonal, dominant, sheared

#: 200 bits are 60 digits; where entries reach e^8 and components cancel, up to 45 of them go.
NARROW = 1e-15


def sphere(n: int) -> Metric:
    """Radius a, angles u1 ... un."""
    names = [f"u{i}" for i in range(1, n + 1)]
    entries, factor = [], "a**2"
    for name in names:
        entries.append(factor)
        factor += f"*sin({name})**2"
    return diagonal_metric(names, entries, {name: ["1/2", "5/2"] for name in names}, ["a"])


def hyperbolic(n: int) -> Metric:
    """Upper half space, last coordinate positive."""
    names = [f"u{i}" for i in range(1, n + 1)]
    return diagonal_metric(names, [f"1/{names[-1]}**2"] * n, {names[-1]: ["1/2", "2"]})


def diagonal_metric(
    names: list[str], entries: list[str], domain: Any = None, parameters: Any = None
) -> Metric:
    matrix = [[e if i == j else 0 for j in range(len(names))] for i, e in enumerate(entries)]
    return Metric(coordinates=names, matrix=matrix, domain=domain, parameters=parameters)


SPHERICAL = ["t", "r", "theta", "phi"]
OUTSIDE = {"r": ["9", "12"], "theta": ["1/2", "5/2"]}


def schwarzschild(charge: str = "0") -> Metric:
    f = f"(1 - 2*M/r + {charge}**2/r**2)"
    entries = [f"-{f}", f"1/{f}", "r**2", "r**2*sin(theta)**2"]
    return diagonal_metric(SPHERICAL, entries, OUTSIDE, ["M"] if charge == "0" else ["M", charge])


def kerr() -> Metric:
    drag = "-2*M*a*r*sin(theta)**2/Sigma"
    return Metric(
        coordinates=SPHERICAL,
        parameters=["M", "a"],
        definitions={"Sigma": "r**2 + a**2*cos(theta)**2", "Delta": "r**2 - 2*M*r + a**2"},
        matrix=[
            ["-(1 - 2*M*r/Sigma)", 0, 0, drag],
            [0, "Sigma/Delta", 0, 0],
            [0, 0, "Sigma", 0],
            [drag, 0, 0, "(r**2 + a**2 + 2*M*a**2*r*sin(theta)**2/Sigma)*sin(theta)**2"],
        ],
        domain=OUTSIDE,
    )


def entries_of(tensor: Any) -> list[Any]:
    return (
        [x for part in tensor for x in entries_of(part)] if isinstance(tensor, list) else [tensor]
    )


def assert_ball(ball: Any, expected: Any) -> None:
    """The ball contains the expected ball or integer, and is narrow."""
    with flint.ctx.workprec(200):
        difference = ball - expected
    assert difference.contains(0), f"{ball} is not {expected}"
    assert difference.rad() < NARROW


def assert_vanishes(tensor: Any) -> None:
    for ball in entries_of(tensor):
        assert_ball(ball, 0)


# -- closed forms ---------------------------------------------------------------------------------
@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_spheres_have_curvature_one_over_a_squared(n: int) -> None:
    metric = sphere(n)
    for point in regular_points(metric, 2):
        there = enclose(metric, point)
        assert_ball(there.scalar, there.value(f"{n * (n - 1)}/a**2"))
        assert_ball(there.kretschmann, there.value(f"{2 * n * (n - 1)}/a**4"))
        assert_ball(there.ricci_squared, there.value(f"{n * (n - 1) ** 2}/a**4"))
        assert_vanishes(there.tracefree_ricci)
        assert there.signature == (n, 0)


@pytest.mark.parametrize("n", [2, 3, 4, 6])
def test_hyperbolic_spaces_have_curvature_minus_one(n: int) -> None:
    metric = hyperbolic(n)
    there = enclose(metric, regular_points(metric, 1)[0])
    g, riemann = there.g, there.riemann_down
    with there.balls.working():
        for i, j, k, m in product(range(n), repeat=4):
            assert_ball(riemann[i][j][k][m], g[i][m] * g[j][k] - g[i][k] * g[j][m])
    u, v = [1] + [0] * (n - 1), [Rational(1, 3)] * (n - 1) + [Rational(2, 7)]
    assert_ball(sectional(there, u, v), -1)
    if n == 2:
        assert_ball(there.gauss, -1)
    else:
        assert_vanishes(there.weyl)
        assert_vanishes(there.cotton)


def test_schwarzschild() -> None:
    metric = schwarzschild()
    for point in regular_points(metric, 3):
        there = enclose(metric, point)
        assert_vanishes([there.ricci, there.scalar, there.einstein, there.schouten])
        assert_ball(there.kretschmann, there.value("48*M**2/r**6"))
        assert_ball(there.weyl_squared, there.kretschmann)
        assert_ball(there.euler_density, there.kretschmann)
        assert_vanishes(there.chern_pontryagin)
        assert_ball(there.volume_element, there.value("r**2*sin(theta)"))
        assert_ball(there.determinant, there.value("-r**4*sin(theta)**2"))
        assert there.signature == (3, 1)


def test_reissner_nordstrom() -> None:
    metric = schwarzschild(charge="q")
    there = enclose(metric, regular_points(metric, 1)[0])
    assert_vanishes(there.scalar)
    assert_ball(there.ricci_squared, there.value("4*q**4/r**8"))
    assert_ball(there.kretschmann, there.value("48*M**2/r**6 - 96*M*q**2/r**7 + 56*q**4/r**8"))
    assert_ball(there.einstein_mixed[0][0], there.value("-q**2/r**4"))
    assert_ball(there.ricci_mixed[2][2], there.value("q**2/r**4"))


def test_kerr() -> None:
    metric = kerr()
    for point in regular_points(metric, 3):
        there = enclose(metric, point)
        assert_vanishes(there.ricci)
        closed = (
            "48*M**2*(r**2 - a**2*cos(theta)**2)"
            "*((r**2 + a**2*cos(theta)**2)**2 - 16*r**2*a**2*cos(theta)**2)/Sigma**6"
        )
        assert_ball(there.kretschmann, there.value(closed))
        # eps_0123 = +sqrt|det g| in the order t, r, theta, phi; the oracle below confirms the sign
        pontryagin = (
            "-96*a*M**2*r*cos(theta)*(3*r**2 - a**2*cos(theta)**2)"
            "*(r**2 - 3*a**2*cos(theta)**2)/Sigma**6"
        )
        assert_ball(there.chern_pontryagin, there.value(pontryagin))
        assert there.signature == (3, 1)
        assert_vanishes(there.cotton)


def test_a_product_of_sphere_and_hyperbolic_plane_is_conformally_flat() -> None:
    metric = diagonal_metric(
        ["theta", "phi", "x", "y"],
        ["1", "sin(theta)**2", "1/y**2", "1/y**2"],
        {"theta": ["1/2", "5/2"], "y": ["1/2", "2"]},
    )
    there = enclose(metric, regular_points(metric, 1)[0])
    assert_vanishes([there.scalar, there.weyl, there.nabla_riemann])
    assert_ball(there.ricci_squared, 4)
    assert_ball(there.kretschmann, 8)


def test_cotton_of_the_heisenberg_group_is_not_zero() -> None:
    """dx^2 + dy^2 + (dz - x dy)^2, in the orthonormal frame e1 = d_x, e2 = d_y + x d_z, e3 = d_z.

    There Ric = diag(-1/2, -1/2, 1/2) and R = -1/2, so P = Ric - R g/4 = diag(-3/8, -3/8, 5/8).
    """
    metric = Metric(
        coordinates=["x", "y", "z"],
        matrix=[[1, 0, 0], [0, "1 + x**2", "-x"], [0, "-x", 1]],
    )
    point = {"x": Rational(2, 3), "y": 1, "z": 5}
    there = enclose(metric, point)
    frame = [[1, 0, 0], [0, 1, Rational(2, 3)], [0, 0, 1]]  # rows: e1, e2 = d_y + x d_z, e3
    cotton = there.cotton
    with there.balls.working():
        e = [[there.balls.number(c) for c in row] for row in frame]
        found = {
            (a, b, c): sum(
                (
                    cotton[i][j][k] * e[a][i] * e[b][j] * e[c][k]
                    for i, j, k in product(range(3), repeat=3)
                ),
                there.balls.number(0),
            )
            for a, b, c in product(range(3), repeat=3)
        }
    expected = heisenberg_cotton()
    for index, ball in found.items():
        with there.balls.working():
            assert_ball(ball * 16, int(16 * expected[index]))
    assert any(expected.values())


def heisenberg_cotton() -> dict[tuple[int, int, int], Rational]:
    """C_abc = nabla_a P_bc - nabla_b P_ac in an orthonormal frame with [e1, e2] = e3, by Koszul."""
    structure = {(0, 1, 2): 1, (1, 0, 2): -1}

    def c(a: int, b: int, d: int) -> int:
        return structure.get((a, b, d), 0)

    def gamma(a: int, b: int, d: int) -> Rational:
        """<nabla_a e_b, e_d> = (c_abd - c_bda + c_dab)/2."""
        return Rational(c(a, b, d) - c(b, d, a) + c(d, a, b), 2)

    p = [Rational(-3, 8), Rational(-3, 8), Rational(5, 8)]

    def nabla_p(a: int, b: int, d: int) -> Rational:
        return -gamma(a, b, d) * p[d] - gamma(a, d, b) * p[b]

    return {
        (a, b, d): nabla_p(a, b, d) - nabla_p(b, a, d) for a, b, d in product(range(3), repeat=3)
    }


# -- against the oracles --------------------------------------------------------------------------
def assert_matches(ball: Any, expected: Any) -> None:
    """A ball contains an mpmath number that is right to 60 digits (see tests.oracles)."""
    scale = max(1, abs(expected))
    middle, radius = (
        CONTEXT.mpf(int(q.p)) / int(q.q) for q in (ball.mid().fmpq(), ball.rad().fmpq())
    )
    # rad() is rounded to nearest at the current precision
    assert abs(middle - expected) <= 2 * radius + CONTEXT.mpf(10) ** -55 * scale
    assert radius < NARROW * scale


def assert_tables_match(tensor: Any, table: dict[tuple[int, ...], Any]) -> None:
    for index, expected in table.items():
        ball = tensor
        for i in index:
            ball = ball[i]
        assert_matches(ball, expected)


def compare(metric: Metric, point: Any, names: list[str]) -> None:
    there, oracle = enclose(metric, point), Oracle.of(metric, point)
    renamed = {"g": "metric", "ginv": "inverse_metric", "gamma": "christoffel",
               "gamma_down": "christoffel_down", "riemann_up": "riemann"}  # fmt: skip
    for name in names:
        expected = getattr(oracle, renamed.get(name, name))()
        if isinstance(expected, dict):
            assert_tables_match(getattr(there, name), expected)
        else:
            assert_matches(getattr(there, name), expected)


BASIC = ["g", "ginv", "gamma", "gamma_down", "riemann_up", "riemann_down", "ricci", "scalar",
         "einstein", "tracefree_ricci", "determinant", "volume_element", "kretschmann",
         "ricci_squared"]  # fmt: skip


def test_every_tensor_of_kerr_agrees_with_the_oracle() -> None:
    metric = kerr()
    names = ["schouten", "weyl", "weyl_squared", "euler_density", "chern_pontryagin", "cotton"]
    compare(metric, regular_points(metric, 1)[0], BASIC + names)


@given(st.one_of(diagonal(dimensions=(2, 3)), sheared(), dominant()), st.integers(0, 1000))
def test_random_metrics_agree_with_the_oracle(spec: Spec, seed: int) -> None:
    metric = spec.build()
    point = regular_points(metric, 1, seed)[0]
    names = ["gauss"] if metric.n == 2 else ["schouten", "weyl", "weyl_squared", "cotton"]
    compare(metric, point, BASIC + names)


# -- identities -----------------------------------------------------------------------------------
@given(st.one_of(diagonal(dimensions=(2, 3, 4)), dominant()), st.integers(0, 1000))
def test_identities_of_random_metrics(spec: Spec, seed: int) -> None:
    metric = spec.build()
    there = enclose(metric, regular_points(metric, 1, seed)[0], order=3)
    n, r, d = metric.n, there.riemann_down, there.nabla_riemann
    with there.balls.working():
        for i, j, k, m in product(range(n), repeat=4):
            assert_scaled_zero(r[i][j][k][m] + r[j][i][k][m])
            assert_scaled_zero(r[i][j][k][m] - r[k][m][i][j])
            assert_scaled_zero(r[i][j][k][m] + r[i][k][m][j] + r[i][m][j][k])
            for h in range(n):
                assert_scaled_zero(d[i][j][k][m][h] + d[i][j][m][h][k] + d[i][j][h][k][m])
        for i, j, k in product(range(n), repeat=3):
            transport = [there.gamma_down[a][k][b] for a, b in ((i, j), (j, i))]
            assert_scaled_zero(there.dg[i][j][k] - transport[0] - transport[1])
        for i, j in product(range(n), repeat=2):
            total = sum((there.ginv[i][m] * there.g[m][j] for m in range(n)), there.balls.number(0))
            assert_scaled_zero(total - int(i == j))
        if n >= 3:
            trace = [
                sum((there.ginv[i][k] * there.weyl[i][j][k][m] for i in range(n) for k in range(n)),
                    there.balls.number(0))
                for j in range(n) for m in range(n)
            ]  # fmt: skip
            for ball in trace:
                assert_scaled_zero(ball)


def assert_scaled_zero(ball: Any) -> None:
    """Zero, within a width that allows for components up to 10^10."""
    assert ball.contains(0)
    assert ball.rad() < 1e-30
