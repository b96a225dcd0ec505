"""Does the natural gradient leave a saddle sooner (R52)?

Fixed in advance: two saddles that are planted in models of this package, and a start beside them.
"Even": two couplings that are the identity and a head that is zero, for a target x1^2 - x2^2 and
points that come in pairs x, -x: what couplings and head could learn, each needs the other for.
"Deep": three affine maps and a head, all of them 0, a deep linear net, whose loss is flat there up
to its third derivatives. The start is `_BESIDE` away from "even" in a random direction; the
matrices of "deep" have entries of size `_SMALL`. Away is where a quarter of the saddle's loss is
gone. Rivals, settings and how they are chosen are those of R51. Then each goes on to `_STOP` steps,
and the curvature of the loss is looked at where it stops. The metric in G is the one that models
begin with, close to the identity: a linear head does not train it, and at a saddle nothing is
learned yet. The Fisher matrix alone is shown beside it, and decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

import ndm
from validation.claim import Claim, Finding, Table
from validation.paper.gains import SEEDS, gather
from validation.paper.optimisation import WAYS, Problem, Way, best_setting, descend
from validation.study import Study

__all__ = ["CLAIMS", "curvature_range", "planted"]

_MOST, _STOP, _PAIRS = 500, 200, 50
_BESIDE, _SMALL = 1e-3, 0.05
_AWAY = 0.75  # of the saddle's loss
_MARGIN = 0.5  # log2 of a ratio of steps: 1.4 times as many
SADDLES = ("even", "deep")


def planted(name: str, seed: int, beside: float = _BESIDE, small: float = _SMALL) -> Problem:
    """A model at a saddle, or beside it.

    Args:
        name: "even" or "deep".
        seed: of points, parameters and direction.
        beside: distance from the saddle "even".
        small: size of the entries of "deep", which are 0 at the saddle.

    Returns:
        The problem; the goal is three quarters of the saddle's loss.
    """
    torch.manual_seed(seed)
    half = torch.randn(_PAIRS, 2, dtype=torch.float64)
    x = torch.cat([half, -half])
    x = torch.linalg.solve_triangular(
        torch.linalg.cholesky(x.mT @ x / len(x)), x.mT, upper=False
    ).mT
    net, y = _even(x) if name == "even" else _deep(x, small)

    def loss(net: ndm.NDM) -> Tensor:
        return 0.5 * (net(x) - y).square().sum(-1).mean()

    goal = _AWAY * 0.5 * float(y.square().sum(-1).mean())  # at a saddle all answers are 0
    if name == "even":
        with torch.no_grad():
            _shift(_reached(net), beside)
    return Problem(net, loss, goal, "normal")


def _even(x: Tensor) -> tuple[ndm.NDM, Tensor]:
    y = x[:, :1] ** 2 - x[:, 1:] ** 2
    maps = [ndm.coordinate_map("affine_coupling", 2, parity=k, hidden=(8,)) for k in range(2)]
    net = ndm.NDM(maps, ndm.LinearHead(2, 1), ndm.MetricNet(2, "full", (8,))).double()
    with torch.no_grad():
        assert net.head is not None
        for layer in net.layers:
            last = layer.coordinate_map.net.layers[-1]
            last.weight.zero_()
            last.bias.zero_()
        net.head.linear.weight.zero_()
        net.head.linear.bias.zero_()
    return net, y


def _deep(x: Tensor, small: float) -> tuple[ndm.NDM, Tensor]:
    parts = small * torch.randn(4, 2, 2, dtype=x.dtype)
    maps = [ndm.coordinate_map("affine", 2) for _ in range(3)]
    net = ndm.NDM(maps, ndm.LinearHead(2, 2), ndm.MetricNet(2, "full", (8,))).double()
    assert net.head is not None
    with torch.no_grad():
        for layer, part in zip(net.layers, parts[:3], strict=True):
            layer.coordinate_map.matrix.copy_(part)
            layer.coordinate_map.shift.zero_()
        net.head.linear.weight.copy_(parts[3])
        net.head.linear.bias.zero_()
    return net, x @ torch.linalg.qr(torch.randn(2, 2, dtype=x.dtype))[0]


def _reached(net: ndm.NDM) -> list[Tensor]:
    """Parameters of maps and head; the metric's may be among the former, and change nothing."""
    assert net.head is not None
    return [*net.layers.parameters(), *net.head.parameters()]


def _shift(parameters: list[Tensor], size: float) -> None:
    """Move all of them together, by a vector of this length and a random direction."""
    way = [torch.randn_like(p) for p in parameters]
    length = math.sqrt(sum(float(part.square().sum()) for part in way))
    for p, part in zip(parameters, way, strict=True):
        p += size / length * part


