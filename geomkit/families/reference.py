"""Curvature from jets by its definition, in numbers of any kind: the oracle of the kernels.

Slow and obvious. Arrays have dtype object; nothing is simplified, nothing is taken from the
formulas of the families: Christoffel symbols, their derivatives, Ricci, R, as in
`geomkit.conventions`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = [
    "christoffel",
    "conformal_jet",
    "diagonal_jet",
    "diagonal_scalar",
    "inverse",
    "long",
    "low_rank_jet",
    "product_jet",
    "ricci",
    "scalar",
    "warped_jet",
]

Numbers = np.ndarray[Any, np.dtype[Any]]


def long(array: Any) -> Numbers:
    """Turn floats into mpmath numbers of the same value; a single one is no array."""
    from mpmath import mpf

    out = np.empty(np.shape(array), dtype=object)
    out.reshape(-1)[:] = [mpf(float(x)) for x in np.ravel(array)]
    result: Numbers = out[()]
    return result


def inverse(matrix: Numbers) -> Numbers:
    """Inverse of (n, n), by elimination with row exchanges."""
    n = len(matrix)
    rows = np.concatenate([matrix, np.eye(n, dtype=int)], axis=1).astype(object)
    for p in range(n):
        best = max(range(p, n), key=lambda i: abs(rows[i, p]))
        rows[[p, best]] = rows[[best, p]]
        rows[p] = rows[p] / rows[p, p]
        for i in range(n):
            if i != p:
                rows[i] = rows[i] - rows[i, p] * rows[p]
    result: Numbers = rows[:, n:]
    return result


def _down(dg: Numbers) -> Numbers:
    """Gamma_mjk = (d_j g_mk + d_k g_mj - d_m g_jk) / 2."""
    return (dg.transpose(0, 2, 1) + dg - dg.transpose(2, 0, 1)) / 2


def christoffel(g: Numbers, dg: Numbers) -> Numbers:
    """Gamma^i_jk = h^im Gamma_mjk."""
    return np.tensordot(inverse(g), _down(dg), 1)


def ricci(g: Numbers, dg: Numbers, ddg: Numbers) -> Numbers:
    """Ric_jl = d_i Gamma^i_lj - d_l Gamma^i_ij + Gamma^i_im Gamma^m_lj - Gamma^i_lm Gamma^m_ij."""
    h = inverse(g)
    down = _down(dg)
    # [m, j, k, l] = d_l Gamma_mjk
    slope = (ddg.transpose(0, 2, 1, 3) + ddg - ddg.transpose(2, 0, 1, 3)) / 2
    symbols = np.tensordot(h, down, 1)
    # d_l h^im = -h^ia d_l g_ab h^bm, so d_l Gamma^i_jk = h^im (d_l Gamma_mjk - d_l g_mb Gamma^b_jk)
    moved = np.tensordot(dg, symbols, (1, 0)).transpose(0, 2, 3, 1)
    derivative = np.tensordot(h, slope - moved, 1)
    divergence = np.trace(derivative, axis1=0, axis2=3)
    traced = np.trace(derivative, axis1=0, axis2=1)
    squares = np.tensordot(np.trace(symbols, axis1=0, axis2=1), symbols, 1)
    crossed = np.tensordot(symbols, symbols, ((0, 2), (1, 0)))
    result: Numbers = divergence - traced + squares - crossed.T
    return result


def scalar(g: Numbers, dg: Numbers, ddg: Numbers) -> Any:
    """R = h^jl Ric_jl."""
    return (inverse(g) * ricci(g, dg, ddg)).sum()


def conformal_jet(phi: Any, dphi: Numbers, hessian: Numbers, exp: Any) -> tuple[Numbers, ...]:
    """The jet of e^(2 phi) delta."""
    one = np.eye(len(dphi), dtype=int).astype(object)
    scale = exp(2 * phi)
    slope = 2 * scale * dphi
    second = scale * (2 * hessian + 4 * np.multiply.outer(dphi, dphi))
    return scale * one, np.multiply.outer(one, slope), np.multiply.outer(one, second)


def diagonal_jet(h: Numbers, dh: Numbers, hessian: Numbers, exp: Any) -> tuple[Numbers, ...]:
    """The jet of diag(e^h), or of diag(h) when there is no exponential function."""
    n = len(h)
    value, slope, second = h, dh, hessian
    if exp is not None:
        value = np.array([exp(x) for x in h], dtype=object)
        slope = value[:, None] * dh
        second = value[:, None, None] * (hessian + dh[:, :, None] * dh[:, None, :])
    g, dg, ddg = (np.zeros((n,) * rank, dtype=object) for rank in (2, 3, 4))
    for i in range(n):
        g[i, i], dg[i, i], ddg[i, i] = value[i], slope[i], second[i]
    return g, dg, ddg


def diagonal_scalar(weight: Numbers, dh: Numbers, ddh: Numbers) -> Any:
    """R of a diagonal metric as twice the sum of the sectional curvatures of coordinate planes.

    With weight = 1/g_ii, f = h/2, h = log |g_ii| and ddh[i, k] = d_k^2 h_i:
    K_ij = -g^jj (f_i,jj + f_i,j^2 - f_i,j f_j,j) - (i <-> j) - sum over m != i, j of
    g^mm f_i,m f_j,m. For dimensions in which `scalar` takes too long.

    Returns:
        R.
    """
    n = len(weight)
    f, ff = dh / 2, ddh / 2
    total: Any = 0
    for i in range(n):
        for j in range(i):
            total -= weight[j] * (ff[i, j] + f[i, j] ** 2 - f[i, j] * f[j, j])
            total -= weight[i] * (ff[j, i] + f[j, i] ** 2 - f[j, i] * f[i, i])
            products = weight * f[i] * f[j]
            total -= products.sum() - products[i] - products[j]
    return 2 * total


def low_rank_jet(*parts: Numbers) -> tuple[Numbers, ...]:
    """The jet of diag(d) + U U^T from d, dd, ddd, u, du, ddu."""
    d, dd, ddd, u, du, ddu = parts
    n = len(d)
    g, dg, ddg = (np.zeros((n,) * rank, dtype=object) for rank in (2, 3, 4))
    for i in range(n):
        g[i, i], dg[i, i], ddg[i, i] = d[i], dd[i], ddd[i]
    for i in range(n):
        for j in range(n):
            for a in range(u.shape[1]):
                g[i, j] += u[i, a] * u[j, a]
                dg[i, j] += du[i, a] * u[j, a] + u[i, a] * du[j, a]
                crossed = np.multiply.outer(du[i, a], du[j, a])
                ddg[i, j] += ddu[i, a] * u[j, a] + u[i, a] * ddu[j, a] + crossed + crossed.T
    return g, dg, ddg


def product_jet(*factors: tuple[Numbers, Numbers, Numbers]) -> tuple[Numbers, ...]:
    """The jet of a product from those of its factors."""
    n = sum(len(factor[0]) for factor in factors)
    whole = tuple(np.zeros((n,) * rank, dtype=object) for rank in (2, 3, 4))
    start = 0
    for factor in factors:
        part = slice(start, start + len(factor[0]))
        for rank, (target, source) in enumerate(zip(whole, factor, strict=True), 2):
            target[(part,) * rank] = source
        start = part.stop
    return whole


def warped_jet(
    base: tuple[Numbers, Numbers, Numbers],
    fibre: tuple[Numbers, Numbers, Numbers],
    w: Any,
    dw: Numbers,
    ddw: Numbers,
) -> tuple[Numbers, ...]:
    """The jet of g_B + w^2 g_F from those of its parts."""
    n = len(base[0])
    g, dg, ddg = product_jet(base, tuple(w**2 * part for part in fibre))
    inner, outer = slice(0, n), slice(n, None)
    slope, second = 2 * w * dw, 2 * (np.multiply.outer(dw, dw) + w * ddw)
    dg[outer, outer, inner] = np.multiply.outer(fibre[0], slope)
    ddg[outer, outer, inner, inner] = np.multiply.outer(fibre[0], second)
    mixed = np.multiply.outer(fibre[1], slope)
    ddg[outer, outer, outer, inner] = mixed
    ddg[outer, outer, inner, outer] = mixed.swapaxes(2, 3)
    return g, dg, ddg
