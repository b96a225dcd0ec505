"""Index slots of tensors: their positions, and the names of coordinates in them."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index as as_integer
from typing import Any, TypeAlias

import sympy

from geomkit.chart import Chart
from geomkit.errors import TensorError
from geomkit.tensor.symmetry import Index, Symmetry

__all__ = [
    "Label",
    "check_canonical",
    "check_positions",
    "check_symmetry",
    "coordinate_number",
    "parse_index",
]

Label: TypeAlias = int | str | sympy.Symbol  # how a user names a coordinate


def coordinate_number(chart: Chart, label: Any) -> int:
    """The number of a coordinate.

    Args:
        chart: the chart.
        label: number, name or symbol of the coordinate.

    Returns:
        The number, from 0.

    Raises:
        TensorError: if there is no such coordinate.
    """
    if type(label) is int and 0 <= label < chart.n:
        return label  # by far the most frequent case, and a hot one
    names = [str(x) for x in chart.metric.coordinates]
    if isinstance(label, (str, sympy.Symbol)):
        if str(label) in names:
            return names.index(str(label))
        raise TensorError(f"{label} is not a coordinate; the coordinates are {', '.join(names)}")
    try:
        number = as_integer(label)
    except TypeError:
        raise TensorError(
            f"index {label!r} is neither a number nor a coordinate; use 0..{chart.n - 1} "
            f"or one of {', '.join(names)}"
        ) from None
    if not 0 <= number < chart.n:
        raise TensorError(
            f"index {number} is out of range; the dimension is {chart.n}, counted from 0"
        )
    return number


def parse_index(chart: Chart, label: Any, rank: int) -> Index:
    """An index as users write it: a tuple, a single label, or text such as `"r|t,t"` or `"t,r"`.

    Args:
        chart: the chart.
        label: the index.
        rank: number of slots.

    Returns:
        The coordinate numbers.

    Raises:
        TensorError: if the number of labels is not `rank` or a label is unknown.
    """
    if isinstance(label, str):
        texts = [part.strip() for part in label.replace("|", ",").split(",")]
        labels: Sequence[Any] = [int(t) if t.isdecimal() else t for t in texts if t]
    else:
        labels = label if isinstance(label, tuple) else (label,)
    if len(labels) != rank:
        raise TensorError(f"index {label!r} has {len(labels)} entries; the tensor has {rank} slots")
    return tuple(coordinate_number(chart, part) for part in labels)


def check_positions(positions: str) -> None:
    """Refuse positions other than letters `u` and `d`.

    Args:
        positions: index positions.

    Raises:
        TensorError: if there is another letter.
    """
    if not isinstance(positions, str) or set(positions) - {"u", "d"}:
        raise TensorError(
            f"index positions {positions!r} are not letters u (up) and d (down); "
            "write 'udd' for Gamma^i_jk"
        )


def check_symmetry(symmetry: Symmetry, positions: str) -> None:
    """Refuse a symmetry that does not fit the positions.

    Args:
        symmetry: symmetry of the slots.
        positions: index positions.

    Raises:
        TensorError: if the ranks differ, or slots are declared symmetric that are not all up or
            all down.
    """
    if symmetry.rank != len(positions):
        raise TensorError(
            f"a symmetry of {symmetry.rank} slots was given for positions {positions!r}; "
            f"it needs {len(positions)} slots"
        )
    groups = [[block.slots] for block in symmetry.blocks]
    groups += [[symmetry.blocks[b].slots for b in group] for group in symmetry.swaps]
    for group in groups:
        slots = [slot for block in group for slot in block]
        if len({positions[slot] for slot in slots}) > 1:
            raise TensorError(
                f"slots {slots} cannot be symmetric: positions {positions!r} mix up and down; "
                "lower or raise them first"
            )


def check_canonical(index: Index, symmetry: Symmetry, n: int) -> None:
    """Refuse a component that is not stored: wrong length, out of range, or not independent.

    Args:
        index: index of the component.
        symmetry: symmetry of the slots.
        n: number of coordinates.

    Raises:
        TensorError: if the index cannot be a key of stored components.
    """
    if len(index) != symmetry.rank or any(not 0 <= i < n for i in index):
        raise TensorError(
            f"index {index} does not fit: {symmetry.rank} numbers from 0 to {n - 1} are needed"
        )
    canonical, sign = symmetry.canonical(index)
    if sign == 0 or canonical != index:
        raise TensorError(
            f"component {index} is not independent ({symmetry}); "
            + (f"give {canonical} instead" if sign else "it vanishes, leave it out")
        )