def curvature_range(problem: Problem) -> tuple[float, float]:
    """Least and largest eigenvalue of the loss's second derivative by all parameters it has.

    Args:
        problem: where its net is.

    Returns:
        The two eigenvalues; nan where there is no finite derivative.
    """
    net = problem.net
    parameters = _reached(net)
    loss = problem.loss(net)
    slopes = torch.autograd.grad(loss, parameters, create_graph=True, allow_unused=True)
    used = [(s, p) for s, p in zip(slopes, parameters, strict=True) if s is not None]
    flat = torch.cat([s.reshape(-1) for s, _ in used])
    rows = []
    for value in flat:
        row = torch.autograd.grad(
            value, [p for _, p in used], retain_graph=True, materialize_grads=True
        )
        rows.append(torch.cat([part.reshape(-1) for part in row]))
    matrix = torch.stack(rows)
    if not matrix.isfinite().all():  # the descent has left all bounds
        return math.nan, math.nan
    values = torch.linalg.eigvalsh(matrix)
    return float(values[0]), float(values[-1])


def _measure(seed: int, saddles: Sequence[str], ways: Sequence[Way]) -> dict[str, Any]:
    """Steps of every way from every saddle, and the curvature where it stops."""
    found: dict[str, Any] = {}
    for name in saddles:
        least, largest = curvature_range(planted(name, seed))
        found[f"{name}: start"] = least / largest
        for way in ways:
            chosen, run = best_setting(way, partial(planted, name, seed), _MOST)
            found[f"{name}: {way.name}"] = run.steps
            found[f"{name}: {way.name}, setting"] = chosen
            least, largest = _stop(planted(name, seed), way, chosen)
            found[f"{name}: {way.name}, stop"] = least / largest
    return found


def _stop(problem: Problem, way: Way, setting: tuple[float, ...]) -> tuple[float, float]:
    """Curvature after `_STOP` steps; nan where the descent has left all bounds."""
    descend(replace(problem, goal=-1.0), way, setting, _STOP)
    return curvature_range(problem)


def _ratio(row: dict[str, Any], name: str) -> float:
    """log2 of the better rival's steps over the natural gradient's."""
    adam, sgd, natural = (row[f"{name}: {way.name}"] for way in WAYS[:3])
    return math.log2(min(adam, sgd) / natural)


def _escape(study: Study) -> Finding:
    saddles, ways = (SADDLES[1:], WAYS[:3]) if study.quick else (SADDLES, WAYS)

    asked = gather(
        study,
        lambda seed: _measure(seed, saddles, ways),
        lambda row: float(np.mean([_ratio(row, name) for name in saddles])),
        _MARGIN,
    )
    rows = asked.rows
    parts = {name: float(np.mean([_ratio(row, name) for row in rows])) for name in saddles}
    each = ", ".join(f"{name} {2**mean:.2f}" for name, mean in parts.items())
    summary = (
        f"log2 of steps to leave a saddle, better one of Adam and SGD over natural gradient: "
        f"{asked}; that is {2**asked.mean:.2f} times ({each})"
    )
    figures = {"ratio": 2**asked.mean, "log2_ratio": asked.mean}
    return Finding(asked.outcome, summary, figures, _tables(rows, saddles, ways))


def _tables(
    rows: Sequence[dict[str, Any]], saddles: Sequence[str], ways: Sequence[Way]
) -> tuple[Table, ...]:
    tables = []
    for name in saddles:
        header: list[str] = ["seed", "curvature at the start"]
        header += [text for way in ways for text in (way.name, "where it stops")]
        lines = []
        for row in rows:
            line: list[str | float] = [row["seed"], row[f"{name}: start"]]
            for way in ways:
                setting = ", ".join(f"{part:g}" for part in row[f"{name}: {way.name}, setting"])
                line += [f"{row[f'{name}: {way.name}']:g} ({setting})"]
                line += [row[f"{name}: {way.name}, stop"]]
            lines.append(tuple(line))
        title = f"{name}: steps (setting), and least over largest second derivative of the loss"
        tables.append(Table(title, tuple(header), tuple(lines)))
    return tuple(tables)


CLAIMS = (
    Claim(
        "R52",
        "The natural gradient leaves a saddle in fewer iterations than tuned rivals.",
        "paper, section 5.1; requirement R52",
        "log2 of (better one of Adam and SGD with momentum) / (natural gradient), steps away from "
        "two planted saddles; the best of six settings each, for each seed; at least 0.5 would "
        "matter (1.4 times the steps).",
        _escape,
        seeds=SEEDS,
        question=True,
    ),
)
