"""Does the architecture of the coordinate maps decide how curved the learned metric is (R71)?

Fixed in advance: two moons with noise 0.3, 100 points to train on, new ones for each seed. The
cells are all combinations of two depths, two widths and two kinds of maps; the metric is the same
small net everywhere, in the last chart. Each cell is trained twice from different parameters. The
number of a seed is the share of the variance of log E|R| that the cell explains and the draw of the
parameters does not (the intraclass correlation of the two runs): 1 if the architecture decides, 0
or below if it says nothing. The effect of each factor is shown, and decides nothing. Maps of every
kind are invertible, so topology cannot depend on them: the table says how well each trained net is
inverted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.datasets import make_moons

from validation.claim import Claim, Finding, Table
from validation.fitting import Task, accuracy, make_task
from validation.paper.distance_nets import Design, fit
from validation.paper.gains import SEEDS, gather
from validation.statistics import effect
from validation.study import Study

__all__ = ["CELLS", "CLAIMS", "contrast", "share_of_cells"]

_RUNS = 2  # of each cell
_MATTERS = 0.2  # a fifth of the variance
_DEPTHS, _WIDTHS, _KINDS = (2, 4), (4, 24), ("affine_coupling", "spline")
#: depth, width, kind
CELLS = tuple(product(_DEPTHS, _WIDTHS, _KINDS))


def _task(seed: int) -> Task:
    x, y = make_moons(700, noise=0.3, random_state=seed)
    return make_task(x, y, (100, 100), seed)


def _measure(seed: int) -> dict[str, Any]:
    task, cells = _task(seed), []
    for number, (depth, width, kind) in enumerate(CELLS):
        design = Design(depth, width, kind, steps=100)
        runs = []
        for k in range(_RUNS):
            net = fit(task, design, 100 * seed + _RUNS * number + k)
            x = task.train[0]
            with torch.no_grad():
                bend = net.geometry(x).scalar_curvature.abs().mean()
                error = (net.invert(net.trace(x)[-1]) - x).abs().max()
            right = accuracy(net, *task.test)
            runs.append({"R": float(bend), "round trip": float(error), "accuracy": right})
        cells.append(runs)
    return {"cells": cells}


def share_of_cells(values: ArrayLike) -> float:
    """Intraclass correlation: the share of the variance that is between cells.

    (B - W) / (B + (r - 1) W) with B and W the mean squares between and within cells.

    Args:
        values: (cells, runs r).

    Returns:
        From -1/(r - 1), nothing, to 1, everything; 0 where all values are the same.

    Example:
        >>> share_of_cells([[1.0, 1.0], [2.0, 2.0]]), share_of_cells([[1.0, 2.0], [1.0, 2.0]])
        (1.0, -1.0)
    """
    table = np.asarray(values, dtype=float)
    runs = table.shape[1]
    between = runs * table.mean(1).var(ddof=1)
    within = table.var(1, ddof=1).mean()
    whole = between + (runs - 1) * within
    return float((between - within) / whole) if whole > 0 else 0.0


def contrast(values: ArrayLike, factor: int) -> float:
    """Main effect of a factor: the mean of cells at its second level less that at its first.

    Args:
        values: (cells, runs), the cells in the order of `CELLS`.
        factor: 0 depth, 1 width, 2 kind.

    Returns:
        The difference.
    """
    table = np.asarray(values, dtype=float).mean(1).reshape(2, 2, 2)
    first, second = np.moveaxis(table, factor, 0).mean((1, 2))
    return float(second - first)


def _logs(row: dict[str, Any]) -> list[list[float]]:
    return [[math.log(max(run["R"], 1e-300)) for run in runs] for runs in row["cells"]]


def _architecture(study: Study) -> Finding:
    what = "share of the variance of log E|R| that the architecture of the maps explains"
    asked = gather(study, _measure, lambda row: share_of_cells(_logs(row)), _MATTERS)
    rows = asked.rows
    worst = max(run["round trip"] for row in rows for runs in row["cells"] for run in runs)
    return Finding(
        asked.outcome,
        f"{what}: {asked}; every net is inverted to {worst:.1g}",
        {"round trip": worst},
        (_factors(rows), _cells(rows), _seeds(rows)),
    )


def _factors(rows: Sequence[dict[str, Any]]) -> Table:
    lines = []
    factors = (("depth", _DEPTHS), ("width", _WIDTHS), ("kind", _KINDS))
    for number, (name, (low, high)) in enumerate(factors):
        values = [contrast(_logs(row), number) / math.log(10) for row in rows]
        shown = str(effect(values)) if len(values) > 1 else f"{values[0]:+.3g}"
        lines.append((f"{name}: {high} against {low}", shown))
    return Table("main effects on log10 E|R|", ("factor", "effect"), tuple(lines))


def _cells(rows: Sequence[dict[str, Any]]) -> Table:
    lines = []
    for number, (depth, width, kind) in enumerate(CELLS):
        runs = [run for row in rows for run in row["cells"][number]]
        bend = np.quantile([run["R"] for run in runs], (0.25, 0.5, 0.75))
        worst = max(run["round trip"] for run in runs)
        right = float(np.mean([run["accuracy"] for run in runs]))
        lines.append((kind, depth, width, *map(float, bend), right, worst))
    quartiles = ("E|R|, first quartile", "median", "third quartile")
    header = ("maps", "depth", "width", *quartiles, "accuracy", "largest round trip")
    return Table("curvature of each architecture, over seeds and runs", header, tuple(lines))


def _seeds(rows: Sequence[dict[str, Any]]) -> Table:
    lines = tuple((row["seed"], share_of_cells(_logs(row)), row["cpu"]) for row in rows)
    return Table("each seed", ("seed", "share", "CPU s"), lines)


CLAIMS = (
    Claim(
        "R71",
        "Depth, width and kind of the coordinate maps decide how curved the learned metric is.",
        "paper, section 6.3, which asks; requirement R71",
        "Intraclass correlation of log E|R| over 8 architectures, two runs each, two moons; at "
        "least 0.2, a fifth of the variance, would matter; 5, 10, then 20 seeds.",
        _architecture,
        seeds=SEEDS,
        question=True,
    ),
)
