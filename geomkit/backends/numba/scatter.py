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
        start = sum(len(one.components) for one in program.outputs[:number])
        self.name, self.shape, self.cache = output.name, output.shape, cache
        self.size = int(np.prod(output.shape, dtype=np.int64))
        places = [np.ravel_multi_index(i, output.shape) if i else 0 for i, _, _ in output.copies]
        self.places = np.array(places, np.int64)
        self.slots = np.array([start + slot for _, slot, _ in output.copies], np.int64)
        self.signs = np.array([sign for _, _, sign in output.copies], np.float64)

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
            out = np.zeros(shape, packed.dtype)
        elif out.shape == shape and out.dtype == packed.dtype and out.flags.carray:
            out.fill(0)
        else:
            raise EvaluationError(
                f"out= for {self.name} is {out.dtype} {out.shape}; a contiguous {packed.dtype} "
                f"array of shape {shape} is needed"
            )
        if count and len(self.places):
            kernel = _kernel(packed.dtype.name, self.cache)
            rows = out.reshape(count, self.size)
            signs = self.signs.astype(packed.dtype, copy=False)

            def part(first: int, last: int) -> None:
                kernel(packed, self.places, self.slots, signs, rows, first, last)

            over_blocks(part, packed.shape[0], count * len(self.places))
        return out


def _kernel(dtype: str, cache: bool) -> Any:
    if (dtype, cache) not in _KERNELS:
        head = '"""Full tensors from packed components."""\n\nfrom numba import njit\n\n\n'
        text = head + DECORATOR + "\n" + inspect.getsource(_scatter).replace("_scatter", "kernel")
        line, table = array_type(dtype, 1), array_type("int64", 1)
        block = number_type("intp")
        signature = [array_type(dtype, 3), table, table, line, array_type(dtype, 2), block, block]
        name = f"scatter_{dtype}"
        _KERNELS[dtype, cache] = compiled(name, text, signature, cache=cache)[0]
    return _KERNELS[dtype, cache]


# Annotations would be looked up when the text is run.
def _scatter(packed, places, slots, signs, full, first, last):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Write entry places[k] of each point: signs[k] times component slots[k]."""
    count = full.shape[0]
    for block in range(first, last):
        for lane in range(min(64, count - 64 * block)):
            for k in range(places.shape[0]):
                full[64 * block + lane, places[k]] = signs[k] * packed[block, slots[k], lane]
