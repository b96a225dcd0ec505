"""Problems to overfit on: nothing of other parts is learned from, and labels are wrong in two."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
import torch

from validation.fitting import Task
from validation.paper import problems
from validation.paper.problems import PROBLEMS, digits, mnist1d, principal
from validation.paper.regularised import WAYS

TEN = pytest.mark.parametrize("make", [digits, mnist1d], ids=["digits", "mnist1d"])


def drawn(parts: tuple[int, int, int], n: int) -> Task:
    generator = torch.Generator().manual_seed(0)
    mixed = torch.randn((n, n), generator=generator, dtype=torch.float64)
    one, two, three = (
        (torch.randn((m, n), generator=generator, dtype=torch.float64) @ mixed, torch.arange(m))
        for m in parts
    )
    return Task(one, two, three, 2)


def test_components_of_the_training_part_are_white_and_span_its_largest_directions() -> None:
    task = drawn((60, 20, 20), 6)
    x = principal(task, 3).train[0]
    assert torch.allclose(x.mean(0), torch.zeros(3, dtype=x.dtype), atol=1e-12)
    assert torch.allclose(x.T @ x / 59, torch.eye(3, dtype=x.dtype), atol=1e-12)
    # the projection to the first left singular vectors, up to signs, by another way
    raw = task.train[0] - task.train[0].mean(0)
    u = torch.linalg.svd(raw, full_matrices=False).U[:, :3]
    assert torch.allclose(((x / 59**0.5).T @ u).abs(), torch.eye(3, dtype=x.dtype), atol=1e-10)


def test_other_parts_change_nothing_of_the_training_part_or_of_each_other() -> None:
    task = drawn((60, 20, 20), 6)
    moved = dataclasses.replace(task, valid=(5 * task.valid[0] + 1, task.valid[1]))
    plain, other = principal(task, 3), principal(moved, 3)
    assert torch.equal(plain.train[0], other.train[0])
    assert torch.equal(plain.test[0], other.test[0])
    assert not torch.allclose(plain.valid[0], other.valid[0])


def test_what_does_not_vary_in_training_is_left_out() -> None:
    task = drawn((60, 20, 20), 4)
    part = torch.zeros((60, 1), dtype=torch.float64)
    wild = torch.full((20, 1), 1e12, dtype=torch.float64)
    wider = Task(
        (torch.cat((part, task.train[0]), 1), task.train[1]),
        (torch.cat((wild, task.valid[0]), 1), task.valid[1]),
        (torch.cat((wild, task.test[0]), 1), task.test[1]),
        2,
    )
    assert torch.allclose(principal(wider, 2).test[0], principal(task, 2).test[0], atol=1e-12)


@TEN
def test_sizes_classes_and_coordinates(make: Callable[[int], Task]) -> None:
    task = make(0)
    assert task.classes == 10
    assert task.train[0].shape == (400, 4)
    assert task.valid[0].shape == (300, 4)
    assert len(task.test[0]) >= 600
    assert task.train[0].dtype == torch.float64
    assert not torch.equal(task.train[0], make(1).train[0])
    # whitened to rounding error by the training part alone, and so the tests only nearly
    x, away = task.train[0], task.test[0].std(0) - 1
    assert torch.allclose(x.T @ x / 399, torch.eye(4, dtype=x.dtype), atol=1e-10)
    assert torch.all((away.abs() > 1e-4) & (away.abs() < 0.3))


@TEN
def test_a_fifth_of_the_labels_is_wrong_and_none_for_the_tests(
    make: Callable[[int], Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    noisy = make(0)
    monkeypatch.setattr(problems, "WRONG", 0.0)
    clean = make(0)
    for part in ("train", "valid"):
        assert torch.equal(getattr(clean, part)[0], getattr(noisy, part)[0])
        changed = getattr(clean, part)[1] != getattr(noisy, part)[1]
        # 300 labels and more: the standard deviation of the fraction is 0.023 and less
        assert float(changed.double().mean()) == pytest.approx(0.2, abs=0.09)
    assert torch.equal(clean.test[1], noisy.test[1])


def test_every_problem_has_every_way_with_as_many_settings() -> None:
    assert len({problem.name for problem in PROBLEMS}) == 3
    for problem in PROBLEMS:
        assert list(problem.ways) == list(WAYS)
        lengths = {way: len(settings) for way, settings in problem.ways.items()}
        assert lengths == {"lambda": 3, "lambda = 0": 1, "weight decay": 3, "dropout": 3}
        for way, settings in problem.ways.items():
            field = {"lambda": "lam", "weight decay": "decay", "dropout": "dropout"}.get(way)
            for how in settings:
                assert {k for k, v in dataclasses.asdict(how).items() if v} == {field} - {None}
