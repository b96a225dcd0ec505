"""The unrolled programs of small dimensions in machine code, called as the other kernels are.

From n = 3 on they are for definite metrics; a metric that is indefinite, or so near to singular
that rounding might make it so, is given to the general kernels.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from . import kernels_full
from .kernels import Array, kernel
from .programs import SOURCES, gradient_program, scalar_program

__all__ = ["gradient", "scalar"]

Indices = np.ndarray[Any, np.dtype[np.intp]]

# So many points at a time: their packed result stays in the cache, and the backend starts no
# threads of its own under those of `geomkit.families.arrays.run`.
BLOCK = 1024
# A pivot of this size beside the diagonal entry that it comes from is far from being negative.
DEFINITE = 1e-12


def scalar(g: Array, dg: Array, ddg: Array, out: Array) -> None:
    """Write the scalar curvature of N jets; see `geomkit.families.kernels_full.scalar`.

    Args:
        g: (N, n, n).
        dg: (N, n, n, n).
        ddg: (N, n, n, n, n).
        out: (N,).
    """
    code = _code(g.shape[1])
    for first in range(0, len(g), BLOCK):
        part = slice(first, first + BLOCK)
        packed = _packed(code, [_double(x[part]) for x in (g, dg, ddg)])
        out[part] = packed.reshape(-1)[: len(out[part])]
    others = _others(g)
    if len(others):
        some = np.empty(len(others), dtype=out.dtype)
        kernels_full.scalar(g[others], dg[others], ddg[others], np.empty(0), some)
        out[others] = some


def gradient(
    g: Array, dg: Array, ddg: Array, cotangent: Array, out_g: Array, out_dg: Array, out_ddg: Array
) -> None:
    """Write the gradient of sum(cotangent R); see `geomkit.families.kernels_full.scalar_vjp`.

    Args:
        g: (N, n, n).
        dg: (N, n, n, n).
        ddg: (N, n, n, n, n).
        cotangent: (N,).
        out_g: as g.
        out_dg: as dg.
        out_ddg: as ddg.
    """
    code, slots = _gradient_code(g.shape[1])
    outs = [x.reshape(len(x), -1) for x in (out_g, out_dg, out_ddg)]
    for first in range(0, len(g), BLOCK):
        part = slice(first, first + BLOCK)
        jets = [_double(x[part]) for x in (g, dg, ddg, cotangent)]
        _scatter(_packed(code, jets), slots, *(x[part] for x in outs))
    others = _others(g)
    if len(others):
        given = [x[others] for x in (g, dg, ddg, cotangent)]
        some = [np.empty_like(x) for x in given[:3]]
        kernels_full.scalar_vjp(*given, *some)
        for target, source in zip((out_g, out_dg, out_ddg), some, strict=True):
            target[others] = source


def _others(g: Array) -> Indices:
    """Indices of the points that are not for the unrolled program."""
    if g.shape[1] < 3:
        return np.empty(0, dtype=np.intp)
    found = np.empty(len(g), dtype=np.intp)
    return found[: _indefinite(g, found)]


@kernel
def _indefinite(g: Array, found: Indices) -> int:
    """Write the indices of metrics that are not safely definite; return how many there are."""
    n, count = g.shape[1], 0
    s = np.empty((n, n))
    for p in range(g.shape[0]):
        for i in range(n):
            for j in range(i + 1):
                s[i, j] = 0.5 * (np.float64(g[p, i, j]) + np.float64(g[p, j, i]))
        definite = True
        for j in range(n):
            # nan is not definite either
            if not (s[j, j] > DEFINITE * abs(g[p, j, j]) and s[j, j] < np.inf):
                definite = False
                break
            for i in range(j + 1, n):
                factor = s[i, j] / s[j, j]
                for k in range(j + 1, i + 1):
                    s[i, k] -= factor * s[k, j]
        if not definite:
            found[count] = p
            count += 1
    return count


def _packed(code: Any, rows: list[Array]) -> Array:
    """What `code.packed` does, for rows that are known to fit: it costs less than it would to look.

    Args:
        code: a program without scalars and without functions.
        rows: (N, k), float64.

    Returns:
        (blocks, slots, 64).
    """
    kernel, slots = code
    blocks = -(-len(rows[0]) // 64)
    packed = np.empty((blocks, slots, 64))
    kernel(*rows, packed, 0, blocks)
    return packed


def _double(x: Array) -> Array:
    """One row for each point, in double precision."""
    # the kernels' signature wants arrays that may be written to, though they never are
    rows = np.ascontiguousarray(x.reshape(len(x), -1), dtype=np.float64)
    return rows if rows.flags.writeable else rows.copy()


@cache
def _code(n: int) -> Any:
    from geomkit.backends import numba as backend

    return _usual(backend.build(scalar_program(n)))


def _usual(code: Any) -> tuple[Any, int]:
    """The compiled function of float64 arrays, and the number of slots."""
    from geomkit.backends.numba.source import Variant

    return code.kernel(Variant()), len(code.program.slots)


@cache
def _gradient_code(n: int) -> tuple[Any, Array]:
    """The code, and for each entry of g, dg, ddg in turn its slot (-1: it is zero)."""
    from geomkit.backends import numba as backend

    program = gradient_program(n)
    slots, start = [], 0
    for source, rank in SOURCES.items():
        output = program.output(source)
        table = np.full((n,) * rank, -1)
        for index, slot, _ in output.copies:
            table[index] = start + slot
        start += len(output.components)
        slots.append(table.reshape(-1))
    return _usual(backend.build(program)), np.concatenate(slots)


@kernel
def _scatter(packed: Array, slots: Array, out_g: Array, out_dg: Array, out_ddg: Array) -> None:
    """Write packed components (blocks, slots, 64) into the rows of three arrays."""
    first, second = out_g.shape[1], out_dg.shape[1]
    for p in range(out_g.shape[0]):
        block, lane = p // 64, p % 64
        for k in range(first):
            slot = slots[k]
            out_g[p, k] = packed[block, slot, lane] if slot >= 0 else 0.0
        for k in range(second):
            slot = slots[first + k]
            out_dg[p, k] = packed[block, slot, lane] if slot >= 0 else 0.0
        for k in range(out_ddg.shape[1]):
            slot = slots[first + second + k]
            out_ddg[p, k] = packed[block, slot, lane] if slot >= 0 else 0.0
