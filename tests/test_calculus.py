"""Tensor calculus against closed forms, identities and the numeric oracle."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

import geomkit as gk
from geomkit import calculus
from geomkit.calculus import covariant_derivative, tensor_field, vector_field
from geomkit.errors import MetricError, TensorError
from geomkit.metric import Metric
from geomkit.tensor.symmetry import Symmetry
from tests import laws, strategies
from tests.oracles import Oracle
from tests.sample_metrics import (
    friedmann,
    kerr,
    minkowski,
    polar,
    skew,
    space,
    sphere,
    static_spherical,
)

METRICS = [sphere, polar, skew, friedmann, static_spherical, kerr]
SMALL = [sphere, polar, skew]

# The oracle differences 50-digit numbers with step 1e-12 (see tests/oracles.py): first derivatives
# are good to about 1e-24 and second ones to 1e-12 or better; a wrong sign or index is of order 1.
TOLERANCE = 1e-9


def named(m: Callable[[], Metric]) -> str:
    return m.__name__


def point(m: Metric) -> dict[sympy.Symbol, sympy.Rational]:
    return m.domain.sample(1, seed=5)[0]


def mixed(m: Metric) -> list[list[str]]:
    """Components of a tensor T^i_j without any symmetry."""
    x = [str(c) for c in m.coordinates]
    n = len(x)
    return [[f"{i + 1}*{x[j]}**2 + {x[i]}*{x[(j + 1) % n]}" for j in range(n)] for i in range(n)]


# -- covariant derivative -------------------------------------------------------------------------
@pytest.mark.parametrize("build", METRICS, ids=named)
def test_metric_is_parallel(build: Callable[[], Metric]) -> None:
    c = gk.curvature(build())
    nabla = covariant_derivative(c.metric)
    assert nabla.is_zero
    assert nabla.positions == "ddd"
    assert nabla.symmetry == Symmetry.symmetric(3, (0, 1))
    assert covariant_derivative(c.inverse_metric).is_zero
    assert covariant_derivative(c.metric.raise_index(0)).is_zero


@given(strategies.entire_metrics(), st.data())
def test_commutator_is_curvature(spec: strategies.Spec, data: st.DataObject) -> None:
    m = spec.build()
    c = gk.curvature(m)
    v = vector_field(c, data.draw(strategies.vector_fields(spec.coordinates)))
    second = covariant_derivative(covariant_derivative(v))  # nabla_k nabla_m V^i at (i, m, k)
    riemann = c.riemann.on(v.chart)
    laws.assert_ricci_identity(second.element, v.element, riemann.element, m.n)


@pytest.mark.parametrize("build", SMALL, ids=named)
def test_derivatives_against_the_oracle(build: Callable[[], Metric]) -> None:
    m = build()
    here = point(m)
    oracle = Oracle.of(m, here)
    t = tensor_field(m, "ud", mixed(m))
    x = vector_field(m, [f"{y}**2 + {i}" for i, y in enumerate(m.coordinates)])
    fields = oracle.field(t.to_sympy().tolist()), oracle.field(list(x))
    lie = calculus.lie_derivative(x, t)
    assert isinstance(lie, gk.Tensor)
    for found, expected in (
        (covariant_derivative(t), oracle.covariant_derivative(fields[0], "ud")),
        (lie, oracle.lie_derivative(fields[1], fields[0], "ud")),
    ):
        for index, value in expected.items():
            assert abs(oracle.value(found[index]) - value) < TOLERANCE * (1 + abs(value)), index
    f = m.coordinates[0] ** 2 * m.coordinates[-1]
    hessian = calculus.hessian(m, f)
    for index, value in oracle.hessian(f).items():
        assert abs(oracle.value(hessian[index]) - value) < TOLERANCE * (1 + abs(value)), index
    value = oracle.laplacian(f)
    assert abs(oracle.value(calculus.laplacian(m, f)) - value) < TOLERANCE * (1 + abs(value))


def test_leibniz_and_contraction() -> None:
    m = skew()
    t = tensor_field(m, "ud", mixed(m))
    v = vector_field(m, ["x*z", "y", "x + y"])
    trace = t.contract(0, 1)
    assert covariant_derivative(trace) == covariant_derivative(t).contract(0, 1)
    # nabla_k (T V) = (nabla_k T) V + T nabla_k V, the new slot last each time
    left = covariant_derivative(t.outer(v))
    dt, dv = covariant_derivative(t), covariant_derivative(v)
    for i, j, a, k in product(range(3), repeat=4):
        right = dt.element(i, j, k) * v.element(a) + t.element(i, j) * dv.element(a, k)
        assert left.element(i, j, a, k) == right


def test_second_bianchi_identity_keeps_the_symmetry_of_riemann() -> None:
    c = gk.curvature(skew())
    nabla = covariant_derivative(c.riemann_down)
    assert nabla.symmetry == Symmetry.riemann().extended(1)
    laws.assert_second_bianchi(nabla.element, 3)


@pytest.mark.parametrize("build", [static_spherical, friedmann, skew, kerr], ids=named)
def test_einstein_tensor_is_divergence_free(build: Callable[[], Metric]) -> None:
    c = gk.curvature(build())
    for tensor in (c.einstein, c.einstein_mixed, c.einstein.with_positions("uu")):
        found = calculus.divergence(tensor, 0)
        assert isinstance(found, gk.Tensor)
        assert found.is_zero
    # twice contracted Bianchi identity: div Ric = dR/2, not zero in general
    half = calculus.differential(c, c.scalar) / 2
    assert calculus.divergence(c.ricci) == half


@given(strategies.dominant((2,)))
def test_einstein_tensor_is_divergence_free_at_random(spec: strategies.Spec) -> None:
    c = gk.curvature(spec.build())
    found = calculus.divergence(c.ricci, 1)
    assert found == calculus.differential(c, c.scalar) / 2


# -- Lie derivative -------------------------------------------------------------------------------
@given(strategies.entire_metrics((2,)), st.data())
def test_lie_derivative_of_the_metric(spec: strategies.Spec, data: st.DataObject) -> None:
    m = spec.build()
    x = vector_field(m, data.draw(strategies.vector_fields(spec.coordinates)))
    lie = calculus.killing_tensor(x, x)
    nabla = covariant_derivative(x.lower_index(0)).on(lie.chart)
    for i, j in product(range(m.n), repeat=2):
        assert lie.element(i, j) == nabla.element(i, j) + nabla.element(j, i)


def test_lie_bracket_and_jacobi() -> None:
    m = space()
    x, y, z = (
        vector_field(m, row)
        for row in (["y*z", "x", "1"], ["x**2", "z", "y"], ["exp(x)", "0", "x*y*z"])
    )
    bracket = calculus.lie_bracket
    xy = bracket(x, y)
    assert xy == -bracket(y, x)
    # [X, Y]^1 = X(x^2) - Y(yz) = 2 x y z - (z z + y y), with Y = (x^2, z, y)
    s = m.symbols
    assert sympy.expand(xy["x"] - (2 * s["x"] * s["y"] * s["z"] - s["z"] ** 2 - s["y"] ** 2)) == 0
    total = bracket(x, bracket(y, z)) + bracket(y, bracket(z, x)) + bracket(z, bracket(x, y))
    assert total.is_zero
    # [L_X, L_Y] = L_[X, Y] on a tensor
    t = tensor_field(m, "ud", mixed(m))
    lie = calculus.lie_derivative
    left = lie(x, lie(y, t)) - lie(y, lie(x, t))
    assert left == lie(xy, t)
    # on a function L_X f = df(X)
    f = s["x"] * sympy.sin(s["y"])
    assert lie(x, f) == (calculus.differential(m, f).outer(x)).contract(0, 1)[()]


# -- scalar operators -----------------------------------------------------------------------------
def test_spherical_harmonics() -> None:
    m = sphere()
    a = m.symbols["a"]
    harmonics = {
        1: ["cos(theta)", "sin(theta)*cos(phi)"],
        2: ["3*cos(theta)**2 - 1", "sin(theta)*cos(theta)*sin(phi)", "sin(theta)**2*cos(2*phi)"],
        3: ["5*cos(theta)**3 - 3*cos(theta)", "sin(theta)**3*cos(3*phi)"],
    }
    for degree, functions in harmonics.items():
        for f in functions:
            eigenvalue = -degree * (degree + 1) / a**2
            element = calculus.laplacian_element(m, f)
            field = element.field
            assert element == field(m.resolve(f)) * field(eigenvalue), f


def test_laplacians_of_polar_coordinates() -> None:
    m = polar()
    r, phi = m.coordinates
    assert calculus.laplacian(m, sympy.log(r)) == 0
    assert calculus.laplacian(m, r**3 * sympy.cos(3 * phi)) == 0
    assert calculus.laplacian(m, r**2) == 4
    assert calculus.laplacian(m, "sqrt(r)*sin(phi/2)") == 0  # needs a finer field
    gradient = calculus.gradient(m, "r**2*phi")
    assert list(gradient) == [2 * r * phi, 1]
    assert calculus.divergence(gradient) == calculus.laplacian(m, r**2 * phi) == 4 * phi


@given(strategies.entire_metrics((2,)), st.data())
def test_laplacian_is_divergence_of_gradient(spec: strategies.Spec, data: st.DataObject) -> None:
    m = spec.build()
    f = data.draw(strategies.smooth(spec.coordinates))
    gradient = calculus.gradient(m, f)
    assert calculus.divergence(gradient) == calculus.laplacian(m, f)
    hessian = calculus.hessian(m, f)
    assert hessian == covariant_derivative(calculus.differential(m, f))


def test_dalembert() -> None:
    m = minkowski()
    t, x, y, z = m.coordinates
    assert calculus.dalembert(m, sympy.sin(t - x) + y * z) == 0
    assert calculus.dalembert(m, t**2 + x**2) == 0
    assert calculus.dalembert(m, t**2) == -2
    with pytest.raises(MetricError, match="use laplacian"):
        calculus.dalembert(sphere(), "theta")


def test_divergence_needs_a_slot() -> None:
    with pytest.raises(TensorError, match="slot 2"):
        calculus.divergence(gk.curvature(sphere()).ricci, 2)


def test_christoffel_symbols_are_refused() -> None:
    gamma = gk.curvature(sphere()).christoffel
    for verb in (
        covariant_derivative,
        calculus.divergence,
        lambda t: calculus.lie_derivative(["1", "0"], t),
        lambda t: calculus.transform(t, ["u", "v"], ["u", "v"]),
    ):
        with pytest.raises(TensorError, match="not a tensor"):
            verb(gamma)


# -- Killing fields -------------------------------------------------------------------------------
def test_rotations_of_the_sphere() -> None:
    m = sphere()
    rotations = [
        ["0", "1"],
        ["sin(phi)", "cos(phi)/tan(theta)"],
        ["cos(phi)", "-sin(phi)/tan(theta)"],
    ]
    for rotation in rotations:
        decision = calculus.is_killing(m, rotation)
        assert (decision.value, decision.proof) == (True, "exact")
    refused = calculus.is_killing(m, ["1", "0"])
    assert (refused.value, refused.proof) == (False, "exact")
    assert refused.point is not None


def test_kerr() -> None:
    m = kerr()
    assert calculus.is_killing(m, ["1", "0", "0", "0"]).value is True
    assert calculus.is_killing(m, ["a", "0", "0", "-M"]).proof == "exact"
    assert calculus.is_killing(m, ["0", "1", "0", "0"]).value is False
    # the rotation about another axis is lost
    tilted = ["0", "0", "sin(phi)", "cos(phi)/tan(theta)"]
    assert calculus.is_killing(m, tilted).value is False


def test_conformal_fields_of_flat_space() -> None:
    m = space()
    s = m.symbols
    x, y, z = m.coordinates
    special = [x**2 - y**2 - z**2, 2 * x * y, 2 * x * z]
    found = calculus.conformal_killing(m, special)
    assert found
    assert (found.decision.proof, found.factor) == ("exact", 4 * x)
    assert found.killing.value is found.homothetic.value is False
    dilation = calculus.conformal_killing(m, [x, y, z])
    assert dilation.factor == 2
    assert dilation.homothetic.value is True
    assert dilation.killing.value is False
    rotation = calculus.conformal_killing(m, [-s["y"], s["x"], 0])
    assert rotation.killing.value is True
    assert rotation.factor == 0
    assert not calculus.conformal_killing(m, [x**2, 0, 0])


def test_killing_equations_are_solved_by_killing_fields() -> None:
    m = polar()
    r, phi = m.coordinates
    equations = calculus.killing_equations(m)
    assert len(equations) == 3
    covariant = {"xi_r": sympy.cos(phi), "xi_phi": -r * sympy.sin(phi)}  # d/dx, lowered
    for equation in equations:
        assert equation.rhs == 0
        left = equation.lhs
        for function in left.atoms(sympy.core.function.AppliedUndef):
            left = left.subs(function, covariant[str(function.func)])
        assert sympy.simplify(left.doit()) == 0


# -- geodesics ------------------------------------------------------------------------------------
def test_straight_lines_in_polar_coordinates() -> None:
    equations = calculus.geodesic_equations(polar())
    s = equations.parameter
    line = [sympy.sqrt(1 + s**2), sympy.atan(s)]
    assert [sympy.simplify(e) for e in equations.residual(line)] == [0, 0]
    circle = [sympy.Integer(1), s]
    assert equations.residual(circle)[0] == -1
    with pytest.raises(TensorError, match="give 2"):
        equations.residual([s])


def test_form_of_the_equations() -> None:
    m = sphere()
    equations = calculus.geodesic_equations(m, parameter="tau")
    tau = equations.parameter
    theta, phi = equations.curve
    wanted = theta.diff(tau, 2) - sympy.sin(theta) * sympy.cos(theta) * phi.diff(tau) ** 2
    assert sympy.expand(equations.equations[0].lhs - wanted) == 0
    assert str(equations).startswith("d2theta/dtau2 = ")
    assert r"\ddot {\theta}" in equations._repr_latex_()
    with pytest.raises(TensorError, match="parameter="):
        calculus.geodesic_equations(m, parameter="a")


@pytest.mark.parametrize(("build", "field"), [(sphere, [0, 1]), (kerr, [1, 0, 0, 0])])
def test_first_integrals_are_constant(build: Callable[[], Metric], field: list[int]) -> None:
    """d/ds of g(K, x') and of the energy, by the chain rule with the equations: 0."""
    m = build()
    equations = calculus.geodesic_equations(m)
    integral = equations.first_integral(field)
    assert integral
    assert integral.decision.proof == "exact"
    here = point(m)
    # exact numbers at one rational point of phase space; sines of rationals stay unevaluated
    speeds = {v: sympy.Rational(i + 2, i + 3) for i, v in enumerate(equations.velocities)}
    for quantity in (integral.expression, equations.energy):
        rate = sum(
            quantity.diff(x) * v + quantity.diff(v) * right
            for x, v, right in zip(
                m.coordinates, equations.velocities, equations.right_hand_side, strict=True
            )
        )
        # 30 digits of a sum of terms of order 1: a true zero leaves 1e-25 at most
        assert abs(rate.subs(here).subs(speeds).evalf(30)) < 1e-25


def test_first_integral_of_a_field_that_is_not_killing() -> None:
    assert not calculus.geodesic_equations(sphere()).first_integral([1, 0])
