"""Does a new task show as a distortion of the learned metric (R56)?

Fixed in advance: the digits of scikit-learn in their first four principal components. The old task
has the classes 0 to 4, the new one 5 to 9; the network is trained on the old one alone, as for R48
and R49. Batches of four test images come from one task or the other, and a score tells how unlike
the training set each image is; that of a batch is the mean. The score of the claim, named before
the run, is the distance of g from its mean over the training set (`ndm.analysis`); those of volume
and of curvature are reported beside it. The control is the same score by metrics that were not
trained, on the same trained maps. The gain is the area under the curve less that of the control,
or less 1/2 where the control does worse than chance (a trial with seed 0 showed that it may).

Detectors without a metric are reported as well: the entropy of the prediction; the loss itself,
which needs the new task's labels (9 counts as 4, and so on); Mahalanobis distance, which needs no
network; and the distance to the fifth neighbour in the training set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional

import ndm
from ndm.analysis import auc, untrained
from ndm.analysis.shift import curvature_score, gaussian_score, metric_score, volume_score
from validation.claim import Claim, Finding
from validation.fitting import Recipe, Task, accuracy, train
from validation.paper.gains import SEEDS, ask
from validation.study import Study

__all__ = ["CLAIMS", "batched_auc"]

_BATCH = 4
_BATCHES = 100  # of each task
_CONTROLS = 5
_MARGIN = 0.02  # of an area under the curve
_RECIPE = Recipe(lam=1e-3, fisher=0.1, steps=200)
_COMPONENTS, _CLASSES = 4, 5
_DISTORTIONS = {"metric": metric_score, "volume": volume_score, "curvature": curvature_score}
_DETECTORS = ("entropy", "loss", "mahalanobis", "neighbour")


def _tasks(seed: int) -> tuple[Task, tuple[Tensor, Tensor]]:
    """The old task, and images of the new one with classes from 0 to 4."""
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(x))
    x, y = torch.tensor(x[order]), torch.tensor(y[order])
    old, new = y < _CLASSES, y >= _CLASSES
    first = x[old][:300]
    _, _, axes = torch.linalg.svd(first - first.mean(0), full_matrices=False)
    z = (x - first.mean(0)) @ axes[:_COMPONENTS].T
    z = z / z[old][:300].std(0)
    parts = [(z[old][k], y[old][k]) for k in (slice(0, 300), slice(300, 500), slice(500, None))]
    return Task(parts[0], parts[1], parts[2], _CLASSES), (z[new], y[new] - _CLASSES)


def batched_auc(old: Tensor, new: Tensor, seed: int) -> float:
    """How well mean scores of batches tell two tasks apart.

    Args:
        old: scores of images of the old task.
        new: of the new one, larger where they are less usual.
        seed: of the batches.

    Returns:
        Area under the curve; 1/2 is chance.
    """
    generator = torch.Generator().manual_seed(seed)

    def batches(scores: Tensor) -> Tensor:
        rows = torch.randint(len(scores), (_BATCHES, _BATCH), generator=generator)
        return scores[rows].mean(1)

    one, two = batches(old), batches(new)
    return auc(torch.cat((one, two)), torch.arange(2 * _BATCHES) >= _BATCHES)


@torch.no_grad()
def _detectors(model: ndm.NDM, task: Task, x: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Scores (N,) that know nothing of the metric."""
    logits = model(x)
    log_p = torch.log_softmax(logits, -1)
    return {
        "entropy": -(log_p.exp() * log_p).sum(-1),
        "loss": functional.cross_entropy(logits, y, reduction="none"),
        "mahalanobis": gaussian_score(model, task.train[0], x),
        "neighbour": torch.cdist(x, task.train[0]).sort(-1).values[:, 4],
    }


@torch.no_grad()
def _areas(model: ndm.NDM, task: Task, new: tuple[Tensor, Tensor], seed: int) -> dict[str, float]:
    points, many = torch.cat((task.test[0], new[0])), len(task.test[0])

    def area(scores: Tensor) -> float:
        return batched_auc(scores[:many], scores[many:], seed)

    others = [untrained(model, 1000 * (seed + 1) + number) for number in range(_CONTROLS)]
    found = {}
    for name, score in _DISTORTIONS.items():
        found[name] = area(score(model, task.train[0], points))
        controls = [area(score(other, task.train[0], points)) for other in others]
        found[f"{name}_untrained"] = float(np.mean(controls))
    rivals = _detectors(model, task, points, torch.cat((task.test[1], new[1])))
    return found | {name: area(scores) for name, scores in rivals.items()}


def _measure(seed: int) -> dict[str, Any]:
    task, new = _tasks(seed)
    model = train(task, _RECIPE, seed).model
    return {**_areas(model, task, new, seed), "accuracy": accuracy(model, *task.test)}


def _gain(row: Mapping[str, Any]) -> float:
    """Area of the trained metric's distortion less the better of untrained ones and chance."""
    return float(row["metric"] - max(row["metric_untrained"], 0.5))


def _onset(study: Study) -> Finding:
    pairs = [(name, f"{name}_untrained") for name in _DISTORTIONS]
    columns = (*(name for pair in pairs for name in pair), *_DETECTORS, "accuracy")
    what = "gain in AUC of metric distortion over untrained metrics and chance"
    return ask(study, _measure, _gain, _MARGIN, what, columns)


CLAIMS = (
    Claim(
        "R56",
        "The onset of a new task shows as a distortion of the learned metric.",
        "paper, section 5.2; requirement R56",
        "Gain in AUC over untrained metrics on the same maps and over chance, batches of four "
        "digits; at least 0.02 would matter. Loss, entropy and density are "
        "reported beside it.",
        _onset,
        seeds=SEEDS,
        question=True,
    ),
)
