"""Curvature of known manifolds: what the catalogue and the literature say, proved or refuted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import geomkit as gk
from validation.claim import Claim, Finding, Outcome, Table
from validation.study import Study

__all__ = ["CLAIMS"]

_FILES = Path(__file__).resolve().parents[1] / "tests" / "data"
# Metrics of each kind: vacuum, matter, free functions, Riemannian, five dimensions.
_BIANCHI = (
    "schwarzschild",
    "kerr",
    "kerr_newman",
    "flrw",
    "godel",
    "general_surface",
    "conformally_flat_3d",
    "fisher_normal",
    "tangherlini_5d",
)


def _catalogue(study: Study) -> Finding:
    names = gk.catalog.names()
    chosen = names[::8] if study.quick else names

    def prove(part: int) -> dict[str, object]:
        counts: Counter[str] = Counter()
        open_: list[str] = []
        for name in chosen[part::16]:
            report = gk.verify(gk.catalog.path(name), fallback=False)
            for claim in report.claims:
                counts[claim.kind] += 1
                if claim.verdict != "holds" or claim.proof != "exact":
                    open_.append(f"{name} {claim.kind}: {claim.verdict}")
        return {"counts": dict(counts), "open": open_}

    parts = study.each(prove, range(16))
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part["counts"])
    missing = [text for part in parts for text in part["open"]]
    rows = tuple((kind, count) for kind, count in sorted(total.items()))
    count = sum(total.values())
    return Finding(
        Outcome.FAILS if missing else Outcome.HOLDS,
        f"{count - len(missing)} of {count} claims about {len(chosen)} metrics are proved exactly"
        + (f"; not: {'; '.join(missing[:5])}" if missing else ""),
        {"claims": count, "proved": count - len(missing), "metrics": len(chosen)},
        (Table("claims by kind", ("kind", "claims"), rows),),
    )


def _literature(study: Study) -> Finding:
    true = sorted((_FILES / "claims").glob("*.toml"))
    false = sorted((_FILES / "claims" / "false").glob("*.toml"))
    if study.quick:
        true, false = true[::2], false[::2]
    rows, wrong = [], []
    for path, holds in [(p, True) for p in true] + [(p, False) for p in false]:
        verdicts = Counter(f"{c.verdict} ({c.proof})" for c in gk.verify(path).claims)
        right = all(text.startswith("holds" if holds else "fails") for text in verdicts)
        rows.append((path.stem, "true" if holds else "false", _listed(verdicts)))
        if not right:
            wrong.append(path.stem)
    return Finding(
        Outcome.FAILS if wrong else Outcome.HOLDS,
        f"{len(true)} files of true claims hold and {len(false)} of false ones fail"
        if not wrong
        else f"wrong verdicts: {', '.join(wrong)}",
        {"files": len(rows), "wrong": len(wrong)},
        (Table("verdicts", ("file", "its claims are", "verdicts"), tuple(rows)),),
    )


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {text}" for text, count in sorted(counts.items()))


def _bianchi(study: Study) -> Finding:
    names = _BIANCHI[:3] if study.quick else _BIANCHI
    rows = []
    for name in names:
        einstein = gk.curvature(gk.catalog[name]).einstein
        divergence = gk.calculus.divergence(einstein)
        count = len(gk.catalog[name].coordinates)
        left = [str(divergence[i]) for i in range(count) if divergence[i] != 0]
        rows.append((name, "; ".join(left) or "0"))
    wrong = [name for name, text in rows if text != "0"]
    return Finding(
        Outcome.FAILS if wrong else Outcome.HOLDS,
        f"nabla^i G_ij = 0, exactly, for {len(rows) - len(wrong)} of {len(rows)} metrics",
        {"metrics": len(rows), "wrong": len(wrong)},
        (Table("divergence of the Einstein tensor", ("metric", "nabla^i G_ij"), tuple(rows)),),
    )


CLAIMS = (
    Claim(
        "catalogue",
        "Every claim of every entry of the catalogue is proved exactly.",
        "geomkit's catalogue; each entry names its source",
        "A claim counts when its verdict is holds and its proof exact; sampling is turned off.",
        _catalogue,
    ),
    Claim(
        "literature",
        "Formulas of the literature hold, and altered ones are refuted.",
        "claim files of the tests: general relativity, surfaces, information geometry",
        "All claims of a true file hold; all claims of a false file fail.",
        _literature,
    ),
    Claim(
        "bianchi",
        "The Einstein tensor has no divergence (second Bianchi identity, contracted twice).",
        "Bianchi (1902); Misner, Thorne, Wheeler, Gravitation, equation 13.52",
        "Exactly zero, component by component.",
        _bianchi,
    ),
)
