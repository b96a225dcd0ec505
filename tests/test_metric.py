"""Metric: what goes in, the constructors, and what comes out."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import sympy

from geomkit.errors import GeomkitError, MetricError
from geomkit.metric import Metric

POLAR = [["1", "0"], ["0", "r**2"]]


def polar(**keywords: Any) -> Metric:
    given: dict[str, Any] = {"coordinates": ["r", "phi"], "matrix": POLAR, "domain": {"r": [0, 2]}}
    return Metric(**given | keywords)


def kerr() -> Metric:
    off = "-2*M*a*r*sin(theta)**2/Sigma"
    return Metric(
        coordinates=["t", "r", "theta", "phi"],
        matrix=[
            ["-(1-2*M*r/Sigma)", "0", "0", off],
            ["0", "Sigma/Delta", "0", "0"],
            ["0", "0", "Sigma", "0"],
            [off, "0", "0", "(r**2+a**2+2*M*a**2*r*sin(theta)**2/Sigma)*sin(theta)**2"],
        ],
        parameters={"M": {"range": ["1/2", "2"]}, "a": {"range": ["0.1*M", "0.9*M"]}},
        definitions={"Sigma": "r**2+a**2*cos(theta)**2", "Delta": "r**2-2*M*r+a**2"},
        domain={"r": ["3*M", "10*M"], "theta": ["0.4", "2.6"]},
        name="kerr",
    )


# what goes in ------------------------------------------------------------------------------------


def test_entries_of_every_kind_give_the_same_metric() -> None:
    r, phi = sympy.symbols("r phi")
    given = [
        POLAR,
        [[1, 0], [0, r**2]],
        sympy.Matrix([[1, 0], [0, r**2]]),
        sympy.diag(1, sympy.Symbol("r", positive=True) ** 2),
        [["1", 0], [sympy.S.Zero, r"r^{2}"]],
        r"\begin{pmatrix} 1 & 0 \\ 0 & r^2 \end{pmatrix}",
    ]
    assert all(polar(matrix=matrix) == polar() for matrix in given)
    assert polar(coordinates=[r, phi]) == polar(coordinates="r, phi") == polar()


def test_symbols_are_the_ones_in_use() -> None:
    metric = kerr()
    r, mass = metric.symbols["r"], metric.symbols["M"]
    assert r in metric.matrix.free_symbols
    assert metric.matrix[1, 1].subs({mass: 0, metric.symbols["a"]: 0}) == 1
    assert metric.coordinates[1] is r or metric.coordinates[1] == r
    assert set(metric.symbols) == {"t", "r", "theta", "phi", "M", "a", "Sigma", "Delta"}


def test_a_symbol_with_other_assumptions_is_mapped_by_name() -> None:
    plain, positive = sympy.Symbol("r"), sympy.Symbol("r", positive=True, integer=True)
    metric = polar(matrix=[[1, 0], [0, plain * positive]])
    # with the user's own symbols the derivative would silently be r, or 0
    assert metric.matrix[1, 1].diff(metric.symbols["r"]) == 2 * metric.symbols["r"]


def test_boxes_become_assumptions() -> None:
    metric = Metric(
        ["x", "y", "z"],
        [["1", "0", "0"], ["0", "1", "0"], ["0", "0", "M**2*n**2*k**2"]],
        parameters={
            "M": {},
            "n": {"integer": True},
            "k": {"nonzero": True},
            "q": {"negative": True},
            "s": {"value": "M + 1"},
        },
        domain={"x": ["0", "1"], "y": ["-1", "0"]},
    )
    symbols = metric.symbols
    assert symbols["M"].is_positive
    assert symbols["n"].is_integer
    assert symbols["n"].is_positive
    assert symbols["k"].is_nonzero
    assert symbols["k"].is_positive is None
    assert symbols["q"].is_negative
    assert symbols["s"].is_positive
    assert symbols["x"].is_positive
    assert symbols["y"].is_negative
    assert symbols["z"].is_real
    assert symbols["z"].is_positive is None


def test_users_assumptions_give_the_default_box() -> None:
    r = sympy.Symbol("r", positive=True)
    metric = polar(coordinates=[r, "phi"], domain=None)
    assert metric.symbols["r"].is_positive
    with pytest.raises(MetricError, match="declared positive, but its box"):
        polar(coordinates=[r, "phi"], domain={"r": [-1, 1]})


@pytest.mark.parametrize(
    "name", ["S", "N", "E", "Q", "O", "I", "beta", "gamma", "lambda", "pi", "d"]
)
def test_names_that_mean_something_to_sympy_or_python(name: str) -> None:
    metric = Metric([name, "w"], [["1", "0"], ["0", f"1+{name}**2"]])
    symbol = metric.symbols[name]
    assert metric.matrix[1, 1] == 1 + symbol**2
    assert Metric.from_dict(metric.to_dict()) == metric


def test_greek_letters_and_their_names_are_one() -> None:
    metric = Metric(["θ", "φ"], [["1", "0"], ["0", "sin(theta)**2"]], domain={"θ": ["0.1", "3"]})
    assert metric == Metric(
        ["theta", "phi"], [["1", "0"], ["0", "sin(θ)**2"]], domain={"theta": ["0.1", "3"]}
    )
    assert metric.index("φ") == metric.index("phi") == metric.index(metric.coordinates[1]) == 1
    with pytest.raises(MetricError, match="given twice"):
        Metric(["θ", "theta"], POLAR)


def test_definitions_and_derived_parameters_are_resolved_in_any_order() -> None:
    metric = Metric(
        ["x", "y"],
        [["A", "0"], ["0", "B"]],
        parameters={"p": {"value": "1 - u"}, "u": {"range": ["1/4", "1/2"]}},
        definitions={"A": "B + p", "B": "1 + x**2"},
    )
    x, u = metric.symbols["x"], metric.symbols["u"]
    assert metric.matrix[0, 0] == x**2 + 2 - u
    assert metric.stated[0, 0] == metric.symbols["A"]
    assert metric.resolve("A*p") == (x**2 + 2 - u) * (1 - u)
    assert [str(box.symbol) for box in metric.domain.boxes] == ["u", "x", "y"]


def test_derivatives_of_definitions_are_not_those_of_a_symbol() -> None:
    metric = Metric(
        ["x", "y"],
        [["1 + diff(B, x)**2", "0"], ["0", r"1 + \left(\frac{\partial A}{\partial y}\right)^2"]],
        definitions={"B": "diff(A, x)*y", "A": "x**3*y**2 + C", "C": "1"},
    )
    x, y = metric.coordinates
    assert metric.matrix == sympy.ImmutableDenseMatrix(
        sympy.diag(1 + (6 * x * y**3) ** 2, 1 + (2 * x**3 * y) ** 2)
    )
    assert metric.resolve("diff(A, x, y)") == 6 * x**2 * y
    unevaluated = sympy.Derivative(sympy.Symbol("A") ** 1 * sympy.Symbol("x"), sympy.Symbol("x"))
    assert metric.resolve(unevaluated) == sympy.expand(4 * x**3 * y**2 + 1)


def test_definitions_that_explode_are_refused_at_once() -> None:
    laughs = {"D0": "x*y"} | {f"D{i}": f"D{i - 1} + 1/(1 + D{i - 1}**2)" for i in range(1, 60)}
    with pytest.raises(MetricError, match=r"definitions.D.*more than 5000; use fewer nested"):
        Metric(["x", "y"], [["1 + D59**2", "0"], ["0", "1"]], definitions=laughs)


@pytest.mark.parametrize(
    "entry",
    [
        "exp(exp(exp(100+x)))",
        "gamma(exp(exp(x+5)))",
        "(2+x**2)**((2+x**2)**((2+x**2)**9))",
        "sinh(10**9*x)",
    ],
)
def test_entries_that_cannot_be_evaluated_are_refused_at_once(entry: str) -> None:
    with pytest.raises(MetricError, match="not a real number of moderate size"):
        Metric(["x"], [[entry]], domain={"x": ["1", "2"]})


def test_functions_and_their_examples() -> None:
    metric = Metric(
        ["t", "x"],
        [["-1", "0"], ["0", "a(t)**2"]],
        parameters=["H"],
        functions={"a(t)": ["exp(H*t)", "1+t**2"]},
    )
    t, hubble = metric.symbols["t"], metric.symbols["H"]
    rate = metric.resolve("diff(a(t), t)/a(t)")
    assert sympy.cancel(metric.concrete(rate, 0) - hubble) == 0
    assert sympy.cancel(metric.concrete(rate, 1) - 2 * t / (1 + t**2)) == 0
    assert metric.concrete(rate, 2) == metric.concrete(rate, 0)
    # the function of a user is the same function
    assert metric.resolve(sympy.Function("a")(sympy.Symbol("t"))) == metric.functions[0].function


def test_default_examples_are_generic_and_different() -> None:
    metric = Metric(
        ["x", "y"], [["f(x,y)**2", "0"], ["0", "g(x,y)**2"]], functions=["f(x,y)", "g(x,y)"]
    )
    x, y = metric.coordinates
    f, g = (metric.concrete(function.function) for function in metric.functions)
    assert f != g
    for expression in (f, g, metric.concrete(metric.functions[0].function, 1)):
        assert sympy.diff(expression, x, 2, y) != 0
        assert sympy.diff(expression, x, 4) != 0
        corners = [expression.subs({x: i, y: j}) for i in (-2, 0, 2) for j in (-2, 0, 2)]
        assert min(corners) > 0


def test_functions_of_other_arguments() -> None:
    metric = Metric(["x", "y"], [["f(x**2+y**2)", "0"], ["0", "1"]], functions={"f(x)": ["exp(x)"]})
    x, y = metric.coordinates
    slope = metric.matrix[0, 0].diff(y)
    assert sympy.simplify(metric.concrete(slope) - 2 * y * sympy.exp(x**2 + y**2)) == 0


# constructors ------------------------------------------------------------------------------------


def test_line_elements_in_text_and_latex() -> None:
    declared = {"parameters": ["M"], "domain": {"r": ["5*M", "9*M"], "theta": ["0.1", "3"]}}
    schwarzschild = Metric.from_line_element(
        "-(1-2*M/r)*dt**2 + dr**2/(1-2*M/r) + r**2*(dtheta**2 + sin(theta)**2*dphi**2)",
        ["t", "r", "theta", "phi"],
        **declared,
    )
    latex = (
        r"ds^2 = -\left(1-\frac{2M}{r}\right)dt^2 + \frac{dr^2}{1-2M/r}"
        r" + r^2\left(d\theta^2 + \sin^2\theta\, d\varphi^2\right)"
    )
    assert Metric.from_latex(latex, **declared) == schwarzschild
    assert Metric.from_latex(latex, ["t", "r", "theta", "phi"], **declared) == schwarzschild
    assert Metric.from_line_element(latex, schwarzschild.coordinates, **declared) == schwarzschild
    again = Metric.from_line_element(
        schwarzschild.line_element(), ["t", "r", "theta", "phi"], **declared
    )
    assert all(sympy.cancel(d) == 0 for d in again.matrix - schwarzschild.matrix)
    with pytest.raises(GeomkitError, match="coordinates"):
        Metric.from_latex(r"\alpha^2", parameters=["alpha"])


def test_latex_finds_coordinates_among_functions_and_subscripts() -> None:
    flrw = Metric.from_latex(
        r"-\mathrm{d}t^2 + a(t)^2\left(\mathrm{d}x_1^2 + \mathrm{d}x_{2}^2\right)",
        functions=["a(t)"],
    )
    assert [x.name for x in flrw.coordinates] == ["t", "x_1", "x_2"]
    assert flrw.matrix[2, 2] == flrw.functions[0].function ** 2


def test_embeddings() -> None:
    sphere = Metric.from_embedding(
        ["R*sin(u)*cos(v)", "R*sin(u)*sin(v)", "R*cos(u)"],
        ["u", "v"],
        parameters=["R"],
        domain={"u": ["0.1", "3"]},
    )
    radius, u = sphere.symbols["R"], sphere.symbols["u"]
    assert sphere.matrix == sympy.ImmutableDenseMatrix(
        sympy.diag(radius**2, radius**2 * sympy.sin(u) ** 2)
    )
    hyperboloid = Metric.from_embedding(
        ["cosh(u)", "sinh(u)*cos(v)", "sinh(u)*sin(v)"],
        ["u", "v"],
        [-1, 1, 1],
        domain={"u": ["0.1", "2"]},
    )
    assert hyperboloid.matrix[0, 0] == 1
    assert hyperboloid.matrix[1, 1] == sympy.sinh(hyperboloid.symbols["u"]) ** 2
    # a circle of latitude in the sphere, r -> constant
    circle = Metric.from_embedding(["pi/6", "s"], ["s"], sphere)
    assert circle.matrix[0, 0] == circle.symbols["R"] ** 2 / 4


def test_pullback_is_a_change_of_coordinates() -> None:
    plane = Metric(["x", "y"], [[1, 0], [0, 1]])
    assert (
        plane.pullback(["r*cos(phi)", "r*sin(phi)"], ["r", "phi"], domain={"r": [0, 2]}).matrix
        == polar().matrix
    )
    # names that both charts use: r -> r**2
    squared = polar().pullback(["r**2", "phi"], ["r", "phi"], domain={"r": ["1/2", "1"]})
    r = squared.symbols["r"]
    assert squared.matrix == sympy.ImmutableDenseMatrix(sympy.diag(4 * r**2, r**4))


def test_pullback_takes_functions_along() -> None:
    flrw = Metric(["t", "x"], [["-1", "0"], ["0", "a(t)**2"]], functions={"a(t)": ["1+t**2"]})
    conformal = flrw.pullback(["eta**3", "x"], ["eta", "x"], domain={"eta": ["1/2", "1"]})
    eta = conformal.symbols["eta"]
    assert conformal.matrix[1, 1] == sympy.Function("a")(eta**3) ** 2
    assert sympy.expand(conformal.concrete(conformal.matrix[1, 1]) - (1 + eta**6) ** 2) == 0


def test_pullback_of_derivatives() -> None:
    graph = Metric(
        ["x", "y"], [["1+diff(h(x),x)**2", "0"], ["0", "1"]], functions={"h(x)": ["x**3"]}
    )
    moved = graph.pullback(["2*u", "v"], ["u", "v"])
    u = moved.symbols["u"]
    # h' at x = 2u, not d/du of h(2u)
    assert sympy.expand(moved.concrete(moved.matrix[0, 0]) - 4 * (1 + (3 * (2 * u) ** 2) ** 2)) == 0


def test_products_and_rescalings() -> None:
    sphere = Metric(
        ["theta", "phi"], [["1", "0"], ["0", "sin(theta)**2"]], domain={"theta": ["0.1", "3"]}
    )
    line = Metric(["r"], [["1"]], domain={"r": [0, 2]}, name="line")
    space = line.warped(sphere, "r", name="space")
    r, theta, _ = space.coordinates
    assert space.matrix == sympy.ImmutableDenseMatrix(
        sympy.diag(1, r**2, r**2 * sympy.sin(theta) ** 2)
    )
    assert space.name == "space"
    product = Metric.product(sphere, sphere.rename({"theta": "alpha", "phi": "beta"}), line)
    assert [x.name for x in product.coordinates] == ["theta", "phi", "alpha", "beta", "r"]
    assert product.matrix[3, 3] == sympy.sin(product.symbols["alpha"]) ** 2
    with pytest.raises(MetricError, match=r"two factors have the coordinate 'theta'.*rename"):
        sphere.product(sphere)
    rescaled = sphere.conformal("exp(u(theta))", functions=["u(theta)"])
    assert rescaled.matrix[0, 0] == sympy.exp(2 * rescaled.functions[0].function)


def test_products_keep_declarations_and_refuse_contradictions() -> None:
    left = Metric(["x"], [["M**2"]], parameters={"M": {"range": [1, 2]}})
    right = Metric(["y"], [["M**2*N"]], parameters={"M": {"range": [1, 2]}, "N": {"integer": True}})
    both = left.product(right)
    assert both.symbols["N"].is_integer
    assert [p.symbol.name for p in both.parameters] == ["M", "N"]
    other = Metric(["y"], [["M"]], parameters={"M": {"range": [1, 3]}})
    with pytest.raises(MetricError, match=r"parameters.M is .* in one part and .* in another"):
        left.product(other)


def test_rename() -> None:
    renamed = kerr().rename({"M": "m", "theta": "vartheta", "Sigma": "rho2"})
    assert set(renamed.symbols) == {"t", "r", "vartheta", "phi", "m", "a", "rho2", "Delta"}
    assert renamed.rename({"m": "M", "vartheta": "theta", "rho2": "Sigma"}) == kerr()
    with pytest.raises(MetricError, match="'Mass' is not declared"):
        kerr().rename({"Mass": "m"})


# what comes out ----------------------------------------------------------------------------------


def test_round_trips() -> None:
    metric = kerr()
    assert Metric.from_dict(metric.to_dict()) == metric
    assert copy.deepcopy(metric) == metric
    assert pickle.loads(pickle.dumps(metric)) == metric
    assert hash(pickle.loads(pickle.dumps(metric))) == hash(metric)


def test_what_has_no_text_is_refused() -> None:
    metric = Metric(["x", "y"], [["2+diff(f(x*y),x)**2", "0"], ["0", "1"]], functions=["f(x)"])
    with pytest.raises(MetricError, match="derivative of a composite function"):
        metric.to_dict()


def test_line_element_uses_the_abbreviations() -> None:
    assert kerr().line_element() == (
        "(2*M*r/Sigma - 1)*dt**2 - 4*M*a*r*sin(theta)**2*dt*dphi/Sigma + Sigma*dr**2/Delta"
        " + Sigma*dtheta**2 + (2*M*a**2*r*sin(theta)**2/Sigma + a**2 + r**2)*sin(theta)**2*dphi**2"
    )
    assert "Sigma = a**2*cos(theta)**2 + r**2" in str(kerr())


def test_latex_shows_definitions() -> None:
    shown = kerr()._repr_latex_()
    assert shown.startswith(r"$\displaystyle \mathrm{d}s^{2} = ")
    assert r"\Sigma = a^{2} \cos^{2}{\left(\theta \right)} + r^{2}" in shown
