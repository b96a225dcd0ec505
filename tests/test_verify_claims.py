"""The claim files under data/: true ones hold, false ones fail, and what is said instead holds."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

import geomkit as gk
from geomkit.claim_kinds import CLAIM_KINDS

DATA = Path(__file__).parent / "data"
TRUE = sorted([*(DATA / "claims").glob("*.toml"), *(DATA / "claims_more" / "true").glob("*.toml")])
FALSE = sorted(
    [*(DATA / "claims" / "false").glob("*.toml"), *(DATA / "claims_more" / "false").glob("*.toml")]
)


def name(path: Path) -> str:
    return f"{path.parent.name}-{path.stem}"


def test_there_are_enough() -> None:
    assert len(TRUE) >= 50
    assert len(FALSE) >= 20


@pytest.mark.parametrize("path", TRUE, ids=name)
def test_true_claims_hold(path: Path) -> None:
    report = gk.verify(path)
    assert report.exit_status == 0, str(report)


@pytest.mark.slow
def test_true_claims_are_proved_without_the_fallback() -> None:
    claims = gk.verify(TRUE, fallback=False).claims
    exact = [claim for claim in claims if claim.proof == "exact" and claim.verdict == "holds"]
    # what the exact half of geomkit is for; the rest is undecided, never numeric
    assert len(exact) >= 0.95 * len(claims)
    assert all(claim.verdict == "undecided" for claim in claims if claim not in exact)


@pytest.mark.parametrize("path", FALSE, ids=name)
def test_false_claims_fail(path: Path) -> None:
    report = gk.verify(path)
    for claim in report.claims:
        assert claim.verdict == "fails", str(claim)
        assert claim.proof == "exact", str(claim)
        assert claim.instead is not None, str(claim)
        sample = claim.counterexample
        assert sample is not None
        assert sample["point"]
        assert sample["claimed"] != sample["true"]
    assert report.exit_status == 1


def as_claim(instead: Any) -> dict[str, Any] | None:
    """What holds instead as a claim, where it is of a kind that can be claimed."""
    kind = instead["kind"]
    if kind not in CLAIM_KINDS or kind in ("laplacian", "sectional_curvature", "fisher"):
        return None  # these need the function, plane or density besides the value
    spec = CLAIM_KINDS[kind]
    keys = [key for key in (*spec.required, *spec.optional) if key in instead]
    return {"kind": kind} | {key: instead[key] for key in keys}


@pytest.mark.parametrize("path", FALSE, ids=name)
def test_what_is_said_instead_holds(path: Path) -> None:
    metric = tomllib.loads(path.read_text())["metric"]
    found = [as_claim(claim.instead) for claim in gk.verify(path).claims]
    claims = [claim for claim in found if claim is not None]
    report = gk.verify({"metric": metric, "claims": claims})
    assert report.exit_status == 0, str(report)


@pytest.mark.parametrize(
    ("file", "instead"),
    [
        ("syn_btz_flat", {"kind": "constant_sectional_curvature", "value": "-1/l**2"}),
        ("syn_cigar_factor", {"kind": "scalar_curvature", "value": "4/(x**2 + y**2 + 1)"}),
        ("syn_gaussian_K_minus_1", {"kind": "gauss_curvature", "value": "-1/2"}),
        ("syn_gaussian_volume", {"kind": "volume_element", "value": "sqrt(2)/sg**2"}),
    ],
)
def test_the_truth_is_structured(file: str, instead: dict[str, str]) -> None:
    (claim,) = gk.verify(DATA / "claims" / "false" / f"{file}.toml").claims
    assert claim.instead == instead


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("syn_cigar_factor", "K; R = 2K"),
        ("syn_gaussian_K_minus_1", "R; K = R/2"),
        ("syn_flrw_ricci_tt_sign", "wrong sign"),
    ],
)
def test_usual_confusions_are_recognised(file: str, words: str) -> None:
    (claim,) = gk.verify(DATA / "claims" / "false" / f"{file}.toml").claims
    assert words in claim.detail
