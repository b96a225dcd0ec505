"""Analysis of learned geometry: geodesics, maps, neighbours, shifts, each with a null control.

Everything here computes in float64, on a copy where a model is not, without gradients, and says
what did not converge. Pictures are in `ndm.analysis.plots`.
"""

from __future__ import annotations

from ndm.analysis.connection import Connection
from ndm.analysis.controls import (
    Controlled,
    controlled,
    curvature_size,
    geodesic_length,
    log_volume,
    untrained,
)
from ndm.analysis.geodesics import connect, distances, interpolate
from ndm.analysis.killing import KillingReport, killing_report
from ndm.analysis.maps import FlatRegions, GeometryMap, flat_regions, geometry_map
from ndm.analysis.motion import Flow, exponential
from ndm.analysis.neighbours import Neighbours, nearest, recall
from ndm.analysis.ranks import auc, spearman
from ndm.analysis.shift import ShiftReport, shift_report

__all__ = [
    "Connection",
    "Controlled",
    "FlatRegions",
    "Flow",
    "GeometryMap",
    "KillingReport",
    "Neighbours",
    "ShiftReport",
    "auc",
    "connect",
    "controlled",
    "curvature_size",
    "distances",
    "exponential",
    "flat_regions",
    "geodesic_length",
    "geometry_map",
    "interpolate",
    "killing_report",
    "log_volume",
    "nearest",
    "recall",
    "shift_report",
    "spearman",
    "untrained",
]
