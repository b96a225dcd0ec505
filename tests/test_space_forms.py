"""Space forms in many charts, and what is built from metrics: products, warped and conformal ones.

S^n, H^n, de Sitter and anti-de Sitter space for n = 2 ... 8 in every chart of the table below, with
R_ijkl = K (g_ik g_jl - g_il g_jk) for ALL indices as an exact zero; then every chart of the
catalogue that claims to be a space form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomkit.calculus import gradient, laplacian_element
from geomkit.catalog import catalog
from geomkit.curvature import Curvature, curvature
from geomkit.metric import Metric
from tests import laws, strategies
from tests.strategies import Spec

Rows = list[list[str]]
Chart = Callable[[list[str]], Rows]


def diagonal(entries: list[str]) -> Rows:
    n = range(len(entries))
    return [[entries[i] if i == j else "0" for j in n] for i in n]


def square(x: list[str]) -> str:
    return " + ".join(f"{name}**2" for name in x)


def nested(first: str, x: list[str]) -> Rows:
    """dx_1^2 + first(x_1)^2 (dx_2^2 + sin(x_2)^2 (dx_3^2 + ...))."""
    entries, factor = ["1"], f"{first}({x[0]})**2"
    for name in x[1:]:
        entries.append(factor)
        factor += f"*sin({name})**2"
    return diagonal(entries)


def conformally_flat(factor: str) -> Chart:
    """factor(|x|^2) times the flat metric."""
    return lambda x: diagonal([factor.format(s=square(x))] * len(x))


def rank_one(flat: str, outer: str) -> Chart:
    """g_ij = flat delta_ij + outer x_i x_j, functions of s = |x|^2."""

    def rows(x: list[str]) -> Rows:
        f, o = flat.format(s=square(x)), outer.format(s=square(x))
        return [[f"{f if a == b else 0} + ({o})*{a}*{b}" for b in x] for a in x]

    return rows


def lorentzian(first: str, rest: str, *, last: str = "") -> Chart:
    """-first dx_1^2 + rest (dx_2^2 + ...), of x_1 or of the last coordinate."""

    def rows(x: list[str]) -> Rows:
        argument = x[-1] if last else x[0]
        f, r = first.format(t=argument), rest.format(t=argument)
        middle = [r] * (len(x) - 2)
        return diagonal([f"-({f})", *middle, last.format(t=argument) if last else r])

    return rows


def static_patch(x: list[str]) -> Rows:
    """De Sitter space around an observer: -(1 - r^2) dt^2 + dr^2/(1 - r^2) + r^2 dOmega^2."""
    r = x[1]
    sphere = ["1"] if len(x) > 2 else []
    for name in x[2:-1]:
        sphere.append(f"{sphere[-1]}*sin({name})**2")
    return diagonal([f"-(1 - {r}**2)", f"1/(1 - {r}**2)", *(f"{r}**2*{part}" for part in sphere)])


#: chart name -> (K of the chart with a = 1, components, box of every coordinate)
CHARTS: dict[str, tuple[int, Chart, list[str]]] = {
    "sphere, angles": (1, lambda x: nested("sin", x), ["1/2", "5/2"]),
    "sphere, stereographic": (1, conformally_flat("4/(1 + {s})**2"), ["-2", "2"]),
    "sphere, gnomonic": (1, rank_one("1/(1 + {s})", "-1/(1 + {s})**2"), ["-2", "2"]),
    "sphere, orthographic": (1, rank_one("1", "1/(1 - ({s}))"), ["-1/4", "1/4"]),
    "hyperbolic, polar": (-1, lambda x: nested("sinh", x), ["1/2", "5/2"]),
    "hyperbolic, half space": (-1, lambda x: diagonal([f"1/{x[-1]}**2"] * len(x)), ["1/4", "2"]),
    "hyperbolic, ball": (-1, conformally_flat("4/(1 - ({s}))**2"), ["-1/4", "1/4"]),
    "hyperbolic, Klein": (-1, rank_one("1/(1 - ({s}))", "1/(1 - ({s}))**2"), ["-1/4", "1/4"]),
    "hyperbolic, hyperboloid": (-1, rank_one("1", "-1/(1 + {s})"), ["-2", "2"]),
    "hyperbolic, horospheres": (
        -1,
        lambda x: diagonal(["1", *[f"exp(2*{x[0]})"] * (len(x) - 1)]),
        ["-2", "2"],
    ),
    "hyperbolic, equidistants": (
        -1,
        lambda x: diagonal(["1", f"cosh({x[0]})**2", *[f"sinh({x[0]})**2"] * (len(x) == 3)]),
        ["1/4", "2"],
    ),
    "de Sitter, expanding": (1, lorentzian("1", "exp(2*{t})"), ["-2", "2"]),
    "de Sitter, conformal": (1, lorentzian("1/{t}**2", "1/{t}**2"), ["1/4", "2"]),
    "de Sitter, static": (1, static_patch, ["1/2", "3/4"]),
    "anti-de Sitter, Poincare": (
        -1,
        lorentzian("1/{t}**2", "1/{t}**2", last="1/{t}**2"),
        ["1/4", "2"],
    ),
    "anti-de Sitter, horospheres": (
        -1,
        lorentzian("exp(2*{t})", "exp(2*{t})", last="1"),
        ["-2", "2"],
    ),
}
#: Charts whose formula means something in these dimensions only.
DIMENSIONS: dict[str, Sequence[int]] = {"hyperbolic, equidistants": (2, 3)}


def space_form(name: str, n: int) -> Metric:
    """The chart with radius a: a^2 times the unit space form, K = +-1/a^2."""
    _, chart, box = CHARTS[name]
    x = [f"x{i}" for i in range(n)]
    rows = [[f"a**2*({entry})" for entry in row] for row in chart(x)]
    return Metric(
        coordinates=x,
        matrix=rows,
        parameters={"a": {"positive": True}},
        domain=dict.fromkeys(x, box),
        name=f"{name}, n = {n}",
    )


def assert_space_form(c: Curvature, curvature_constant: Any) -> None:
    """Constant curvature for all indices, and what follows from it by algebra."""
    field, n = c.chart.field, c.n
    k = field(curvature_constant)
    laws.assert_constant_curvature(c.riemann_down.element, c.metric.element, k, n)
    for i in range(n):
        for j in range(n):
            einstein = k * c.metric.element(i, j) * (n - 1)
            laws.assert_equal(c.ricci.element(i, j), einstein, "Ric = (n - 1) K g", (i, j))
    laws.assert_equal(c.element("scalar"), k * (n * (n - 1)), "R = n (n - 1) K")
    laws.assert_equal(c.element("kretschmann"), k**2 * (2 * n * (n - 1)), "Kretschmann scalar")


@pytest.mark.parametrize(
    ("name", "n"), [(name, n) for name in CHARTS for n in DIMENSIONS.get(name, range(2, 9))]
)
def test_space_forms_have_constant_curvature(name: str, n: int) -> None:
    metric = space_form(name, n)
    c = curvature(metric)
    constant = CHARTS[name][0] / metric.symbols["a"] ** 2
    assert_space_form(c, constant)
    decision = c.is_constant_curvature()
    assert (decision.value, decision.proof) == (True, "exact")
    laws.assert_equal(c.chart.field(decision.constant), c.chart.field(constant), "the constant")


def test_the_table_has_its_signatures() -> None:
    """A table of Riemannian metrics only would not test Lorentzian ones."""
    signatures = {name: curvature(space_form(name, 3)).signature for name in CHARTS}
    for name, signature in signatures.items():
        assert signature == ((2, 1) if "Sitter" in name else (3, 0)), name


def test_constant_curvature_is_not_seen_everywhere() -> None:
    """A sphere squashed by a tenth has to be told from a round one."""
    squashed = Metric(
        coordinates=["u", "v"],
        matrix=[["1", "0"], ["0", "sin(u)**2*(1 + cos(u)**2/10)"]],
        domain={"u": ["1/2", "5/2"]},
    )
    c = curvature(squashed)
    with pytest.raises(AssertionError, match="violated"):
        assert_space_form(c, 1)
    decision = c.is_constant_curvature()
    assert (decision.value, decision.proof) == (False, "exact")


def catalogue_space_forms() -> list[str]:
    """Names of catalogue metrics that claim a constant sectional curvature."""
    return [
        name
        for name in catalog.names()
        if any(c.kind == "constant_sectional_curvature" for c in catalog.claims(name).claims)
    ]


@pytest.mark.parametrize("name", catalogue_space_forms())
def test_catalogue_charts_of_space_forms(name: str) -> None:
    claims = catalog.claims(name)
    (claim, *_) = [c for c in claims.claims if c.kind == "constant_sectional_curvature"]
    constant = claims.metric.resolve(claim.keys["value"])
    assert_space_form(curvature(claims.metric).accommodating([constant]), constant)


def test_the_catalogue_has_space_forms_up_to_dimension_8() -> None:
    names = catalogue_space_forms()
    for family in ("sphere", "hyperbolic"):
        found = {catalog[name].n for name in names if name.startswith(family)}
        assert found >= set(range(2, 9)), f"{family}: only dimensions {sorted(found)}"


# -- products, warped products, conformal rescaling -----------------------------------------------
@pytest.fixture(params=["fast", pytest.param("thorough", marks=pytest.mark.slow)])
def tier(request: pytest.FixtureRequest) -> Any:
    """Run a property twice: with few examples, and (`make test-slow`) with many."""
    return request.param


def small(dimensions: tuple[int, ...] = (1, 2)) -> st.SearchStrategy[Spec]:
    """Metrics of low dimension, two of which still make a small product."""
    return st.one_of(
        strategies.diagonal(dimensions),
        strategies.sheared((2,), shears=1),
        strategies.unspecified((2,)),
    )


def renamed(metric: Metric) -> Metric:
    """The same geometry in other names, so that it can be a second factor."""
    names = [*metric.symbols, *(f.name for f in metric.functions)]
    return metric.rename({name: f"{name}_2" for name in names})


def lifted(c: Curvature, expression: Any) -> Any:
    """An expression of a factor in the product's field, symbols by name."""
    names = {s: c.chart.metric.symbols[s.name] for s in expression.free_symbols}
    return c.chart.field(expression.xreplace(names))


