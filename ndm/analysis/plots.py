"""Pictures of what the analysis found: each takes a result and returns a figure of matplotlib.

Save them with `geomkit.plot.save(figure, path)`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from geomkit.plot.figures import COLOURS, require
from ndm.analysis.connection import Connection
from ndm.analysis.controls import Controlled
from ndm.analysis.maps import FlatRegions, GeometryMap
from ndm.analysis.neighbours import Neighbours
from ndm.analysis.shift import ShiftReport
from ndm.errors import DataError

__all__ = [
    "controls_figure",
    "flat_figure",
    "geodesics_figure",
    "map_figure",
    "neighbours_figure",
    "shift_figure",
]

_GREY = "#888888"
_PALE = "#C8C8C8"


def map_figure(found: GeometryMap, points: Tensor | None = None) -> Any:
    """Curvature, log volume and condition number side by side.

    Args:
        found: of `geometry_map`.
        points: (N, 2), data in the coordinates u, v of the plane.

    Returns:
        A figure.
    """
    figure = _figure(12.5, 3.9)
    panels = (
        ("scalar curvature R", found.curvature, True),
        ("log √det g", found.log_volume, True),
        ("log₁₀ condition of g", found.condition.log10(), False),
    )
    for k, (title, values, signed) in enumerate(panels):
        axes = figure.add_subplot(1, 3, k + 1)
        _shade(figure, axes, found, values, signed)
        if points is not None:
            axes.plot(*_columns(points), ".", color="black", ms=2, alpha=0.5)
        axes.set_xlim(float(found.u[0]), float(found.u[-1]))
        axes.set_ylim(float(found.v[0]), float(found.v[-1]))
        axes.set_title(title, fontsize=11)
        axes.set_xlabel("u")
        axes.set_ylabel("v" if k == 0 else "")
    return figure


def geodesics_figure(
    connection: Connection, background: GeometryMap | None = None, marks: int = 9
) -> Any:
    """Geodesics with marks at equal distances, and the straight lines between their ends.

    Pairs without a geodesic have the straight line alone, in red.

    Args:
        connection: pairs in two coordinates (the first two of more).
        background: its curvature is shown below the curves.
        marks: on each curve, the ends included.

    Returns:
        A figure.

    Raises:
        DataError: points with one coordinate.
    """
    n = connection.p.shape[-1]
    if n < 2:
        raise DataError("curves with one coordinate make no picture")
    figure = _figure(6.4, 5.2)
    axes = figure.add_subplot()
    if background is not None:
        _shade(figure, axes, background, background.curvature, True, "scalar curvature R")
    like = connection.p
    line = connection.at(torch.linspace(0, 1, 200, dtype=like.dtype, device=like.device))[0]
    dots = connection.at(torch.linspace(0, 1, marks, dtype=like.dtype, device=like.device))[0]
    good = connection.converged.reshape(-1).tolist()
    ends = torch.stack((connection.p, connection.q), -2).reshape(-1, 2, n)
    curves, steps = line.reshape(-1, 200, n), dots.reshape(-1, marks, n)
    for k, converged in enumerate(good):
        colour = _GREY if converged else "#D50000"
        axes.plot(*_columns(ends[k]), "--", color=colour, lw=1)
        if converged:
            axes.plot(*_columns(curves[k]), color="black", lw=1.6)
            axes.plot(*_columns(steps[k]), "o", color="black", ms=3.5)
    axes.plot([], [], "o-", color="black", ms=3.5, label="geodesic, equal distances")
    axes.plot([], [], "--", color=_GREY, label="straight line")
    if not all(good):
        axes.plot([], [], "--", color="#D50000", label="no geodesic found")
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3, frameon=False)
    axes.set_xlabel("$x^1$")
    axes.set_ylabel("$x^2$")
    axes.set_title(f"{sum(good)} of {len(good)} pairs joined by a geodesic", fontsize=11)
    return figure


def flat_figure(found: FlatRegions, x: Tensor) -> Any:
    """Which points lie where the metric is flat.

    Args:
        found: of `flat_regions`.
        x: (N, n), the points; their first two coordinates are shown.

    Returns:
        A figure.

    Raises:
        DataError: points with one coordinate, or other points.
    """
    if x.shape[-1] < 2 or len(x) != found.flat.numel():
        raise DataError(f"points of shape {tuple(x.shape)} are not those of the result")
    figure = _figure(5.8, 4.8)
    axes = figure.add_subplot()
    flat = found.flat.cpu()
    for where, colour, name in ((~flat, COLOURS[1], "curved"), (flat, COLOURS[0], "flat")):
        axes.plot(
            *_columns(x[where]), ".", ms=5, color=colour, label=f"{name} ({int(where.sum())})"
        )
    axes.legend(fontsize=9)
    axes.set_xlabel("$x^1$")
    axes.set_ylabel("$x^2$")
    axes.set_title(
        f"|R| L² ≤ {found.threshold:g} at {100 * found.share:.0f} % of the points, "
        f"L = {found.length:.3g}",
        fontsize=10,
    )
    return figure


def controls_figure(results: Mapping[str, Controlled]) -> Any:
    """Statistics of a trained model with their intervals, beside those of the controls.

    Args:
        results: of `controlled`, by name.

    Returns:
        A figure.

    Raises:
        DataError: there are none.
    """
    if not results:
        raise DataError("no results were given; give at least one of `controlled`")
    figure = _figure(8, 1.4 + 0.8 * len(results))
    axes = figure.add_subplot()
    for row, one in enumerate(results.values()):
        shuffled = torch.quantile(one.shuffled, torch.tensor([0.025, 0.975]).to(one.shuffled))
        axes.plot(shuffled.tolist(), [row + 0.22] * 2, color=_PALE, lw=6, solid_capstyle="butt")
        axes.plot(one.untrained.tolist(), [row] * len(one.untrained), "o", mfc="none",
                  color=COLOURS[1], ms=6)  # fmt: skip
        low, high = one.trained_interval
        axes.plot([low, high], [row - 0.22] * 2, color=COLOURS[0], lw=2)
        axes.plot([one.trained], [row - 0.22], "o", color=COLOURS[0], ms=7)
        axes.plot([one.chance] * 2, [row - 0.42, row + 0.42], ":", color="black", lw=1)
    axes.plot([], [], "o-", color=COLOURS[0], label="trained, bootstrap interval")
    axes.plot([], [], "o", mfc="none", color=COLOURS[1], label="untrained metrics")
    axes.plot([], [], color=_PALE, lw=6, label="shuffled labels, 95 %")
    axes.plot([], [], ":", color="black", label="chance")
    axes.set_yticks(
        range(len(results)),
        [
            f"{name} ({one.statistic})\n{'supported' if one.supported else 'not supported'}"
            for name, one in results.items()
        ],
        fontsize=9,
    )
    axes.set_ylim(len(results) - 0.5, -0.5)
    figure.legend(fontsize=8, loc="outside upper center", ncols=4, frameon=False)
    return figure


def neighbours_figure(x: Tensor, found: Neighbours, rows: int = 4) -> Any:
    """Some points with lines to their neighbours.

    Args:
        x: (N, n), the set that was its own queries; the first two coordinates are shown.
        found: of `nearest`.
        rows: how many points, evenly chosen.

    Returns:
        A figure.

    Raises:
        DataError: points with one coordinate, or fewer points than queries.
    """
    if x.shape[-1] < 2 or len(x) != len(found.indices) or rows < 1:
        raise DataError(f"points of shape {tuple(x.shape)} are not those of the result")
    figure = _figure(5.8, 4.8)
    axes = figure.add_subplot()
    axes.plot(*_columns(x), ".", color=_PALE, ms=5)
    chosen = torch.linspace(0, len(x) - 1, min(rows, len(x))).long().tolist()
    for k, row in enumerate(chosen):
        colour = COLOURS[k % len(COLOURS)]
        for other in found.indices[row].tolist():
            axes.plot(*_columns(x[[row, other]]), color=colour, lw=1, marker="o", ms=3.5)
        axes.plot(*_columns(x[[row]]), "o", color=colour, ms=8)
    axes.set_xlabel("$x^1$")
    axes.set_ylabel("$x^2$")
    axes.set_title(f"the {found.indices.shape[1]} nearest under g", fontsize=11)
    return figure


def shift_figure(report: ShiftReport) -> Any:
    """Histograms of all scores, inside and outside.

    Args:
        report: of `shift_report`.

    Returns:
        A figure.
    """
    count = len(report.values)
    columns = min(3, count)
    figure = _figure(4 * columns, 2.9 * math.ceil(count / columns))
    away = report.outside.cpu().numpy()
    for k, (name, score) in enumerate(report.values.items()):
        axes = figure.add_subplot(math.ceil(count / columns), columns, k + 1)
        values = score.cpu().numpy()
        finite = np.isfinite(values)
        # ranks would hide how far, plain values what is near: the ends are cut at 1 %
        low, high = np.percentile(values[finite], [1, 99]) if finite.any() else (0.0, 1.0)
        edges = np.linspace(low, high if high > low else low + 1, 25)
        groups = ((~away, COLOURS[0], "inside"), (away, COLOURS[1], "outside"))
        for where, colour, label in groups:
            shown = np.clip(values[where & finite], edges[0], edges[-1])
            axes.hist(shown, edges, color=colour, alpha=0.55, label=label)
        note = ""
        if name in report.controls:
            note = f", untrained {report.controls[name].untrained.mean().item():.2f}"
        axes.set_title(f"{name}: AUC {report.auc[name]:.2f}{note}", fontsize=10)
        axes.tick_params(labelsize=8)
        if k == 0:
            axes.legend(fontsize=8)
    return figure


def _figure(width: float, height: float) -> Any:
    require("matplotlib")
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _columns(x: Tensor) -> tuple[Any, Any]:
    """The first two coordinates, as arrays."""
    values = x.detach().cpu().double().numpy()
    return values[:, 0], values[:, 1]


def _shade(
    figure: Any, axes: Any, found: GeometryMap, values: Tensor, signed: bool, label: str = ""
) -> None:
    """Colours for values on the grid; those that are signed have white at 0."""
    array = values.cpu().numpy()
    finite = array[np.isfinite(array)]
    low, high = np.percentile(finite, [1, 99]).tolist() if finite.size else (0.0, 1.0)
    colours = "viridis"
    if signed and low < 0 < high:
        high = max(-low, high)
        low, colours = -high, "RdBu_r"
    if not high - low > 1e-9 * max(abs(low), abs(high)):  # constant: no picture of rounding errors
        low, high = low - 0.5, low + 0.5
    u, v = found.u.cpu().numpy(), found.v.cpu().numpy()
    image = axes.pcolormesh(u, v, array, cmap=colours, vmin=low, vmax=high, shading="gouraud"
                            if np.isfinite(array).all() else "nearest")  # fmt: skip
    image.set_rasterized(True)
    figure.colorbar(image, ax=axes, label=label)
