"""Training: one run for each seed, in a folder, that goes on after any interruption."""

from __future__ import annotations

import math
import signal
import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from torch.multiprocessing import ProcessRaisedException

from ndm.build import build_optimiser
from ndm.config import TrainConfig
from ndm.data import Data, load
from ndm.errors import ConfigError, TrainingError
from ndm.training.batches import NdmData, as_tensors
from ndm.training.checkpoints import AtomicIO, Record, read_checkpoint
from ndm.training.figures import evaluate
from ndm.training.folder import (
    begin,
    fresh_model,
    number_type,
    open_run,
    seed_folder,
    write_json,
)
from ndm.training.module import NdmModule
from ndm.training.processes import Processes, message_of
from ndm.training.progress import RunBar
from ndm.training.quiet import quiet

__all__ = ["SeedResult", "TrainResult", "train"]

Figures = dict[str, dict[str, float]]


@dataclass(frozen=True)
class SeedResult:
    """What training with one seed gave.

    Attributes:
        seed: the seed.
        epochs: how many were made.
        best_epoch: the one with the lowest loss on the validation data.
        stopped: "epochs" (as many as were asked for) or "patience".
        figures: by part of the data ("validation", "test") for the best epoch, and "untrained":
            those of the model before training, on the test data (or the validation data).
    """

    seed: int
    epochs: int
    best_epoch: int
    stopped: str
    figures: Figures


@dataclass(frozen=True)
class TrainResult:
    """What a training run gave.

    Attributes:
        folder: where it is.
        seeds: one result for each seed.
    """

    folder: Path
    seeds: list[SeedResult] = field(default_factory=list)

    def summary(self) -> dict[str, dict[str, tuple[float, float]]]:
        """Mean and standard deviation over seeds (nan for one) of each figure, by part."""
        found: dict[str, dict[str, tuple[float, float]]] = {}
        for part in ("validation", "test", "untrained"):
            all_of = [result.figures[part] for result in self.seeds if part in result.figures]
            for name in all_of[0] if all_of else {}:
                values = [figures[name] for figures in all_of]
                spread = statistics.stdev(values) if len(values) > 1 else math.nan
                found.setdefault(part, {})[name] = (statistics.fmean(values), spread)
        return found


def train(
    config: TrainConfig, folder: str | Path, *, resume: bool = False, progress: bool = False
) -> TrainResult:
    """Train a model for each seed of a configuration.

    Args:
        config: what to train, on what, and how.
        folder: where everything is written; it must be new or empty.
        resume: go on from the last checkpoints in it, if there are any.
        progress: show a progress bar, on standard error.

    Returns:
        What came out.

    Raises:
        TrainingError: the folder cannot be used, or a run cannot go on: a term of the loss is not
            finite (the message names it and the last good checkpoint).
    """
    place = Path(folder)
    data = load(config.data)
    # what does not fit is said before a file is there
    _accelerator(config)
    build_optimiser(config.optimiser, fresh_model(config, data, config.seeds[0]), data.task)
    begin(config, data, place, resume=resume)
    result = TrainResult(place)
    for seed in config.seeds:
        found = _finished(place, config, seed) if resume else None
        if found is None:
            try:
                _fit(config, data, seed, place, progress)
                found = _judged(config, data, seed, place)
            except OSError as error:
                raise TrainingError(f"{place} cannot be written: {error}; resume then") from error
        result.seeds.append(found)
    write_json(place / "summary.json", result.summary())
    return result


def _finished(folder: Path, config: TrainConfig, seed: int) -> SeedResult | None:
    """The result of a seed that has nothing left to do."""
    found = open_run(folder).result(seed)
    try:
        result = SeedResult(**found) if found else None
    except TypeError as error:
        raise TrainingError(f"result.json of seed {seed} is damaged: {error}") from error
    if result is None or result.epochs < min(config.trainer.epochs, _stop_at(config, result)):
        return None
    figures = {
        part: {name: math.nan if value is None else value for name, value in values.items()}
        for part, values in result.figures.items()
    }
    return SeedResult(seed, result.epochs, result.best_epoch, result.stopped, figures)


def _stop_at(config: TrainConfig, result: SeedResult) -> int:
    return result.best_epoch + config.trainer.patience


