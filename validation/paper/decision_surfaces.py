"""Do curvature and flatness of a trained metric say where a classifier decides (R48, R49)?"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata, spearmanr
from sklearn.datasets import make_moons

import ndm
from validation.claim import Claim, Finding
from validation.fitting import Recipe, Task, build, make_task, train
from validation.paper.gains import SEEDS, ask
from validation.study import Study

__all__ = ["CLAIMS"]

_CONTROLS = 5  # untrained metrics on the same trained maps, for each seed
_MARGIN = 0.05  # of an area under the curve, or of a rank correlation


def _moons(seed: int) -> Task:
    x, y = make_moons(900, noise=0.2, random_state=seed)
    return make_task(x, y, (200, 200), seed)


def _measure(seed: int) -> dict[str, Any]:
    task = _moons(seed)
    recipe = Recipe(lam=1e-3, fisher=0.1)
    model = train(task, recipe, seed).model
    x = task.test[0]
    margin, change = _margin(model, x), _change(model, x, seed)
    trained = _scores(_curvature(model, x), margin, change)
    controls = []
    for number in range(_CONTROLS):
        # the maps that were trained, with a metric that was not
        net = build(task, recipe, 1000 * (seed + 1) + number)
        control: ndm.NDM = ndm.NDM(
            [layer.coordinate_map for layer in model.layers], model.head, net.layers[-1].metric
        )
        controls.append(_scores(_curvature(control, x), margin, change))
    return {
        "auc": trained[0],
        "flat": trained[1],
        "auc_untrained": float(np.mean([c[0] for c in controls])),
        "flat_untrained": float(np.mean([c[1] for c in controls])),
    }


def _curvature(model: ndm.NDM, x: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        found: np.ndarray = model.geometry(x).scalar_curvature.abs().numpy()
    return found


def _margin(model: ndm.NDM, x: torch.Tensor) -> np.ndarray:
    """Difference of the two logits, without sign."""
    with torch.no_grad():
        z = model(x)
    found: np.ndarray = (z[:, 1] - z[:, 0]).abs().numpy()
    return found


def _change(model: ndm.NDM, x: torch.Tensor, seed: int) -> np.ndarray:
    """Mean change of the probabilities under small noise of the input."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        p = torch.softmax(model(x), -1)
        total = torch.zeros(len(x), dtype=x.dtype)
        for _ in range(20):
            noise = 0.1 * torch.randn(x.shape, generator=generator, dtype=x.dtype)
            total += (torch.softmax(model(x + noise), -1) - p).abs().sum(-1)
    found: np.ndarray = (total / 20).numpy()
    return found


def _scores(bend: np.ndarray, margin: np.ndarray, change: np.ndarray) -> tuple[float, float]:
    """AUC of |R| for the tenth of the points that is nearest to the boundary; rank correlation."""
    near = margin <= np.quantile(margin, 0.1)
    ranks, count = rankdata(bend), int(near.sum())
    auc = (ranks[near].sum() - count * (count + 1) / 2) / (count * (len(near) - count))
    return float(auc), float(spearmanr(bend, change).statistic)


def _ask(study: Study, own: str, control: str, what: str) -> Finding:
    what = f"gain over untrained metrics in {what}"
    return ask(study, _measure, lambda r: r[own] - r[control], _MARGIN, what, (own, control))


def _marks(study: Study) -> Finding:
    return _ask(study, "auc", "auc_untrained", "AUC of |R| for points near the boundary")


def _stable(study: Study) -> Finding:
    return _ask(study, "flat", "flat_untrained", "rank correlation of |R| with sensitivity")


_TOLERANCE = "Gain over untrained metrics on the same maps, two moons; at least 0.05 would matter."
CLAIMS = (
    Claim(
        "R48",
        "Flat regions of the learned metric are regions where predictions are stable.",
        "paper, section 5.1; requirement R48",
        _TOLERANCE,
        _stable,
        seeds=SEEDS,
        question=True,
    ),
    Claim(
        "R49",
        "High curvature of the learned metric marks decision surfaces.",
        "paper, section 5.1; requirement R49",
        _TOLERANCE,
        _marks,
        seeds=SEEDS,
        question=True,
    ),
)
