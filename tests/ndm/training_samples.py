"""Tiny runs that the tests of training share."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from ndm.config import TrainConfig, read_config

TINY = """
data: {name: moons, samples: 60}
model: {metric: {hidden: [8]}, map_options: {hidden: [8]}}
trainer: {epochs: 3, batch_size: 16, accelerator: cpu}
"""


def tiny(*overrides: str) -> TrainConfig:
    """A run of three epochs on 60 points."""
    return read_config(TINY, overrides)


def curve(folder: Path, seed: int = 0) -> list[dict[str, Any]]:
    """The rows of metrics.csv."""
    with (folder / f"seed-{seed}" / "metrics.csv").open() as file:
        return [dict(row) for row in csv.DictReader(file)]
