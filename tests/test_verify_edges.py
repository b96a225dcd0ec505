"""Where a verdict could go wrong: signs, domains, dimensions, symmetries, tiny differences."""

from __future__ import annotations

from typing import Any

import pytest

import geomkit as gk
from geomkit.verify import ClaimResult

POLAR: dict[str, Any] = {"coordinates": ["r", "phi"], "line_element": "dr**2 + r**2*dphi**2"}
SPHERE: dict[str, Any] = {
    "coordinates": ["theta", "phi"],
    "line_element": "dtheta**2 + sin(theta)**2*dphi**2",
    "domain": {"theta": ["0.3", "2.8"]},
}
LINE: dict[str, Any] = {"coordinates": ["x"], "matrix": [["1 + x**2"]]}
SPACE: dict[str, Any] = {"coordinates": ["x", "y", "z"], "line_element": "dx**2+dy**2+dz**2"}
NULL: dict[str, Any] = {"coordinates": ["u", "v"], "line_element": "2*du*dv"}
KINKED: dict[str, Any] = {"coordinates": ["x", "y"], "matrix": [["1+Max(x,-x)", "0"], ["0", "1"]]}


def check(metric: dict[str, Any], claim: dict[str, Any], **keywords: Any) -> ClaimResult:
    report = gk.verify({"metric": metric, "claims": [claim]}, **keywords)
    assert not report.files[0].error, report.files[0].error
    return report.claims[0]


def outcome(metric: dict[str, Any], claim: dict[str, Any], **keywords: Any) -> tuple[str, str]:
    result = check(metric, claim, **keywords)
    return str(result.verdict), result.proof


def volume(value: str) -> dict[str, Any]:
    return {"kind": "volume_element", "value": value}


def scalar(value: str) -> dict[str, Any]:
    return {"kind": "scalar_curvature", "value": value}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # r reaches over zero in the default domain
        ("r", ("fails", "exact")),
        ("-r", ("fails", "exact")),
        ("abs(r)", ("holds", "exact")),
        ("sqrt(r**2)", ("holds", "exact")),
        ("sqrt(r)**2", ("fails", "exact")),
        ("exp(log(r**2)/2)", ("holds", "exact")),
        ("Max(r, -r)", ("holds", "numeric")),
        ("r*sign(r)", ("holds", "exact")),
    ],
)
def test_signs_of_roots_are_those_on_the_domain(value: str, expected: tuple[str, str]) -> None:
    verdict, proof = outcome(POLAR, volume(value))
    assert verdict == expected[0]
    assert proof in (expected[1], "exact")


def test_a_positive_domain_decides_the_sign() -> None:
    positive = {**POLAR, "domain": {"r": ["0", "2"]}}
    assert outcome(positive, volume("r")) == ("holds", "exact")
    assert outcome(positive, volume("-r")) == ("fails", "exact")
    negative = {**POLAR, "domain": {"r": ["-2", "-1/2"]}}
    assert outcome(negative, volume("-r")) == ("holds", "exact")
    assert outcome(negative, volume("r")) == ("fails", "exact")


def test_roots_of_a_determinant_that_changes_its_sign() -> None:
    metric = {"coordinates": ["x", "y"], "matrix": [["x", "0"], ["0", "1"]]}
    assert outcome(metric, volume("sqrt(x)"))[0] == "fails"
    assert outcome(metric, volume("sqrt(abs(x))"))[0] == "holds"
    positive = {**metric, "domain": {"x": ["0", "1"]}}
    assert outcome(positive, volume("sqrt(x)")) == ("holds", "exact")


def test_a_value_that_is_nowhere_real_is_refuted() -> None:
    result = check(POLAR, scalar("log(-1-r**2)"))
    assert (result.verdict, result.proof) == ("fails", "numeric")
    assert result.counterexample is not None
    assert "I" in result.counterexample["claimed"]


def test_a_value_that_is_real_in_places_holds_there() -> None:
    result = check(POLAR, scalar("sqrt(r)-r**(1/2)"))
    assert result.verdict == "holds"
    result = check(POLAR, {"kind": "laplacian", "function": "log(r**2)", "value": "0*log(r)"})
    assert result.verdict == "holds"


