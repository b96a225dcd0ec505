"""Tensors made of blocks, in plain torch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["identity", "inverse", "place"]


def place(size: int, blocks: Sequence[tuple[tuple[int, ...], Tensor]]) -> Tensor:
    """Put blocks into a tensor of zeros whose last axes all have one size.

    Args:
        size: of the axes.
        blocks: where each block begins, and the block; blocks do not overlap.

    Returns:
        (..., size, ..., size).
    """
    total: Tensor | None = None
    for starts, block in blocks:
        margins: list[int] = []
        # `pad` counts axes from the last; unlike assignment it goes through vmap
        for start, length in zip(starts[::-1], block.shape[::-1], strict=False):
            margins += [start, size - start - length]
        padded = torch.nn.functional.pad(block, margins)
        total = padded if total is None else total + padded
    assert total is not None
    return total


def identity(n: int, like: Tensor) -> Tensor:
    """The identity matrix in the precision and on the device of another tensor."""
    return torch.eye(n, dtype=like.dtype, device=like.device)


def inverse(matrix: Tensor) -> Tensor:
    """Inverse of (..., n, n); nan where it is singular."""
    result, info = torch.linalg.inv_ex(matrix)
    return torch.where((info == 0)[..., None, None], result, torch.nan)
