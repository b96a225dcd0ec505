"""A training run that kills itself in the middle of an epoch, as `kill -9` does."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from ndm.training import NdmModule, train
from tests.ndm.training_samples import tiny

if __name__ == "__main__":
    epoch, step = int(sys.argv[2]), NdmModule.training_step

    def killed(self: Any, batch: Any, batch_idx: int) -> Any:
        if self.current_epoch == epoch and batch_idx == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self, batch, batch_idx)

    NdmModule.training_step = killed  # type: ignore[method-assign]
    train(tiny(*sys.argv[3:]), sys.argv[1])
