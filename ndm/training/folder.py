"""The folder of a run: what is in it, who may write it, and how it is read again.

config.yaml     the configuration, whole
about.json      versions of what it was trained with
prepared.npz    how the data were scaled, names of classes, a fingerprint of the data
summary.json    figures of all seeds
seed-0/         best.ckpt, last.ckpt, metrics.csv, result.json, TensorBoard's events
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ndm.build import build_model
from ndm.config import TrainConfig, load_config
from ndm.data import Data, Scaling
from ndm.errors import TrainingError
from ndm.model import NDM
from ndm.training.checkpoints import read_checkpoint, write_bytes

__all__ = ["Run", "begin", "fingerprint", "open_run", "seed_folder", "write_json"]

# what may change when a run goes on
_FREE = ("trainer.epochs", "trainer.patience", "trainer.accelerator", "trainer.devices", "seeds")
_PACKAGES = ("geomkit-ndm", "torch", "lightning", "numpy", "zuko")


@dataclass(frozen=True)
class Run:
    """A run that is on disk.

    Attributes:
        folder: where.
        config: its configuration.
        data: of the training, without the points: task, scaling, names.
        about: versions.
    """

    folder: Path
    config: TrainConfig
    data: Data
    about: dict[str, str]

    @property
    def seeds(self) -> list[int]:
        """The seeds of which there is a model."""
        return [
            s for s in self.config.seeds if (seed_folder(self.folder, s) / "best.ckpt").exists()
        ]

    def model(self, seed: int | None = None, which: str = "best") -> NDM:
        """A trained model, in evaluation mode, on the CPU.

        Args:
            seed: the first by default.
            which: "best" or "last".

        Returns:
            The model.

        Raises:
            TrainingError: it is not there, or does not fit the configuration.
        """
        chosen = (self.seeds or self.config.seeds)[0] if seed is None else seed
        path = seed_folder(self.folder, chosen) / f"{which}.ckpt"
        state = read_checkpoint(path)["state_dict"]
        model = fresh_model(self.config, self.data, chosen)
        try:
            own = {name.removeprefix("model."): value for name, value in state.items()}
            model.load_state_dict(own)
        except (RuntimeError, AttributeError) as error:
            first = str(error).strip().split("\n")[0][:200]
            raise TrainingError(f"{path} does not fit config.yaml beside it: {first}") from error
        model.eval()
        return model

    def result(self, seed: int) -> dict[str, Any]:
        """What result.json of a seed says; {} if training has not ended."""
        return _read_json(seed_folder(self.folder, seed) / "result.json")


def fresh_model(config: TrainConfig, data: Data, seed: int) -> NDM:
    """The model as it is before training: the same for the same seed.

    Args:
        config: of the run.
        data: of the run.
        seed: of its parameters.

    Returns:
        The model, in the number type of the run.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build_model(config.model, data)
    moved: NDM = model.to(number_type(config))
    return moved


def number_type(config: TrainConfig) -> torch.dtype:
    """The number type of a run."""
    return torch.float64 if config.trainer.precision == 64 else torch.float32


def seed_folder(folder: Path, seed: int) -> Path:
    """Where the files of a seed are."""
    return folder / f"seed-{seed}"


