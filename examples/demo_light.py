"""Light past a rotating black hole: rays, their conserved quantities, and which are captured.

python examples/demo_light.py
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from demo_step import EXAMPLES, heading, near, run

import geomkit as gk
from geomkit import plot
from geomkit.geodesic import Geodesics, light_rays
from geomkit.terminal import emit

MASS, SPIN = 1.0, 0.9


def follow_light(folder: Path) -> bool:
    """Send a beam of light past the hole and draw it.

    Args:
        folder: gets the picture.

    Returns:
        Whether energy and Killing momenta of every ray were conserved, and the captured rays are
        those that must be.
    """
    heading("Light past a rotating black hole")
    low, high = (critical_impact(MASS, SPIN, side) for side in (-1, 1))
    impact = np.linspace(-9, 9, 73)
    started = time.perf_counter()
    kerr = gk.load(EXAMPLES / "kerr.toml")
    rays = light_rays(Geodesics(kerr, M=MASS, a=SPIN), impact, distance=30.0)
    seconds = time.perf_counter() - started
    captured = impact[[stop == "horizon" for stop in rays.stopped_by]]
    emit(
        f"   {len(impact)} rays in {seconds:.1f} s, energy, p_t and p_phi kept to "
        f"{rays.drift.max():.0e}; captured from\n   b = {captured.min():g} to {captured.max():g}; "
        f"in closed form between {low:.4f} and {high:.4f}"
    )
    picture = plot.save(draw(rays, low, high), folder / "light.png")
    emit(f"   drawn in {near(picture)}")
    step = impact[1] - impact[0]
    as_known = low <= captured.min() < low + step and high - step < captured.max() <= high
    return bool(as_known) and bool(rays.conserved)


def draw(rays: Any, low: float, high: float) -> Any:
    """Draw the rays around the hole.

    Args:
        rays: what was followed.
        low: the lowest impact parameter that is captured.
        high: the highest one.

    Returns:
        The figure.
    """
    meanings = {
        "horizon": f"captured: b from {low:.2f} M to {high:.2f} M".replace("-", "\N{MINUS SIGN}"),
        "escape": "escapes",
    }
    return plot.orbits(
        rays,
        circles={
            "horizon": MASS + np.sqrt(MASS**2 - SPIN**2),
            "photon orbit with the rotation": photon_orbit(MASS, SPIN, 1),
            "photon orbit against it": photon_orbit(MASS, SPIN, -1),
        },
        extent=12,
        labels=[meanings[stop] for stop in rays.stopped_by],
        title=f"Light in the equatorial plane of Kerr, M = {MASS:g}, a = {SPIN:g} M",
    )


def photon_orbit(mass: float, spin: float, side: int) -> float:
    """Return the radius of the circular orbit of light in the equatorial plane, in closed form.

    r = 2 M (1 + cos(2/3 arccos(-side a/M))), from the paper that `critical_impact` cites.

    Args:
        mass: M.
        spin: a.
        side: 1 with the rotation, -1 against it.

    Returns:
        r.
    """
    return float(2 * mass * (1 + np.cos(2 / 3 * np.arccos(-side * spin / mass))))


def critical_impact(mass: float, spin: float, side: int) -> float:
    """Return the impact parameter of the circular photon orbit, in closed form.

    b = side 6 M cos(arccos(-side a/M)/3) - a (J. M. Bardeen, W. H. Press, S. A. Teukolsky,
    Astrophys. J. 178 (1972) 347).

    Args:
        mass: M.
        spin: a.
        side: 1 with the rotation, -1 against it.

    Returns:
        b, between which and the other one light is captured.
    """
    return float(side * 6 * mass * np.cos(np.arccos(-side * spin / mass) / 3) - spin)


if __name__ == "__main__":
    sys.exit(run(follow_light))
