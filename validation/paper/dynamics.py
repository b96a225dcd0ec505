"""Is the motion of an environment learned better as a vector field on a manifold (R60)?

A pendulum (rod 1, g = 9.81). Three models of its motion see the same 100 states with accelerations
that have 5 % of noise: masses and potential (a metric and a force; geodesics are bent by it), a
free connection with a force, and a plain perceptron in (x, v). Each has at most 150 parameters
and is tuned on the same grid, by data held out. Motions from rest, which nobody saw, are followed
for 1 and for 50 steps of 0.05 s. The number of a seed is log10(error of the perceptron after 50
steps / error of the metric), medians over 20 motions.

A vector field on a manifold does not depend on coordinates. For every seed the learned metric and
potential are pulled back through a random change of coordinates, the motion is computed from them
there, and carried back: the largest difference from the motion computed directly is `push`, and
requirement R60 allows 1e-8.

Fixed before the run: all of this, and the margin log10(2): half the error would matter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ndm.charts import CoordinateMap
from ndm.dynamics.baselines import Effort, Setting, tune
from ndm.dynamics.motion import MetricDynamics
from ndm.dynamics.rollout import follow_each
from ndm.dynamics.samples import Triples
from ndm.dynamics.scramble import RandomFlow, carry
from ndm.dynamics.systems import n_pendulum
from ndm.geometry import PulledBack
from validation.claim import Claim, Finding
from validation.paper.gains import SEEDS, ask
from validation.study import Study

__all__ = ["CLAIMS", "push_forward_error"]

_SAMPLES, _NOISE, _BUDGET, _MOTIONS, _STEP = 100, 0.05, 150, 20, 0.05
_GRID = tuple(Setting("lm", decay) for decay in (0.0, 1e-6, 1e-5, 1e-4, 1e-3))
_EFFORT = Effort(iterations=60, starts=2, seconds=4.0)
_MARGIN = float(np.log10(2))


class _Pulled(nn.Module):
    """The potential V(phi(z))."""

    def __init__(self, potential: nn.Module, flow: CoordinateMap) -> None:
        super().__init__()
        self.potential, self.flow = potential, flow

    def gradient(self, z: Tensor) -> Tensor:
        """Its differential, of shape (..., n)."""
        x, _, jacobian = self.flow.with_jacobian(z)
        force: Tensor = self.potential.gradient(x)
        return (jacobian.mT @ force[..., None])[..., 0]


@torch.no_grad()
def push_forward_error(model: MetricDynamics, x: Tensor, v: Tensor, seed: int) -> float:
    """How much a learned vector field depends on the coordinates that it is computed in.

    Args:
        model: metric and potential.
        x: positions (N, n).
        v: velocities (N, n).
        seed: of the change of coordinates.

    Returns:
        The largest difference between the acceleration computed in x and the one computed in other
        coordinates and carried over, relative to the largest acceleration.
    """
    flow = RandomFlow(x.shape[-1], radius=float(x.abs().max()), seed=seed)
    z = flow.inverse(x)
    w = torch.linalg.solve(flow.jacobian(z), v[..., None])[..., 0]
    potential = None if model.potential is None else _Pulled(model.potential, flow)
    there = MetricDynamics(PulledBack(model.metric, flow), potential)
    direct = model(x, v)
    _, _, back = carry(flow, z, w, there(z, w))
    return float((back - direct).abs().max() / direct.abs().max())


def _draw(seed: int) -> Triples:
    random = np.random.default_rng(seed)
    pendulum = n_pendulum((1.0,), (1.0,))
    x, v = pendulum.draw(_SAMPLES, random, speed=3.0)
    exact = pendulum.acceleration(x, v)
    error = _NOISE * float(np.sqrt(np.mean(exact**2)))
    noise = error * random.normal(size=exact.shape)
    return Triples(x, v, exact + noise, np.full_like(x, error))


def _errors(model: nn.Module, seed: int) -> tuple[float, float]:
    """Median distances of the angle from the true one after 1 and after 50 steps."""
    random = np.random.default_rng([seed, 1])
    x, times = random.uniform(-2.5, 2.5, (_MOTIONS, 1)), np.array([0.0, 1.0, 50.0]) * _STEP
    truth = n_pendulum((1.0,), (1.0,)).trajectories(x, 0 * x, times)
    found = follow_each(model, torch.tensor(x), torch.tensor(0 * x), times, 1e-8)
    away = np.nan_to_num(np.abs(found.x - truth.x)[..., 0], nan=np.inf)
    # what runs away is as wrong as an angle can be
    one, fifty = np.median(np.minimum(away[:, 1:], np.pi), axis=0)
    return float(one), float(fifty)


def _measure(seed: int) -> dict[str, Any]:
    data, figures = _draw(seed), {}
    for name in ("metric", "connection", "free"):
        found = tune(name, data, _BUDGET, force=True, grid=_GRID, effort=_EFFORT, seed=seed)
        figures[f"{name}: 1 step"], figures[f"{name}: 50 steps"] = _errors(found.model, seed)
        if isinstance(found.model, MetricDynamics):
            x, v = torch.tensor(data.x), torch.tensor(data.v)
            figures["push"] = push_forward_error(found.model, x, v, seed)
    gain = float(np.log10(figures["free: 50 steps"] / figures["metric: 50 steps"]))
    return {"gain": gain, **figures}


def _run(study: Study) -> Finding:
    what = "log10 of the perceptron's error after 50 steps over the metric's"
    columns = [
        f"{n}: {k}" for n in ("metric", "connection", "free") for k in ("1 step", "50 steps")
    ]
    return ask(study, _measure, lambda row: float(row["gain"]), _MARGIN, what, [*columns, "push"])


CLAIMS = (
    Claim(
        "R60",
        "An environment's dynamics is learned better as a vector field on a learned manifold than "
        "by a plain network (pendulum, 50 steps).",
        "paper, section 5.2; requirement R60",
        "Half the error after 50 steps (0.3 of the logarithm) would matter.",
        _run,
        seeds=SEEDS,
        question=True,
    ),
)
