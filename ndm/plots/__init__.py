"""Pictures of a run: curves, the geometry over the data, geodesics, the way through the charts.

They return figures of matplotlib; `geomkit.plot.save` writes them. Geometry is drawn in a plane of
the data: their coordinates where there are two, otherwise their first two principal axes, through
their mean.
"""

from __future__ import annotations

from ndm.plots.canvas import Targets, in_first_chart
from ndm.plots.charts import charts_figure
from ndm.plots.curves import curves_figure
from ndm.plots.geodesics import Joined, geodesics_figure, join
from ndm.plots.geometry import geometry_figure

__all__ = [
    "Joined",
    "Targets",
    "charts_figure",
    "curves_figure",
    "geodesics_figure",
    "geometry_figure",
    "in_first_chart",
    "join",
]
