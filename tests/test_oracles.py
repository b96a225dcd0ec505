"""The oracles against closed forms from the literature; geomkit plays no part here."""

# ruff: noqa: E741  (i j k l are the indices of every textbook)
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sympy
from sympy import Function, Matrix, Rational, cos, cosh, diag, exp, log, sin, sinh, sqrt, symbols

from tests.mp_numbers import CONTEXT, number
from tests.oracles import Oracle, permutation_sign, with_functions

#: Oracles are good to 60 digits (see `tests.oracles`); 50 are asked.
TOLERANCE = CONTEXT.mpf(10) ** -50

t, r, theta, phi, x, y, z, a, M = symbols("t r theta phi x y z a M", real=True)
POINT = {
    t: Rational(3, 7),
    r: Rational(23, 4),
    theta: Rational(11, 10),
    phi: Rational(2, 5),
    x: Rational(5, 7),
    y: Rational(9, 8),
    z: Rational(-3, 11),
    a: Rational(3, 5),
    M: Rational(5, 4),
}


def close(found: Any, expected: Any) -> bool:
    """Equal to 50 digits, relative to 1 or to the size of the expected number."""
    wanted = number(expected, POINT)
    return bool(abs(found - wanted) <= TOLERANCE * max(1, abs(wanted)))


def oracle(matrix: Any, coordinates: list[Any]) -> Oracle:
    return Oracle(matrix, coordinates, POINT)


def kerr() -> Oracle:
    sigma, delta = r**2 + a**2 * cos(theta) ** 2, r**2 - 2 * M * r + a**2
    drag = -2 * M * a * r * sin(theta) ** 2 / sigma
    around = (r**2 + a**2 + 2 * M * a**2 * r * sin(theta) ** 2 / sigma) * sin(theta) ** 2
    matrix = [
        [-(1 - 2 * M * r / sigma), 0, 0, drag],
        [0, sigma / delta, 0, 0],
        [0, 0, sigma, 0],
        [drag, 0, 0, around],
    ]
    return oracle(matrix, [t, r, theta, phi])


@pytest.mark.parametrize(
    "function",
    [
        *(sin, cos, sympy.tan, sympy.sec, sympy.csc, sympy.cot, sinh, cosh, sympy.tanh),
        *(sympy.sech, sympy.csch, sympy.coth, sympy.asin, sympy.acos, sympy.atan, sympy.asinh),
        *(sympy.atanh, exp, log, sqrt, sympy.erf, sympy.erfc, sympy.gamma, sympy.loggamma),
        *(sympy.digamma, sympy.trigamma, sympy.LambertW, sympy.Abs, sympy.sign, sympy.factorial),
        *(lambda q: sympy.zeta(q + 2), lambda q: sympy.besselj(2, q), lambda q: q**q),
        *(lambda q: sympy.besseli(1, q), lambda q: sympy.beta(q, 3), lambda q: sympy.pi * q),
        *(lambda q: sympy.atan2(q, 2), lambda q: sympy.EulerGamma + q, lambda q: sympy.Max(q, 2)),
        *(lambda q: (-q) ** 3, lambda q: sympy.E**q, lambda q: sympy.acosh(1 + q)),
    ],
)
def test_number_agrees_with_sympy_evalf(function: Callable[[Any], Any]) -> None:
    """`evalf` is a second implementation of every function that the oracles may meet."""
    tree = function(x)
    expected = CONTEXT.mpf(str(tree.subs(x, POINT[x]).evalf(60)))
    assert abs(number(tree, POINT) - expected) < CONTEXT.mpf(10) ** -55  # evalf: 60 digits


def test_number_names_what_it_cannot_evaluate() -> None:
    with pytest.raises(KeyError, match="no value is given for x"):
        number(x + 1, {})
    with pytest.raises(TypeError, match="does not know how to evaluate F"):
        number(Function("F")(x), POINT)


