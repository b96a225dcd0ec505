"""The data in every chart."""

from __future__ import annotations

import math
from typing import Any

import torch

from ndm.errors import ModelError
from ndm.model import NDM
from ndm.plots.canvas import Array, Targets, key, new_figure, scatter

__all__ = ["charts_figure"]


def charts_figure(model: NDM, x: Array, targets: Targets) -> Any:
    """The first two coordinates of the data in every chart.

    Args:
        model: the model.
        x: (N, n), points.
        targets: what they are coloured by.

    Returns:
        A figure of matplotlib.

    Raises:
        ModelError: charts of one coordinate.
    """
    if model.dimension < 2:
        raise ModelError("charts of one coordinate cannot be drawn in a plane")
    dtype = next(model.parameters()).dtype
    with torch.no_grad():
        trace = model.trace(torch.as_tensor(x, dtype=dtype))
    columns = min(4, len(trace))
    rows = math.ceil(len(trace) / columns)
    figure = new_figure(3.2 * columns, 3 * rows + 0.3)
    panels = []
    for k, points in enumerate(trace):
        axes = figure.add_subplot(rows, columns, k + 1)
        scatter(axes, points[:, :2].double().numpy(), targets)
        axes.set_title("chart 0 (input)" if k == 0 else f"chart {k}", fontsize=10)
        axes.tick_params(labelsize=8)
        panels.append(axes)
    key(figure, panels, targets)
    return figure
