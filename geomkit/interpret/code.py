"""The interpreter behind the interface of the backends: arrays in, correctly rounded floats out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import DomainError, EvaluationError
from geomkit.evaluate import Balls, Digits, UndecidedError
from geomkit.interpret.functions import LACKING
from geomkit.interpret.rounding import FORMATS, Format, determined, nearest, parts
from geomkit.interpret.run import LOCKS, attempt
from geomkit.program import Program

__all__ = ["InterpretCode", "build"]

Array = NDArray[Any]

# Working bits of the attempts. Beyond 1100 what vanishes exactly is known to be less than the least
# float, so that it comes out as 0; the last attempt decides about the rest.
_BITS = (128, 320, 640, 1280, 2560)


class InterpretCode:
    """A program as a function of arrays, computed point by point in balls.

    Each number is evaluated with more and more bits until all of its ball is rounded to one float:
    the result is the float nearest to the exact value at the floats that were given. Only for a
    value that lies exactly half way between two floats (which no precision can tell) it is one of
    the two. Functions that balls lack (see `geomkit.interpret.LACKING`) are evaluated in digits
    until two precisions agree. Where a component has no finite real value it is NaN, and the other
    components are not touched by that; a component that no precision can decide (the floor of
    something that is an integer, say, without the program showing it) is NaN too.

    Args:
        program: the program.

    Attributes:
        program: the program.
        source: the program as mathematics.
        path: None: there is no file.
    """

    path: Path | None = None

    def __init__(self, program: Program) -> None:
        self.program = program
        self.source = str(program)
        called = {str(node.value) for node in program.nodes if node.op == "call"}
        self._balls = not called & LACKING[type(Balls()).__name__]

    def packed(
        self, vectors: Sequence[Any], scalars: Sequence[Any] = (), out: Array | None = None
    ) -> Array:
        """Compute the packed components at N points.

        Args:
            vectors: arrays (N, k), one for each of `Program.sources`; float64 or float32.
            scalars: numbers or arrays (N,), in the order of `Program.scalars`.
            out: an array (N, C) of the same dtype to write to.

        Returns:
            Array (N, C) with C = len(program.slots), of the dtype of the first vector (float64 if
            there is none).

        Raises:
            EvaluationError: the arguments or `out` do not fit.
        """
        columns, count, dtype = self._columns(vectors, scalars)
        shape = count, len(self.program.slots)
        if out is None:
            out = np.empty(shape, dtype)
        else:
            _require(out, shape, dtype)
        # the arguments may be views of `out`
        columns = [list(column) for column in columns]
        names = [one.name for one in self.program.inputs]
        for k in range(count):
            values = {name: column[k] for name, column in zip(names, columns, strict=True)}
            out[k] = self._point(values, FORMATS[dtype])
        return out

    def unpack(self, packed: Array, number: int, count: int) -> Array:
        """Write a quantity out in full.

        Args:
            packed: what `packed` returned.
            number: number of the output.
            count: number of points.

        Returns:
            Array (count, *shape of the quantity).

        Raises:
            EvaluationError: `packed` does not fit.
        """
        outputs = self.program.outputs
        if packed.shape != (count, len(self.program.slots)):
            raise EvaluationError(
                f"packed has shape {packed.shape}; {(count, len(self.program.slots))} is needed"
            )
        first = sum(len(output.components) for output in outputs[:number])
        full = np.zeros((count, *outputs[number].shape), packed.dtype)
        for entry, slot, sign in outputs[number].copies:
            target: Any = (slice(None), *entry)
            full[target] = sign * packed[:count, first + slot]
        return full

    # Reading the arguments ---------------------------------------------------------------------

    def _columns(
        self, vectors: Sequence[Any], scalars: Sequence[Any]
    ) -> tuple[list[Any], int, np.dtype[Any]]:
        """For each input the numbers at all points, the number of points, and the dtype."""
        program = self.program
        arrays = [np.asarray(v) for v in vectors]
        dtype = arrays[0].dtype if arrays else np.dtype(np.float64)
        widths = [len(numbers) for numbers in program.sources.values()]
        fits = [a.ndim for a in arrays] == [2] * len(widths)
        fits = fits and [a.shape[1] for a in arrays] == widths and dtype in FORMATS
        lengths = {a.shape[0] for a in arrays} | {np.size(s) for s in scalars if np.ndim(s)}
        if not fits or len(scalars) != len(program.scalars) or len(lengths) > 1:
            raise EvaluationError(
                f"program {program.name!r} needs float arrays (N, k) for "
                f"{dict(zip(program.sources, widths, strict=True))} and numbers or arrays (N,) for "
                f"{[program.inputs[i].name for i in program.scalars]}; given were "
                f"{[(a.shape, str(a.dtype)) for a in arrays]} and {[np.shape(s) for s in scalars]}"
            )
        count = lengths.pop() if lengths else 1
        columns: list[Any] = [None] * len(program.inputs)
        for array, numbers in zip(arrays, program.sources.values(), strict=True):
            for k, number in enumerate(numbers):
                columns[number] = array[:, k]
        for value, number in zip(scalars, program.scalars, strict=True):
            columns[number] = value if np.ndim(value) else [value] * count
        return columns, count, dtype

    # One point -----------------------------------------------------------------------------------

    def _point(self, values: dict[str, Any], form: Format) -> list[float]:
        results: list[float | None] = [None] * len(self.program.slots)
        before: list[float | None] = list(results)
        for bits in _BITS:
            last = bits == _BITS[-1]
            if self._balls:
                found = self._in_balls(values, bits, form, last)
            else:
                now = self._in_digits(values, bits, form)
                found = [
                    a if last or _same(a, b) else None for a, b in zip(now, before, strict=True)
                ]
                before = now
            results = [b if a is None else a for a, b in zip(results, found, strict=True)]
            if all(result is not None for result in results):
                break
        return [float("nan") if result is None else result for result in results]

    def _in_balls(
        self, values: dict[str, Any], bits: int, form: Format, last: bool
    ) -> list[float | None]:
        arithmetic = Balls(bits)
        with LOCKS[0], arithmetic.working():
            found: list[float | None] = []
            for ball in attempt(self.program, values, arithmetic):
                if isinstance(ball, DomainError):
                    open_ = isinstance(ball, UndecidedError) and not last
                    found.append(None if open_ else float("nan"))
                    continue
                value = determined(ball, form)
                if value is None and last and _narrow(ball, form):
                    value = nearest(*parts(ball.mid()), form)
                found.append(value)
        return found

    def _in_digits(self, values: dict[str, Any], bits: int, form: Format) -> list[float | None]:
        arithmetic = Digits(int(bits * 0.30103) + 1)
        return [
            float("nan") if isinstance(x, DomainError) else nearest(*parts(x), form)
            for x in attempt(self.program, values, arithmetic)
        ]


def build(program: Program) -> InterpretCode:
    """Return the interpreter of a program as a backend.

    Args:
        program: the program.

    Returns:
        Code with `packed` and `unpack`.

    Example:
        >>> from geomkit.program import Builder
        >>> b = Builder("third")
        >>> x = b.input("x", "coordinate", "points", 0)
        >>> code = build(b.scalar("third", b.div(x, b.number(3))).finish())
        >>> float(code.packed([np.array([[1.0]])])[0, 0]) == 1 / 3
        True
    """
    return InterpretCode(program)


def _require(out: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse an array that results cannot be written into."""
    fits = isinstance(out, np.ndarray) and out.shape == shape and out.dtype == dtype
    if not (fits and out.flags.writeable):
        given = f"{getattr(out, 'dtype', type(out).__name__)} {getattr(out, 'shape', '')}".strip()
        raise EvaluationError(
            f"out= is {given}; a writeable {dtype} array of shape {shape} is needed"
        )


def _narrow(ball: Any, form: Format) -> bool:
    """Whether a ball is so narrow that it can only be open which of two neighbours is nearer."""
    return bool(ball.rad() * 2 ** (form.bits + 2) < abs(ball.mid()))


def _same(a: float | None, b: float | None) -> bool:
    return a == b or (a is not None and a != a and b is not None and b != b)
