"""Geodesics between points of the data, before and after training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ndm.analysis import Connection, connect, geometry_map
from ndm.errors import DataError
from ndm.model import NDM
from ndm.plots.canvas import (
    Array,
    Plane,
    Targets,
    in_first_chart,
    new_figure,
    plane_of,
    scatter,
)
from ndm.plots.geometry import Bounds, bounds_of, curvature_limit, dress, shade

__all__ = ["Joined", "geodesics_figure", "join"]

_MARKS = 7  # on each curve, at equal distances, the ends included
_RED = "#D50000"


@dataclass(frozen=True)
class Joined:
    """The same pairs of points, joined under the metric after training and before it.

    Attributes:
        trained: under the metric of the model.
        untrained: under the metric of the model before training: the control.
    """

    trained: Connection
    untrained: Connection


def join(model: NDM, untrained: NDM, x: Array, targets: Targets, pairs: int = 6) -> Joined:
    """Join points of the data by geodesics, in the first chart.

    Pairs are drawn by chance, the same for the same data: of different classes where there are
    classes, and the half of them that lie farthest apart.

    Args:
        model: with a metric.
        untrained: the model before training.
        x: (N, n), points.
        targets: of the points.
        pairs: how many.

    Returns:
        Both connections; which pairs converged is in them.

    Raises:
        DataError: fewer than two points.
    """
    if len(x) < 2 or pairs < 1:
        raise DataError(f"{len(x)} points and {pairs} pairs were given; needed are 2 and 1")
    points = in_first_chart(model, x)
    chosen = torch.as_tensor(_pairs(x, targets, pairs))
    p, q = points[chosen[:, 0]], points[chosen[:, 1]]
    return Joined(connect(model.field(0), p, q), connect(untrained.field(0), p, q))


def _pairs(x: Array, targets: Targets, count: int) -> Array:
    random = np.random.default_rng(0)
    drawn = random.integers(len(x), size=(max(40 * count, 200), 2))
    drawn = drawn[(x[drawn[:, 0]] != x[drawn[:, 1]]).any(1)]
    if targets.classes:
        y = targets.values[drawn]
        other = drawn[y[:, 0] != y[:, 1]]
        drawn = other if len(other) else drawn
    drawn = drawn[: 2 * count]
    far = np.argsort(-np.linalg.norm(x[drawn[:, 0]] - x[drawn[:, 1]], axis=1), kind="stable")
    return np.asarray(drawn[np.sort(far[:count])])


def geodesics_figure(
    model: NDM, untrained: NDM, joined: Joined, x: Array, targets: Targets
) -> Any:  # fmt: skip
    """The geodesics over the data: after training, and before it as a control.

    Args:
        model: with a metric.
        untrained: the model before training.
        joined: what `join` found.
        x: (N, n), points.
        targets: what they are coloured by.

    Returns:
        A figure of matplotlib.
    """
    plane = plane_of(model, x)
    points = plane.coordinates(in_first_chart(model, x))
    figure = new_figure(11, 5)
    panels = (("after training", model, joined.trained),
              ("before training (control)", untrained, joined.untrained))  # fmt: skip
    limit = None
    for k, (when, one, found) in enumerate(panels):
        axes = figure.add_subplot(1, 2, k + 1)
        shown = _view(plane, points, found)
        if model.dimension == 2:  # in more, curves leave the plane, and R is not that along them
            background = geometry_map(one.field(0), shown, 110)
            limit = limit or curvature_limit(background)
            image = shade(axes, background, background.curvature.numpy(), limit)
            image.set_alpha(0.45)
        scatter(axes, points, targets, pale=True)
        draw(axes, plane, found)
        good = int(found.converged.sum())
        dress(axes, plane, f"{when}: {good} of {found.converged.numel()} pairs joined")
        axes.set_xlim(shown[0])
        axes.set_ylim(shown[1])
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False,
        fontsize=9,
    )  # fmt: skip
    return figure


def _view(plane: Plane, points: Array, found: Connection) -> Bounds:
    """What is shown: the data, and the curves as far as the data's width beyond."""
    low, high = points.min(0), points.max(0)
    reach = np.where(high > low, high - low, 1.0)
    lines = plane.coordinates(found.at(torch.linspace(0, 1, 60, dtype=torch.float64))[0])
    lines = lines[found.converged.numpy()].reshape(-1, 2)
    inside = np.clip(lines, low - reach, high + reach)
    return bounds_of(np.concatenate((points, inside)))


def draw(axes: Any, plane: Plane, found: Connection) -> None:
    """Draw curves with marks at equal distances, and straight lines beside them.

    Args:
        axes: of matplotlib.
        plane: on which they are projected.
        found: pairs (N, n).
    """
    line, dots = (
        plane.coordinates(found.at(torch.linspace(0, 1, count, dtype=torch.float64))[0])
        for count in (200, _MARKS)
    )
    ends = plane.coordinates(torch.stack((found.p, found.q), 1))
    for k, good in enumerate(found.converged.tolist()):
        axes.plot(*ends[k].T, "--", color="#666666" if good else _RED, lw=1)
        if good:
            axes.plot(*line[k].T, color="black", lw=1.7)
            axes.plot(*dots[k].T, "o", color="black", ms=3.5, mfc="white", mew=1)
    axes.plot(
        [], [], "o-", color="black", ms=3.5, mfc="white",
        label="geodesic, marks at equal distances under g",
    )  # fmt: skip
    axes.plot([], [], "--", color="#666666", label="straight in these coordinates")
    if not bool(found.converged.all()):
        axes.plot([], [], "--", color=_RED, label="no geodesic found")
