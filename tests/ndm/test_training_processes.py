"""Training in two processes: the numbers of one, one lambda, errors said as any other."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from ndm.balance import AutoBalance
from ndm.build import build_loss
from ndm.data import load
from ndm.errors import ConfigError, TrainingError
from ndm.training import open_run, train
from ndm.training.batches import Batches, as_tensors
from ndm.training.folder import fresh_model
from ndm.training.processes import Processes
from tests.ndm.training_samples import curve, tiny


def test_the_backend_is_that_which_is_named() -> None:
    assert Processes("gloo").process_group_backend == "gloo"


def test_the_natural_gradient_asks_for_one_process() -> None:
    for kind in ("natural", "kfac"):
        with pytest.raises(ConfigError, match=r"one process; set trainer\.devices: 1"):
            tiny(f"optimiser.kind={kind}", "trainer.devices=2")


@pytest.mark.slow
def test_two_processes_train_what_one_trains(tmp_path: Path) -> None:
    words = ["loss.lam=0", "trainer.precision=64", "data.samples=64", "trainer.batch_size=22"]
    alone = train(tiny(*words), tmp_path / "alone")
    both = train(tiny(*words, "trainer.devices=2"), tmp_path / "both")
    assert both.seeds[0].epochs == alone.seeds[0].epochs
    for first, second in zip(curve(tmp_path / "alone"), curve(tmp_path / "both"), strict=True):
        # 44 points make two batches of 22, 11 for each process: means of means are means; curves
        # are kept in 32-bit numbers
        for name in ("train/task", "validation/task"):
            assert float(first[name]) == pytest.approx(float(second[name]), rel=1e-6)
    more = train(
        tiny(*words, "trainer.devices=2", "trainer.epochs=4"), tmp_path / "both", resume=True
    )
    assert more.seeds[0].epochs == 4


@pytest.mark.slow
def test_two_processes_agree_on_lambda(tmp_path: Path) -> None:
    """The geometric mean of what each finds at its half of the batch; resumed, the same again."""
    words = ["loss.lam=auto", "loss.warm_up=0", "trainer.precision=64", "trainer.devices=2"]
    config = tiny(*words, "trainer.batch_size=44", "trainer.epochs=4")
    train(config, tmp_path / "whole")
    rows = curve(tmp_path / "whole")

    data = load(config.data)
    model = fresh_model(config, data, 0)
    x, y = as_tensors(data.train, torch.float64)
    logs = []
    for rank in range(2):
        (half,) = Batches(len(x), 44, 0, rank, 2)
        terms = build_loss(model, x[half], y[half], config=config.loss, task=data.task)
        logs.append(math.log(AutoBalance(0.1, memory=0.0).update(terms, model.parameters())))
    assert abs(logs[0] - logs[1]) > 1e-3  # each alone would take another
    # curves are kept in 32-bit numbers
    assert float(rows[0]["train/lambda"]) == pytest.approx(math.exp(sum(logs) / 2), rel=1e-6)

    train(tiny(*words, "trainer.batch_size=44", "trainer.epochs=2"), tmp_path / "parts")
    train(config, tmp_path / "parts", resume=True)
    assert curve(tmp_path / "parts") == rows
    first, second = (open_run(tmp_path / name).model(which="last") for name in ("whole", "parts"))
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.slow
def test_an_error_in_a_process_is_said_as_any_other(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"^epoch 1, step 2, seed 0: the task term"):
        train(tiny("trainer.devices=2", "optimiser.lr=1e30"), tmp_path)
