"""Running a kernel at places, and reading its tensors."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomkit.program import Output, Program

from .places import Place

__all__ = ["broken_copies", "unlike_alone", "ways"]

Array = NDArray[Any]
Selection = Any
# More points than a block of any backend has.
_MANY = 130


def ways(kernel: Any, places: Sequence[Place], dtype: str) -> dict[str, list[Array]]:
    """Call a kernel at places, in every way that a source of its own is made for.

    Args:
        kernel: the kernel.
        places: the places.
        dtype: "float64" or "float32".

    Returns:
        By the name of the way: for each output of the program an array (places, *shape).
    """
    called = {"parameters as numbers": _grouped(kernel, places, dtype)}
    if kernel.backend == "torch":
        called["torch code itself"] = _grouped(kernel, places, dtype, eager=True)
    if kernel.backend == "numba":
        if kernel.program.scalars:
            called["parameters as arrays"] = _together(kernel, places, dtype)
        if dtype == "float64" and hasattr(getattr(kernel, "code", None), "point"):
            called["one point at a time"] = _one_by_one(kernel, places)
    return called


def _grouped(
    kernel: Any, places: Sequence[Place], dtype: str, *, eager: bool = False
) -> list[Array]:
    """Call a kernel for each set of parameters, which are plain numbers: the usual call."""
    # a CPU kernel of torch may go through numba, unless its own code is asked for (eager)
    program: Program = kernel.program
    names = [program.inputs[i].name for i in program.scalars]
    groups: dict[tuple[float, ...], list[int]] = {}
    for k, place in enumerate(places):
        groups.setdefault(tuple(place.values[name] for name in names), []).append(k)
    made: list[Array] = []
    for scalars, members in groups.items():
        here = [places[k] for k in members]
        parts = _called(kernel, _vectors(program, here, dtype), scalars, dtype, eager)
        made = made or [np.empty((len(places), *part.shape[1:]), part.dtype) for part in parts]
        for whole, part in zip(made, parts, strict=True):
            whole[members] = part
    return made


def _together(kernel: Any, places: Sequence[Place], dtype: str) -> list[Array]:
    """Call a kernel once, with an array for each parameter."""
    program: Program = kernel.program
    names = [program.inputs[i].name for i in program.scalars]
    columns = [np.array([place.values[name] for place in places], dtype) for name in names]
    return _called(kernel, _vectors(program, places, dtype), columns, dtype, False)


def _one_by_one(kernel: Any, places: Sequence[Place]) -> list[Array]:
    """Call the code that trajectories are computed with."""
    program: Program = kernel.program
    made = [np.zeros((len(places), *output.shape)) for output in program.outputs]
    out = np.empty(len(program.slots))
    for k, place in enumerate(places):
        kernel.code.point(np.array([place.values[one.name] for one in program.inputs]), out)
        first = 0
        for output, whole in zip(program.outputs, made, strict=True):
            for entry, slot, sign in output.copies:
                whole[(k, *entry)] = sign * out[first + slot]
            first += len(output.components)
    return made


def unlike_alone(kernel: Any, places: Sequence[Place], dtype: str) -> list[str]:
    """Find outputs that are something else for many points together than for one alone.

    Points of many places get the parameters of the first: the values are compared among each other
    only, so it does not matter whether the points still lie in the domain.

    Args:
        kernel: the kernel.
        places: the places.
        dtype: "float64" or "float32".

    Returns:
        A text for each such output.
    """
    program: Program = kernel.program
    scalars = [places[0].values[program.inputs[i].name] for i in program.scalars]
    rows = [places[k % len(places)] for k in range(_MANY)]
    vectors = _vectors(program, rows, dtype)
    together = _called(kernel, vectors, scalars, dtype, False)
    # sines of a block are taken otherwise when one of its angles is huge: the last digits differ
    tolerance = 2**10 * float(np.finfo(np.dtype(dtype)).eps)
    wrong: dict[str, None] = {}
    for k in (0, 1, _MANY // 2, _MANY - 1):
        alone = _called(
            kernel, {s: v[k : k + 1] for s, v in vectors.items()}, scalars, dtype, False
        )
        for output, one, many in zip(program.outputs, alone, together, strict=True):
            finite = np.isfinite(one[0]) & np.isfinite(many[k])
            scale = np.max(np.abs(one[0]), initial=0.0, where=finite)
            apart = np.abs(one[0][finite] - many[k][finite])
            if np.any(apart > tolerance * scale):
                wrong[f"{output.name} differs when many points are computed together"] = None
    return list(wrong)


def _vectors(program: Program, places: Sequence[Place], dtype: str) -> dict[str, Array]:
    return {
        source: np.array(
            [[place.values[program.inputs[i].name] for i in numbers] for place in places], dtype
        )
        for source, numbers in program.sources.items()
    }


def _called(
    kernel: Any, vectors: Mapping[str, Array], scalars: Sequence[Any], dtype: str, eager: bool
) -> list[Array]:
    program: Program = kernel.program
    names = [program.inputs[i].name for i in program.scalars]
    arguments: dict[str, Any] = {**vectors, **dict(zip(names, scalars, strict=True))}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # a value that is not finite is judged against its enclosure, not warned of
        warnings.simplefilter("ignore")
        if getattr(kernel, "backend", "") != "torch":
            return [np.asarray(part) for part in kernel(arguments.pop("points"), **arguments)]
        # the kernel has loaded torch; geomkit itself imports it only in modules named after it
        torch = sys.modules["torch"]
        tensors = {k: torch.from_numpy(np.asarray(v, dtype)) for k, v in arguments.items()}
        if not eager:
            return [_as_numpy(part) for part in kernel(tensors.pop("points"), **tensors)]
        code = kernel.code
        packed = code.eager([tensors[s] for s in program.sources], [tensors[n] for n in names])
        return [_as_numpy(code.unpack(packed, k)) for k in range(len(program.outputs))]


def _as_numpy(result: Any) -> Array:
    return np.asarray(result.detach().cpu())


def broken_copies(output: Output, full: Array) -> list[str]:
    """Find entries of a full tensor that are not what the program says of them.

    Args:
        output: says of each entry which component it repeats, or that it vanishes.
        full: array (number of places, *shape).

    Returns:
        A text for each wrong entry.
    """
    if not output.shape:
        return [] if full.ndim == 1 else [f"{output.name} has shape {full.shape[1:]}"]
    if full.shape[1:] != output.shape:
        return [f"{output.name} has shape {full.shape[1:]}, not {output.shape}"]
    expected = np.zeros_like(full)
    for entry, slot, sign in output.copies:
        here: Selection = (slice(None), *entry)
        there: Selection = (slice(None), *output.components[slot][0])
        expected[here] = sign * full[there]
    differs = (expected != full) & ~(np.isnan(expected) & np.isnan(full))
    wrong = np.argwhere(differs.any(axis=0))
    return [
        f"{output.name}{[int(i) for i in index]} is not the copy it should be" for index in wrong
    ]
