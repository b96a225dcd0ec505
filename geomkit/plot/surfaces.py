"""Curves on a surface in space."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import MetricError
from geomkit.plot.figures import new_figure, require, several_colours
from geomkit.plot.space import plotly_colour, turning_scene
from geomkit.plot.values import box_range, middle_values

if TYPE_CHECKING:
    from geomkit.metric import Metric

__all__ = ["on_surface"]

Array = NDArray[np.float64]
_VIEW = (28.0, -55.0)  # elevation and azimuth of who looks at a still picture, in degrees
_BEHIND = {"linewidth": 0.9, "linestyle": (0, (2, 2)), "alpha": 0.5}
_PIXELS = 150
_LINES = 17  # lines of constant coordinates in a still picture, each way
_SURFACE = np.array([0.90, 0.93, 0.97])
_LIGHT = np.array([0.36, -0.48, 0.80])


def on_surface(
    metric: Metric,
    map: Sequence[Any],
    trajectories: Iterable[Any] = (),
    *,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    parameters: Mapping[str, float] | None = None,
    resolution: int = 80,
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
    if not isinstance(resolution, int) or resolution < 2:
        raise MetricError(f"resolution = {resolution!r}: give a whole number, at least 2")
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

    entries = {
        f"space_{k}": metric.resolve(entry, where=f"map, {'xyz'[k]}") for k, entry in enumerate(map)
    }
    kernel = compile(metric, entries, backend)
    scalars = {name: values[name] for name in kernel.signature.names}

    def place(points: Array) -> Array:
        return np.stack(kernel(np.asarray(points, dtype=np.float64), **scalars), axis=-1)

    return place


def _still(mesh: Array, lines: Sequence[Array], title: str) -> Any:
    figure, axes = new_figure(6, 6, projection="3d")
    axes.set_proj_type("ortho")
    axes.view_init(*_VIEW)
    axes.computed_zorder = False
    axes.plot_surface(
        mesh[..., 0],
        mesh[..., 1],
        mesh[..., 2],
        facecolors=_shades(mesh),
        shade=False,
        linewidth=0,
        antialiased=False,
        rcount=mesh.shape[0],
        ccount=mesh.shape[1],
        zorder=1,
    )
    grid = _coordinate_lines(mesh)
    x, y, z = np.where(visible(mesh, grid, *_VIEW)[:, None], grid, np.nan).T
    axes.plot(x, y, z, color="#A9B8C4", linewidth=0.5, zorder=2)
    for line, colour in zip(lines, several_colours(len(lines)), strict=True):
        seen = visible(mesh, line, *_VIEW)
        for part, style in ((seen, {"linewidth": 2.0}), (~seen, _BEHIND)):
            x, y, z = np.where(part[:, None], line, np.nan).T
            axes.plot(x, y, z, color=colour, zorder=3 if part is seen else 2, **style)
    _equal_box(axes, mesh)
    axes.set_title(title, fontsize=11)
    return figure


def _shades(mesh: Array) -> Array:
    """Colours of the faces: lighter where they face the light, on both sides alike."""
    along, across = np.gradient(mesh, axis=0), np.gradient(mesh, axis=1)
    normals = np.cross(along, across)
    sizes = np.linalg.norm(normals, axis=-1)
    facing = np.abs(normals @ _LIGHT) / np.where(sizes > 0, sizes, 1.0)
    strength = np.where(sizes > 1e-9 * sizes.max(initial=0.0), 0.78 + 0.22 * facing, 1.0)
    shades: Array = np.clip(strength[..., None] * _SURFACE, 0, 1)
    return shades


def _coordinate_lines(mesh: Array) -> Array:
    """Some lines of constant coordinates, with NaN between them, (N, 3)."""
    gap = np.full((1, 3), np.nan)
    parts = []
    for sheet in (mesh, mesh.swapaxes(0, 1)):
        chosen = np.unique(np.linspace(0, len(sheet) - 1, _LINES).astype(int))
        parts += [piece for k in chosen for piece in (sheet[k], gap)]
    return np.concatenate(parts)


def visible(mesh: Array, line: Array, elevation: float, azimuth: float) -> NDArray[np.bool_]:
    """Return which points of a curve on a surface are not behind the surface.

    The surface is projected along the view into a grid of pixels, each with the depth of what is
    in front; a point is hidden if that is nearer by more than a pixel's slope can explain.

    Args:
        mesh: points of the surface, (A, B, 3).
        line: points of the curve, (N, 3).
        elevation: of the viewer, in degrees.
        azimuth: of the viewer, in degrees.

    Returns:
        One flag a point, (N,).

    Example:
        >>> u, v = np.meshgrid(np.linspace(0, np.pi, 60), np.linspace(0, 2 * np.pi, 60))
        >>> ball = np.stack([np.sin(u) * np.cos(v), np.sin(u) * np.sin(v), np.cos(u)], axis=-1)
        >>> visible(ball, np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]]), 0.0, 0.0)
        array([ True, False])
    """
    e, a = np.radians([elevation, azimuth])
    towards = np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
    right = np.array([-np.sin(a), np.cos(a), 0.0])
    frame = np.stack([right, np.cross(towards, right), towards], axis=1)
    points = _refined(mesh).reshape(-1, 3) @ frame
    low = points[:, :2].min(axis=0)
    size = float(np.ptp(points[:, :2], axis=0).max()) or 1.0
    depth = np.full((_PIXELS + 1, _PIXELS + 1), -np.inf)
    places = ((points[:, :2] - low) / size * _PIXELS).astype(int)
    np.maximum.at(depth, (places[:, 0], places[:, 1]), points[:, 2])
    curve = line @ frame
    place = np.nan_to_num((curve[:, :2] - low) / size * _PIXELS)
    at = np.clip(place.astype(int), 0, _PIXELS)
    seen: NDArray[np.bool_] = curve[:, 2] >= depth[at[:, 0], at[:, 1]] - 0.08 * size
    return seen


def _refined(mesh: Array) -> Array:
    """Points between those of a mesh, so that its picture has no holes."""
    for axis in (0, 1):
        count = mesh.shape[axis]
        places = np.linspace(0, count - 1, max(count, 4 * _PIXELS))
        below = np.minimum(places.astype(int), max(count - 2, 0))
        part = (places - below).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        above = np.minimum(below + 1, count - 1)
        mesh = (1 - part) * mesh.take(below, axis) + part * mesh.take(above, axis)
    return mesh


def _equal_box(axes: Any, mesh: Array) -> None:
    low, high = mesh.reshape(-1, 3).min(axis=0), mesh.reshape(-1, 3).max(axis=0)
    high = np.maximum(high, low + 1e-9 * max(1.0, float(np.abs(mesh).max())))
    for place, letter in zip(range(3), "xyz", strict=True):
        getattr(axes, f"set_{letter}lim")(low[place], high[place], view_margin=0)
    axes.set_box_aspect(high - low, zoom=1.3)
    axes.set_axis_off()


def _turning(mesh: Array, lines: Sequence[Array], title: str) -> Any:
    require("plotly")
    from plotly import graph_objects

    figure = graph_objects.Figure()
    figure.add_surface(
        x=mesh[..., 0],
        y=mesh[..., 1],
        z=mesh[..., 2],
        opacity=0.75,
        showscale=False,
        hoverinfo="skip",
        colorscale=[[0, "#DDE6EE"], [1, "#DDE6EE"]],
    )
    for line, colour in zip(lines, several_colours(len(lines)), strict=True):
        figure.add_scatter3d(
            x=line[:, 0],
            y=line[:, 1],
            z=line[:, 2],
            mode="lines",
            line={"width": 6, "color": plotly_colour(colour)},
            showlegend=False,
        )
    turning_scene(figure, title, axes=False)
    return figure
