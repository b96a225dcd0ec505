"""Pictures of a run: curves, the geometry over the data, the way through the charts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geomkit.plot.figures import COLOURS, require
from ndm.errors import ModelError
from ndm.model import NDM

__all__ = ["charts_figure", "curves_figure", "geometry_figure"]

Array = NDArray[Any]
Rows = Sequence[Mapping[str, float]]

_PANELS = (
    ("loss of the task", ("train/task", "validation/task"), "log"),
    ("geometric terms", ("train/curvature", "train/volume", "train/fisher"), "log"),
    ("E[R²]", ("validation/mean_curvature_squared",), "log"),
    ("variance of log volume", ("validation/log_volume_variance",), "log"),
    ("condition number of g, metric variation",
     ("validation/condition_number", "validation/metric_variation"), "log"),
    ("lambda", ("train/lambda",), "linear"),
)  # fmt: skip
_RESOLUTION = 120  # points of a map along each side
_SHOWN = 2000  # points of the data in a picture, at most


def curves_figure(rows: Rows, best_epoch: int | None = None) -> Any:
    """The curves of a run.

    Args:
        rows: figures by name, one for each epoch, as in metrics.csv.
        best_epoch: is marked.

    Returns:
        A figure of matplotlib.
    """
    figure = _figure(12, 6)
    shown = [
        (title, [name for name in names if any(_number(row, name) for row in rows)], scale)
        for title, names, scale in _PANELS
    ]
    shown = [panel for panel in shown if panel[1]]
    columns = min(3, len(shown))
    for k, (title, names, scale) in enumerate(shown):
        axes = figure.add_subplot(math.ceil(len(shown) / columns), columns, k + 1)
        for name, colour in zip(names, COLOURS, strict=False):
            epochs = [row["epoch"] for row in rows]
            values = [_number(row, name) for row in rows]
            dots = "o" if len(rows) < 30 else None
            axes.plot(epochs, values, color=colour, label=name.replace("_", " "), marker=dots, ms=3)
        low = min((v for name in names for row in rows if (v := _number(row, name)) > 0), default=0)
        if scale == "log" and low > 0:
            axes.set_yscale("log")
        if best_epoch is not None:
            axes.axvline(best_epoch, color="#888888", lw=1, ls=":")
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("epoch", fontsize=9)
        axes.tick_params(labelsize=8)
        axes.xaxis.get_major_locator().set_params(integer=True)
        if len(names) > 1:
            axes.legend(fontsize=7, frameon=False)
    return figure


def _number(row: Mapping[str, float], name: str) -> float:
    return float(row.get(name, 0.0))


def geometry_figure(model: NDM, untrained: NDM, x: Array, y: Array, classes: bool) -> Any:
    """Scalar curvature and log volume over the data, beside the curvature before training.

    Args:
        model: with a metric, of data of two coordinates.
        untrained: the model before training, on the same scale of colours: the control.
        x: (N, 2), points.
        y: targets.
        classes: whether targets are class numbers.

    Returns:
        A figure of matplotlib.

    Raises:
        ModelError: the data have not two coordinates, or there is no metric.
    """
    if x.shape[1] != 2 or not model.has_metric:
        raise ModelError("maps of the geometry need a metric, and data of two coordinates")
    low, high = x.min(0), x.max(0)
    margin = 0.08 * (high - low)
    axes_of = [
        np.linspace(a - m, b + m, _RESOLUTION) for a, b, m in zip(low, high, margin, strict=True)
    ]
    grid = np.stack(np.meshgrid(*axes_of), -1).reshape(-1, 2)
    after, before = _geometry(model, grid), _geometry(untrained, grid)
    limit = float(np.quantile(np.abs(after[0]), 0.98)) or 1.0
    panels = [
        ("scalar curvature R", after[0], "RdBu_r", (-limit, limit)),
        ("R before training (control)", before[0], "RdBu_r", (-limit, limit)),
        ("log volume, in input coordinates", after[1], "viridis", (None, None)),
    ]
    figure = _figure(13, 4)
    for k, (title, values, colours, (least, most)) in enumerate(panels):
        axes = figure.add_subplot(1, 3, k + 1)
        shown = axes.pcolormesh(
            *axes_of, values.reshape(_RESOLUTION, -1), cmap=colours, vmin=least, vmax=most
        )
        bar = figure.colorbar(shown, ax=axes, extend="neither" if least is None else "both")
        bar.ax.tick_params(labelsize=8)
        _scatter(axes, x, y, classes, edge=True)
        axes.set_title(title, fontsize=10)
        axes.tick_params(labelsize=8)
    return figure


def _geometry(model: NDM, grid: Array) -> tuple[Array, Array]:
    """R, which is the same in all charts, and log sqrt(det g) in the first."""
    dtype = next(model.parameters()).dtype
    scalar, volume = [], []
    with torch.no_grad():
        for points in torch.as_tensor(grid, dtype=dtype).split(4096):
            found: Tensor = model.geometry(points).scalar_curvature
            scalar.append(found if found.ndim == 1 else found[0])
            volume.append(model.field(0).log_volume(model.trace(points)[0]))
    return torch.cat(scalar).double().numpy(), torch.cat(volume).double().numpy()


def charts_figure(model: NDM, x: Array, y: Array, classes: bool) -> Any:
    """The first two coordinates of the data in every chart.

    Args:
        model: the model.
        x: (N, n), points.
        y: targets.
        classes: whether targets are class numbers.

    Returns:
        A figure of matplotlib.

    Raises:
        ModelError: charts of one coordinate.
    """
    if model.dimension < 2:
        raise ModelError("charts of one coordinate cannot be drawn in a plane")
    dtype = next(model.parameters()).dtype
    with torch.no_grad():
        trace = model.trace(torch.as_tensor(x[:_SHOWN], dtype=dtype))
    columns = min(4, len(trace))
    rows = math.ceil(len(trace) / columns)
    figure = _figure(3.2 * columns, 3 * rows)
    for k, points in enumerate(trace):
        axes = figure.add_subplot(rows, columns, k + 1)
        _scatter(axes, points[:, :2].double().numpy(), y[:_SHOWN], classes, edge=False)
        name = "chart 0 (input)" if k == 0 else f"chart {k}"
        axes.set_title(name, fontsize=10)
        axes.tick_params(labelsize=8)
    return figure


def _scatter(axes: Any, x: Array, y: Array, classes: bool, *, edge: bool) -> None:
    x, y = x[:_SHOWN], y[:_SHOWN]
    style: dict[str, Any] = {"s": 12, "linewidths": 0.4, "edgecolors": "white" if edge else "none"}
    if not classes:
        values = y.reshape(len(y), -1)[:, :1]
        colours = {"c": values[:, 0], "cmap": "cividis"} if y.size else {"color": COLOURS[0]}
        axes.scatter(x[:, 0], x[:, 1], **colours, **style)
        return
    for number in np.unique(y):
        part, colour = x[y == number], COLOURS[int(number) % len(COLOURS)]
        mark = "os^Dv<>p"[int(number) // len(COLOURS) % 8 if number >= len(COLOURS) else 0]
        axes.scatter(part[:, 0], part[:, 1], color=colour, marker=mark, **style)


def _figure(width: float, height: float) -> Any:
    require("matplotlib")
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")
