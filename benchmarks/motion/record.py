"""What a row of the table is, and the file that each of its measurements leaves."""

from __future__ import annotations

import json
import math
import os
import platform
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.kernels.environments import ROOT

__all__ = ["RESULTS", "WEIGHTS", "Goal", "Record", "Row", "keep_weights", "load_weights", "measure"]

RESULTS = Path(__file__).parent / "results"
WEIGHTS = ROOT / "build" / "motion"  # not under version control
_UNLIKE_NAMES = re.compile("[^A-Za-z0-9.]+")


@dataclass(frozen=True)
class Goal:
    """One figure of a row, and what it should be.

    Attributes:
        key: of the dictionary that `measure` returns.
        label: what it is, in the table.
        bound: what the median over the seeds is compared with; None: it is reported.
        compare: "<=", ">=" or "==".
        form: how numbers are written, as in `format`.
        cases: for which it holds; empty: for all.
    """

    key: str
    label: str
    bound: float | None = None
    compare: str = "<="
    form: str = ".2g"
    cases: tuple[str, ...] = ()

    def holds(self, value: float) -> bool:
        """Whether a value meets the bound."""
        assert self.bound is not None
        if self.compare == "==":
            return value == self.bound
        return value <= self.bound if self.compare == "<=" else value >= self.bound


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        name: of the row, of its results and on the command line.
        title: its heading in the page.
        about: what is measured and how, in Markdown, above its table.
        cases: names of the cases.
        goals: figures of the table, in this order.
        measure: (case, seed) -> numbers by name (texts and lists of numbers may be among them).
        settings: what `measure` was run with: sizes, noise, grids. Results with other settings are
            measured anew.
        notes: what was tried and what is missing, in Markdown, below its table.
        seeds: how many, unless the command line asks for others.
    """

    name: str
    title: str
    about: str
    cases: tuple[str, ...]
    goals: tuple[Goal, ...]
    measure: Callable[[str, int], Mapping[str, Any]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: str = ""
    seeds: int = 5


@dataclass(frozen=True)
class Record:
    """One measurement.

    Attributes:
        row: name of the row.
        case: one of its cases.
        seed: of everything random in it.
        values: what `measure` returned.
        settings: of the row at the time.
        seconds: of CPU time.
        made: date, versions and machine.
    """

    row: str
    case: str
    seed: int
    values: dict[str, Any]
    settings: dict[str, Any]
    seconds: float
    made: dict[str, str]

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return place(self.row, self.case, self.seed)

    def save(self) -> None:
        """Write it, all or nothing."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(_plain(vars(self)), indent=1, sort_keys=True, allow_nan=False)
        draft = self.path.with_suffix(".tmp")
        draft.write_text(text + "\n", encoding="utf-8")
        os.replace(draft, self.path)


def place(row: str, case: str, seed: int) -> Path:
    """The file of a measurement."""
    return RESULTS / row / f"{_UNLIKE_NAMES.sub('_', case)}-{seed}.json"


def find(row: Row, case: str, seed: int) -> Record | None:
    """A measurement that was made with the present settings of a row, or None."""
    path = place(row.name, case, seed)
    if not path.exists():
        return None
    found = Record(**json.loads(path.read_text(encoding="utf-8")))
    found = Record(**(vars(found) | {"values": _numbers(found.values)}))
    return found if found.settings == _plain(row.settings) else None


def measure(row: Row, case: str, seed: int) -> Record:
    """Measure, and keep the result at once.

    Args:
        row: the row.
        case: one of its cases.
        seed: of everything random.

    Returns:
        The measurement.
    """
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    begun = time.process_time()
    values = row.measure(case, seed)
    spent = time.process_time() - begun
    settings = _plain(row.settings)
    record = Record(row.name, case, seed, dict(values), settings, round(spent, 2), _made())
    record.save()
    return record


def keep_weights(name: str, model: nn.Module) -> None:
    """Keep the weights of a model in build/motion, for other rows that look at the same fit."""
    path = WEIGHTS / f"{name}.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), path.with_suffix(".tmp"))
    os.replace(path.with_suffix(".tmp"), path)


def load_weights(name: str, model: nn.Module) -> bool:
    """Load weights that were kept, if they are there and fit.

    Args:
        name: under which they were kept.
        model: of the same shape; changed in place.

    Returns:
        Whether they were there.
    """
    path = WEIGHTS / f"{name}.pt"
    if not path.exists():
        return False
    model.load_state_dict(torch.load(path, weights_only=True))
    return True


def _made() -> dict[str, str]:
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "scipy"))
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "versions": f"Python {platform.python_version()}, {packages}",
        "machine": f"{platform.system()} {platform.machine()}",
    }


def _plain(value: Any) -> Any:
    """What JSON can hold: infinities and nan as texts."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    number = float(value)
    return number if math.isfinite(number) else str(number)


def _numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    """Infinities and nan back from texts."""
    special = ("inf", "-inf", "nan")
    return {k: float(v) if v in special else v for k, v in values.items()}
