"""Geodesics on compiled kernels: exponential map, logarithm, distance, transport, Jacobi fields.

`Geodesics(metric, **parameters)` holds the metric with its parameters, and its methods are the
verbs of a geometer; the functions below do the same for a single call. Accuracy is not assumed:
every curve reports how well energy and Killing momenta were conserved.

>>> import geomkit as gk
>>> plane = Geodesics(gk.catalog["hyperbolic_plane_half"], backend="interpret")
>>> there = plane.log([0.0, 1.0], [0.0, 2.0])
>>> there.converged, round(float(plane.distance([0.0, 1.0], [0.0, 2.0])), 9)
(True, 0.693147181)
"""

from __future__ import annotations

from geomkit.geodesic.bundle import Bundle
from geomkit.geodesic.connecting import Distance, Logarithm
from geomkit.geodesic.deviation import ConjugatePoint, JacobiField
from geomkit.geodesic.events import Event, boundary_events, horizon_event
from geomkit.geodesic.functions import distance, exp, geodesic, jacobi_field, log, transport
from geomkit.geodesic.integrate import Settings
from geomkit.geodesic.invariants import cyclic_coordinates, killing_fields
from geomkit.geodesic.light import light_rays
from geomkit.geodesic.model import Geodesics
from geomkit.geodesic.parallel import Transported
from geomkit.geodesic.trajectory import Ending, Hit, Invariant, Trajectory

__all__ = [
    "Bundle",
    "ConjugatePoint",
    "Distance",
    "Ending",
    "Event",
    "Geodesics",
    "Hit",
    "Invariant",
    "JacobiField",
    "Logarithm",
    "Settings",
    "Trajectory",
    "Transported",
    "boundary_events",
    "cyclic_coordinates",
    "distance",
    "exp",
    "geodesic",
    "horizon_event",
    "jacobi_field",
    "killing_fields",
    "light_rays",
    "log",
    "transport",
]
