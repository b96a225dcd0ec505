"""Symmetries of slots and the algebra of tensors, against plain loops and SymPy arrays."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import permutations, product

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

import geomkit as gk
from geomkit.calculus import covector_field, tensor_field, vector_field
from geomkit.errors import TensorError
from geomkit.tensor import Tensor
from geomkit.tensor.symmetry import Block, Symmetry, sort_with_parity
from tests import strategies
from tests.sample_metrics import kerr, plane, polar, skew, space, sphere

SYMMETRIES: dict[str, tuple[Symmetry, Callable[[int], int]]] = {
    "none": (Symmetry.none(2), lambda n: n**2),
    "symmetric": (Symmetry.symmetric(3), lambda n: n * (n + 1) * (n + 2) // 6),
    "antisymmetric": (Symmetry.antisymmetric(3), lambda n: n * (n - 1) * (n - 2) // 6),
    "christoffel": (Symmetry.christoffel(), lambda n: n * n * (n + 1) // 2),
    # pairs a < b: N = n (n-1)/2 of them, symmetric in the two pairs
    "riemann": (Symmetry.riemann(), lambda n: (n * (n - 1) // 2) * (n * (n - 1) // 2 + 1) // 2),
    "nabla riemann": (
        Symmetry.riemann().extended(1),
        lambda n: n * (n * (n - 1) // 2) * (n * (n - 1) // 2 + 1) // 2,
    ),
    "scalar": (Symmetry.none(0), lambda n: 1),
}


# -- Symmetry -------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", SYMMETRIES)
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_independent_indices(name: str, n: int) -> None:
    symmetry, count = SYMMETRIES[name]
    indices = list(symmetry.indices(n))
    assert len(indices) == len(set(indices)) == symmetry.count(n) == count(n)
    assert indices == sorted(indices)
    assert all(symmetry.canonical(index) == (index, 1) for index in indices)
    # every index is reached from exactly one independent one, or vanishes
    reached = [other for index in indices for other in symmetry.orbit(index)]
    zero = [i for i in product(range(n), repeat=symmetry.rank) if symmetry.canonical(i)[1] == 0]
    assert sorted([*reached, *zero]) == list(product(range(n), repeat=symmetry.rank))


@pytest.mark.parametrize("name", SYMMETRIES)
def test_canonical_index_and_orbit_agree(name: str) -> None:
    symmetry, _ = SYMMETRIES[name]
    for index in product(range(3), repeat=symmetry.rank):
        canonical, sign = symmetry.canonical(index)
        orbit = symmetry.orbit(index)
        assert (sign == 0) == (not orbit)
        if sign:
            assert orbit[index] == 1
            assert orbit[canonical] == sign


def test_riemann_signs() -> None:
    riemann = Symmetry.riemann()
    for i, j, k, m in product(range(4), repeat=4):
        here, sign = riemann.canonical((i, j, k, m))
        assert riemann.canonical((j, i, k, m))[1] == -sign
        assert riemann.canonical((i, j, m, k))[1] == -sign
        assert riemann.canonical((k, m, i, j))[1] == sign
        if sign:
            assert riemann.canonical((k, m, i, j))[0] == here


def test_parity_is_that_of_the_permutation() -> None:
    for values in permutations(range(5)):
        matrix = sympy.zeros(5, 5)
        for i, v in enumerate(values):
            matrix[i, v] = 1
        assert sort_with_parity(values) == ([0, 1, 2, 3, 4], matrix.det())


def test_many_antisymmetric_slots_stay_cheap() -> None:
    assert Symmetry.antisymmetric(10).count(10) == 1
    assert Symmetry.antisymmetric(5).count(10) == 252


def test_symmetry_after_operations() -> None:
    riemann = Symmetry.riemann()
    assert riemann.split([0]).blocks == (Block((2, 3), -1),)
    assert riemann.split([0]).swaps == ()
    assert riemann.split([0, 1]).blocks == riemann.blocks
    assert riemann.split([0, 1]).swaps == ()  # R^ab_cd has no pair exchange
    assert riemann.split([0, 1, 2, 3]) == riemann
    assert riemann.drop([0, 2]) == Symmetry.none(2)
    assert riemann.drop([0]) == Symmetry.antisymmetric(3, (1, 2))
    assert riemann.meet(Symmetry.antisymmetric(4)) == Symmetry(4, riemann.blocks)
    assert Symmetry.symmetric(2).meet(Symmetry.antisymmetric(2)) == Symmetry.none(2)
    assert Symmetry.antisymmetric(2).outer(Symmetry.symmetric(2)).blocks == (
        Block((0, 1), -1),
        Block((2, 3), 1),
    )
    assert riemann.outer(riemann).swaps == ((0, 1), (2, 3))
    assert "antisymmetric in slots 0, 1" in str(riemann)
    assert str(Symmetry.none(3)) == "no symmetry"


def test_bad_symmetries() -> None:
    with pytest.raises(TensorError, match="overlap"):
        Symmetry(3, (Block((0, 1), 1), Block((1, 2), 1)))
    with pytest.raises(TensorError, match="outside"):
        Symmetry(2, (Block((1, 2), 1),))
    with pytest.raises(TensorError, match="two slots"):
        Symmetry(2, (Block((1,), 1),))


# -- components -----------------------------------------------------------------------------------
def test_access_by_number_name_and_symbol() -> None:
    m = sphere()
    g = gk.curvature(m).metric
    theta, phi = m.coordinates
    assert g[1, 1] == g["phi", "phi"] == g[phi, phi] == m.matrix[1, 1]
    assert g[0, 1] == g["theta", phi] == 0
    assert g[theta, 0] == m.symbols["a"] ** 2
    assert g.to_sympy() == m.matrix
    assert g.nonzero() == {(0, 0): m.matrix[0, 0], (1, 1): m.matrix[1, 1]}


def test_all_nonzero_follows_the_symmetry() -> None:
    c = gk.curvature(sphere())
    full = c.riemann_down.all_nonzero()
    assert set(full) == {(0, 1, 0, 1), (0, 1, 1, 0), (1, 0, 0, 1), (1, 0, 1, 0)}
    assert full[0, 1, 0, 1] == full[1, 0, 1, 0] == -full[0, 1, 1, 0] == -full[1, 0, 0, 1]
    assert list(c.riemann_down.nonzero()) == [(0, 1, 0, 1)]
    array = c.riemann_down.to_sympy()
    assert array.shape == (2, 2, 2, 2)
    assert array[1, 0, 0, 1] == full[1, 0, 0, 1]


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ((0,), "1 indices given"),
        ((0, 1, 0), "3 indices given"),
        ((0, 2), "out of range"),
        ((0, -1), "out of range"),
        (("rho", 0), "theta, phi"),
        ((0, 1.0), "neither a number nor a coordinate"),
    ],
)
def test_wrong_index(index: tuple[object, ...], words: str) -> None:
    with pytest.raises(TensorError, match=words):
        gk.curvature(sphere()).ricci[index]


def test_construction_is_checked() -> None:
    chart = gk.curvature(sphere()).chart
    one = chart.field.one
    with pytest.raises(TensorError, match="letters u"):
        Tensor(chart, "ux", {})
    with pytest.raises(TensorError, match="needs 2 slots"):
        Tensor(chart, "dd", {}, symmetry=Symmetry.symmetric(3))
    with pytest.raises(TensorError, match="mix up and down"):
        Tensor(chart, "ud", {}, symmetry=Symmetry.symmetric(2))
    with pytest.raises(TensorError, match=r"give \(0, 1\) instead"):
        Tensor(chart, "dd", {(1, 0): one}, symmetry=Symmetry.symmetric(2))
    with pytest.raises(TensorError, match="vanishes"):
        Tensor(chart, "dd", {(1, 1): one}, symmetry=Symmetry.antisymmetric(2))
    with pytest.raises(TensorError, match="numbers from 0 to 1"):
        Tensor(chart, "d", {(2,): one})


# -- input ----------------------------------------------------------------------------------------
def test_fields_from_many_kinds_of_input() -> None:
    m = plane()
    x, y = m.coordinates
    wanted = [x * y, x / 2]
    assert list(vector_field(m, ["x*y", "x/2"])) == wanted
    assert list(vector_field(m, wanted)) == wanted
    assert list(vector_field(m, sympy.Matrix(wanted))) == wanted
    assert list(vector_field(m, {"x": "x*y", 1: "0.5*x"})) == wanted
    assert list(vector_field(gk.curvature(m), sympy.Array(wanted))) == wanted
    t = tensor_field(m, "ud", {"x|y": x, (1, 0): 3})
    assert t.to_sympy() == sympy.Matrix([[0, x], [3, 0]])
    t = tensor_field(m, "dd", {"y,x": 1}, symmetry=Symmetry.antisymmetric(2))
    assert t.to_sympy() == sympy.Matrix([[0, -1], [1, 0]])
    t = tensor_field(m, "dd", [[0, x], [x, y]], symmetry=Symmetry.symmetric(2))
    assert t.nonzero() == {(0, 1): x, (1, 1): y}


def test_bad_input() -> None:
    m = plane()
    with pytest.raises(TensorError, match="shape"):
        vector_field(m, ["1", "2", "3"])
    with pytest.raises(TensorError, match="shape"):
        tensor_field(m, "dd", ["x", "y"])
    with pytest.raises(TensorError, match="not exact"):
        vector_field(m, [0.5, 1])
    with pytest.raises(TensorError, match="contradicts the symmetry"):
        tensor_field(m, "dd", [[0, 1], [2, 0]], symmetry=Symmetry.symmetric(2))
    with pytest.raises(TensorError, match="contradicts the symmetry"):
        tensor_field(m, "dd", {"x,x": 1}, symmetry=Symmetry.antisymmetric(2))
    with pytest.raises(TensorError, match="2 entries"):
        vector_field(m, {"x,y": 1})
    with pytest.raises(TensorError, match="is not a geometry"):
        vector_field([[1, 0], [0, 1]], ["1", "0"])  # type: ignore[arg-type]
    with pytest.raises(gk.GeomkitError):
        vector_field(m, ["q", "0"])
    with pytest.raises(TensorError, match="scalar is needed"):
        vector_field(m, [vector_field(m, [1, 0]), 0])


# -- algebra --------------------------------------------------------------------------------------
@given(
    strategies.symmetric_tensors(("x", "y", "z")),
    strategies.vector_fields(("x", "y", "z")),
    st.integers(-3, 3),
)
def test_algebra_is_componentwise(rows: list[list[str]], row: list[str], k: int) -> None:
    m = space()
    t = tensor_field(m, "dd", rows, symmetry=Symmetry.symmetric(2))
    t, v = t.aligned(covector_field(m, row))  # elements of different fields do not combine
    x = m.coordinates[0]
    product_tensor = t.outer(v)
    squares = v.outer(v)
    for i, j in product(range(3), repeat=2):
        assert (2 * t - t * x).element(i, j) == t.element(i, j) * (2 - v.chart.field(x))
        assert (t + squares).element(i, j) == t.element(i, j) + v.element(i) * v.element(j)
        assert product_tensor.element(j, i, 2) == t.element(i, j) * v.element(2)
    assert (t - t).is_zero
    assert -t + t == t * 0
    assert (k * t) / 3 == sympy.Rational(k, 3) * t
    assert t.symmetry == (2 * t).symmetry == (t + t).symmetry


@given(strategies.entire_metrics((2,)), strategies.vector_fields(("x", "y")))
def test_moving_indices(spec: strategies.Spec, row: list[str]) -> None:
    m = spec.build()
    c = gk.curvature(m)
    g, inverse = c.metric, c.inverse_metric
    assert g.with_positions("uu") == inverse
    assert inverse.with_positions("dd") == g
    mixed = g.raise_index(0)
    assert mixed.to_sympy() == sympy.eye(2)
    v = vector_field(m, row)
    assert v.lower_index(0).raise_index(-1) == v
    t = v.outer(v.lower_index(0))
    square = sum(v.element(i) * v.lower_index(0).on(v.chart).element(i) for i in range(2))
    assert t.contract(0, 1).element() == square
    assert t.with_positions("du").contract(1, 0).element() == square


def test_contractions_of_riemann() -> None:
    c = gk.curvature(skew())
    assert c.riemann.contract(0, 2) == c.ricci
    assert c.riemann.contract(0, 3) == -c.ricci
    assert c.riemann.contract(0, 1).is_zero
    assert c.ricci_mixed.contract(0, 1)[()] == c.scalar
    up = c.riemann_down.with_positions("uuuu")
    assert up.symmetry == Symmetry.riemann()
    assert up.with_positions("dddd") == c.riemann_down
    # a slow loop over all indices, sharing nothing with the symmetric storage
    total = c.chart.field.zero
    for i in product(range(3), repeat=4):
        total = total + c.riemann_down.element(*i) * up.element(*i)
    assert total.to_sympy() == c.kretschmann


def test_scalars_are_scalars_for_sympy() -> None:
    c = gk.curvature(sphere())
    trace = c.ricci_mixed.contract(0, 1)
    assert trace.rank == 0
    assert sympy.sympify(trace) == c.scalar
    assert sympy.Symbol("q") + trace == sympy.Symbol("q") + c.scalar
    assert trace * c.metric == c.metric * trace == 2 * c.ricci
    with pytest.raises(sympy.SympifyError):
        sympy.sympify(c.ricci, strict=True)


def test_bad_algebra() -> None:
    c = gk.curvature(sphere())
    v = vector_field(sphere(), [1, 0])
    with pytest.raises(TensorError, match="one must be up and one down"):
        c.ricci.contract(0, 1)
    with pytest.raises(TensorError, match="one must be up and one down"):
        c.ricci_mixed.contract(0, 0)
    with pytest.raises(TensorError, match="already down"):
        c.ricci.lower_index(0)
    with pytest.raises(TensorError, match="slot 2 of 'Ric' does not exist"):
        c.ricci.raise_index(2)
    with pytest.raises(TensorError, match="has positions 'dd'"):
        c.ricci + c.ricci_mixed
    with pytest.raises(TensorError, match="give 2 letters"):
        c.ricci.with_positions("u")
    with pytest.raises(TensorError, match=r"use calculus\.transform"):
        c.ricci + gk.curvature(plane()).metric
    with pytest.raises(TensorError, match="divided by zero"):
        c.ricci / 0
    with pytest.raises(TensorError, match="only rank 1"):
        list(c.ricci)
    with pytest.raises(TypeError):
        c.ricci + 1  # type: ignore[operator]
    assert v != [1, 0]
    assert v != c.ricci
    with pytest.raises(TypeError):
        hash(v)


def test_tensors_of_different_charts_of_one_metric_combine() -> None:
    m = polar()
    coarse = gk.curvature(m).metric
    fine = tensor_field(m, "dd", {"r,r": "sqrt(r)*sin(phi/2)"}, symmetry=Symmetry.symmetric(2))
    for total in (coarse + fine, fine + coarse):
        assert total["r", "r"] == 1 + sympy.sympify("sqrt(r)*sin(phi/2)", dict(m.symbols))
    assert coarse.outer(fine).positions == "dddd"
    other = sympy.cbrt(m.symbols["r"])
    assert (fine * other)["r", "r"] == other * fine["r", "r"]


# -- renderings -----------------------------------------------------------------------------------
def test_text() -> None:
    text = str(gk.curvature(sphere()).christoffel)
    assert "2 of 6 independent components non-zero" in text
    assert "Gamma^phi_theta,phi = cos(theta)/sin(theta)" in text
    assert "convention: Gamma^i_jk =" in text
    assert "Gamma^x" not in str(gk.curvature(plane()).christoffel)


def test_latex() -> None:
    c = gk.curvature(kerr())
    latex = c.christoffel.to_latex()
    assert latex.startswith("\\begin{aligned}\n\\Gamma^{t}{}_{tr} &= ")
    assert r"\Gamma^{\theta}{}_{t\phi}" in latex
    assert c.ricci.to_latex() == "Ric_{ij} = 0"
    assert r"g_{\phi\phi}" in c.metric.to_latex()
    assert c.christoffel._repr_latex_().startswith("$$")


def test_abbreviations_of_the_metric_are_used() -> None:
    m = gk.Metric(
        coordinates=["r", "theta"],
        matrix=[["Sigma", 0], [0, "Sigma*(1 + r**2)"]],
        parameters=["a"],
        definitions={"Sigma": "r**2 + a**2*cos(theta)**2"},
    )
    gamma = gk.curvature(m).christoffel
    text = str(gamma)
    assert "Gamma^r_r,r = r/Sigma" in text
    assert "with Sigma = " in text
    assert r"\frac{r}{\Sigma}" in gamma.to_latex()
    assert r"\text{with } \Sigma &= " in gamma.to_latex()
    assert "Sigma" not in gamma.to_json()  # data are in coordinates and parameters alone
    assert gamma["r", "r", "r"].free_symbols <= {*m.coordinates, m.symbols["a"]}


def test_html_escapes_names() -> None:
    m = plane()
    html = vector_field(m, ["1", "x"], name="<b>&")._repr_html_()
    assert "<b>&lt;b&gt;&amp;</b>" in html
    assert "$$" in html
    assert "convention" in gk.curvature(sphere()).ricci._repr_html_()


def test_json_keys_are_those_of_claim_files() -> None:
    c = gk.curvature(sphere())
    data = json.loads(c.christoffel.to_json())
    assert set(data["components"]) == {"theta|phi,phi", "phi|theta,phi"}
    assert data["positions"] == "udd"
    assert data["coordinates"] == ["theta", "phi"]
    assert data["convention"]
    assert set(c.ricci.to_dict()["components"]) == {"theta,theta", "phi,phi"}
    assert set(c.ricci_mixed.to_dict()["components"]) == {"theta|theta", "phi|phi"}


def test_huge_components_are_only_announced() -> None:
    m = plane()
    t = covector_field(m, ["(1 + x + y + x*y**3)**24", "0"])
    assert "terms; ask for it by index)" in str(t)
    assert r"\text{(" in t.to_latex()


def test_repr_is_short() -> None:
    assert repr(gk.curvature(kerr()).riemann_down) == (
        "<Tensor R (dddd) on 'kerr', 13 independent non-zero components>"
    )
