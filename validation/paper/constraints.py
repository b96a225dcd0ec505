"""Does a conserved quantity show up in the geometry of a trained model (R54)?

States (angle, velocity) of a pendulum, swinging and never turning over; a model learns to tell the
state 0.3 s later, with the geometry loss and the Fisher term of R48. Energy is never shown to it.
The paper expects to find it in the learned geometry, and says two things that can be measured:

- level sets: |rank correlation| of the scalar curvature with the energy (that of the volume
  element is shown beside it). This is the answer;
- a flat direction: mean cos^2 of the angle between the motion, along which energy is constant, and
  the direction in which the metric is smallest, in coordinates scaled alike; 1/2 by chance.

The control has the same trained maps under metrics that were never trained, five for each seed. The
number of a seed is |correlation| less the mean of theirs.

Fixed before the run: all of this, and the margin 0.1 of a correlation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import Tensor

from ndm.analysis.controls import field_of, untrained
from ndm.dynamics.systems import n_pendulum
from ndm.field import MetricField
from validation.claim import Claim, Finding
from validation.fitting import Recipe, Task, loss_of, train
from validation.paper.gains import SEEDS, ask
from validation.study import Study

__all__ = ["CLAIMS", "energy", "flat_direction", "level_sets", "states"]

_GRAVITY, _TIME, _CONTROLS, _MARGIN = 9.81, 0.3, 5, 0.1
_SCALE = (1.2, 3.5)  # of angle and velocity: about 1 each, a constant so that no sample decides
_RECIPE = Recipe(lam=1e-3, fisher=0.1)


def energy(x: Tensor) -> Tensor:
    """Energy per mass of scaled states (..., 2), 0 at rest."""
    angle, velocity = x[..., 0] * _SCALE[0], x[..., 1] * _SCALE[1]
    return 0.5 * velocity**2 + _GRAVITY * (1 - torch.cos(angle))


def motion(x: Tensor) -> Tensor:
    """The rate of change of scaled states, (..., 2): tangent to the level sets of the energy."""
    angle, velocity = x[..., 0] * _SCALE[0], x[..., 1] * _SCALE[1]
    return torch.stack([velocity / _SCALE[0], -_GRAVITY * torch.sin(angle) / _SCALE[1]], -1)


def states(seed: int) -> Task:
    """States and what they are 0.3 s later: 200, 200 and 300 of them.

    Args:
        seed: of the draw.

    Returns:
        The task, scaled by constants; energies are below 0.8 of the one that turns over.
    """
    random = np.random.default_rng(seed)
    drawn = torch.tensor(random.uniform(-1, 1, (4000, 2)) * 2)
    x = drawn[energy(drawn) < 1.6 * _GRAVITY][:700]
    scale = torch.tensor(_SCALE, dtype=x.dtype)
    q, v = (x * scale).split(1, -1)
    later = n_pendulum((1.0,), (1.0,), _GRAVITY).trajectories(
        q.numpy(), v.numpy(), np.array([0.0, _TIME])
    )
    y = torch.tensor(np.concatenate([later.x[:, -1], later.v[:, -1]], -1)) / scale
    parts = [(x[part], y[part]) for part in (slice(200), slice(200, 400), slice(400, None))]
    return Task(parts[0], parts[1], parts[2], classes=0)


def level_sets(values: NDArray[np.float64], x: Tensor) -> float:
    """|Rank correlation| of values with the energy.

    Args:
        values: one a state.
        x: the states (N, 2).

    Returns:
        Between 0 and 1.
    """
    return abs(float(spearmanr(values, energy(x).numpy()).statistic))


@torch.no_grad()
def flat_direction(field: MetricField, x: Tensor) -> float:
    """Mean cos^2 between the motion and the direction in which the metric is smallest.

    Args:
        field: the metric.
        x: states (N, 2).

    Returns:
        1 if the metric is smallest along the level sets, 0 if across them.
    """
    least = torch.linalg.eigh(field(x)).eigenvectors[..., 0]
    along = torch.nn.functional.normalize(motion(x), dim=-1)
    return float((least * along).sum(-1).square().mean())


@torch.no_grad()
def _scores(field: MetricField, x: Tensor) -> dict[str, float]:
    return {
        "curvature": level_sets(field.scalar_curvature(x).numpy(), x),
        "volume": level_sets(field.log_volume(x).numpy(), x),
        "flat direction": flat_direction(field, x),
    }


def _measure(seed: int) -> dict[str, Any]:
    task = states(seed)
    model, x = train(task, _RECIPE, seed).model, task.test[0]
    own = _scores(field_of(model), x)
    fresh = [_scores(field_of(untrained(model, k)), x) for k in range(_CONTROLS)]
    control = {f"{n}, untrained": float(np.mean([one[n] for one in fresh])) for n in own}
    gain = own["curvature"] - control["curvature, untrained"]
    return {"gain": gain, **own, **control, "loss": loss_of(model, *task.test)}


def _run(study: Study) -> Finding:
    what = "gain over untrained metrics in |rank correlation| of the curvature with the energy"
    kinds = ("curvature", "volume", "flat direction")
    columns = [f"{kind}{control}" for kind in kinds for control in ("", ", untrained")]
    return ask(study, _measure, lambda row: float(row["gain"]), _MARGIN, what, [*columns, "loss"])


CLAIMS = (
    Claim(
        "R54",
        "Conservation laws show up in the geometry of a model trained on motion: its curvature "
        "follows the energy of a pendulum, which was never shown to it.",
        "paper, section 5.2; requirement R54",
        "Gain in |rank correlation| over untrained metrics on the same maps; at least 0.1 would "
        "matter.",
        _run,
        seeds=SEEDS,
        question=True,
    ),
)
