"""Are geodesics of a learned metric the best interpolations (R50)?

Fixed in advance: two moons with little noise; the classifier and its training are those of R48 and
R49. Pairs lie on one of the two half circles without noise, at least a quarter of a turn apart, so
that a straight line leaves it. The error of a path is its mean distance from this half circle,
along its length in the plane. Rivals of the geodesic have the same ends and the same network: the
straight line in the coordinates of the data, the straight line in the last chart, and the geodesic
of metrics that were not trained on the same trained maps. The gain is the logarithm of the error of
the best of them in that seed over the error of the geodesic. Errors are geometric means over the
pairs that geodesics join: far from the data the maps may carry a single path anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import make_moons
from torch import Tensor

import ndm
from ndm.analysis import Connection, connect, untrained
from validation.claim import Claim, Finding, Picture
from validation.fitting import Recipe, Task, accuracy, train
from validation.paper.gains import SEEDS, ask
from validation.study import Study, picture

__all__ = ["CLAIMS", "Paths", "distance_to_arcs", "errors"]

_PAIRS = 16
_PLACES = 41
_CONTROLS = 2
_MARGIN = 0.1  # a tenth less error
_RECIPE = Recipe(lam=1e-3, fisher=0.1)
_CENTRE = torch.tensor([0.5, 0.25], dtype=torch.float64)  # between the moons
_RIVALS = ("straight", "straight_last", "untrained")


@dataclass(frozen=True)
class Paths:
    """Paths with the same ends, (N, places, 2) each.

    Attributes:
        geodesic: of the trained metric.
        straight: in the coordinates of the data.
        straight_last: straight in the last chart.
        untrained: geodesics of metrics that were not trained, one tensor for each.
        found: how the geodesics were found.
    """

    geodesic: Tensor
    straight: Tensor
    straight_last: Tensor
    untrained: tuple[Tensor, ...]
    found: Connection


def _moons(seed: int) -> Task:
    x, y = make_moons(400, noise=0.1, random_state=seed)
    points, classes = torch.tensor(x) - _CENTRE, torch.tensor(y)
    parts = [(points[k::2], classes[k::2]) for k in range(2)]
    return Task(parts[0], parts[1], parts[1], 2)


def _arc(angle: Tensor, label: Tensor) -> Tensor:
    """Points (..., 2) of the half circle of a class, of radius 1."""
    upper = torch.stack((angle.cos(), angle.sin()), -1)
    lower = torch.stack((1 - angle.cos(), 0.5 - angle.sin()), -1)
    return torch.where(label[..., None] == 0, upper, lower) - _CENTRE


def _pairs(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    turn = torch.pi * (0.5 + 0.5 * torch.rand(_PAIRS, generator=generator, dtype=torch.float64))
    begin = (torch.pi - turn) * torch.rand(_PAIRS, generator=generator, dtype=torch.float64)
    label = torch.arange(_PAIRS) % 2
    return _arc(begin, label), _arc(begin + turn, label), label


def distance_to_arcs(x: Tensor, label: Tensor) -> Tensor:
    """Distance of points from the half circle of their class.

    Args:
        x: (N, places, 2).
        label: (N,), the class.

    Returns:
        (N, places).
    """
    angle = torch.linspace(0, torch.pi, 721, dtype=x.dtype)
    arc = _arc(angle, label[:, None].expand(-1, len(angle)))
    return torch.cdist(x, arc).amin(-1)


def _paths(model: ndm.NDM, p: Tensor, q: Tensor, seed: int) -> Paths:
    s = torch.linspace(0, 1, _PLACES, dtype=torch.float64)
    found = connect(model.field(0), p, q)
    ends = [model.trace(x)[-1][:, None] for x in (p, q)]
    straight = p[:, None] + s[:, None] * (q - p)[:, None]
    last = model.invert(ends[0] + s[:, None] * (ends[1] - ends[0]))
    controls = []
    for number in range(_CONTROLS):
        other = untrained(model, 1000 * (seed + 1) + number)
        assert isinstance(other, ndm.NDM)
        controls.append(connect(other.field(0), p, q).at(s)[0])
    return Paths(found.at(s)[0], straight, last, tuple(controls), found)


def errors(paths: Paths, label: Tensor) -> dict[str, float]:
    """Mean distances from the half circles: geometric means over pairs that a geodesic joins.

    Args:
        paths: see there.
        label: (N,), classes of the ends.

    Returns:
        Errors by the name of the path.
    """
    good = paths.found.converged

    def mean(x: Tensor) -> float:
        steps = torch.linalg.vector_norm(x.diff(dim=1), dim=-1)
        away = distance_to_arcs(x, label)
        middle = 0.5 * (away[:, 1:] + away[:, :-1])
        return float(((middle * steps).sum(1) / steps.sum(1))[good].log().mean().exp())

    return {
        "geodesic": mean(paths.geodesic),
        "straight": mean(paths.straight),
        "straight_last": mean(paths.straight_last),
        "untrained": float(np.mean([mean(x) for x in paths.untrained])),
    }


def _measure(seed: int) -> dict[str, Any]:
    task = _moons(seed)
    model = train(task, _RECIPE, seed).model
    p, q, label = _pairs(seed)
    with torch.no_grad():
        paths = _paths(model, p, q, seed)
    found, good = paths.found, paths.found.converged
    shown = torch.stack((paths.geodesic, paths.straight_last))[:, good][:, :6]
    return {
        **errors(paths, label),
        "joined": float(good.double().mean()),
        "shorter": float((found.distance < found.straight)[good].double().mean()),
        "unevenness": float(found.unevenness[good].max()),
        "accuracy": accuracy(model, *task.test),
        "paths": shown.tolist(),
    }


def _gain(row: Mapping[str, Any]) -> float:
    """Logarithm of the best rival's error over that of the geodesic."""
    return float(np.log(min(row[name] for name in _RIVALS) / row["geodesic"]))


def _picture(row: Mapping[str, Any], seed: int) -> Picture:
    figure, axes = plt.subplots(figsize=(6, 4))
    x, y = _moons(seed).train
    names = ("geodesic", "straight in the last chart")
    axes.scatter(*x.T, c=y, s=8, cmap="coolwarm", alpha=0.4)
    for name, paths, style in zip(names, row["paths"], "-:", strict=True):
        for k, path in enumerate(np.asarray(paths)):
            axes.plot(*path.T, "k" + style, lw=1, label=None if k else name)
    axes.set_aspect("equal")
    axes.legend(fontsize=8)
    return picture(figure, f"geodesics between points of one class, seed {seed}")


def _best(study: Study) -> Finding:
    first = study.seeds[0]
    shown = (_picture(study.each(_measure, (first,))[0], first),)
    columns = ("geodesic", *_RIVALS, "joined", "shorter", "unevenness", "accuracy")
    what = "log ratio of the best rival's error to the geodesic's"
    return ask(study, _measure, _gain, _MARGIN, what, columns, shown)


CLAIMS = (
    Claim(
        "R50",
        "Geodesics of the learned metric stay closer to the data than straight paths do.",
        "paper, section 5.1; requirement R50",
        "Against the best of straight paths in the data's and in the last chart and geodesics of "
        "untrained metrics on the same maps; two moons; a tenth less error would matter; 5, 10, "
        "then 20 seeds.",
        _best,
        seeds=SEEDS,
        question=True,
    ),
)
