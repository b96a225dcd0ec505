"""Submanifolds against classical surfaces, Gauss, Codazzi, and other definitions."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

import geomkit as gk
from geomkit.errors import MetricError, TensorError
from geomkit.metric import Metric
from geomkit.submanifold import Submanifold
from tests import map_strategies, strategies

A = {"a": {"positive": True}}
TORUS = ["(2 + cos(u))*cos(v)", "(2 + cos(u))*sin(v)", "sin(u)"]


def sphere(**options: int) -> Submanifold:
    return Submanifold(
        ["a*sin(u)*cos(v)", "a*sin(u)*sin(v)", "a*cos(u)"],
        ["u", "v"],
        parameters=A,
        domain={"u": ["1/4", "3"]},
        **options,  # type: ignore[arg-type]
    )


def proved(surface: Submanifold) -> None:
    for decision in (surface.gauss_equation(), surface.codazzi_equation()):
        assert (decision.value, decision.proof) == (True, "exact")


# -- classical surfaces ---------------------------------------------------------------------------
def test_sphere() -> None:
    surface = sphere()
    a = surface.metric.symbols["a"]
    u, v = surface.metric.coordinates
    assert surface.normal == (
        sympy.sin(u) * sympy.cos(v),
        sympy.sin(u) * sympy.sin(v),
        sympy.cos(u),
    )
    assert surface.normal_sign == 1
    assert surface.shape_operator.to_sympy() == -sympy.eye(2) / a
    assert surface.second_fundamental_form["v", "v"] == -a * sympy.sin(u) ** 2
    assert (surface.mean_curvature_trace, surface.mean_curvature) == (-2 / a, -1 / a)
    assert surface.gauss_kronecker == surface.gauss_curvature == a**-2
    assert surface.principal_curvatures() == (-1 / a, -1 / a)
    assert surface.mean_curvature_vector == tuple(-n / a for n in surface.normal)
    assert (surface.dimension, surface.codimension) == (2, 1)
    proved(surface)


def test_orientation_reverses_normal_and_second_form() -> None:
    out, inwards = sphere(), sphere(orientation=-1)
    assert inwards.normal == tuple(-n for n in out.normal)
    assert inwards.mean_curvature == -out.mean_curvature
    assert inwards.gauss_kronecker == out.gauss_kronecker
    assert inwards.mean_curvature_vector == out.mean_curvature_vector
    with pytest.raises(TensorError, match="orientation 2"):
        sphere(orientation=2)


def test_torus() -> None:
    surface = Submanifold(TORUS, ["u", "v"])
    u, _ = surface.metric.coordinates
    w = 2 + sympy.cos(u)
    assert surface.tangents[0] == tuple(x.diff(u) for x in surface.images)
    assert sympy.cancel(surface.gauss_curvature - sympy.cos(u) / w) == 0
    assert surface.gauss_kronecker == surface.gauss_curvature
    # e_u x e_v points inwards: both circles bend towards the normal where cos u > 0
    assert [
        sympy.cancel(k - e)
        for k, e in zip(surface.principal_curvatures(), (1, sympy.cos(u) / w), strict=True)
    ] == [0, 0]
    proved(surface)


def test_minimal_surfaces() -> None:
    catenoid = Submanifold(["cosh(u)*cos(v)", "cosh(u)*sin(v)", "u"], ["u", "v"])
    helicoid = Submanifold(["sinh(u)*cos(v)", "sinh(u)*sin(v)", "v"], ["u", "v"])
    enneper = Submanifold(
        ["u - u**3/3 + u*v**2", "-v + v**3/3 - u**2*v", "u**2 - v**2"], ["u", "v"]
    )
    for surface in (catenoid, helicoid, enneper):
        assert surface.mean_curvature == 0
        assert surface.mean_curvature_vector == (0, 0, 0)
        proved(surface)
    # catenoid and helicoid are isometric
    assert catenoid.gauss_curvature == helicoid.gauss_curvature
    u, v = catenoid.metric.coordinates
    assert catenoid.gauss_curvature == -(sympy.cosh(u) ** -4)
    u, v = enneper.metric.coordinates
    assert sympy.factor(enneper.gauss_curvature + 4 / (1 + u**2 + v**2) ** 4) == 0


def test_generic_monge_patch() -> None:
    """z = h(x, y) with unknown h: the textbook formulas of K and H."""
    surface = Submanifold(
        ["x", "y", "h(x, y)"], ["x", "y"], functions={"h(x, y)": ["x*y", "x**2 - y"]}
    )
    x, y = surface.metric.coordinates
    h = surface.images[2]
    p, q, r, s, t = h.diff(x), h.diff(y), h.diff(x, 2), h.diff(x, y), h.diff(y, 2)
    w = 1 + p**2 + q**2
    field = surface.chart.field
    assert field(surface.gauss_curvature) == field((r * t - s**2) / w**2)
    wanted = ((1 + q**2) * r - 2 * p * q * s + (1 + p**2) * t) / (2 * w ** sympy.Rational(3, 2))
    assert field(surface.mean_curvature) == field(wanted)
    proved(surface)


def test_principal_curvatures_of_a_surface_without_lines_of_curvature() -> None:
    surface = Submanifold(["u", "v", "u*v + u**2"], ["u", "v"])
    one, two = surface.principal_curvatures()
    point = dict(zip(surface.metric.coordinates, (sympy.Rational(1, 3), 2), strict=True))
    matrix = surface.shape_operator.to_sympy().subs(point)
    k = sympy.Symbol("k")
    roots = sorted(matrix.charpoly(k).nroots(n=30))
    # 30 digits of numbers of order 1
    assert abs(two.subs(point).evalf(30) - roots[0]) < 1e-25
    assert abs(one.subs(point).evalf(30) - roots[1]) < 1e-25
    assert sympy.Poly(surface.characteristic_polynomial(k), k).LC() == 1


# -- shape operator by its other definition -------------------------------------------------------
def test_shape_operator_is_minus_the_derivative_of_the_normal() -> None:
    for surface in (
        Submanifold(["u", "v", "u**2 + u*v**2"], ["u", "v"]),
        Submanifold(["cosh(u)*cos(v)", "cosh(u)*sin(v)", "u + v"], ["u", "v"]),
    ):
        field = surface.chart.field
        for i, axis in product(range(2), range(3)):
            # d_i N = -S^k_i e_k, component by component
            change = field(surface.normal[axis].diff(surface.metric.coordinates[i]))
            for k in range(2):
                change += surface.shape_operator.element(k, i) * field(surface.tangents[k][axis])
            assert change.is_zero


# -- curves, other dimensions, other spaces -------------------------------------------------------
def test_plane_curves_have_their_left_normal() -> None:
    circle = Submanifold(["a*cos(t)", "a*sin(t)"], ["t"], parameters=A)
    t = circle.metric.coordinates[0]
    assert circle.normal == (-sympy.cos(t), -sympy.sin(t))
    assert circle.mean_curvature == 1 / circle.metric.symbols["a"]
    graph = Submanifold(["x", "f(x)"], ["x"], functions={"f(x)": ["x**2"]})
    x, f = graph.metric.coordinates[0], graph.images[1]
    field = graph.chart.field
    wanted = f.diff(x, 2) / (1 + f.diff(x) ** 2) ** sympy.Rational(3, 2)
    assert field(graph.mean_curvature) == field(wanted)
    proved(graph)


def test_higher_codimension() -> None:
    clifford = Submanifold(["cos(u)", "sin(u)", "cos(v)", "sin(v)"], ["u", "v"])
    _, v = clifford.metric.coordinates
    assert clifford.gauss_curvature == 0
    assert clifford.second_form_vector(0, 1) == (0, 0, 0, 0)
    assert clifford.second_form_vector(1, 1) == (0, 0, -sympy.cos(v), -sympy.sin(v))
    assert clifford.gauss_equation().proof == "exact"
    half = sympy.Rational(1, 2)
    assert clifford.mean_curvature_vector == tuple(-half * x for x in clifford.images)
    for quantity in ("normal", "second_fundamental_form", "shape_operator", "mean_curvature"):
        with pytest.raises(TensorError, match="codimension 2"):
            getattr(clifford, quantity)
    with pytest.raises(TensorError, match="codimension 2"):
        clifford.codazzi_equation()
    veronese = Submanifold(
        ["x*y", "y*z0", "x*z0", "x**2 - y**2"], ["x", "y"], parameters={"z0": {"positive": True}}
    )
    assert veronese.gauss_equation().proof == "exact"


def test_hypersurface_of_dimension_three() -> None:
    surface = Submanifold(["x", "y", "z", "x*y + z**2"], ["x", "y", "z"])
    proved(surface)
    with pytest.raises(TensorError, match="characteristic_polynomial"):
        surface.principal_curvatures()
    cylinder = Submanifold(["cos(u)", "sin(u)", "v", "w"], ["u", "v", "w"])
    assert sorted(map(abs, cylinder.principal_curvatures())) == [0, 0, 1]


def test_hyperboloid_in_minkowski_space() -> None:
    surface = Submanifold(
        ["cosh(u)", "sinh(u)*cos(v)", "sinh(u)*sin(v)"],
        ["u", "v"],
        [-1, 1, 1],
        domain={"u": ["1/4", "2"]},
    )
    assert surface.normal_sign == -1
    assert surface.gauss_curvature == -1
    # K = <N, N> det S
    assert surface.gauss_kronecker == 1
    proved(surface)
    time_like = Submanifold(["sinh(u)", "cosh(u)*cos(v)", "cosh(u)*sin(v)"], ["u", "v"], [-1, 1, 1])
    assert time_like.normal_sign == 1
    assert time_like.gauss_curvature == time_like.gauss_kronecker == 1
    proved(time_like)


def hyperbolic_space() -> Metric:
    rows = [["1/z**2" if i == j else "0" for j in range(3)] for i in range(3)]
    return Metric(coordinates=["x", "y", "z"], matrix=rows, domain={"z": ["1/2", "2"]}, name="H3")


def test_surfaces_in_hyperbolic_space() -> None:
    horosphere = Submanifold(
        ["u", "v", "c"], ["u", "v"], hyperbolic_space(), parameters={"c": A["a"]}
    )
    # N points up: towards it the horosphere z = c bends with principal curvatures 1
    assert horosphere.shape_operator.to_sympy() == sympy.eye(2)
    assert horosphere.gauss_curvature == 0
    proved(horosphere)
    plane = Submanifold(["u", "0", "v"], ["u", "v"], hyperbolic_space(), domain={"v": ["1/2", "2"]})
    assert plane.second_fundamental_form.is_zero
    assert plane.gauss_curvature == -1
    proved(plane)


def test_codazzi_where_the_ambient_curvature_is_not_constant() -> None:
    """The right-hand side R(N, e_j, e_k, e_l) does not vanish here, so that its sign is tested."""
    ambient = Metric(
        coordinates=["x", "y", "z"],
        matrix=[["exp(z)", "0", "0"], ["0", "1 + x**2", "0"], ["0", "0", "1 + y**2"]],
    )
    surface = Submanifold(["u", "v", "u + v**2"], ["u", "v"], ambient)
    assert any(not e.is_zero for e in _right_hand_side(surface))
    proved(surface)


def _right_hand_side(surface: Submanifold) -> list[Any]:
    tangents = surface._tangents
    return list(surface._projected([[surface._normal], tangents, tangents, tangents]).values())


def expanding_universe(scale: str, **declared: Any) -> Metric:
    rows = [
        [-1 if i == j == 0 else f"({scale})**2" if i == j else 0 for j in range(4)]
        for i in range(4)
    ]
    return Metric(coordinates=["t", "x", "y", "z"], matrix=rows, **declared)


def test_slice_of_an_expanding_universe() -> None:
    """t = constant: II = -(a'/a) g for the future normal, the Hubble rate."""
    ambient = expanding_universe("exp(H*t)", parameters={"H": ["1/2", "2"]})
    now = Submanifold(["T", "x", "y", "z"], ["x", "y", "z"], ambient, parameters=["T"])
    assert now.normal == (1, 0, 0, 0)
    assert now.normal_sign == -1
    assert now.shape_operator.to_sympy() == -sympy.eye(3) * now.metric.symbols["H"]
    assert now.gauss_equation().proof == "exact"


def test_curved_slice_of_an_unknown_universe() -> None:
    ambient = expanding_universe("a(t)", functions={"a(t)": ["1 + t**2", "exp(t)"]})
    box = {name: ["-1", "1"] for name in "xyz"}
    slice_ = Submanifold(["x*y/10", "x", "y", "z"], ["x", "y", "z"], ambient, domain=box)
    assert slice_.normal_sign == -1
    proved(slice_)


@given(map_strategies.surfaces())
def test_theorema_egregium(immersion: map_strategies.Immersion) -> None:
    surface = Submanifold(
        list(immersion.map), list(immersion.coordinates), functions=dict(immersion.functions)
    )
    proved(surface)
    field = surface.chart.field
    assert field(surface.gauss_kronecker) == field(surface.gauss_curvature)


@given(strategies.polynomials(("x", "y")), st.sampled_from([-1, 1]))
def test_graphs_in_minkowski_space(height: str, orientation: int) -> None:
    surface = Submanifold(
        [f"({height})/40", "x", "y"],
        ["x", "y"],
        [-1, 1, 1],
        orientation=orientation,
        domain={"x": ["-1", "1"], "y": ["-1", "1"]},
    )
    assert surface.normal_sign == -1
    proved(surface)


# -- bad input ------------------------------------------------------------------------------------
def test_bad_submanifolds() -> None:
    with pytest.raises(MetricError, match="degenerate"):
        Submanifold(["u + v", "u + v", "0"], ["u", "v"])
    with pytest.raises(MetricError):
        Submanifold(["u", "v"], ["u", "v"], [1, 1, 1])
    with pytest.raises(gk.GeomkitError):
        Submanifold(["u", "v", "w"], ["u", "v"])
    changing = Submanifold(["u", "v", "u**2"], ["u", "v"], [1, 1, -1], domain={"u": ["-2", "2"]})
    with pytest.raises(MetricError, match="narrow the domain"):
        changing.normal_sign  # noqa: B018
