"""Does the metric of a classifier reveal a symmetry of its data (R55)?

Data: two classes of points around two circles, uniform in the angle; nothing changes when the plane
is turned. A model is trained on them as in R48. If its metric knows the symmetry, the rotation is
nearly a Killing field of it, and translations are not:

    q = lambda(rotation) / mean lambda(translation),  lambda(X) = mean |L_X g|^2 / mean |X|^2.

Two controls: the same trained maps under metrics that were never trained (19 of them), and the
same training on the same points with classes that are not symmetric (left and right). The number of
a seed is log10(q of a control / q), for the control that does better.

Fixed before the run: data, recipe, fields, and the margin 1: a ratio of ten between eigenvalues is
what `killing_spectrum` calls a gap, so a smaller gain would reveal nothing. What `killing_report`
says without being told which field to look for is shown beside it (fields, and whether they are
supported). That its solver finds 3, 3, 3, 1 and 0 fields of known surfaces, and of metrics learned
from motion on them, is shown in docs/ndm/symmetries.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ndm.analysis.controls import field_of, untrained
from ndm.analysis.killing import killing_report
from ndm.dynamics.killing import lie_metric
from ndm.field import MetricField
from validation.claim import Claim, Finding
from validation.fitting import Recipe, Task, accuracy, train
from validation.paper.gains import SEEDS, ask
from validation.study import Study

__all__ = ["CLAIMS", "quotient", "rings"]

_CONTROLS, _MARGIN = 19, 1.0
_RECIPE = Recipe(lam=1e-3, fisher=0.1)


def rings(seed: int, symmetric: bool = True) -> Task:
    """Points around circles of radius 0.7 and 1.4, in three parts of 200, 200 and 300.

    Args:
        seed: of the draw.
        symmetric: whether the class is the circle; otherwise it is the side of the line u = 0.

    Returns:
        The task; coordinates are as drawn, since scaling by a sample would spoil the symmetry.
    """
    random = np.random.default_rng(seed)
    ring = random.integers(0, 2, 700)
    r, angle = 0.7 * (1 + ring) + 0.15 * random.normal(size=700), random.uniform(0, 2 * np.pi, 700)
    x = torch.tensor(np.stack([r * np.cos(angle), r * np.sin(angle)], -1))
    y = torch.tensor(ring) if symmetric else (x[:, 0] > 0).long()
    parts = [(x[part], y[part]) for part in (slice(200), slice(200, 400), slice(400, None))]
    return Task(parts[0], parts[1], parts[2], classes=2)


@torch.no_grad()
def quotient(field: MetricField, x: Tensor) -> float:
    """How much less lengths change along the rotation than along translations: q of this module.

    Args:
        field: a metric of the plane.
        x: points (N, 2), over which means are taken.

    Returns:
        q: 0 where the rotation is an isometry and translations are not.
    """
    one = torch.eye(2, dtype=x.dtype)
    turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=x.dtype)
    vectors = torch.stack([x @ turn.mT, *(one[k].expand_as(x) for k in (0, 1))], 1)
    slopes = torch.stack([turn, torch.zeros_like(turn), torch.zeros_like(turn)]).expand(
        len(x), 3, 2, 2
    )
    inverse = field.inverse(x)[:, None]
    raised = inverse @ lie_metric(field, x, vectors, slopes)
    change = torch.einsum("skij,skji->sk", raised, raised).mean(0)
    size = torch.einsum("sij,ski,skj->sk", field(x), vectors, vectors).mean(0)
    values = change / size
    return float(values[0] / values[1:].mean())


def _measure(seed: int) -> dict[str, Any]:
    task = rings(seed)
    model = train(task, _RECIPE, seed).model
    x = task.test[0]
    other = train(rings(seed, symmetric=False), _RECIPE, seed).model
    own, unlike = quotient(field_of(model), x), quotient(field_of(other), x)
    fresh = [float(np.log10(quotient(field_of(untrained(model, k)), x))) for k in range(_CONTROLS)]
    report = killing_report(model, x[:150], degrees=(1, 2), controls=_CONTROLS)
    figures = {
        "trained": float(np.log10(own)),
        "untrained": float(np.mean(fresh)),
        "unsymmetric": float(np.log10(unlike)),
        "accuracy": accuracy(model, *task.test),
        "fields": report.dimension,
        "supported": int(report.supported),
    }
    gain = min(figures["untrained"], figures["unsymmetric"]) - figures["trained"]
    return {"gain": gain, **figures}


def _run(study: Study) -> Finding:
    what = "log10 of the controls' quotient (rotation over translations) over the trained one"
    columns = ["trained", "untrained", "unsymmetric", "accuracy", "fields", "supported"]
    return ask(study, _measure, lambda row: float(row["gain"]), _MARGIN, what, columns)


CLAIMS = (
    Claim(
        "R55",
        "Symmetries of the learned metric reveal invariances of the data: trained on data that do "
        "not change under rotations, the metric has the rotation as an approximate Killing field.",
        "paper, section 5.2; requirement R55",
        "log10 of a ratio of quotients; at least 1, a gap of ten, would matter.",
        _run,
        seeds=SEEDS,
        question=True,
    ),
)
