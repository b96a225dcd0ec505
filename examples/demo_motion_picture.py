"""The picture of `demo_motion.py`: curvature learned and exact, and the motion it leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from geomkit.plot.figures import COLOURS, require

if TYPE_CHECKING:
    from demo_motion import Learned

Array = NDArray[np.float64]
_RESOLUTION = 160


def draw(learned: Learned, times: Array, true: Array, found: Array) -> Any:
    """Draw curvatures as maps over the angles, their difference, and one motion.

    Args:
        learned: what was learned.
        times: (T,), in seconds.
        true: angles of the true pendulum, (T, 2).
        found: those of the learned one.

    Returns:
        The figure.
    """
    require("matplotlib")
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(13.5, 8), layout="constrained")
    maps, motion = figure.subfigures(2, 1, height_ratios=(1.15, 1))
    figure.suptitle(
        f"A double pendulum learned from {len(learned.data.x)} samples of its motion", fontsize=14
    )
    _maps(maps, learned)
    left, right = motion.subplots(1, 2, width_ratios=(1, 2.2))
    _path(left, learned, true, found)
    _angles(right, times, true, found)
    return figure


def _maps(figure: Any, learned: Learned) -> None:
    side = np.linspace(-np.pi, np.pi, _RESOLUTION)
    points = torch.tensor(np.stack(np.meshgrid(side, side), -1).reshape(-1, 2))
    with torch.no_grad():
        exact = learned.truth.scalar_curvature(points).numpy()
        guess = learned.model.metric.scalar_curvature(points).numpy() / learned.report.scale
    level, limit = np.sqrt(np.mean(exact**2)), np.abs(exact).max()
    off = np.log10(np.abs(guess - exact) / level + 1e-12)
    same = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    panels: list[tuple[str, Array, dict[str, Any]]] = [
        ("R exact, derived by geomkit", exact, same),
        ("R learned (dots: the samples)", guess, same),
        ("difference / RMS of R, power of 10", off, {"cmap": "cividis", "vmin": -6, "vmax": 0}),
    ]
    for k, (title, values, colours) in enumerate(panels):
        axes = figure.add_subplot(1, 3, k + 1)
        shown = axes.pcolormesh(side, side, values.reshape(_RESOLUTION, -1), **colours)
        figure.colorbar(shown, ax=axes, shrink=0.85)
        axes.set(title=title, xlabel="angle q₁", ylabel="angle q₂", aspect="equal")
        ticks = [-np.pi, 0, np.pi]
        axes.set_xticks(ticks, ["−π", "0", "π"])
        axes.set_yticks(ticks, ["−π", "0", "π"])
        if k == 1:
            axes.scatter(*learned.data.x.T, s=3, color="black", alpha=0.5, linewidths=0)


def _path(axes: Any, learned: Learned, true: Array, found: Array) -> None:
    """The way of the lower mass in space."""
    first, second = (learned.system.parameters[name] for name in ("l1", "l2"))

    def place(q: Array) -> tuple[Array, Array]:
        return (
            first * np.sin(q[:, 0]) + second * np.sin(q[:, 1]),
            -first * np.cos(q[:, 0]) - second * np.cos(q[:, 1]),
        )

    axes.plot(*place(true), color=COLOURS[5], lw=4, label="exact")
    axes.plot(*place(found), color="black", lw=1, label="learned")
    start = true[0]
    rods = np.array([[0, 0], [first * np.sin(start[0]), -first * np.cos(start[0])]])
    ends = np.vstack([rods, np.column_stack(place(true[:1]))])
    axes.plot(*ends.T, "o-", color=COLOURS[1], lw=2, label="at the start")
    axes.set(title="path of the lower mass", aspect="equal", xticks=[], yticks=[])
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.02)}
    axes.legend(ncols=3, fontsize=8, frameon=False, **below)


def _angles(axes: Any, times: Array, true: Array, found: Array) -> None:
    for i, colour in ((0, COLOURS[0]), (1, COLOURS[4])):
        name = f"q{'₁₂'[i]}"
        axes.plot(times, true[:, i], color=colour, lw=4, alpha=0.45, label=f"{name} exact")
        axes.plot(times, found[:, i], color=colour, lw=1.2, label=f"{name} learned")
    axes.set(title="angles, let go at rest", xlabel="seconds", ylabel="radians")
    axes.margins(x=0.01)
    axes.set_ylim(top=1.35 * max(true.max(), found.max()))  # room for the legend
    axes.legend(ncols=4, fontsize=8, frameon=False, loc="upper right")