def test_sphere() -> None:
    sphere = oracle(diag(a**2, a**2 * sin(theta) ** 2), [theta, phi])
    assert close(sphere.scalar(), 2 / a**2)
    assert close(sphere.gauss(), 1 / a**2)
    assert close(sphere.christoffel()[0, 1, 1], -sin(theta) * cos(theta))
    assert close(sphere.christoffel()[1, 0, 1], cos(theta) / sin(theta))
    assert close(sphere.riemann()[0, 1, 0, 1], sin(theta) ** 2)
    assert close(sphere.riemann_down()[0, 1, 1, 0], -(a**2) * sin(theta) ** 2)
    assert close(sphere.ricci()[1, 1], sin(theta) ** 2)
    assert close(sphere.kretschmann(), 4 / a**4)
    assert close(sphere.ricci_squared(), 2 / a**4)
    assert close(sphere.volume_element(), a**2 * sin(theta))
    # f = cos(theta) is the first spherical harmonic: eigenvalue l (l + 1) / a^2 with l = 1.
    assert close(sphere.laplacian(cos(theta)), -2 * cos(theta) / a**2)
    assert close(sphere.hessian(cos(theta))[1, 1], -cos(theta) * sin(theta) ** 2)


def test_flat_space_in_off_diagonal_coordinates() -> None:
    """The plane in the chart (x, y) -> (x, y + x^3): g is full and everything vanishes."""
    flat = oracle([[1 + 9 * x**4, 3 * x**2], [3 * x**2, 1]], [x, y])
    assert close(flat.christoffel()[1, 0, 0], 6 * x)
    assert all(close(value, 0) for value in flat.riemann().values())
    assert close(flat.laplacian((y + x**3) ** 2 * x), 2 * x)
    d = flat.covariant_derivative(flat.metric, "dd")
    assert all(close(value, 0) for value in d.values())


def test_schwarzschild_scalars() -> None:
    f = 1 - 2 * M / r
    hole = oracle(diag(-f, 1 / f, r**2, r**2 * sin(theta) ** 2), [t, r, theta, phi])
    assert all(close(value, 0) for value in hole.ricci().values())
    assert close(hole.kretschmann(), 48 * M**2 / r**6)
    assert close(hole.weyl_squared(), 48 * M**2 / r**6)
    assert close(hole.euler_density(), 48 * M**2 / r**6)
    assert close(hole.chern_pontryagin(), 0)
    assert close(hole.weyl()[0, 1, 0, 1], -2 * M / r**3)


def test_kerr_scalars() -> None:
    """Kretschmann 48 M^2 (r^2 - c^2)(S^2 - 16 r^2 c^2) / S^6, c = a cos(theta): Henry 2000."""
    hole, c = kerr(), a * cos(theta)
    sigma = r**2 + c**2
    assert all(close(value, 0) for value in hole.ricci().values())
    kretschmann = 48 * M**2 * (r**2 - c**2) * (sigma**2 - 16 * r**2 * c**2) / sigma**6
    assert close(hole.kretschmann(), kretschmann)
    # Up to the orientation, which the closed form leaves open: *RR = 96 M^2 r c (...)(...) / S^6.
    density = 96 * M**2 * r * c * (3 * r**2 - c**2) * (r**2 - 3 * c**2) / sigma**6
    found = hole.chern_pontryagin()
    assert close(found, density) or close(-found, density)


def test_anti_de_sitter_is_of_constant_curvature() -> None:
    """Poincare patch (dx^2 + dy^2 + dz^2 - dt^2) / z^2: K = -1."""
    ads = oracle(diag(-1, 1, 1, 1) / z**2, [t, x, y, z])
    g, riemann = ads.metric(), ads.riemann_down()
    for i, j, k, l in ads.indices(4):
        assert close(riemann[i, j, k, l] + (g[i, k] * g[j, l] - g[i, l] * g[j, k]), 0)
    assert all(close(value, 0) for value in ads.weyl().values())
    assert all(close(value, 0) for value in ads.cotton().values())
    assert all(close(value, 0) for value in ads.tracefree_ricci().values())
    assert close(ads.schouten()[3, 3], -1 / (2 * z**2))
    assert close(ads.einstein()[1, 1], 3 / z**2)