@pytest.mark.parametrize("digits", [20, 50, 200, 900])
def test_tiny_differences_are_seen(digits: int) -> None:
    result = check(SPHERE, scalar(f"2 + 10**(-{digits})*cos(phi)"))
    assert (result.verdict, result.proof) == ("fails", "exact")
    assert result.instead == {"kind": "scalar_curvature", "value": "2"}


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ({"kind": "flat", "value": False}, "holds"),
        ({"kind": "flat", "value": True}, "fails"),
        ({"kind": "ricci_flat", "value": False}, "holds"),
        ({"kind": "conformally_flat", "value": True}, "holds"),
        ({"kind": "conformally_flat", "value": False}, "fails"),
        ({"kind": "einstein_constant", "value": "1"}, "holds"),
        ({"kind": "constant_sectional_curvature", "value": "1"}, "holds"),
        ({"kind": "constant_sectional_curvature", "value": "sin(phi)**2+cos(phi)**2"}, "holds"),
        ({"kind": "weyl_squared", "value": "0"}, "error"),
        ({"kind": "gauss_curvature", "value": "1"}, "holds"),
        ({"kind": "signature", "value": [2, 0]}, "holds"),
        ({"kind": "signature", "value": [0, 2]}, "fails"),
        ({"kind": "signature", "value": [3, 1]}, "error"),
        ({"kind": "killing", "vector": ["0", "0"]}, "holds"),
        ({"kind": "killing", "vector": ["0", "-2"]}, "holds"),
    ],
)
def test_two_dimensions(claim: dict[str, Any], verdict: str) -> None:
    (file,) = gk.verify({"metric": SPHERE, "claims": [claim]}).files
    assert ("error" if file.error else str(file.claims[0].verdict)) == verdict


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ({"kind": "flat", "value": True}, "holds"),
        ({"kind": "ricci_flat", "value": True}, "holds"),
        ({"kind": "conformally_flat", "value": True}, "holds"),
        ({"kind": "scalar_curvature", "value": "0"}, "holds"),
        ({"kind": "scalar_curvature", "value": "x"}, "fails"),
        ({"kind": "volume_element", "value": "sqrt(1+x**2)"}, "holds"),
        ({"kind": "christoffel", "components": {"x|x,x": "x/(1+x**2)"}, "complete": True}, "holds"),
        ({"kind": "christoffel", "components": {}, "complete": True}, "fails"),
        ({"kind": "gauss_curvature", "value": "0"}, "error"),
        ({"kind": "weyl_squared", "value": "0"}, "error"),
    ],
)
def test_one_dimension(claim: dict[str, Any], verdict: str) -> None:
    (file,) = gk.verify({"metric": LINE, "claims": [claim]}).files
    assert ("error" if file.error else str(file.claims[0].verdict)) == verdict


def test_three_dimensions() -> None:
    assert outcome(SPACE, {"kind": "weyl_squared", "value": "0"}) == ("holds", "exact")
    (file,) = gk.verify(
        {"metric": SPACE, "claims": [{"kind": "gauss_curvature", "value": "0"}]}
    ).files
    assert "claims[0]" in file.error
    assert "n = 3" in file.error


def test_a_constant_must_be_constant() -> None:
    catenoid = {"coordinates": ["u", "v"], "line_element": "cosh(v)**2*(du**2+dv**2)"}
    for kind in ("constant_sectional_curvature", "einstein_constant"):
        result = check(catenoid, {"kind": kind, "value": "-1/cosh(v)**4"})
        assert (result.verdict, result.proof) == ("fails", "exact")
        assert "not constant" in result.detail
        assert result.instead is not None
        assert result.instead["kind"] == "gauss_curvature"


