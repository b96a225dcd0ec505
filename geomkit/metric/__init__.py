"""Metrics: coordinates, components, parameters, functions, abbreviations and domain, checked."""

from __future__ import annotations

from geomkit.metric.checks import GeomkitWarning
from geomkit.metric.declarations import Definition, Parameter
from geomkit.metric.functions import UnspecifiedFunction
from geomkit.metric.model import Metric

__all__ = ["Definition", "GeomkitWarning", "Metric", "Parameter", "UnspecifiedFunction"]
