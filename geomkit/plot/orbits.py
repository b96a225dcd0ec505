"""Curves in the plane: orbits in polar coordinates, curves in two coordinates, fans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from geomkit.errors import MetricError
from geomkit.plot.figures import COLOURS, new_figure, several_colours, spelt

__all__ = ["curves", "fan", "orbits"]


def orbits(
    trajectories: Iterable[Any],
    *,
    radius: str = "r",
    angle: str = "phi",
    circles: Mapping[str, float] | None = None,
    extent: float | None = None,
    labels: Sequence[str] | None = None,
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
        labels: what each curve is; curves of one label have one colour and one entry in the legend.
        colours: one a curve; by default one a label, or all alike.
        title: text above.

    Returns:
        A matplotlib figure.

    Raises:
        MetricError: there is no curve, it has no such coordinate, or there are not as many labels.
    """
    rays = _columns(trajectories, radius, angle)
    if labels is not None and len(labels) != len(rays):
        raise MetricError(f"{len(labels)} labels were given for {len(rays)} curves; give one each")
    figure, axes = new_figure(6.4, 6.4)
    _draw_rays(axes, rays, labels, colours)
    _draw_circles(axes, circles or {}, first=len(set(labels or [""])))
    if circles or labels:
        longest = max(map(len, [*(labels or []), *(circles or {})]))
        columns = max(1, min(4, int(6.2 / (0.35 + 0.075 * longest))))  # inches: a letter, a sample
        figure.legend(loc="outside lower center", ncols=columns, fontsize=9, frameon=False)
    reach = extent or _reach(rays, (circles or {}).values())
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-reach, reach)
    axes.set_aspect("equal")
    axes.set_xlabel(f"{spelt(radius)} cos {spelt(angle)}")
    axes.set_ylabel(f"{spelt(radius)} sin {spelt(angle)}")
    axes.set_title(title, fontsize=11)
    return figure


def _draw_rays(
    axes: Any,
    rays: Sequence[tuple[Any, ...]],
    labels: Sequence[str] | None,
    colours: Sequence[str] | None,
) -> None:
    """Draw the curves; few of them are drawn wide, with a dot where they start."""
    kinds = list(dict.fromkeys(labels or [""]))
    seen: set[str] = set()
    for k, (r, phi) in enumerate(rays):
        label = labels[k] if labels else ""
        colour = COLOURS[kinds.index(label) % len(COLOURS)]
        axes.plot(
            r * np.cos(phi),
            r * np.sin(phi),
            color=colours[k % len(colours)] if colours else colour,
            linewidth=1.4 if len(rays) < 4 else 0.8,
            label=label if label not in seen else None,
        )
        seen.add(label)
        if len(rays) < 4:
            axes.plot(r[0] * np.cos(phi[0]), r[0] * np.sin(phi[0]), "o", color="black", ms=4)


def _reach(rays: Sequence[tuple[Any, ...]], circles: Iterable[float]) -> float:
    """Half the side of a picture that holds everything."""
    sizes = [float(np.max(np.abs(r))) for r, _ in rays]
    return 1.05 * max([*sizes, *map(abs, circles), 1e-300])


def _draw_circles(axes: Any, circles: Mapping[str, float], first: int) -> None:
    turn = np.linspace(0, 2 * np.pi, 400)
    lines = 0
    for name, size in circles.items():
        x, y = size * np.cos(turn), size * np.sin(turn)
        if "horizon" in name:
            axes.fill(x, y, color="black", label=name, zorder=3)
        else:
            # above the curves: dashed in white underneath, so that they show on any of them
            colour = COLOURS[(first + lines) % 6]
            axes.plot(x, y, color="white", linewidth=2.6, alpha=0.7, zorder=3)
            axes.plot(x, y, "--", color=colour, linewidth=1.5, label=name, zorder=4)
            lines += 1


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
    lines = _columns(trajectories, x, y)
    for (right, up), colour in zip(lines, several_colours(len(lines)), strict=True):
        axes.plot(right, up, color=colour, linewidth=1.2 if len(lines) < 20 else 0.8)
    if equal:
        axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel(spelt(x))
    axes.set_ylabel(spelt(y))
    axes.set_title(title, fontsize=11)
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
        axes.plot(front[:, 0], front[:, 1], ".-", color=COLOURS[1], markersize=3, linewidth=0.5)
    axes.plot(rays[0][0][0], rays[0][1][0], "o", color="black", markersize=4)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel(spelt(x))
    axes.set_ylabel(spelt(y))
    axes.set_title(title, fontsize=11)
    return figure


def _columns(trajectories: Iterable[Any], *names: str) -> list[tuple[Any, ...]]:
    rays = [tuple(one.column(name) for name in names) for one in trajectories]
    if not rays:
        raise MetricError("no curve was given to draw")
    return rays
