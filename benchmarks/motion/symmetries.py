"""Row: how many Killing fields fitted metrics have, beside the true ones and untrained ones."""

from __future__ import annotations

import math
from typing import Any

import torch

from benchmarks.motion.record import Goal, Row
from benchmarks.motion.surfaces import fitted, model, scrambled
from ndm.dynamics.killing import KillingSpectrum, killing_spectrum, principal_angles

__all__ = ["ROW"]

DEGREES = (2, 4, 6, 8)
# Ten times less change of length than along other fields would be 1e-2 in squares; a small piece of
# any surface has that (the patch of the ellipsoid: 1e-3 to 2e-3). So: a hundred times less.
TOLERANCE = 1e-4
MINIMUM_GAP = 10.0
COUNTS = {"sphere": 3, "hyperbolic": 3, "plane": 3, "torus": 1, "ellipsoid": 0}


def measure(case: str, seed: int) -> dict[str, Any]:
    """Count the fields of the fitted metric, of the true one and of one that was never fitted."""
    world, net = scrambled(case, seed), fitted(case, seed).metric
    points = torch.tensor(world.test.x)
    rule: dict[str, Any] = {"minimum_gap": MINIMUM_GAP, "tolerance": TOLERANCE}
    found = killing_spectrum(net, points, DEGREES, control=world.truth, **rule)
    fresh = killing_spectrum(model(seed).metric, points, DEGREES, **rule)
    true = found.control
    assert true is not None
    values: dict[str, Any] = {"expected": COUNTS[case]}
    for name, one in (("", found), ("true ", true), ("untrained ", fresh)):
        values |= {
            f"{name}dimension": one.dimension,
            f"{name}dimensions": [level.dimension for level in one.levels],
            f"{name}eigenvalues": [level.eigenvalues[:6].tolist() for level in one.levels],
            f"{name}gap": _gap(one),
            f"{name}settled": int(one.settled),
        }
    default = killing_spectrum(net, points, DEGREES[-1:], minimum_gap=MINIMUM_GAP)
    values["dimension with tolerance 1e-2"] = default.dimension
    if found.dimension == true.dimension > 0:
        spaces = found.levels[-1].fields, true.levels[-1].fields
        values["angle"] = float(principal_angles(world.truth, points, *spaces).max())
    return values


def _gap(one: KillingSpectrum) -> float:
    """The gap as a ratio of |L_X g|, of which eigenvalues are squares."""
    return math.sqrt(one.gap)


_SYMMETRIC = tuple(name for name, count in COUNTS.items() if count)

ROW = Row(
    name="symmetries",
    title="Symmetries of fitted metrics",
    about="""The metrics fitted in the first row (plane and ellipsoid fitted in the same way) are
asked for approximate Killing fields over polynomials of degree 2, 4, 6 and 8 in the scrambled
coordinates, at 300 points without data: stationary values of mean |L_X g|^2 / mean |X|^2. Fields
are counted before the largest gap (at least 10), if their eigenvalue is below 1e-4 of the first
that cannot vanish: g changes a hundred times less along them. Counts are those of degree 8; gaps
are ratios of |L_X g|, roots of those of the eigenvalues. The true metric, pulled back by the flow,
and an untrained metric net are counted in the same way; the angle is the largest between the spaces
of fields of the fitted and of the true metric.""",
    cases=tuple(COUNTS),
    goals=(
        *(
            Goal("dimension", "fields", count, "==", ".0f", (name,))
            for name, count in COUNTS.items()
        ),
        Goal("gap", "gap of abs(L_X g)", 10, ">=", ".0f", _SYMMETRIC),
        Goal("true dimension", "fields of the true metric", form=".0f"),
        Goal("true gap", "gap of the true metric", form=".0f", cases=_SYMMETRIC),
        Goal("settled", "degrees 6 and 8 agree", form=".0f"),
        Goal(
            "angle",
            "angle to the true fields",
            form=".1e",
            cases=("sphere", "hyperbolic", "torus"),
        ),
        Goal("untrained dimension", "fields of an untrained metric", form=".0f"),
        Goal("dimension with tolerance 1e-2", "fields, tolerance 1e-2", form=".0f"),
    ),
    notes="""In these coordinates the true fields are no polynomials, so degrees 2 and 4 find few of
them, for the true metric as well. An untrained metric net is nearly flat and has three fields
with a clear gap: a count alone is no evidence of anything learned. With the usual tolerance of 1e-2
instead of 1e-4 a patch of the ellipsoid counts as nearly symmetric, the true one as the fitted. No
angle is given for the plane: motion leaves a flat metric open up to GL(2), and the rotations of the
fitted one are others than those of the true one (translations are the same).""",
    measure=measure,
    settings={"degrees": DEGREES, "tolerance": TOLERANCE, "minimum gap": MINIMUM_GAP},
)
