"""Enclosures of operators, of signatures and of what is singular or misused."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import flint
import pytest
import sympy
from hypothesis import assume, given
from hypothesis import strategies as st
from sympy import Rational

import geomkit.evaluate
from geomkit.enclosure import (
    divergence,
    enclose,
    enclose_expression,
    geodesic_residual,
    is_regular,
    laplacian,
    lie_metric,
    regular_points,
    sectional,
)
from geomkit.enclosure.linear import determinant, inertia
from geomkit.errors import DomainError, MetricError, TensorError
from geomkit.evaluate import UndecidedError
from geomkit.evaluate.intervals import IntervalBalls
from geomkit.metric import Metric
from tests.oracles import Oracle
from tests.strategies import Spec, sheared
from tests.test_enclosure import (
    assert_ball,
    assert_matches,
    assert_tables_match,
    assert_vanishes,
    diagonal_metric,
    entries_of,
    hyperbolic,
    kerr,
    sphere,
)


def test_second_derivatives_of_the_metric() -> None:
    metric = Metric(coordinates=["x", "y"], matrix=[["1 + x**2*y**3", 0], [0, "exp(x*y)"]])
    there = enclose(metric, {"x": 2, "y": 3})
    assert_ball(there.ddg[0][0][0][1], there.value("6*x*y**2"))
    assert_ball(there.ddg[1][1][1][0], there.value("(1 + x*y)*exp(x*y)"))
    assert_ball(there.dg[0][0][1], there.value("3*x**2*y**2"))
    assert there.ddg[0][1][0][0].is_zero()


# -- operators ------------------------------------------------------------------------------------
def test_killing_vectors_of_the_sphere() -> None:
    metric = sphere(2)
    point = regular_points(metric, 1)[0]
    assert_vanishes(lie_metric(metric, ["sin(u2)", "cot(u1)*cos(u2)"], point))
    stretched = lie_metric(metric, ["sin(u1)", 0], point)
    factor = enclose_expression("2*cos(u1)", metric, point)
    g = enclose(metric, point).g
    with flint.ctx.workprec(200):
        for i, j in product(range(2), repeat=2):  # conformal: L_X g = 2 cos(u1) g
            assert_ball(stretched[i][j], factor * g[i][j])
        assert_ball(divergence(metric, ["sin(u1)", 0], point), factor)


@given(sheared(), st.integers(0, 100))
def test_operators_agree_with_the_oracle(spec: Spec, seed: int) -> None:
    metric = spec.build()
    point = regular_points(metric, 1, seed)[0]
    x, y = metric.coordinates[:2]
    f = x**2 * y + sympy.sin(x + 2 * y)
    vector = [x * y, x - y**2, sympy.cos(x), 1 + x][: metric.n]
    oracle = Oracle.of(metric, point)
    assert_matches(laplacian(metric, f, point), oracle.laplacian(f))
    lie = oracle.lie_derivative(oracle.field(vector), oracle.metric, "dd")
    assert_tables_match(lie_metric(metric, vector, point), lie)
    nabla = oracle.covariant_derivative(oracle.field(vector), "u")
    expected = sum(nabla[i, i] for i in range(metric.n))
    assert_matches(divergence(metric, vector, point), expected)


def test_laplacian_of_a_harmonic_function() -> None:
    metric = diagonal_metric(["r", "phi"], ["1", "r**2"], {"r": ["1", "2"]})
    assert_ball(laplacian(metric, "r**3*cos(3*phi) + log(r)", regular_points(metric, 1)[0]), 0)


def test_geodesics_of_the_half_plane() -> None:
    metric = hyperbolic(2)
    s, u1 = sympy.Symbol("s", real=True), metric.symbols["u1"]
    curve = [u1 + 2 * sympy.tanh(s), 2 / sympy.cosh(s)]  # a half circle of radius 2, unit speed
    residual = geodesic_residual(metric, curve, s, Rational(3, 7), {u1: 5})
    assert_vanishes([residual.acceleration, residual.deviation])
    assert_ball(residual.norm, 1)
    slow = [u1 + 2 * sympy.sin(s), 2 * sympy.cos(s)]  # the same circle, not affinely parametrised
    residual = geodesic_residual(metric, slow, s, Rational(3, 7), {"u1": 5})
    assert_vanishes(residual.deviation)
    assert not all(ball.contains(0) for ball in residual.acceleration)
    straight = geodesic_residual(metric, [s, 1 + 0 * s], s, 0, {})
    assert not straight.deviation[0].contains(0)


# -- points, signature, errors --------------------------------------------------------------------
def test_unspecified_functions_take_their_examples() -> None:
    metric = Metric(
        coordinates=["t", "x"],
        matrix=[[-1, 0], [0, "a(t)**2"]],
        functions={"a(t)": ["exp(2*t)", "1 + t**2"]},
    )
    point = {"t": Rational(1, 2), "x": 0}
    assert_ball(enclose(metric, point, k=0).scalar, 8)
    second = enclose(metric, point, k=1)
    assert_ball(second.scalar, second.value("4/(1 + t**2)"))
    assert_ball(second.value("2*diff(a(t), t, 2)/a(t)"), second.scalar)


def test_regular_points_are_regular_and_reproducible() -> None:
    metric = kerr()
    points = regular_points(metric, 4, seed=3)
    assert len(points) == 4
    assert points == regular_points(metric, 4, seed=3)
    assert points != regular_points(metric, 4, seed=4)
    assert all(is_regular(metric, point) for point in points)


def test_singular_points_are_errors() -> None:
    metric = hyperbolic(2)
    assert not is_regular(metric, {"u1": 0, "u2": 0})
    with pytest.raises(DomainError):
        _ = enclose(metric, {"u1": 0, "u2": 0}).scalar
    polar = diagonal_metric(["r", "phi"], ["1", "r**2"])
    assert not is_regular(polar, {"r": 0, "phi": 1})
    with pytest.raises(DomainError, match="degenerate"):
        _ = enclose(polar, {"r": 0, "phi": 1}).gamma
    with pytest.raises(DomainError, match="degenerate"):
        _ = enclose(polar, {"r": 0, "phi": 1}).signature


def test_signature_raises_the_precision_when_needed() -> None:
    # g_11 is about 1e-87 at x = 1: 64 bits cannot tell its sign
    metric = diagonal_metric(["x", "y"], ["sqrt(1 + exp(-200*x)) - 1", "1"], {"x": ["1/2", "1"]})
    there = enclose(metric, {"x": 1, "y": 0}, bits=64)
    assert there.g[0][0].contains(0)
    assert there.signature == (2, 0)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([[0, 1], [1, 0]], (1, 1)),
        ([[0, 0, 1], [0, 1, 0], [1, 0, 0]], (2, 1)),
        ([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, -3], [0, 0, -3, 0]], (2, 2)),
        ([[-2, 1], [1, -2]], (0, 2)),
        ([[0, 1, 1], [1, 0, 1], [1, 1, 0]], (1, 2)),
    ],
)
def test_inertia_with_pivots_off_the_diagonal(rows: Any, expected: tuple[int, int]) -> None:
    assert inertia([[flint.arb(x) for x in row] for row in rows]) == expected


def test_inertia_of_an_unsure_matrix_is_undecided() -> None:
    with pytest.raises(UndecidedError):
        inertia([[flint.arb(0, 1)]])


@given(st.lists(st.lists(st.integers(-5, 5), min_size=4, max_size=4), min_size=4, max_size=4))
def test_determinant_and_inertia_of_integer_matrices(rows: list[list[int]]) -> None:
    symmetric = [[rows[max(i, j)][min(i, j)] for j in range(4)] for i in range(4)]
    exact = sympy.Matrix(symmetric).det()
    balls = [[flint.arb(x) for x in row] for row in symmetric]
    assert determinant(balls, flint.arb(1)) == int(exact)
    assume(exact != 0)
    plus, minus = inertia(balls)
    assert plus + minus == 4
    assert (-1) ** minus == sympy.sign(exact)
    # Descartes' rule is exact where all roots are real: sign changes = positive eigenvalues
    signs = [c for c in sympy.Matrix(symmetric).charpoly().all_coeffs() if c != 0]
    assert plus == sum(bool(a * b < 0) for a, b in pairwise(signs))


@pytest.mark.parametrize("name", ["schouten", "weyl", "cotton", "weyl_squared", "euler_density"])
def test_quantities_that_are_not_defined_for_surfaces(name: str) -> None:
    with pytest.raises(MetricError, match="not defined for n = 2"):
        getattr(enclose(sphere(2), {"u1": 1, "u2": 0, "a": 1}), name)


def test_misuse_of_vectors_and_planes() -> None:
    point = {"u1": 1, "u2": 0, "a": 1}
    with pytest.raises(TensorError, match="dimension 2"):
        lie_metric(sphere(2), [1], point)
    with pytest.raises(DomainError, match="degenerate"):
        sectional(enclose(sphere(2), point), [1, 2], [2, 4])


def test_precision_is_restored_and_balls_get_narrower() -> None:
    before, metric = flint.ctx.prec, kerr()
    point = regular_points(metric, 1)[0]
    coarse, fine = (enclose(metric, point, bits=bits).kretschmann for bits in (80, 400))
    assert flint.ctx.prec == before
    assert coarse.rad() > fine.rad() * 10**60
    assert coarse.overlaps(fine)


def test_symbols_are_matched_by_name() -> None:
    there = enclose(sphere(2), {"u1": 1, "u2": 0, "a": 3})
    assert_ball(there.value(sympy.Symbol("a") ** 2), 9)
    assert_ball(there.value(7), 7)


def test_without_python_flint_the_geometry_is_enclosed_by_intervals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    metric = kerr()
    point = regular_points(metric, 1)[0]
    exact = enclose(metric, point)
    monkeypatch.setattr(geomkit.evaluate, "find_spec", lambda name: None)
    there = enclose(metric, point)
    assert isinstance(there.balls, IntervalBalls)
    assert there.signature == (3, 1)
    assert all(ball.contains(0) and ball.rad() * 10**30 < 1 for ball in entries_of(there.ricci))
    for name in ("kretschmann", "chern_pontryagin", "volume_element"):
        # two doubles of enclosures that are far narrower than that
        assert float(getattr(there, name)) == pytest.approx(float(getattr(exact, name)), rel=1e-14)
