"""Geodesics of Schwarzschild and Kerr against integrals and roots that mpmath computes."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

import geomkit as gk
from geomkit.geodesic import Ending, Event, Geodesics, light_rays

SPIN = 0.9
CARTER = (
    "Sigma**2*v_theta**2 + cos(theta)**2*("
    "((1 - 2*M*r/Sigma)*v_t + 2*M*a*r*sin(theta)**2/Sigma*v_phi)**2*(-a**2)"
    " + ((r**2 + a**2 + 2*M*a**2*r*sin(theta)**2/Sigma)*sin(theta)**2*v_phi"
    " - 2*M*a*r*sin(theta)**2/Sigma*v_t)**2/sin(theta)**2)"
)


@pytest.fixture(scope="module")
def schwarzschild() -> Geodesics:
    return Geodesics(gk.catalog["schwarzschild"], M=1.0)


@pytest.fixture(scope="module")
def kerr() -> Geodesics:
    return Geodesics(gk.catalog["kerr"], M=1.0, a=SPIN, integrals={"Q": CARTER})


# Schwarzschild ------------------------------------------------------------------------------------


def swept_by_light(nearest: float, farthest: float) -> float:
    """Angle between the point nearest to the mass and radius `farthest`, to 30 digits.

    With u = 1/r: (du/dphi)^2 = (u0 - u)(u0 + u - 2 (u0^2 + u0 u + u^2)), u0 = 1/nearest, M = 1; the
    root at u0 goes away with u = u0 - w^2.
    """
    with mpmath.workdps(30):
        u0, u1 = 1 / mpmath.mpf(nearest), 1 / mpmath.mpf(farthest)

        def integrand(w: mpmath.mpf) -> mpmath.mpf:
            u = u0 - w * w
            return 2 / mpmath.sqrt(u0 + u - 2 * (u0**2 + u0 * u + u**2))

        return float(mpmath.quad(integrand, [0, mpmath.sqrt(u0 - u1)]))


@pytest.mark.parametrize("nearest", [3.1, 5.0, 40.0])
def test_deflection_of_light_is_the_exact_integral(
    schwarzschild: Geodesics, nearest: float
) -> None:
    point = [0.0, nearest, math.pi / 2, 0.0]
    velocity = schwarzschild.light(point, [None, 0.0, 0.0, 1.0 / nearest])
    ray = schwarzschild.geodesic(point, velocity, 1e5, events=f"r - {int(1000 * nearest)}")
    assert ray.ending is Ending.EVENT
    assert ray.character == "null"
    # rtol 1e-10 a step; near the photon sphere r = 3 errors grow by a factor of some 30
    assert ray.end[3] == pytest.approx(swept_by_light(nearest, 1000 * nearest), abs=1e-8)
    assert ray.conserved


def test_weak_deflection_is_einsteins_and_a_bit_more(schwarzschild: Geodesics) -> None:
    # 4M/b + 15 pi/4 (M/b)^2 + 128/3 (M/b)^3 + O(b^-4), the tails beyond 1e5 nearest being 2 b/r
    nearest = 1000.0
    impact = nearest / math.sqrt(1 - 2 / nearest)
    ray = schwarzschild.geodesic(
        [0.0, nearest, math.pi / 2, 0.0],
        schwarzschild.light([0.0, nearest, math.pi / 2, 0.0], [None, 0.0, 0.0, 1 / nearest]),
        1e10,
        events="r - 10**8",
    )
    deflection = 2 * (ray.end[3] + math.asin(impact / 1e8)) - math.pi
    series = 4 / impact + 15 * math.pi / 4 / impact**2 + 128 / 3 / impact**3
    assert deflection == pytest.approx(series, abs=5e-8)  # 10^-9 from the series, the rest is rtol


def perihelion_advance(inner: float, outer: float) -> float:
    """Angle between two perihelia, by quadrature of the exact orbit equation, M = 1.

    (du/dphi)^2 = 2 (u - u1)(u2 - u)(u3 - u) with u1 + u2 + u3 = 1/2.
    """
    with mpmath.workdps(30):
        u1, u2 = 1 / mpmath.mpf(outer), 1 / mpmath.mpf(inner)
        u3 = mpmath.mpf(1) / 2 - u1 - u2

        def integrand(x: mpmath.mpf) -> mpmath.mpf:
            u = (u1 + u2) / 2 + (u2 - u1) / 2 * mpmath.sin(x)
            return 1 / mpmath.sqrt(2 * (u3 - u))

        return float(2 * mpmath.quad(integrand, [-mpmath.pi / 2, mpmath.pi / 2]))


def test_perihelion_precession_is_the_exact_integral(schwarzschild: Geodesics) -> None:
    inner, outer = 10.0, 30.0
    # L^2 from equal energies at both turning points
    f = [1 - 2 / r for r in (inner, outer)]
    momentum2 = (f[1] - f[0]) / (f[0] / inner**2 - f[1] / outer**2)
    point = [0.0, inner, math.pi / 2, 0.0]
    velocity = schwarzschild.clock(point, [None, 0.0, 0.0, math.sqrt(momentum2) / inner**2])
    orbit = schwarzschild.geodesic(
        point, velocity, 3000.0, events=Event("v_r", "perihelion", stop=False, direction=1)
    )
    angles = [hit.point[3] for hit in orbit.hits if hit.s > 1]
    radii = [hit.point[1] for hit in orbit.hits if hit.s > 1]
    assert len(angles) >= 3
    assert radii == pytest.approx([inner] * len(radii), abs=1e-7)
    advance = perihelion_advance(inner, outer)
    assert advance > 2 * math.pi + 0.5  # far from Newton
    # the hits come from the interpolant of degree 7: some 1e-8
    assert np.diff(angles) == pytest.approx([advance] * (len(angles) - 1), abs=1e-6)
    assert orbit.conserved
    assert orbit.invariants["energy"].value == pytest.approx(-0.5)


def test_a_circular_orbit_obeys_keplers_third_law(schwarzschild: Geodesics) -> None:
    r = 8.0
    rate = 1 / math.sqrt(r**3 - 3 * r**2)  # dphi/dtau
    velocity = schwarzschild.clock([0, r, math.pi / 2, 0], [None, 0, 0, rate])
    assert velocity[3] / velocity[0] == pytest.approx(r**-1.5, rel=1e-14)
    orbit = schwarzschild.geodesic([0, r, math.pi / 2, 0], velocity, 500.0)
    assert np.abs(orbit.column("r") - r).max() < 1e-6  # r = 8 is stable


def test_free_fall_from_rest_takes_the_cycloids_time(schwarzschild: Geodesics) -> None:
    # From rest at R to r: tau = sqrt(R^3/8M) (eta + sin eta), r = R (1 + cos eta)/2.
    start, end = 10.0, 4.0
    eta = math.acos(2 * end / start - 1)
    expected = math.sqrt(start**3 / 8) * (eta + math.sin(eta))
    point = [0.0, start, math.pi / 2, 0.0]
    fall = schwarzschild.geodesic(
        point, schwarzschild.clock(point, [None, 0, 0, 0]), 100.0, events="r - 4*M"
    )
    assert fall.hits[0].s == pytest.approx(expected, abs=1e-7)  # interpolant, as above


def test_a_ray_into_the_horizon_ends_cleanly(schwarzschild: Geodesics) -> None:
    point = [0.0, 10.0, math.pi / 2, 0.0]
    velocity = schwarzschild.light(point, [None, -1.0, 0.0, 0.0])
    bare = schwarzschild.geodesic(point, velocity, 20.0)
    assert bare.ending is Ending.SINGULAR
    assert "r = 2" in bare.message
    assert np.isfinite(bare.points).all()
    assert bare.length == pytest.approx(8.0, abs=1e-6)  # dr/ds = -1, exactly
    guarded = schwarzschild.geodesic(point, velocity, 20.0, events=schwarzschild.horizon())
    assert guarded.ending is Ending.EVENT
    assert guarded.end[1] == pytest.approx(2 / (1 - 1e-6), rel=1e-9)  # where 1 - 2M/r = 1e-6
    assert guarded.conserved


# Kerr ---------------------------------------------------------------------------------------------


def spherical(r: float, a: float = SPIN) -> tuple[float, float]:
    """Angular momentum and Carter constant of light on the sphere of radius r; E = M = 1."""
    momentum = -(r**3 - 3 * r**2 + a**2 * r + a**2) / (a * (r - 1))
    carter = -(r**3) * (r**3 - 6 * r**2 + 9 * r - 4 * a**2) / (a**2 * (r - 1) ** 2)
    return momentum, carter


@pytest.mark.parametrize("sense", [1, -1])
def test_equatorial_photon_orbits_stay_on_their_circle(kerr: Geodesics, sense: int) -> None:
    # prograde 1.56 M, retrograde 3.91 M
    r = 2 * (1 + math.cos(2 / 3 * math.acos(-sense * SPIN)))
    point = [0.0, r, math.pi / 2, 0.0]
    velocity = kerr.light(point, [None, 0.0, 0.0, float(sense)])
    ray = kerr.geodesic(point, velocity, 2 * math.pi)  # dphi/ds = +-1: one turn
    assert abs(ray.end[3]) == pytest.approx(2 * math.pi, abs=1e-6)
    # the orbit is unstable: an error of 1e-13 grows by some 1e4 in a turn
    assert np.abs(ray.column("r") - r).max() < 1e-8
    momentum, carter = spherical(r)
    assert carter == pytest.approx(0.0, abs=1e-9)
    ratio = -ray.invariants["p_phi"].value / ray.invariants["p_t"].value
    assert ratio == pytest.approx(momentum, abs=1e-9)


def test_a_spherical_photon_orbit_and_carters_constant(kerr: Geodesics) -> None:
    r = 2.6
    momentum, carter = spherical(r)
    assert carter > 1  # far from the equator
    point = [0.0, r, math.pi / 2, 0.0]
    g = kerr.equations.matrix(np.array(point))
    # at the equator p_theta^2 = Q
    velocity = np.linalg.solve(g, [-1.0, 0.0, math.sqrt(carter), momentum])
    assert kerr.character(point, velocity) == "null"
    ray = kerr.geodesic(point, velocity, 12.0)
    assert np.abs(ray.column("r") - r).max() < 1e-6  # unstable, as above
    assert np.ptp(ray.column("theta")) > 1.0
    carter_found = ray.invariants["Q"]
    assert carter_found.value == pytest.approx(carter, rel=1e-10)
    assert carter_found.drift < 1e-8
    assert not carter_found.proved
    assert ray.invariants["p_t"].proved


def test_a_wrong_constant_is_seen_to_drift(kerr: Geodesics) -> None:
    watched = Geodesics(
        kerr.metric, M=1.0, a=SPIN, integrals={"K": "r**2*v_theta**2"}, backend="interpret"
    )
    point = [0.0, 8.0, 1.2, 0.0]
    velocity = watched.light(point, [None, -0.5, 0.05, 0.05])
    ray = watched.geodesic(point, velocity, 1.0)
    assert not ray.conserved
    assert not ray.invariants["K"].ok
    assert ray.invariants["energy"].ok


def test_light_rays_are_captured_between_the_critical_impact_parameters(kerr: Geodesics) -> None:
    critical = []
    for sense in (1, -1):
        r = 2 * (1 + math.cos(2 / 3 * math.acos(-sense * SPIN)))
        critical.append(spherical(r)[0])
    high, low = critical
    assert high == pytest.approx(2.8444, abs=1e-3)  # and -6.83 on the other side
    impact = np.array([low - 0.05, low + 0.05, -1.0, high - 0.05, high + 0.05])
    rays = light_rays(kerr, impact, distance=40.0)
    assert rays.stopped_by == ("escape", "horizon", "horizon", "horizon", "escape")
    # relative to the size of the terms, which are large at the horizon: the relative error of v
    assert set(rays.drifts) == {"energy", "p_t", "p_phi", "Q"}
    assert rays.drift.max() < 2e-9
    assert rays.conserved
    xy = rays.cartesian()
    assert xy.shape == (5, 400, 2)
    assert xy[:, 0] == pytest.approx(np.column_stack([[40.0] * 5, impact]), abs=1e-12)
    # each ray has all of its samples between its start and its own end, dense where it bends
    assert (np.diff(rays.s, axis=1) > 0).all()
    steps = np.diff(xy, axis=1)
    turns = np.diff(np.unwrap(np.arctan2(steps[..., 1], steps[..., 0]), axis=1), axis=1)
    assert np.abs(turns).max() < np.radians(10)  # no corners that an eye could see
    moved = xy[:, 1] - xy[:, 0]
    assert (moved[:, 0] < 0).all()
    assert np.abs(moved[:, 1] / moved[:, 0]).max() < 0.02  # parallel to the axis, up to M/distance
    assert np.isfinite(rays.points).all()
