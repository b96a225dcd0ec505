"""Unspecified functions as papers write them: without arguments, and of placeholders."""

from __future__ import annotations

import pytest
import sympy

from geomkit.errors import ParseError
from geomkit.metric import Metric


def test_static_spherical_metric_with_bare_functions() -> None:
    functions = {"functions": ["nu(r)", "lambda(r)"], "domain": {"r": ["1/2", "2"]}}
    bare = r"ds^2 = -e^{2\nu}dt^2 + e^{2\lambda}dr^2 + r^2(d\theta^2 + \sin^2\theta\,d\phi^2)"
    full = bare.replace(r"\nu", r"\nu(r)").replace(r"\lambda", r"\lambda(r)")
    metric = Metric.from_latex(bare, **functions)
    assert metric == Metric.from_latex(full, **functions)
    nu = next(f.function for f in metric.functions if f.name == "nu")
    assert metric.matrix[0, 0] == -sympy.exp(2 * nu)
    (r,) = nu.args
    assert metric.resolve(r"\nu'") == metric.resolve(r"\frac{d\nu}{dr}") == nu.diff(r)


def test_bracket_with_differentials_is_a_factor_and_no_argument() -> None:
    line = r"ds^2 = -dt^2 + a^2\left(\frac{dr^2}{1-kr^2} + r^2 d\Omega^2\right)"
    names = ["t", "r", "theta", "phi"]
    metric = Metric.from_latex(line, names, parameters=["k"], functions=["a(t)"],
                               domain={"r": ["1/10", "1/2"]})  # fmt: skip
    a = metric.functions[0].function
    assert metric.matrix[2, 2] == a**2 * metric.coordinates[1] ** 2


def test_derivatives_of_bare_functions_in_definitions() -> None:
    metric = Metric.from_latex(
        r"-dt^2 + a^2\,dx^2",
        functions=["a(t)"],
        definitions={"H": r"\frac{\dot a}{a}", "A": "t**2", "B": r"\partial_t A"},
    )
    a, t = metric.functions[0].function, metric.coordinates[0]
    assert metric.definitions[0].value == a.diff(t) / a
    assert metric.definitions[2].value == 2 * t  # of what A stands for, not of a symbol
    assert metric.resolve(r"\dot H") == (a.diff(t) / a).diff(t)


def test_bracket_that_may_be_an_argument_or_a_factor_is_refused() -> None:
    metric = Metric(["r", "x"], [["1", "0"], ["0", "f(r)"]], functions=["f(r)"])
    assert metric.resolve(r"{f(2r)}") == metric.resolve("f(2*r)")
    for text in (r"{f(r^2+1)}", r"{f (x+r)}"):
        with pytest.raises(ParseError, match="ambiguous"):
            metric.resolve(text)


def test_function_of_a_placeholder() -> None:
    metric = Metric(["x", "y"], [["1", "0"], ["0", "f(x**2+y**2)"]], functions={"f(u)": ["exp(u)"]})
    x, y = metric.coordinates
    assert metric.concrete(metric.matrix)[1, 1] == sympy.exp(x**2 + y**2)
    assert Metric.from_dict(metric.to_dict()) == metric
    with pytest.raises(ParseError, match="f is a function: write f"):
        metric.resolve("x*f")
