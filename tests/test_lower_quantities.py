"""Lowering along curves, of operators on functions, and of what users write themselves."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import pytest
import sympy

import geomkit as gk
from geomkit.enclosure import PointGeometry, enclose, regular_points
from geomkit.errors import GeomkitError, LoweringError, ParseError
from geomkit.evaluate import Digits
from geomkit.interpret import interpret
from geomkit.lower import Request, lower, read_requests
from geomkit.lower.scope import VECTORS
from geomkit.metric import Metric
from geomkit.program import Program, identifier
from geomkit.tensor import Tensor
from geomkit.tensor.symmetry import Symmetry
from tests.lower_oracle import assert_agrees, indices, inputs, number, tensors

METRICS = ["kerr", "flrw", "sphere3", "isothermal", "poincare"]
CURVES = ["geodesic", "transport", "jacobi", "energy", "momentum"]
#: f of the operators that are tested, and how it is named as an unspecified function.
FUNCTION = "x1**3*x2 + x2**2/x1 + x1"


def metric_named(name: str) -> Metric:
    if name != "poincare":
        return gk.catalog[name]
    return Metric(["x", "y"], [["1/y**2", "0"], ["0", "1/y**2"]], domain={"y": ["1/2", "2"]})


def vectors(n: int) -> dict[str, list[Fraction]]:
    """Values of the array arguments: small fractions, all different."""
    return {
        source: [Fraction(2 * k + 3 * i + 1, 5 + k) * (-1) ** k for k in range(n)]
        for i, source in enumerate(VECTORS)
    }


def computed(program: Program, geometry: PointGeometry, more: dict[str, Any]) -> dict[str, Any]:
    """The full tensors at the point of the enclosure."""
    values = inputs(program, geometry) | more
    given = vectors(geometry.n)
    for one in program.inputs:
        if one.kind == "vector":
            values[one.name] = given[one.source][one.position]
    return tensors(program, values)


def contracted(geometry: PointGeometry, left: list[Fraction], right: list[Fraction]) -> list[Any]:
    """-Gamma^i_jk v^j w^k by loops over all indices."""
    n, gamma = geometry.n, geometry.gamma
    v, w = [number(x) for x in left], [number(x) for x in right]
    return [-sum(number(gamma[i][j][k]) * v[j] * w[k] for j, k in indices(n, 2)) for i in range(n)]


def jacobi(geometry: PointGeometry) -> list[Any]:
    """-d_m Gamma^i_jk J^m v^j v^k - 2 Gamma^i_jk v^j J'^k by loops over all indices."""
    n, given = geometry.n, vectors(geometry.n)
    v = [number(x) for x in given["velocity"]]
    deviation = [number(x) for x in given["deviation"]]
    tide = [0] * n
    for (i, j, k), jet in geometry.jets(2).gamma.items():
        with geometry.balls.working():
            slope = [number(jet.derivative(m)) for m in range(n)]
        for m in range(n):
            tide[i] -= slope[m] * deviation[m] * v[j] * v[k]
    drag = contracted(geometry, given["velocity"], given["deviation_velocity"])
    return [a + 2 * b for a, b in zip(tide, drag, strict=True)]


@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.parametrize("name", METRICS)
def test_equations_along_curves(name: str, staged: bool) -> None:
    metric = metric_named(name)
    program = lower(metric, CURVES, staged=staged)
    assert list(program.sources) == ["points", *VECTORS]
    assert program.output("geodesic").positions == "u"
    geometry = enclose(metric, next(iter(regular_points(metric, 1))), bits=300)
    n, given = metric.n, vectors(metric.n)
    with mpmath.workdps(60):
        v, w = given["velocity"], given["vector"]
        g = [[number(geometry.g[i][j]) for j in range(n)] for i in range(n)]
        speed = [number(x) for x in v]
        momentum = [sum(g[i][j] * speed[j] for j in range(n)) for i in range(n)]
        expected = {
            "geodesic": contracted(geometry, v, v),
            "transport": contracted(geometry, v, w),
            "jacobi": jacobi(geometry),
            "momentum": momentum,
            "energy": sum(p * x for p, x in zip(momentum, speed, strict=True)) / 2,
        }
        found = computed(program, geometry, {})
        for one in CURVES:
            assert_agrees(one, found[one], expected[one])


