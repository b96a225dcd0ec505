"""Pictures: orbits, geodesics on surfaces in space, fans of geodesics, maps of curvature.

Each function returns a matplotlib `Figure` (or a plotly one where turning it helps) and shows
nothing by itself; `save` writes it completely or not at all. Install with `geomkit-ndm[plot]`.
"""

from __future__ import annotations

from geomkit.plot.figures import save
from geomkit.plot.maps import heat_map
from geomkit.plot.orbits import curves, fan, orbits
from geomkit.plot.space import in_space
from geomkit.plot.surfaces import on_surface

__all__ = ["curves", "fan", "heat_map", "in_space", "on_surface", "orbits", "save"]
