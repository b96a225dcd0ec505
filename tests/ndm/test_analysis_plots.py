"""Figures show what their results say: numbers are read back from the artists."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from geomkit import plot
from ndm.analysis import plots
from ndm.analysis.controls import Controlled
from ndm.analysis.geodesics import connect
from ndm.analysis.maps import flat_regions, geometry_map
from ndm.analysis.neighbours import nearest
from ndm.analysis.shift import ShiftReport
from ndm.errors import DataError
from ndm.geometry import ConstantMetric
from tests.ndm.oracles import PLANTED, Planted, points

FIELD = Planted(2, PLANTED["conformal plane"][1])


def result(trained: float = 0.9) -> Controlled:
    return Controlled(
        "auc", 0.5, trained, (trained - 0.05, trained + 0.05), torch.tensor([0.6, 0.7]),
        torch.linspace(0.4, 0.6, 11), trained - 0.65, (0.1, 0.3), 0.05, 0.01, 0.95, 50, 0,
    )  # fmt: skip


def test_maps_and_geodesics(tmp_path: Path) -> None:
    found = geometry_map(FIELD, ((-1, 1), (-1, 1)), 8)
    figure = plots.map_figure(found, points(5, 2))
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == ["scalar curvature R", "log √det g", "log₁₀ condition of g"]
    shown = figure.axes[0].collections[0].get_array()
    assert shown.reshape(8, 8).tolist() == found.curvature.tolist()
    joined = connect(FIELD, points(2, 2) * 0.5, -points(2, 2) * 0.5)
    figure = plots.geodesics_figure(joined, found)
    assert "2 of 2 pairs" in figure.axes[0].get_title()
    marks = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 9]
    assert len(marks) == 2
    assert marks[0].get_xdata()[[0, -1]].tolist() == pytest.approx(
        [joined.p[0, 0].item(), joined.q[0, 0].item()]
    )
    assert plot.save(figure, tmp_path / "g.png").stat().st_size > 1000
    wall = Planted(2, lambda x: x[..., :1, None] * torch.eye(2).double())
    failed = connect(wall, -torch.ones(1, 2), torch.ones(1, 2))
    legend = plots.geodesics_figure(failed).axes[0].get_legend()
    assert "no geodesic found" in [text.get_text() for text in legend.get_texts()]


def test_the_others() -> None:
    x = points(12, 2)
    figure = plots.flat_figure(flat_regions(ConstantMetric(2), x), x)
    assert "100 % of the points" in figure.axes[0].get_title()
    figure = plots.neighbours_figure(x, nearest(ConstantMetric(2), x, 2), rows=3)
    assert "the 2 nearest" in figure.axes[0].get_title()
    assert len(figure.axes[0].lines) == 1 + 3 * (2 + 1)
    figure = plots.controls_figure({"curvature": result(), "volume": result(0.55)})
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels[0].startswith("curvature (auc)\nsupported")
    away = torch.arange(20) >= 10
    report = ShiftReport({"volume": 0.9}, {"volume": result()}, {"volume": points(20)}, away)
    figure = plots.shift_figure(report)
    assert figure.axes[0].get_title() == "volume: AUC 0.90, untrained 0.65"
    heights = [patch.get_height() for patch in figure.axes[0].patches]
    assert sum(heights) == 20  # nothing falls out of the histograms


def test_refusals() -> None:
    x = points(4, 2)
    flat = ConstantMetric(1)
    with pytest.raises(DataError, match="one coordinate"):
        plots.geodesics_figure(connect(flat, torch.zeros(1, 1), torch.ones(1, 1)))
    with pytest.raises(DataError, match="not those of the result"):
        plots.flat_figure(flat_regions(ConstantMetric(2), x), x[:2])
    with pytest.raises(DataError, match="not those of the result"):
        plots.neighbours_figure(x[:2], nearest(ConstantMetric(2), x, 1))
    with pytest.raises(DataError, match="at least one"):
        plots.controls_figure({})
