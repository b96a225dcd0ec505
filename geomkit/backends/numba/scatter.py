"""From packed components to full tensors: every entry, zeros and signed copies included."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import EvaluationError
from geomkit.program import Program

from .compiling import array_type, compiled, number_type
from .source import DECORATOR
from .threads import over_blocks

__all__ = ["Scatter"]

Array = NDArray[Any]
_HEAD = '''"""Full tensors from packed components."""

import numpy as np
from numba import njit


'''
_KERNELS: dict[tuple[str, bool], Any] = {}


class Scatter:
    """Writes the full tensors of one output.

    Args:
        program: the program.
        number: which output.
        cache: whether machine code is kept on disk.
    """

    def __init__(self, program: Program, number: int, *, cache: bool) -> None:
        output = program.outputs[number]
        self.start = sum(len(one.components) for one in program.outputs[:number])
        self.name, self.shape, self.cache = output.name, output.shape, cache
        # where each entry comes from: components, then 0, then components with the other sign (as
        # unsigned numbers, because a negative index would count from the end, which takes a check)
        width = len(output.components)
        sources = np.full(output.shape, width, np.uint64)
        for index, slot, sign in output.copies:
            sources[index] = slot if sign > 0 else width + 1 + slot
        self.width, self.sources = width, sources.reshape(-1)

    def __call__(self, packed: Array, count: int, out: Array | None = None) -> Array:
        """Write the tensors at all points.

        Args:
            packed: array (blocks, C, 64).
            count: the number of points.
            out: contiguous array (count, *shape) to write into.

        Returns:
            Array (count, *shape).

        Raises:
            EvaluationError: `out` does not fit.
        """
        shape = (count, *self.shape)
        if out is None:
            out = np.empty(shape, packed.dtype)
        elif out.shape != shape or out.dtype != packed.dtype or not out.flags.carray:
            raise EvaluationError(
                f"out= for {self.name} is {out.dtype} {out.shape}; a contiguous {packed.dtype} "
                f"array of shape {shape} is needed"
            )
        if out.size == 0:
            return out
        if not self.width:
            out.fill(0)
            return out
        kernel = _kernel(packed.dtype.name, self.cache)
        rows = out.reshape(count, len(self.sources))
        start, width, sources = self.start, self.width, self.sources

        def part(first: int, last: int) -> None:
            kernel(packed, start, width, sources, rows, first, last)

        over_blocks(part, packed.shape[0], out.size)
        return out


def _kernel(dtype: str, cache: bool) -> Any:
    if (dtype, cache) not in _KERNELS:
        text = _HEAD + DECORATOR + "\n" + inspect.getsource(_scatter).replace("_scatter", "kernel")
        table, number = array_type("uint64", 1), number_type("intp")
        full = array_type(dtype, 2)
        signature = [array_type(dtype, 3), number, number, table, full, number, number]
        name = f"scatter_{dtype}"
        _KERNELS[dtype, cache] = compiled(name, text, signature, cache=cache)[0]
    return _KERNELS[dtype, cache]


# Annotations would be looked up when the text is run.
def _scatter(packed, start, width, sources, full, first, last):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Copy components start to start + width - 1 into the entries of each point."""
    values = np.zeros(2 * width + 1, packed.dtype)
    for block in range(first, last):
        for lane in range(min(64, full.shape[0] - 64 * block)):
            for k in range(width):
                value = packed[block, start + k, lane]
                values[k] = value
                values[width + 1 + k] = -value
            row = full[64 * block + lane]
            for k in range(sources.shape[0]):
                row[k] = values[sources[k]]