def operators(geometry: PointGeometry, expression: sympy.Expr) -> dict[str, Any]:
    """Gradient, Hessian and Laplacian by loops over all indices."""
    n, jet = geometry.n, geometry.jet(expression, 2)
    with geometry.balls.working():  # derivatives are multiples of coefficients
        slope = [number(jet.derivative(i)) for i in range(n)]
        second = [[number(jet.derivative(i, j)) for j in range(n)] for i in range(n)]
    inverse = [[number(geometry.ginv[i][j]) for j in range(n)] for i in range(n)]
    for i, j, k in indices(n, 3):
        second[i][j] -= number(geometry.gamma[k][i][j]) * slope[k]
    return {
        "gradient": [sum(inverse[i][j] * slope[j] for j in range(n)) for i in range(n)],
        "hessian": second,
        "laplacian": sum(inverse[i][j] * second[i][j] for i, j in indices(n, 2)),
    }


@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("unspecified", [False, True])
def test_operators_on_functions(name: str, staged: bool, unspecified: bool) -> None:
    metric = metric_named(name)
    one, two = (str(x) for x in metric.coordinates[:2])
    text = FUNCTION.replace("x1", f"(3 + {one}**2)").replace("x2", two)
    operand = f"h({one}, {two})" if unspecified else text
    names = ["gradient", "hessian", "laplacian"]
    program = lower(metric, [f"{name}({operand})" for name in names], staged=staged)
    geometry = enclose(metric, next(iter(regular_points(metric, 1))), bits=300)
    expression = metric.resolve(text)
    more = {}
    for i in program.inputs:
        if i.jet is not None and i.jet.function == "h":
            by = [(metric.coordinates[k], m) for k, m in enumerate(i.jet.orders) if m]
            more[i.name] = geometry.value(expression.diff(*by) if by else expression)
    metric_inputs = [i for i in program.inputs if i.jet is None or i.jet.function != "h"]
    assert bool(more) is unspecified
    own = inputs(_with(program, metric_inputs), geometry)
    with mpmath.workdps(60):
        found = tensors(program, own | more)
        for name, expected in operators(geometry, expression).items():
            assert_agrees(name, found[name], expected)


def _with(program: Program, kept: list[Any]) -> Any:
    """What `inputs` looks at."""
    return type("Inputs", (), {"inputs": kept})


def test_a_composite_operand_is_differentiated_as_far_as_it_is_known() -> None:
    metric = gk.catalog["sphere2"]
    program = lower(metric, "laplacian(cos(theta)*f(phi))")
    assert [i.name for i in program.inputs if i.jet] == ["f", "f_phi_phi"]
    theta, a, f, second = (mpmath.mpf(x) for x in ("1.1", "1.5", "0.7", "0.3"))
    values = {"theta": theta, "phi": 0, "a": a, "f": f, "f_phi_phi": second}
    s, c = mpmath.sin(theta), mpmath.cos(theta)
    expected = (-2 * c * f + c * second / s**2) / a**2
    assert mpmath.almosteq(tensors(program, values)["laplacian"], expected, 1e-13)  # doubles


# Expressions and tensors of the user --------------------------------------------------------------


def test_expressions_are_factored_when_they_fit_the_field() -> None:
    metric = gk.catalog["kerr"]
    given = {"sigma": "r**2 + a**2*cos(theta)**2", "q": "r**2/Sigma - 1 + a**2*cos(theta)**2/Sigma"}
    program = lower(metric, given)
    assert [str(s) for s in program.slots] == ["sigma"]  # q vanishes
    assert program.output("q").zeros == ((),)


