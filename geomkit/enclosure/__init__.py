"""Rigorous geometry at a point: balls around every curvature tensor, by plain loops from jets.

It shares nothing with the exact field: the two check each other, and a claim is refuted only where
a ball of this package excludes zero.
"""

from __future__ import annotations

from geomkit.enclosure.calculus import (
    GeodesicResidual,
    divergence,
    geodesic_residual,
    laplacian,
    lie_metric,
    sectional,
)
from geomkit.enclosure.geometry import PointGeometry
from geomkit.enclosure.points import enclose, enclose_expression, is_regular, regular_points

__all__ = [
    "GeodesicResidual",
    "PointGeometry",
    "divergence",
    "enclose",
    "enclose_expression",
    "geodesic_residual",
    "is_regular",
    "laplacian",
    "lie_metric",
    "regular_points",
    "sectional",
]
