"""Curvature of a metric: `curvature(metric)` and the quantities it derives."""

from __future__ import annotations

from .model import SCALARS, Curvature, curvature

__all__ = ["SCALARS", "Curvature", "curvature"]
