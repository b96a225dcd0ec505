"""Row: a free connection and a plain perceptron beside the metric, in predicting motion."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from benchmarks.motion.record import Goal, Row
from benchmarks.motion.surfaces import DISPLACEMENT, TEST, Scrambled, scrambled
from ndm.dynamics.baselines import Effort, Setting, compare
from ndm.dynamics.report import rollout_report
from ndm.dynamics.scramble import carry_back
from ndm.dynamics.systems import Array

__all__ = ["ROW"]

# case -> surface, samples, noise of the accelerations relative to their root mean square
CASES = {
    "sphere": ("sphere", 500, 0.0),
    "hyperbolic": ("hyperbolic", 500, 0.0),
    "torus": ("torus", 500, 0.0),
    "sphere, 100 samples": ("sphere", 100, 0.0),
    "sphere, 5 % noise": ("sphere", 500, 0.05),
}
NAMES = ("metric", "connection", "free")
BUDGET, LAYERS = 371, 2
# weight decays; the same for all models of a case
GRID, GRID_NOISE = (0.0, 1e-6), (1e-6, 1e-5, 1e-4)
EFFORT = Effort(iterations=100, starts=1)
MOTIONS, HORIZON = 20, 1.5


def motions(world: Scrambled, seed: int) -> tuple[Array, Array, Array]:
    """Initial states in scrambled coordinates, and times; the true motion stays where data are."""
    random, times = np.random.default_rng(1000 + seed), np.linspace(0, HORIZON, 7)
    low, high = (np.asarray(end) for end in world.system.box)
    x, v = world.system.draw(50 * MOTIONS, random)
    with np.errstate(all="ignore"):  # many leave the chart
        path = world.system.trajectories(x, v, times).x
    kept = np.flatnonzero(((path > low) & (path < high)).all((1, 2)))[:MOTIONS]
    start, speed = torch.tensor(x[kept]), torch.tensor(v[kept])
    z, w, _ = carry_back(world.flow, start, speed, 0 * speed)
    return z.numpy(), w.numpy(), times


def measure(case: str, seed: int) -> dict[str, Any]:
    """Tune all three on the same data, then follow the same motions."""
    name, samples, noise = CASES[case]
    world = scrambled(name, seed)
    data, random = world.data, np.random.default_rng(2000 + seed)
    a = data.a + noise * np.sqrt((data.a**2).mean()) * random.normal(size=data.a.shape)
    data = replace(data, x=data.x[:samples], v=data.v[:samples], a=a[:samples])
    grid = [Setting("lm", decay) for decay in (GRID_NOISE if noise else GRID)]
    options: Any = {"layers": LAYERS, "grid": grid, "effort": EFFORT, "seed": seed}
    found = compare(data, world.test, BUDGET, NAMES, **options)
    x, v, times = motions(world, seed)
    values: dict[str, Any] = {}
    for one in found.trained:
        report = rollout_report(one.model, world.system, x, v, times, chart=world.flow)
        values[f"{one.name} endpoint"] = float(np.median(report.endpoint))
        values[f"{one.name} drift"] = float(np.median(report.drift))
        values[f"{one.name} acceleration"] = found.errors[one.name]
        values[f"{one.name} setting"] = str(one.setting)
        values[f"{one.name} parameters"] = one.parameters
    for rival in NAMES[1:]:
        for what in ("endpoint", "acceleration", "drift"):
            ratio = values[f"{rival} {what}"] / values[f"metric {what}"]
            values[f"{rival} {what} ratio"] = ratio
    return values


ROW = Row(
    name="connection",
    title="Always: the free connection and a perceptron against the metric",
    about=f"""Free motion on scrambled surfaces (as above). Metric (family "full"), free connection
and perceptron get the same data, at most {BUDGET} parameters in two hidden layers, and the same
grid: Levenberg-Marquardt with {EFFORT.iterations} iterations, one start, weight decay 0 or
1e-6 (1e-6, 1e-5 or 1e-4 where accelerations have noise), chosen by a fifth of the data held out.
Errors of accelerations at {TEST} other points, without noise; then
{MOTIONS} motions that stay where the data are, are followed to t = {HORIZON:g}, and the median
distance from the true end is taken. A ratio below 1 says that the rival is better. The ratio of the
double pendulum stands in its own row.""",
    cases=tuple(CASES),
    goals=(
        Goal("metric endpoint", "endpoint error of the metric", form=".1e"),
        Goal("connection endpoint ratio", "endpoint error, connection / metric"),
        Goal("free endpoint ratio", "endpoint error, perceptron / metric"),
        Goal("metric acceleration", "acceleration error of the metric", form=".1e"),
        Goal("connection acceleration ratio", "acceleration error, connection / metric"),
        Goal("free acceleration ratio", "acceleration error, perceptron / metric"),
        Goal("connection drift ratio", "drift of the true energy, connection / metric"),
    ),
    measure=measure,
    settings={
        "cases": CASES,
        "displacement": DISPLACEMENT,
        "budget": BUDGET,
        "layers": LAYERS,
        "weight decay": GRID,
        "weight decay, noise": GRID_NOISE,
        "iterations": EFFORT.iterations,
        "motions": MOTIONS,
        "horizon": HORIZON,
    },
)
