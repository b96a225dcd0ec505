"""A run as one HTML file, complete in itself: figures, curves, geometry, configuration."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from geomkit import __version__
from ndm.analysis import Connection, killing_report
from ndm.analysis.killing_plots import killing_figure
from ndm.data import load
from ndm.errors import DataError, NdmError, TrainingError
from ndm.model import NDM
from ndm.plots import (
    Joined,
    Targets,
    charts_figure,
    curves_figure,
    geodesics_figure,
    geometry_figure,
    in_first_chart,
    join,
)
from ndm.training import Run, open_run
from ndm.training.checkpoints import write_bytes
from ndm.training.folder import fresh_model, seed_folder

__all__ = ["outside", "write_report"]

_STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem; background: #fff; color: #1c2024;
  font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
h2 { border-bottom: 1px solid #d9dee3; margin-top: 2.2rem; }
table { border-collapse: collapse; }
th, td { padding: .3rem 1.2rem .3rem 0; border-bottom: 1px solid #d9dee3; text-align: right; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; } .soft { color: #5b6570; }
pre { background: #f5f7f9; padding: .8rem; overflow-x: auto; font-size: .85rem; }
"""
_KILLING_POINTS = 300  # a spectrum is a mean over so many points of the data, at most
_KILLING_DIMENSION = 4  # in more, the bases have so many fields that it takes minutes
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def write_report(
    folder: str | Path, output: str | Path | None = None, *, seed: int | None = None
) -> Path:
    """Write what a run gave as a page.

    Args:
        folder: of the run.
        output: the file; report.html in the folder by default.
        seed: whose pictures; the first by default.

    Returns:
        The file.

    Raises:
        TrainingError: there is no run, no seed of it has ended, or the page cannot be written.
    """
    run = open_run(folder)
    ended = [number for number in run.seeds if run.result(number)]
    if not ended or (seed is not None and seed not in ended):
        which = "no seed" if seed is None else f"seed {seed} not"
        raise TrainingError(f"{which} of the run in {folder} has ended; train with --resume first")
    page = _page(run, ended, ended[0] if seed is None else seed)
    place = run.folder / "report.html" if output is None else Path(output)
    try:
        write_bytes(place, page.encode())
    except OSError as error:
        raise TrainingError(f"{place} cannot be written: {error.strerror or error}") from error
    return place


def _page(run: Run, ended: list[int], seed: int) -> str:
    title = f"{run.config.data.name}: {run.data.task} with {run.config.model.layers} layers"
    parts = [
        f"<h1>{escape(title)}</h1><p class='soft'>{escape(str(run.folder))}</p>",
        "<h2>Figures</h2>",
        *(_figures(number, run.result(number)) for number in ended),
        "<p class='soft'>A figure of the geometry says something only beside that of the "
        "untrained model.</p>",
        f"<h2>Curves, seed {seed}</h2>",
        _image(curves_figure(_rows(run, seed), run.result(seed)["best_epoch"]), "curves"),
        *_geometry(run, seed),
        "<h2>Versions</h2>",
        _table(["", ""], [[name, text] for name, text in run.about.items()]),
        f"<h2>Configuration</h2><pre>{escape(run.config.to_yaml())}</pre>",
        f"<p class='soft'>Written by ndm {escape(__version__)}. This page is complete in itself: "
        "no scripts, no network.</p>",
    ]
    head = (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
    )
    return head + "\n".join(parts) + "</body></html>\n"


def _figures(seed: int, result: Mapping[str, Any]) -> str:
    found: Mapping[str, Mapping[str, float | None]] = result["figures"]
    # the control beside what it is the control of
    figures = {part: found[part] for part in ("validation", "test", "untrained") if part in found}
    names = dict.fromkeys(name for part in figures.values() for name in part)
    rows = [
        [name.replace("_", " "), *(_shown(part.get(name)) for part in figures.values())]
        for name in names
    ]
    about = (
        f"Seed {seed}: {result['epochs']} epochs, the best was epoch {result['best_epoch']}; "
        f"training ended by {result['stopped']}."
    )
    return f"<p>{escape(about)}</p>" + _table(["figure", *figures], rows)


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _geometry(run: Run, seed: int) -> list[str]:
    """Pictures that need the data; a sentence where they cannot be had."""
    try:
        data = load(run.config.data)
    except DataError as error:
        return [
            f"<h2>Geometry</h2><p>No pictures, the data are not there: {escape(str(error))}</p>"
        ]
    model, untrained = run.model(seed), fresh_model(run.config, run.data, seed).eval()
    x, y = data.train
    targets = Targets(y, data.task == "classification", data.names)
    if model.dimension < 2:
        return []
    parts = []
    if model.has_metric:
        where = "" if x.shape[1] == 2 else (
            "<p class='soft'>Maps show the plane of the data's first two principal axes, with R of "
            "the whole metric; points and curves are projected on it.</p>"
        )  # fmt: skip
        picture = _image(geometry_figure(model, untrained, x, targets), "geometry over the data")
        parts += [f"<h2>Geometry, seed {seed}</h2>", where, picture]
        parts += _geodesics(model, untrained, x, targets)
        parts += _symmetries(model, x)
    more = ", first two coordinates" if model.dimension > 2 else ""
    picture = _image(charts_figure(model, x, targets), "the data in every chart")
    return [*parts, f"<h2>The training data in every chart{more}</h2>", picture]


