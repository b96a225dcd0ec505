"""Row: noisy positions, fitted as whole motions against accelerations made from them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.motion.record import Goal, Row
from ndm.dynamics.least_squares import Fit, Stop, fit_levenberg_marquardt
from ndm.dynamics.motion import MetricDynamics, Potential
from ndm.dynamics.report import curvature_report
from ndm.dynamics.residuals import acceleration_residual, gauge, rollout_residual
from ndm.dynamics.rollout import follow_each
from ndm.dynamics.samples import Trajectories
from ndm.dynamics.systems import Array, System, double_pendulum, surface
from ndm.geometry import ExactMetric
from ndm.metric_net import MetricNet

__all__ = ["ROW"]

NOISE, RUNS, LENGTH, BEYOND, TESTS = 3e-3, 100, 8, 5, 20
HIDDEN, STARTS = (12, 12), 1
# how accelerations are made: positions in a window, degree of the polynomial; first the default
WINDOWS = ((7, 4), (7, 3), (7, 2), (5, 2))
TRIPLES = Stop(iterations=60, residual=1.0, seconds=4.0)
ITERATIONS, SECONDS = 40, 20.0
# rollouts end too where a step gains less than this part of chi^2: from there on it learns noise
GAIN = 0.01
# of the data; those of seeds below were used to find the rule above
FIRST = 10


@cache
def systems() -> Mapping[str, tuple[System, float, float, float]]:
    """System, half the box of initial positions, size of the velocities, step of time."""
    return {
        "sphere": (surface("sphere"), 0.7, 0.4, 0.1),
        "hyperbolic": (surface("hyperbolic"), 0.4, 0.25, 0.1),
        "torus": (surface("torus"), 1.2, 0.7, 0.1),
        "double pendulum": (double_pendulum(), 0.8, 1.0, 0.05),
    }


def motions(
    case: str, random: np.random.Generator, count: int, length: int
) -> tuple[Array, Array, Array]:
    """Times, and true positions and velocities (count, length, n) of motions that stay in the box.

    The box is a quarter larger than that of initial positions.
    """
    system, half, speed, step = systems()[case]
    times = step * np.arange(length)
    q = half * (2 * random.random((20 * count, 2)) - 1)
    found = system.trajectories(q, speed * random.normal(size=q.shape), times)
    kept = np.flatnonzero((np.abs(found.x) < 1.25 * half).all((1, 2)))[:count]
    assert len(kept) == count
    return times, found.x[kept], found.v[kept]


def model(case: str, seed: int) -> MetricDynamics:
    """A metric net, and a potential where forces act."""
    torch.manual_seed(seed)
    force = None if systems()[case][0].is_free else Potential(2, HIDDEN)
    made = MetricDynamics(MetricNet(2, "full", HIDDEN, spread=0.3), force)
    return made.double()  # type: ignore[no-any-return, unused-ignore]


def by_triples(case: str, data: Trajectories, seed: int, window: tuple[int, int]) -> Fit:
    """Fitted to accelerations, until their error bars explain what is left."""
    triples = data.triples(*window)
    return fit_levenberg_marquardt(
        lambda k: model(case, 100 * seed + k),
        [acceleration_residual(triples)],
        gauge=gauge(torch.tensor(triples.x)),
        multistart=STARTS,
        stop=TRIPLES,
    )


def distance(trained: nn.Module, data: Trajectories) -> float:
    """Of the model's motion from the measured positions, for the best initial states."""
    rows = rollout_residual(data)
    bind: Callable[..., Any] = lambda _, function, *given: function(trained, *given)  # noqa: E731
    with torch.no_grad():
        value = float(rows.values(bind, torch.zeros(0)).square().mean())
    return value if value == value else float("inf")


def by_rollouts(data: Trajectories, first: nn.Module, points: torch.Tensor) -> Fit:
    """From a model that was fitted to triples, until the noise explains what is left."""
    rows = rollout_residual(data)
    return fit_levenberg_marquardt(
        lambda _: copy.deepcopy(first),
        [rows],
        gauge=gauge(points),
        multistart=1,
        stop=Stop(ITERATIONS, SECONDS, rows.limit, progress=GAIN, patience=2),
    )


