"""`ndm fit-motion`: from a file of measured motion to a metric, with what is known of its quality.

Two stages for trajectories: accelerations by local polynomials, then the model's own motion against
the positions. Files of triples have the first stage alone.
"""

from __future__ import annotations

import copy
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ndm.dynamics.least_squares import Block, Fit, Stop, fit_levenberg_marquardt
from ndm.dynamics.motion import MetricDynamics, Potential
from ndm.dynamics.residuals import (
    acceleration_residual,
    curvature_prior,
    gauge,
    rollout_residual,
)
from ndm.dynamics.samples import Trajectories, Triples, load_motion
from ndm.errors import DataError
from ndm.metric_net import MetricNet

__all__ = ["MotionFit", "run"]

#: Relative residual of exact accelerations below which the curvature can be believed.
CERTIFIED = 1e-5


@dataclass(frozen=True)
class MotionFit:
    """What `run` found.

    Attributes:
        model: metric, and potential if there is one.
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
    tell: Callable[[str], None] = lambda line: None,
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
        window: positions of each local polynomial of degree 4, for trajectories.
        seed: of the first start.
        output: a folder for `summary.json`, `model.pt` (weights) and `fields.npz` (metric and
            curvature at the data); made if needed.
        tell: is given lines of progress.

    Returns:
        Model, fit and figures.

    Raises:
        DataError: the file, or the folder, cannot be used.

    Example:
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
    triples = motion if isinstance(motion, Triples) else motion.triples(window)
    points = torch.tensor(triples.x)
    kinds: list[Block] = []
    if prior != "none":
        kinds.append(curvature_prior(prior, points[:: max(1, len(points) // 50)], prior_weight))

    def make(start: int) -> MetricDynamics:
        torch.manual_seed(seed + start)
        n = points.shape[1]
        force = Potential(n, hidden) if potential else None
        made = MetricDynamics(MetricNet(n, family, hidden, spread=0.3), force)
        return made.double()  # type: ignore[no-any-return, unused-ignore]

    good = 1.0 if triples.error is not None else CERTIFIED / 2
    fit = fit_levenberg_marquardt(
        make,
        [acceleration_residual(triples), *kinds],
        gauge=gauge(points),
        multistart=starts,
        stop=Stop(iterations=iterations, seconds=seconds, residual=good),
    )
    stage = "accelerations"
    tell(f"{stage}: {fit}")
    if isinstance(motion, Trajectories) and triples.error is not None:
        stage = "whole trajectories"
        fit = _rollouts(fit, motion, triples, kinds, iterations, seconds)
        tell(f"{stage}: {fit}")
    summary = _summary(fit, motion, triples, stage) | {
        "family": family,
        "potential": potential,
        "hidden": list(hidden),
        "prior": prior,
        "seed": seed,
    }
    assert isinstance(fit.model, MetricDynamics)
    if output is not None:
        _write(Path(output), fit.model, points, summary)
    return MotionFit(fit.model, fit, summary)


def _rollouts(
    fit: Fit,
    motion: Trajectories,
    triples: Triples,
    kinds: Sequence[Block],
    iterations: int,
    seconds: float,
) -> Fit:
    """The second stage, from the model of the first; the noise is estimated where not known."""
    if motion.noise is None:
        motion = Trajectories(motion.t, motion.x, motion.estimated_noise())
    rows = rollout_residual(motion)
    return fit_levenberg_marquardt(
        lambda _: copy.deepcopy(fit.model),
        [rows, *kinds],
        gauge=gauge(torch.tensor(triples.x)),
        multistart=1,
        stop=Stop(iterations=iterations, seconds=seconds, residual=rows.limit),
    )


def _summary(
    fit: Fit, motion: Triples | Trajectories, triples: Triples, stage: str
) -> dict[str, Any]:
    points = torch.tensor(triples.x)
    assert isinstance(fit.model, MetricDynamics)
    with torch.no_grad():
        R = fit.model.metric.scalar_curvature(points)
    low, middle, high = torch.quantile(R, torch.tensor([0.1, 0.5, 0.9], dtype=R.dtype)).tolist()
    noisy = triples.error is not None
    return {
        "data": repr(motion),
        "stage": stage,
        "residual": fit.residual,
        "starts": list(fit.starts),
        "iterations": fit.iterations,
        "seconds": fit.seconds,
        "reason": fit.reason,
        "curvature_low": low,
        "curvature_median": middle,
        "curvature_high": high,
        "verdict": _verdict(fit.residual, noisy),
    }


def _verdict(residual: float, noisy: bool) -> str:
    """In words, what the residual is worth."""
    if noisy:
        if residual < 1.1:
            return "the noise explains what is left; compare starts for what it leaves open"
        return (
            f"residuals are {residual:.2g} error bars: the model, or the bars, are too small; "
            "try wider networks, --potential, or smaller windows"
        )
    if residual < CERTIFIED:
        return f"relative residual {residual:.1e} < {CERTIFIED:.0e}: the curvature can be believed"
    return (
        f"relative residual {residual:.1e} >= {CERTIFIED:.0e}: the curvature may be wrong; try "
        "more starts, more time, wider networks, or --potential"
    )


def _write(folder: Path, model: MetricDynamics, points: Tensor, summary: dict[str, Any]) -> None:
    """Each file is written beside its place and moved there."""
    with torch.no_grad():
        g, R = model.metric(points).numpy(), model.metric.scalar_curvature(points).numpy()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _place(folder / "model.pt", lambda file: torch.save(model.state_dict(), file))
        _place(
            folder / "fields.npz",
            lambda file: np.savez(file, x=points.numpy(), metric=g, scalar_curvature=R),
        )
        text = json.dumps(summary, indent=2).encode()
        _place(folder / "summary.json", lambda file: file.write(text))
    except OSError as error:
        raise DataError(f"the folder {folder} cannot be written to: {error}") from error


def _place(path: Path, write: Callable[[Any], object]) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
