"""Does curvature go along with overfitting (R82), and would a fuller measure do better (R74)?

Fixed in advance: digits in their first three whitened principal components, 120 points to train on
and the rest to test on, drawn anew with each seed. A seed trains eight nets, a half fraction of two
depths, two widths, two weight decays and lambda = 0 or not, so that they overfit in different
degrees. The gap is the error on new points less that on the training points; curvature is taken at
the training points, as a bound would have to. What is correlated with the gap, over the eight nets
of a seed, is E|R| in R82. Its control is E|R| of untrained metrics on the same trained maps (the
mean over three draws), which knows of size and placement all that E|R| could know without having
learned. Five seeds are 40 nets. R74 compares E[|Riem|^2] with the paper's E[R^2]; the measures that
are shown beside them decide nothing. An association is asked for, over these nets: no bound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

import ndm
from ndm.complexity import complexity
from validation.claim import Claim, Finding, Table
from validation.fitting import Task, accuracy, loss_of, make_task
from validation.paper.distance_nets import Design, build_net, fit, with_other_metric
from validation.paper.gains import SEEDS, gather
from validation.study import Study

__all__ = ["CLAIMS", "DESIGNS", "gain_over_control", "gain_over_scalar", "rank_correlation"]

_CONTROLS = 3
_MATTERS = 0.3  # of a rank correlation: less explains under a tenth of the variance of ranks
_BETTER = 0.1  # of a difference between two rank correlations with the same gap
_MEASURES = (
    "scalar_squared",
    "riemann_squared",
    "ricci_squared",
    "scalar_variation",
    "log_volume_variance",
    "dirichlet",
)

# the fourth factor is the product of the first three: no main effect is mixed up with another,
# nor with an effect of two factors together
DESIGNS = tuple(
    Design(
        depth=(2, 4)[a],
        width=(4, 24)[b],
        metric_width=(4, 24)[b],
        decay=(0.0, 0.3)[c],
        lam=(0.0, 0.03)[(a + b + c) % 2],
    )
    for a, b, c in product((0, 1), repeat=3)
)


@cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    x, y = load_digits(return_X_y=True)
    return PCA(3, whiten=True, random_state=0).fit_transform(x), y


def _task(seed: int) -> Task:
    x, y = _digits()
    return make_task(x, y, (120, 120), seed)


def _nets(seed: int) -> list[tuple[Design, int, Task, ndm.NDM]]:
    task = _task(seed)
    numbers = [100 * seed + k for k in range(len(DESIGNS))]
    return [(d, k, task, fit(task, d, k)) for d, k in zip(DESIGNS, numbers, strict=True)]


def _gaps(task: Task, net: ndm.NDM) -> dict[str, float]:
    return {
        "gap": accuracy(net, *task.train) - accuracy(net, *task.test),
        "gap of the loss": loss_of(net, *task.test) - loss_of(net, *task.train),
    }


def _mean_curvature(net: ndm.NDM, task: Task) -> float:
    with torch.no_grad():
        return float(net.geometry(task.train[0]).scalar_curvature.abs().mean())


def _measure_curvature(seed: int) -> dict[str, Any]:
    rows = []
    for design, number, task, net in _nets(seed):
        x = task.train[0]
        others = [build_net(task, design, 10**6 + 10 * number + k) for k in range(_CONTROLS)]
        with torch.no_grad():
            jacobian = torch.func.vmap(torch.func.jacrev(net))(x)
            shape = net.geometry(x)
            weights = sum(float(p.square().sum()) for p in net.parameters())
        size = float(torch.exp(2 / x.shape[-1] * shape.log_volume.mean()))
        figures: dict[str, Any] = {
            "E|R|": _mean_curvature(net, task),
            "E|R|, free of scale": size * _mean_curvature(net, task),
            "slope of the logits": float(torch.linalg.matrix_norm(jacobian).mean()),
            "size of the weights": weights,
            "untrained": [_mean_curvature(with_other_metric(net, o), task) for o in others],
        }
        rows.append(_gaps(task, net) | figures)
    return {"nets": rows}


def _measure_complexity(seed: int) -> dict[str, Any]:
    rows = []
    for _, _, task, net in _nets(seed):
        with torch.no_grad():
            last = net.trace(task.train[0])[-1]
            found = {name: float(complexity(net.field(-1), last, name)) for name in _MEASURES}
        rows.append(_gaps(task, net) | found)
    return {"nets": rows}


def rank_correlation(row: dict[str, Any], name: str, gap: str = "gap") -> float:
    """Spearman's rank correlation of a figure with the gap, over the nets of a seed.

    Args:
        row: of a seed; its "nets" are mappings.
        name: of the figure.
        gap: of the other one.

    Returns:
        Between -1 and 1; 0 where either is the same for all nets.
    """
    return _spearman([net[name] for net in row["nets"]], [net[gap] for net in row["nets"]])


def _spearman(one: Sequence[float], other: Sequence[float]) -> float:
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(spearmanr(one, other).statistic)


def _untrained(row: dict[str, Any]) -> float:
    gaps = [net["gap"] for net in row["nets"]]
    draws = zip(*(net["untrained"] for net in row["nets"]), strict=True)
    return float(np.mean([_spearman(draw, gaps) for draw in draws]))


def gain_over_control(row: dict[str, Any]) -> float:
    """R82's number: rank correlation of E|R| with the gap, less that of untrained metrics.

    Args:
        row: of a seed.

    Returns:
        Positive where learned curvature says more.
    """
    return rank_correlation(row, "E|R|") - _untrained(row)


def gain_over_scalar(row: dict[str, Any]) -> float:
    """R74's number: rank correlation of E[|Riem|^2] with the gap, less that of E[R^2].

    Args:
        row: of a seed.

    Returns:
        Positive where the whole tensor says more.
    """
    return rank_correlation(row, "riemann_squared") - rank_correlation(row, "scalar_squared")


def _ask(
    study: Study,
    measure: Callable[[int], dict[str, Any]],
    number: Callable[[dict[str, Any]], float],
    margin: float,
    what: str,
    shown: Sequence[str],
) -> Finding:
    asked = gather(study, measure, number, margin)
    count = sum(len(row["nets"]) for row in asked.rows)
    tables = (_correlations(asked.rows, shown), _each(asked.rows, number, shown))
    return Finding(asked.outcome, f"{what}: {asked}; {count} nets", {}, tables)


def _correlations(rows: Sequence[dict[str, Any]], shown: Sequence[str]) -> Table:
    lines: list[tuple[str | float, ...]] = []
    for name in shown:
        values = [[rank_correlation(row, name, g) for row in rows] for g in _GAPS]
        lines.append((name, *(float(np.mean(v)) for v in values)))
    if "untrained" in rows[0]["nets"][0]:
        untrained = float(np.mean([_untrained(row) for row in rows]))
        lines.append(("E|R|, untrained metrics", untrained, ""))
    header = ("figure", "with the gap of the error", "with the gap of the loss")
    return Table("rank correlations over the nets of a seed, mean over seeds", header, tuple(lines))


_GAPS = ("gap", "gap of the loss")


def _each(
    rows: Sequence[dict[str, Any]],
    number: Callable[[dict[str, Any]], float],
    shown: Sequence[str],
) -> Table:
    lines: list[tuple[str | float, ...]] = []
    for row in rows:
        gaps = [net["gap"] for net in row["nets"]]
        own = [rank_correlation(row, name) for name in shown[:2]]
        lines.append((row["seed"], number(row), *own, min(gaps), max(gaps), row["cpu"]))
    header = ("seed", "number", *shown[:2], "smallest gap", "largest gap", "CPU s")
    return Table("each seed: rank correlations with the gap", header, tuple(lines))


def _curvature(study: Study) -> Finding:
    shown = ("E|R|", "E|R|, free of scale", "slope of the logits", "size of the weights")
    what = "rank correlation of E|R| with the gap, less that of untrained metrics"
    return _ask(study, _measure_curvature, gain_over_control, _MATTERS, what, shown)


def _complexity(study: Study) -> Finding:
    what = "rank correlation of E[|Riem|^2] with the gap, less that of E[R^2]"
    return _ask(study, _measure_complexity, gain_over_scalar, _BETTER, what, _MEASURES)


CLAIMS = (
    Claim(
        "R74",
        "The whole curvature tensor goes along with overfitting more closely than the paper's R.",
        "paper, section 6.4; requirement R74",
        "Difference of rank correlations with the gap over 8 nets a seed, three dimensions; at "
        "least 0.1 would matter.",
        _complexity,
        seeds=SEEDS,
        question=True,
    ),
    Claim(
        "R82",
        "Nets whose learned metric is more curved generalise worse.",
        "paper, section 6.5; requirement R82",
        "Gain over untrained metrics in rank correlation with the gap over 8 nets a seed; at least "
        "0.3 would matter (under a tenth of the ranks' variance otherwise).",
        _curvature,
        seeds=SEEDS,
        question=True,
    ),
)
