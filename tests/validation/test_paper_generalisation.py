"""Overfitting: figures of models that are known, and answers to planted effects."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from validation.claim import Outcome
from validation.paper import generalisation, regularised
from validation.paper.generalisation import generalises
from validation.paper.problems import PROBLEMS
from validation.paper.regularised import WRONG, moons
from validation.study import Study


def logits(f: Tensor) -> Tensor:
    return torch.stack([torch.zeros_like(f), f], -1)


def test_figures_of_a_linear_model_are_those_of_its_formula() -> None:
    task = moons(0)
    found = generalises(lambda x: logits(2 * x[:, 0]), task, 0)
    x = task.test[0]
    # of p = sigmoid(2 x): dp/dx = 2 p (1 - p), in both probabilities
    p = torch.sigmoid(2 * x[:, 0])
    assert found["jacobian"] == pytest.approx(float((2 * p * (1 - p)).mean() * math.sqrt(2)))
    assert 0 < found["accuracy"] < 1


def test_the_expected_loss_is_the_mean_over_wrong_labels() -> None:
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(2000, 3, generator=generator, dtype=torch.float64)
    y = torch.randint(3, (2000,), generator=generator)
    total = 0.0
    for _ in range(100):
        wrong = torch.rand(2000, generator=generator) < WRONG
        other = (y + torch.randint(1, 3, (2000,), generator=generator)) % 3
        total += float(functional.cross_entropy(z, torch.where(wrong, other, y)))
    # 200 000 draws whose deviation is about 1: four standard errors
    assert generalisation._expected(z, y) == pytest.approx(total / 100, abs=0.01)


def test_a_seed_is_measured_from_data_to_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regularised, "_STEPS", 2)
    found = generalisation._measure(0, PROBLEMS, ["lambda", "lambda = 0"])
    settings = {key: value for key, value in found.items() if key.endswith("setting")}
    values = {key: value for key, value in found.items() if key not in settings}
    assert len(values) == 2 * 4 * (3 + 1)
    assert all(math.isfinite(value) for value in values.values())
    assert len(settings["lambda: setting"].split("; ")) == 3
    own = [found[f"{problem.name}: lambda: loss"] for problem in PROBLEMS]
    assert found["lambda: loss"] == pytest.approx(sum(own) / 3)
    assert len(set(own)) == 3


def test_a_quick_look_is_at_the_moons_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regularised, "_STEPS", 2)
    found = generalisation.CLAIMS[0].run(Study(tmp_path, (0,), quick=True))
    assert found.outcome is Outcome.NOT_DECIDED
    kept = json.loads((tmp_path / "seed-0.json").read_text(encoding="utf-8"))
    assert any(key.startswith("two moons: ") for key in kept)
    assert not any(key.startswith(("digits", "MNIST-1D", "dropout")) for key in kept)


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
    """The three problems have the gain, that and 3 more, and that and 3 less."""
    more = dict(zip((problem.name for problem in PROBLEMS), (0.0, 3.0, -3.0), strict=True))
    planted = [replace(p, task=partial(lambda own, seed: own, more[p.name])) for p in PROBLEMS]
    monkeypatch.setattr(generalisation, "PROBLEMS", planted)

    def measure(task: Any, ways: Any, figures: Any, seed: int, draws: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for way in ways:
            own = gain + spread * math.sin(7.0 * seed) + task if way == "lambda = 0" else 0.0
            found |= {f"{way}: {name}": own for name in ("loss", "gap", "accuracy", "jacobian")}
            found[f"{way}: setting"] = "1"
        return found

    monkeypatch.setattr(generalisation, "measure", measure)
    claim = generalisation.CLAIMS[0]
    found = claim.run(Study(tmp_path, claim.seeds, quick=False))
    assert found.outcome == outcome
    assert "weight decay" in found.summary
    for name, own in more.items():
        # the rest is the mean of the sine over seeds, at most the spread
        assert found.figures[f"gain, {name}"] == pytest.approx(gain + own, abs=spread + 1e-9)
        assert name in found.summary
    line = next(row for row in found.tables[0].rows if row[:3] == ("digits", "loss", "lambda = 0"))
    low, mean, high = line[4], line[3], line[5]
    assert isinstance(low, float)
    assert isinstance(high, float)
    assert low < found.figures["gain, digits"] < high
    assert mean == found.figures["gain, digits"]
