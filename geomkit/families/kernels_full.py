"""Numba kernels of the full family: scalar curvature from g, dg and ddg, and its gradient.

With h the inverse of g and D_ijk = d_k g_ij,

    R = s + 3/4 D_ijk D^ijk - 1/2 D_ijk D^ikj - gamma_e gamma^e,
    s = (h^il h^jk - h^ij h^kl) d_k d_l g_ij,     gamma_e = h^bd (D_edb - 1/2 D_bde),

where the middle terms are |Gamma|^2. Nothing of five indices is ever summed: n^4 operations.

The gradient by D follows term by term. The gradient by g then needs no further formula: R does not
change under linear changes of coordinates, x -> x + a x, so 2 (dR/dg) g + K = 0 where K^i_m is the
contraction of dR/dD with D over each of its three slots.
"""

from __future__ import annotations

import numpy as np

from .kernels import Array, inverse, kernel

__all__ = ["contract_second", "scalar", "scalar_vjp"]


@kernel
def scalar(g: Array, dg: Array, ddg: Array, contracted: Array, out: Array) -> None:
    """Write the scalar curvature of N jets.

    Args:
        g: (N, n, n).
        dg: (N, n, n, n).
        ddg: (N, n, n, n, n), or empty when the contraction is given.
        contracted: s for each point (N,), or empty.
        out: (N,).
    """
    n = g.shape[1]
    h, swaps = np.empty((n, n)), np.empty((2, n))
    d, e, f = np.empty((n, n, n)), np.empty((n, n, n)), np.empty((n, n, n))
    gamma, raised = np.empty(n), np.empty(n)
    for p in range(g.shape[0]):
        if not inverse(g[p], h, swaps):
            out[p] = np.nan
            continue
        if n == 1:
            out[p] = 0.0  # a line has no curvature: not even by rounding
            continue
        total = _quadratic(h, dg[p], d, f, e, gamma, raised)
        if contracted.shape[0]:
            total += contracted[p]
        else:
            total += _second(h, ddg[p])
        out[p] = total


@kernel
def contract_second(g: Array, ddg: Array, out: Array) -> None:
    """Write s of N jets: g (N, n, n), ddg (N, n, n, n, n), out (N,)."""
    n = g.shape[1]
    h, swaps = np.empty((n, n)), np.empty((2, n))
    for p in range(g.shape[0]):
        out[p] = _second(h, ddg[p]) if inverse(g[p], h, swaps) else np.nan


@kernel
def _second(h: Array, ddg: Array) -> float:
    """Contract ddg with the symmetric part of h^il h^jk - h^ij h^kl, pair by pair i <= j."""
    n = h.shape[0]
    total = 0.0
    for i in range(n):
        for j in range(i + 1):
            weight = 0.5 if i == j else 1.0
            both = h[i, j]
            for k in range(n):
                left, right = 0.5 * h[j, k], 0.5 * h[i, k]
                one, other = ddg[i, j, k], ddg[j, i, k]
                part = 0.0
                for m in range(n):
                    entry = np.float64(one[m]) + np.float64(other[m])
                    part += entry * (left * h[i, m] + right * h[j, m] - both * h[k, m])
                total += weight * part
    return total


@kernel
def _quadratic(
    h: Array, dg: Array, d: Array, f: Array, e: Array, gamma: Array, raised: Array
) -> float:
    """Return |Gamma|^2 - |gamma|^2; leave D in d, D raised in e, gamma raised in raised."""
    n = h.shape[0]
    for i in range(n):
        for j in range(n):
            for k in range(n):
                d[i, j, k] = 0.5 * (np.float64(dg[i, j, k]) + np.float64(dg[j, i, k]))
    _raise(h, d, f, e)
    total = 0.0
    for i in range(n):
        for j in range(n):
            for k in range(n):
                total += d[i, j, k] * (0.75 * e[i, j, k] - 0.5 * e[i, k, j])
    for i in range(n):
        gamma[i] = 0.0
    for i in range(n):
        for j in range(n):
            part = 0.0
            for k in range(n):
                part += h[j, k] * d[i, j, k]
                gamma[k] -= 0.5 * h[i, j] * d[i, j, k]
            gamma[i] += part
    for i in range(n):
        part = 0.0
        for j in range(n):
            part += h[i, j] * gamma[j]
        raised[i] = part
        total -= part * gamma[i]
    return total


@kernel
def _raise(h: Array, d: Array, f: Array, e: Array) -> None:
    """Raise the three indices of D (symmetric in the first two); f is scratch."""
    n = h.shape[0]
    for i in range(n):
        _combine(h[i], d.reshape(n, n * n), f[i].reshape(n * n))
    for i in range(n):
        for j in range(i + 1):
            _combine(h[j], f[i], e[i, j])
    # e now has two upper indices; f takes the third, then both are the same tensor
    for i in range(n):
        for j in range(i + 1):
            _combine(e[i, j], h, f[i, j])
    for i in range(n):
        for j in range(i + 1):
            for k in range(n):
                e[i, j, k] = f[i, j, k]
                e[j, i, k] = f[i, j, k]


