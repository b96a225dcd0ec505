"""Are points generated along geodesics smoother sequences than those along straight lines (R58)?

Fixed in advance: decoders of random surfaces (see `surfaces`) fitted to 300 points with noise
0.02; pairs of points z from the normal distribution that they were fitted on. Paths of 33 points
are decoded; the roughness of one is its largest second difference, of what is generated. Rivals of
the geodesic have the same ends and the same decoder: the straight line of z at equal steps; the
same line at steps of equal length of what is generated; the straight line in the last chart; and
the geodesic of metrics that were not trained. The gain is the logarithm of the roughness of the
best of them in that seed over that of the geodesics, each a geometric mean over the pairs that
geodesics join (geometric since a trial, in which single pairs decided the arithmetic ones).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

import ndm
from ndm.analysis import connect, untrained
from validation.claim import Claim, Finding
from validation.paper.gains import SEEDS, ask
from validation.paper.surfaces import Surface, decoder
from validation.study import Study

__all__ = ["CLAIMS", "evenly", "roughness"]

_POINTS, _NOISE = 300, 0.02
_PAIRS, _PLACES, _CONTROLS = 20, 33, 3
_MARGIN = 0.1  # a tenth less rough
_RIVALS = ("straight", "even", "straight_last", "untrained")


def roughness(x: Tensor) -> Tensor:
    """Largest second difference along paths, as a derivative for a path of unit time.

    Args:
        x: (N, places, m).

    Returns:
        (N,).
    """
    second = torch.linalg.vector_norm(x.diff(n=2, dim=1), dim=-1)
    return second.amax(-1) * (x.shape[1] - 1) ** 2


def evenly(path: Tensor, image: Tensor, places: int) -> Tensor:
    """Points of polygons at which the images are equally far apart along the way.

    Args:
        path: (N, fine, n).
        image: (N, fine, m).
        places: how many are wanted.

    Returns:
        (N, places, n).
    """
    steps = torch.linalg.vector_norm(image.diff(dim=1), dim=-1)
    way = torch.cat((torch.zeros_like(steps[:, :1]), steps.cumsum(1)), 1)
    s = torch.linspace(0, 1, places, dtype=path.dtype)
    rows = []
    for line, so_far in zip(path.numpy(), way.numpy(), strict=True):
        wanted = s.numpy() * so_far[-1]
        rows.append(np.stack([np.interp(wanted, so_far, part) for part in line.T], -1))
    return torch.tensor(np.stack(rows))


def _measure(seed: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(10_000 + seed)
    surface = Surface.drawn(generator)
    model, _ = decoder(surface, seed, _POINTS, _NOISE)
    p, q = torch.randn((2, _PAIRS, 2), generator=generator, dtype=torch.float64)
    with torch.no_grad():
        return _compared(model, surface, p, q, seed)


def _compared(
    model: ndm.NDM, surface: Surface, p: Tensor, q: Tensor, seed: int
) -> dict[str, float]:
    s = torch.linspace(0, 1, _PLACES, dtype=torch.float64)
    found = connect(model.field(0), p, q)
    good = found.converged

    def rough(z: Tensor) -> float:
        return float(roughness(model(z))[good].log().mean().exp())

    def line(a: Tensor, b: Tensor, at: Tensor) -> Tensor:
        return a[:, None] + at[:, None] * (b - a)[:, None]

    fine = line(p, q, torch.linspace(0, 1, 2001, dtype=torch.float64))
    controls = []
    for number in range(_CONTROLS):
        other = untrained(model, 1000 * (seed + 1) + number)
        assert isinstance(other, ndm.NDM)
        controls.append(rough(connect(other.field(0), p, q).at(s)[0]))
    way = found.at(s)[0]
    return {
        "geodesic": rough(way),
        "straight": rough(line(p, q, s)),
        "even": rough(evenly(fine, model(fine), _PLACES)),
        "straight_last": rough(model.invert(line(model.trace(p)[-1], model.trace(q)[-1], s))),
        "untrained": float(np.mean(controls)),
        "joined": float(good.double().mean()),
        "error": float(torch.linalg.vector_norm(model(way) - surface(way), dim=-1)[good].mean()),
    }


def _gain(row: Mapping[str, Any]) -> float:
    """Logarithm of the best rival's roughness over that of the geodesics."""
    return float(np.log(min(row[name] for name in _RIVALS) / row["geodesic"]))


def _smooth(study: Study) -> Finding:
    columns = ("geodesic", *_RIVALS, "joined", "error")
    what = "log ratio of the best rival's roughness to the geodesics'"
    return ask(study, _measure, _gain, _MARGIN, what, columns)


CLAIMS = (
    Claim(
        "R58",
        "Points generated along geodesics change more smoothly than those along straight lines.",
        "paper, section 5.2; requirement R58",
        "Largest second difference of what is generated, against the best of straight latent "
        "lines, the same at even speed, and geodesics of untrained metrics; a tenth less would "
        "matter.",
        _smooth,
        seeds=SEEDS,
        question=True,
    ),
)
