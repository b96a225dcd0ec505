"""Kernels of a program, compiled when they are first needed, and their calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import EvaluationError
from geomkit.program import Program

from .compiling import compiled
from .scatter import scatter
from .source import LANES, Variant, source
from .threads import over_blocks

__all__ = ["Code", "build"]

Array = NDArray[Any]


def build(program: Program, *, cache: bool = True) -> Code:
    """Compile a program.

    Args:
        program: the program.
        cache: whether source and machine code are kept on disk for the next process.

    Returns:
        The code, compiled for float64 and parameters that are numbers; everything else is
        compiled when it is first needed.

    Raises:
        LoweringError: numba has no word for a function; the message says which components need it.

    Example:
        >>> import numpy as np
        >>> from geomkit.program import Builder
        >>> b = Builder("area")
        >>> r = b.input("r", "coordinate", "points", 0)
        >>> code = build(b.scalar("area", b.mul(b.constant("pi"), b.mul(r, r))).finish())
        >>> packed = code.packed([np.array([[1.0], [2.0]])], [])
        >>> packed.shape
        (1, 1, 64)
        >>> code.unpack(packed, 0, 2) / np.pi
        array([1., 4.])
    """
    return Code(program, cache=cache)


class Code:
    """A program in machine code.

    Args:
        program: the program.
        cache: whether source and machine code are kept on disk.

    Attributes:
        program: the program.
        lanes: points in a block.
        source: the generated text.
        path: its file, None when it could not be kept.
    """

    lanes = LANES

    def __init__(self, program: Program, *, cache: bool = True) -> None:
        self.program = program
        self.cache = cache
        self.source = source(program)
        self._kernels: dict[Variant, Callable[..., int]] = {}
        self._first = Variant()
        self.path: Path | None = None
        self.kernel(self._first)

    def kernel(self, variant: Variant) -> Callable[..., int]:
        """Return the compiled function of a variant; the first time compiles it."""
        known = self._kernels.get(variant)
        if known is None:
            text = self.source if variant == self._first else source(self.program, variant)
            known, path = compiled(self.program, variant, text, cache=self.cache)
            if variant == self._first:
                self.path = path
            self._kernels[variant] = known
        return known

    # Calls ----------------------------------------------------------------------------------

    def packed(
        self, vectors: Sequence[Array], scalars: Sequence[Any], out: Array | None = None
    ) -> Array:
        """Compute the independent components that are not exactly zero.

        Args:
            vectors: arrays (N, k) in the order of `Program.sources`, all float64 or all float32.
            scalars: numbers or arrays (N,) in the order of `Program.scalars`.
            out: an earlier result for as many points, to write into.

        Returns:
            Array (blocks, C, 64): component c of point 64*b + lane is [b, c, lane]. The last
            block repeats the last point.

        Raises:
            EvaluationError: `out` does not fit.
        """
        vectors = [_plain(v) for v in vectors]
        count, dtype = vectors[0].shape[0], vectors[0].dtype
        blocks = -(-count // LANES)
        out = self._out(out, (blocks, len(self.program.slots), LANES), dtype)
        if out.size == 0:
            return out
        each = any(isinstance(s, np.ndarray) and s.ndim for s in scalars)
        if each:
            scalars = [_plain(np.full(count, s, dtype) if np.ndim(s) == 0 else s) for s in scalars]
        else:
            scalars = [dtype.type(s) for s in scalars]
        arguments = (*vectors, *scalars, out)

        kernel = self.kernel(Variant(str(dtype), each))

        def part(first: int, last: int) -> None:
            if kernel(*arguments, first, last):
                self.kernel(Variant(str(dtype), each, safe=True))(*arguments, first, last)

        over_blocks(part, blocks, count * out.shape[1])
        return out

    def unpack(self, packed: Array, number: int, count: int) -> Array:
        """Write the full tensors of one output.

        Args:
            packed: what `packed` returned.
            number: which output of the program.
            count: the number N of points.

        Returns:
            Array (N, *shape of the tensor).
        """
        return scatter(self.program, packed, number, count)

    def _out(self, out: Array | None, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        if out is None:
            return np.empty(shape, dtype)
        fits = isinstance(out, np.ndarray) and out.shape == shape and out.dtype == dtype
        if not (fits and out.flags.carray):
            raise EvaluationError(
                f"out= is {getattr(out, 'dtype', type(out).__name__)}{getattr(out, 'shape', '')}; "
                f"a writeable, contiguous {dtype} array of shape {shape} is needed"
            )
        return out


def _plain(array: Array) -> Array:
    """The array as kernels take it: contiguous, aligned, native and writeable."""
    flags = array.flags
    if flags.carray and array.dtype.isnative:
        return array
    return np.array(array, array.dtype.newbyteorder("="), order="C")