def _fit(config: TrainConfig, data: Data, seed: int, folder: Path, progress: bool) -> None:
    """Train, from the last checkpoint if there is one, unless it has ended already."""
    place = seed_folder(folder, seed)
    last = place / "last.ckpt"
    start = _epochs_done(last, config) if last.exists() else (0, 0)
    if start is None:
        return
    module = NdmModule(fresh_model(config, data, seed), config, data.task, seed, last)
    batches = NdmData(data, config.trainer.batch_size, seed, number_type(config))
    gpus = list(range(torch.cuda.device_count()))
    with quiet(), _interruptible(), torch.random.fork_rng(gpus):
        trainer = _trainer(config, seed, place, progress, purge=start[1] or None)
        try:
            trainer.fit(module, datamodule=batches, ckpt_path=last if start[0] else None)
        except ProcessRaisedException as error:
            raise TrainingError(message_of(error)) from error
    if not (place / "best.ckpt").exists():
        raise TrainingError(f"no epoch was finished with seed {seed}; resume, or train anew")


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C stays Ctrl-C: Lightning turns it into an exit, and listens to no other afterwards."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as error:
        raise KeyboardInterrupt from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)


def _epochs_done(last: Path, config: TrainConfig) -> tuple[int, int] | None:
    """Epochs and steps behind a checkpoint; None if there are no more to come."""
    content = read_checkpoint(last)
    try:
        state, steps = content["callbacks"]["ndm"], int(content["global_step"])
        done, best = int(state["rows"][-1]["epoch"]), int(state["best_epoch"])
    except (KeyError, IndexError, TypeError) as error:
        raise TrainingError(f"{last} is no checkpoint of ndm: {error!r} is missing") from error
    if done >= config.trainer.epochs or done - best >= config.trainer.patience:
        return None
    return done, steps


def _accelerator(config: TrainConfig) -> str:
    wanted, gpus = config.trainer.accelerator, torch.cuda.device_count()
    if wanted == "gpu" and config.trainer.devices > gpus:
        raise ConfigError(
            f"{config.trainer.devices} GPUs are wanted, and torch can use {gpus}",
            key="trainer.accelerator",
            remedy="write auto, or give fewer trainer.devices",
        )
    return ("gpu" if config.trainer.devices <= gpus else "cpu") if wanted == "auto" else wanted


def _trainer(
    config: TrainConfig, seed: int, place: Path, progress: bool, purge: int | None
) -> L.Trainer:
    settings, kind = config.trainer, _accelerator(config)
    backend = "nccl" if kind == "gpu" else "gloo"
    strategy: Any = Processes(backend) if settings.devices > 1 else "auto"
    record = Record(place, settings.patience)
    shown: list[L.Callback] = [RunBar(seed, record)] if progress else []
    return L.Trainer(
        max_epochs=settings.epochs,
        accelerator=kind,
        devices=settings.devices,
        strategy=strategy,
        precision="64-true" if settings.precision == 64 else "32-true",
        gradient_clip_val=settings.gradient_clip,
        logger=TensorBoardLogger(
            place, name="", version="", default_hp_metric=False, purge_step=purge
        ),
        callbacks=[*shown, record],
        plugins=[AtomicIO()],
        default_root_dir=place,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        log_every_n_steps=1,
    )


def _judged(config: TrainConfig, data: Data, seed: int, folder: Path) -> SeedResult:
    """Figures of the best epoch, and of the model before training; written to result.json."""
    place = seed_folder(folder, seed)
    state = read_checkpoint(place / "last.ckpt")["callbacks"]["ndm"]
    best, untrained = open_run(folder).model(seed), fresh_model(config, data, seed)
    figures: Figures = {}
    for part, pair in (("validation", data.validation), ("test", data.test)):
        if len(pair[0]):
            x, y = as_tensors(pair, number_type(config))
            figures[part] = evaluate(best, x, y, data.task)
            figures["untrained"] = evaluate(untrained, x, y, data.task)
    epochs = len(state["rows"])
    stopped = "epochs" if epochs >= config.trainer.epochs else "patience"
    result = SeedResult(seed, epochs, int(state["best_epoch"]), stopped, figures)
    write_json(place / "result.json", vars(result))
    return result
