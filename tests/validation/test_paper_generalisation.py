"""Overfitting and boundaries: figures of models that are known, and answers to planted effects."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.datasets import make_moons
from torch import Tensor
from torch.nn import functional

from validation.claim import Claim, Outcome
from validation.fitting import make_task
from validation.paper import generalisation
from validation.paper.generalisation import CLAIMS, WAYS, How, boundary, chosen, fit, moons
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
    assert generalisation._margins(lambda x: logits(7 * x[:, 0]), x) == pytest.approx(0.1)


def test_figures_of_a_linear_model_are_those_of_its_formula() -> None:
    task = moons(0)
    found = generalisation.generalises(lambda x: logits(2 * x[:, 0]), task, 0)
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
        wrong = torch.rand(2000, generator=generator) < generalisation._WRONG
        other = (y + torch.randint(1, 3, (2000,), generator=generator)) % 3
        total += float(functional.cross_entropy(z, torch.where(wrong, other, y)))
    # 200 000 draws whose deviation is about 1: four standard errors
    assert generalisation._expected(z, y) == pytest.approx(total / 100, abs=0.01)


def test_a_fifth_of_the_labels_is_wrong_and_none_for_the_tests() -> None:
    wrong = right = 0
    for seed in range(5):
        x, y = make_moons(900, noise=0.2, random_state=seed)
        clean, noisy = make_task(x, y, (100, 200), seed), moons(seed)
        for part in ("train", "valid"):
            changed = getattr(clean, part)[1] != getattr(noisy, part)[1]
            wrong += int(changed.sum())
            right += int((~changed).sum())
        assert torch.equal(clean.test[1], noisy.test[1])
    # 1500 labels: the standard deviation of the fraction is 0.01
    assert wrong / (wrong + right) == pytest.approx(0.2, abs=0.04)


def test_lists_are_of_equal_length_and_only_one_thing_differs() -> None:
    lengths = {way: len(settings) for way, settings in WAYS.items()}
    assert lengths == {"lambda": 3, "lambda = 0": 1, "weight decay": 3, "dropout": 3}
    for settings in WAYS.values():
        for how in settings:
            changed = [how.lam > 0, how.decay > 0, how.dropout > 0, how.draw > 0]
            assert sum(changed) <= 1


def test_the_geometric_loss_reaches_the_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generalisation, "_STEPS", 3)
    task = moons(0)
    x = task.test[0]
    plain, again = fit(task, How(), 0)(x), fit(task, How(), 0)(x)
    bound = fit(task, How(lam=1.0), 0)(x)
    assert torch.equal(plain, again)
    assert float((plain - bound).detach().abs().max()) > 1e-3


def test_the_best_on_validation_data_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    task = moons(0)
    x, y = task.valid

    class Known:
        """Logits that are right with a certainty that depends on lambda."""

        def __init__(self, how: How) -> None:
            self.size = {0.1: 0.1, 3.0: 1.0, 100.0: -1.0}[how.lam]

        def __call__(self, points: Tensor) -> Tensor:
            assert points is x
            return self.size * functional.one_hot(y, 2).double()

    monkeypatch.setattr(generalisation, "fit", lambda task, how, seed: Known(how))
    assert chosen(task, "lambda", 0) == How(3.0)


@pytest.mark.parametrize("figures", [generalisation.generalises, generalisation.smoothness])
def test_a_seed_is_measured_from_data_to_figures(
    figures: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generalisation, "_STEPS", 2)
    found = generalisation._measure(0, figures, list(WAYS))
    values = [value for key, value in found.items() if not key.endswith("setting")]
    assert len(values) == 4 * (len(found) // 4 - 1)
    assert all(math.isfinite(value) for value in values)


def test_the_chosen_setting_is_trained_anew_and_averaged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generalisation, "chosen", lambda task, way, seed: WAYS[way][-1])
    monkeypatch.setattr(generalisation, "fit", lambda task, how, seed: how)

    def figures(how: Any, task: Any, seed: int) -> dict[str, float]:
        return {"value": how.lam + 10 * how.draw}

    found = generalisation._measure(0, figures, ["lambda", "lambda = 0"])
    assert found["lambda: value"] == pytest.approx(115)
    assert found["lambda = 0: value"] == pytest.approx(15)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
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
    claim: Claim,
    gain: float,
    spread: float,
    outcome: Outcome,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ("loss", "gap", "accuracy", "jacobian", "log turning", "length", "distance")

    def measure(seed: int, figures: Any, ways: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for way in WAYS:
            own = gain + spread * math.sin(7.0 * seed) if way == "lambda = 0" else 0.0
            found |= {f"{way}: {name}": own for name in names} | {f"{way}: setting": "1"}
        return found

    monkeypatch.setattr(generalisation, "_measure", measure)
    monkeypatch.setattr(generalisation, "_picture", lambda seed: None)
    found = claim.run(Study(tmp_path, claim.seeds, quick=False))
    assert found.outcome == outcome
    assert "weight decay" in found.summary
