"""Numba kernels that take and give rows, as tensors have them. Imported only where they are used.

numba computes blocks of 64 points, component after component. Here a few blocks at a time are
written into rows while they are in the cache of the processor, by the same machine code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numba.core import types
from numpy.typing import NDArray

from geomkit.backends.numba.compiling import array_type, compiled, number_type
from geomkit.backends.numba.source import DECORATOR, LANES, Variant, file_name, source
from geomkit.backends.numba.spelling import require
from geomkit.backends.numba.threads import GATE, over_blocks
from geomkit.program import Program

__all__ = ["Rows"]

Array = NDArray[Any]
REALS = {"d": "float64", "f": "float32"}
CHUNK = 8  # blocks at a time

_TEXT = '''

# The column of each component.
columns = np.array({columns}, np.intp)


{decorator}
def kernel({arguments}, out, first, last):
    """Write blocks first to last - 1 into the rows of out."""
    count = {source}.shape[0]
    part = np.empty(({chunk}, {size}, {lanes}), np.{dtype})
    far = 0
    for start in range(first, last, {chunk}):
        stop = min(start + {chunk}, last)
        begin, end = {lanes} * start, min({lanes} * stop, count)
        {call}
        for block in range(stop - start):
            at = begin + {lanes} * block
            for lane in range(min({lanes}, end - at)):
                for c in range({size}):
                    out[at + lane, {column}] = part[block, c, lane]
    return far
'''


class Rows:
    """A program as a function of rows.

    Args:
        program: the program; it has arrays among its arguments, and components.
        columns: the column of each component; those that no component has are zero.
        width: number of columns.
        cache: whether machine code is kept on disk.

    Raises:
        LoweringError: numba has no word for a function.

    Example:
        >>> from geomkit.program import Builder
        >>> b = Builder("double")
        >>> x, a = b.input("x", "coordinate", "points", 0), b.input("a", "parameter")
        >>> program = b.scalar("y", b.mul(a, b.add(x, x))).finish()
        >>> Rows(program, [1], 2, cache=False)([np.array([[1.0], [2.0]])], [3.0], 2)
        array([[ 0.,  6.],
               [ 0., 12.]])
    """

    def __init__(
        self, program: Program, columns: Sequence[int], width: int, *, cache: bool
    ) -> None:
        require(program)
        self.program = program
        self._cache = cache
        self._columns = list(columns)
        self._width = width
        self._new = np.empty if self._columns == list(range(width)) else np.zeros
        self._kernels: dict[Variant, Any] = {}
        self._usual: dict[Any, Any] = {}
        self._most = GATE // len(self._columns)

    def __call__(self, vectors: Sequence[Array], scalars: Sequence[Any], count: int) -> Array:
        """Compute.

        Args:
            vectors: arrays (N, k) of one dtype, float64 or float32, with any strides.
            scalars: floats, or arrays (N,) of that dtype.
            count: the number N of points.

        Returns:
            Array (N, width).
        """
        dtype = vectors[0].dtype
        out: Array = self._new((count, self._width), dtype)
        kernel = self._usual.get(dtype)
        if kernel is None or not 0 < count <= self._most:
            return self._any(vectors, scalars, out)
        for value in scalars:
            if type(value) is not float:
                return self._any(vectors, scalars, out)
        blocks = -(-count // LANES)
        if kernel(*vectors, *scalars, out, 0, blocks):
            variant = Variant(REALS[dtype.char], safe=True)
            self._kernel(variant)(*vectors, *scalars, out, 0, blocks)
        return out

    def _any(self, vectors: Sequence[Array], scalars: Sequence[Any], out: Array) -> Array:
        """Do any call: parameters that are arrays, threads, no points."""
        if out.size == 0:
            return out
        count, dtype = len(out), out.dtype
        each = any(type(value) is not float for value in scalars)
        if each:
            scalars = [np.broadcast_to(np.asarray(s, dtype), (count,)) for s in scalars]
            # numba takes no read-only array where it was promised a writeable one
            scalars = [s if s.flags.writeable else np.array(s) for s in scalars]
        variant = Variant(REALS[dtype.char], each)
        kernel = self._kernel(variant)
        arguments = (*vectors, *scalars, out)

        def part(first: int, last: int) -> None:
            if kernel(*arguments, first, last):
                self._kernel(replace(variant, safe=True))(*arguments, first, last)

        over_blocks(part, -(-count // LANES), count * len(self._columns))
        return out

    # Machine code -----------------------------------------------------------------------------

    def _kernel(self, variant: Variant) -> Any:
        known = self._kernels.get(variant)
        if known is None:
            name = f"rows_{file_name(self.program, variant)}"
            known, _ = compiled(
                name, self._text(variant), self._signature(variant), cache=self._cache
            )
            self._kernels[variant] = known
            if not variant.each and not variant.safe:
                self._usual[np.dtype(variant.dtype)] = known
        return known

    def _signature(self, variant: Variant) -> list[Any]:
        kind, number = getattr(types, variant.dtype), number_type(variant.dtype)
        scalar = types.Array(kind, 1, "A") if variant.each else number
        block = number_type("intp")
        return [
            *[types.Array(kind, 2, "A")] * len(self.program.sources),
            *[scalar] * len(self.program.scalars),
            array_type(variant.dtype, 2),
            block,
            block,
        ]

    def _text(self, variant: Variant) -> str:
        head, _, body = source(self.program, variant).rpartition("\ndef kernel(")
        vectors = [f"vector_{k}" for k in range(len(self.program.sources))]
        scalars = [f"scalar_{k}" for k in range(len(self.program.scalars))]
        rows = [f"{name}[begin:end]" for name in vectors]
        rows += [f"{name}[begin:end]" if variant.each else name for name in scalars]
        call = f"blocks({', '.join(rows)}, part, 0, stop - start)"
        full = self._new is np.empty
        return f"{head}\ndef blocks({body}" + _TEXT.format(
            columns=self._columns,
            decorator=DECORATOR,
            arguments=", ".join([*vectors, *scalars]),
            source=vectors[0],
            chunk=CHUNK,
            size=len(self._columns),
            lanes=LANES,
            dtype=variant.dtype,
            call=f"far += {call}" if "return far" in body else call,
            column="c" if full else "columns[c]",
        )
