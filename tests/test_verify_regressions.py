"""Claims that hold at random points, or on either side of a fold, and are false all the same."""

from __future__ import annotations

from typing import Any

import pytest

import geomkit as gk

PLANE = [["1", "0"], ["0", "1"]]


def answer(matrix: list[list[str]], domain: dict[str, list[str]], **claim: Any) -> Any:
    """The answer to one claim about a metric with coordinates x, y, ..."""
    coordinates = ["x", "y"][: len(matrix)]
    metric = {"coordinates": coordinates, "matrix": matrix, "domain": domain}
    report = gk.verify({"metric": metric, "claims": [claim]})
    assert not report.files[0].error, report.files[0].error
    return report.claims[0]


@pytest.mark.parametrize(
    ("matrix", "claim"),
    [
        ([["(x-1/1000)**2", "0"], ["0", "1"]], {"kind": "volume_element", "value": "x-1/1000"}),
        ([["(x-1/10**6)**2", "0"], ["0", "1"]], {"kind": "volume_element", "value": "x-1/10**6"}),
        ([["x-1/1000", "0"], ["0", "1"]], {"kind": "volume_element", "value": "sqrt(x-1/1000)"}),
        ([["x-1/1000", "0"], ["0", "1"]], {"kind": "signature", "value": [2, 0]}),
        ([["1", "0"], ["0", "(1+Max(x-99/100,0)**4)**2"]], {"kind": "flat", "value": True}),
        (
            [["1", "0"], ["0", "(1+Heaviside(x-999/1000)*(x-999/1000)**4)**2"]],
            {"kind": "gauss_curvature", "value": "0"},
        ),
    ],
)
def test_what_happens_close_to_an_edge_is_seen(
    matrix: list[list[str]], claim: dict[str, Any]
) -> None:
    assert answer(matrix, {"x": ["0", "1"]}, **claim).verdict == "fails"


@pytest.mark.parametrize(
    "claim",
    [
        {"kind": "killing", "vector": ["sign(x)", "0"]},
        {"kind": "killing", "vector": ["Heaviside(x)", "0"]},
        {"kind": "geodesic", "curve": ["Abs(s)", "s"], "range": ["-1", "1"]},
        {"kind": "laplacian", "function": "Abs(x)", "value": "0"},
        {"kind": "laplacian", "function": "Max(x, y)", "value": "0"},
        {"kind": "embedding", "map": ["Abs(x)", "y"]},
        {"kind": "distance", "value": "sqrt((Abs(x)-Abs(x_0))**2+(y-y_0)**2)"},
    ],
)
def test_jumps_and_kinks_are_not_smooth(claim: dict[str, Any]) -> None:
    assert answer(PLANE, {"x": ["-1", "1"], "y": ["-1", "1"]}, **claim).verdict == "fails"


@pytest.mark.parametrize(
    "claim",
    [
        {"kind": "killing", "vector": ["y", "-x"]},
        {"kind": "laplacian", "function": "Abs(x)**3", "value": "6*Abs(x)"},
        {"kind": "geodesic", "curve": ["sign(s)*Abs(s)", "s"], "range": ["-1", "1"]},
        {"kind": "distance", "value": "sqrt((x-x_0)**2+(y-y_0)**2)"},
    ],
)
def test_smooth_functions_stay_true(claim: dict[str, Any]) -> None:
    found = answer(PLANE, {"x": ["-1", "1"], "y": ["-1", "1"]}, **claim)
    assert (found.verdict, found.proof) == ("holds", "exact")


def test_a_ridge_leaves_curvature_open() -> None:
    ridge = [["1", "0"], ["0", "(1+Abs(x))**2"]]
    assert answer(ridge, {"x": ["-1", "1"]}, kind="flat", value=True).verdict == "undecided"
    # here the kink is one of the coordinates only
    kink = [["(1+Abs(x))**2", "0"], ["0", "1"]]
    assert answer(kink, {"x": ["-1", "1"]}, kind="flat", value=True).verdict == "holds"


def test_a_distance_is_zero_at_one_point_only() -> None:
    sphere = [["1", "0"], ["0", "sin(x)**2"]]
    domain = {"x": ["2/5", "13/5"], "y": ["1/10", "6"]}
    cosine = "cos(x)*cos(x_0)+sin(x)*sin(x_0)*cos(y-y_0)"
    true = answer(sphere, domain, kind="distance", value=f"acos({cosine})")
    false = answer(sphere, domain, kind="distance", value=f"asin(sqrt(1-({cosine})**2))")
    assert (true.verdict, true.proof, false.verdict) == ("holds", "exact", "fails")
    cone = [["1", "0"], ["0", "4*x**2"]]
    value = "sqrt(x**2+x_0**2-2*x*x_0*cos(2*(y-y_0)))"
    wide = {"x": ["1/2", "2"], "y": ["0", "6"]}
    assert answer(cone, wide, kind="distance", value=value).verdict == "fails"


def fisher(domain: dict[str, list[str]], **claim: Any) -> Any:
    """The answer for the sech density, whose moments are in no table."""
    matrix = [["1/(2*y**2)", "0"], ["0", "(pi**2/8)/y**2"]]
    metric = {"coordinates": ["x", "y"], "matrix": matrix, "domain": domain}
    base = {"kind": "fisher", "var": "w", "support": ["-oo", "oo"]}
    return gk.verify({"metric": metric, "claims": [{**base, **claim}]})


def test_distant_and_narrow_peaks_are_not_missed() -> None:
    logistic = "-(w-x)/y-log(y)-2*log(1+exp(-(w-x)/y))"
    metric = {
        "coordinates": ["x", "y"],
        "matrix": [["1/(3*y**2)", "0"], ["0", "(3+pi**2)/(9*y**2)"]],
        "domain": {"x": ["100", "101"], "y": ["1/100", "1/50"]},
    }
    claim = {"kind": "fisher", "var": "w", "logpdf": logistic, "support": ["-oo", "oo"]}
    assert gk.verify({"metric": metric, "claims": [claim]}).claims[0].verdict == "holds"


def test_a_reversed_support_is_refused() -> None:
    domain = {"x": ["0", "1"], "y": ["1", "2"]}
    report = fisher(domain, logpdf="-log(cosh((w-x)/y))-log(pi*y)", support=["oo", "-oo"])
    assert report.exit_status == 2
    assert "reversed" in report.files[0].error


def test_a_density_that_grows_diverges() -> None:
    found = fisher({"x": ["0", "1"], "y": ["1", "2"]}, logpdf="log(y)-y*w+x").claims[0]
    assert found.verdict == "fails"
    assert found.counterexample["true"] == "oo"


def test_an_answer_is_not_printed_twice() -> None:
    bump = [["1", "0"], ["0", "(1+x**2*exp(x)+sin(x)**3)**2"]]
    found = answer(bump, {"x": ["1", "2"]}, kind="scalar_curvature", value="1")
    assert len(found.instead["value"]) > 60
    assert str(found).count(found.instead["value"]) == 1


def test_definitions_are_used_in_what_holds_instead() -> None:
    metric = {
        "coordinates": ["x", "y"],
        "matrix": [["Sigma", "0"], ["0", "Sigma"]],
        "definitions": {"Sigma": "1+x**2+3*y**2"},
    }
    report = gk.verify({"metric": metric, "claims": [{"kind": "volume_element", "value": "x"}]})
    assert report.claims[0].instead == {"kind": "volume_element", "value": "Sigma"}
