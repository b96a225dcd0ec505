"""Training on Lightning: `train(config, folder)`, and `open_run(folder)` to read what it wrote.

Every seed has a folder of its own with its best and last checkpoints, which are written whole or
not at all and hold tensors and plain values only. A run that was killed goes on from the last one,
and gives the same numbers as one that was not.
"""

from __future__ import annotations

from ndm.training.batches import NdmData
from ndm.training.checkpoints import read_checkpoint
from ndm.training.figures import evaluate
from ndm.training.folder import Run, open_run
from ndm.training.module import NdmModule
from ndm.training.run import SeedResult, TrainResult, train

__all__ = [
    "NdmData",
    "NdmModule",
    "Run",
    "SeedResult",
    "TrainResult",
    "evaluate",
    "open_run",
    "read_checkpoint",
    "train",
]
