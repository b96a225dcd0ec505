"""What a fit of motion leaves in a folder, and the model back from there.

| file | what it holds |
|---|---|
| `summary.json` | figures, in words and numbers, and how the model was made |
| `model.pt` | its weights |
| `fields.npz` | x, metric and scalar curvature at the data |
"""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from geomkit.writing import write_whole
from ndm.dynamics.motion import MetricDynamics, Potential
from ndm.dynamics.units import Units
from ndm.errors import DataError
from ndm.metric_net import MetricNet

__all__ = ["fresh_model", "load_fit", "write_fit"]


def fresh_model(recipe: Mapping[str, Any], seed: int = 0) -> MetricDynamics:
    """A model as `fit-motion` makes it, in units where positions are of size 1.

    Args:
        recipe: n, family, hidden, and whether there is a potential.
        seed: of the weights.

    Returns:
        The model, in float64.
    """
    n, hidden = int(recipe["n"]), tuple(int(width) for width in recipe["hidden"])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        force = Potential(n, hidden) if recipe["potential"] else None
        made = MetricDynamics(MetricNet(n, recipe["family"], hidden, spread=0.3), force)
    return made.double()  # type: ignore[no-any-return, unused-ignore]


def write_fit(
    folder: Path, model: MetricDynamics, points: Tensor, summary: Mapping[str, Any]
) -> None:
    """Write a fit; each file is there whole or not at all.

    Args:
        folder: made if needed.
        model: in the units of the data.
        points: (N, n), where metric and curvature are written.
        summary: figures.

    Raises:
        DataError: the folder cannot be written to.
    """
    with torch.no_grad():
        g, R = model.metric(points).numpy(), model.metric.scalar_curvature(points).numpy()
    weights, fields = io.BytesIO(), io.BytesIO()
    torch.save(model.state_dict(), weights)
    np.savez(fields, x=points.numpy(), metric=g, scalar_curvature=R)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / "model.pt", weights.getvalue(), mode=0o644)
        write_whole(folder / "fields.npz", fields.getvalue(), mode=0o644)
        write_whole(folder / "summary.json", json.dumps(summary, indent=2) + "\n", mode=0o644)
    except OSError as error:
        raise DataError(f"the folder {folder} cannot be written to: {error}") from error


def load_fit(folder: str | Path) -> MetricDynamics:
    """The model that `ndm fit-motion --output` wrote, in the units of the data.

    Args:
        folder: where it was written.

    Returns:
        The model: `model.metric` is the metric field, `model.potential` the potential or None.

    Raises:
        DataError: there is no such fit, or it is damaged.

    Example:
        >>> import tempfile
        >>> recipe = {"n": 2, "family": "conformal", "hidden": [4], "potential": False}
        >>> units = Units(np.zeros(2), np.ones(2), 1.0)
        >>> model, folder = units.model(fresh_model(recipe)), Path(tempfile.mkdtemp())
        >>> x = torch.zeros(1, 2, dtype=torch.float64)
        >>> write_fit(folder, model, x, {"model": recipe})
        >>> bool((load_fit(folder).metric(x) == model.metric(x)).all())
        True
    """
    folder = Path(folder)
    try:
        recipe = json.loads((folder / "summary.json").read_text(encoding="utf-8"))["model"]
        n = int(recipe["n"])
        made = Units(np.zeros(n), np.ones(n), 1.0).model(fresh_model(recipe))
        made.load_state_dict(torch.load(folder / "model.pt", weights_only=True))
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        RuntimeError,
        pickle.UnpicklingError,
    ) as error:
        raise DataError(
            f"{folder} holds no fit that can be read ({type(error).__name__}: {error}); write one "
            "with `ndm fit-motion FILE --output DIR`"
        ) from error
    return made
