"""Is there a best lambda between too little and too much (R72, R31)?

Fixed in advance: two moons with noise 0.3, 100 points to train on and 100 to choose by, new ones
for each seed; prototypes in the learned metric, so that it has a part in the task. Earlier curves
(the page of benchmarks, seeds 0 to 2 of its own data) showed where lambda begins to do something
and where it does harm; the three lists follow them, are of equal length, and leave out what lies
between: too weak (0, 1e-6, 1e-5), middle (1e-2, 1e-1, 1), too strong (1e3, 1e4, 1e5). Of each list
the validation loss chooses one. The number of a seed is the loss on 1000 new points of the better
one of too weak and too strong, less that of the middle: positive if the curve is a U.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from sklearn.datasets import make_moons

from validation.claim import Claim, Finding, Picture, Table
from validation.fitting import Task, accuracy, loss_of, make_task
from validation.paper.distance_nets import Design, fit
from validation.paper.gains import SEEDS, gather
from validation.study import Study, picture

__all__ = ["CLAIMS", "LISTS", "depth_of_the_u"]

_MATTERS = 0.02  # of a loss of about 0.3
#: how strong -> lambdas
LISTS = {"too weak": (0.0, 1e-6, 1e-5), "middle": (1e-2, 1e-1, 1.0), "too strong": (1e3, 1e4, 1e5)}


def _task(seed: int) -> Task:
    x, y = make_moons(1200, noise=0.3, random_state=seed)
    return make_task(x, y, (100, 100), seed)


def _measure(seed: int) -> dict[str, Any]:
    task, found = _task(seed), {}
    for lams in LISTS.values():
        for lam in lams:
            net = fit(task, Design(lam=lam, steps=100), seed)
            with torch.no_grad():
                bend = net.geometry(task.train[0]).scalar_curvature.abs().mean()
            found[f"{lam:g}"] = {
                "train": loss_of(net, *task.train),
                "valid": loss_of(net, *task.valid),
                "test": loss_of(net, *task.test),
                "accuracy": accuracy(net, *task.test),
                "R": float(bend),
            }
    return {"lambdas": found}


def _chosen(row: dict[str, Any]) -> dict[str, float]:
    """Of each list the lambda with the least validation loss."""
    return {
        name: min(lams, key=lambda lam: row["lambdas"][f"{lam:g}"]["valid"])
        for name, lams in LISTS.items()
    }


def depth_of_the_u(row: dict[str, Any]) -> float:
    """How much lower the loss on new points is in the middle than at the better end.

    Args:
        row: of a seed; "lambdas" has the figures of each.

    Returns:
        Positive for a U; negative where an end does better.
    """
    weak, middle, strong = (row["lambdas"][f"{lam:g}"]["test"] for lam in _chosen(row).values())
    return float(min(weak, strong) - middle)


def _trade_off(study: Study) -> Finding:
    what = "loss on new points at the better end, less that in the middle"
    asked = gather(study, _measure, depth_of_the_u, _MATTERS)
    tables = (_lambdas(asked.rows), _seeds(asked.rows))
    return Finding(asked.outcome, f"{what}: {asked}", {}, tables, (_drawn(asked.rows),))


def _lambdas(rows: Sequence[dict[str, Any]]) -> Table:
    lines: list[tuple[str | float, ...]] = []
    for name, lams in LISTS.items():
        for lam in lams:
            runs = [row["lambdas"][f"{lam:g}"] for row in rows]
            means = [float(np.mean([r[k] for r in runs])) for k in ("train", "test", "accuracy")]
            lines.append((f"{lam:g}", name, *means, float(np.median([r["R"] for r in runs]))))
    header = ("lambda", "list", "loss", "loss, new", "accuracy, new", "E|R|, median")
    return Table("means over seeds", header, tuple(lines))


def _seeds(rows: Sequence[dict[str, Any]]) -> Table:
    lines: list[tuple[str | float, ...]] = []
    for row in rows:
        chosen = _chosen(row)
        tests = [row["lambdas"][f"{lam:g}"]["test"] for lam in chosen.values()]
        picks = ", ".join(f"{lam:g}" for lam in chosen.values())
        lines.append((row["seed"], depth_of_the_u(row), *tests, picks, row["cpu"]))
    header = ("seed", "number", *LISTS, "chosen lambdas", "CPU s")
    return Table("each seed: loss on new points", header, tuple(lines))


def _drawn(rows: Sequence[dict[str, Any]]) -> Picture:
    lams = [lam for part in LISTS.values() for lam in part]
    places = np.array([1e-7 if lam == 0 else lam for lam in lams])  # 0 has no place on a log axis
    figure = Figure(figsize=(7, 4))
    axes = figure.subplots()
    for key, colour in (("train", "#8a94a0"), ("test", "#0b5cad")):
        curves = np.array([[row["lambdas"][f"{lam:g}"][key] for lam in lams] for row in rows])
        axes.semilogx(places, curves.T, color=colour, alpha=0.2, linewidth=0.8)
        label = "new points" if key == "test" else "training points"
        axes.semilogx(places, curves.mean(0), "o-", color=colour, label=label)
    ticks = places[[0, 1, 3, 5, 6, 8]]
    axes.set_xticks(ticks, ["0", *(f"{t:g}" for t in ticks[1:])])
    axes.set(xlabel="lambda", ylabel="cross entropy")
    axes.legend()
    return picture(figure, "Loss over lambda: each seed, and the mean")


CLAIMS = (
    Claim(
        "R72",
        "There is a best lambda: less brings no benefit, and much more underfits.",
        "paper, sections 3.4 and 6.3; requirements R31, R72",
        "Loss on new points of the better one of too weak and too strong, less that of the middle, "
        "each chosen from three by validation loss; at least 0.02 would matter.",
        _trade_off,
        seeds=SEEDS,
        question=True,
    ),
)
