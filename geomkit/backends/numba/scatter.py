"""From packed components to full tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomkit.program import Program

__all__ = ["scatter"]

Array = NDArray[Any]


def scatter(program: Program, packed: Array, number: int, count: int) -> Array:
    output = program.outputs[number]
    start = sum(len(o.components) for o in program.outputs[:number])
    rows = np.moveaxis(packed, 1, -1).reshape(-1, packed.shape[1])[:count]
    full = np.zeros((count, *output.shape), packed.dtype)
    for entry, slot, sign in output.copies:
        full[(slice(None), *entry)] = sign * rows[:, start + slot]
    return full
