"""Does the architecture of the coordinate maps decide how curved the learned metric is (R71)?

Fixed in advance: two moons with noise 0.3, 100 points to train on, new ones for each seed. The
cells are all combinations of two depths, two widths and two kinds of maps; the metric is the same
small net everywhere, in the last chart. Each cell is trained twice from different parameters. The
number of a seed is the share of the variance of log E|R| that the cell explains and the draw of the
parameters does not (the intraclass correlation of the two runs): 1 if the architecture decides, 0
or below if it says nothing. The effect of each factor is shown, and decides nothing.

A cell must not look flat because it was trained too little. In trial draws (seeds from 1000 on)
training losses jumped to 0.5 and back where all steps were of size 0.02, and where sizes fell from
0.02 on, deep splines stuck at 0.5. In 200 steps whose size rises to 0.02 first (one cycle) the mean
losses of the two levels of a factor came within 0.06 of each other in each of five draws. Some nets
of either kind end in poor minima, with steps of half the size too: they are counted in the table.
To be sure, the share is also shown for E|R| at the step at which a net first comes to a training
loss of 0.3, for E|R| that neither the scale of g nor that of the charts changes, and for the
training loss itself.

Topology is nothing that an architecture could decide here. Every map of every cell is a
homeomorphism of the plane onto itself, so the image of a set has the topology of the set, and what
is learned is the plane with a metric, whatever the cell. What does depend on it is how well a
computer inverts the net: an output is rounded by eps, and the inverse carries that back as eps
|J^-1|, which deep stacks of splines, with slopes down to about 0.002 in each, make large.
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
from torch import Tensor, nn
from torch.nn import functional

import ndm
from ndm.charts import Composition, diagnose
from validation.claim import Claim, Finding, Table
from validation.fitting import Task, accuracy, make_task
from validation.paper.distance_nets import Design, build_net
from validation.paper.gains import SEEDS, gather
from validation.statistics import effect
from validation.study import Study

__all__ = ["CELLS", "CLAIMS", "contrast", "share_of_cells"]

_RUNS = 2  # of each cell
_MATTERS = 0.2  # a fifth of the variance
_LEVEL = 0.3  # training loss at which nets are compared too
_DEPTHS, _WIDTHS, _KINDS = (2, 4), (4, 24), ("affine_coupling", "spline")
#: depth, width, kind
CELLS = tuple(product(_DEPTHS, _WIDTHS, _KINDS))
_STEPS = 200


def _task(seed: int) -> Task:
    x, y = make_moons(700, noise=0.3, random_state=seed)
    return make_task(x, y, (100, 100), seed)


def _measure(seed: int) -> dict[str, Any]:
    task, cells = _task(seed), []
    for number, (depth, width, kind) in enumerate(CELLS):
        seeds = (100 * seed + _RUNS * number + k for k in range(_RUNS))
        cells.append([_run(task, Design(depth, width, kind, steps=_STEPS), s) for s in seeds])
    return {"cells": cells}


def _run(task: Task, design: Design, seed: int) -> dict[str, float]:
    net, early = _train(task, design, seed)
    (x, y), n = task.train, task.train[0].shape[-1]
    with torch.no_grad():
        shape = net.geometry(x)
        bend = float(shape.scalar_curvature.abs().mean())
        # the volume in the coordinates of the data
        size = float(torch.exp(2 / n * (shape.log_volume + net.log_det(x)).mean()))
        loss = float(functional.cross_entropy(net(x), y))
    found = diagnose(Composition(*(layer.coordinate_map for layer in net.layers)), x)
    return {
        "R": bend,
        "R, equal loss": bend if early is None else early,
        "R, free of scale": bend * size,
        "reached": float(early is not None),
        "loss": loss,
        "right": accuracy(net, x, y),
        "accuracy": accuracy(net, *task.test),
        "round trip": found.round_trip_error,
        "rounding": torch.finfo(x.dtype).eps / found.smallest_singular_value,
    }


def _train(task: Task, design: Design, seed: int) -> tuple[ndm.NDM, float | None]:
    """The trained net, and E|R| when its loss was first at `_LEVEL`; None if it never was."""
    net, early = build_net(task, design, seed), None
    optimiser = torch.optim.AdamW(net.parameters(), design.rate, weight_decay=design.decay)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, design.rate, total_steps=design.steps + 1, cycle_momentum=False
    )
    x, y = task.train
    for _ in range(design.steps):
        optimiser.zero_grad()
        loss = functional.cross_entropy(net(x), y)
        if early is None and loss.item() <= _LEVEL:
            early = _mean_curvature(net, x)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimiser.step()
        cycle.step()
    net.eval()
    return net, early


def _mean_curvature(net: ndm.NDM, x: Tensor) -> float:
    with torch.no_grad():
        return float(net.geometry(x).scalar_curvature.abs().mean())


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


def _values(row: dict[str, Any], figure: str) -> list[list[float]]:
    """A figure of all runs, of curvatures the logarithm."""
    cells = [[run[figure] for run in runs] for runs in row["cells"]]
    if not figure.startswith("R"):
        return cells
    return [[math.log10(max(value, 1e-300)) for value in runs] for runs in cells]


def _share(row: dict[str, Any], figure: str = "R") -> float:
    return share_of_cells(_values(row, figure))


def _architecture(study: Study) -> Finding:
    what = "share of the variance of log E|R| that the architecture of the maps explains"
    asked = gather(study, _measure, _share, _MATTERS)
    rows = asked.rows
    runs = [run for row in rows for runs in row["cells"] for run in runs]
    worst = max(run["round trip"] for run in runs)
    excess = max(run["round trip"] / run["rounding"] for run in runs)
    return Finding(
        asked.outcome,
        f"{what}: {asked}; every net is inverted to {worst:.1g}, which is at most {excess:.2g} "
        "times what rounding alone makes of its slopes, eps |J^-1|",
        {"round trip": worst, "round trip / (eps |J^-1|)": excess},
        (_shares(rows), _factors(rows), _cells(rows), _seeds(rows)),
    )


def _shares(rows: Sequence[dict[str, Any]]) -> Table:
    reached = np.mean([run["reached"] for row in rows for runs in row["cells"] for run in runs])
    names = {
        "R": "E|R| at the end",
        "R, equal loss": f"E|R| when the training loss was first {_LEVEL} "
        f"({100 * reached:.0f} % of the nets came there; of the others at the end)",
        "R, free of scale": "E|R| at the end, times the volume of the unit square of the data",
        "loss": "training loss at the end",
    }
    lines = tuple((name, _mean([_share(row, key) for row in rows])) for key, name in names.items())
    return Table("share that the architecture explains, of what", ("of", "share"), lines)


def _mean(values: Sequence[float]) -> str:
    return str(effect(values)) if len(values) > 1 else f"{values[0]:+.3g}"


def _factors(rows: Sequence[dict[str, Any]]) -> Table:
    lines = []
    factors = (("depth", _DEPTHS), ("width", _WIDTHS), ("kind", _KINDS))
    figures = ("R", "R, equal loss", "R, free of scale", "loss")
    for number, (name, (low, high)) in enumerate(factors):
        shown = (_mean([contrast(_values(row, f), number) for row in rows]) for f in figures)
        lines.append((f"{name}: {high} against {low}", *shown))
    header = ("factor", "log10 E|R|", "at equal loss", "free of scale", "training loss")
    return Table("main effects", header, tuple(lines))


def _cells(rows: Sequence[dict[str, Any]]) -> Table:
    lines = []
    for number, (depth, width, kind) in enumerate(CELLS):
        runs = [run for row in rows for run in row["cells"][number]]
        bend = np.quantile([run["R"] for run in runs], (0.25, 0.5, 0.75))
        kept = ("loss", "reached", "right", "accuracy")
        fitted = (float(np.mean([run[k] for run in runs])) for k in kept)
        worst = (max(run[k] for run in runs) for k in ("round trip", "rounding"))
        lines.append((kind, depth, width, *map(float, bend), *fitted, *worst))
    quartiles = ("E|R|, first quartile", "median", "third quartile")
    fitted_names = (
        "training loss",
        f"part of the nets that came to {_LEVEL}",
        "right in training",
        "right in tests",
    )
    worst_names = ("largest round trip", "largest eps |J^-1|")
    header = ("maps", "depth", "width", *quartiles, *fitted_names, *worst_names)
    title = "each architecture; rounding of the outputs alone costs an inverse eps |J^-1|"
    return Table(title, header, tuple(lines))


def _seeds(rows: Sequence[dict[str, Any]]) -> Table:
    lines = tuple((row["seed"], _share(row), row["cpu"]) for row in rows)
    return Table("each seed", ("seed", "share", "CPU s"), lines)


CLAIMS = (
    Claim(
        "R71",
        "Depth, width and kind of the coordinate maps decide how curved the learned metric is.",
        "paper, section 6.3, which asks; requirement R71",
        "Intraclass correlation of log E|R| over 8 architectures, two runs each, two moons; at "
        "least 0.2, a fifth of the variance, would matter; 5 to 100 seeds.",
        _architecture,
        seeds=SEEDS,
        question=True,
    ),
)
