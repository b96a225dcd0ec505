"""Curves in the plane: orbits in polar coordinates, curves in two coordinates, fans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from geomkit.errors import MetricError
from geomkit.plot.figures import COLOURS, new_figure

__all__ = ["curves", "fan", "orbits"]


def orbits(
    trajectories: Iterable[Any],
    *,
    radius: str = "r",
    angle: str = "phi",
    circles: Mapping[str, float] | None = None,
    extent: float | None = None,
    colours: Sequence[str] | None = None,
    title: str = "",
) -> Any:
    """Draw curves in polar coordinates as x = r cos(phi), y = r sin(phi).

    Args:
        trajectories: results of `geomkit.geodesic` (anything with `column(name)`).
        radius: name of the radial coordinate.
        angle: name of the angle.
        circles: radii to draw, by what they are: {"horizon": 1.44}; a horizon is filled.
        extent: half the side of the picture; by default what holds everything.
        colours: one a curve; by default all alike.
        title: text above.

    Returns:
        A matplotlib figure.

    Raises:
        MetricError: there is no curve, or it has no such coordinate.
    """
    rays = _columns(trajectories, radius, angle)
    figure, axes = new_figure(6, 6)
    for k, (r, phi) in enumerate(rays):
        colour = colours[k % len(colours)] if colours else COLOURS[0]
        axes.plot(r * np.cos(phi), r * np.sin(phi), color=colour, linewidth=0.9)
    turn = np.linspace(0, 2 * np.pi, 400)
    for k, (name, size) in enumerate((circles or {}).items()):
        x, y = size * np.cos(turn), size * np.sin(turn)
        if "horizon" in name:
            axes.fill(x, y, color="black", label=name, zorder=3)
        else:
            axes.plot(x, y, "--", color=COLOURS[1 + k % 5], linewidth=1, label=name, zorder=3)
    if circles:
        axes.legend(loc="upper right", fontsize=8)
    reach = extent or 1.05 * max(float(np.max(np.abs(r))) for r, _ in rays)
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-reach, reach)
    axes.set_aspect("equal")
    axes.set_xlabel(f"{radius} cos {angle}")
    axes.set_ylabel(f"{radius} sin {angle}")
    axes.set_title(title, fontsize=10)
    return figure


def curves(
    trajectories: Iterable[Any], x: str, y: str, *, equal: bool = True, title: str = ""
) -> Any:
    """Draw curves in two of their coordinates.

    Args:
        trajectories: results of `geomkit.geodesic` (anything with `column(name)`).
        x: name of the coordinate to the right.
        y: name of the coordinate upwards.
        equal: whether both axes have the same scale.
        title: text above.

    Returns:
        A matplotlib figure.

    Raises:
        MetricError: there is no curve, or it has no such coordinate.
    """
    figure, axes = new_figure()
    for k, (right, up) in enumerate(_columns(trajectories, x, y)):
        axes.plot(right, up, color=COLOURS[k % len(COLOURS)], linewidth=1.2)
    if equal:
        axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title, fontsize=10)
    return figure


def fan(trajectories: Iterable[Any], x: str, y: str, *, fronts: int = 5, title: str = "") -> Any:
    """Draw geodesics that leave one point, and the fronts of points at equal parameter on them.

    Args:
        trajectories: in the order of their directions, all with the same range of the parameter.
        x: name of the coordinate to the right.
        y: name of the coordinate upwards.
        fronts: how many fronts.
        title: text above.

    Returns:
        A matplotlib figure.

    Raises:
        MetricError: there is no curve, it has no such coordinate, or the curves have different
            numbers of samples.
    """
    rays = _columns(trajectories, x, y)
    if len({right.size for right, _ in rays}) > 1:
        raise MetricError("the curves of a fan need equally many samples; integrate them together")
    figure, axes = new_figure(6, 6)
    for right, up in rays:
        axes.plot(right, up, color=COLOURS[0], linewidth=0.6)
    last = rays[0][0].size - 1
    for place in np.linspace(0, last, fronts + 1).astype(int)[1:]:
        front = np.array([(right[place], up[place]) for right, up in rays])
        axes.plot(front[:, 0], front[:, 1], ".", color=COLOURS[1], markersize=3)
    axes.plot(rays[0][0][0], rays[0][1][0], "o", color="black", markersize=4)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title, fontsize=10)
    return figure


def _columns(trajectories: Iterable[Any], *names: str) -> list[tuple[Any, ...]]:
    rays = [tuple(one.column(name) for name in names) for one in trajectories]
    if not rays:
        raise MetricError("no curve was given to draw")
    return rays
