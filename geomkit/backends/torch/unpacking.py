"""From packed components to full tensors: copies, signs and exact zeros."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from geomkit.program import Program

__all__ = ["Unpacking"]


@dataclass(frozen=True)
class Unpacking:
    """Where each entry of the full tensor of one output comes from.

    Attributes:
        start: first packed component of the output.
        stop: one beyond the last.
        shape: of the full tensor at one point.
        index: for each entry, in row-major order, its place in (components, their negatives where
            they are needed, zero); None where it is the components themselves.
        negative: whether negatives are needed.
        zero: whether a zero is needed.
        text: start, stop, shape and index once more, as text.
    """

    start: int
    stop: int
    shape: tuple[int, ...]
    index: Tensor | None
    negative: bool
    zero: bool
    text: str

    @classmethod
    def of(cls, program: Program, number: int) -> Unpacking:
        """Read it off a program.

        Args:
            program: the program.
            number: which output.

        Returns:
            The plan.
        """
        start = sum(len(one.components) for one in program.outputs[:number])
        output = program.outputs[number]
        size = len(output.components)
        negative = any(sign < 0 for _, _, sign in output.copies)
        total = math.prod(output.shape)
        zero = len(output.copies) < total
        entries = [size * (1 + negative)] * total
        for index, slot, sign in output.copies:
            place = 0
            for i, length in zip(index, output.shape, strict=True):
                place = place * length + i
            entries[place] = slot if sign > 0 else size + slot
        if entries == list(range(size)):
            entries = []
        plan = torch.tensor(entries, device="cpu") if entries else None
        lists = ((start, start + size), output.shape, entries)
        text = ";".join(" ".join(map(str, one)) for one in lists)
        return cls(start, start + size, output.shape, plan, negative, zero, text)

    def __call__(self, packed: Tensor) -> Tensor:
        """Fill the full tensor.

        Args:
            packed: tensor (..., C).

        Returns:
            Tensor (..., *shape).
        """
        start, stop, shape, index = self._constants(packed)
        own = packed.narrow(-1, start, stop - start)
        if index is not None:
            parts = [own]
            if self.negative:
                parts.append(-own)
            if self.zero:
                # an empty sum: exactly 0 where components are NaN, and part of the same graph
                parts.append(own[..., :0].sum(-1, keepdim=True))
            table = torch.cat(parts, -1) if len(parts) > 1 else own
            own = table.index_select(-1, index)
        return own.reshape((*packed.shape[:-1], *shape))

    def _constants(self, packed: Tensor) -> tuple[int, int, tuple[int, ...], Tensor | None]:
        device = packed.device
        if not torch.compiler.is_compiling():
            index = None if self.index is None else self.index.to(device)
            return self.start, self.stop, self.shape, index
        # A compiler takes numbers and tensors that it finds in an object for inputs that may
        # change, and concludes too much if a size equals that of a batch by chance. Text is text.
        first, second, third = self.text.split(";")
        start, stop = [int(word) for word in first.split()]
        shape = tuple([int(word) for word in second.split()])
        entries = [int(word) for word in third.split()]
        return start, stop, shape, torch.tensor(entries, device=device) if entries else None