@pytest.mark.parametrize(
    ("components", "complete", "verdict"),
    [
        ({"theta,phi,theta,phi": "sin(theta)**2"}, True, "holds"),
        ({"phi,theta,theta,phi": "-sin(theta)**2"}, True, "holds"),
        ({"phi,theta,phi,theta": "sin(theta)**2"}, True, "holds"),
        ({"theta,theta,phi,phi": "0"}, False, "holds"),
        ({"theta,theta,phi,phi": "1"}, False, "fails"),
        ({"theta,theta,phi,phi": "0"}, True, "fails"),
        (
            {"theta,phi,theta,phi": "sin(theta)**2", "phi,theta,theta,phi": "sin(theta)**2"},
            False,
            "fails",
        ),
    ],
)
def test_riemann_may_be_listed_by_any_symmetry(
    components: dict[str, str], complete: bool, verdict: str
) -> None:
    claim = {"kind": "riemann_down", "components": components, "complete": complete}
    assert outcome(SPHERE, claim) == (verdict, "exact")


def test_bianchi_gives_the_third_component() -> None:
    # R_0123 + R_0231 + R_0312 = 0: two of the three say it all
    kerr = gk.catalog["kerr"]
    riemann = gk.curvature(kerr).riemann_down
    names = [str(symbol) for symbol in kerr.coordinates]
    components = {
        ",".join(names[i] for i in index): str(value) for index, value in riemann.nonzero().items()
    }
    distinct = [key for key in components if len(set(key.split(","))) == 4]
    content = {**kerr.to_dict()}
    for left_out, verdict in ((distinct[:1], "holds"), (distinct[:2], "fails")):
        listed = {key: value for key, value in components.items() if key not in left_out}
        claim = {"kind": "riemann_down", "components": listed, "complete": True}
        assert outcome(content, claim) == (verdict, "exact")


def test_null_planes_have_no_curvature() -> None:
    claim = {"kind": "sectional_curvature", "plane": [["1", "0"], ["0", "1"]], "value": "0"}
    assert outcome(NULL, claim) == ("holds", "exact")
    three = {"coordinates": ["u", "v", "x"], "line_element": "2*du*dv + dx**2"}
    plane = [["1", "0", "0"], ["0", "0", "1"]]
    result = check(three, {"kind": "sectional_curvature", "plane": plane, "value": "0"})
    assert result.verdict == "undecided"
    assert "null" in result.detail


def test_functions_that_the_examples_hide() -> None:
    # a'' = a for both examples, not for every function
    metric = {
        "coordinates": ["t", "x"],
        "line_element": "dt**2 + a(t)**2*dx**2",
        "functions": {"a(t)": ["exp(t)", "cosh(t)"]},
    }
    result = check(metric, {"kind": "gauss_curvature", "value": "-1"})
    assert (result.verdict, result.proof) == ("fails", "exact")
    assert result.counterexample is not None
    # neither of the two
    assert "sin" in result.counterexample["functions"]["a(t)"]
    assert outcome(metric, volume("a(t)")) == ("holds", "exact")
    assert outcome(metric, volume("-a(t)")) == ("fails", "exact")


def test_metrics_that_do_not_fit_the_field_are_compared_by_digits() -> None:
    metric = {
        "coordinates": ["x", "y"],
        "matrix": [["1", "0"], ["0", "x**(2*n)"]],
        "parameters": {"n": {"integer": True, "range": ["1", "4"]}},
    }
    right = {"kind": "gauss_curvature", "value": "-n*(n-1)/x**2"}
    wrong = {"kind": "gauss_curvature", "value": "-n*(n+1)/x**2"}
    assert outcome(metric, right)[0] == "holds"
    assert outcome(metric, wrong) == ("fails", "exact")


def test_without_the_fallback_nothing_is_numeric() -> None:
    claim = volume("Max(r, -r)")
    verdict, proof = outcome(POLAR, claim, fallback=False)
    assert (verdict, proof) in {("undecided", ""), ("holds", "exact")}


def test_kinks_are_no_obstacle() -> None:
    assert outcome(KINKED, {"kind": "flat", "value": True})[0] == "holds"
    assert outcome(KINKED, {"kind": "killing", "vector": ["1", "0"]}) == ("fails", "exact")