def _geodesics(model: NDM, untrained: NDM, x: Any, targets: Targets) -> list[str]:
    """Geodesics between points of the data, with how well they were found."""
    parts = ["<h2>Geodesics between points of the training data</h2>"]
    try:
        found = join(model, untrained, x, targets)
    except NdmError as error:  # of maps that are too rough, for instance
        return [*parts, f"<p>None can be computed: {escape(str(error))}</p>"]
    figure = geodesics_figure(model, untrained, found, x, targets)
    told = (
        "<p class='soft'>Where a geodesic goes far out of the data, the metric is short there, and "
        "no point has told it otherwise.</p>"
    )
    return [*parts, _image(figure, "geodesics"), _lengths(found, in_first_chart(model, x)), told]


def _symmetries(model: NDM, x: Any) -> list[str]:
    """Approximate Killing fields, beside those of untrained metrics."""
    points = in_first_chart(model, x[:_KILLING_POINTS])
    if model.dimension > _KILLING_DIMENSION:
        return []
    try:
        found = killing_report(model, points)
    except NdmError as error:  # too few points, or a basis that says nothing on them
        return [f"<h2>Symmetries</h2><p>None can be looked for: {escape(str(error))}</p>"]
    picture = _image(killing_figure(found, points), "approximate symmetries")
    return [
        "<h2>Approximate symmetries of the metric</h2>",
        picture,
        f"<pre>{escape(str(found))}</pre>",
    ]


def _lengths(found: Joined, points: Tensor) -> str:
    """How many pairs were joined, how well, how much shorter than by straight lines, and where."""
    rows = []
    for when, one in (("after training", found.trained), ("before training", found.untrained)):
        good = one.converged
        row = [when, f"{int(good.sum())} of {good.numel()}"]
        if bool(good.any()):
            gain = 100 * (1 - one.distance / one.straight)[good]
            row += [f"{float(one.distance[good].mean()):.4g}", f"{float(gain.mean()):.3g} %",
                    f"{float(one.turning[good].max()):.1e}",
                    f"{outside(one, points):.2g}"]  # fmt: skip
        rows.append([*row, *[""] * (6 - len(row))])
    header = ["", "pairs joined", "mean distance", "shorter than straight", "largest turning, rad",
              "farthest out of the data, in widths"]  # fmt: skip
    return _table(header, rows)


def outside(found: Connection, points: Tensor) -> float:
    """How far curves leave the box of the data.

    Args:
        found: of which at least one pair converged.
        points: (N, n), the data in the coordinates of the curves.

    Returns:
        The largest distance along a coordinate, in widths of the box; 0 if no curve leaves it.
    """
    low, high = points.amin(0), points.amax(0)
    wide = high > low  # padding has no width
    x = found.at(torch.linspace(0, 1, 101, dtype=torch.float64))[0][found.converged]
    beyond = torch.maximum(x - high, low - x)[..., wide] / (high - low)[wide]
    return float(beyond.max().clamp_min(0))


def _rows(run: Run, seed: int) -> list[dict[str, float]]:
    path = seed_folder(run.folder, seed) / "metrics.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            found = [
                {name: float(value) for name, value in row.items() if value not in ("", None)}
                for row in csv.DictReader(file)
            ]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise TrainingError(f"{path} is damaged or not there: {error}") from error
    if not found or any("epoch" not in row for row in found):
        raise TrainingError(f"{path} has no epochs")
    return found


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = ["".join(f"<th>{escape(name)}</th>" for name in header)] if any(header) else []
    lines += ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _image(figure: Any, what: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    text = base64.b64encode(buffer.getvalue()).decode()
    return f"<img alt='{escape(what)}' src='data:image/png;base64,{text}'>"
