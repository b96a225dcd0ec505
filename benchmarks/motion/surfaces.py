"""Row: metrics of scrambled surfaces from 500 exact samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.motion.record import Goal, Row, keep_weights, load_weights
from ndm.dynamics.least_squares import Stop, fit_levenberg_marquardt
from ndm.dynamics.motion import MetricDynamics
from ndm.dynamics.report import curvature_report
from ndm.dynamics.residuals import acceleration_residual, gauge
from ndm.dynamics.samples import Triples
from ndm.dynamics.scramble import RandomFlow, carry_back
from ndm.dynamics.systems import SURFACES, System, surface
from ndm.field import MetricField
from ndm.geometry import ExactMetric, PulledBack
from ndm.metric_net import MetricNet

__all__ = ["ROW", "Scrambled", "fitted", "scrambled"]

SAMPLES, TEST = 500, 300
DISPLACEMENT = 0.2
HIDDEN = (16, 16)
STARTS, STOP = 4, Stop(iterations=400, residual=3e-6)


@dataclass(frozen=True)
class Scrambled:
    """Free motion on a surface, in scrambled coordinates.

    Attributes:
        system: the surface in its own coordinates x = flow(z).
        flow: psi, from scrambled coordinates z.
        data: exact samples.
        test: others, for errors.
        truth: the metric in the coordinates z.
    """

    system: System
    flow: RandomFlow
    data: Triples
    test: Triples
    truth: MetricField


def scrambled(case: str, seed: int) -> Scrambled:
    """A surface, scrambled by a flow of this seed, and samples of its motion."""
    system = surface(case)
    flow = RandomFlow(2, SURFACES[case][1], DISPLACEMENT, seed=seed)
    random = np.random.default_rng(seed)

    def draw(count: int) -> Triples:
        x, v = system.draw(count, random)
        moved = (torch.tensor(each) for each in (x, v, system.acceleration(x, v)))
        return Triples(*(each.numpy() for each in carry_back(flow, *moved)))

    data, test = draw(SAMPLES), draw(TEST)
    return Scrambled(system, flow, data, test, PulledBack(ExactMetric(system.metric), flow))


def model(seed: int) -> MetricDynamics:
    """A metric net of family "full"."""
    torch.manual_seed(seed)
    made: MetricDynamics = MetricDynamics(MetricNet(2, "full", HIDDEN, spread=0.3)).double()
    return made


def fitted(case: str, seed: int) -> MetricDynamics:
    """The fitted model of a case: from build/motion if it is there, fitted anew otherwise."""
    found = model(0)
    if not load_weights(f"surfaces-{case}-{seed}", found):
        measure(case, seed)
        load_weights(f"surfaces-{case}-{seed}", found)
    return found


def measure(case: str, seed: int) -> dict[str, Any]:
    """Fit, and compare with the truth."""
    world = scrambled(case, seed)
    fit = fit_levenberg_marquardt(
        lambda k: model(1000 * seed + k),
        [acceleration_residual(world.data)],
        gauge=gauge(torch.tensor(world.data.x)),
        multistart=STARTS,
        stop=STOP,
    )
    keep_weights(f"surfaces-{case}-{seed}", fit.model)
    points: Tensor = torch.tensor(world.test.x)
    assert isinstance(fit.model, MetricDynamics)
    report = curvature_report(fit.model.metric, world.truth, points)
    return {
        "residual": fit.residual,
        "curvature": report.curvature_rms,
        "curvature median": report.curvature_median,
        "metric": report.metric,
        "ricci": report.ricci_rms,
        "starts": list(fit.starts),
        "iterations": fit.iterations,
    }


ROW = Row(
    name="surfaces",
    title="S2, H2, torus: mild scrambling, 500 exact samples",
    about=f"""Surfaces in the coordinates of a random flow with largest displacement
{DISPLACEMENT:g} of the chart's radius, {SAMPLES} exact samples, metric net of family "full" with
hidden layers {HIDDEN} (371 parameters), Levenberg-Marquardt with at most {STARTS} starts, until one
reaches {STOP.residual:g}. Errors at {TEST} other points, against the metric of geomkit pulled back
through the flow. Flow, samples and starts change with the seed.""",
    cases=("sphere", "hyperbolic", "torus"),
    goals=(
        Goal("curvature", "R times scale, RMS error", 0.12, form=".2%"),
        Goal("metric", "g up to scale, RMS error", 0.02, form=".4%"),
        Goal("residual", "relative residual", 1e-5, form=".1e"),
        Goal("curvature median", "R times scale, median error", form=".3%"),
        Goal("ricci", "Ricci tensor, RMS error", form=".2%"),
    ),
    measure=measure,
    settings={
        "samples": SAMPLES,
        "test points": TEST,
        "displacement": DISPLACEMENT,
        "hidden": HIDDEN,
        "starts": STARTS,
        "iterations": STOP.iterations,
        "residual": STOP.residual,
    },
)
