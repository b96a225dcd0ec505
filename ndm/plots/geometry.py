"""Maps of curvature and volume over the data."""

from __future__ import annotations

from typing import Any

import numpy as np

from ndm.analysis import GeometryMap, geometry_map
from ndm.errors import ModelError
from ndm.model import NDM
from ndm.plots.canvas import (
    Array,
    Plane,
    Targets,
    in_first_chart,
    key,
    new_figure,
    plane_of,
    scatter,
)

__all__ = ["Bounds", "bounds_of", "curvature_limit", "dress", "geometry_figure", "shade"]

Bounds = tuple[tuple[float, float], tuple[float, float]]

_MARGIN = 0.08  # of the data's width, around it
_RESOLUTION = 120  # points of a map along each side, in two dimensions
_SLICE = 60  # likewise in more, where curvature costs more


def geometry_figure(model: NDM, untrained: NDM, x: Array, targets: Targets) -> Any:
    """Scalar curvature and log volume around the data, beside the curvature before training.

    In more than two dimensions the map is that of a plane through the data's mean, with R of the
    whole metric; the data are projected on it.

    Args:
        model: with a metric.
        untrained: the model before training, on the same scale of colours: the control.
        x: (N, n), points.
        targets: what they are coloured by.

    Returns:
        A figure of matplotlib.

    Raises:
        ModelError: there is no metric, or a chart of one coordinate.
    """
    if not model.has_metric:
        raise ModelError("maps of the geometry need a metric; this model has none")
    plane = plane_of(model, x)
    points = plane.coordinates(in_first_chart(model, x))
    after, before = (
        geometry_map(
            one.field(0), bounds_of(points), _SLICE if model.dimension > 2 else _RESOLUTION,
            origin=plane.origin, directions=plane.directions,
        )
        for one in (model, untrained)
    )  # fmt: skip
    limit = curvature_limit(after)
    panels = [
        ("scalar curvature R", after, after.curvature, limit),
        ("R before training (control)", before, before.curvature, limit),
        ("log √det g in chart 0", after, after.log_volume, None),
    ]
    figure = new_figure(13, 4.3)
    drawn = []
    for k, (title, found, values, most) in enumerate(panels):
        axes = figure.add_subplot(1, 3, k + 1)
        shown = shade(axes, found, values.numpy(), most)
        bar = figure.colorbar(shown, ax=axes, extend="both" if most else "neither")
        bar.ax.tick_params(labelsize=8)
        scatter(axes, points, targets, edge=True)
        dress(axes, plane, title)
        drawn.append(axes)
    key(figure, drawn, targets)
    return figure


def bounds_of(points: Array) -> Bounds:
    """A rectangle around points (N, 2), with a margin."""
    low, high = points.min(0), points.max(0)
    margin = np.where(high > low, _MARGIN * (high - low), 1.0)
    (u0, v0), (u1, v1) = (low - margin).tolist(), (high + margin).tolist()
    return (u0, u1), (v0, v1)


def curvature_limit(found: GeometryMap) -> float:
    """Where the colours of R end: few points may be beyond, lest they leave all others white."""
    values = np.abs(found.curvature.numpy())
    values = values[np.isfinite(values)]
    return float(np.quantile(values, 0.98)) if values.size and values.max() > 0 else 1.0


def shade(axes: Any, found: GeometryMap, values: Array, limit: float | None) -> Any:
    """Colours for values (H, W) on the grid of a map.

    Args:
        axes: of matplotlib.
        found: the map.
        values: what is shown.
        limit: colours are from -limit to limit, white at 0; by default those of the values.

    Returns:
        The image.
    """
    style: dict[str, Any] = {"cmap": "viridis"}
    if limit is not None:
        style = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    image = axes.pcolormesh(found.u.numpy(), found.v.numpy(), values, **style)
    image.set_rasterized(True)
    return image


def dress(axes: Any, plane: Plane, title: str) -> None:
    """Title, names of the coordinates, small numbers.

    Args:
        axes: of matplotlib.
        plane: that is shown.
        title: of the panel.
    """
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(plane.names[0], fontsize=9)
    axes.set_ylabel(plane.names[1], fontsize=9)
    axes.tick_params(labelsize=8)
