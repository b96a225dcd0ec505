"""Training in several processes, one for each device."""

from __future__ import annotations

import os
from typing import Any

from lightning.pytorch.strategies import DDPStrategy

from ndm.training.quiet import hush

__all__ = ["Processes", "message_of"]


class Processes(DDPStrategy):
    """Distributed data parallel training, in processes that are started for it.

    Parameters need not be used in each step: while lambda is 0, those of a metric are not.

    Args:
        backend: "gloo" on CPUs, "nccl" on GPUs.
    """

    def __init__(self, backend: str) -> None:
        super().__init__(
            start_method="spawn", process_group_backend=backend, find_unused_parameters=True
        )
        # torch warns in C++ when all were used after all; processes that are started read this
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")

    def setup_environment(self) -> None:
        """The first that is called in a new process."""
        hush()
        super().setup_environment()


def message_of(error: BaseException) -> str:
    r"""The message of an error of another process, out of the traceback that came from there.

    Args:
        error: what torch's launcher raised.

    Returns:
        Its last line; of errors of ndm, the message alone.

    Example:
        >>> message_of(RuntimeError("Traceback ...\nndm.errors.TrainingError: no luck\n"))
        'no luck'
    """
    lines: list[Any] = [line for line in str(error).split("\n") if line.strip()]
    name, _, message = (lines or ["unknown"])[-1].partition(": ")
    return message if name.startswith("ndm.errors") else f"a process failed: {name}: {message}"
