"""What lambda does, and what the geometric terms do when trained alone: R29 to R32, R72."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import make_moons
from torch import Tensor, nn

import ndm
from benchmarks.kernels.environments import ROOT
from benchmarks.learning.problems import table

TITLE = "Lambda"
PICTURE = ROOT / "docs" / "ndm" / "lambda.png"
SEEDS = range(3)
LAMBDAS = (0.0, 1e-4, 1e-2, 1e-1, 1.0, 1e1, 1e3)
POINTS, NOISE = 100, 0.3
STEPS = {"Adam": 160, "natural": 20}
MARKS = 10  # places of each curve that are stored
RATE = 2e-2
ALONE_STEPS = 150


@dataclass
class Problem:
    """Moons with much noise, and a model whose head reads the metric (a coupled one)."""

    seed: int

    def __post_init__(self) -> None:
        found = make_moons(POINTS + 1000, noise=NOISE, random_state=self.seed)
        x, y = torch.tensor(found[0]), torch.tensor(found[1])
        self.x, self.y, self.new_x, self.new_y = x[:POINTS], y[:POINTS], x[POINTS:], y[POINTS:]
        torch.manual_seed(self.seed)
        maps = [ndm.coordinate_map("affine_coupling", 2, parity=k % 2) for k in range(2)]
        self.net = ndm.NDM(maps, ndm.PrototypeHead(2, 2), ndm.MetricNet(2)).double()

    def terms(self) -> ndm.LossTerms:
        """The loss, at the training points."""
        shape = self.net.geometry(self.x)
        return ndm.LossTerms(
            task=nn.functional.cross_entropy(self.net(self.x), self.y),
            curvature=ndm.curvature_penalty(
                shape.scalar_curvature, log_volume=shape.log_volume, dimension=2
            ),
            volume=ndm.volume_penalty(shape.log_volume, "variance"),
        )

    def figures(self) -> dict[str, float]:
        """Losses on both sets, E[R^2] and the variation of the volume, at the training points."""
        shape = self.net.geometry(self.x)
        volume, terms = shape.log_volume.exp(), self.terms()
        with torch.no_grad():
            outputs = self.net(self.new_x)
            return {
                "task": float(terms.task),
                "geo": float(terms.geo),
                "new": float(nn.functional.cross_entropy(outputs, self.new_y)),
                "accuracy": float((outputs.argmax(-1) == self.new_y).double().mean()),
                "R^2": float(shape.scalar_curvature.square().mean()),
                "volume": float(volume.std(correction=0) / volume.mean()),
            }


def _run(problem: Problem, lam: float | str, optimiser: str) -> list[dict[str, float]]:
    """A curve: figures at the start, and at MARKS places."""
    balance = ndm.AutoBalance(share=0.1) if lam == "auto" else None
    net = problem.net
    moved: torch.optim.Optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
    if optimiser == "natural":
        moved = ndm.NaturalGradient(net, damping=ndm.LevenbergMarquardt(0.1))
    weight = 0.0 if isinstance(lam, str) else lam

    def closure() -> Tensor:
        moved.zero_grad()
        loss = problem.terms().total(weight)
        loss.backward()
        return loss

    curve = [problem.figures()]
    for count in range(1, STEPS[optimiser] + 1):
        if balance is not None:
            weight = balance.update(problem.terms(), net.parameters())
        moved.step(closure)
        if count % (STEPS[optimiser] // MARKS) == 0:
            curve.append({**problem.figures(), "lambda": weight})
    return curve


def _alone(term: Callable[[ndm.LossTerms], Tensor], key: str, seed: int) -> list[float]:
    """One term of the geometry trained alone; E[R^2] or the variation of the volume, each step."""
    problem = Problem(seed)
    optimiser = torch.optim.Adam(problem.net.parameters(), lr=3e-3)
    curve = []
    for _ in range(ALONE_STEPS):
        curve.append(problem.figures()[key])
        optimiser.zero_grad()
        term(problem.terms()).backward()
        optimiser.step()
    return curve


def measure() -> dict[str, Any]:
    """All curves."""
    curves: dict[str, dict[str, list[list[dict[str, float]]]]] = {}
    for optimiser in STEPS:
        curves[optimiser] = {}
        for lam in (*LAMBDAS, "auto"):
            name = lam if isinstance(lam, str) else f"{lam:g}"
            found = [_run(Problem(seed), lam, optimiser) for seed in SEEDS]
            curves[optimiser][name] = found
            print(f"{optimiser}, lambda = {name}: {_last(found, 'new'):.3f}", flush=True)
    alone = {
        "R^2": [_alone(lambda t: _given(t.curvature), "R^2", seed) for seed in SEEDS],
        "volume": [_alone(lambda t: _given(t.volume), "volume", seed) for seed in SEEDS],
    }
    return {"curves": curves, "alone": alone}


def _given(term: Tensor | None) -> Tensor:
    assert term is not None
    return term


def _last(runs: list[list[dict[str, float]]], key: str) -> float:
    return float(np.median([run[-1][key] for run in runs]))


def _falls(curves: list[list[float]], width: int = 10) -> tuple[float, float, float]:
    """First and last value, and the share of steps at which a running mean falls (medians)."""
    shares = []
    for curve in curves:
        smooth = np.convolve(curve, np.ones(width) / width, "valid")
        shares.append(np.mean(np.diff(smooth) < 0))
    ends = np.median([[curve[0], curve[-1]] for curve in curves], axis=0)
    return float(ends[0]), float(ends[1]), float(np.median(shares))


def draw(data: dict[str, Any]) -> None:
    """The picture: what is left after training, over lambda."""
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), constrained_layout=True)
    floor = 1e-5  # where lambda = 0 is drawn
    places = [floor if lam == 0 else lam for lam in LAMBDAS]
    panels = (
        ("new", "cross-entropy, new points"),
        ("R^2", "E[R²]"),
        ("volume", "σ / mean of √det g"),
    )
    for axis, (key, label) in zip(axes, panels, strict=True):
        for optimiser, style in (("Adam", "o-"), ("natural", "s--")):
            curves = data["curves"][optimiser]
            values = [_last(curves[f"{lam:g}"], key) for lam in LAMBDAS]
            axis.plot(places, values, style, ms=4, label=optimiser)
        if key == "new":
            values = [_last(data["curves"]["Adam"][f"{lam:g}"], "task") for lam in LAMBDAS]
            axis.plot(places, values, ":", color="tab:blue", label="Adam, training points")
            axis.legend(frameon=False, fontsize=8)
        axis.set(xscale="log", yscale="log", xlabel="λ (left end: 0)", title=label)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(PICTURE, dpi=110)
    plt.close(figure)


def section(data: dict[str, Any]) -> str:
    """The section of the page, and its picture."""
    draw(data)
    keys = ("task", "new", "accuracy", "R^2", "volume")
    rows = []
    for optimiser, curves in data["curves"].items():
        for name, runs in curves.items():
            weight = name if name != "auto" else f"auto (ends at {_last(runs, 'lambda'):.1e})"
            cells = [f"{_last(runs, key):.3g}" for key in keys]
            both = sum(
                run[-1]["task"] < run[0]["task"] and run[-1]["geo"] < run[0]["geo"] for run in runs
            )
            rows.append([optimiser, weight, *cells, f"{both} of {len(runs)}"])
    head = (
        "optimiser | lambda | loss | loss, new | accuracy, new | E[R^2] | CV of volume | both fell"
    )
    R, volume = (_falls(data["alone"][key]) for key in ("R^2", "volume"))
    return f"""{POINTS} points of two moons with noise {NOISE}, 1000 new ones; two couplings,
prototypes in the learned metric (so that the task teaches g), float64, {STEPS["Adam"]} steps of
Adam (lr {RATE:g}) or {STEPS["natural"]} natural ones, medians of {len(SEEDS)} seeds; geo = the
normalised asinh penalty of R + variance of the volume. "Both fell": runs in which task and geo
ended below their start. The curves are in benchmarks/learning/results/weights.json.

![What is left after training, over lambda](lambda.png)

{table(head, rows)}

The loss on new points is flat over decades of lambda and rises where the geometry is all that
counts; E[R^2] and the variation of the volume fall by orders of magnitude on the way. The start is
nearly flat, so that geo falls together with the task only where lambda holds it down: for less, the
task bends the metric.

Trained alone for {ALONE_STEPS} steps of Adam: the curvature penalty brings E[R^2] from
{R[0]:.2g} to {R[1]:.2g} (its running mean over 10 steps falls in {R[2]:.0%} of the steps); the
volume penalty brings the coefficient of variation of the volume from {volume[0]:.2g} to
{volume[1]:.2g} ({volume[2]:.0%})."""
