"""From the caller's arrays to the kernels' and back: shapes, precision, threads, checks.

A `Formula` is one scalar function of the jet of a family: what its arguments are, and the numba
kernels that compute it and its gradient for N points in a row.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from geomkit.errors import MetricError

from . import checks

__all__ = ["Argument", "Formula", "evaluate", "gradient", "is_torch", "join", "run", "sizes"]

# Below this many operations a second thread costs more than it saves (about 5 ms of work).
GATE = 2e7


# So many readings of shapes are kept.
MANY = 500
_SIZES: dict[Any, tuple[tuple[int, ...], dict[str, int]]] = {}


@dataclass(frozen=True)
class Argument:
    """One array of a jet.

    Attributes:
        name: what messages call it.
        axes: a letter for each axis after the batch; "n" is the dimension.
        symmetric: pairs of axes in which it has to be symmetric.
    """

    name: str
    axes: str
    symmetric: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, eq=False)
class Formula:
    """A scalar function of a jet, as numba kernels; each is made once, and equal to itself only.

    Attributes:
        name: of the family; the formula in plain torch is found under it.
        arguments: the arrays of the jet.
        forward: `forward(*arrays, out, **options)`; numba is loaded when it is called.
        gradient: `gradient(*arrays, cotangent, *outs, **options)`.
        operations: about how many arithmetic operations a point takes, by dimension.
        options: what else the formula needs, by name.
    """

    name: str
    arguments: tuple[Argument, ...]
    forward: Callable[..., None]
    gradient: Callable[..., None]
    operations: Callable[[int], float]
    options: tuple[tuple[str, Any], ...] = ()


def is_torch(*arrays: Any) -> bool:
    """Whether any of these is a torch tensor; torch is not imported for that.

    Args:
        *arrays: anything.

    Returns:
        True or False.

    Raises:
        MetricError: some are tensors and some are not.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        return False
    found = [isinstance(array, torch.Tensor) for array in arrays if array is not None]
    if any(found) and not all(found):
        raise MetricError(
            "some arrays of the jet are torch tensors and some are not; give one kind only"
        )
    return any(found)


def sizes(
    arguments: Sequence[Argument], shapes: Sequence[tuple[int, ...]]
) -> tuple[tuple[int, ...], dict[str, int]]:
    """Read the batch shape and the size behind each letter.

    Args:
        arguments: what is expected.
        shapes: of the arrays given.

    Returns:
        The common leading shape, and {letter: size}.

    Raises:
        MetricError: shapes that do not fit, naming the array at fault.
    """
    key = (tuple(arguments), tuple(shapes))
    try:
        found = _SIZES.get(key)
    except TypeError:  # sizes that are symbols, while torch traces
        return _read_sizes(*key)
    if found is None:
        found = _read_sizes(*key)
        if len(_SIZES) > MANY:
            _SIZES.clear()
        _SIZES[key] = found
    return found


def _read_sizes(
    arguments: Sequence[Argument], shapes: Sequence[tuple[int, ...]]
) -> tuple[tuple[int, ...], dict[str, int]]:
    known: dict[str, tuple[int, str]] = {}
    leading = []
    for one, shape in zip(arguments, shapes, strict=True):
        rank = len(one.axes)
        wanted = "(" + ", ".join(one.axes) + ("," if rank == 1 else "") + ")"
        if len(shape) < rank:
            raise MetricError(f"{one.name} has shape {shape}, which has to end in {wanted}")
        for letter, size in zip(one.axes, shape[len(shape) - rank :], strict=True):
            before, source = known.setdefault(letter, (size, one.name))
            if size != before:
                raise MetricError(
                    f"{one.name} has shape {shape}, which has to end in {wanted} "
                    f"where {source} says {letter} = {before}"
                )
            if size < 1:
                raise MetricError(f"{one.name} has shape {shape}: a metric needs n >= 1")
        leading.append(shape[: len(shape) - rank])
    try:
        batch = np.broadcast_shapes(*leading)
    except ValueError:
        listed = ", ".join(f"{a.name} {s}" for a, s in zip(arguments, leading, strict=True))
        raise MetricError(f"the leading shapes of the jet do not fit together: {listed}") from None
    return batch, {letter: size for letter, (size, _) in known.items()}


