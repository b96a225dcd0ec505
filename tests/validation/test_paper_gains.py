"""The frame of the questions: planted effects are found, planted nulls are not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from validation.claim import Outcome
from validation.paper.gains import SEEDS, ask
from validation.study import Study


def answered(folder: Path, effect: float, quick: bool = False) -> tuple[Outcome, int, str]:
    def measure(seed: int) -> Mapping[str, Any]:
        noise = np.random.default_rng(seed).standard_normal()
        return {"own": effect + 0.02 * noise, "control": 0.0}

    study = Study(folder, (0,) if quick else SEEDS, quick)
    found = ask(study, measure, lambda row: row["own"] - row["control"], 0.1, "gain", ("own",))
    return found.outcome, len(found.tables[0].rows), found.summary


@pytest.mark.parametrize(
    ("effect", "outcome"),
    [(0.5, Outcome.CONFIRMED), (0.0, Outcome.REFUTED), (-0.5, Outcome.REFUTED)],
)
def test_planted_effects_need_the_first_look_alone(
    tmp_path: Path, effect: float, outcome: Outcome
) -> None:
    assert answered(tmp_path, effect)[:2] == (outcome, 5)


def test_what_is_not_clear_takes_all_seeds(tmp_path: Path) -> None:
    def measure(seed: int) -> Mapping[str, Any]:
        return {"own": 0.25 * (-1) ** seed + 0.05}

    study = Study(tmp_path, SEEDS, quick=False)
    found = ask(study, measure, lambda row: row["own"], 0.1, "gain", ("own",))
    # mean 0.05, t interval of 100 seeds about -+ 0.066: it holds 0 and the margin
    assert found.outcome is Outcome.INCONCLUSIVE
    assert [row[0] for row in found.tables[0].rows] == list(SEEDS)
    assert found.figures["own"] == pytest.approx(0.05)


def test_a_quick_look_decides_nothing(tmp_path: Path) -> None:
    outcome, rows, summary = answered(tmp_path, 0.5, quick=True)
    assert (outcome, rows) == (Outcome.NOT_DECIDED, 1)
    assert "quick look" in summary