def test_sympy_expressions_are_read_by_the_names_of_their_symbols() -> None:
    metric = gk.catalog["kerr"]
    r, a = sympy.symbols("r a")
    assert lower(metric, {"x": r * a + 1}).hash == lower(metric, "x = a*r + 1").hash


def test_tensors_keep_their_symmetry() -> None:
    metric = gk.catalog["kerr"]
    tensors = gk.curvature(metric)
    program = lower(metric, {"g": tensors.metric, "K": tensors.riemann_down})
    plain = lower(metric, ["metric", "riemann_down"])
    assert [s.index for s in program.slots] == [s.index for s in plain.slots]
    for mine, theirs in zip(program.outputs, plain.outputs, strict=True):
        assert (mine.shape, mine.copies, mine.positions, mine.zeros) == (
            theirs.shape,
            theirs.copies,
            theirs.positions,
            theirs.zeros,
        )


def test_every_copy_of_an_antisymmetric_tensor_has_its_sign() -> None:
    metric = gk.catalog["sphere3"]
    chart = gk.curvature(metric).chart
    x = chart.field(metric.coordinates[0])
    form = Tensor(chart, "dd", {(0, 2): x}, symmetry=Symmetry.antisymmetric(2))
    output = lower(metric, {"form": form}).output("form")
    assert output.copies == (((0, 2), 0, 1), ((2, 0), 0, -1))


# Requests -----------------------------------------------------------------------------------------

REQUESTS: list[Any] = [
    "scalar",
    "ricci, scalar_curvature",
    ["Ricci", "riemann-up", "inverse"],
    "laplacian(f(r, theta))",
    "laplacian(r**2*cos(theta)), laplacian(f(r)), laplacian(g(theta)*r)",
    "gradient(M/r)",
    "hessian(Sigma)",
    ["geodesic", "jacobi", "energy"],
    "x = r**2/3 - sqrt(r)*exp(-r)",
    "other = kretschmann",
    {"a": "r", "b": "ricci", "c": "laplacian(r)", "lambda": "M"},
    {"power": sympy.Symbol("r") ** sympy.Rational(2, 3)},
    {"e": sympy.E ** sympy.Symbol("r")},
    {"g": gk.curvature(gk.catalog["kerr"]).metric, "R": gk.curvature(gk.catalog["kerr"]).ricci},
    {"riemann": gk.curvature(gk.catalog["kerr"]).riemann},
]


@pytest.mark.parametrize("given", REQUESTS, ids=lambda given: str(given)[:30])
def test_requests_and_their_texts(given: Any) -> None:
    metric = gk.catalog["kerr"]
    requests = read_requests(metric, given)
    texts = [str(request) for request in requests]
    assert read_requests(metric, texts) == requests
    assert read_requests(metric, requests) == requests
    assert [str(request) for request in read_requests(metric, texts)] == texts
    assert lower(metric, texts).hash == lower(metric, given).hash
    assert all(request.name == identifier(request.name) for request in requests)


def test_equal_names_are_numbered() -> None:
    metric = gk.catalog["sphere2"]
    program = lower(metric, ["laplacian(theta)", "laplacian(phi**2)", "scalar", "scalar"])
    names = [output.name for output in program.outputs]
    assert names == ["laplacian", "laplacian_2", "scalar", "scalar_2"]


