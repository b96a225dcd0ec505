"""Families against spaces whose curvature is known, and their tensors against each other."""

from __future__ import annotations

import numpy as np
import pytest

from geomkit.families import conformal, diagonal, full, low_rank, product, warped
from tests.family_jets import catalogue_jet

# Every chart of the unit sphere has R = n (n-1), of hyperbolic space -n (n-1).
SPHERES = ["sphere2", "sphere2_mercator", "sphere2_gnomonic", "sphere3_hopf", "sphere4"]
SPHERES += ["sphere3_stereographic", "sphere5_stereographic", "sphere6"]
HYPERBOLIC = ["hyperbolic3_ball", "hyperbolic3_klein", "hyperbolic3_polar", "hyperbolic4_klein"]
HYPERBOLIC += ["hyperbolic_plane_half", "hyperbolic5_half_space"]
OTHERS = ["schwarzschild", "schwarzschild_kerr_schild", "kerr", "painleve_gullstrand", "godel"]
OTHERS += ["reissner_nordstrom", "s2xh2", "nil", "sol", "berger_sphere", "torus", "c_metric"]


@pytest.mark.parametrize("name", SPHERES + HYPERBOLIC + OTHERS)
def test_catalogue(name: str) -> None:
    (g, dg, ddg), exact = catalogue_jet(name, seed=3)
    found = full.scalar(g, dg, ddg)
    slopes = full.scalar_vjp(g, dg, ddg, cotangent=1.0)
    # what rounding of the jet itself does to R
    scale = sum(np.abs(x * s).sum() for x, s in zip((g, dg, ddg), slopes, strict=True))
    assert abs(found - exact) < 1e-14 * scale + 1e-15
    inverse = np.linalg.inv(g)
    assert abs(np.sum(inverse * full.ricci(g, dg, ddg)) - found) < 1e-13 * scale + 1e-15
    n = len(g)
    if name in SPHERES + HYPERBOLIC:
        sign = 1 if name in SPHERES else -1
        # catalogue spaces may have a radius: compare with constant curvature, whatever its size
        assert exact * sign > 0
        ricci = full.ricci(g, dg, ddg)
        assert np.allclose(ricci, exact / n * g, rtol=0, atol=1e-13 * scale * np.abs(g).max())
    if name in ("schwarzschild", "schwarzschild_kerr_schild", "kerr", "painleve_gullstrand"):
        assert np.abs(full.ricci(g, dg, ddg)).max() < 1e-12 * scale


def test_sphere_has_positive_curvature() -> None:
    # g = diag(1, sin(t)^2) in closed form: R = 2, Ric = g, Gamma^t_pp = -sin cos
    t = np.linspace(0.1, 3.0, 7)
    g, dg, ddg = np.zeros((7, 2, 2)), np.zeros((7, 2, 2, 2)), np.zeros((7, 2, 2, 2, 2))
    g[:, 0, 0], g[:, 1, 1] = 1, np.sin(t) ** 2
    dg[:, 1, 1, 0], ddg[:, 1, 1, 0, 0] = np.sin(2 * t), 2 * np.cos(2 * t)
    assert np.allclose(full.scalar(g, dg, ddg), 2, rtol=1e-12)
    assert np.allclose(full.ricci(g, dg, ddg), g, rtol=1e-12, atol=1e-15)
    symbols = full.christoffel(g, dg)
    assert np.allclose(symbols[:, 0, 1, 1], -np.sin(t) * np.cos(t))
    assert np.allclose(symbols[:, 1, 0, 1], 1 / np.tan(t))
    # the same as a diagonal metric and as a warped product
    h, dh, ddh = np.zeros((7, 2)), np.zeros((7, 2, 2)), np.zeros((7, 2, 2))
    h[:, 1], dh[:, 1, 0], ddh[:, 1, 0] = 2 * np.log(np.sin(t)), 2 / np.tan(t), -2 / np.sin(t) ** 2
    assert np.allclose(diagonal.scalar(h, dh, ddh), 2, rtol=1e-12)
    found = warped.scalar(0.0, 0.0, np.sin(t), -np.sin(t), np.cos(t) ** 2, 1)
    assert np.allclose(found, 2, rtol=1e-12)


