"""Analysis of learned geometry: geodesics, maps, neighbours, shifts, each with a null control.

Everything here computes in float64 on a copy, without gradients, and says what did not converge.
"""

from __future__ import annotations

from ndm.analysis.geodesics import Connection, connect, distances, interpolate
from ndm.analysis.motion import Flow, exponential

__all__ = ["Connection", "Flow", "connect", "distances", "exponential", "interpolate"]
