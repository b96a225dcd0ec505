"""The answers: JSON in the form of the claim-file format, exit statuses, text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import geomkit as gk
from geomkit.verify import ClaimResult, FileResult, Report, Verdict

SPHERE: dict[str, Any] = {
    "name": "sphere",
    "coordinates": ["theta", "phi"],
    "line_element": "dtheta**2 + sin(theta)**2*dphi**2",
    "domain": {"theta": ["0.3", "2.8"]},
}
HOLDS = ClaimResult(0, "flat", Verdict.HOLDS, "exact")
FAILS = ClaimResult(1, "flat", Verdict.FAILS, "exact")
OPEN = ClaimResult(2, "flat", Verdict.UNDECIDED)


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ([], 0),
        ([FileResult("a", claims=(HOLDS,))], 0),
        ([FileResult("a", claims=(HOLDS, OPEN))], 3),
        ([FileResult("a", claims=(HOLDS, OPEN, FAILS))], 1),
        ([FileResult("a", claims=(FAILS,)), FileResult("b", error="no metric")], 2),
        ([FileResult("a", claims=(OPEN,)), FileResult("b", claims=(FAILS,))], 1),
    ],
)
def test_exit_status(files: list[FileResult], status: int) -> None:
    assert Report(tuple(files)).exit_status == status


def test_json_has_the_keys_of_the_format() -> None:
    claims = [{"kind": "scalar_curvature", "value": "1"}, {"kind": "flat", "value": False}]
    report = gk.verify({"metric": SPHERE, "claims": claims})
    data = json.loads(json.dumps(report.to_json()))
    assert set(data) == {"files", "summary"}
    (file,) = data["files"]
    assert set(file) == {"file", "metric", "status", "claims", "error"}
    assert (file["metric"], file["status"], file["error"]) == ("sphere", "fails", None)
    wrong, right = file["claims"]
    keys = {"index", "kind", "verdict", "proof", "detail", "counterexample", "instead"}
    assert set(wrong) == set(right) == keys
    assert (wrong["verdict"], wrong["proof"], wrong["index"]) == ("fails", "exact", 0)
    assert wrong["instead"] == {"kind": "scalar_curvature", "value": "2"}
    assert set(wrong["counterexample"]) == {"point", "parameters", "claimed", "true"}
    assert set(wrong["counterexample"]["point"]) == {"theta", "phi"}
    assert (right["verdict"], right["counterexample"], right["instead"]) == ("holds", None, None)
    assert data["summary"]["fails"] == data["summary"]["holds"] == 1
    assert data["summary"]["exit_status"] == 1


def test_unusable_file_in_json() -> None:
    data = gk.verify({"metric": SPHERE, "claims": [{"kind": "nonsense"}]}).to_json()
    (file,) = data["files"]
    assert file["status"] == "error"
    assert "nonsense" in file["error"]
    assert file["claims"] == []


def test_functions_are_named_in_the_counterexample() -> None:
    metric = {
        "coordinates": ["t", "x"],
        "line_element": "-dt**2 + a(t)**2*dx**2",
        "functions": {"a(t)": ["exp(t)", "2+sin(t)"]},
    }
    report = gk.verify({"metric": metric, "claims": [{"kind": "scalar_curvature", "value": "2"}]})
    sample = report.claims[0].counterexample
    assert sample is not None
    # exp(t) alone would satisfy the claim: R = 2 a''/a
    assert sample["functions"] == {"a(t)": "sin(t) + 2"}


def test_wire_round_trip() -> None:
    result = ClaimResult(
        3, "ricci", Verdict.FAILS, "exact", "why", {"point": {"x": "1/2"}}, {"kind": "ricci"},
        "a paper", "Ric_xx = 1", 0.25,
    )  # fmt: skip
    assert ClaimResult.from_wire(json.loads(json.dumps(result.to_wire()))) == result


def test_text_says_what_matters() -> None:
    claim = {"kind": "scalar_curvature", "value": "1", "source": "a paper"}
    text = str(gk.verify({"metric": SPHERE, "claims": [claim]}))
    for part in ("x fails (exact)", "R = 2", "claimed 1, true 2", "instead", "1 claims in 1 files"):
        assert part in text


def test_claims_about_a_metric() -> None:
    metric = gk.Metric.from_dict(SPHERE)
    true, false = ({"kind": "scalar_curvature", "value": value} for value in ("2", "1"))
    assert gk.verify(metric, true).ok
    report = gk.verify(metric, [true, false])
    assert [claim.verdict for claim in report.claims] == [Verdict.HOLDS, Verdict.FAILS]
    as_file = gk.verify({"metric": metric.to_dict(), "claims": [true, false]})
    assert report.to_json()["files"] == as_file.to_json()["files"]
    assert str(report).startswith("sphere: fails")
    with pytest.raises(ValueError, match="a metric was given without claims"):
        gk.verify(metric)
    with pytest.raises(ValueError, match="which bring their own"):
        gk.verify({"metric": SPHERE, "claims": [true]}, [false])


def test_same_seed_same_report(tmp_path: Path) -> None:
    content = {"metric": SPHERE, "claims": [{"kind": "kretschmann", "value": "sin(phi)"}]}
    path = tmp_path / "claims.json"
    path.write_text(json.dumps(content))
    first, again, other = (gk.verify(path, seed=seed).claims[0] for seed in (1, 1, 2))
    assert first.counterexample == again.counterexample
    assert first.counterexample != other.counterexample
