"""Numba kernels of the conformal and of the diagonal family: scalar curvature and its gradient.

Conformal, g = e^(2 phi) delta: R = -e^(-2 phi) (n-1) (2 Laplacian(phi) + (n-2) |grad phi|^2).

Diagonal, g_kk = +-e^(h_k), with h_b,k = d_k h_b and s_k, q_k the sums over b != k of h_b,k and of
its square:

    R = sum_k g^kk (-sum_{b != k} d_k^2 h_b - q_k / 4 - s_k^2 / 4 + h_k,k s_k / 2).

Given g_kk itself, h_b,k = d_k g_bb / g_bb and d_k^2 h_b = d_k^2 g_bb / g_bb - h_b,k^2.
"""

from __future__ import annotations

import math

import numpy as np

from .kernels import Array, kernel

__all__ = ["conformal", "conformal_vjp", "diagonal", "diagonal_vjp"]


@kernel
def conformal(phi: Array, dphi: Array, laplacian: Array, out: Array) -> None:
    """Write R: phi (N,), dphi (N, n), laplacian (N,), out (N,)."""
    n = dphi.shape[1]
    for p in range(phi.shape[0]):
        squares = 0.0
        for k in range(n):
            squares += np.float64(dphi[p, k]) * np.float64(dphi[p, k])
        scale = -(n - 1) * math.exp(-2.0 * np.float64(phi[p]))
        out[p] = scale * (2.0 * np.float64(laplacian[p]) + (n - 2) * squares)


@kernel
def conformal_vjp(
    phi: Array,
    dphi: Array,
    laplacian: Array,
    cotangent: Array,
    out_phi: Array,
    out_dphi: Array,
    out_laplacian: Array,
) -> None:
    """Write the gradient of sum(cotangent R)."""
    n = dphi.shape[1]
    for p in range(phi.shape[0]):
        squares = 0.0
        for k in range(n):
            squares += np.float64(dphi[p, k]) * np.float64(dphi[p, k])
        scale = -(n - 1) * math.exp(-2.0 * np.float64(phi[p])) * np.float64(cotangent[p])
        out_phi[p] = -2.0 * scale * (2.0 * np.float64(laplacian[p]) + (n - 2) * squares)
        out_laplacian[p] = 2.0 * scale
        for k in range(n):
            out_dphi[p, k] = 2.0 * (n - 2) * scale * np.float64(dphi[p, k])


@kernel
def _sums(
    log: bool, h: Array, dh: Array, ddh: Array, inverse: Array, slope: Array, sums: Array
) -> None:
    """Fill 1/|g_kk| or 1/g_kk, the slopes h_b,k, and the rows s, q, sum of d_k^2 h_b, bracket."""
    n = h.shape[0]
    for k in range(n):
        value = np.float64(h[k])
        inverse[k] = math.exp(-value) if log else (1.0 / value if value != 0.0 else np.nan)
    sums[:, :] = 0.0
    for b in range(n):
        scale = 1.0 if log else inverse[b]
        for k in range(n):
            slope[b, k] = scale * np.float64(dh[b, k])
        # two runs instead of one with a subtraction: the term b = k may be the largest by far
        for k in range(b):
            sums[0, k] += slope[b, k]
            sums[1, k] += slope[b, k] * slope[b, k]
            sums[2, k] += scale * np.float64(ddh[b, k])
        for k in range(b + 1, n):
            sums[0, k] += slope[b, k]
            sums[1, k] += slope[b, k] * slope[b, k]
            sums[2, k] += scale * np.float64(ddh[b, k])
    squares = -0.25 if log else 0.75
    for k in range(n):
        s = sums[0, k]
        sums[3, k] = -sums[2, k] + squares * sums[1, k] + s * (0.5 * slope[k, k] - 0.25 * s)


@kernel
def diagonal(log: bool, signs: Array, h: Array, dh: Array, ddh: Array, out: Array) -> None:
    """Write R: h (N, n), dh (N, n, n), ddh (N, n, n), signs (n,), out (N,)."""
    n = h.shape[1]
    inverse, slope, sums = np.empty(n), np.empty((n, n)), np.empty((4, n))
    for p in range(h.shape[0]):
        _sums(log, h[p], dh[p], ddh[p], inverse, slope, sums)
        total = 0.0
        for k in range(n):
            total += signs[k] * inverse[k] * sums[3, k]
        out[p] = total


@kernel
def diagonal_vjp(
    log: bool,
    signs: Array,
    h: Array,
    dh: Array,
    ddh: Array,
    cotangent: Array,
    out_h: Array,
    out_dh: Array,
    out_ddh: Array,
) -> None:
    """Write the gradient of sum(cotangent R)."""
    n = h.shape[1]
    inverse, slope, sums = np.empty(n), np.empty((n, n)), np.empty((4, n))
    weight = np.empty(n)
    squares = -0.25 if log else 0.75
    for p in range(h.shape[0]):
        _sums(log, h[p], dh[p], ddh[p], inverse, slope, sums)
        for k in range(n):
            weight[k] = np.float64(cotangent[p]) * signs[k] * inverse[k]
        for b in range(n):
            scale = 1.0 if log else inverse[b]
            own = 0.0
            for k in range(n):
                bend = 2.0 * squares * slope[b, k] + 0.5 * (slope[k, k] - sums[0, k])
                part = weight[k] * bend
                second = -weight[k]
                if k == b:
                    part = 0.5 * weight[k] * sums[0, k]
                    second = 0.0
                own += part * slope[b, k] + second * scale * np.float64(ddh[p, b, k])
                out_dh[p, b, k] = scale * part
                out_ddh[p, b, k] = scale * second
            direct = -weight[b] * sums[3, b]
            # by g_bb: each slope and second derivative of row b carries one 1/g_bb
            out_h[p, b] = direct if log else scale * (direct - own)