def begin(config: TrainConfig, data: Data, folder: Path, *, resume: bool) -> None:
    """Make the folder of a run, or see whether a run can go on in it.

    Args:
        config: of the run.
        data: of the run.
        folder: where.
        resume: whether a run that is there goes on.

    Raises:
        TrainingError: there is something else, another configuration, other data, or no way to
            write.
    """
    try:
        used = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
        started = (folder / "config.yaml").is_file()
    except OSError as error:
        raise TrainingError(f"{folder} cannot be looked into: {error.strerror}") from error
    if used and not resume:
        raise TrainingError(f"{folder} is there already; give another folder, or resume")
    if used and not started:
        raise TrainingError(f"{folder} holds no run of ndm; give another folder")
    if started:
        _check(config, data, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(folder / "prepared.npz", _prepared(data))
        write_json(folder / "about.json", _versions())
        write_bytes(folder / "config.yaml", config.to_yaml().encode())  # last: now it is a run
        for seed in config.seeds:
            seed_folder(folder, seed).mkdir(exist_ok=True)
    except OSError as error:
        raise TrainingError(
            f"{folder} cannot be written: {error.strerror or error}; give another folder"
        ) from error


def _check(config: TrainConfig, data: Data, folder: Path) -> None:
    before, now = (
        _flat(load_config(folder / "config.yaml").model_dump()),
        _flat(config.model_dump()),
    )
    changed = [key for key in now | before if before.get(key) != now.get(key) and key not in _FREE]
    if changed:
        key = changed[0]
        raise TrainingError(
            f"{folder} was begun with {key} = {before.get(key)!r}, and {now.get(key)!r} is given "
            f"now; only {', '.join(_FREE)} may change when a run goes on"
        )
    path = folder / "prepared.npz"
    if path.exists() and fingerprint(data) != _load(path)["fingerprint"]:
        raise TrainingError(f"the data are not those that the run in {folder} was begun with")


def _flat(content: Any, name: str = "") -> dict[str, Any]:
    if not isinstance(content, dict):
        return {name: content}
    found: dict[str, Any] = {}
    for key, value in content.items():
        found |= _flat(value, f"{name}.{key}" if name else str(key))
    return found


def open_run(folder: str | Path) -> Run:
    """Read what a run has written.

    Args:
        folder: of the run.

    Returns:
        The run.

    Raises:
        TrainingError: there is no run.
    """
    place = Path(folder)
    if not (place / "config.yaml").is_file():
        raise TrainingError(f"{folder} holds no run of ndm; give the folder that training wrote")
    config = load_config(place / "config.yaml")
    held = _load(place / "prepared.npz")
    try:
        scaling = Scaling(held["mean"], held["matrix"])
        regression = str(held["task"]) == "regression"
        targets = Scaling(held["target_mean"], held["target_matrix"]) if regression else None
        outputs, names = int(held["outputs"]), tuple(str(name) for name in held["names"])
        none = np.empty((0, scaling.matrix.shape[1])), np.empty(0)
        task, name = str(held["task"]), config.data.name
        data = Data(name, task, none, none, none, outputs, scaling, names, targets)
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise TrainingError(f"{place / 'prepared.npz'} is damaged: {error}") from error
    return Run(place, config, data, _read_json(place / "about.json"))


def fingerprint(data: Data) -> str:
    """A hash of training and validation data.

    Args:
        data: the data.

    Returns:
        Hexadecimal digits.
    """
    found = hashlib.sha256()
    for part in (*data.train, *data.validation):
        found.update(str((part.shape, part.dtype)).encode() + np.ascontiguousarray(part).tobytes())
    return found.hexdigest()


def _prepared(data: Data) -> bytes:
    arrays: dict[str, Any] = {
        "mean": data.scaling.mean,
        "matrix": data.scaling.matrix,
        "task": np.array(data.task),
        "outputs": np.array(data.outputs),
        "names": np.array(data.names, dtype=np.str_),
        "fingerprint": np.array(fingerprint(data)),
    }
    if data.targets is not None:
        arrays |= {"target_mean": data.targets.mean, "target_matrix": data.targets.matrix}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _load(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception as error:  # NumPy has no error of its own for damaged files
        raise TrainingError(f"{path} is damaged or not there: {error}; train anew") from error


def write_json(path: Path, content: Any) -> None:
    """Write JSON, whole or not at all; what is not finite becomes null.

    Args:
        path: where.
        content: numbers, texts, lists and dictionaries.
    """

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {str(key): plain(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [plain(part) for part in value]
        return None if isinstance(value, float) and not np.isfinite(value) else value

    write_bytes(path, (json.dumps(plain(content), indent=2, allow_nan=False) + "\n").encode())


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} is damaged: {error}; remove it and resume") from error
    return content if isinstance(content, dict) else {}


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "system": platform.platform()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
