"""The equations along curves, from kernels, in the form that integrators call them.

A state is position and velocity in one row; further vectors (transported, deviations) follow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geomkit import kernel as kernels
from geomkit.errors import EvaluationError
from geomkit.kernel import Kernel

if TYPE_CHECKING:
    from geomkit.metric import Metric

__all__ = ["Equations", "Field", "describe"]

Array = NDArray[np.float64]
# So many single points are faster one by one than as a batch.
_FEW = 8


class Field:
    """One kernel with its parameters put in.

    Args:
        kernel: the kernel; its outputs have one shape.
        parameters: values of parameters (numbers) and functions (callables), by name.

    Raises:
        EvaluationError: a parameter is missing, unknown or no finite number.
    """

    def __init__(self, kernel: Kernel, parameters: Mapping[str, Any]) -> None:
        self.kernel = kernel
        self.parameters = dict(parameters)
        program = kernel.program
        vectors = kernel.signature.sources[1:]
        given = kernel.signature.named({**self.parameters, **dict.fromkeys(vectors, 0)})
        self._scalars = [given[name] for name in kernel.signature.names]
        self._plain = not any(callable(value) for value in self._scalars)
        self._point = getattr(kernel.code, "point", None) if self._plain else None
        self._inputs = np.zeros(len(program.inputs))
        self._count = len(program.slots)
        if self._plain:
            self._inputs[list(program.scalars)] = self._scalars
        numbers = [list(program.sources[source]) for source in program.sources]
        self._places = _as_slice([i for row in numbers for i in row])
        self._copies = [_scatter(program, output) for output in program.outputs]

    def at(self, row: Array) -> list[Array]:
        """Return the outputs at one point.

        Args:
            row: position, velocity ..., in the order of the kernel's array arguments.

        Returns:
            The tensors; new arrays.
        """
        if self._point is None:
            widths = np.cumsum(self.kernel.signature.widths)[:-1]
            return [one[0] for one in self(*(part[None] for part in np.split(row, widths)))]
        inputs, packed = self._inputs.copy(), np.empty(self._count)  # so that threads can share it
        inputs[self._places] = row
        self._point(inputs, packed)
        return [_spread(packed, *copies) for copies in self._copies]

    def along(self, state: Array, vectors: Array) -> list[Array]:
        """Return the outputs at one state for several vectors.

        Args:
            state: position and velocity, (2n,).
            vectors: the further array arguments, (arguments, k, n).

        Returns:
            The tensors, (k, *shape).
        """
        count, n = vectors.shape[1:]
        if self._point is None or count > _FEW:
            rows = (np.broadcast_to(one, (count, n)) for one in (state[:n], state[n:]))
            return self(*rows, *vectors)
        row = np.empty(2 * n + vectors.shape[0] * n)
        row[: 2 * n] = state
        results = [np.empty((count, *copies[0])) for copies in self._copies]
        for k in range(count):
            row[2 * n :] = vectors[:, k].ravel()
            for result, value in zip(results, self.at(row), strict=True):
                result[k] = value
        return results

    def __call__(self, *vectors: Array) -> list[Array]:
        """Return the outputs at many points.

        Args:
            *vectors: arrays (N, n): position, velocity ...

        Returns:
            The tensors, (N, *shape).
        """
        kernel = self.kernel
        arrays = [np.ascontiguousarray(one) for one in vectors]
        if self._plain:
            count, scalars = len(arrays[0]), self._scalars
        else:
            named = dict(zip(kernel.signature.sources[1:], arrays[1:], strict=True))
            call = kernel.signature.read(arrays[0], {**self.parameters, **named})
            arrays, scalars, count = call.vectors, call.scalars, call.count
        packed = kernel.code.packed(arrays, scalars)
        return [
            kernel.code.unpack(packed, number, count).reshape(count, *output.shape)
            for number, output in enumerate(kernel.program.outputs)
        ]


def _as_slice(numbers: list[int]) -> Any:
    """A slice where that says the same, because it is several times as fast; else an array."""
    first = numbers[0] if numbers else 0
    if numbers == list(range(first, first + len(numbers))):
        return slice(first, first + len(numbers))
    return np.array(numbers, dtype=np.intp)


def _scatter(program: Any, output: Any) -> tuple[tuple[int, ...], Any, Any, Any]:
    """Where the packed components of an output go: shape, flat places, components, signs."""
    first = sum(len(one.components) for one in program.outputs[: program.outputs.index(output)])
    shape = output.shape or (1,)
    flat = [int(np.ravel_multi_index(i, shape)) if i else 0 for i, _, _ in output.copies]
    slots = _as_slice([first + slot for _, slot, _ in output.copies])
    signs = np.array([sign for _, _, sign in output.copies], dtype=np.float64)
    plain = bool((signs == 1).all())
    whole = flat == list(range(int(np.prod(shape, dtype=np.int64))))
    places = None if whole and plain and isinstance(slots, slice) else _as_slice(flat)
    return output.shape, places, slots, None if plain else signs


def _spread(packed: Array, shape: tuple[int, ...], places: Any, slots: Any, signs: Any) -> Array:
    if places is None:  # every entry is a component of its own, in order
        whole: Array = packed[slots].copy()
        return whole if len(shape) == 1 else whole.reshape(shape)
    full = np.zeros(int(np.prod(shape, dtype=np.int64)))
    full[places] = packed[slots] if signs is None else packed[slots] * signs
    return full.reshape(shape)


class Equations:
    """The kernels that geodesics need, each compiled when it is first used.

    Args:
        metric: the metric.
        parameters: values of parameters and functions.
        backend: of the kernels, "numba" or "interpret".
    """

    def __init__(self, metric: Metric, parameters: Mapping[str, Any], backend: str) -> None:
        self.metric = metric
        self.n = metric.n
        self.parameters = dict(parameters)
        self.backend = backend
        self._fields: dict[tuple[str, ...], Field] = {}

    def field(self, *quantities: str) -> Field:
        """Return the kernel of some quantities."""
        if quantities not in self._fields:
            kernel = kernels.compile(self.metric, list(quantities), backend=self.backend)
            self._fields[quantities] = Field(kernel, self.parameters)
        return self._fields[quantities]

    # Right-hand sides -------------------------------------------------------------------------

    def geodesic(self, _s: float, state: Array) -> Array:
        """Return d/ds of one state (2n,): velocity, then -Gamma v v."""
        n = self.n
        slope = np.empty(2 * n)
        slope[:n] = state[n:]
        slope[n:] = self.field("geodesic").at(state)[0]
        return slope

    def geodesics(self, states: Array) -> Array:
        """Return d/ds of many states (N, 2n)."""
        n = self.n
        (acceleration,) = self.field("geodesic")(states[:, :n], states[:, n:])
        return np.concatenate([states[:, n:], acceleration], axis=1)

    def transport(self, _s: float, state: Array) -> Array:
        """Return d/ds of one state (2n + k n,): a geodesic and k vectors carried along."""
        n = self.n
        vectors = state[2 * n :].reshape(-1, n)
        slope = np.empty_like(state)
        slope[:n] = state[n : 2 * n]
        slope[n : 2 * n] = self.field("geodesic").at(state[: 2 * n])[0]
        slope[2 * n :] = self.carried(state[:n], state[n : 2 * n], vectors).ravel()
        return slope

    def carried(self, point: Array, velocity: Array, vectors: Array) -> Array:
        """Return -Gamma^i_jk v^j w^k for vectors (k, n) at one point."""
        state = np.concatenate([point, velocity])
        return self.field("transport").along(state, vectors[None])[0]

    def jacobi(self, _s: float, state: Array) -> Array:
        """Return d/ds of one state (2n + 2 k n,): a geodesic, k deviations and their d/ds."""
        n = self.n
        size = (len(state) - 2 * n) // 2
        slope = np.empty_like(state)
        slope[:n] = state[n : 2 * n]
        slope[2 * n : 2 * n + size] = state[2 * n + size :]
        vectors = state[2 * n :].reshape(2, -1, n)
        acceleration, second = self.field("geodesic", "jacobi").along(state[: 2 * n], vectors)
        slope[n : 2 * n] = acceleration[0]
        slope[2 * n + size :] = second.ravel()
        return slope

    # Geometry at points -----------------------------------------------------------------------

    def matrix(self, point: Array) -> Array:
        """Return g_ij at one point.

        Raises:
            EvaluationError: it is not finite there.
        """
        (g,) = self.field("metric")(point[None])
        if not np.isfinite(g).all():
            raise EvaluationError(
                f"the metric {self.metric.name!r} is not finite at "
                f"{describe(self.metric, point)}; start from a regular point of the chart"
            )
        matrix: Array = g[0]
        return matrix

    def momenta(self, points: Array, velocities: Array) -> Array:
        """Return p_i = g_ij v^j at many points (N, n)."""
        (g,) = self.field("metric")(points)
        momenta: Array = np.einsum("aij,aj->ai", g, velocities)
        return momenta


def describe(metric: Metric, point: Sequence[float] | Array) -> str:
    """Write a point: `r = 3, phi = 0.5`.

    Args:
        metric: gives the names of the coordinates.
        point: the numbers.

    Returns:
        The text.
    """
    names = (x.name for x in metric.coordinates)
    return ", ".join(f"{name} = {float(x):.8g}" for name, x in zip(names, point, strict=True))