def test_nil_geometry() -> None:
    """dx^2 + dy^2 + (dz - x dy)^2: Ric = diag(-1/2, -1/2, 1/2) in the left-invariant frame."""
    nil = oracle([[1, 0, 0], [0, 1 + x**2, -x], [0, -x, 1]], [x, y, z])
    assert close(nil.scalar(), -Rational(1, 2))
    assert close(nil.ricci()[2, 2], Rational(1, 2))
    assert close(nil.ricci()[0, 0], -Rational(1, 2))
    assert close(nil.ricci_squared(), Rational(3, 4))
    # The Cotton tensor is trace-free, skew in its first pair, and not zero here.
    cotton = nil.cotton()
    assert close(cotton[0, 1, 2] + cotton[1, 0, 2], 0)
    assert max(abs(value) for value in cotton.values()) > 1e-3
    # z-translations and the left-invariant field dy + x dz of the other side are isometries.
    killing = nil.field([0, 0, 1])
    rotated = nil.field([1, 0, y])
    for vector in (killing, rotated):
        lie = nil.lie_derivative(vector, nil.metric, "dd")
        assert all(close(value, 0) for value in lie.values())


def test_lie_derivative_of_vectors_is_the_bracket() -> None:
    plane = oracle(diag(1, 1), [x, y])
    first, second = plane.field([x * y, 1]), plane.field([y**2, x])
    bracket = plane.lie_derivative(first, second, "u")
    assert close(bracket[0,], 2 * y - y * y**2 - x * x)
    assert close(bracket[1,], x * y)


def test_second_bianchi_identity_of_a_generic_metric() -> None:
    """Third derivatives of the metric: nabla_[m R_ij]kl = 0 holds to 50 digits."""
    matrix = [
        [3 + x * y, sin(z) / 3, x / 4],
        [sin(z) / 3, 2 + exp(x) / 5, y * z / 5],
        [x / 4, y * z / 5, 3 + cos(x + y)],
    ]
    generic = oracle(matrix, [x, y, z])
    d = generic.covariant_derivative(generic.riemann_down, "dddd")
    for i, j, k, l, m in generic.indices(5):
        assert close(d[i, j, k, l, m] + d[j, m, k, l, i] + d[m, i, k, l, j], 0)
    assert max(abs(value) for value in d.values()) > 1e-3  # not because nabla R vanishes


def test_commutator_of_covariant_derivatives_is_curvature() -> None:
    """nabla_k nabla_l V^i - nabla_l nabla_k V^i = R^i_jkl V^j fixes the sign convention."""
    torus = oracle(diag((2 + cos(x)) ** 2, 1 + y**2), [y, x])
    vector = torus.field([x * y, x + y**2])
    second = torus.covariant_derivative(
        lambda at: torus.covariant_derivative(vector, "u", at), "ud"
    )
    riemann, v = torus.riemann(), vector(torus.centre)
    for i, k, l in torus.indices(3):
        curvature = sum(riemann[i, j, k, l] * v[j,] for j in range(2))
        assert close(second[i, l, k] - second[i, k, l] - curvature, 0)


def test_functions_are_put_in_with_their_derivatives() -> None:
    f, g = Function("f"), Function("g")
    tree = f(x).diff(x, 2) * g(x, y).diff(y) + f(2 * x)
    concrete = with_functions(tree, {f(x): x**3, g(x, y): x * y**2})
    assert sympy.expand(concrete - (6 * x * 2 * x * y + 8 * x**3)) == 0


def test_matrices_with_functions() -> None:
    """FLRW with a = t^(2/3): the scalar is 4/3 t^-2 (dust, R = 8 pi rho)."""
    scale = Function("A")(t)

    class Given:
        matrix = Matrix(diag(-1, scale**2, scale**2, scale**2))
        coordinates = (t, x, y, z)

    dust = Oracle.of(Given, POINT, {scale: t ** Rational(2, 3)})
    assert close(dust.scalar(), Rational(4, 3) / t**2)


@pytest.mark.parametrize(
    ("order", "sign"), [((0,), 1), ((1, 0), -1), ((1, 2, 0), 1), ((3, 1, 2, 0), -1)]
)
def test_permutation_sign(order: tuple[int, ...], sign: int) -> None:
    assert permutation_sign(order) == sign
