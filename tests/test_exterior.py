"""Differential forms: signs, d d = 0, Leibniz, Hodge duality, codifferential; any signature."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, product

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

import geomkit as gk
from geomkit import exterior
from geomkit.calculus import (
    covariant_derivative,
    divergence,
    laplacian,
    lie_derivative,
    vector_field,
)
from geomkit.errors import TensorError
from geomkit.exterior import (
    codifferential,
    exterior_derivative,
    form,
    hodge_laplacian,
    hodge_star,
    interior_product,
    volume_form,
    wedge,
)
from geomkit.metric import Metric
from geomkit.tensor import Tensor
from tests import strategies
from tests.sample_metrics import kerr, minkowski, plane, polar, skew, space, sphere

METRICS = [polar, sphere, space, skew, minkowski]


def some_form(m: Metric, degree: int, shift: int = 0) -> Tensor:
    """A form whose coefficients are different polynomials."""
    x = m.coordinates
    return form(
        m,
        degree,
        {
            index: (k + 1 + shift) * x[k % m.n] ** 2 + x[(k + 1 + shift) % m.n] * x[0] + k
            for k, index in enumerate(combinations(range(m.n), degree))
        },
    )


def named(m: Callable[[], Metric]) -> str:
    return m.__name__


def test_components_of_a_form() -> None:
    m = space()
    omega = form(m, 2, {"z,x": "y", (0, 1): 1})
    x, y, z = m.coordinates
    assert (omega[x, z], omega[z, x], omega[0, 1], omega[y, x]) == (-y, y, 1, -1)
    assert form(m, 0, "x*y")[()] == x * y
    assert form(m, 1, ["x", "y", "z"])[1] == y
    full = [[0, z, 0], [-z, 0, 0], [0, 0, 0]]
    assert form(m, 2, full).nonzero() == {(0, 1): z}


def test_wedge_of_coordinate_differentials() -> None:
    m = space()
    dx, dy, dz = (form(m, 1, {i: 1}) for i in range(3))
    assert wedge(dx, dy)[0, 1] == 1  # (dx ^ dy)_01 = 1, not 1/2
    assert wedge(dy, dx)[0, 1] == -1
    assert wedge(dx, dx).is_zero
    assert wedge(wedge(dx, dy), dz)[0, 1, 2] == 1
    assert wedge(dz, wedge(dx, dy))[0, 1, 2] == 1
    assert wedge(wedge(dx, dy), wedge(dx, dz)).is_zero  # a form of degree 4 in dimension 3
    a, b = dx + 2 * dy, dy - dz
    assert wedge(a, b) == wedge(dx, dy) - wedge(dx, dz) - 2 * wedge(dy, dz)
    # against the antisymmetrised tensor product of 1-forms
    product_tensor = a.outer(b)
    for i, j in product(range(3), repeat=2):
        assert wedge(a, b).element(i, j) == product_tensor.element(i, j) - product_tensor.element(
            j, i
        )


@pytest.mark.parametrize("build", METRICS, ids=named)
def test_graded_algebra(build: Callable[[], Metric]) -> None:
    m = build()
    for p, q in product(range(m.n + 1), repeat=2):
        alpha, beta = some_form(m, p), some_form(m, q, 1)
        assert wedge(alpha, beta) == (-1) ** (p * q) * wedge(beta, alpha)
        # d(alpha ^ beta) = d alpha ^ beta + (-1)^p alpha ^ d beta
        left = exterior_derivative(wedge(alpha, beta))
        right = wedge(exterior_derivative(alpha), beta) + (-1) ** p * wedge(
            alpha, exterior_derivative(beta)
        )
        assert left == right
    alpha, beta, gamma = some_form(m, 1), some_form(m, 1, 1), some_form(m, 1, 2)
    assert wedge(wedge(alpha, beta), gamma) == wedge(alpha, wedge(beta, gamma))


@given(strategies.vector_fields(("x", "y", "z", "w")), st.integers(0, 2))
def test_d_squared_vanishes(texts: list[str], degree: int) -> None:
    names = ["x", "y", "z", "w"]
    rows = [[int(i == j) for j in range(4)] for i in range(4)]
    m = Metric(coordinates=names, matrix=rows)
    indices = list(combinations(range(4), degree))
    omega = form(m, degree, {i: texts[k % 4] for k, i in enumerate(indices)})
    assert exterior_derivative(exterior_derivative(omega)).is_zero


def test_d_of_a_top_form_is_zero() -> None:
    top = exterior_derivative(volume_form(sphere()))
    assert top.rank == 3
    assert top.is_zero


def test_grad_curl_div() -> None:
    m = space()
    x, y, z = m.coordinates
    f = form(m, 0, x * sympy.sin(y) * z)
    assert list(exterior_derivative(f)) == [
        z * sympy.sin(y),
        x * z * sympy.cos(y),
        x * sympy.sin(y),
    ]
    velocity = form(m, 1, [-y * z, x * z, x * y])
    curl = hodge_star(exterior_derivative(velocity))
    assert list(curl) == [0, -2 * y, 2 * z]  # (d_y v_z - d_z v_y, ...), by hand
    flux = hodge_star(exterior_derivative(hodge_star(form(m, 1, [x**2, y, z]))))
    assert flux[()].expand() == 2 * x + 2


@pytest.mark.parametrize("build", METRICS, ids=named)
def test_hodge_star(build: Callable[[], Metric]) -> None:
    m = build()
    plus, minus = gk.curvature(m).signature
    assert plus + minus == m.n
    vol = volume_form(m)
    for p in range(m.n + 1):
        alpha, beta = some_form(m, p), some_form(m, p, 1)
        star = hodge_star(beta)
        # alpha ^ *beta = <alpha, beta> vol is the definition
        assert wedge(alpha, star) == exterior.inner_product(alpha, beta) * vol
        twice = hodge_star(star)
        assert twice == (-1) ** (p * (m.n - p) + minus) * beta
    assert hodge_star(form(m, 0, 1)) == vol
    assert hodge_star(vol)[()] == (-1) ** minus


def test_volume_form() -> None:
    m = sphere()
    theta, _ = m.coordinates
    assert volume_form(m)[0, 1] == m.symbols["a"] ** 2 * sympy.sin(theta)
    assert volume_form(minkowski())[0, 1, 2, 3] == 1  # eps_0123 = +1
    sigma = "(r**2 + a**2*cos(theta)**2)*sin(theta)"
    assert sympy.expand(volume_form(kerr())[0, 1, 2, 3] - kerr().resolve(sigma)) == 0


@pytest.mark.parametrize("build", METRICS, ids=named)
def test_codifferential(build: Callable[[], Metric]) -> None:
    m = build()
    n, (_, minus) = m.n, gk.curvature(m).signature
    for p in range(1, n + 1):
        omega = some_form(m, p)
        delta = codifferential(omega)
        # the formula with two stars, which is not the one that the code uses
        sign = (-1) ** (n * (p + 1) + 1 + minus)
        assert delta == sign * hodge_star(exterior_derivative(hodge_star(omega)))
        # and the one with nabla
        nabla_form = divergence(omega, 0)
        value = form(m, 0, nabla_form) if p == 1 else nabla_form
        assert delta + value == 0 * delta
        if p > 1:
            assert codifferential(delta).is_zero


@pytest.mark.parametrize("build", [polar, skew, minkowski], ids=named)
def test_codifferential_is_adjoint_to_d(build: Callable[[], Metric]) -> None:
    """<d alpha, beta> - <alpha, delta beta> is a divergence: d(alpha ^ *beta) = (...) vol."""
    m = build()
    vol = volume_form(m)
    for p in range(m.n):
        alpha, beta = some_form(m, p), some_form(m, p + 1, 1)
        difference = exterior.inner_product(exterior_derivative(alpha), beta)
        difference -= exterior.inner_product(alpha, codifferential(beta))
        assert exterior_derivative(wedge(alpha, hodge_star(beta))) == difference * vol


def test_hodge_laplacian() -> None:
    m = sphere()
    f = "cos(theta)*sin(theta)*cos(phi)"
    assert hodge_laplacian(form(m, 0, f)) == -1 * form(m, 0, laplacian(m, f))
    a = m.symbols["a"]
    # d of a harmonic of degree 2 is a co-closed eigenform's partner: same eigenvalue 6/a^2
    df = exterior_derivative(form(m, 0, f))
    assert hodge_laplacian(df) == df * (6 / a**2)
    assert hodge_laplacian(volume_form(m)).is_zero
    # on 1-forms of flat space: minus the Laplacian of each component
    flat = plane()
    x, y = flat.coordinates
    omega = form(flat, 1, [x**3 * y, sympy.exp(x) * y**2])
    wanted = [-laplacian(flat, c) for c in omega]
    assert hodge_laplacian(omega) == form(flat, 1, wanted)


def test_weitzenboeck() -> None:
    """Hodge Laplacian on 1-forms = -nabla^2 + Ric."""
    m = skew()
    c = gk.curvature(m)
    omega = some_form(m, 1)
    rough = divergence(covariant_derivative(omega), 1)
    raised = omega.raise_index(0)
    ricci = c.ricci.outer(raised).contract(1, 2)
    assert isinstance(rough, Tensor)
    left = hodge_laplacian(omega)
    for i in range(3):
        wanted = ricci.element(i).to_sympy() - rough[i]
        assert left.element(i) == left.chart.field(wanted)


@pytest.mark.parametrize("build", [sphere, space, skew], ids=named)
def test_cartan_formula(build: Callable[[], Metric]) -> None:
    m = build()
    x = vector_field(m, [str(c) + "**2 + 1" for c in reversed(m.coordinates)])
    for p in range(1, m.n):
        omega = some_form(m, p)
        right = exterior_derivative(interior_product(x, omega)) + interior_product(
            x, exterior_derivative(omega)
        )
        assert lie_derivative(x, omega) == right
        assert p < 2 or interior_product(x, interior_product(x, omega)).is_zero
    # i_X is an antiderivation
    alpha, beta = some_form(m, 1), some_form(m, 1, 1)
    left = interior_product(x, wedge(alpha, beta))
    right = wedge(interior_product(x, alpha), beta) - wedge(alpha, interior_product(x, beta))
    assert left == right


def test_lie_derivative_of_the_volume_is_divergence() -> None:
    m = skew()
    x = vector_field(m, ["x*y", "z", "x**2"])
    vol = volume_form(m)
    assert lie_derivative(x, vol) == vol * divergence(x)


def test_maxwell() -> None:
    """The field of a point charge: d F = 0 and d * F = 0 away from it, around a black hole."""
    m = Metric(
        coordinates=["t", "r", "theta", "phi"],
        matrix=[
            ["-(1 - 2*M/r)", 0, 0, 0],
            [0, "1/(1 - 2*M/r)", 0, 0],
            [0, 0, "r**2", 0],
            [0, 0, 0, "r**2*sin(theta)**2"],
        ],
        parameters={"M": {"positive": True}},
        domain={"r": ["3*M", "9*M"], "theta": ["1/2", "5/2"]},
    )
    field = exterior_derivative(form(m, 1, {"t": "-1/r"}))
    assert field["r", "t"] == 1 / m.symbols["r"] ** 2
    assert exterior_derivative(field).is_zero
    assert codifferential(field).is_zero
    flux = hodge_star(field)["theta", "phi"]
    assert abs(flux) == sympy.Abs(sympy.sin(m.symbols["theta"]))  # 4 pi through any sphere


def test_bad_forms() -> None:
    m = sphere()
    c = gk.curvature(m)
    one = form(m, 1, ["1", "0"])
    with pytest.raises(TensorError, match="is not a form"):
        exterior_derivative(c.ricci)
    with pytest.raises(TensorError, match="is not a form"):
        hodge_star(one.raise_index(0))
    with pytest.raises(TensorError, match="is not a form"):
        wedge(one, "dx")  # type: ignore[arg-type]
    with pytest.raises(TensorError, match="degrees go from 0 to 2"):
        form(m, 3, {})
    with pytest.raises(TensorError, match="degree -1"):
        codifferential(form(m, 0, "theta"))
    with pytest.raises(TensorError, match="degree 1 or more"):
        interior_product(["1", "0"], form(m, 0, "theta"))
    with pytest.raises(TensorError, match="different degrees"):
        exterior.inner_product(one, volume_form(m))
    with pytest.raises(TensorError, match="contradicts the symmetry"):
        form(m, 2, {"theta,theta": 1})
