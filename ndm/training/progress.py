"""How far a run is: a bar for each seed, with the loss now and the best one, on standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lightning as L

from geomkit.terminal import console
from ndm.training.checkpoints import Record

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["RunBar"]

# Below so many columns the bar itself is left out, so that what it says fits.
_NARROW = 72


class RunBar(L.Callback):
    """A bar over all epochs of a seed; it goes away when the seed has ended.

    Args:
        seed: whose.
        record: what is known of the epochs behind, those before an interruption among them.
    """

    def __init__(self, seed: int, record: Record) -> None:
        self.seed, self.record = seed, record
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Show the bar; a run that is resumed begins where it was left.

        Args:
            trainer: how many epochs and batches there are.
            pl_module: not looked at.
        """
        if trainer.is_global_zero:
            self._bar = _bar()
            total = (trainer.max_epochs or 0) * int(trainer.num_training_batches)
            self._task = self._bar.add_task(f"seed {self.seed}", total=total, epoch="", loss="")
            self._update(trainer, 0)
            self._bar.start()

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Say the number of the epoch, and the losses of those behind.

        Args:
            trainer: where it is.
            pl_module: not looked at.
        """
        self._update(trainer, 0)

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Move the bar.

        Args:
            trainer: where it is.
            pl_module: not looked at.
            outputs: not looked at.
            batch: not looked at.
            batch_idx: number of the batch in its epoch.
        """
        self._update(trainer, batch_idx + 1)

    def on_exception(
        self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException
    ) -> None:
        """Give the terminal back, cursor and all, before anything is said of the error.

        Args:
            trainer: not looked at.
            pl_module: not looked at.
            exception: not looked at.
        """
        self._stop()

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Take the bar away.

        Args:
            trainer: not looked at.
            pl_module: not looked at.
            stage: not looked at.
        """
        self._stop()

    def _update(self, trainer: L.Trainer, batches: int) -> None:
        if self._bar is None or self._task is None:
            return
        done = trainer.current_epoch * int(trainer.num_training_batches) + batches
        epoch = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
        rows, loss = self.record.rows, ""
        if rows:
            loss = f", loss {rows[-1]['validation/task']:.3g}, best {self.record.best:.3g}"
        self._bar.update(self._task, completed=done, epoch=epoch, loss=loss)

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _bar() -> Progress:
    """A text, which is cut where there is no room for it, and a bar where there is."""
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.table import Column

    place = console(stderr=True)
    text = "{task.description}, {task.fields[epoch]}{task.fields[loss]}"
    columns: list[ProgressColumn] = [TextColumn(text, table_column=Column(no_wrap=True))]
    wide = place.width >= _NARROW
    if wide:
        columns += [BarColumn(bar_width=None), TimeRemainingColumn()]
    return Progress(*columns, console=place, transient=True, expand=wide, redirect_stdout=False)
