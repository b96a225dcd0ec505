"""Regularised nets: what is wrong in their data, what is chosen, and what is reported."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from sklearn.datasets import make_moons
from torch import Tensor
from torch.nn import functional

from validation.fitting import make_task
from validation.paper import regularised
from validation.paper.regularised import WAYS, How, chosen, fit, measure, moons


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


def test_the_geometric_loss_reaches_the_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regularised, "_STEPS", 3)
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
            self.size = {100.0: 0.1, 1e3: 1.0, 1e4: -1.0}[how.lam]

        def __call__(self, points: Tensor) -> Tensor:
            assert points is x
            return self.size * functional.one_hot(y, 2).double()

    monkeypatch.setattr(regularised, "fit", lambda task, how, seed: Known(how))
    assert chosen(task, WAYS["lambda"], 0) == How(1e3)


def test_the_chosen_setting_is_trained_anew_and_averaged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regularised, "chosen", lambda task, settings, seed: settings[-1])
    monkeypatch.setattr(regularised, "fit", lambda task, how, seed: how)

    def figures(how: Any, task: Any, seed: int) -> dict[str, float]:
        return {"value": how.lam + 10 * how.draw}

    found = measure(moons(0), {way: WAYS[way] for way in ("lambda", "lambda = 0")}, figures, 0)
    assert found["lambda: value"] == pytest.approx(10_015)
    assert found["lambda = 0: value"] == pytest.approx(15)
