"""Tensors given by the user, as components in SymPy, and as text that can be read again."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy

from geomkit.errors import LoweringError
from geomkit.expressions import to_text
from geomkit.tensor.symmetry import Block, Index, Symmetry

__all__ = ["Components"]

_TEXT = re.compile(r"tensor\[([ud]*)(?:;([^\]]*))?\]\((.*)\)", re.DOTALL)
_BLOCK = re.compile(r"([+-])(\d+)")


@dataclass(frozen=True)
class Components:
    """Independent components of a tensor.

    Attributes:
        positions: index positions.
        symmetry: which components are independent.
        entries: index and expression of those that are not zero.

    Example:
        >>> import geomkit as gk
        >>> sphere = gk.catalog["sphere2"]
        >>> text = str(Components.of(gk.curvature(sphere).metric)); text
        'tensor[dd; +01](0,0: a**2; 1,1: a**2*sin(theta)**2)'
        >>> str(Components.read(text, sphere.resolve)) == text
        True
    """

    positions: str
    symmetry: Symmetry
    entries: tuple[tuple[Index, sympy.Expr], ...]

    @property
    def components(self) -> dict[Index, sympy.Expr]:
        """Expression by index."""
        return dict(self.entries)

    @classmethod
    def of(cls, tensor: Any) -> Components:
        """Return the components of a `geomkit.tensor.Tensor`.

        Args:
            tensor: the tensor.

        Returns:
            Its independent components that are not zero.
        """
        entries = tuple(sorted(tensor.nonzero().items()))
        return cls(tensor.positions, tensor.symmetry, entries)

    @classmethod
    def read(cls, text: str, expression: Callable[[str], sympy.Expr]) -> Components | None:
        """Read what `str` writes.

        Args:
            text: the text.
            expression: reads one component.

        Returns:
            The components; None if the text is not of that form.

        Raises:
            LoweringError: it is of that form, but an index or the symmetry is not.
        """
        found = _TEXT.fullmatch(text.strip())
        if found is None:
            return None
        positions, symmetry, listed = found.groups()
        entries = []
        for part in filter(str.strip, listed.split(";")):
            index, _, value = part.partition(":")
            numbers = [n.strip() for n in index.split(",")]
            if not value or not all(n.isdecimal() for n in numbers if n):
                raise LoweringError(f"{part!r} is no component of a tensor; write '0,1: EXPR'")
            entries.append((tuple(int(n) for n in numbers if n), expression(value)))
        return cls(positions, _symmetry(symmetry or "", len(positions)), tuple(entries))

    def __str__(self) -> str:
        head = "; ".join([self.positions, *_symmetry_text(self.symmetry)])
        parts = [f"{','.join(map(str, i))}: {to_text(e)}" for i, e in self.entries]
        return f"tensor[{head}]({'; '.join(parts)})"


def _symmetry_text(symmetry: Symmetry) -> list[str]:
    """Write each block as its sign and slots, and ~ between blocks that may be exchanged."""
    texts = [("+" if b.sign > 0 else "-") + "".join(map(str, b.slots)) for b in symmetry.blocks]
    groups = ["~".join(texts[b] for b in group) for group in symmetry.swaps]
    swapped = {b for group in symmetry.swaps for b in group}
    words = [text for b, text in enumerate(texts) if b not in swapped] + groups
    return [" ".join(words)] if words else []


def _symmetry(text: str, rank: int) -> Symmetry:
    blocks: list[Block] = []
    swaps: list[tuple[int, ...]] = []
    for word in text.split():
        numbers = []
        for one in word.split("~"):
            found = _BLOCK.fullmatch(one)
            if found is None:
                raise LoweringError(f"{one!r} is no symmetry of slots; write '+01' or '-01~-23'")
            numbers.append(len(blocks))
            blocks.append(Block(tuple(map(int, found[2])), 1 if found[1] == "+" else -1))
        if len(numbers) > 1:
            swaps.append(tuple(numbers))
    return Symmetry(rank, tuple(blocks), tuple(swaps))