@pytest.mark.usefixtures("tier")
@given(first=small(), second=small())
def test_products(first: Spec, second: Spec) -> None:
    """Scalars of curvature add up, and Riemann has no mixed components."""
    base, fibre = first.build(), renamed(second.build())
    total = curvature(base.product(fibre))
    for name in ("scalar", "kretschmann", "ricci_squared"):
        parts = [getattr(curvature(factor), name) for factor in (base, fibre)]
        expected = lifted(total, parts[0]) + lifted(total, parts[1])
        laws.assert_equal(total.element(name), expected, f"{name} of the product")
    for index in total.riemann_down.all_nonzero():
        assert len({i < base.n for i in index}) == 1, f"mixed component {index}"


@pytest.mark.usefixtures("tier")
@given(first=small(), second=small(), data=st.data())
def test_warped_products(first: Spec, second: Spec, data: st.DataObject) -> None:
    """R = R_B + R_F / w^2 - 2 k (Lap w) / w - k (k - 1) |grad w|^2 / w^2, k = dim F (O'Neill)."""
    base, fibre = first.build(), renamed(second.build())
    warp = data.draw(st.sampled_from(["exp(x)", "2 + x**2", "cosh(x)", "2 + sin(x)"]))
    total, k = curvature(base.warped(fibre, warp)), fibre.n
    below = curvature(base).accommodating([base.resolve(warp)])
    w = lifted(total, base.resolve(warp))
    laplacian = lifted(total, laplacian_element(below, warp).to_sympy())
    slope = lifted(total, slope_squared(below, warp).to_sympy())
    scalars = [lifted(total, curvature(factor).scalar) for factor in (base, fibre)]
    expected = scalars[0] + (scalars[1] - slope * (k * (k - 1))) / w**2 - laplacian * (2 * k) / w
    laws.assert_equal(total.element("scalar"), expected, "R of the warped product")


