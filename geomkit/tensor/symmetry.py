"""Symmetries of index slots: which components of a tensor are independent.

A `Symmetry` is a list of disjoint blocks of slots, each symmetric (+1) or antisymmetric (-1), and
of groups of blocks that may be exchanged as a whole. That covers what geometry needs: Christoffel
symbols, forms, the Riemann tensor (two antisymmetric pairs that may be exchanged) and covariant
derivatives of all of these. Only linear relations between *two* components are kept; cyclic
identities such as the first Bianchi identity are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement, pairwise, product

from geomkit.errors import TensorError

__all__ = ["Block", "Index", "Symmetry"]

Index = tuple[int, ...]


@dataclass(frozen=True)
class Block:
    """Slots that are symmetric (`sign` = +1) or antisymmetric (-1) among each other.

    Example:
        >>> Block((0, 1), -1)
        Block(slots=(0, 1), sign=-1)
    """

    slots: tuple[int, ...]
    sign: int


@dataclass(frozen=True)
class Symmetry:
    """Symmetry of the slots of a tensor.

    Args:
        rank: number of slots.
        blocks: disjoint blocks of at least two slots.
        swaps: groups of positions in `blocks`; the blocks of a group may be exchanged as a whole.

    Raises:
        TensorError: if the blocks overlap, are too small or lie outside the rank.

    Example:
        >>> riemann = Symmetry.riemann()
        >>> riemann.canonical((3, 2, 1, 0))
        ((0, 1, 2, 3), 1)
        >>> riemann.canonical((1, 0, 2, 3))
        ((0, 1, 2, 3), -1)
        >>> riemann.count(4)
        21
    """

    rank: int
    blocks: tuple[Block, ...] = ()
    swaps: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        used = [slot for block in self.blocks for slot in block.slots]
        if len(set(used)) != len(used) or any(not 0 <= slot < self.rank for slot in used):
            raise TensorError(
                f"slots {used} of a symmetry overlap or lie outside 0..{self.rank - 1}; "
                "name each slot of the tensor at most once"
            )
        if any(len(block.slots) < 2 or block.sign not in (1, -1) for block in self.blocks):
            raise TensorError(f"{self.blocks}: a block needs two slots or more and sign +1 or -1")

    # -- the usual ones -----------------------------------------------------------------------

    @classmethod
    def none(cls, rank: int) -> Symmetry:
        """No symmetry: all n^rank components are independent."""
        return cls(rank)

    @classmethod
    def symmetric(cls, rank: int, slots: Sequence[int] | None = None) -> Symmetry:
        """Symmetric in `slots` (default: all)."""
        return cls._one_block(rank, slots, 1)

    @classmethod
    def antisymmetric(cls, rank: int, slots: Sequence[int] | None = None) -> Symmetry:
        """Antisymmetric in `slots` (default: all), as a differential form is."""
        return cls._one_block(rank, slots, -1)

    @classmethod
    def riemann(cls) -> Symmetry:
        """R_ijkl = -R_jikl = -R_ijlk = R_klij."""
        return cls(4, (Block((0, 1), -1), Block((2, 3), -1)), ((0, 1),))

    @classmethod
    def christoffel(cls) -> Symmetry:
        """Gamma^i_jk = Gamma^i_kj: symmetric in the last two of three slots."""
        return cls.symmetric(3, (1, 2))

    @classmethod
    def _one_block(cls, rank: int, slots: Sequence[int] | None, sign: int) -> Symmetry:
        chosen = tuple(range(rank)) if slots is None else tuple(sorted(slots))
        return cls(rank, (Block(chosen, sign),) if len(chosen) > 1 else ())

    # -- indices ------------------------------------------------------------------------------

    def canonical(self, index: Index) -> tuple[Index, int]:
        """The independent component that `index` is, up to sign: T[index] = sign * T[canonical].

        Args:
            index: `rank` integers.

        Returns:
            The canonical index and the sign, which is 0 where the symmetry makes the component
            vanish.
        """
        if not self.blocks:
            return index, 1
        values = list(index)
        sign = 1
        for block in self.blocks:
            entries = [values[slot] for slot in block.slots]
            ordered, parity = sort_with_parity(entries)
            if block.sign < 0:
                if parity == 0:
                    return index, 0
                sign *= parity
            for slot, value in zip(block.slots, ordered, strict=True):
                values[slot] = value
        for group in self.swaps:
            contents = sorted(tuple(values[s] for s in self.blocks[b].slots) for b in group)
            for b, content in zip(group, contents, strict=True):
                for slot, value in zip(self.blocks[b].slots, content, strict=True):
                    values[slot] = value
        return tuple(values), sign

    def indices(self, n: int) -> Iterator[Index]:
        """All canonical indices in dimension `n`, in lexicographic order.

        Args:
            n: number of coordinates.

        Yields:
            One index per independent component.
        """
        swapped = {b for group in self.swaps for b in group}
        parts: list[tuple[tuple[int, ...], list[tuple[int, ...]]]] = []
        for b, block in enumerate(self.blocks):
            if b not in swapped:
                parts.append((block.slots, _block_values(block, n)))
        for group in self.swaps:
            slots = tuple(slot for b in group for slot in self.blocks[b].slots)
            single = _block_values(self.blocks[group[0]], n)
            choices = combinations_with_replacement(single, len(group))
            parts.append((slots, [sum(choice, ()) for choice in choices]))
        free = tuple(sorted(set(range(self.rank)).difference(*(slots for slots, _ in parts))))
        parts.append((free, list(product(range(n), repeat=len(free)))))
        order = [slot for slots, _ in parts for slot in slots]
        found = []
        for choice in product(*(values for _, values in parts)):
            flat: Index = sum(choice, ())
            found.append(tuple(v for _, v in sorted(zip(order, flat, strict=True))))
        yield from sorted(found)

    def count(self, n: int) -> int:
        """Number of independent components in dimension `n`."""
        return sum(1 for _ in self.indices(n))

    def orbit(self, index: Index) -> dict[Index, int]:
        """All indices that name the same component up to sign, each with its sign.

        Args:
            index: an index.

        Returns:
            Sign by index, relative to `index`; empty where the component vanishes.
        """
        start, sign = self.canonical(index)
        if sign == 0:
            return {}
        seen = {start: sign}
        stack = [start]
        while stack:
            here = stack.pop()
            for there, factor in self._neighbours(here):
                if there not in seen:
                    seen[there] = seen[here] * factor
                    stack.append(there)
        return dict(sorted(seen.items()))

    def _neighbours(self, index: Index) -> Iterator[tuple[Index, int]]:
        for block in self.blocks:
            for a, b in pairwise(block.slots):
                yield _exchange(index, ((a, b),)), block.sign
        for group in self.swaps:
            for p, q in pairwise(group):
                pairs = zip(self.blocks[p].slots, self.blocks[q].slots, strict=True)
                yield _exchange(index, tuple(pairs)), 1

    # -- what operations on tensors do to it ----------------------------------------------------

    def split(self, moved: Iterable[int]) -> Symmetry:
        """What is left when the slots `moved` change their index position."""
        moved = set(moved)
        inside = [[s for s in block.slots if s in moved] for block in self.blocks]
        outside = [[s for s in block.slots if s not in moved] for block in self.blocks]
        return self._rebuilt(inside, outside)

    def drop(self, slots: Iterable[int]) -> Symmetry:
        """What is left when `slots` are contracted away; the others are renumbered."""
        gone = set(slots)
        kept = [s for s in range(self.rank) if s not in gone]
        number = {slot: i for i, slot in enumerate(kept)}
        rest = self._rebuilt([[s for s in b.slots if s not in gone] for b in self.blocks], [])
        blocks = tuple(Block(tuple(number[s] for s in b.slots), b.sign) for b in rest.blocks)
        return Symmetry(len(kept), blocks, rest.swaps)

    def extended(self, extra: int) -> Symmetry:
        """The same with `extra` free slots appended."""
        return Symmetry(self.rank + extra, self.blocks, self.swaps)

    def outer(self, other: Symmetry) -> Symmetry:
        """Symmetry of the product of two tensors, the slots of `other` last."""
        moved = tuple(Block(tuple(s + self.rank for s in b.slots), b.sign) for b in other.blocks)
        count = len(self.blocks)
        swaps = tuple(tuple(b + count for b in group) for group in other.swaps)
        return Symmetry(self.rank + other.rank, self.blocks + moved, self.swaps + swaps)

    def meet(self, other: Symmetry) -> Symmetry:
        """Symmetry of the sum of two tensors: what both have."""
        if self == other:
            return self
        blocks = []
        for mine in self.blocks:
            for theirs in other.blocks:
                common = tuple(s for s in mine.slots if s in theirs.slots)
                if mine.sign == theirs.sign and len(common) > 1:
                    blocks.append(Block(common, mine.sign))
        return Symmetry(self.rank, tuple(blocks))

    def _rebuilt(self, first: list[list[int]], second: list[list[int]]) -> Symmetry:
        """Blocks cut in two; exchangeable ones stay exchangeable if whole and on one side."""
        blocks: list[Block] = []
        number: dict[int, int] = {}  # old block that survived whole -> its new number
        for b, block in enumerate(self.blocks):
            for pieces in (first, second):
                if pieces and len(pieces[b]) > 1:
                    if len(pieces[b]) == len(block.slots):
                        number[b] = len(blocks)
                    blocks.append(Block(tuple(pieces[b]), block.sign))
        swaps = []
        for group in self.swaps:
            # exchangeable blocks must lie on the same side of the cut to stay exchangeable
            sides = {all(s in first[b] for s in self.blocks[b].slots) for b in group}
            if len(sides) == 1 and all(b in number for b in group):
                swaps.append(tuple(number[b] for b in group))
        return Symmetry(self.rank, tuple(blocks), tuple(swaps))

    def __str__(self) -> str:
        if not self.blocks:
            return "no symmetry"
        words = {1: "symmetric", -1: "antisymmetric"}
        texts = [f"{words[b.sign]} in slots {', '.join(map(str, b.slots))}" for b in self.blocks]
        texts += [
            "exchange of slots " + " and ".join(str(self.blocks[b].slots) for b in group)
            for group in self.swaps
        ]
        return "; ".join(texts)


def sort_with_parity(values: Sequence[int]) -> tuple[list[int], int]:
    """Sort, and say whether the permutation was even.

    Args:
        values: integers.

    Returns:
        The sorted list and the parity: +1, -1, or 0 if a value is repeated.

    Example:
        >>> sort_with_parity([2, 0, 1])
        ([0, 1, 2], 1)
        >>> sort_with_parity([1, 1])
        ([1, 1], 0)
    """
    ordered = list(values)
    parity = 1
    for i in range(1, len(ordered)):
        j = i
        while j > 0 and ordered[j - 1] >= ordered[j]:
            if ordered[j - 1] == ordered[j]:
                return sorted(ordered), 0
            ordered[j - 1], ordered[j] = ordered[j], ordered[j - 1]
            parity = -parity
            j -= 1
    return ordered, parity


def _block_values(block: Block, n: int) -> list[tuple[int, ...]]:
    choose = combinations_with_replacement if block.sign > 0 else combinations
    return list(choose(range(n), len(block.slots)))


def _exchange(index: Index, pairs: tuple[tuple[int, int], ...]) -> Index:
    values = list(index)
    for a, b in pairs:
        values[a], values[b] = values[b], values[a]
    return tuple(values)
