"""Does curvature tell which generated points not to trust (R59)?

Fixed in advance: decoders of random surfaces (see `surfaces`) fitted to 150 points with noise 0.1.
New points are drawn from the same distribution and decoded; the error of one is its distance from
its true image. Those with the largest tenth of |R| are rejected, and what counts is by which part
the mean error goes down. At random, this is 0 on average, exactly; the same rule with metrics that
were not trained, on the same trained maps, is the other control. The gain is the reduction less the
better of these. The best possible reduction, and that by the distance of z from the middle, which
needs no model, are reported beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ndm.analysis import curvature_size, untrained
from validation.claim import Claim, Finding
from validation.paper.gains import SEEDS, ask
from validation.paper.surfaces import Surface, decoder
from validation.study import Study

__all__ = ["CLAIMS", "reduction"]

_POINTS, _NOISE = 150, 0.1
_NEW = 1000
_REJECTED = 0.1
_CONTROLS = 5
_MARGIN = 0.02  # of the mean error


def reduction(score: Tensor, error: Tensor) -> float:
    """By which part the mean error goes down without the tenth of the points of largest score.

    Args:
        score: (N,).
        error: (N,).

    Returns:
        Between minus infinity and 1; 0 on average where the score tells nothing.
    """
    kept = score.argsort()[: len(score) - int(_REJECTED * len(score))]
    return float(1 - error[kept].mean() / error.mean())


def _measure(seed: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(10_000 + seed)
    surface = Surface.drawn(generator)
    model, _ = decoder(surface, seed, _POINTS, _NOISE)
    z = torch.randn((_NEW, 2), generator=generator, dtype=torch.float64)
    with torch.no_grad():
        error = torch.linalg.vector_norm(model(z) - surface(z), dim=-1)
        bend = curvature_size(model, z)
        others = [untrained(model, 1000 * (seed + 1) + k) for k in range(_CONTROLS)]
        controls = [reduction(curvature_size(other, z), error) for other in others]
    return {
        "curvature": reduction(bend, error),
        "untrained": float(np.mean(controls)),
        "distance": reduction(torch.linalg.vector_norm(z, dim=-1), error),
        "best": reduction(error, error),
        "error": float(error.mean()),
    }


def _gain(row: Mapping[str, Any]) -> float:
    """Reduction by the trained metric less the better of untrained ones and chance."""
    return float(row["curvature"] - max(row["untrained"], 0.0))


def _avoids(study: Study) -> Finding:
    columns = ("curvature", "untrained", "distance", "best", "error")
    what = "reduction of the mean error by rejecting a tenth, beyond both controls"
    return ask(study, _measure, _gain, _MARGIN, what, columns)


CLAIMS = (
    Claim(
        "R59",
        "Rejecting generated points of high curvature leaves the more reliable ones.",
        "paper, section 5.2; requirement R59",
        "Reduction of the mean error against random rejection and against untrained metrics on "
        "the same maps; at least 0.02 would matter.",
        _avoids,
        seeds=SEEDS,
        question=True,
    ),
)
