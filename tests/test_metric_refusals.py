"""Metric: what is refused, with which words, and what is worth a warning."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import sympy

from geomkit.errors import GeomkitError, MetricError, ParseError
from geomkit.metric import GeomkitWarning, Metric
from tests.test_metric import kerr, polar


def refused(message: str, **keywords: object) -> None:
    with pytest.raises(GeomkitError, match=message):
        polar(**keywords)


def test_asymmetric() -> None:
    refused(
        r"metric 'bad': the matrix is not symmetric: g\[0,1\] - g\[1,0\] = r; give the full",
        matrix=[["1", "r"], ["0", "r**2"]],
        name="bad",
    )


def test_symmetric_up_to_identities_is_symmetric() -> None:
    metric = polar(matrix=[["2", "sin(phi)**2"], ["1 - cos(phi)**2", "r**2+3"]])
    assert metric.matrix[0, 1] == metric.matrix[1, 0]
    refused("not symmetric", matrix=[["2", "sin(phi)**2"], ["1 - cos(phi)**2 + r/10**30", "r**2"]])


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"matrix": [["1", "0"], ["0"]]}, "not square: it has 2 rows, but row 1 has 1 entries"),
        ({"matrix": [["1"]]}, r"the matrix is 1 x 1, but there are 2 coordinates \(r, phi\)"),
        ({"matrix": [["r", "r"], ["r", "r"]]}, "degenerate: its determinant is 0 at all 6"),
        ({"matrix": [["0", "0"], ["0", "0"]]}, "degenerate"),
        (
            {"matrix": [["sin(r)**2", "sin(r)*cos(r)"], ["sin(r)*cos(r)", "cos(r)**2"]]},
            "degenerate",
        ),
        ({"matrix": []}, "expected a list of rows"),
        ({"matrix": ["1", "0"]}, r"matrix\[0\]: expected a row|expected a list of rows"),
        ({"matrix": "1"}, "not square|1 x 1"),
        ({"matrix": [["1", "0"], ["0", 0.5]]}, r'matrix\[1\]\[1\]: 0.5 is a floating.*"0.5"'),
        ({"matrix": [["1", "0"], ["0", sympy.Float(0.5)]]}, "floating"),
        ({"matrix": [["1", "0"], ["0", sympy.I]]}, "complex"),
        ({"matrix": [["1", "0"], ["0", True]]}, "write 1 or 0"),
        ({"matrix": [["1", "0"], ["0", "R**2"]]}, "unknown name 'R'; did you mean 'r'"),
        (
            {"matrix": [["1", "0"], ["0", sympy.Symbol("ph")]]},
            "'ph' is not declared; did you mean 'phi'",
        ),
        ({"matrix": [["1", "0"], ["0", sympy.Function("f")(1)]]}, r"'f\(...\)' is not declared"),
        ({"matrix": [["1", "0"], ["0", "f(r)"]]}, "unknown name 'f'"),
        (
            {"matrix": [["f(r,phi)", "0"], ["0", "1"]], "functions": ["f(r)"]},
            r"takes 1 argument\(s\), 2 given",
        ),
        ({"functions": ["a(q)"], "definitions": {"q": "r**2"}}, "'q' is an abbreviation"),
        ({"functions": ["a(r,r)"]}, "comes twice"),
        ({"functions": ["a"]}, "such as 'a"),
        ({"functions": {"a(r)": ["phi"]}}, "uses phi; it may use r and parameters only"),
        ({"coordinates": ["r", "r"]}, "'r' is given twice"),
        ({"coordinates": []}, "0 coordinates given"),
        ({"coordinates": ["r", "2x"]}, "'2x' cannot be a name"),
        ({"coordinates": ["r", 1]}, "expected a name"),
        ({"parameters": ["r"]}, "'r' is declared twice, under coordinates and under parameters"),
        ({"definitions": {"phi": "1"}}, "declared twice"),
        ({"functions": ["r(phi)"]}, "declared twice"),
        ({"parameters": {"M": {"range": ["2", "1/2"]}}}, r"parameters.M.range: .*reversed"),
        ({"parameters": {"M": {"rang": ["1", "2"]}}}, "'rang'; did you mean 'range'"),
        ({"parameters": {"M": {"positive": "yes"}}}, "expected true or false"),
        ({"parameters": {"M": {"value": "1", "positive": True}}}, "has a value only"),
        ({"parameters": {"M": {"positive": True, "negative": True}}}, "positive and negative"),
        ({"parameters": {"M": {"positive": True, "range": [-1, 1]}}}, "declared positive, but"),
        ({"parameters": {"M": {"range": ["1"]}}}, "expected two bounds"),
        ({"parameters": {"M": {"range": ["0", "oo"]}}}, "give finite bounds"),
        ({"parameters": {"M": {"value": "r"}}}, "uses the coordinate r, but a parameter is"),
        ({"parameters": {"M": {"range": ["0", "r"]}}}, "uses the coordinate r"),
        ({"parameters": {"M": {"value": "N+1"}, "N": {"value": "M"}}}, "M -> N -> M"),
        ({"definitions": {"A": "A+1"}}, "'A' depends on itself"),
        ({"domain": {"r": ["r", "2"]}}, "'r' depends on itself"),
        ({"domain": {"r": ["2", "1"]}}, "domain.r: .*reversed"),
        ({"domain": {"r": ["1", "1"]}}, "no interior"),
        ({"domain": {"ph": ["1", "2"]}}, "'ph' is not a coordinate; did you mean 'phi'"),
        ({"domain": {"M": [1, 2]}, "parameters": ["M"]}, "give its box with the parameters"),
        (
            {"matrix": [["1", "0"], ["0", "sqrt(r-5)"]]},
            r"no regular point.*g\[1,1\] = sqrt\(r - 5\)",
        ),
        ({"matrix": [["1", "0"], ["0", "log(r-9)"]]}, "no regular point"),
        ({"matrix": [["1", "0"], ["0", "1/(r-r**1)"]]}, "zero|infinite"),
        ({"matrix": [["1", "0"], ["0", "9**9**9"]]}, "matrix"),
    ],
)
def test_bad_input_is_named(keywords: dict[str, object], message: str) -> None:
    refused(message, **keywords)


def test_errors_are_of_the_family() -> None:
    with pytest.raises(MetricError):
        polar(matrix=[["1", "r"], ["0", "1"]])
    with pytest.raises(ParseError) as caught:
        polar(matrix=[["1", "0"], ["0", "r**2 + q"]])
    assert caught.value.position == 7
    assert caught.value.where == "matrix[1][1]"


def test_extreme_scales_are_not_degenerate() -> None:
    assert Metric(["x", "y"], [["10**90", "10**90"], ["10**90", "10**90 + x/10**30"]]).n == 2
    assert Metric(["x", "y"], [["10**(-90)", "0"], ["0", "10**90"]]).n == 2


def test_a_metric_that_is_regular_somewhere_is_accepted() -> None:
    # real for r > 1 only: sample points elsewhere are not used
    assert polar(matrix=[["1", "0"], ["0", "sqrt(r-1)"]]).n == 2
    # singular at a sample point is no reason to refuse either
    assert Metric(["x", "y"], [["x", "0"], ["0", "1"]]).n == 2


def test_warnings_of_coordinates_that_are_never_used() -> None:
    with pytest.warns(
        GeomkitWarning, match="coordinates x, y are never used, but the parameter theta"
    ):
        Metric(["x", "y"], [["1", "0"], ["0", "sin(theta)**2"]], parameters=["theta"])
    with pytest.warns(GeomkitWarning, match="coordinate r is never used, but R is"):
        Metric(["r", "phi"], [["1", "0"], ["0", "R**2*cos(phi)**2"]], parameters=["R"])


def test_warning_points_at_the_user() -> None:
    with pytest.warns(GeomkitWarning) as caught:
        Metric(["x", "y"], [["1", "0"], ["0", "r"]], parameters=["r"])
    assert caught[0].filename == __file__


def test_no_warning_for_symmetries_products_and_flat_tori() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kerr()
        Metric(["t", "x"], [["-1", "0"], ["0", "1"]])
        Metric(["z", "theta"], [["1", "0"], ["0", "2+sin(theta)"]])
        Metric(["u", "v"], [["a**2", "0"], ["0", "b**2"]], parameters=["a", "b"])


SPHERE = Metric(["t", "p"], [["1", "0"], ["0", "sin(t)**2"]], domain={"t": ["1/2", "5/2"]})
NOTHING: Any = None
THREE: Any = 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Metric({"x", "y"}, [["1", "0"], ["0", "1"]]), r"names in order.*\(set\)"),
        (lambda: Metric(None, [["1"]]), "0 coordinates given"),
        (lambda: Metric(3, [["1"]]), "names in order"),
        (lambda: Metric([f"x{i}" for i in range(300)], [["1"]]), "more than 200 names"),
        (lambda: Metric(["x", "y"], "[[1,0],[0,1]]"), "without quotes"),
        (lambda: Metric.from_latex(NOTHING), "from_latex: expected a text"),
        (lambda: Metric.from_line_element(NOTHING, ["x"]), "line_element: expected a text"),
        (lambda: SPHERE.product(THREE), "product: expected a Metric, got int 3"),
        (lambda: SPHERE.warped(THREE, "x"), "product: expected a Metric, got int 3"),
        (lambda: Metric(["x"], [["1"]], domain={"x": ["1", "oo"]}), "upper bound of x is infinite"),
        (
            lambda: Metric(["x"], [["n"]], {"n": {"integer": True, "range": ["1/4", "3/4"]}}),
            "holds no whole number",
        ),
    ],
)
def test_misuse_is_explained(make: Callable[[], Metric], message: str) -> None:
    with pytest.raises(MetricError, match=message):
        make()


def test_a_number_is_concrete() -> None:
    assert SPHERE.concrete(5) == 5


def test_very_many_names_are_refused_at_once() -> None:
    started = time.process_time()
    with pytest.raises(MetricError, match="more than 200 names"):
        Metric([f"x{i}" for i in range(100_000)], [["1", "0"], ["0", "1"]])
    assert time.process_time() - started < 1
