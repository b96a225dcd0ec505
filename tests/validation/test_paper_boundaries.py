"""Boundaries: figures of models that are known, and answers to planted effects."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from validation.claim import Outcome
from validation.paper import boundaries, regularised
from validation.paper.boundaries import boundary, smoothness
from validation.paper.regularised import WAYS, measure, moons
from validation.study import Study


def logits(f: Tensor) -> Tensor:
    return torch.stack([torch.zeros_like(f), f], -1)


def circle(x: Tensor) -> Tensor:
    return logits(x.square().sum(-1) - 1.5**2)


def test_the_boundary_of_a_circle_turns_once_and_that_of_a_line_does_not() -> None:
    # errors of differences on a grid of spacing h = 0.03: h^2 and less
    around = boundary(circle)
    assert around["length"] == pytest.approx(2 * math.pi * 1.5, rel=1e-3)
    assert around["turning"] == pytest.approx(2 * math.pi, rel=1e-2)
    straight = boundary(lambda x: logits(x[:, 0] - 0.3))
    assert straight["length"] == pytest.approx(4.0)
    assert straight["turning"] < 1e-9
    assert boundary(lambda x: logits(1 + x[:, 0] ** 2)) == {"length": 0.0, "turning": 0.0}


def test_distances_from_a_line_are_those_of_its_points() -> None:
    x = torch.tensor([[k / 100, 0.0] for k in range(101)], dtype=torch.float64)
    assert boundaries._margins(lambda x: logits(7 * x[:, 0]), x) == pytest.approx(0.1)


def test_a_seed_is_measured_from_data_to_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regularised, "_STEPS", 2)
    monkeypatch.setattr(boundaries, "_field", partial(boundaries._field, grid=21))
    ways = {way: WAYS[way] for way in ("lambda", "lambda = 0")}
    found = measure(moons(0), ways, smoothness, 0, draws=(1,))
    values = [value for key, value in found.items() if not key.endswith("setting")]
    assert len(values) == 2 * 3
    assert all(math.isfinite(value) for value in values)


@pytest.mark.parametrize(
    ("gain", "spread", "outcome"),
    [
        (0.3, 0.05, Outcome.CONFIRMED),
        (0.0, 0.005, Outcome.REFUTED),
        (-0.3, 0.05, Outcome.REFUTED),
        (0.1, 3.0, Outcome.INCONCLUSIVE),
    ],
)
def test_planted_gains_get_their_answer(
    gain: float,
    spread: float,
    outcome: Outcome,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def measure(task: Any, ways: Any, figures: Any, seed: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for way in ways:
            own = gain + spread * math.sin(7.0 * seed) if way == "lambda = 0" else 0.0
            found |= {f"{way}: {name}": own for name in ("log turning", "length", "distance")}
            found[f"{way}: setting"] = "1"
        return found

    monkeypatch.setattr(boundaries, "measure", measure)
    monkeypatch.setattr(boundaries, "_picture", lambda seed: None)
    claim = boundaries.CLAIMS[0]
    found = claim.run(Study(tmp_path, claim.seeds, quick=False))
    assert found.outcome == outcome
    assert "weight decay" in found.summary
