"""Compiled kernels: accuracy against enclosures, and one program in several backends."""

from __future__ import annotations

import numpy as np
import torch

import geomkit as gk
from validation.claim import Claim, Finding, Outcome, Table
from validation.study import Study

__all__ = ["CLAIMS"]

_QUANTITIES = ["metric", "christoffel", "ricci", "scalar"]
_FAMILIES = {
    "full": (2, 3, 4),
    "diagonal": (2, 3, 4),
    "conformal": (2, 3, 4),
    "low_rank": (3, 4),
    "product": (2, 3),
    "warped": (2, 3),
}


def _certificates(study: Study) -> Finding:
    names = gk.catalog.names()[:: 30 if study.quick else 1]

    def judge(part: int) -> dict[str, object]:
        rows = []
        for name in names[part::16]:
            kernel = gk.compile(gk.catalog[name], _QUANTITIES)
            found = gk.certify(kernel, points=16 if study.quick else 64)
            rows.append([name, found.ok, found.max_relative_error, "; ".join(found.objections)])
        return {"rows": rows}

    rows = [row for part in study.each(judge, range(16)) for row in part["rows"]]
    failed = [row for row in rows if not row[1]]
    worst = sorted(rows, key=lambda row: -row[2])[:10]
    return Finding(
        Outcome.FAILS if failed else Outcome.HOLDS,
        f"{len(rows) - len(failed)} of {len(rows)} kernels of {', '.join(_QUANTITIES)} pass"
        + (f"; not: {', '.join(row[0] for row in failed)}" if failed else ""),
        {"kernels": len(rows), "failed": len(failed)},
        (
            Table(
                "the ten largest relative errors, places beside singularities included",
                ("metric", "largest relative error"),
                tuple((row[0], row[2]) for row in worst),
            ),
        ),
    )


def _backends(study: Study) -> Finding:
    names = ("sphere3", "schwarzschild", "kerr", "torus", "fisher_normal", "flrw_power_law")
    rows = []
    for name in names[: 3 if study.quick else None]:
        metric = gk.catalog[name]
        kernels = {
            backend: gk.compile(metric, ["riemann_down"], backend=backend)
            for backend in ("numba", "torch", "interpret")
        }
        gap = 0.0
        for place in metric.domain.sample(50):
            given = {str(symbol): float(value) for symbol, value in place.items()}
            point = np.array([given.pop(str(name)) for name in metric.coordinates])
            own, *others = (
                np.ravel(kernel(point, **given).riemann_down)
                for kernel, point in (
                    (kernels["numba"], point),
                    (kernels["torch"], torch.from_numpy(point)),
                    (kernels["interpret"], point),
                )
            )
            gap = max(gap, *(float(abs(o - own).max() / abs(own).max()) for o in others))
        rows.append((name, gap))
    return Finding.within(
        max(gap for _, gap in rows),
        1e-12,
        "largest difference between backends, relative to the largest component at the place",
        tables=(Table("differences at 50 places", ("metric", "difference"), tuple(rows)),),
    )


def _families(study: Study) -> Finding:
    rows = []
    for family, sizes in _FAMILIES.items():
        for n in sizes[:1] if study.quick else sizes:
            found = gk.families.certificate(family, n)
            rows.append((family, n, "passes" if found.ok else "does not pass"))
    wrong = [row for row in rows if row[2] != "passes"]
    return Finding(
        Outcome.FAILS if wrong else Outcome.HOLDS,
        f"{len(rows) - len(wrong)} of {len(rows)} families of kernels pass",
        {"families": len(rows), "failed": len(wrong)},
        (Table("certificates of families", ("family", "n", "verdict"), tuple(rows)),),
    )


CLAIMS = (
    Claim(
        "certificates",
        "Compiled kernels of every metric of the catalogue pass their certificate.",
        "geomkit.certificate; enclosures by Arb",
        "99 % of the components within 1e-14, every larger error within 50 times the conditioning.",
        _certificates,
    ),
    Claim(
        "backends",
        "Numba, torch and the interpreter compute the same numbers.",
        "requirement R78",
        "1e-12 of the largest component: rounding of a few hundred operations, well conditioned.",
        _backends,
    ),
    Claim(
        "families",
        "Kernels of metric families, on which learned metrics run, pass their certificate.",
        "geomkit.families; enclosures by Arb and exact derivation",
        "As for metrics.",
        _families,
    ),
)
