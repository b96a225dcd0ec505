"""Kernels of a program, compiled when they are first needed, and their calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import EvaluationError
from geomkit.program import Program

from .compiling import array_type, compiled, number_type
from .scatter import Scatter
from .source import LANES, Variant, file_name, source
from .threads import over_blocks

__all__ = ["Code", "build"]

Array = NDArray[Any]
REALS = {"d": "float64", "f": "float32"}


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
        self.path: Path | None = None
        self._kernels: dict[Variant, Callable[..., Any]] = {}
        self._rows = (len(program.slots), LANES)
        # `quick(points, *numbers, out, 0, -1)` is the usual call, for float64: the kernel checks
        # the arguments itself. It returns 0 when it is done, and anything else, or raises an
        # exception, when it is not.
        self.quick: Callable[..., int] = _never
        self._quick: dict[Any, Callable[..., int]] = {}
        if program.slots:
            self.kernel(Variant())

    def kernel(self, variant: Variant) -> Callable[..., Any]:
        """Return the compiled function of a variant; it is compiled when it is first asked for.

        Args:
            variant: for which kind of arguments.

        Returns:
            The function.
        """
        known = self._kernels.get(variant)
        if known is None:
            first = variant == Variant()
            text = self.source if first else source(self.program, variant)
            known, path = compiled(
                file_name(self.program, variant), text, self._signature(variant), cache=self.cache
            )
            self.path = path if first else self.path
            self._kernels[variant] = known
            if variant.quick(self.program):
                self._quick[np.dtype(variant.dtype)] = known
                self.quick = known if first else self.quick
        return known

    def _signature(self, variant: Variant) -> list[Any]:
        line, number = array_type(variant.dtype, 1), number_type(variant.dtype)
        if variant.point:
            return [line, line]
        vectors = [array_type(variant.dtype, 2)] * len(self.program.sources)
        scalars = [line if variant.each else number] * len(self.program.scalars)
        block = number_type("intp")
        return [*vectors, *scalars, array_type(variant.dtype, 3), block, block]

    # Calls ----------------------------------------------------------------------------------

    @cached_property
    def point(self) -> Callable[[Array, Array], None]:
        """The kernel of a single point, as fast as a call from Python can be.

        `point(inputs, out)`: float64 arrays, all inputs in the order of `Program.inputs`, and one
        number for each slot. Shapes are not checked.
        """
        return self.kernel(Variant(point=True))

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
            EvaluationError: the arguments do not fit the program.
        """
        if len(vectors) == 1:
            points = vectors[0]
            quick: Any = self._quick.get(points.dtype, _never)
            shape = (-(-len(points) // LANES), *self._rows)
            try:
                found = np.empty(shape, points.dtype) if out is None else out
                # (numba would take any order of bytes for that of the machine)
                if found.dtype == points.dtype and not quick(points, *scalars, found, 0, -1):
                    return found
            except Exception:  # noqa: BLE001  what is wrong with it is said below
                pass
        return self._packed(vectors, scalars, out)

    def _packed(self, vectors: Sequence[Array], scalars: Sequence[Any], out: Array | None) -> Array:
        """Do any call: many sources, parameters that are arrays, threads."""
        self._check(vectors, scalars)
        vectors = [_plain(v) for v in vectors]
        count, dtype = vectors[0].shape[0], vectors[0].dtype
        shape = (-(-count // LANES), *self._rows)
        if out is None:
            out = np.empty(shape, dtype)
        elif not _fits(out, shape, dtype):
            raise EvaluationError(_misfit(out, shape, dtype))
        if out.size == 0:
            return out
        vectors = [np.array(v) if np.may_share_memory(v, out) else v for v in vectors]
        each = any(np.ndim(s) for s in scalars)
        if each:
            scalars = [_column(s, count, dtype, out) for s in scalars]
        else:
            scalars = [float(s) for s in scalars]
        variant = Variant(REALS[dtype.char], each)
        kernel = self.kernel(variant)
        arguments = (*vectors, *scalars, out)

        def part(first: int, last: int) -> None:
            if kernel(*arguments, first, last):
                self.kernel(replace(variant, safe=True))(*arguments, first, last)

        over_blocks(part, shape[0], count * shape[1])
        return out

    def _check(self, vectors: Sequence[Array], scalars: Sequence[Any]) -> None:
        given = [v.shape for v in vectors]
        wanted = [(len(vectors[0]), len(row)) for row in self.program.sources.values()]
        if given != wanted or len(scalars) != len(self.program.scalars):
            raise EvaluationError(
                f"{self.program.name} was given arrays {given} and {len(scalars)} numbers; it "
                f"needs {wanted} for {', '.join(self.program.sources)} and "
                f"{len(self.program.scalars)} numbers"
            )
        if any(v.dtype != vectors[0].dtype or v.dtype.char not in REALS for v in vectors):
            raise EvaluationError(
                f"{self.program.name} was given {', '.join(str(v.dtype) for v in vectors)}; all "
                "arrays must be float64, or all float32"
            )

    def unpack(self, packed: Array, number: int, count: int, out: Array | None = None) -> Array:
        """Write the full tensors of one output.

        Args:
            packed: what `packed` returned.
            number: which output of the program.
            count: the number N of points.
            out: contiguous array (N, *shape of the tensor) to write into.

        Returns:
            Array (N, *shape of the tensor).

        Raises:
            EvaluationError: `packed` or `out` does not fit.
        """
        shape = (-(-count // LANES), *self._rows)
        if packed.shape != shape or not packed.flags.c_contiguous:
            raise EvaluationError(_misfit(packed, shape, packed.dtype).replace("out=", "packed"))
        return self._tensors[number](packed, count, out)

    @cached_property
    def _tensors(self) -> list[Scatter]:
        numbers = range(len(self.program.outputs))
        return [Scatter(self.program, number, cache=self.cache) for number in numbers]


def _never(*arguments: Any) -> int:
    """Where there is no quick call."""
    return -1


def _fits(out: Any, shape: tuple[int, ...], dtype: Any) -> bool:
    return (
        isinstance(out, np.ndarray)
        and out.shape == shape
        and out.dtype == dtype
        and out.flags.carray
    )


def _misfit(out: Any, shape: tuple[int, ...], dtype: Any) -> str:
    given = f"{getattr(out, 'dtype', type(out).__name__)} {getattr(out, 'shape', '')}"
    return f"out= is {given}; a writeable, contiguous {dtype} array of shape {shape} is needed"


def _column(value: Any, count: int, dtype: np.dtype[Any], out: Array) -> Array:
    """A number as an array (count,), an array as kernels take it."""
    if np.ndim(value) == 0:
        return np.full(count, value, dtype)
    if np.shape(value) != (count,):
        raise EvaluationError(f"a parameter has shape {np.shape(value)}; {(count,)} is needed")
    array = _plain(np.asarray(value, dtype))
    return np.array(array) if np.may_share_memory(array, out) else array


def _plain(array: Array) -> Array:
    """The array as kernels take it: contiguous, aligned, native and writeable."""
    flags = array.flags
    if flags.carray and array.dtype.isnative:
        return array
    return np.array(array, array.dtype.newbyteorder("="), order="C")
