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
Selection = Any


def run(kernel: Any, places: Sequence[Place], dtype: str) -> list[Array]:
    """Call a kernel at places.

    Places with the same parameters go into one call, with plain numbers for the parameters: that is
    the usual call, and the one that the source of a kernel is written for.

    Args:
        kernel: the kernel.
        places: the places.
        dtype: "float64" or "float32".

    Returns:
        For each output of its program an array (number of places, *shape).
    """
    program: Program = kernel.program
    names = [program.inputs[i].name for i in program.scalars]
    groups: dict[tuple[float, ...], list[int]] = {}
    for k, place in enumerate(places):
        groups.setdefault(tuple(place.values[name] for name in names), []).append(k)
    made: list[Array] = []
    for scalars, members in groups.items():
        here = [places[k] for k in members]
        parts = _called(kernel, here, dict(zip(names, scalars, strict=True)), dtype)
        made = made or [np.empty((len(places), *part.shape[1:]), part.dtype) for part in parts]
        for whole, part in zip(made, parts, strict=True):
            whole[members] = part
    return made


def _called(
    kernel: Any, places: Sequence[Place], scalars: Mapping[str, float], dtype: str
) -> list[Array]:
    program: Program = kernel.program
    arguments: dict[str, Any] = {
        source: np.array(
            [[place.values[program.inputs[i].name] for i in numbers] for place in places], dtype
        )
        for source, numbers in program.sources.items()
    }
    arguments |= scalars
    if getattr(kernel, "backend", "") == "torch":
        # the kernel has loaded torch; geomkit itself imports it only in modules named after it
        torch = sys.modules["torch"]
        arguments = {k: torch.from_numpy(np.asarray(v, dtype)) for k, v in arguments.items()}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # a value that is not finite is judged against its enclosure, not warned of
        warnings.simplefilter("ignore")
        results = kernel(arguments.pop("points"), **arguments)
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
        here: Selection = (slice(None), *entry)
        there: Selection = (slice(None), *output.components[slot][0])
        expected[here] = sign * full[there]
    differs = (expected != full) & ~(np.isnan(expected) & np.isnan(full))
    wrong = np.argwhere(differs.any(axis=0))
    return [
        f"{output.name}{[int(i) for i in index]} is not the copy it should be" for index in wrong
    ]
