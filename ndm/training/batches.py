"""Batches of the training data, the same for the same seed and epoch wherever a run begins."""

from __future__ import annotations

import math
from collections.abc import Iterator

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler, TensorDataset

from ndm.data import Data

__all__ = ["Batches", "NdmData", "as_tensors"]


class Batches(Sampler[list[int]]):
    """Batches of nearly equal size, in an order that is a function of seed and epoch alone.

    Of several processes, each takes every so-manieth point of each batch; where they do not come
    out even, some points are taken twice.

    Args:
        number: of points.
        size: of batches, at most; over all processes.
        seed: of the order.
        rank: of this process.
        world: number of processes.

    Example:
        >>> batches = Batches(5, 3, seed=0)
        >>> [len(batch) for batch in batches], len(batches)
        ([3, 2], 2)
    """

    def __init__(self, number: int, size: int, seed: int, rank: int = 0, world: int = 1) -> None:
        self.number, self.seed = number, seed
        self.count = math.ceil(number / size)
        self.rank, self.world, self.epoch = rank, world, 0

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed((self.seed << 20) + self.epoch)
        order = torch.randperm(self.number, generator=generator)
        for batch in order.tensor_split(self.count):
            missing = -len(batch) % self.world
            whole = torch.cat((batch, order[:missing]))
            yield whole[self.rank :: self.world].tolist()


class NdmData(L.LightningDataModule):
    """The training data as Lightning wants them.

    Args:
        data: the data.
        batch_size: over all processes.
        seed: of the order of points.
        dtype: of coordinates and of targets that are not classes.
    """

    def __init__(self, data: Data, batch_size: int, seed: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.batch_size, self.seed = batch_size, seed
        self.training = as_tensors(data.train, dtype)
        self.validation = as_tensors(data.validation, dtype)

    def train_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        """Batches of this process."""
        trainer = self.trainer
        rank, world = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
        x = self.training[0]
        batches = Batches(len(x), self.batch_size, self.seed, rank, world)
        # A whole batch is indexed at once: batch_size=None. The loader draws a number whenever it
        # is started, and not from those that training uses: a resumed run starts it once more.
        return DataLoader(
            TensorDataset(*self.training),
            sampler=batches,
            batch_size=None,
            generator=torch.Generator().manual_seed(self.seed),
        )


def as_tensors(pair: tuple[object, object], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Arrays of points and targets as tensors.

    Args:
        pair: points, and targets.
        dtype: of floating numbers; class numbers stay whole.

    Returns:
        Points and targets.
    """
    x, y = (torch.as_tensor(part) for part in pair)
    return x.to(dtype), y.to(dtype) if y.is_floating_point() else y