@kernel
def _combine(weights: Array, rows: Array, out: Array) -> None:
    """Out = sum of weights[a] rows[a], four rows at a time."""
    n, length = rows.shape
    for m in range(length):
        out[m] = 0.0
    a = 0
    while a + 4 <= n:
        w0, w1, w2, w3 = weights[a], weights[a + 1], weights[a + 2], weights[a + 3]
        r0, r1, r2, r3 = rows[a], rows[a + 1], rows[a + 2], rows[a + 3]
        for m in range(length):
            out[m] += w0 * r0[m] + w1 * r1[m] + w2 * r2[m] + w3 * r3[m]
        a += 4
    while a < n:
        w0, r0 = weights[a], rows[a]
        for m in range(length):
            out[m] += w0 * r0[m]
        a += 1


@kernel
def scalar_vjp(
    g: Array,
    dg: Array,
    ddg: Array,
    cotangent: Array,
    out_g: Array,
    out_dg: Array,
    out_ddg: Array,
) -> None:
    """Write the gradient of sum(cotangent R).

    Args:
        g: (N, n, n).
        dg: (N, n, n, n).
        ddg: (N, n, n, n, n); empty when the contraction was given: then its gradient is the
            cotangent itself, and `out_ddg` is not written.
        cotangent: (N,).
        out_g: as g.
        out_dg: as dg.
        out_ddg: as ddg.
    """
    n = g.shape[1]
    h, swaps, k, m = np.empty((n, n)), np.empty((2, n)), np.empty((n, n)), np.empty((n, n))
    d, e, f = np.empty((n, n, n)), np.empty((n, n, n)), np.empty((n, n, n))
    gamma, raised = np.empty(n), np.empty(n)
    for p in range(g.shape[0]):
        c = np.float64(cotangent[p]) if n > 1 else 0.0
        inverse(g[p], h, swaps)
        _quadratic(h, dg[p], d, f, e, gamma, raised)
        _gradient_d(h, e, raised, f)
        _slots(f, d, k)
        for i in range(n):
            for j in range(n):
                for q in range(n):
                    out_dg[p, i, j, q] = c * f[i, j, q]
        if ddg.shape[0]:
            _second_slots(h, ddg[p], k, m)
            _gradient_dd(h, c, out_ddg[p])
        for i in range(n):
            _combine(k[i], h, m[i])
        for i in range(n):
            for j in range(n):
                out_g[p, i, j] = -0.25 * c * (m[i, j] + m[j, i])


@kernel
def _gradient_d(h: Array, e: Array, raised: Array, out: Array) -> None:
    n = h.shape[0]
    for i in range(n):
        for j in range(n):
            for k in range(n):
                turned = e[i, k, j] + e[j, k, i]
                trace = raised[i] * h[j, k] + raised[j] * h[i, k] - raised[k] * h[i, j]
                out[i, j, k] = 1.5 * e[i, j, k] - 0.5 * turned - trace


@kernel
def _slots(upper: Array, d: Array, out: Array) -> None:
    """Write K^i_m, the sum over slots of upper^..i.. D_..m..; both symmetric in the first two."""
    n = d.shape[0]
    for i in range(n):
        for m in range(n):
            part = 0.0
            for j in range(n):
                for k in range(n):
                    part += upper[i, j, k] * d[m, j, k]
            out[i, m] = 2.0 * part
    for i in range(n):
        for j in range(i + 1):
            weight = 1.0 if i == j else 2.0
            for a in range(n):
                factor = weight * upper[i, j, a]
                for b in range(n):
                    out[a, b] += factor * d[i, j, b]


@kernel
def _second_slots(h: Array, ddg: Array, k: Array, scratch: Array) -> None:
    """Add the slots of ddg to K.

    With A_ij = h^kl dd_ijkl, A'_kl = h^ij dd_ijkl and B_jl = h^ik dd_ijkl, the four slots together
    are h (4 B - 2 A - 2 A').
    """
    n = h.shape[0]
    scratch[:, :] = 0.0
    for i in range(n):
        for j in range(i + 1):
            # each block is halved and met from both sides, so that only symmetric parts count
            weight = 1.0 if i == j else 2.0
            both, trace = weight * h[i, j], 0.0
            for a in range(n):
                one, other = ddg[i, j, a], ddg[j, i, a]
                left, right = 0.5 * weight * h[i, a], 0.5 * weight * h[j, a]
                toward_j, toward_i, part = 0.0, 0.0, 0.0
                for b in range(n):
                    entry = np.float64(one[b]) + np.float64(other[b])
                    scratch[j, b] += left * entry
                    scratch[i, b] += right * entry
                    scratch[a, b] -= both * entry
                    toward_j += h[i, b] * entry
                    toward_i += h[j, b] * entry
                    part += h[a, b] * entry
                scratch[j, a] += 0.5 * weight * toward_j
                scratch[i, a] += 0.5 * weight * toward_i
                trace += part
            scratch[i, j] -= 0.5 * weight * trace
            scratch[j, i] -= 0.5 * weight * trace
    for i in range(n):
        for j in range(i):
            scratch[i, j] = 0.5 * (scratch[i, j] + scratch[j, i])
            scratch[j, i] = scratch[i, j]
    for i in range(n):
        for a in range(n):
            factor = h[i, a]
            for b in range(n):
                k[i, b] += factor * scratch[a, b]


@kernel
def _gradient_dd(h: Array, c: float, out: Array) -> None:
    n = h.shape[0]
    for i in range(n):
        for j in range(n):
            both = c * h[i, j]
            for k in range(n):
                left, right = 0.5 * c * h[j, k], 0.5 * c * h[i, k]
                row = out[i, j, k]
                for m in range(n):
                    row[m] = left * h[i, m] + right * h[j, m] - both * h[k, m]
