"""Numba kernels of the full family: Christoffel symbols and Ricci tensor from g, dg and ddg.

With A_jl = h^ik dd_jlik, B_jl = h^ik dd_ijkl, A'_jl = h^ik dd_ikjl,

    Ric_jl = (B_jl + B_lj - A_jl - A'_jl) / 2 + Gamma_m,il Gamma^m,i_j - gamma^m Gamma_m,jl.
"""

from __future__ import annotations

import numpy as np

from .kernels import Array, inverse, kernel

__all__ = ["christoffel", "ricci"]


@kernel
def christoffel(g: Array, dg: Array, out: Array) -> None:
    """Write Gamma^i_jk: g (N, n, n), dg (N, n, n, n), out (N, n, n, n)."""
    n = g.shape[1]
    h, swaps, down = np.empty((n, n)), np.empty((2, n)), np.empty((n, n, n))
    for p in range(g.shape[0]):
        inverse(g[p], h, swaps)
        _lower(dg[p], down)
        for i in range(n):
            for j in range(n):
                for k in range(n):
                    total = 0.0
                    for m in range(n):
                        total += h[i, m] * down[m, j, k]
                    out[p, i, j, k] = total


@kernel
def _lower(dg: Array, down: Array) -> None:
    """Write Gamma_ijk = (d_j g_ik + d_k g_ij - d_i g_jk) / 2, of the symmetric part of dg."""
    n = dg.shape[0]
    for i in range(n):
        for j in range(n):
            for k in range(n):
                one = np.float64(dg[i, k, j]) + np.float64(dg[k, i, j])
                two = np.float64(dg[i, j, k]) + np.float64(dg[j, i, k])
                three = np.float64(dg[j, k, i]) + np.float64(dg[k, j, i])
                down[i, j, k] = 0.25 * (one + two - three)


@kernel
def ricci(g: Array, dg: Array, ddg: Array, out: Array) -> None:
    """Write Ric_jl: g (N, n, n), dg (N, n, n, n), ddg (N, n, n, n, n), out (N, n, n)."""
    n = g.shape[1]
    h, swaps, down = np.empty((n, n)), np.empty((2, n)), np.empty((n, n, n))
    up, mixed, r = np.empty((n, n, n)), np.empty((n, n, n)), np.empty((n, n))
    for p in range(g.shape[0]):
        inverse(g[p], h, swaps)
        _lower(dg[p], down)
        _second(h, ddg[p], r)
        # up: Gamma^m_jk, mixed: Gamma^m,i_k (second index raised too)
        for m in range(n):
            for j in range(n):
                for k in range(n):
                    total = 0.0
                    for a in range(n):
                        total += h[m, a] * down[a, j, k]
                    up[m, j, k] = total
        for m in range(n):
            for i in range(n):
                for k in range(n):
                    total = 0.0
                    for a in range(n):
                        total += h[i, a] * up[m, a, k]
                    mixed[m, i, k] = total
        for m in range(n):
            trace = 0.0
            for i in range(n):
                trace += mixed[m, i, i]
                for j in range(n):
                    for k in range(n):
                        r[j, k] += mixed[m, i, j] * down[m, i, k]
            for j in range(n):
                for k in range(n):
                    r[j, k] -= trace * down[m, j, k]
        for j in range(n):
            for k in range(n):
                out[p, j, k] = 0.5 * (r[j, k] + r[k, j])


@kernel
def _second(h: Array, ddg: Array, r: Array) -> None:
    """Write a matrix whose symmetric part is that of the terms with second derivatives."""
    n = h.shape[0]
    for j in range(n):
        for m in range(n):
            total = 0.0
            for i in range(n):
                for k in range(n):
                    one = np.float64(ddg[i, j, k, m]) + np.float64(ddg[j, i, k, m])
                    other = np.float64(ddg[i, j, m, k]) + np.float64(ddg[j, i, m, k])
                    trace = np.float64(ddg[j, m, i, k]) + np.float64(ddg[i, k, j, m])
                    total += h[i, k] * (0.5 * (one + other) - trace)
            r[j, m] = 0.5 * total
