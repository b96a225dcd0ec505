"""A double pendulum is watched; its masses, rods and gravity are learned as geometry.

Motion x'' = -Gamma(x)(x', x') - grad V determines the kinetic metric M and the potential V up to
one common factor. Two small networks are fitted to what was seen, and the scalar curvature of the
learned metric is drawn beside the exact one, which geomkit derives from the line element.

python examples/demo_motion.py
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from demo_motion_picture import draw
from demo_step import heading, near, run

import geomkit as gk
from geomkit import plot
from geomkit.terminal import emit
from ndm.dynamics.least_squares import Fit, Stop, fit_levenberg_marquardt
from ndm.dynamics.motion import MetricDynamics, Potential
from ndm.dynamics.report import CurvatureReport, curvature_report
from ndm.dynamics.residuals import acceleration_residual, gauge
from ndm.dynamics.rollout import follow
from ndm.dynamics.samples import Triples
from ndm.dynamics.systems import System, double_pendulum
from ndm.geometry import ExactMetric
from ndm.metric_net import MetricNet

SAMPLES, HIDDEN, STARTS = 500, (16, 16), 3
# Relative residual at which the fit may stop; exact data could take it further, in more time.
GOOD = 5e-6
# Where it is let go: 10 s later motions that began near each other are 800 times as far apart.
START = (1.4, 1.8)
# What the learned pendulum has to reach: medians over points that were not seen.
MOST_CURVATURE, MOST_METRIC = 0.02, 0.005


@dataclass(frozen=True)
class Learned:
    """What was learned, and the truth beside it.

    Attributes:
        system: the true double pendulum, derived by geomkit.
        truth: its kinetic metric.
        data: what was seen.
        fit: what was fitted to it.
        report: errors at points that were not seen.
    """

    system: System
    truth: ExactMetric
    data: Triples
    fit: Fit
    report: CurvatureReport

    @property
    def model(self) -> MetricDynamics:
        """The learned metric and potential."""
        assert isinstance(self.fit.model, MetricDynamics)
        return self.fit.model


def fresh_model(seed: int) -> MetricDynamics:
    """A metric and a potential that know nothing yet.

    Args:
        seed: of the weights.

    Returns:
        The model.
    """
    torch.manual_seed(seed)
    metric = MetricNet(2, "full", HIDDEN, spread=0.3)
    return MetricDynamics(metric, Potential(2, HIDDEN)).double()  # type: ignore[no-any-return]


def learn(samples: int = SAMPLES, good: float = GOOD, iterations: int = 500) -> Learned:
    """Watch a double pendulum and fit a metric and a potential to its accelerations.

    Args:
        samples: how many positions, velocities and accelerations are seen.
        good: relative residual that is small enough; until then, up to three starts are made.
        iterations: of each start, at most.

    Returns:
        What was learned.
    """
    system = double_pendulum()
    random = np.random.default_rng(0)
    x, v = system.draw(samples, random)
    data = Triples(x, v, system.acceleration(x, v))
    fit = fit_levenberg_marquardt(
        fresh_model,
        [acceleration_residual(data)],
        gauge=gauge(torch.tensor(x)),
        multistart=STARTS,
        stop=Stop(iterations=iterations, residual=good),
        watch=show_step,
    )
    if sys.stdout.isatty():
        sys.stdout.write("\r")  # what is said next goes over the line of the last step
    truth = ExactMetric(system.metric, **system.parameters)
    unseen = torch.tensor(system.draw(1000, random)[0])
    assert isinstance(fit.model, MetricDynamics)
    return Learned(system, truth, data, fit, curvature_report(fit.model.metric, truth, unseen))


def show_step(step: int, residual: float) -> None:
    """Show how far the fit is, in one line that is written over and over.

    Args:
        step: how many there were.
        residual: relative residual.
    """
    if sys.stdout.isatty():
        sys.stdout.write(f"\r   step {step}: relative residual {residual:.1e} ")
        sys.stdout.flush()


def predict(learned: Learned, seconds: float = 10.0) -> tuple[Any, Any, Any]:
    """Let both pendulums go from the same place, at rest.

    Args:
        learned: the learned one and the true one.
        seconds: for how long they are followed.

    Returns:
        Times (T,), true angles (T, 2), predicted angles (T, 2).
    """
    times = np.linspace(0, seconds, int(50 * seconds) + 1)
    start, rest = np.array(START), np.zeros(2)
    true, _ = learned.system.trajectory(start, rest, times)
    found, _ = follow(learned.model, torch.tensor(start[None]), torch.tensor(rest[None]), times)
    return times, true, found[0].numpy()


def learn_pendulum(folder: Path) -> bool:
    """Learn the double pendulum, say how well, and draw it.

    Args:
        folder: gets the picture.

    Returns:
        Whether it was learned well enough.
    """
    heading("A double pendulum, learned by watching it")
    torch.set_num_threads(1)  # matrices are small: threads would wait for each other
    metric = double_pendulum().metric
    emit(
        f"   the truth, derived by geomkit: R = {gk.curvature(metric).scalar}\n"
        f"   {SAMPLES} samples of angles, velocities and accelerations; two networks of "
        f"{sum(p.numel() for p in fresh_model(0).parameters())} weights in all,\n"
        "   fitted from scratch: half a minute or so ..."
    )
    learned = learn()
    times, true, found = predict(learned)
    report, apart = learned.report, np.abs(found - true).max(-1)
    emit(
        f"   {learned.fit.iterations} steps of Levenberg-Marquardt in {learned.fit.seconds:.0f} s, "
        f"relative residual {learned.fit.residual:.1e}\n"
        f"   where it was not seen: metric {report.metric:.2%}, curvature R "
        f"{report.curvature_median:.2%} (median; RMS {report.curvature_rms:.2%})\n"
        f"   let go at rest and predicted for {times[-1]:g} s: at most {apart.max():.1e} rad off"
    )
    picture = plot.save(draw(learned, times, true, found), folder / "pendulum.png")
    emit(f"   learned and exact curvature, side by side: {near(picture)}")
    return report.curvature_median < MOST_CURVATURE and report.metric < MOST_METRIC


if __name__ == "__main__":
    sys.exit(run(learn_pendulum))
