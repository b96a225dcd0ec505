"""`fit-motion`: from files to a metric, its figures and its verdict."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ndm.dynamics.command import run
from ndm.dynamics.fit_files import load_fit
from ndm.dynamics.systems import n_pendulum, surface
from ndm.errors import DataError, ModelError


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
        hidden=(8,),
        starts=1,
        iterations=40,
        output=folder,
        tell=lines.append,
    )
    summary = json.loads((folder / "summary.json").read_text())
    assert summary == found.summary
    assert lines[0].endswith("Triples(80 samples, n = 2)")
    assert lines[-1].startswith("accelerations: residual")
    # mean of tr g / n is 1 for the fit, and that of the true metric for R = 2
    x = np.load(folder / "fields.npz")["x"]
    level = float(np.mean(4 / (1 + (x**2).sum(1)) ** 2))
    assert abs(summary["curvature_median"] / (2 * level) - 1) < 0.05  # a fit of 40 iterations
    assert "may be wrong" in str(found)
    points = torch.tensor(x)
    assert torch.equal(load_fit(folder).metric(points), found.model.metric(points))
    g = np.load(folder / "fields.npz")["metric"]
    # the gauge, rounded
    assert abs(np.trace(g, axis1=1, axis2=2).mean() / 2 - 1) < 1e-12
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


def test_a_prior_makes_the_curvature_constant(tmp_path: Path) -> None:
    path = triples(tmp_path / "motion.npz", 30)
    options = {"hidden": (6,), "starts": 1, "iterations": 8}
    free, held = (run(path, prior=p, prior_weight=30.0, **options) for p in ("none", "constant"))  # type: ignore[arg-type]
    spread = [f.summary["curvature_high"] - f.summary["curvature_low"] for f in (free, held)]
    assert spread[1] < 0.2 * spread[0]
    assert held.summary["prior"] == "constant"


def test_units_of_the_file_make_no_difference(tmp_path: Path) -> None:
    """The same motion in mm and ms from far away: the same fit, in other units."""
    sphere = surface("sphere")
    x, v = sphere.draw(40, np.random.default_rng(0))
    a = sphere.acceleration(x, v)
    np.savez(tmp_path / "si.npz", x=x, v=v, a=a)
    np.savez(tmp_path / "mm.npz", x=1000 * x + 5000, v=v, a=a / 1000)
    si, mm = (
        run(tmp_path / name, hidden=(6,), starts=1, iterations=12) for name in ("si.npz", "mm.npz")
    )
    # 12 steps from the same start on the same numbers but for rounding, which a fit enlarges
    assert abs(mm.fit.residual / si.fit.residual - 1) < 1e-6
    points = torch.tensor(x)
    assert torch.allclose(mm.model.metric(1000 * points + 5000), si.model.metric(points), rtol=1e-5)
    curvatures = [
        si.model.metric.scalar_curvature(points),
        1e6 * mm.model.metric.scalar_curvature(1000 * points + 5000),
    ]
    assert torch.allclose(*curvatures, rtol=1e-4, atol=1e-5)


def test_a_pendulum_in_other_units_swings_as_measured(tmp_path: Path) -> None:
    pendulum = n_pendulum((1.0,), (1.0,))
    x, v = pendulum.draw(40, np.random.default_rng(1))
    a = pendulum.acceleration(x, v)
    degrees, ms = 180 / np.pi, 1e3
    np.savez(tmp_path / "p.npz", x=degrees * x, v=degrees * v / ms, a=degrees * a / ms**2)
    found = run(tmp_path / "p.npz", potential=True, hidden=(6,), starts=1, iterations=30)
    there = found.model(torch.tensor(degrees * x), torch.tensor(degrees * v / ms)).detach().numpy()
    error = np.sqrt(
        np.mean((there - degrees * a / ms**2) ** 2) / np.mean((degrees * a / ms**2) ** 2)
    )
    assert abs(error / found.summary["residual"] - 1) < 1e-3
    assert error < 0.1  # 30 iterations, six hidden units for a whole turn
    assert found.summary["curvature_median"] == 0  # of one coordinate


@pytest.mark.parametrize(
    ("length", "words"), [(5, "degree 4 through 5"), (4, "degree 2 through 3")]
)
def test_short_trajectories_have_shorter_polynomials(
    tmp_path: Path, length: int, words: str
) -> None:
    t = np.linspace(0, 1, length)
    x = np.random.default_rng(0).normal(size=(5, 1, 2)) * (1 + t[:, None])
    np.savez(tmp_path / "short.npz", t=t, x=x)
    lines: list[str] = []
    run(tmp_path / "short.npz", hidden=(2,), starts=1, iterations=1, tell=lines.append)
    assert any(words in line for line in lines)


def test_a_residual_that_says_nothing_is_not_believed(tmp_path: Path) -> None:
    """Few numbers and many parameters: what fits them exactly may have any curvature."""
    found = run(triples(tmp_path / "few.npz", 6), hidden=(12,), starts=1, iterations=60)
    assert found.summary["residual"] < 1e-5
    assert abs(found.summary["curvature_median"] / 2 - 1) > 0.05
    assert "12 numbers were fitted by 75 parameters" in str(found)
    t = np.linspace(0, 1, 5)
    x = np.random.default_rng(0).normal(size=(40, 1, 2)) * (1 + t[:, None])
    np.savez(tmp_path / "short.npz", t=t, x=x)
    found = run(tmp_path / "short.npz", hidden=(4,), starts=1, iterations=30)
    assert "bias is not known" in str(found)


def test_motion_that_no_model_can_follow_keeps_the_first_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    t = np.linspace(0, 1, 9)
    x = np.random.default_rng(0).normal(size=(3, 9, 2))
    np.savez(tmp_path / "wild.npz", t=t, x=x)
    monkeypatch.setattr("ndm.dynamics.residuals.follow_with_slopes", _lost)
    lines: list[str] = []
    path = tmp_path / "wild.npz"
    found = run(path, hidden=(2,), starts=1, iterations=1, tell=lines.append)
    assert found.summary["stage"] == "accelerations"
    assert any("cannot be followed" in line for line in lines)


def _lost(
    move: object, theta: torch.Tensor, states: torch.Tensor, t: torch.Tensor, *rest: object
) -> tuple[torch.Tensor, torch.Tensor]:
    """Motion that ends in nan."""
    x = torch.full((len(states), len(t), states.shape[1] // 2), torch.nan, dtype=states.dtype)
    return x, x[..., None] * torch.ones(states.shape[1] + len(theta), dtype=states.dtype)


def test_coordinates_of_very_different_size_are_spoken_of(tmp_path: Path) -> None:
    t = np.linspace(0, 1, 9)
    x = np.random.default_rng(0).normal(size=(4, 1, 2)) * (1 + t[:, None]) * [1.0, 1000.0]
    np.savez(tmp_path / "mixed.npz", t=t, x=x)
    lines: list[str] = []
    run(tmp_path / "mixed.npz", hidden=(2,), starts=1, iterations=1, tell=lines.append)
    assert any("very different" in line for line in lines)


def test_a_folder_without_a_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no fit"):
        load_fit(tmp_path)
    run(triples(tmp_path / "m.npz", 9), hidden=(2,), starts=1, iterations=1, output=tmp_path / "o")
    (tmp_path / "o" / "model.pt").write_bytes(b"no weights")
    with pytest.raises(DataError, match="holds no fit"):
        load_fit(tmp_path / "o")


def test_what_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file"):
        run(tmp_path / "none.csv")
    path = triples(tmp_path / "motion.npz", 5)
    with pytest.raises(ModelError, match="not known"):
        run(path, prior="round")
    np.savez(tmp_path / "still.npz", x=np.ones((9, 2)), v=np.zeros((9, 2)), a=np.zeros((9, 2)))
    with pytest.raises(DataError, match="one place"):
        run(tmp_path / "still.npz")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        run(path, hidden=(2,), starts=1, iterations=1, output=tmp_path / "file")
