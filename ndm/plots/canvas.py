"""What pictures of a run share: figures, points in colours with a key, the plane of the data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geomkit.plot.figures import COLOURS, require
from ndm.errors import ModelError
from ndm.model import NDM

__all__ = [
    "Array",
    "Plane",
    "Targets",
    "in_first_chart",
    "key",
    "new_figure",
    "plane_of",
    "scatter",
]

Array = NDArray[Any]

_SHOWN = 2000  # points of the data in a picture, at most
_KEYS = 12  # classes that a key names, at most
_MARKS = "osD^v<>p"


@dataclass(frozen=True)
class Targets:
    """What points are coloured by.

    Attributes:
        values: class numbers (N,), or numbers (N, k), of which the first is shown; k may be 0.
        classes: whether they are class numbers.
        names: of the classes; () for their numbers.
    """

    values: Array
    classes: bool
    names: tuple[str, ...] = ()

    def name(self, number: int) -> str:
        """What a class is called."""
        return self.names[number] if number < len(self.names) else str(number)


@dataclass(frozen=True)
class Plane:
    """A plane in the first chart.

    Attributes:
        origin: (n,).
        directions: (2, n), orthonormal.
        names: of its two coordinates.
    """

    origin: Tensor
    directions: Tensor
    names: tuple[str, str]

    def coordinates(self, x: Tensor) -> Array:
        """Coordinates (..., 2) of points (..., n), which are projected on the plane."""
        result: Array = ((x.double() - self.origin) @ self.directions.mT).numpy()
        return result


def in_first_chart(model: NDM, x: Array) -> Tensor:
    """Data as coordinates (N, n) in the model's first chart, padded if it is wider.

    Args:
        model: the model.
        x: (N, m), the data.

    Returns:
        Points in float64.
    """
    dtype = next(model.parameters()).dtype
    with torch.no_grad():
        points: Tensor = model.trace(torch.as_tensor(x, dtype=dtype))[0].double()
    return points


def plane_of(model: NDM, x: Array) -> Plane:
    """The plane in which a model's geometry is drawn.

    Args:
        model: the model.
        x: (N, m), the data.

    Returns:
        The first two coordinates if m = 2; otherwise the first two principal axes of the data.

    Raises:
        ModelError: a chart of one coordinate.
    """
    if model.dimension < 2:
        raise ModelError("charts of one coordinate cannot be drawn in a plane")
    points = in_first_chart(model, x)
    if x.shape[1] <= 2:
        eye = torch.eye(model.dimension, dtype=torch.float64)
        return Plane(eye[0] * 0, eye[:2], ("$x^1$", "$x^2$"))
    mean = points.mean(0)
    axes = torch.linalg.svd(points - mean, full_matrices=False).Vh
    # the sign of an axis is chance: its largest entry is taken positive
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    axes = axes * torch.sign(largest)
    if len(axes) < 2:
        raise ModelError(f"{len(points)} points have no two principal axes; give more")
    return Plane(mean, axes[:2], ("first principal axis", "second principal axis"))


def new_figure(width: float, height: float) -> Any:
    """An empty figure, that no window is opened for.

    Args:
        width: in inches.
        height: in inches.

    Returns:
        A figure of matplotlib.
    """
    require("matplotlib")
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def scatter(
    axes: Any, points: Array, targets: Targets, *, edge: bool = False, pale: bool = False
) -> None:
    """Draw points, coloured by their targets.

    Args:
        axes: of matplotlib.
        points: (N, 2).
        targets: of the points.
        edge: whether they get a white edge, to be seen on a map.
        pale: whether they stay behind what is drawn over them.
    """
    points, y = points[:_SHOWN], targets.values[:_SHOWN]
    # many points are drawn small, lest they hide what they are drawn on
    share = min(1.0, math.sqrt(400 / max(len(points), 1)))
    style: dict[str, Any] = {"s": 12 * share**1.5, "linewidths": 0.4 * share,
                             "edgecolors": "white" if edge else "none"}  # fmt: skip
    style["alpha"] = 0.4 if pale else None
    if not targets.classes:
        colours = {"c": y.reshape(len(y), -1)[:, 0], "cmap": "cividis"} if y.size else {
            "color": COLOURS[0]
        }  # fmt: skip
        axes.scatter(points[:, 0], points[:, 1], **colours, **style)
        return
    for number in np.unique(y):
        part, colour = points[y == number], COLOURS[int(number) % len(COLOURS)]
        mark = _MARKS[int(number) // len(COLOURS) % len(_MARKS)]
        axes.scatter(
            part[:, 0], part[:, 1], color=colour, marker=mark, label=targets.name(int(number)),
            **style,
        )  # fmt: skip


def key(figure: Any, panels: list[Any], targets: Targets) -> None:
    """Say which colour is what: a legend below the figure, or a bar of colours.

    Args:
        figure: of matplotlib.
        panels: axes in which `scatter` drew.
        targets: of the points.
    """
    if targets.classes:
        handles, labels = panels[-1].get_legend_handles_labels()
        if len(labels) <= _KEYS:
            figure.legend(
                handles, labels, loc="outside lower center", ncols=len(labels), frameon=False,
                fontsize=9, markerscale=2.2,
            )  # fmt: skip
    elif targets.values.size:
        bar = figure.colorbar(
            panels[-1].collections[-1], ax=panels, location="bottom", shrink=0.35, aspect=45
        )
        bar.set_label("target, standardised", fontsize=9)
        bar.ax.tick_params(labelsize=8)
