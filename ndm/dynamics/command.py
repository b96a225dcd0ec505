"""`ndm fit-motion`: from a file of measured motion to a metric, with what is known of its quality.

Two stages for trajectories: accelerations by local polynomials, then the model's own motion against
the positions. Files of triples have the first stage alone. All fits are made in units in which
positions and velocities are of size 1; what comes out is in those of the file.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ndm.dynamics.fit_files import fresh_model, write_fit
from ndm.dynamics.least_squares import Block, Fit, Stop, fit_levenberg_marquardt
from ndm.dynamics.motion import MetricDynamics
from ndm.dynamics.residuals import (
    acceleration_residual,
    curvature_prior,
    gauge,
    rollout_residual,
)
from ndm.dynamics.samples import Trajectories, Triples, load_motion
from ndm.dynamics.units import Units, units_of
from ndm.errors import SolverError

__all__ = ["MotionFit", "run"]

Tell = Callable[[str], None]

#: Seconds between lines of progress.
PATIENCE = 15.0

#: Relative residual of exact accelerations below which the curvature can be believed.
CERTIFIED = 1e-5


@dataclass(frozen=True)
class MotionFit:
    """What `run` found.

    Attributes:
        model: metric, and potential if there is one, in the units of the file.
        fit: the last stage.
        summary: figures, as written to `summary.json`.
    """

    model: MetricDynamics
    fit: Fit
    summary: dict[str, Any]

    def __str__(self) -> str:
        s = self.summary
        lines = [
            f"{s['data']}",
            f"{s['stage']}: {self.fit}",
            f"scalar curvature (mean tr g = n): median {s['curvature_median']:.4g}, "
            f"from {s['curvature_low']:.4g} to {s['curvature_high']:.4g} (10 % to 90 %)",
            s["verdict"],
        ]
        return "\n".join(lines)


def run(
    path: str | Path,
    *,
    potential: bool = False,
    family: str = "full",
    hidden: Sequence[int] = (16, 16),
    prior: str = "none",
    prior_weight: float = 0.1,
    starts: int = 4,
    iterations: int = 300,
    seconds: float = 120.0,
    window: int = 7,
    seed: int = 0,
    output: str | Path | None = None,
    tell: Tell = lambda line: None,
) -> MotionFit:
    """Fit a metric, and a potential if asked, to motion in a file.

    Args:
        path: a .npz or .csv file; see `ndm.dynamics.samples`.
        potential: whether forces act; without, motion is free.
        family: of the metric: "full", "diagonal", "conformal", "lowrank".
        hidden: widths of the networks.
        prior: "none", or "constant" or "flat" for the curvature.
        prior_weight: of the prior.
        starts: at most so many, until the residual is good.
        iterations: at most so many, for each start.
        seconds: of CPU time, for each stage.
        window: positions of each local polynomial of degree 4, for trajectories; fewer, and of
            lower degree, where these are shorter.
        seed: of the first start.
        output: a folder for the fit, see `ndm.dynamics.fit_files`; made if needed.
        tell: is given lines of progress.

    Returns:
        Model, fit and figures.

    Raises:
        DataError: the file, or the folder, cannot be used.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from ndm.dynamics.systems import surface
        >>> sphere, folder = surface("sphere"), tempfile.mkdtemp()
        >>> x, v = sphere.draw(60, np.random.default_rng(0))
        >>> np.savez(folder + "/motion.npz", x=x, v=v, a=sphere.acceleration(x, v))
        >>> found = run(folder + "/motion.npz", hidden=(8,), starts=1, iterations=30)
        >>> found.summary["residual"] < 0.1
        True
    """
    motion = load_motion(path)
    tell(f"{path}: {motion}")
    triples = motion if isinstance(motion, Triples) else _differentiated(motion, window, tell)
    recipe = {"n": triples.x.shape[1], "family": family, "hidden": [*hidden]}
    recipe["potential"] = potential
    stop = Stop(iterations=iterations, seconds=seconds)
    task = _Task(motion, triples, units_of(motion, triples), recipe, stop, tell)
    priors: list[Block] = []
    if prior != "none":
        few = task.places[:: max(1, len(task.places) // 50)]
        priors.append(curvature_prior(prior, few, prior_weight))
    fit, stage = task.accelerations(priors, starts, seed), "accelerations"
    if isinstance(motion, Trajectories) and triples.error is not None:
        better = task.rollouts(motion, fit, priors)
        stage, fit = ("whole trajectories", better) if better else (stage, fit)
    model = task.in_units(fit)
    summary = {"data": repr(motion), "stage": stage, "model": recipe, "prior": prior, "seed": seed}
    summary |= _summary(fit, model, triples, triples is motion)
    if output is not None:
        write_fit(Path(output), model, torch.tensor(triples.x), summary)
    return MotionFit(model, fit, summary)


@dataclass(frozen=True)
class _Task:
    """What is fitted, and in which units."""

    motion: Triples | Trajectories
    triples: Triples
    units: Units
    recipe: dict[str, Any]
    stop: Stop
    tell: Tell

    @cached_property
    def places(self) -> Tensor:
        """Positions in units where they are of size 1."""
        return torch.tensor(self.units.triples(self.triples).x)

    def accelerations(self, priors: Sequence[Block], starts: int, seed: int) -> Fit:
        """The first stage."""
        inner = self.units.triples(self.triples)
        fit = fit_levenberg_marquardt(
            lambda start: fresh_model(self.recipe, seed + start),
            [acceleration_residual(inner), *priors],
            gauge=gauge(self.places),
            multistart=starts,
            stop=replace(self.stop, residual=CERTIFIED / 2 if inner.error is None else 1.0),
            watch=_progress(self.tell, "accelerations"),
        )
        self.tell(f"accelerations: {fit}")
        return fit

    def rollouts(self, motion: Trajectories, fit: Fit, priors: Sequence[Block]) -> Fit | None:
        """The second stage, from the model of the first; None if that cannot be followed."""
        if motion.noise is None:
            motion = replace(motion, noise=motion.estimated_noise())
        rows = rollout_residual(self.units.trajectories(motion))
        try:
            found = fit_levenberg_marquardt(
                lambda _: copy.deepcopy(fit.model),
                [rows, *priors],
                gauge=gauge(self.places),
                multistart=1,
                stop=replace(self.stop, residual=rows.limit),
                watch=_progress(self.tell, "whole trajectories"),
            )
        except SolverError:
            self.tell(
                "whole trajectories: the model's motion cannot be followed; it stays as it is"
            )
            return None
        self.tell(f"whole trajectories: {found}")
        return found

    def in_units(self, fit: Fit) -> MetricDynamics:
        """The model in the units of the file, with mean tr g = n at the data."""
        assert isinstance(fit.model, MetricDynamics)
        with torch.no_grad():
            g = self.units.metric(fit.model.metric)(torch.tensor(self.triples.x))
            factor = 1 / float(g.diagonal(dim1=-2, dim2=-1).mean())
        return self.units.model(fit.model, factor)


def _differentiated(motion: Trajectories, window: int, tell: Tell) -> Triples:
    """Triples by local polynomials that fit into the trajectories."""
    spread = motion.x.std((0, 1))
    if spread.min() < 1e-2 * spread.max():
        tell(
            "coordinates vary by very different amounts, and share one noise: give them like units"
        )
    length = len(motion.t)
    fitting = min(window, length if length % 2 else length - 1)
    degree = min(4, fitting - 1)
    if (fitting, degree) != (window, 4):
        tell(f"polynomials of degree {degree} through {fitting} positions: there are {length}")
    return motion.triples(fitting, degree)


def _progress(tell: Tell, stage: str) -> Callable[[int, float], None]:
    """A line now and then."""
    last = time.monotonic()

    def watch(steps: int, residual: float) -> None:
        nonlocal last
        if time.monotonic() - last > PATIENCE:
            last = time.monotonic()
            tell(f"{stage}: iteration {steps}, residual {residual:.3g}")

    return watch


def _summary(fit: Fit, model: MetricDynamics, triples: Triples, direct: bool) -> dict[str, Any]:
    parameters = sum(p.numel() for p in model.parameters())
    with torch.no_grad():
        R = model.metric.scalar_curvature(torch.tensor(triples.x))
    low, middle, high = torch.quantile(R, torch.tensor([0.1, 0.5, 0.9], dtype=R.dtype)).tolist()
    return {
        "parameters": parameters,
        "residual": fit.residual,
        "starts": list(fit.starts),
        "iterations": fit.iterations,
        "seconds": fit.seconds,
        "reason": fit.reason,
        "curvature_low": low,
        "curvature_median": middle,
        "curvature_high": high,
        "verdict": _verdict(fit.residual, triples, direct, parameters),
    }


def _verdict(residual: float, triples: Triples, direct: bool, parameters: int) -> str:
    """In words, what the residual is worth.

    Args:
        residual: of the fit.
        triples: the accelerations that were fitted.
        direct: whether these were measured; otherwise they come from polynomials.
        parameters: of the model.

    Returns:
        A sentence.
    """
    if triples.error is not None:
        if residual < 1.1:
            return "the noise explains what is left; compare starts for what it leaves open"
        return (
            f"residuals are {residual:.2g} error bars: the model, or the bars, are too small; "
            "try wider networks, --potential, or smaller windows"
        )
    if triples.a.size < parameters:
        return (
            f"{triples.a.size} numbers were fitted by {parameters} parameters: a small residual "
            "says nothing of the curvature; give more data, or a smaller network"
        )
    if not direct:
        return (
            "accelerations come from polynomials without error bars, whose bias is not known: the "
            "residual says nothing of the curvature; give longer trajectories"
        )
    if residual < CERTIFIED:
        return f"relative residual {residual:.1e} < {CERTIFIED:.0e}: the curvature can be believed"
    return (
        f"relative residual {residual:.1e} >= {CERTIFIED:.0e}: the curvature may be wrong; try "
        "more starts, more time, wider networks, or --potential"
    )
