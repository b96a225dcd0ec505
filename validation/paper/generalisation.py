"""Does the geometric loss limit overfitting (R45)?

Fixed in advance: two moons (noise 0.2), 100 points to train on, a fifth of the labels of training
and validation wrong, and the nets, the rivals and the choice of `regularised`.

One number a seed: the loss on test points, with input noise of size `_SHAKE` and in expectation
over labels that are wrong as often as in training; that of lambda = 0 minus that of lambda. Nets
that learned wrong labels or that answer differently nearby pay there. Beside it: gap of test and
training loss, accuracy on shaken points, and mean norm of the probabilities' Jacobian.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from validation.claim import Claim, Finding
from validation.fitting import Task
from validation.paper.gains import SEEDS, gather
from validation.paper.regularised import WAYS, WRONG, Model, gain, measure, moons, told
from validation.study import Study

__all__ = ["CLAIMS", "generalises"]

_SHAKE = 0.2
_LOSS = 0.02  # nats; wrong labels alone cost 0.50


def generalises(model: Model, task: Task, seed: int) -> dict[str, float]:
    """What is asked of a model.

    Args:
        model: x (N, n) -> logits (N, classes).
        task: whose test labels are right.
        seed: of the noise of the inputs.

    Returns:
        "loss" on shaken test points with labels that may be wrong, "gap" of test and training
        loss, "accuracy" on shaken points, "jacobian": mean norm of d p / d x.
    """
    x, y = task.test
    generator = torch.Generator().manual_seed(seed)
    shaken = x + _SHAKE * torch.randn(x.shape, generator=generator, dtype=x.dtype)
    with torch.no_grad():
        logits = model(shaken)
        fitted = float(functional.cross_entropy(model(task.train[0]), task.train[1]))
        new = _expected(model(x), y)
    points = x.clone().requires_grad_()
    p = torch.softmax(model(points), -1)
    slopes = [
        torch.autograd.grad(p[:, k].sum(), points, retain_graph=True)[0]
        for k in range(task.classes)
    ]
    return {
        "loss": _expected(logits, y),
        "gap": new - fitted,
        "accuracy": float((logits.argmax(-1) == y).double().mean()),
        "jacobian": float(torch.stack(slopes, 1).flatten(1).norm(dim=-1).mean()),
    }


def _expected(logits: Tensor, y: Tensor) -> float:
    """Cross-entropy in expectation over labels, of which a part is wrong."""
    scores = -torch.log_softmax(logits, -1)
    right = scores.gather(-1, y[:, None])[:, 0]
    others = (scores.sum(-1) - right) / (logits.shape[-1] - 1)
    return float(((1 - WRONG) * right + WRONG * others).mean())


def _limits(study: Study) -> Finding:
    ways = dict(list(WAYS.items())[: 2 if study.quick else None])

    def one(seed: int) -> dict[str, Any]:
        return measure(moons(seed), ways, generalises, seed)

    asked = gather(study, one, gain("loss"), _LOSS)
    return told(asked, list(ways), "loss", ("gap", "accuracy", "jacobian"))


CLAIMS = (
    Claim(
        "R45",
        "Curvature and volume terms limit overfitting and sensitivity to small input changes.",
        "paper, section 5.1; requirement R45",
        "Two moons with a fifth of the labels wrong; lambda = 0 minus lambda (the best of three "
        "values on validation data, trained anew); loss on shaken test points, in nats; at least "
        "0.02 would matter, 4 % of what wrong labels alone cost.",
        _limits,
        seeds=SEEDS,
        question=True,
    ),
)