def join(
    arguments: Sequence[Argument], arrays: Sequence[Any]
) -> tuple[tuple[int, ...], list[np.ndarray[Any, Any]]]:
    """Turn what the caller gave into arrays (N, ...) of one precision, copied only if need be.

    Args:
        arguments: what is expected.
        arrays: what was given.

    Returns:
        The batch shape, and the arrays.

    Raises:
        MetricError: numbers that are no real float32 or float64 numbers.
    """
    given = [np.asarray(array) for array in arrays]
    for one, array in zip(arguments, given, strict=True):
        if array.dtype not in (np.float32, np.float64) and array.dtype.kind not in "iu":
            raise MetricError(
                f"{one.name} has dtype {array.dtype}; families compute in float32 and float64"
            )
    narrow = all(array.dtype == np.float32 for array in given)
    dtype = np.float32 if narrow else np.float64
    batch, _ = sizes(arguments, [array.shape for array in given])
    count = math.prod(batch)
    flat = []
    for one, array in zip(arguments, given, strict=True):
        tail = array.shape[array.ndim - len(one.axes) :]
        if array.shape != batch + tail:
            array = np.broadcast_to(array, batch + tail)
        flat.append(np.ascontiguousarray(array.reshape((count, *tail)), dtype=dtype))
    return batch, flat


def run(
    kernel: Callable[..., None],
    arrays: Sequence[np.ndarray[Any, Any]],
    outs: Sequence[np.ndarray[Any, Any]],
    operations: float,
    threads: int | None = None,
) -> None:
    """Call a kernel on all points: at once, or in as many parts as there are threads.

    Args:
        kernel: called with slices of the arrays and of the outs.
        arrays: (N, ...).
        outs: (N, ...).
        operations: of a point.
        threads: how many may be used at most; GEOMKIT_NUM_THREADS limits them too.
    """
    count = len(arrays[0])
    if not count:
        return
    if operations * count < GATE or threads == 1:
        kernel(*arrays, *outs)
        return
    from geomkit.backends.numba.threads import thread_count

    parts = min(threads or thread_count(), thread_count(), count)
    edges = [count * k // parts for k in range(parts + 1)]
    # A pool for each call: it costs little against the gate, and no thread outlives a fork.
    with ThreadPoolExecutor(parts) as pool:
        work = [
            pool.submit(kernel, *(x[a:b] for x in arrays), *(x[a:b] for x in outs))
            for a, b in pairwise(edges)
        ]
        for one in work:
            one.result()


def evaluate(formula: Formula, *arrays: Any, check: bool) -> Any:
    """Compute a formula: numpy through numba, torch through its own module.

    Args:
        formula: which.
        *arrays: the jet.
        check: refuse asymmetric arrays and results that are not finite.

    Returns:
        An array or tensor of the batch shape.
    """
    if is_torch(*arrays):
        from .torch import evaluate as evaluate_tensors

        return evaluate_tensors(formula, arrays, check)
    batch, flat = join(formula.arguments, arrays)
    return forward(formula, flat, batch, check).reshape(batch)[()]


def forward(
    formula: Formula,
    flat: Sequence[np.ndarray[Any, Any]],
    batch: tuple[int, ...],
    check: bool,
    threads: int | None = None,
) -> np.ndarray[Any, Any]:
    """Compute a formula on arrays (N, ...).

    Args:
        formula: which.
        flat: the jet.
        batch: for messages, the caller's batch shape.
        check: see `evaluate`.
        threads: see `run`.

    Returns:
        (N,).
    """
    out = np.empty(len(flat[0]), dtype=flat[0].dtype)
    if check:
        checks.symmetric(formula.arguments, flat)
    run(
        partial(formula.forward, **dict(formula.options)),
        flat,
        [out],
        formula.operations(_dimension(flat)),
        threads,
    )
    if check and not np.isfinite(out).all():
        checks.finite(out.reshape(batch), check)
    return out


def gradient(formula: Formula, *arrays: Any, cotangent: Any) -> tuple[Any, ...]:
    """Compute the gradient of sum(cotangent * formula).

    Args:
        formula: which.
        *arrays: the jet.
        cotangent: of the batch shape.

    Returns:
        One array for each argument, of its shape with all leading dimensions written out.
    """
    if is_torch(*arrays, cotangent):
        from .torch import gradient as gradient_of_tensors

        return gradient_of_tensors(formula, arrays, cotangent)
    every = (*formula.arguments, Argument("cotangent", ""))
    batch, flat = join(every, (*arrays, cotangent))
    outs = backward(formula, flat)
    return tuple(out.reshape(batch + out.shape[1:]) for out in outs)


def backward(
    formula: Formula, flat: Sequence[np.ndarray[Any, Any]], threads: int | None = None
) -> list[np.ndarray[Any, Any]]:
    """Compute the gradient on arrays (N, ...), the cotangent being the last.

    Args:
        formula: which.
        flat: the jet and the cotangent.
        threads: see `run`.

    Returns:
        The gradients.
    """
    outs = [np.empty_like(array) for array in flat[:-1]]
    run(
        partial(formula.gradient, **dict(formula.options)),
        flat,
        outs,
        3 * formula.operations(_dimension(flat)),
        threads,
    )
    return outs


def _dimension(flat: Sequence[np.ndarray[Any, Any]]) -> int:
    return max(array.shape[1] if array.ndim > 1 else 1 for array in flat)