@pytest.mark.parametrize("n", [2, 3, 8, 64])
@pytest.mark.parametrize("sign", [1, -1])
def test_stereographic_space_forms(n: int, sign: int) -> None:
    # phi = log 2 - log(1 + sign |x|^2): curvature sign, R = sign n (n-1)
    x = np.random.default_rng(0).uniform(-1, 1, size=(5, n)) / (2 * n**0.5)
    square = (x * x).sum(-1)
    scale = 1 + sign * square
    dphi = -2 * sign * x / scale[:, None]
    laplacian = -2 * sign * n / scale + 4 * square / scale**2
    found = conformal.scalar(np.log(2 / scale), dphi, laplacian)
    assert np.allclose(found, sign * n * (n - 1), rtol=1e-12)


def test_spheres_of_all_dimensions_as_diagonal_metrics() -> None:
    # polar angles: g_ii = prod_{k < i} sin(t_k)^2
    n = 12
    t = np.random.default_rng(1).uniform(0.8, 2.2, size=(4, n))
    below = np.tril(np.ones((n, n)), -1)
    h = (2 * np.log(np.sin(t)))[:, None, :] * below
    dh = below * (2 / np.tan(t))[:, None, :]
    ddh = below * (-2 / np.sin(t) ** 2)[:, None, :]
    assert np.allclose(diagonal.scalar(h.sum(-1), dh, ddh), n * (n - 1), rtol=1e-12)


def test_hyperbolic_half_space_has_the_symbols_of_its_conformal_factor() -> None:
    n, height = 4, 0.7
    dphi = np.array([0, 0, 0, -1 / height])
    hessian = np.zeros((n, n))
    hessian[3, 3] = 1 / height**2
    scale = np.exp(-2 * np.log(height))
    ricci = conformal.ricci(dphi, hessian)
    assert np.allclose(ricci, -(n - 1) * scale * np.eye(n), rtol=1e-13)
    symbols = conformal.christoffel(dphi)
    assert symbols[3, 0, 0] == pytest.approx(1 / height)
    assert symbols[0, 0, 3] == pytest.approx(-1 / height)


def test_product_of_sphere_and_hyperbolic_plane() -> None:
    assert product.scalar(np.array([2.0, 6.0]), -2.0).tolist() == [0.0, 4.0]
    blocks = product.ricci(np.eye(2), -np.eye(3))
    assert np.array_equal(blocks, np.diag([1, 1, -1, -1, -1]))
    symbols = product.christoffel(np.ones((2, 2, 2)), 2 * np.ones((1, 1, 1)))
    assert symbols[2, 2, 2] == 2
    assert symbols[0, 1, 1] == 1
    assert np.count_nonzero(symbols) == 9


@pytest.mark.parametrize("n", [2, 3, 8, 16, 32])
def test_a_hemisphere_is_of_rank_one(n: int) -> None:
    # the graph over a disk: g = delta + x x^T / (1 - |x|^2), R = n (n-1), Ric = (n-1) g
    x = np.random.default_rng(n).uniform(-1, 1, n) / (2 * n**0.5)
    s = (1 - x @ x) ** 0.5
    one = np.eye(n)
    cube = one[:, :, None] * x
    u = x / s
    du = one / s + np.outer(x, x) / s**3
    ddu = (cube + cube.swapaxes(1, 2) + cube.T) / s**3
    ddu += 3 * x[:, None, None] * np.outer(x, x) / s**5
    parts = (np.ones(n), np.zeros((n, n)), np.zeros((n, n, n)))
    columns = (u[:, None], du[:, None], ddu[:, None])
    assert low_rank.scalar(*parts, *columns) == pytest.approx(n * (n - 1), rel=1e-12)
    metric = one + np.outer(u, u)
    assert np.allclose(low_rank.ricci(*parts, *columns), (n - 1) * metric, rtol=0, atol=1e-11 * n)
    symbols = low_rank.christoffel(*parts[:2], *columns[:2])
    # Gamma^i_jk = x^i g_jk: the sphere's radius is its normal
    assert np.allclose(symbols, x[:, None, None] * metric, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n", [2, 3, 8, 32, 64])
def test_space_forms_are_warped_over_a_line(n: int) -> None:
    r = np.array([0.4, 0.9, 1.3])
    inner = (n - 1) * (n - 2)
    sphere = warped.scalar(0.0, inner, np.sin(r), -np.sin(r), np.cos(r) ** 2, n - 1)
    assert np.allclose(sphere, n * (n - 1), rtol=1e-12)
    hyperbolic = warped.scalar(0.0, 0.0, np.exp(r), np.exp(r), np.exp(2 * r), n - 1)
    assert np.allclose(hyperbolic, -n * (n - 1), rtol=1e-12)