def slope_squared(c: Curvature, function: str) -> Any:
    """|grad f|^2 as an element."""
    slopes = gradient(c, function)
    n = range(c.n)
    return c.chart.field.sum(
        c.metric.element(i, j) * slopes.element(i) * slopes.element(j) for i in n for j in n
    )


@pytest.mark.usefixtures("tier")
@given(
    spec=st.one_of(small((2, 3)), strategies.diagonal((3, 4))),
    phi=st.sampled_from(["x", "x*y", "sin(x)", "log(2 + x**2)", "x**2 - y"]),
)
def test_conformal_rescaling(spec: Spec, phi: str) -> None:
    """g' = e^(2 phi) g: R' = e^(-2 phi) (R - 2 (n-1) Lap phi - (n-1)(n-2) |grad phi|^2).

    The Weyl tensor W^i_jkl does not change at all.
    """
    metric = spec.build()
    n = metric.n
    if n == 1 or "y" not in spec.coordinates:
        return
    rescaled = curvature(metric.conformal(f"exp({phi})"))
    before = curvature(metric).accommodating([metric.resolve(phi)])
    laplacian, slope = laplacian_element(before, phi), slope_squared(before, phi)
    inner = before.element("scalar") - laplacian * (2 * (n - 1)) - slope * ((n - 1) * (n - 2))
    factor = metric.resolve(f"exp(2*({phi}))")
    after = rescaled.accommodating([factor, inner.to_sympy()])
    expected = after.chart.field(inner.to_sympy())
    scaled = after.element("scalar") * after.chart.field(factor)
    laws.assert_equal(scaled, expected, "R of the rescaled metric")
    if n >= 4:
        old, new = before.weyl.raise_index(0), after.weyl.raise_index(0)
        for index, component in old.all_nonzero().items():
            laws.assert_equal(new.element(*index), after.chart.field(component), "W^i_jkl", index)
        assert set(new.all_nonzero()) == set(old.all_nonzero())
