"""Checkpoints: written whole or not at all, read without running anything that is in them."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.plugins.io import CheckpointIO

from geomkit.writing import remove_leftovers, write_whole
from ndm.errors import TrainingError

__all__ = ["AtomicIO", "Record", "read_checkpoint", "write_bytes"]


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file of a run: whole or not at all, and on the disk before it is at its place.

    Args:
        path: where.
        content: what.
    """
    write_whole(path, content, mode=0o666, durable=True)


def read_checkpoint(path: str | Path, device: Any = "cpu") -> dict[str, Any]:
    """Read a checkpoint: tensors and plain values only.

    Args:
        path: the file.
        device: where tensors go.

    Returns:
        Its content.

    Raises:
        TrainingError: there is none, it is damaged, or it holds other things.
    """
    content = _read(path, device)
    if not isinstance(content, dict) or not {"state_dict", "callbacks"} <= content.keys():
        raise TrainingError(f"{path} is no checkpoint of ndm; give the folder of a run")
    return content


def _read(path: str | Path, device: Any) -> Any:
    try:
        content = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError as error:
        raise TrainingError(f"{path} is not there; train first") from error
    except Exception as error:  # torch has no error of its own for damaged files
        first = str(error).strip().split("\n")[0][:200]
        raise TrainingError(
            f"{path} is damaged, or no checkpoint of ndm: {first}; use another, or train anew"
        ) from error
    return content


class AtomicIO(CheckpointIO):
    """Lightning's way to files: through `write_bytes` and `read_checkpoint`."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Save.

        Args:
            checkpoint: what.
            path: where.
            storage_options: not looked at.
        """
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        write_bytes(Path(path), buffer.getvalue())

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        """Load; only ever tensors and plain values.

        Args:
            path: the file.
            map_location: where tensors go.
            weights_only: not looked at.

        Returns:
            Its content.
        """
        content: dict[str, Any] = _read(path, map_location)
        return content

    def remove_checkpoint(self, path: Any) -> None:
        """Remove.

        Args:
            path: the file.
        """
        Path(path).unlink(missing_ok=True)


class Record(Checkpoint):
    """Keeps the curve, the best epoch and the last; stops when it does not get better.

    After each epoch: a row for `metrics.csv`, `last.ckpt`, and `best.ckpt` if the task's loss on
    the validation data is the lowest so far. All that it knows is in the checkpoints.

    Args:
        folder: of this seed.
        patience: epochs without a better loss before it stops.

    Attributes:
        rows: figures by name, one for each epoch.
        best: the lowest loss.
        best_epoch: when, counted from 1.
    """

    def __init__(self, folder: Path, patience: int) -> None:
        self.folder, self.patience = folder, patience
        self.rows: list[dict[str, float]] = []
        self.best, self.best_epoch = float("inf"), 0

    @property
    def state_key(self) -> str:
        """Its name in checkpoints."""
        return "ndm"

    def state_dict(self) -> dict[str, Any]:
        """What has to be kept to go on later."""
        return {"rows": self.rows, "best": self.best, "best_epoch": self.best_epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.rows = [dict(row) for row in state["rows"]]
        self.best, self.best_epoch = float(state["best"]), int(state["best_epoch"])

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Remove what a run that was killed while it wrote has left here.

        Args:
            trainer: whose processes share the folder.
            pl_module: not looked at.
        """
        if trainer.is_global_zero:
            remove_leftovers(self.folder)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Keep this epoch, and stop if it has to be.

        Args:
            trainer: whose figures.
            pl_module: not looked at.
        """
        epoch = trainer.current_epoch + 1
        row = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self.rows.append({"epoch": epoch, "step": trainer.global_step, **dict(sorted(row.items()))})
        better = row["validation/task"] < self.best
        if better:
            self.best, self.best_epoch = row["validation/task"], epoch
        if trainer.is_global_zero:
            write_bytes(self.folder / "metrics.csv", as_csv(self.rows))
        if better:
            trainer.save_checkpoint(self.folder / "best.ckpt")
        trainer.save_checkpoint(self.folder / "last.ckpt")
        stop = epoch - self.best_epoch >= self.patience
        trainer.should_stop = trainer.strategy.reduce_boolean_decision(
            trainer.should_stop or stop, all=False
        )


def as_csv(rows: list[dict[str, float]]) -> bytes:
    r"""Rows of figures as a .csv in UTF-8; columns are the names of all rows.

    Args:
        rows: figures by name.

    Returns:
        The file.

    Example:
        >>> as_csv([{"epoch": 1, "loss": 0.5}])
        b'epoch,loss\n1,0.5\n'
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
