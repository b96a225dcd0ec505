"""Do distances under the learned metric mirror similarity of meaning (R47)?

Fixed in advance: a spiral of one and a half turns with noise, cut into four classes, one after the
other along it. What a point means is its place t along the spiral, which the network is not told:
it knows the classes alone. Of disjoint pairs of test points the rank correlation of their distance
with |t - t'| is taken, for geodesics of the trained metric; for the straight distance between the
same activations, in the last chart; and for geodesics of metrics that were not trained, on the same
trained maps. The gain is the correlation of the first less the better of the other two. Straight
distances of the data, and of the predicted probabilities, are reported beside them.

Distances only: angles have no counterpart among the known factors of these data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor

import ndm
from ndm.analysis import connect, untrained
from validation.claim import Claim, Finding
from validation.fitting import Recipe, Task, accuracy, train
from validation.paper.gains import SEEDS, ask
from validation.study import Study

__all__ = ["CLAIMS", "correlations", "spiral"]

_PAIRS = 20
_CONTROLS = 1
_MARGIN = 0.05  # of a rank correlation
_CLASSES = 4
_RECIPE = Recipe(lam=1e-3, fisher=0.1)


def spiral(seed: int, count: int) -> tuple[Tensor, Tensor]:
    """Points of a spiral with noise.

    Args:
        seed: of them.
        count: how many.

    Returns:
        Points (count, 2) and their places along the spiral, uniform in [0, 1].
    """
    generator = torch.Generator().manual_seed(seed)
    t = torch.rand(count, generator=generator, dtype=torch.float64)
    turn = 3 * torch.pi * t.sqrt()  # equal steps of t are nearly equal lengths
    x = turn[:, None] / 6 * torch.stack((turn.cos(), turn.sin()), -1)
    return x + 0.05 * torch.randn(x.shape, generator=generator, dtype=x.dtype), t


def _task(seed: int) -> tuple[Task, Tensor]:
    x, t = spiral(seed, 400 + 2 * _PAIRS)
    y = (t * _CLASSES).long()
    parts = [(x[k], y[k]) for k in (slice(0, 250), slice(250, 400), slice(400, None))]
    return Task(parts[0], parts[1], parts[2], _CLASSES), t[400:]


@torch.no_grad()
def correlations(model: ndm.NDM, x: Tensor, t: Tensor, seed: int) -> dict[str, float]:
    """Rank correlations of distances between x[::2] and x[1::2] with |t - t'|.

    Geodesics that were not found count with the length of the best curve, an upper bound.

    Args:
        model: a trained one.
        x: (2 N, 2).
        t: (2 N,).
        seed: of the untrained metrics.

    Returns:
        Correlations by name, and which part of the geodesics was found.
    """
    truth = (t[::2] - t[1::2]).abs()

    def correlation(distance: Tensor) -> float:
        return float(spearmanr(distance, truth).statistic)

    def apart(y: Tensor) -> Tensor:
        return torch.linalg.vector_norm(y[::2] - y[1::2], dim=-1)

    found = connect(model.field(0), x[::2], x[1::2])
    controls = []
    for number in range(_CONTROLS):
        other = untrained(model, 1000 * (seed + 1) + number)
        assert isinstance(other, ndm.NDM)
        controls.append(correlation(connect(other.field(0), x[::2], x[1::2]).length))
    return {
        "geodesic": correlation(found.length),
        "activations": correlation(apart(model.trace(x)[-1])),
        "untrained": float(np.mean(controls)),
        "data": correlation(apart(x)),
        "probabilities": correlation(apart(torch.softmax(model(x), -1))),
        "joined": float(found.converged.double().mean()),
    }


def _measure(seed: int) -> dict[str, Any]:
    task, t = _task(seed)
    model = train(task, _RECIPE, seed).model
    found = correlations(model, task.test[0], t, seed)
    return {**found, "accuracy": accuracy(model, *task.test)}


def _gain(row: Mapping[str, Any]) -> float:
    """Correlation of geodesics less the better of the two controls."""
    return float(row["geodesic"] - max(row["activations"], row["untrained"]))


def _mirrors(study: Study) -> Finding:
    names = ("geodesic", "activations", "untrained", "data", "probabilities", "joined", "accuracy")
    what = "gain in rank correlation of geodesic distance with the hidden factor"
    return ask(study, _measure, _gain, _MARGIN, what, names)


CLAIMS = (
    Claim(
        "R47",
        "Distances under the learned metric mirror similarity of meaning.",
        "paper, section 5.1; requirement R47",
        "Gain in rank correlation over straight distances of the same activations and over "
        "untrained metrics, on a spiral whose parameter is known; at least 0.05 would matter.",
        _mirrors,
        seeds=SEEDS,
        question=True,
    ),
)
