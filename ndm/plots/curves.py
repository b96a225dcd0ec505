"""The curves of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from geomkit.plot.figures import COLOURS
from ndm.plots.canvas import new_figure

__all__ = ["curves_figure"]

Rows = Sequence[Mapping[str, float]]

_PANELS = (
    ("loss of the task", ("train/task", "validation/task"), "log"),
    ("geometric terms", ("train/curvature", "train/volume", "train/fisher",
                         "train/consistency"), "log"),
    ("E[R²]", ("validation/mean_curvature_squared",), "log"),
    ("variance of log volume", ("validation/log_volume_variance",), "log"),
    ("condition number of g, metric variation",
     ("validation/condition_number", "validation/metric_variation"), "log"),
    ("lambda", ("train/lambda",), "linear"),
)  # fmt: skip


def curves_figure(rows: Rows, best_epoch: int | None = None) -> Any:
    """The curves of a run.

    Args:
        rows: figures by name, one for each epoch, as in metrics.csv.
        best_epoch: is marked.

    Returns:
        A figure of matplotlib.
    """
    figure = new_figure(12, 6)
    shown = [
        (title, [name for name in names if any(_number(row, name) for row in rows)], scale)
        for title, names, scale in _PANELS
    ]
    shown = [panel for panel in shown if panel[1]]
    columns = min(3, len(shown))
    for k, (title, names, scale) in enumerate(shown):
        axes = figure.add_subplot(math.ceil(len(shown) / columns), columns, k + 1)
        _draw(axes, rows, names, scale)
        if best_epoch is not None:
            axes.axvline(best_epoch, color="#888888", lw=1, ls=":", label="best epoch")
        axes.set_title(title, fontsize=10)
        if k >= len(shown) - columns:
            axes.set_xlabel("epoch", fontsize=9)
        if len(names) > 1 or k == 0:
            axes.legend(fontsize=7, frameon=False)
    return figure


def _draw(axes: Any, rows: Rows, names: Sequence[str], scale: str) -> None:
    from matplotlib.ticker import LogLocator

    for name, colour in zip(names, COLOURS, strict=False):
        # an epoch without this figure, or of one that vanishes, has no place on this scale
        pairs = [(row["epoch"], _number(row, name)) for row in rows if name in row]
        dots = "o" if len(rows) < 30 else None
        axes.plot(*zip(*pairs, strict=True), color=colour, label=_label(name), marker=dots, ms=3)
    values = [v for name in names for row in rows if (v := _number(row, name)) > 0]
    if scale == "log" and values:
        axes.set_yscale("log")
        # within one decade powers of ten alone would leave an axis without numbers
        if max(values) < 30 * min(values):
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter("")
    axes.tick_params(labelsize=8)
    axes.xaxis.get_major_locator().set_params(integer=True)


def _label(name: str) -> str:
    part, _, figure = name.partition("/")
    return f"{figure.replace('_', ' ')}, {part}" if part else figure


def _number(row: Mapping[str, float], name: str) -> float:
    return float(row.get(name, 0.0))
