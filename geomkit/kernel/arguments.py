"""What a kernel is called with: arrays and numbers, checked and brought to one shape.

Messages speak of the argument as the user wrote it. The usual call, an (N, n) array and numbers for
the parameters, costs a few microseconds.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import EvaluationError
from geomkit.program import Input, Program

__all__ = ["Call", "Signature"]

Array = NDArray[Any]
DOUBLE, SINGLE = np.dtype(np.float64), np.dtype(np.float32)
FLOATS = (DOUBLE, SINGLE)


@dataclass(frozen=True)
class Call:
    """The arguments of one call, ready for a backend.

    Attributes:
        vectors: (N, k) arrays of one dtype, one for each array argument of the program.
        scalars: numbers or (N,) arrays, in the order of `Program.scalars`.
        shape: the leading dimensions, N being their product.
    """

    vectors: list[Array]
    scalars: list[Any]
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        """The number N of points."""
        return int(self.vectors[0].shape[0])


class Signature:
    """The arguments that a program needs.

    Args:
        program: the program.
        derived: parameters that are not arguments because the metric gives their value, as text.
    """

    def __init__(self, program: Program, derived: Mapping[str, str]) -> None:
        self.program = program
        self.derived = dict(derived)
        self.sources = tuple(program.sources)
        self.widths = tuple(len(numbers) for numbers in program.sources.values())
        self.names = tuple(program.inputs[i].name for i in program.scalars)
        # of the points, where they are the only array; no array has this width otherwise
        self._width = self.widths[0] if len(self.widths) == 1 else -1
        # parameters whose name is taken in Python, `lambda`, are called `lambda_`
        self._longer = {name[:-1]: name for name in self.names if name.endswith("_")}
        # the unspecified functions whose jets are arguments, with the jets; made here and not when
        # it is first needed, since that may be while torch traces a call
        self.functions: dict[str, list[Input]] = {}
        for one in program.inputs:
            if one.jet:
                self.functions.setdefault(one.jet.function, []).append(one)

    def __str__(self) -> str:
        arrays = [
            f"{source}[..., {width}]"
            for source, width in zip(self.sources, self.widths, strict=True)
        ]
        return ", ".join([*arrays, *(f"{name}=" for name in self.names)])

    # NumPy ------------------------------------------------------------------------------------

    def read(self, points: Any, arguments: Mapping[str, Any]) -> Call:
        """Check the arguments of a call and bring them to one shape.

        Args:
            points: array (..., n).
            arguments: everything else, by name.

        Returns:
            The call.

        Raises:
            EvaluationError: something is missing, unknown, of the wrong shape or no real number.
        """
        points, arguments = self.by_name(points, arguments)
        usual = self.numbers(points, arguments)
        if usual is not None:
            return Call([np.ascontiguousarray(points)], [*usual], points.shape[:1])
        given = self.named(arguments)
        vectors = [self._vector(0, points)]
        vectors += [self._vector(k, given[s]) for k, s in enumerate(self.sources) if k]
        dtype = np.result_type(*vectors)
        vectors = [np.asarray(v, dtype) for v in vectors]
        values = {n: self._scalar(n, given[n], dtype) for n in self.names if not callable(given[n])}
        shapes = [v.shape[:-1] for v in vectors] + [np.shape(v) for v in values.values()]
        try:
            shape = np.broadcast_shapes(*shapes)
        except ValueError:
            raise EvaluationError(
                f"the leading dimensions {', '.join(map(str, shapes))} of {self} do not broadcast"
            ) from None
        flat = [_flat(v, shape) for v in vectors]
        values = {n: _column(v, shape) for n, v in values.items()}
        values.update(self._called(given, flat, values))
        return Call(flat, [values[n] for n in self.names], shape)

    def by_name(self, points: Any, arguments: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
        """Take the points out of the arguments where they are given as `points=`."""
        if points is not None:
            return points, arguments
        rest = dict(arguments)
        points = rest.pop("points", None)
        if points is None:
            raise EvaluationError(f"the points are missing; this kernel takes {self}")
        return points, rest

    def numbers(self, points: Any, arguments: Mapping[str, Any]) -> list[float] | None:
        """Return the parameters of the usual call: an (N, n) array, and floats for all the rest.

        A kernel may take six microseconds for a thousand points, so this is as short as can be.

        Args:
            points: the points.
            arguments: everything else, by name.

        Returns:
            The numbers, in the order of the program; None when it is another kind of call.
        """
        if type(points) is not np.ndarray or len(arguments) != len(self.names):
            return None
        shape, dtype = points.shape, points.dtype
        if (
            len(shape) != 2
            or shape[1] != self._width
            or (dtype is not DOUBLE and dtype is not SINGLE)
        ):
            return None
        try:
            found = [arguments[name] for name in self.names]
        except KeyError:
            return None
        for value in found:
            if type(value) is not float:
                return None
        return found

    def _vector(self, number: int, value: Any) -> Array:
        source, width = self.sources[number], self.widths[number]
        array = _real(source, value)
        if array.ndim < 1 or array.shape[-1] != width:
            names = [self.program.inputs[i].name for i in self.program.sources[source]]
            raise EvaluationError(
                f"{source} has shape {array.shape}; its last axis must have length {width}, for "
                f"{', '.join(names)}"
            )
        return array

    def _scalar(self, name: str, value: Any, dtype: Any) -> Any:
        if isinstance(value, float | int):
            return _float(name, value)
        array = _real(name, value)
        return float(array) if array.ndim == 0 else array.astype(dtype, copy=False)

    # Names ------------------------------------------------------------------------------------

    def named(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Complete the arguments: a callable stands for all jets of its function."""
        given = dict(arguments)
        given = {k if k in self.names else self._longer.get(k, k): v for k, v in given.items()}
        for function, jets in self.functions.items():
            if callable(given.get(function)):
                call = given.pop(function)
                given.update({one.name: call for one in jets if one.name not in given})
        wanted = {*self.sources[1:], *self.names}
        unknown = [name for name in given if name not in wanted]
        if unknown:
            raise EvaluationError(self._unknown(unknown[0]))
        missing = [name for name in (*self.sources[1:], *self.names) if name not in given]
        if missing:
            raise EvaluationError(self._missing(missing))
        open_ = {one.name for row in self.functions.values() for one in row}
        for name, value in given.items():
            if callable(value) and name not in open_:
                raise EvaluationError(
                    f"{name} is a function; numbers or arrays are needed (only functions that the "
                    "metric leaves open may be callables)"
                )
        return given

    def _unknown(self, name: str) -> str:
        if name in self.derived:
            return f"{name} is no argument: the metric defines {name} = {self.derived[name]}"
        known = [*self.sources[1:], *self.names, *self.functions]
        by_letters = {one.lower(): one for one in known}
        near = difflib.get_close_matches(name.lower(), by_letters, n=1)
        hint = f"; did you mean {by_letters[near[0]]}?" if near else "."
        return f"this kernel has no argument {name!r}{hint} It takes {self}"

    def _missing(self, names: Sequence[str]) -> str:
        text = f"{', '.join(f'{name}=' for name in names)} missing; this kernel takes {self}"
        jets = [
            n for n in names if any(n == one.name for f in self.functions.values() for one in f)
        ]
        if jets:
            functions = {one.jet.function for f in self.functions.values() for one in f if one.jet}
            text += (
                f". Give the derivatives by name, or {' and '.join(sorted(functions))} as a "
                "callable f(*arguments, orders)"
            )
        return text

    # Functions --------------------------------------------------------------------------------

    def _called(
        self, given: Mapping[str, Any], vectors: Sequence[Array], values: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The jets whose function was given as a callable."""
        columns: dict[str, Any] = {}
        for source, vector in zip(self.sources, vectors, strict=True):
            for k, number in enumerate(self.program.sources[source]):
                columns[self.program.inputs[number].name] = vector[:, k]
        columns.update(values)
        found = {}
        for jets in self.functions.values():
            for one in jets:
                if callable(given[one.name]):
                    found[one.name] = _jet(one, given[one.name], columns, vectors[0])
        return found


def _jet(one: Input, call: Callable[..., Any], columns: Mapping[str, Any], like: Array) -> Array:
    assert one.jet is not None
    value = call(*(columns[name] for name in one.jet.arguments), one.jet.orders)
    array = _real(f"{one.jet.function}(..., {one.jet.orders})", value)
    if array.ndim and array.shape != like.shape[:1]:
        raise EvaluationError(
            f"{one.jet.function}, called for its derivative {one.jet.orders}, returned shape "
            f"{array.shape} at {like.shape[0]} points; return one number a point"
        )
    return array.astype(like.dtype, copy=False)


def _real(name: str, value: Any) -> Array:
    """An array of float64 or float32; integers become float64."""
    if hasattr(value, "detach"):
        raise EvaluationError(
            f"{name} is a torch tensor; compile with backend='torch', or pass {name}.numpy()"
        )
    if isinstance(value, np.ma.MaskedArray):
        raise EvaluationError(
            f"{name} is a masked array, and kernels know no masks: pass {name}.filled(numpy.nan), "
            f"or the points that are not masked"
        )
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise EvaluationError(f"{name} is no array of numbers: {error}") from None
    if array.dtype in FLOATS:
        return array
    if array.dtype.newbyteorder("=") in FLOATS:
        return array.astype(array.dtype.newbyteorder("="))
    if array.dtype.kind in "iu":
        return array.astype(np.float64)
    raise EvaluationError(
        f"{name} has dtype {array.dtype}; a kernel takes float64 or float32 (and converts integers)"
    )


def _float(name: str, value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise EvaluationError(f"{name} = {str(value)[:20]}... is beyond floating point") from None


def _flat(array: Array, shape: tuple[int, ...]) -> Array:
    full = np.broadcast_to(array, (*shape, array.shape[-1]))
    count = int(np.prod(shape, dtype=np.int64))
    return np.ascontiguousarray(full).reshape(count, array.shape[-1])


def _column(value: Any, shape: tuple[int, ...]) -> Any:
    """A number as it is, an array as (N,)."""
    if np.ndim(value) == 0:
        return value
    return np.ascontiguousarray(np.broadcast_to(value, shape)).reshape(-1)
