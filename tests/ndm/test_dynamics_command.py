"""`fit-motion`: from files to a metric, its figures and its verdict."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ndm.dynamics.command import run
from ndm.dynamics.motion import MetricDynamics
from ndm.dynamics.systems import surface
from ndm.errors import DataError, ModelError
from ndm.metric_net import MetricNet


def triples(path: Path, count: int = 80) -> Path:
    sphere = surface("sphere")
    x, v = sphere.draw(count, np.random.default_rng(0))
    np.savez(path, x=x, v=v, a=sphere.acceleration(x, v))
    return path


def test_a_sphere_is_found_in_a_file_of_triples(tmp_path: Path) -> None:
    lines: list[str] = []
    path, folder = triples(tmp_path / "motion.npz"), tmp_path / "out" / "fit"
    found = run(
        path,
        hidden=(12,),
        starts=1,
        iterations=60,
        prior="constant",
        output=folder,
        tell=lines.append,
    )
    summary = json.loads((folder / "summary.json").read_text())
    assert summary == found.summary
    assert len(lines) == 2
    # mean of tr g / n is 1 for the fit, and that of the true metric for R = 2
    x = np.load(folder / "fields.npz")["x"]
    level = float(np.mean(4 / (1 + (x**2).sum(1)) ** 2))
    assert abs(summary["curvature_median"] / (2 * level) - 1) < 0.05  # a fit of 60 iterations
    assert "may be wrong" in str(found)
    copy = MetricDynamics(MetricNet(2, "full", (12,))).double()
    copy.load_state_dict(torch.load(folder / "model.pt", weights_only=True))
    points = torch.tensor(x)
    assert torch.equal(copy.metric(points), found.model.metric(points))
    assert sorted(p.name for p in folder.iterdir()) == ["fields.npz", "model.pt", "summary.json"]


def test_noisy_trajectories_are_met_within_their_noise(tmp_path: Path) -> None:
    t, random = np.linspace(0, 1, 11), np.random.default_rng(0)
    x = random.normal(size=(4, 1, 2)) + random.normal(size=(4, 1, 2)) * t[:, None]
    path = tmp_path / "straight.csv"
    noisy = x + 0.01 * random.normal(size=x.shape)
    rows = [(k, t[i], *noisy[k, i]) for k in range(4) for i in range(11)]
    np.savetxt(path, rows, "%.12g", ",", header="run,t,x1,x2", comments="")
    found = run(path, hidden=(4,), family="conformal", starts=1, iterations=8)
    assert found.summary["stage"] == "whole trajectories"
    assert "noise explains" in str(found)
    # the noise is estimated from 88 numbers, and met
    assert 0.6 < found.summary["residual"] < 1.1


def test_what_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file"):
        run(tmp_path / "none.csv")
    path = triples(tmp_path / "motion.npz", 5)
    with pytest.raises(ModelError, match="not known"):
        run(path, prior="round")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        run(path, hidden=(2,), starts=1, iterations=1, output=tmp_path / "file")
