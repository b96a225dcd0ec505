"""Nets with the geometric loss and nets with other ways against overfitting, chosen alike.

The head measures distances in the metric at the point, so that what the geometric loss does to the
metric is done to the answers. lambda (of curvature and volume, normalised), weight decay and
dropout of the coordinates that the head reads have lists of three settings each; one is chosen, for
each seed, by the loss on validation data. The chosen setting then trains other draws of parameters,
whose figures are averaged: nothing that was chosen by luck is reported. lambda = 0 has nothing to
choose, and is trained on the same draws.

Trial draws (seeds from 1000 on) gave the lists their range, so that the last setting of each is too
strong on most of them. That of two moons was too weak at first (R46 tells).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from sklearn.datasets import make_moons
from torch import Tensor
from torch.nn import functional

import ndm
from validation.claim import Finding, Table
from validation.fitting import Task, make_task
from validation.paper.gains import Asked
from validation.statistics import effect

__all__ = [
    "DRAWS",
    "WAYS",
    "WRONG",
    "Figures",
    "How",
    "Model",
    "Ways",
    "against",
    "chosen",
    "fit",
    "gain",
    "measure",
    "moons",
    "told",
    "value",
]

#: The part of the labels of training and validation that is wrong.
WRONG = 0.2
#: Which draws of parameters are reported; draw 0 is for choosing.
DRAWS = (1, 2)
_STEPS, _RATE, _POINTS = 150, 0.02, 32

Model = Callable[[Tensor], Tensor]
Figures = Callable[[Model, Task, int], dict[str, float]]


@dataclass(frozen=True)
class How:
    """A setting.

    Attributes:
        lam: weight of curvature and volume.
        decay: of weights (AdamW).
        dropout: of the coordinates that the head reads.
        draw: which draw of parameters.
    """

    lam: float = 0.0
    decay: float = 0.0
    dropout: float = 0.0
    draw: int = 0


#: name -> settings to choose from
Ways = Mapping[str, Sequence[How]]

#: for two moons
WAYS: Ways = {
    "lambda": (How(100.0), How(1e3), How(1e4)),
    "lambda = 0": (How(),),
    "weight decay": (How(decay=1.0), How(decay=3.0), How(decay=10.0)),
    "dropout": (How(dropout=0.15), How(dropout=0.4), How(dropout=0.7)),
}


def moons(seed: int) -> Task:
    """Two moons: 100 points to train on, 200 to choose by, 600 with right labels to test on."""
    x, y = make_moons(900, noise=0.2, random_state=seed)
    return make_task(x, y, (100, 200), seed, noise=WRONG)


def fit(task: Task, how: How, seed: int) -> ndm.NDM:
    """Train four couplings by Adam on full batches.

    Args:
        task: data of two coordinates or more.
        how: see there.
        seed: of parameters, dropout and the points for curvature.

    Returns:
        The model.
    """
    torch.manual_seed(100 * seed + how.draw)
    n = task.train[0].shape[-1]
    maps = [ndm.coordinate_map("affine_coupling", n, hidden=(16,), parity=k % 2) for k in range(4)]
    head = ndm.PrototypeHead(n, task.classes, at="point")
    model: ndm.NDM = ndm.NDM(maps, head, ndm.MetricNet(n, "full", (16,))).double()
    optimizer = torch.optim.AdamW(model.parameters(), _RATE, weight_decay=how.decay)
    x, y = task.train
    for _ in range(_STEPS):
        optimizer.zero_grad()
        last = functional.dropout(model.trace(x)[-1], how.dropout)
        loss = functional.cross_entropy(model.read(last), y)
        if how.lam:
            shape = model.geometry(x[torch.randperm(len(x))[:_POINTS]])
            bend = ndm.curvature_penalty(
                shape.scalar_curvature, log_volume=shape.log_volume, dimension=n
            )
            even = ndm.volume_penalty(shape.log_volume, "log_variance")
            loss = loss + how.lam * (bend + even)
        loss.backward()
        optimizer.step()
    model.eval()
    return model


def chosen(task: Task, settings: Sequence[How], seed: int) -> How:
    """The setting with the least loss on validation data; nothing is trained where it is alone."""
    if len(settings) == 1:
        return settings[0]

    def loss(how: How) -> float:
        model, (x, y) = fit(task, how, seed), task.valid
        with torch.no_grad():
            return float(functional.cross_entropy(model(x), y))

    return min(settings, key=loss)


def measure(
    task: Task, ways: Ways, figures: Figures, seed: int, draws: Sequence[int] = DRAWS
) -> dict[str, Any]:
    """Choose a setting of every way, train it anew, and look.

    Args:
        task: data.
        ways: see there.
        figures: model, task, seed -> what is asked of a model.
        seed: of parameters.
        draws: of parameters that are reported; 0 is for choosing.

    Returns:
        "way: figure", means over draws, and "way: setting", what was chosen.
    """
    found: dict[str, Any] = {}
    for way, settings in ways.items():
        how = chosen(task, settings, seed)
        runs = [figures(fit(task, replace(how, draw=d), seed), task, seed) for d in draws]
        found |= {f"{way}: {key}": float(np.mean([run[key] for run in runs])) for key in runs[0]}
        found[f"{way}: setting"] = value(how)
    return found


def value(how: How) -> str:
    """What is set in a setting, as it is shown."""
    return f"{how.lam or how.decay or how.dropout:g}"


def gain(decides: str) -> Callable[[dict[str, Any]], float]:
    """What is asked of the figures of a seed: `lambda = 0` minus `lambda`."""
    return lambda row: float(row[f"lambda = 0: {decides}"] - row[f"lambda: {decides}"])


def told(asked: Asked, ways: Sequence[str], decides: str, beside: Sequence[str]) -> Finding:
    """A finding with the gain, the same for the rivals, and other figures.

    Args:
        asked: the answer, with rows as `measure` makes them.
        ways: that were measured.
        decides: the figure that decides.
        beside: figures that are shown; not after a quick look.

    Returns:
        The finding.
    """
    rows, summary = asked.rows, f"{decides}, lambda = 0 minus lambda: {asked}"
    if asked.effect is None:
        return Finding(asked.outcome, summary, {}, (_every_seed(rows, decides, ways),))
    lines = against(rows, (decides, *beside), ways)
    rivals = ", ".join(
        f"{row[1]} {row[2]:+.3g} ({row[3]:+.3g} to {row[4]:+.3g})"
        for row in lines
        if row[0] == decides and row[1] != "lambda = 0"
    )
    summary = f"{summary}; rivals minus lambda (negative where they do better): {rivals}"
    header = ("figure", "of", "minus that of lambda", "from", "to (95 %)")
    tables = (
        Table("every other way minus lambda", header, lines),
        *(_every_seed(rows, name, ways) for name in (decides, *beside)),
    )
    return Finding(asked.outcome, summary, {"gain": asked.mean}, tables)


def against(
    rows: Sequence[dict[str, Any]], names: Sequence[str], ways: Sequence[str], where: str = ""
) -> tuple[tuple[str, str, float, float, float], ...]:
    """Each other way minus lambda; the intervals are not corrected for their number.

    Args:
        rows: figures of seeds.
        names: which figures.
        ways: that were measured.
        where: what the names of these figures begin with in the rows.

    Returns:
        Figure, way, mean of the difference, and its interval of 95 %.
    """
    lines = []
    for name in names:
        for way in ways:
            if way != "lambda":
                pairs = [
                    (row[f"{where}{way}: {name}"], row[f"{where}lambda: {name}"]) for row in rows
                ]
                part = effect([other - own for other, own in pairs])
                lines.append((name, way, part.mean, part.low, part.high))
    return tuple(lines)


def _every_seed(rows: Sequence[dict[str, Any]], name: str, ways: Sequence[str]) -> Table:
    lines = []
    for row in rows:
        shown = (f"{row[f'{way}: {name}']:.3g} ({row[f'{way}: setting']})" for way in ways)
        lines.append((row["seed"], *shown))
    return Table(f"{name} (chosen setting)", ("seed", *ways), tuple(lines))
