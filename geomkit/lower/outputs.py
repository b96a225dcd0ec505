"""Outputs of a program: each independent component once, the rest of the tensor by symmetry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import product

from geomkit.errors import LoweringError
from geomkit.program import Builder
from geomkit.tensor.symmetry import Index, Symmetry

__all__ = ["declare", "named"]


def declare(
    builder: Builder,
    name: str,
    n: int,
    positions: str,
    symmetry: Symmetry,
    nodes: Mapping[Index, int],
) -> None:
    """Declare a tensor (or scalar) as an output.

    Args:
        builder: the program.
        name: name of the output.
        n: dimension.
        positions: index positions, "" for a scalar.
        symmetry: which components are independent.
        nodes: the node of each independent component that is not exactly zero.
    """
    zero = builder.number(0)
    components = {index: nodes.get(index, zero) for index in symmetry.indices(n)}
    entries = {}
    for entry in product(range(n), repeat=symmetry.rank):
        canonical, sign = symmetry.canonical(entry)
        if sign:
            entries[entry] = canonical, sign
    builder.output(name, (n,) * symmetry.rank, components, entries, positions)


@contextmanager
def named(name: str, index: Index) -> Iterator[None]:
    """Put the component at fault in front of the message of a LoweringError.

    Args:
        name: name of the output.
        index: the component.

    Yields:
        Nothing.

    Raises:
        LoweringError: the same, with the name of the component.
    """
    try:
        yield
    except LoweringError as error:
        label = name + (str(list(index)) if index else "")
        raise LoweringError(f"{label} cannot be lowered: {error}") from None
