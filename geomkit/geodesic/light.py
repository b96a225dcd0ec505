"""Bundles of light rays around a black hole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import sympy
from numpy.typing import NDArray

from geomkit.errors import DomainError
from geomkit.geodesic import causal, reading
from geomkit.geodesic.bundle import Bundle
from geomkit.geodesic.events import Event

if TYPE_CHECKING:
    from geomkit.geodesic.model import Geodesics

__all__ = ["light_rays"]

Array = NDArray[np.float64]
Names = tuple[str, str, str, str]


def light_rays(
    geodesics: Geodesics,
    impact: Any,
    *,
    distance: float,
    escape: float | None = None,
    samples: int = 400,
    margin: float = 1e-3,
    names: Names = ("t", "r", "theta", "phi"),
) -> Bundle:
    """Return a parallel beam of light in the equatorial plane of a stationary black hole.

    Each ray has energy -p_t = 1 and angular momentum p_phi = b, exactly: its impact parameter. The
    beam comes from x = distance towards smaller x, at y = b.

    Args:
        geodesics: a stationary axisymmetric metric with its parameters: Schwarzschild, Kerr ...
        impact: impact parameters b, (N,); positive b moves with the rotation.
        distance: where the beam starts.
        escape: radius at which a ray has escaped; 1.5 times the start by default.
        samples: samples of each ray from its start to its own end, dense where it bends.
        margin: g^rr at which a ray counts as captured by the horizon.
        names: the coordinates of time, radius, polar angle, azimuth.

    Returns:
        The rays; `stopped_by` is "horizon" or "escape".

    Raises:
        DomainError: a ray of this impact parameter does not exist at the start, or a number is not
            finite.
    """
    b, r = np.atleast_1d(reading.numbers(impact, "impact")), _places(geodesics, names)[1]
    if b.ndim != 1 or not b.size or not np.isfinite(b).all():
        raise DomainError(f"impact = {impact}: give finite numbers, one for each ray")
    x, v = _beam(geodesics, b, reading.span(distance), names)
    far = 1.5 * float(x[:, r].max()) if escape is None else reading.span(escape)
    if not far > x[:, r].max():
        raise DomainError(
            f"escape = {far:g} lies within the beam, which starts at radius {x[:, r].max():g}; "
            "give a greater radius"
        )
    stops = [
        geodesics.horizon(names[1], margin),
        Event(geodesics.metric.coordinates[r] - sympy.Rational(far), "escape", direction=1),
    ]
    return geodesics.geodesics(x, v, 20 * far, events=stops, samples=samples, by_steps=True)


def _places(geodesics: Geodesics, names: Names) -> tuple[int, ...]:
    return tuple(geodesics.metric.index(name) for name in names)


def _beam(
    geodesics: Geodesics, impact: Array, distance: float, names: Names
) -> tuple[Array, Array]:
    """Positions and velocities at the start, (N, n)."""
    t, r, theta, phi = _places(geodesics, names)
    points = np.zeros((len(impact), geodesics.n))
    points[:, r], points[:, theta] = np.hypot(distance, impact), np.pi / 2
    points[:, phi] = np.arctan2(impact, distance)
    (g,) = geodesics.equations.field("metric")(points)
    sign = causal.time_sign(geodesics.equations.matrix(points[0]))
    if sign == 0:
        raise DomainError(f"metric {geodesics.metric.name!r} is Riemannian: it has no light")
    inverse = np.linalg.inv(-sign * g)  # as if time were the negative direction
    momenta = np.zeros_like(points)
    momenta[:, t], momenta[:, phi] = -1.0, impact
    rest = np.einsum("ai,aij,aj->a", momenta, inverse, momenta)
    lost = ~((rest <= 0) & (inverse[:, r, r] > 0))
    if lost.any():
        raise DomainError(
            f"no ray of impact parameter {impact[lost][0]:g} comes in from distance {distance:g}; "
            "start farther out"
        )
    momenta[:, r] = -np.sqrt(-rest / inverse[:, r, r])
    return points, np.einsum("aij,aj->ai", inverse, momenta)
