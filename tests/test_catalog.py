"""The catalogue: every claim of every entry is proved, and there is as much as is promised."""

from __future__ import annotations

import pytest

import geomkit as gk

NAMES = gk.catalog.names()


@pytest.mark.parametrize("name", NAMES)
def test_every_claim_is_proved(name: str) -> None:
    report = gk.verify(gk.catalog.path(name), fallback=False)
    problems = [
        f"[{claim.index}] {claim.kind}: {claim.verdict} {claim.proof} {claim.detail}"
        for claim in report.claims
        if (str(claim.verdict), claim.proof) != ("holds", "exact")
    ]
    assert report.exit_status == 0, problems
    assert not problems


def test_every_entry_is_documented() -> None:
    for name in NAMES:
        content = gk.catalog.claims(name)
        metric = content.metric
        assert metric.reference, f"{name} has no reference"
        assert len(content.claims) >= 3, f"{name} has fewer than three claims"
        boxed = {box.symbol for box in metric.domain.boxes}
        assert boxed >= set(metric.coordinates), f"{name} has a coordinate without a box"


@pytest.mark.slow
def test_the_catalogue_is_as_large_as_promised() -> None:
    """60 metrics or more, 40 of them of different geometries that are neither flat nor round.

    Entries with a generic function or of one isometry class would inflate a mere count of files,
    so geometries are told apart by what does not depend on the chart: dimension, signature, and
    whether R, Ricci^2 and the Kretschmann scalar vanish or are constant, and their values then.
    """
    kinds = set()
    for name in NAMES:
        curvature = gk.curvature(gk.catalog[name])
        if curvature.n < 2 or curvature.is_constant_curvature():
            continue
        marks: list[object] = [curvature.n, curvature.signature]
        for scalar in ("scalar", "kretschmann"):
            element = curvature.element(scalar)
            constant = all(element.diff(x).is_zero for x in curvature.chart.metric.coordinates)
            marks.append(element.to_sympy() if constant else element.term_count)
        kinds.add(tuple(marks))
    assert len(NAMES) >= 60
    assert len(kinds) >= 40
