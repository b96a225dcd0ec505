"""Does the geometric loss limit overfitting (R45), and make boundaries smoother (R46)?

Fixed in advance: two moons (noise 0.2), 100 points to train on, a fifth of the labels of training
and validation wrong; four couplings. The head measures distances in the metric at the point, so
that what the geometric loss does to the metric is done to the answers. lambda (of curvature and
volume, normalised), weight decay and dropout of the coordinates that the head reads have lists of
three settings each; one is chosen, for each seed, by the loss on 200 validation points. The chosen
setting then trains `_DRAWS` other draws of parameters, whose figures are averaged: nothing that was
chosen by luck is reported. lambda = 0 has nothing to choose, and is trained on the same draws.
Trial draws (seeds from 1000 on) gave the lists their range.

R45, one number a seed: the loss on test points, with input noise of size `_SHAKE` and in
expectation over labels that are wrong as often as in training; that of lambda = 0 minus that of
lambda. Nets that learned wrong labels or that answer differently nearby pay there. Beside it: gap
of test and training loss, accuracy on shaken points, and mean norm of the probabilities' Jacobian.

R46, one number a seed: the logarithm of how much the boundary of lambda = 0 turns, over how much
that of lambda does: the integral of |curvature| along the line where both classes are as likely,
in the square [-2, 2]^2 of standardised coordinates, plus one radian (so that there is a
logarithm if there is no line). Beside it: the line's length, and the distances of test points from
it to first order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import make_moons
from torch import Tensor
from torch.nn import functional

import ndm
from validation.claim import Claim, Finding, Picture, Table
from validation.fitting import Task, make_task
from validation.paper.gains import SEEDS, gather
from validation.statistics import effect
from validation.study import Study, picture

__all__ = [
    "CLAIMS",
    "WAYS",
    "How",
    "boundary",
    "chosen",
    "fit",
    "generalises",
    "moons",
    "smoothness",
]

_WRONG = 0.2  # of the labels
_DRAWS = (1, 2)
_STEPS, _RATE, _POINTS, _SHAKE = 150, 0.02, 32, 0.2
_SIDE, _GRID = 2.0, 161
_LOSS = 0.02  # nats; wrong labels alone cost 0.50
_SMOOTHER = math.log(1.1)  # a tenth less

Model = Callable[[Tensor], Tensor]
Figures = Callable[[Model, Task, int], dict[str, float]]
Array = NDArray[np.float64]


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
WAYS = {
    "lambda": (How(0.1), How(3.0), How(100.0)),
    "lambda = 0": (How(),),
    "weight decay": (How(decay=0.1), How(decay=0.5), How(decay=2.5)),
    "dropout": (How(dropout=0.05), How(dropout=0.15), How(dropout=0.4)),
}


def moons(seed: int) -> Task:
    """Points of a seed: 100 to train on, 200 to choose by, 600 with right labels to test on."""
    x, y = make_moons(900, noise=0.2, random_state=seed)
    return make_task(x, y, (100, 200), seed, noise=_WRONG)


def fit(task: Task, how: How, seed: int) -> ndm.NDM:
    """Train by Adam on full batches.

    Args:
        task: data of two coordinates.
        how: see there.
        seed: of parameters, dropout and the points for curvature.

    Returns:
        The model.
    """
    torch.manual_seed(100 * seed + how.draw)
    maps = [ndm.coordinate_map("affine_coupling", 2, hidden=(16,), parity=k % 2) for k in range(4)]
    head = ndm.PrototypeHead(2, task.classes, at="point")
    model: ndm.NDM = ndm.NDM(maps, head, ndm.MetricNet(2, "full", (16,))).double()
    optimizer = torch.optim.AdamW(model.parameters(), _RATE, weight_decay=how.decay)
    x, y = task.train
    for _ in range(_STEPS):
        optimizer.zero_grad()
        last = functional.dropout(model.trace(x)[-1], how.dropout)
        loss = functional.cross_entropy(model.read(last), y)
        if how.lam:
            shape = model.geometry(x[torch.randperm(len(x))[:_POINTS]])
            bend = ndm.curvature_penalty(
                shape.scalar_curvature, log_volume=shape.log_volume, dimension=2
            )
            even = ndm.volume_penalty(shape.log_volume, "log_variance")
            loss = loss + how.lam * (bend + even)
        loss.backward()
        optimizer.step()
    model.eval()
    return model


def chosen(task: Task, way: str, seed: int) -> How:
    """The setting of a way with the least loss on validation data."""
    if len(WAYS[way]) == 1:
        return WAYS[way][0]

    def loss(how: How) -> float:
        model, (x, y) = fit(task, how, seed), task.valid
        with torch.no_grad():
            return float(functional.cross_entropy(model(x), y))

    return min(WAYS[way], key=loss)


def generalises(model: Model, task: Task, seed: int) -> dict[str, float]:
    """What is asked of a model in R45.

    Args:
        model: x (N, n) -> logits (N, classes).
        task: whose test labels are right.
        seed: of the noise of the inputs.

    Returns:
        "loss" on shaken test points with labels that may be wrong, "gap" of test and training
        loss, "accuracy" on shaken points, "jacobian": mean norm of d p / d x.
    """
    x, y = task.test
    generator = torch.Generator().manual_seed(seed)
    shaken = x + _SHAKE * torch.randn(x.shape, generator=generator, dtype=x.dtype)
    with torch.no_grad():
        logits = model(shaken)
        fitted = float(functional.cross_entropy(model(task.train[0]), task.train[1]))
        new = _expected(model(x), y)
    points = x.clone().requires_grad_()
    p = torch.softmax(model(points), -1)
    slopes = [
        torch.autograd.grad(p[:, k].sum(), points, retain_graph=True)[0]
        for k in range(task.classes)
    ]
    return {
        "loss": _expected(logits, y),
        "gap": new - fitted,
        "accuracy": float((logits.argmax(-1) == y).double().mean()),
        "jacobian": float(torch.stack(slopes, 1).flatten(1).norm(dim=-1).mean()),
    }


def _expected(logits: Tensor, y: Tensor) -> float:
    """Cross-entropy in expectation over labels, of which a part is wrong."""
    scores = -torch.log_softmax(logits, -1)
    right = scores.gather(-1, y[:, None])[:, 0]
    others = (scores.sum(-1) - right) / (logits.shape[-1] - 1)
    return float(((1 - _WRONG) * right + _WRONG * others).mean())


def _field(model: Model, grid: int = _GRID) -> tuple[Array, Array]:
    """Difference of the logits of two classes on a grid; rows are y."""
    ticks = np.linspace(-_SIDE, _SIDE, grid)
    points = torch.tensor(np.stack(np.meshgrid(ticks, ticks), -1).reshape(-1, 2))
    with torch.no_grad():
        z = model(points)
    return ticks, (z[:, 1] - z[:, 0]).numpy().reshape(grid, grid)


def boundary(model: Model) -> dict[str, float]:
    """Length of the line between two classes, and the integral of its |curvature|.

    The curvature is the divergence of the normal; both by differences on a grid.

    Args:
        model: x (N, 2) -> logits (N, 2).

    Returns:
        "length" and "turning" (radians).
    """
    import contourpy
    from scipy.interpolate import RegularGridInterpolator

    ticks, f = _field(model)
    across, along = np.gradient(f, ticks, ticks, edge_order=2)
    size = np.sqrt(across**2 + along**2) + 1e-300
    bend = np.gradient(across / size, ticks, axis=0) + np.gradient(along / size, ticks, axis=1)
    at = RegularGridInterpolator((ticks, ticks), np.abs(bend))
    length = turning = 0.0
    for given in contourpy.contour_generator(ticks, ticks, f).lines(0.0):
        line = np.asarray(given, dtype=float)
        steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
        middle = 0.5 * (line[1:] + line[:-1])
        length += float(steps.sum())
        turning += float((steps * at(middle[:, ::-1])).sum())
    return {"length": length, "turning": turning}


def _margins(model: Model, x: Tensor) -> float:
    """Tenth percentile of |f| / |grad f|: distances from the boundary to first order."""
    points = x.clone().requires_grad_()
    z = model(points)
    f = z[:, 1] - z[:, 0]
    slope = torch.autograd.grad(f.sum(), points)[0].norm(dim=-1)
    return float(torch.quantile((f.detach().abs() / (slope + 1e-12)), 0.1))


def _measure(seed: int, figures: Figures, ways: Sequence[str]) -> dict[str, Any]:
    """Figures of every way, means over draws, and what was chosen."""
    task = moons(seed)
    found: dict[str, Any] = {}
    for way in ways:
        how = chosen(task, way, seed)
        runs = [figures(fit(task, replace(how, draw=d), seed), task, seed) for d in _DRAWS]
        found |= {f"{way}: {key}": float(np.mean([run[key] for run in runs])) for key in runs[0]}
        found[f"{way}: setting"] = _setting(how)
    return found


def smoothness(model: Model, task: Task, seed: int) -> dict[str, float]:
    """What is asked of a model in R46; nothing in it is drawn.

    Args:
        model: x (N, 2) -> logits (N, 2).
        task: whose test points are looked at.
        seed: not needed.

    Returns:
        "log turning" (of 1 + radians), "length", and "distance": tenth percentile of the distances
        of test points.
    """
    line = boundary(model)
    return {
        "log turning": math.log(1 + line["turning"]),
        "length": line["length"],
        "distance": _margins(model, task.test[0]),
    }


def _setting(how: How) -> str:
    return f"{how.lam or how.decay or how.dropout:g}"


def _ask(
    study: Study,
    figures: Figures,
    decides: str,
    margin: float,
    beside: Sequence[str],
) -> Finding:
    """`lambda = 0` minus `lambda` in what decides; the same for the rivals, and other figures."""
    ways = list(WAYS)[: 2 if study.quick else None]

    def gain(row: dict[str, Any]) -> float:
        return float(row[f"lambda = 0: {decides}"] - row[f"lambda: {decides}"])

    asked = gather(study, lambda seed: _measure(seed, figures, ways), gain, margin)
    rows, summary = asked.rows, f"{decides}, lambda = 0 minus lambda: {asked}"
    if study.quick:
        return Finding(asked.outcome, summary, {}, (_every_seed(rows, decides, ways),))
    against = _against(rows, (decides, *beside))
    rivals = ", ".join(
        f"{row[1]} {row[2]:+.3g} ({row[3]:+.3g} to {row[4]:+.3g})"
        for row in against.rows
        if row[0] == decides and row[1] != "lambda = 0"
    )
    summary = f"{summary}; minus lambda of others: {rivals}"
    tables = (against, *(_every_seed(rows, name, ways) for name in (decides, *beside)))
    return Finding(asked.outcome, summary, {"gain": asked.mean}, tables)


def _against(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> Table:
    """Each other way minus lambda; the intervals are not corrected for their number."""
    lines: list[tuple[str | float, ...]] = []
    for name in names:
        for way in list(WAYS)[1:]:
            part = effect([row[f"{way}: {name}"] - row[f"lambda: {name}"] for row in rows])
            lines.append((name, way, part.mean, part.low, part.high))
    header = ("figure", "of", "minus that of lambda", "from", "to (95 %)")
    return Table("every other way minus lambda", header, tuple(lines))


def _every_seed(rows: Sequence[dict[str, Any]], name: str, ways: Sequence[str]) -> Table:
    lines = []
    for row in rows:
        shown = (f"{row[f'{way}: {name}']:.3g} ({row[f'{way}: setting']})" for way in ways)
        lines.append((row["seed"], *shown))
    return Table(f"{name} (chosen setting)", ("seed", *ways), tuple(lines))


def _limits(study: Study) -> Finding:
    return _ask(study, generalises, "loss", _LOSS, ("gap", "accuracy", "jacobian"))


def _smooth(study: Study) -> Finding:
    found = _ask(study, smoothness, "log turning", _SMOOTHER, ("length", "distance"))
    return found if study.quick else replace(found, pictures=(_picture(study.seeds[0]),))


def _picture(seed: int) -> Picture:
    """Boundaries of the four ways for one seed, with the points they were trained on."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    task = moons(seed)
    (x, y), colours = task.train, np.array(["tab:blue", "tab:orange"])
    figure, axes = plt.subplots(1, len(WAYS), figsize=(12, 3.2), sharex=True, sharey=True)
    for axis, way in zip(axes, WAYS, strict=True):
        how = chosen(task, way, seed)
        model = fit(task, replace(how, draw=_DRAWS[0]), seed)
        ticks, f = _field(model)
        axis.contourf(ticks, ticks, f, [-1e9, 0, 1e9], colors=["#d0e2f2", "#fde3cb"])
        axis.contour(ticks, ticks, f, [0.0], colors="k", linewidths=1.2)
        axis.scatter(*x.numpy().T, c=colours[y.numpy()], s=9)
        axis.set_title(f"{way} ({_setting(how)})", fontsize=10)
        axis.set_aspect("equal")
    return picture(
        figure, f"Boundaries after training, seed {seed}; a fifth of the labels is wrong"
    )


_SHARED = (
    "Two moons with a fifth of the labels wrong; lambda = 0 minus lambda (the best of three "
    "values on validation data, trained anew); "
)
CLAIMS = (
    Claim(
        "R45",
        "Curvature and volume terms limit overfitting and sensitivity to small input changes.",
        "paper, section 5.1; requirement R45",
        _SHARED + "loss on shaken test points, in nats; at least 0.02 would matter, 4 % of what "
        "wrong labels alone cost; 5, 10, then 20 seeds.",
        _limits,
        seeds=SEEDS,
        question=True,
    ),
    Claim(
        "R46",
        "Curvature and volume terms make decision boundaries smoother.",
        "paper, section 5.1; requirement R46",
        _SHARED + "log of 1 + total turning of the boundary; at least 0.095 would matter, a tenth "
        "less; 5, 10, then 20 seeds.",
        _smooth,
        seeds=SEEDS,
        question=True,
    ),
)
