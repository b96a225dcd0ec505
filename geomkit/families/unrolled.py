"""The unrolled programs of small dimensions in machine code, called as the other kernels are."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from .kernels import Array, kernel
from .programs import SOURCES, gradient_program, scalar_program

__all__ = ["gradient", "scalar"]

# So many points at a time: their packed result stays in the cache, and the backend starts no
# threads of its own under those of `geomkit.families.arrays.run`.
BLOCK = 1024


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
        packed = code.packed([_double(x[part]) for x in (g, dg, ddg)], [])
        out[part] = packed.reshape(-1)[: len(out[part])]


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
        _scatter(code.packed(jets, []), slots, *(x[part] for x in outs))


def _double(x: Array) -> Array:
    """One row for each point, in double precision."""
    return np.ascontiguousarray(x.reshape(len(x), -1), dtype=np.float64)


@cache
def _code(n: int) -> Any:
    from geomkit.backends import numba as backend

    return backend.build(scalar_program(n))


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
    return backend.build(program), np.concatenate(slots)


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
