"""Curves on a surface in space."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import MetricError
from geomkit.plot.figures import COLOURS, new_figure, require
from geomkit.plot.values import box_range, middle_values

if TYPE_CHECKING:
    from geomkit.metric import Metric

__all__ = ["on_surface"]

Array = NDArray[np.float64]


def on_surface(
    metric: Metric,
    map: Sequence[Any],
    trajectories: Iterable[Any] = (),
    *,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    parameters: Mapping[str, float] | None = None,
    resolution: int = 60,
    turn: bool = False,
    title: str = "",
    backend: str = "numba",
) -> Any:
    """Draw a surface in space and curves on it.

    Args:
        metric: a metric in two coordinates (only its symbols are used).
        map: three functions of them: where a point lies in space.
        trajectories: results of `geomkit.geodesic` (anything with `points`).
        ranges: from where to where the coordinates go; by default the boxes of the domain.
        parameters: values of the parameters; by default the middle of their boxes.
        resolution: lines of the surface a side.
        turn: True for a plotly figure that can be turned, False for a matplotlib one.
        title: text above.
        backend: of the kernel that computes the map.

    Returns:
        The figure.

    Raises:
        MetricError: the metric has not two coordinates, or the map not three functions.

    Example:
        >>> import geomkit as gk
        >>> half_sphere = on_surface(
        ...     gk.catalog["sphere2"],
        ...     ["sin(theta)*cos(phi)", "sin(theta)*sin(phi)", "cos(theta)"],
        ...     ranges={"theta": (0.0, 1.57), "phi": (0.0, 6.28)},
        ...     resolution=10, backend="interpret")
        >>> len(half_sphere.axes)
        1
    """
    if metric.n != 2 or len(map) != 3:
        raise MetricError(
            f"a surface in space needs 2 coordinates and 3 functions, not {metric.n} and {len(map)}"
        )
    middle = middle_values(metric, parameters or {})
    place = _placing(metric, map, middle, backend)
    grids = []
    for k, x in enumerate(metric.coordinates):
        low, high = (ranges or {}).get(x.name) or box_range(metric, k, middle)
        grids.append(np.linspace(low, high, resolution))
    mesh = place(np.stack(np.meshgrid(*grids, indexing="ij"), axis=-1))
    lines = [place(np.asarray(one.points)) for one in trajectories]
    return (_turning if turn else _still)(mesh, lines, title)


def _placing(
    metric: Metric, map: Sequence[Any], values: Mapping[str, float], backend: str
) -> Callable[[Array], Array]:
    """Return a function from coordinates (..., 2) to space (..., 3)."""
    from geomkit.kernel import compile

    names = [f"space_{k}" for k in range(3)]
    kernel = compile(metric, dict(zip(names, map, strict=True)), backend)
    scalars = {name: values[name] for name in kernel.signature.names}

    def place(points: Array) -> Array:
        return np.stack(kernel(np.asarray(points, dtype=np.float64), **scalars), axis=-1)

    return place


def _still(mesh: Array, lines: Sequence[Array], title: str) -> Any:
    figure, axes = new_figure(6, 6, projection="3d")
    axes.plot_surface(
        mesh[..., 0],
        mesh[..., 1],
        mesh[..., 2],
        color="#E8E8E8",
        edgecolor="0.75",
        linewidth=0.2,
        alpha=0.55,
    )
    for k, line in enumerate(lines):
        axes.plot(line[:, 0], line[:, 1], line[:, 2], color=COLOURS[k % len(COLOURS)], linewidth=2)
    _equal_box(axes, mesh)
    axes.set_title(title, fontsize=10)
    return figure


def _equal_box(axes: Any, mesh: Array) -> None:
    low, high = mesh.reshape(-1, 3).min(axis=0), mesh.reshape(-1, 3).max(axis=0)
    axes.set_box_aspect(np.maximum(high - low, 1e-9))
    axes.set_axis_off()


def _turning(mesh: Array, lines: Sequence[Array], title: str) -> Any:
    require("plotly")
    from plotly import graph_objects

    figure = graph_objects.Figure()
    figure.add_surface(
        x=mesh[..., 0],
        y=mesh[..., 1],
        z=mesh[..., 2],
        opacity=0.6,
        showscale=False,
        colorscale=[[0, "#E0E0E0"], [1, "#C8C8C8"]],
    )
    for k, line in enumerate(lines):
        figure.add_scatter3d(
            x=line[:, 0],
            y=line[:, 1],
            z=line[:, 2],
            mode="lines",
            line={"width": 6, "color": COLOURS[k % len(COLOURS)]},
            showlegend=False,
        )
    figure.update_layout(title=title, scene={"aspectmode": "data"})
    return figure
