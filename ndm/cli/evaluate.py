"""`ndm eval`."""

from __future__ import annotations

import json
import math
from pathlib import Path

from geomkit.terminal import emit

__all__ = ["run"]


def run(folder: Path, file: Path | None, seed: int | None, which: str, *, as_json: bool) -> None:
    """Print the figures of a run's model.

    Args:
        folder: of the run.
        file: other data than the run's test data.
        seed: which; the first by default.
        which: "best" or "last".
        as_json: print JSON.

    Raises:
        DataError: there are no points.
    """
    from ndm.cli.train import show_figures
    from ndm.data import apply, load, read_table
    from ndm.errors import DataError
    from ndm.training import evaluate, open_run
    from ndm.training.batches import as_tensors
    from ndm.training.folder import number_type

    trained = open_run(folder)
    model = trained.model(seed, which)
    config = trained.config.data
    if file is not None:
        task = trained.data.task
        pair = apply(trained.data, *read_table(str(file), config.target, task))
    else:
        data = load(config)
        pair = data.test if len(data.test[0]) else data.validation
    if not len(pair[0]):
        raise DataError("there are no points to look at; give --data FILE")
    found = evaluate(model, *as_tensors(pair, number_type(trained.config)), trained.data.task)
    if as_json:
        plain = {name: value if math.isfinite(value) else None for name, value in found.items()}
        emit(json.dumps({"points": len(pair[0]), **plain}, indent=2))
        return
    show_figures(
        {"value": {name: f"{value:.6g}" for name, value in found.items()}},
        f"{which} checkpoint, {len(pair[0])} points",
    )