def test_a_symbol_of_the_metric_wins_over_a_quantity() -> None:
    metric = Metric(["x", "y"], [["1", "0"], ["0", "gamma**2"]], parameters=["gamma"])
    (request,) = read_requests(metric, "q = gamma")
    assert request.quantity == "expression"
    assert read_requests(metric, "gamma") == (Request("christoffel", "christoffel"),)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("kretchmann", LoweringError, "did you mean kretschmann"),
        ("signature", LoweringError, "unknown quantity 'signature'"),
        ("is_flat", LoweringError, "unknown quantity 'is_flat'"),
        ("r**2", LoweringError, r"needs a name, \"name = r\*\*2\""),
        ([], LoweringError, "nothing to compute"),
        (sympy.Symbol("r"), LoweringError, "needs a name"),
        ({"a b": "r"}, LoweringError, "no identifier"),
        ("x = 1/0", ParseError, "division by zero"),
        ("x = unknown", ParseError, "unknown name 'unknown'"),
        ("x = sqr(r)", ParseError, "unknown name 'sqr'"),
        ("laplacian(floor(r))", ParseError, "unknown name 'floor'"),
        ("laplacian(f(r**2))", LoweringError, "plain arguments"),
        ("laplacian(f(r, r))", LoweringError, "plain arguments"),
        ("laplacian(f(r, q))", ParseError, "unknown name 'q'"),
        ("s = Shi(r)", LoweringError, "s cannot be lowered: a kernel has no Shi"),
        ("T = tensor[dd; +01](1,0: r)", LoweringError, "no independent component"),
        ("T = tensor[dd; 01](0,1: r)", LoweringError, "no symmetry of slots"),
        ("T = tensor[d](0 r)", LoweringError, "no component of a tensor"),
        ("T = tensor[d](7: r)", LoweringError, "no independent component"),
    ],
)
def test_what_cannot_be_read_is_refused(given: Any, error: type, message: str) -> None:
    assert issubclass(error, GeomkitError)
    with pytest.raises(error, match=message):
        lower(gk.catalog["kerr"], given)


@pytest.mark.parametrize("name", ["ff", "li", "N", "S", "E", "I", "core"])
def test_names_that_only_sympy_knows_are_those_of_unspecified_functions(name: str) -> None:
    program = lower(gk.catalog["sphere2"], f"gradient({name}(theta, phi))")
    assert [one.name for one in program.inputs][-2:] == [f"{name}_theta", f"{name}_phi"]


def test_two_functions_of_one_name_are_told_apart_in_the_message() -> None:
    with pytest.raises(LoweringError, match=r"called 'f': f\(phi\) and f\(theta\); rename"):
        lower(gk.catalog["sphere2"], "laplacian(f(theta)*f(phi))")


def test_parameters_may_be_called_what_calls_of_kernels_mean() -> None:
    rows = [["out**2 + points", "0"], ["0", "1 + x**2"]]
    metric = Metric(["x", "y"], rows, parameters=["out", "points"])
    program = lower(metric, "metric")
    assert [one.name for one in program.inputs] == ["x", "y", "out_", "points_"]


LINE = Metric(["x"], [["1"]], domain={"x": ["1/1000000", "30"]})


@pytest.mark.parametrize(
    ("asked", "function"),
    [
        (["q = erfc(x)"], "erfc"),
        (["q = 3*erfc(x)**2/x"], "erfc"),
        (["q = erfc(x)", "p = erf(x)"], "erfc"),
        (["q = sinh(x)", "p = exp(x)"], "sinh"),
        (["p = exp(x)", "q = x*cosh(2*x)"], "cosh"),
        (["p = exp(x)", "q = tanh(x)"], "tanh"),
    ],
)
def test_functions_of_the_user_are_kept_where_others_lose_digits(
    asked: list[str], function: str
) -> None:
    program = lower(LINE, asked)
    assert function in {node.value for node in program.nodes if node.op == "call"}
    for point in ({"x": Fraction(1, 10**6)}, {"x": Fraction(25)}):
        values = interpret(program, point, Digits(16))
        exact = interpret(program, point, Digits(60))
        for value, wanted in zip(values, exact, strict=True):
            # a few units in the last of 16 digits; 1 - erf(25) and (e - 1/e)/2 lose all of them
            assert abs(value - wanted) <= abs(wanted) * 1e-14


def test_what_cancels_exactly_is_still_found() -> None:
    program = lower(LINE, ["q = cosh(x)**2 - sinh(x)**2 + x", "p = exp(x)"])
    assert {node.value for node in program.nodes if node.op == "call"} == {"exp"}
    assert not lower(LINE, "q = erfc(x) + erf(x) - 1").slots
