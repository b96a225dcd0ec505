"""Pictures of approximate symmetries: the spectrum beside its controls, and the fields."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from geomkit.plot.figures import COLOURS, require
from ndm.analysis.killing import KillingReport
from ndm.errors import DataError

__all__ = ["killing_figure"]

_PALE = "#C8C8C8"


def killing_figure(report: KillingReport, x: Tensor, most: int = 3) -> Any:
    """Eigenvalues of the model beside those of untrained metrics, and the first fields.

    Args:
        report: of `killing_report`.
        x: (N, n), the points; arrows are drawn over their first two coordinates.
        most: so many fields at most; the first is drawn even if there is no gap.

    Returns:
        A figure.

    Raises:
        DataError: points with one coordinate, or of another dimension.
    """
    n = len(report.spectrum.levels[-1].basis.kinds)
    if x.ndim != 2 or x.shape[1] != n or n < 2:
        raise DataError(f"points of shape {tuple(x.shape)} do not fit fields in {n} coordinates")
    require("matplotlib")
    from matplotlib.figure import Figure

    count = max(1, min(most, report.dimension))
    figure = Figure(figsize=(5.2 + 3.4 * count, 3.9), layout="constrained")
    axes = figure.subplots(1, 1 + count, width_ratios=[1.5, *[1.0] * count])
    _spectrum(axes[0], report, n * (n + 1) // 2)
    x = x.detach().cpu().double()
    fields = report.fields(x, count)
    for k in range(count):
        _arrows(axes[1 + k], x, fields[:, k])
        value = float(report.spectrum.levels[-1].eigenvalues[k])
        axes[1 + k].set_title(f"field {k + 1}, λ = {value:.1e}", fontsize=10)
    return figure


def _spectrum(axes: Any, report: KillingReport, most: int) -> None:
    """The first eigenvalues, rank by rank; where a gap was found there is a line."""
    shown = most + 3
    for k, one in enumerate(report.untrained):
        values = one.levels[-1].eigenvalues[:shown]
        label = f"{len(report.untrained)} untrained metrics" if k == 0 else None
        axes.semilogy(*_ranks(values), "_", color=_PALE, ms=14, mew=1.5, label=label)
    for k, level in enumerate(report.spectrum.levels):
        pale = (k + 1) / len(report.spectrum.levels)
        axes.semilogy(*_ranks(level.eigenvalues[:shown]), "o-", color=COLOURS[0], alpha=pale,
                      lw=0.8, ms=4.5, label=f"model, degree {level.degree}")  # fmt: skip
    if report.spectrum.control is not None:
        values = report.spectrum.control.levels[-1].eigenvalues[:shown]
        axes.semilogy(*_ranks(values), "x", color="black", ms=6, label="true metric")
    if report.dimension:
        axes.axvline(report.dimension + 0.5, color=COLOURS[1], lw=1, ls="--")
    axes.set_xlabel("rank")
    axes.set_ylabel("eigenvalue λ: mean |L_X g|² / mean |X|²")
    axes.set_xlim(0.5, shown + 0.5)
    plural = "" if report.dimension == 1 else "s"
    verdict = "supported" if report.supported else "not supported"
    axes.set_title(
        f"{report.dimension} approximate Killing field{plural}: {verdict}, "
        f"p = {report.p_untrained:.2f}",
        fontsize=10,
    )
    axes.legend(fontsize=8, loc="lower right")


def _ranks(values: Tensor) -> tuple[Any, Any]:
    # exact symmetries have eigenvalues of rounding errors, or 0, which have no logarithm
    return np.arange(1, len(values) + 1), values.clamp_min(1e-16 * float(values.max())).numpy()


def _arrows(axes: Any, x: Tensor, vectors: Tensor) -> None:
    order = torch.linspace(0, len(x) - 1, min(150, len(x))).long()
    places, arrows = x[order, :2].numpy(), vectors[order, :2].numpy()
    axes.quiver(places[:, 0], places[:, 1], arrows[:, 0], arrows[:, 1], color=COLOURS[0],
                angles="xy", width=0.006)  # fmt: skip
    axes.set_xlabel("$x^1$")
    axes.set_ylabel("$x^2$")
    axes.set_aspect("equal", adjustable="datalim")
