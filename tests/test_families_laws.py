"""Laws of curvature on random jets: invariance, scaling, and each family against the full one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomkit.families import (
    conformal,
    diagonal,
    full,
    kernels_full,
    low_rank,
    product,
    unrolled,
    warped,
)
from tests.family_jets import change, random_jet

SEEDS = st.integers(0, 10**6)
Array = np.ndarray[Any, Any]


def close(found: Any, expected: Any, scale: float, units: float = 1e-12) -> bool:
    """Equal up to rounding of terms of the given size (1e-12: n^4 terms, moderate condition)."""
    return bool(np.max(np.abs(np.asarray(found) - expected), initial=0.0) <= units * scale)


def size(jet: tuple[Array, ...]) -> float:
    """How large the terms of R are: sum |x dR/dx|."""
    slopes = full.scalar_vjp(*jet, cotangent=1.0)
    return float(max(1.0, sum(np.abs(x * s).sum() for x, s in zip(jet, slopes, strict=True))))


@given(SEEDS, st.integers(2, 6), st.booleans())
def test_linear_changes_of_coordinates(seed: int, n: int, lorentzian: bool) -> None:
    random = np.random.default_rng(seed)
    jet = random_jet(random, 2, n, lorentzian=lorentzian)
    matrix = np.linalg.qr(random.normal(size=(n, n)))[0] * random.uniform(0.5, 2, size=n)
    moved = change(jet, matrix)
    assert close(full.scalar(*moved), full.scalar(*jet), size(jet))
    (expected,) = change((full.ricci(*jet),), matrix)
    assert close(full.ricci(*moved), expected, size(jet))


@given(SEEDS, st.integers(2, 6), st.floats(1e-6, 1e6))
def test_scaling(seed: int, n: int, factor: float) -> None:
    g, dg, ddg = random_jet(np.random.default_rng(seed), 2, n)
    found = full.scalar(factor * g, factor * dg, factor * ddg) * factor
    assert close(found, full.scalar(g, dg, ddg), size((g, dg, ddg)))
    assert close(full.ricci(factor * g, factor * dg, factor * ddg), full.ricci(g, dg, ddg), 1e4)


@given(SEEDS, st.integers(1, 9), st.booleans())
def test_ricci_symbols_and_contraction_fit_the_scalar(seed: int, n: int, lorentzian: bool) -> None:
    g, dg, ddg = random_jet(np.random.default_rng(seed), 3, n, lorentzian=lorentzian)
    scale, h = size((g, dg, ddg)), np.linalg.inv(g)
    found = full.scalar(g, dg, ddg)
    assert close(np.sum(h * full.ricci(g, dg, ddg), (1, 2)), found, scale)
    assert close(full.scalar(g, dg, contracted=full.contract(g, ddg)), found, scale)
    # metric compatibility: d_k g_ij = Gamma_ikj + Gamma_jki
    down = np.einsum("pim,pmjk->pijk", g, full.christoffel(g, dg))
    expected = down.transpose(0, 1, 3, 2) + down.transpose(0, 3, 1, 2)
    assert close(expected.transpose(0, 1, 2, 3), dg, 1e2)


@given(SEEDS, st.integers(2, 3), st.booleans())
def test_unrolled_and_general_kernels_agree(seed: int, n: int, lorentzian: bool) -> None:
    jet = random_jet(np.random.default_rng(seed), 70, n, lorentzian=lorentzian)
    one, other = np.empty(70), np.empty(70)
    unrolled.scalar(*jet, one)
    kernels_full.scalar(*jet, np.empty(0), other)
    assert close(one, other, size(jet))
    cotangent = np.linspace(-1, 1, 70)
    first = [np.empty_like(x) for x in jet]
    second = [np.empty_like(x) for x in jet]
    unrolled.gradient(*jet, cotangent, *first)
    kernels_full.scalar_vjp(*jet, cotangent, *second)
    for a, b in zip(first, second, strict=True):
        assert close(a, b, float(np.abs(b).max()) + 1)


@given(SEEDS, st.integers(1, 7))
def test_only_symmetric_parts_count(seed: int, n: int) -> None:
    random = np.random.default_rng(seed)
    g, dg, ddg = random_jet(random, 2, n)
    raw: Array = random.normal(size=(2, n, n))
    skew: Array = raw - raw.swapaxes(1, 2)
    other: Array = np.asarray(random.normal(size=ddg.shape))
    jet = (
        g + 0.1 * skew,
        dg + skew[..., None] * random.normal(size=n),
        ddg + skew[..., None, None] * other[:, :1, :1] + (other - other.swapaxes(3, 4)),
    )
    found, expected = full.scalar(*jet, check=False), full.scalar(g, dg, ddg)
    assert close(found, expected, size((g, dg, ddg)))
    cotangent = np.ones(2)
    slopes = full.scalar_vjp(*jet, cotangent=cotangent)
    for a, b in zip(slopes, full.scalar_vjp(g, dg, ddg, cotangent=cotangent), strict=True):
        assert close(a, b, float(np.abs(b).max()) + 1)
    assert close(full.ricci(*jet, check=False), full.ricci(g, dg, ddg), size((g, dg, ddg)))
    assert close(full.christoffel(*jet[:2], check=False), full.christoffel(g, dg), 1e2)


@given(SEEDS, st.integers(1, 9), st.booleans(), st.booleans())
def test_gradients_are_derivatives(seed: int, n: int, lorentzian: bool, contracted: bool) -> None:
    random = np.random.default_rng(seed)
    g, dg, ddg = random_jet(random, 2, n, lorentzian=lorentzian)
    tangent = random_jet(random, 2, n)
    cotangent = random.normal(size=2)
    step = 1e-5
    if contracted:
        given_: list[Array] = [g, dg, full.contract(g, ddg)]
        moves: list[Array] = [tangent[0], tangent[1], random.normal(size=2)]
        slopes = full.scalar_vjp(g, dg, contracted=given_[2], cotangent=cotangent)
        values = [
            full.scalar(g + s * moves[0], dg + s * moves[1], contracted=given_[2] + s * moves[2])
            for s in (step, -step)
        ]
    else:
        moves = list(tangent)
        slopes = full.scalar_vjp(g, dg, ddg, cotangent=cotangent)
        values = [
            full.scalar(g + s * moves[0], dg + s * moves[1], ddg + s * moves[2])
            for s in (step, -step)
        ]
    expected = (cotangent * (values[0] - values[1])).sum() / (2 * step)
    found = sum((s * m).sum() for s, m in zip(slopes, moves, strict=True))
    # central differences: step^2 times a third derivative, and rounding over the step
    scale = sum(np.abs(s * m).sum() for s, m in zip(slopes, moves, strict=True))
    assert abs(found - expected) < 1e-6 * (scale + size((g, dg, ddg)))


@given(SEEDS, st.integers(1, 6), st.booleans())
def test_diagonal_is_full(seed: int, n: int, log: bool) -> None:
    random = np.random.default_rng(seed)
    h, dh = random.normal(size=(2, n)), random.normal(size=(2, n, n))
    hessian = random.normal(size=(2, n, n, n))
    hessian = hessian + hessian.swapaxes(2, 3)
    signs = random.choice([-1, 1], size=n)
    options: dict[str, Any] = {"parameter": "log", "signs": signs}
    value = signs * np.exp(h)
    slope = value[..., None] * dh
    second = value[..., None, None] * (hessian + dh[..., :, None] * dh[..., None, :])
    if not log:
        h = value
        dh, hessian = slope, second
        options = {"parameter": "metric"}
    one = np.eye(n)
    g = value[:, :, None] * one
    dg = slope[:, :, None, :] * one[:, :, None]
    ddg = second[:, :, None] * one[:, :, None, None]
    scale = size((g, dg, ddg))
    unmixed = np.einsum("pikk->pik", hessian)
    assert close(diagonal.scalar(h, dh, unmixed, **options), full.scalar(g, dg, ddg), scale)
    assert close(diagonal.ricci(h, dh, hessian, **options), full.ricci(g, dg, ddg), scale)
    assert close(diagonal.christoffel(h, dh, **options), full.christoffel(g, dg), scale)


@given(SEEDS, st.integers(1, 7))
def test_conformal_is_full_and_diagonal(seed: int, n: int) -> None:
    random = np.random.default_rng(seed)
    phi, dphi = random.normal(size=2), random.normal(size=(2, n))
    hessian = random.normal(size=(2, n, n))
    hessian = hessian + hessian.swapaxes(1, 2)
    laplacian = np.trace(hessian, axis1=1, axis2=2)
    g = np.exp(2 * phi)[:, None, None] * np.eye(n)
    dg = g[..., None] * 2 * dphi[:, None, None]
    outer = dphi[:, :, None] * dphi[:, None, :]
    ddg = g[..., None, None] * (2 * hessian + 4 * outer)[:, None, None]
    scale = size((g, dg, ddg))
    found = conformal.scalar(phi, dphi, laplacian)
    assert close(found, full.scalar(g, dg, ddg), scale)
    assert close(conformal.ricci(dphi, hessian), full.ricci(g, dg, ddg), scale)
    assert close(conformal.christoffel(dphi), full.christoffel(g, dg), 1e2)
    rows = np.ones((1, n, 1))
    unmixed = np.einsum("pkk->pk", hessian)
    same = diagonal.scalar(
        2 * phi[:, None] * rows[..., 0], 2 * dphi[:, None] * rows, 2 * unmixed[:, None] * rows
    )
    assert close(found, same, scale)


@given(SEEDS, st.integers(1, 6), st.integers(1, 7))
def test_low_rank_is_full(seed: int, n: int, rank: int) -> None:
    random = np.random.default_rng(seed)

    def second(*shape: int) -> Array:
        raw = random.normal(size=(2, *shape, n, n))
        return np.asarray(raw + raw.swapaxes(-1, -2))

    d, dd, ddd = random.uniform(0.5, 2, (2, n)), random.normal(size=(2, n, n)), second(n)
    u, du = random.normal(size=(2, n, rank)), random.normal(size=(2, n, rank, n))
    ddu = second(n, rank)
    jet = low_rank.jet(d, dd, ddd, u, du, ddu)
    assert np.allclose(jet[0], d[:, :, None] * np.eye(n) + u @ u.swapaxes(1, 2))
    scale = size(jet)
    assert close(low_rank.scalar(d, dd, ddd, u, du, ddu), full.scalar(*jet), scale)
    assert close(low_rank.ricci(d, dd, ddd, u, du, ddu), full.ricci(*jet), scale)
    assert close(low_rank.christoffel(d, dd, u, du), full.christoffel(*jet[:2]), scale)
    assert close(low_rank.inverse_metric(d, u) @ jet[0], np.eye(n), 1e2)


@given(SEEDS, st.integers(1, 3), st.integers(1, 3))
def test_products_and_warped_products_are_full(seed: int, n: int, m: int) -> None:
    random = np.random.default_rng(seed)
    base, fibre = random_jet(random, 2, n), random_jet(random, 2, m)
    w, dw, ddw = random.uniform(0.5, 2, 2), random.normal(size=(2, n)), np.zeros((2, n, n))
    ddw += random.normal()
    inner, outer = slice(0, n), slice(n, None)
    for warp in (False, True):
        factor, slope = (w**2, 2 * w[:, None] * dw) if warp else (w * 0 + 1, 0 * dw)
        bend = 2 * dw[:, :, None] * dw[:, None, :] + 2 * w[:, None, None] * ddw
        g, dg, ddg = (np.zeros((2, *(n + m,) * rank)) for rank in (2, 3, 4))
        g[:, inner, inner], g[:, outer, outer] = base[0], factor[:, None, None] * fibre[0]
        dg[:, inner, inner, inner] = base[1]
        dg[:, outer, outer, outer] = factor[:, None, None, None] * fibre[1]
        dg[:, outer, outer, inner] = fibre[0][..., None] * slope[:, None, None]
        ddg[:, inner, inner, inner, inner] = base[2]
        ddg[:, outer, outer, outer, outer] = factor[:, None, None, None, None] * fibre[2]
        mixed = fibre[1][..., None] * slope[:, None, None, None]
        ddg[:, outer, outer, outer, inner] = mixed
        ddg[:, outer, outer, inner, outer] = mixed.swapaxes(3, 4)
        if warp:
            ddg[:, outer, outer, inner, inner] = fibre[0][..., None, None] * bend[:, None, None]
        parts = [
            (full.scalar(*jet), full.ricci(*jet), full.christoffel(*jet[:2]))
            for jet in (base, fibre)
        ]
        (r1, ric1, c1), (r2, ric2, c2) = parts
        scale = 10 * size((g, dg, ddg))
        if not warp:
            assert close(product.scalar(r1, r2), full.scalar(g, dg, ddg), scale)
            assert close(product.ricci(ric1, ric2), full.ricci(g, dg, ddg), scale)
            assert close(product.christoffel(c1, c2), full.christoffel(g, dg), scale)
            continue
        hessian, laplacian, square = warped.operators(base[0], base[1], dw, ddw)
        found = warped.scalar(r1, r2, w, laplacian, square, m)
        assert close(found, full.scalar(g, dg, ddg), scale)
        ricci = warped.ricci(ric1, ric2, fibre[0], w, hessian, laplacian, square)
        assert close(ricci, full.ricci(g, dg, ddg), scale)
        symbols = warped.christoffel(c1, c2, base[0], fibre[0], w, dw)
        assert close(symbols, full.christoffel(g, dg), scale)


def test_the_comparison_can_fail() -> None:
    assert not close(1.0 + 1e-9, 1.0, 1.0)
    assert not close(np.nan, 1.0, 1.0)


@pytest.mark.parametrize("n", [16, 33])
def test_large_dimensions(n: int) -> None:
    # products of planes in turned coordinates
    random = np.random.default_rng(n)
    jet = [np.zeros((1, *(n,) * rank)) for rank in (2, 3, 4)]
    total = 0.0
    for start in range(0, n, 2):
        block = random_jet(random, 1, min(2, n - start))
        for rank, (target, source) in enumerate(zip(jet, block, strict=True), 2):
            target[(slice(None), *(slice(start, start + 2),) * rank)] = source
        total += float(full.scalar(*block)[0])
    moved = change(tuple(jet), np.linalg.qr(random.normal(size=(n, n)))[0])
    assert close(full.scalar(*moved), total, size(moved))