def errors(case: str, trained: nn.Module, seed: int) -> dict[str, float]:
    """Endpoint errors at the end of the data's time and five times later; errors of the metric."""
    random = np.random.default_rng(1000 + FIRST + seed)
    times, x, v = motions(case, random, TESTS, BEYOND * (LENGTH - 1) + 1)
    found = follow_each(trained, torch.tensor(x[:, 0]), torch.tensor(v[:, 0]), times)
    far = np.linalg.norm(found.x - x, axis=-1)
    far[np.isnan(far)] = np.inf
    assert isinstance(trained, MetricDynamics)
    system = systems()[case][0]
    truth = ExactMetric(system.metric, **system.parameters)
    report = curvature_report(trained.metric, truth, torch.tensor(x[:, ::9].reshape(-1, 2)))
    return {
        "endpoint": float(np.median(far[:, -1])),
        "near endpoint": float(np.median(far[:, LENGTH - 1])),
        "metric": report.metric,
        "curvature": report.curvature_rms,
    }


def measure(case: str, seed: int) -> dict[str, Any]:
    """Fit both ways, and compare."""
    random = np.random.default_rng(FIRST + seed)
    times, x, _ = motions(case, random, RUNS, LENGTH)
    data = Trajectories(times, x + NOISE * random.normal(size=x.shape), NOISE)
    fits = [by_triples(case, data, seed, window) for window in WINDOWS]
    left = [distance(fit.model, data) for fit in fits]
    best = int(np.argmin(left))
    rollouts = by_rollouts(data, fits[0].model, torch.tensor(data.x.reshape(-1, 2)))
    named = {"rollouts": rollouts, "triples": fits[0], "chosen": fits[best]}
    found = {name: errors(case, fit.model, seed) for name, fit in named.items()}
    values: dict[str, Any] = {
        f"{n} {key}": v for n, each in found.items() for key, v in each.items()
    }
    ours = found.pop("rollouts")
    values |= {
        f"{key} over {n}": each[key] / ours[key] for n, each in found.items() for key in ours
    }
    return values | {
        "window": list(WINDOWS[best]),
        "distances": [value**0.5 for value in left],
        "residual": rollouts.residual,
        "limit": rollout_residual(data).limit,
        "iterations": rollouts.iterations,
        "seconds": rollouts.seconds,
        "reason": rollouts.reason,
    }


ROW = Row(
    name="noisy",
    title="Noisy positions 3e-3, N = 100: whole motions against triples",
    about="""100 short motions of eight positions each, with noise 3e-3; free motion on the unit
sphere, the hyperbolic disc and the torus, and the double pendulum. Triples: velocities and
accelerations by local polynomials of degree 4 through 7 positions (the default), with error bars;
"best window": of four windows and degrees the one whose fitted model moves nearest to the measured
positions, initial states fitted. Rollouts begin with the model of the default triples, and stop
where chi^2 says that the noise is explained, or a step gains less than 1 % of chi^2. The same model
for all: hidden layers (12, 12), a potential where forces act. Endpoint error: distance from the
true position after five times the duration of the data, median of 20 new motions from known states
that stay near the data.""",
    cases=("sphere", "hyperbolic", "torus", "double pendulum"),
    goals=(
        Goal("endpoint over triples", "endpoint error at 5x, triples / rollouts", 3.0, ">=", ".2f"),
        Goal("endpoint over chosen", "endpoint error at 5x, best window / rollouts", form=".2f"),
        Goal("rollouts endpoint", "endpoint error at 5x, rollouts", form=".2e"),
        Goal("near endpoint over triples", "endpoint error at 1x, triples / rollouts", form=".2f"),
        Goal("metric over triples", "error of g, triples / rollouts", form=".2f"),
        Goal("metric over chosen", "error of g, best window / rollouts", form=".2f"),
        Goal("rollouts metric", "error of g up to scale, rollouts", form=".2%"),
        Goal("curvature over triples", "error of R, triples / rollouts", form=".2f"),
    ),
    measure=measure,
    notes="""The target compares with the default triples. Triples through the window that is best
by the model's own motion are a stronger rival, which needs rollouts to be chosen; they are in the
table too. Without the rule of 1 % rollouts ran on where the draw of the noise was large (20 to 35
steps in place of 2 to 5) and learned it: medians of five other draws were 2.9 (sphere), 2.2
(hyperbolic), 2.5 (torus) and 2.5 (double pendulum) times the default triples. With ten motions of
ten positions of a particle in a bowl (one seed, metric and potential with 436 parameters) triples
of the best window met chi^2 already, and rollouts had nothing left to do.""",
    settings={
        "noise": NOISE,
        "motions": [RUNS, LENGTH],
        "windows": [list(window) for window in WINDOWS],
        "hidden": HIDDEN,
        "starts": STARTS,
        "iterations": ITERATIONS,
        "gain": GAIN,
        "first": FIRST,
    },
)