@pytest.mark.parametrize(
    ("curve", "more", "verdict"),
    [
        (["pi/2", "s"], {}, "holds"),
        (["pi/2", "s"], {"norm": "1"}, "holds"),
        (["pi/2", "s"], {"norm": "2"}, "fails"),
        (["pi/2", "s"], {"norm": "s"}, "fails"),
        (["pi/2", "s**3"], {}, "fails"),
        (["pi/2", "s**3"], {"affine": False}, "holds"),
        (["pi/2", "s**3"], {"affine": False, "norm": "9*s**4"}, "holds"),
        (["theta", "s"], {}, "fails"),
        (["theta", "s"], {"affine": False}, "fails"),
        (["tau", "phi"], {"parameter": "tau", "range": ["0.5", "2"]}, "holds"),
        (["1", "2"], {}, "holds"),
    ],
)
def test_geodesics(curve: list[str], more: dict[str, Any], verdict: str) -> None:
    assert outcome(SPHERE, {"kind": "geodesic", "curve": curve, **more}) == (verdict, "exact")


def test_a_wrongly_parametrised_geodesic_is_recognised() -> None:
    result = check(SPHERE, {"kind": "geodesic", "curve": ["pi/2", "s**3"]})
    assert result.instead is not None
    assert result.instead["affine"] is False
    result = check(SPHERE, {"kind": "geodesic", "curve": ["pi/2", "s"], "norm": "3"})
    assert result.instead is not None
    assert result.instead["norm"] == "1"


def test_a_one_form_in_place_of_a_vector_is_recognised() -> None:
    vector = ["0", "sin(theta)**2"]  # the components of d/dphi with index down
    result = check(SPHERE, {"kind": "killing", "vector": vector})
    assert result.verdict == "fails"
    assert "1-form" in result.detail


def test_conformal_is_said_of_what_is_not_killing() -> None:
    plane = {"coordinates": ["x", "y"], "line_element": "dx**2 + dy**2"}
    result = check(plane, {"kind": "killing", "vector": ["x", "y"]})
    assert result.instead is not None
    assert result.instead["kind"] == "conformal_killing"
    assert result.instead["value"] == "2"


@pytest.mark.parametrize(
    "claim",
    [
        {"kind": "scalar_curvature", "value": "1/0"},
        {"kind": "scalar_curvature", "value": "oo"},
        {"kind": "scalar_curvature", "value": "q"},
        {"kind": "scalar_curvature", "value": "().__class__"},
        {"kind": "scalar_curvature", "value": "9**9**9"},
        {"kind": "scalar_curvature", "latex": "\\frac{1"},
        {"kind": "sectional_curvature", "plane": [["1", "1"], ["2", "2"]], "value": "1"},
        {"kind": "geodesic", "curve": ["s", "phi"], "range": ["1", "0"]},
        {"kind": "geodesic", "curve": ["phi", "phi"], "parameter": "phi"},
        {"kind": "geodesic", "curve": ["s"]},
        {"kind": "fisher", "var": "phi", "logpdf": "0", "support": ["0", "1"]},
        {"kind": "embedding", "map": ["theta"], "ambient": [1, -1]},
        {"kind": "embedding", "map": ["theta"], "ambient": ["phi"]},
        {"kind": "killing", "vector": ["1", "0", "0"]},
    ],
)
def test_claims_that_cannot_be_read(claim: dict[str, Any]) -> None:
    (file,) = gk.verify({"metric": SPHERE, "claims": [claim]}).files
    assert file.exit_status == 2
    assert "claims[0]" in file.error


def test_a_plane_that_changes_its_signature() -> None:
    metric = {"coordinates": ["x", "y"], "matrix": [["x", "0"], ["0", "1"]]}
    result = check(metric, {"kind": "signature", "value": [2, 0]})
    assert result.verdict == "fails"
    assert "changes" in result.detail
    positive = {**metric, "domain": {"x": ["1/2", "2"]}}
    assert outcome(positive, {"kind": "signature", "value": [2, 0]}) == ("holds", "exact")
