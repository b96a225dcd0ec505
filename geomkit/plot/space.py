"""Curves in space, in a picture that can be turned in a browser."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import MetricError
from geomkit.plot.figures import require, several_colours, spelt

__all__ = ["in_space", "plotly_colour", "turning_scene"]

Array = NDArray[np.float64]


def in_space(
    trajectories: Iterable[Any], *, spheres: Mapping[str, float] | None = None, title: str = ""
) -> Any:
    """Draw curves in space: spherical or polar coordinates as such, others as they are.

    Args:
        trajectories: results of `geomkit.geodesic` (anything with `column(name)` and
            `coordinates`). Of coordinates that are none of r, theta, phi, the first three are used.
        spheres: radii to draw, by what they are: {"horizon": 2.0}.
        title: text above.

    Returns:
        A plotly figure.

    Raises:
        MetricError: there is no curve.
    """
    require("plotly")
    from plotly import graph_objects

    lines = list(trajectories)
    if not lines:
        raise MetricError("no curve was given to draw")
    figure = graph_objects.Figure()
    for one, colour in zip(lines, several_colours(len(lines)), strict=True):
        x, y, z, titles = _places(one)
        style = {"width": 5, "color": plotly_colour(colour)}
        figure.add_scatter3d(x=x, y=y, z=z, mode="lines", line=style, showlegend=False)
        figure.add_scatter3d(
            x=x[:1], y=y[:1], z=z[:1], mode="markers", name="start", showlegend=False,
            marker={"size": 4, "color": "black"},
        )  # fmt: skip
    for name, radius in (spheres or {}).items():
        _add_sphere(figure, name, radius)
    turning_scene(figure, title, axes=True, titles=titles)
    return figure


def _places(one: Any) -> tuple[Array, Array, Array, list[str]]:
    names = tuple(one.coordinates)
    if {"r", "phi"} <= set(names):
        r, phi = one.column("r"), one.column("phi")
        theta = one.column("theta") if "theta" in names else np.full_like(r, np.pi / 2)
        flat = r * np.sin(theta)
        return flat * np.cos(phi), flat * np.sin(phi), r * np.cos(theta), ["x", "y", "z"]
    shown = [one.column(name) for name in names[:3]]
    shown += [np.zeros_like(shown[0])] * (3 - len(shown))
    return shown[0], shown[1], shown[2], [*map(spelt, names[:3]), "", ""][:3]


def _add_sphere(figure: Any, name: str, radius: float) -> None:
    u, v = np.meshgrid(np.linspace(0, np.pi, 40), np.linspace(0, 2 * np.pi, 60))
    dark = "horizon" in name
    colour = "black" if dark else "#D55E00"
    figure.add_surface(
        x=radius * np.sin(u) * np.cos(v),
        y=radius * np.sin(u) * np.sin(v),
        z=radius * np.cos(u),
        name=name,
        opacity=0.9 if dark else 0.15,
        showscale=False,
        colorscale=[[0, colour], [1, colour]],
    )


def turning_scene(figure: Any, title: str, *, axes: bool, titles: Any = ("x", "y", "z")) -> None:
    """Give a plotly figure equal axes, a title and little else.

    Args:
        figure: the figure.
        title: text above.
        axes: whether axes are drawn.
        titles: of the axes.
    """
    scene: dict[str, Any] = {"aspectmode": "data"}
    for letter, text in zip("xyz", titles, strict=True):
        scene[f"{letter}axis"] = {"visible": axes, "title": {"text": text}}
    margin = {"l": 0, "r": 0, "b": 0, "t": 40 if title else 0}
    figure.update_layout(title=title, scene=scene, margin=margin, template="plotly_white")


def plotly_colour(colour: Any) -> str:
    """Return a colour of `several_colours` as plotly reads it.

    Args:
        colour: a text, or red, green, blue and opacity from 0 to 1.

    Returns:
        The text.

    Example:
        >>> plotly_colour((1.0, 0.5, 0.0, 1.0))
        'rgb(255, 128, 0)'
    """
    if isinstance(colour, str):
        return colour
    return "rgb({}, {}, {})".format(*(round(255 * part) for part in colour[:3]))
