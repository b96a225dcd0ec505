"""R56 and R59: scores that tell all, and scores that tell nothing."""

from __future__ import annotations

import pytest
import torch

from validation.paper import novelty, rejection


def noise(count: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, generator=generator, dtype=torch.float64)


def test_batches_tell_more_than_single_points_do() -> None:
    old, new = noise(2000, 0), 1 + noise(2000, 1)
    # of means of four, that differ by 1 = 2 / sqrt 4 standard deviations: Phi(2 / sqrt 2) = 0.921;
    # standard error with 100 batches of each about 0.02
    assert novelty.batched_auc(old, new, seed=0) == pytest.approx(0.921, abs=0.06)


def test_equal_scores_are_chance() -> None:
    # standard error sqrt(1/12 (1/100 + 1/100)) = 0.04
    assert novelty.batched_auc(noise(2000, 2), noise(2000, 3), 0) == pytest.approx(0.5, abs=0.13)


def test_what_is_no_better_than_chance_gains_nothing() -> None:
    assert novelty._gain({"metric": 0.5, "metric_untrained": 0.3}) == 0
    assert novelty._gain({"metric": 0.9, "metric_untrained": 0.8}) == pytest.approx(0.1)
    assert rejection._gain({"curvature": 0.0, "untrained": -0.1}) == 0
    assert rejection._gain({"curvature": 0.2, "untrained": 0.1}) == pytest.approx(0.1)


def test_the_new_task_has_no_image_of_the_old_one() -> None:
    task, new = novelty._tasks(0)
    assert len(new[0]) == 896  # digits 5 to 9 of 1797
    assert sum(len(part[0]) for part in (task.train, task.valid, task.test)) == 901
    for y in (task.train[1], new[1]):
        assert set(y.tolist()) == {0, 1, 2, 3, 4}
    seen = torch.cat((task.train[0], task.valid[0], task.test[0]))
    assert float(torch.cdist(new[0], seen).min()) > 0


def test_rejecting_by_the_error_itself_is_best() -> None:
    error = torch.arange(1.0, 101.0)
    # without 91 ... 100 the mean is 45.5 instead of 50.5
    assert rejection.reduction(error, error) == pytest.approx(1 - 45.5 / 50.5)
    assert rejection.reduction(-error, error) == pytest.approx(1 - 55.5 / 50.5)


def test_rejecting_by_chance_changes_nothing_on_average() -> None:
    error = noise(1000, 4).abs()
    found = torch.tensor([rejection.reduction(noise(1000, 5 + k), error) for k in range(50)])
    # standard deviation of one about sqrt(0.1/0.9/1000) 0.76 = 0.008, of the mean of 50 0.0011
    assert abs(found.mean().item()) < 0.005
