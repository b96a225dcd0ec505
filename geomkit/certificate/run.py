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

__all__ = ["broken_copies", "run"]

Array = NDArray[Any]


def run(kernel: Any, places: Sequence[Place], dtype: str) -> list[Array]:
    """Call a kernel once, at all places.

    Args:
        kernel: the kernel.
        places: the places.
        dtype: "float64" or "float32".

    Returns:
        For each output of its program an array (number of places, *shape).
    """
    program: Program = kernel.program
    columns = {
        one.name: np.array([place.values[one.name] for place in places], dtype)
        for one in program.inputs
    }
    arrays = {
        source: np.stack([columns[program.inputs[i].name] for i in numbers], axis=-1)
        for source, numbers in program.sources.items()
    }
    arguments: Mapping[str, Any] = {
        **arrays,
        **{program.inputs[i].name: columns[program.inputs[i].name] for i in program.scalars},
    }
    if getattr(kernel, "backend", "") == "torch":
        # the kernel has loaded torch; geomkit itself imports it only in modules named after it
        from_numpy = sys.modules["torch"].from_numpy
        arguments = {name: from_numpy(array) for name, array in arguments.items()}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # a value that is not finite is judged against its enclosure, not warned of
        warnings.simplefilter("ignore")
        points = arguments["points"]
        rest = {name: array for name, array in arguments.items() if name != "points"}
        results = kernel(points, **rest)
    return [_as_numpy(result) for result in results]


def _as_numpy(result: Any) -> Array:
    return np.asarray(result.detach().cpu()) if hasattr(result, "detach") else np.asarray(result)


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
        component = full[(..., *output.components[slot][0])]
        expected[(..., *entry)] = sign * component
    differs = (expected != full) & ~(np.isnan(expected) & np.isnan(full))
    wrong = np.argwhere(differs.any(axis=0))
    return [
        f"{output.name}{[int(i) for i in index]} is not the copy it should be" for index in wrong
    ]
