"""Training runs: what they write, how they stop, and how they go on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ndm.build import build_model, build_optimiser
from ndm.data import load
from ndm.errors import ConfigError, ModelError, TrainingError
from ndm.training import NdmModule, evaluate, open_run, read_checkpoint, train
from ndm.training.batches import Batches, as_tensors
from ndm.training.checkpoints import Record, write_bytes
from tests.ndm.training_samples import curve, tiny

LOGGED = [
    "train/task",
    "train/curvature",
    "train/volume",
    "train/lambda",
    "train/total",
    "validation/task",
    "validation/mean_curvature_squared",
    "validation/log_volume_variance",
    "validation/condition_number",
    "validation/metric_variation",
]


def test_a_run_leaves_what_is_promised(tmp_path: Path) -> None:
    result = train(tiny("seeds=[0, 3]"), tmp_path / "run")
    assert [(r.seed, r.epochs, r.stopped) for r in result.seeds] == [
        (0, 3, "epochs"),
        (3, 3, "epochs"),
    ]
    for seed in (0, 3):
        rows, folder = curve(tmp_path / "run", seed), tmp_path / "run" / f"seed-{seed}"
        assert [row["epoch"] for row in rows] == ["1", "2", "3"]
        events = EventAccumulator(str(folder))
        events.Reload()
        for name in LOGGED:
            seen = [event.value for event in events.Scalars(name)]
            # both are written from the same 32-bit numbers
            assert seen == pytest.approx([float(row[name]) for row in rows], rel=1e-6)
        assert not list(folder.glob(".*"))
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    both = [r.figures["test"]["task"] for r in result.seeds]
    # float64 rounding
    assert summary["test"]["task"] == pytest.approx(
        [np.mean(both), np.std(both, ddof=1)], rel=1e-12
    )
    assert result.seeds[0].figures["untrained"] != result.seeds[1].figures["untrained"]


def test_the_best_checkpoint_is_the_model_of_the_best_epoch(tmp_path: Path) -> None:
    config = tiny("optimiser.lr=0.3", "trainer.epochs=6", "trainer.precision=64")
    result = train(config, tmp_path).seeds[0]
    losses = [float(row["validation/task"]) for row in curve(tmp_path)]
    assert result.best_epoch == 1 + int(np.argmin(losses))
    data = load(config.data)
    model = open_run(tmp_path).model()
    assert next(model.parameters()).dtype == torch.float64
    x, y = as_tensors(data.validation, torch.float64)
    loss = torch.nn.functional.cross_entropy(model(x), y).item()
    # the curve is kept in 32-bit numbers
    assert loss == pytest.approx(min(losses), rel=1e-6)
    assert loss == pytest.approx(result.figures["validation"]["task"], rel=1e-12)


@pytest.mark.parametrize(
    "words",
    [
        ["optimiser.kind=natural"],
        ["optimiser.kind=kfac", "loss.lam=auto", "loss.points=4"],
        ["optimiser.kind=sgd", "trainer.gradient_clip=0.5", "trainer.precision=64"],
    ],
)
def test_a_run_that_goes_on_equals_one_that_was_not_stopped(
    tmp_path: Path, words: list[str]
) -> None:
    whole = train(tiny(*words), tmp_path / "whole")
    train(tiny(*words, "trainer.epochs=1"), tmp_path / "parts")
    parts = train(tiny(*words), tmp_path / "parts", resume=True)
    assert parts.seeds == whole.seeds
    assert curve(tmp_path / "parts") == curve(tmp_path / "whole")


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.ndm.killed_run", str(tmp_path / "killed"), "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(curve(tmp_path / "killed")) == 2
    with pytest.raises(TrainingError, match="is there already"):
        train(tiny(), tmp_path / "killed")
    result = train(tiny(), tmp_path / "killed", resume=True)
    whole = train(tiny(), tmp_path / "whole")
    assert result.seeds == whole.seeds
    assert curve(tmp_path / "killed") == curve(tmp_path / "whole")


def test_resume_begins_where_there_is_nothing_and_leaves_what_is_done(tmp_path: Path) -> None:
    first = train(tiny(), tmp_path / "run", resume=True)
    written = (tmp_path / "run" / "seed-0" / "last.ckpt").stat().st_mtime_ns
    again = train(tiny(), tmp_path / "run", resume=True)
    assert again == first
    assert (tmp_path / "run" / "seed-0" / "last.ckpt").stat().st_mtime_ns == written
    more = train(tiny("seeds=[0, 1]", "trainer.epochs=4"), tmp_path / "run", resume=True)
    assert [r.epochs for r in more.seeds] == [4, 4]


def test_it_stops_when_it_does_not_get_better(tmp_path: Path) -> None:
    words = ["optimiser.lr=1e-12", "optimiser.kind=sgd", "trainer.patience=2", "trainer.epochs=50"]
    result = train(tiny(*words, "loss.lam=0"), tmp_path / "run").seeds[0]
    assert result.stopped == "patience"
    assert result.epochs == result.best_epoch + 2
    again = train(tiny(*words, "loss.lam=0"), tmp_path / "run", resume=True).seeds[0]
    assert again == result


@pytest.mark.parametrize("kind", ["adam", "sgd"])
def test_a_loss_that_is_not_finite_stops_and_names_the_term(tmp_path: Path, kind: str) -> None:
    with pytest.raises(TrainingError, match=r"step 2, seed 0: the task term .*; none is kept"):
        train(tiny(f"optimiser.kind={kind}", "optimiser.lr=1e30", "loss.fisher=1"), tmp_path)


def test_the_natural_gradient_takes_such_steps_back(tmp_path: Path) -> None:
    train(tiny("optimiser.kind=natural", "optimiser.lr=1e30", "loss.fisher=1"), tmp_path)
    first, *_, last = curve(tmp_path)
    assert float(last["validation/task"]) == float(first["validation/task"])


def test_the_last_good_checkpoint_is_named_and_finite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms = NdmModule.terms

    def broken(self: Any, x: Any, y: Any) -> Any:
        found = terms(self, x, y)
        if self.current_epoch == 1:
            object.__setattr__(found, "curvature", found.curvature * torch.inf)
        return found

    monkeypatch.setattr(NdmModule, "terms", broken)
    with pytest.raises(TrainingError, match=r"epoch 2, .* the curvature term .*last\.ckpt"):
        train(tiny(), tmp_path)
    kept = read_checkpoint(tmp_path / "seed-0" / "last.ckpt")
    assert all(bool(value.isfinite().all()) for value in kept["state_dict"].values())
    monkeypatch.setattr(NdmModule, "terms", terms)
    assert train(tiny(), tmp_path, resume=True).seeds[0].epochs == 3


def test_a_gradient_that_is_not_finite_names_the_term(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms = NdmModule.terms

    def broken(self: Any, x: Any, y: Any) -> Any:
        found = terms(self, x, y)  # the root has an infinite slope at 0
        assert found.volume is not None
        object.__setattr__(found, "volume", (found.volume - found.volume.detach()).sqrt())
        return found

    monkeypatch.setattr(NdmModule, "terms", broken)
    with pytest.raises(TrainingError, match="gradient of the volume term of the loss is not"):
        train(tiny("loss.warm_up=0"), tmp_path)


def test_ctrl_c_stays_ctrl_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step, handler = NdmModule.training_step, signal.getsignal(signal.SIGINT)

    def interrupted(self: Any, batch: Any, batch_idx: int) -> Any:
        if self.current_epoch == 1:
            raise KeyboardInterrupt
        return step(self, batch, batch_idx)

    monkeypatch.setattr(NdmModule, "training_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(tiny(), tmp_path)
    assert signal.getsignal(signal.SIGINT) is handler
    monkeypatch.setattr(NdmModule, "training_step", step)
    assert train(tiny(), tmp_path, resume=True).seeds[0].epochs == 3


def test_random_numbers_of_the_caller_are_left_alone(tmp_path: Path) -> None:
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    train(tiny("trainer.epochs=1"), tmp_path)
    assert bool((torch.random.get_rng_state() == state).all())


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("x")
    for name, said in (("file", "already"), ("full", "already"), ("file/below", "cannot be")):
        with pytest.raises(TrainingError, match=said):
            train(tiny(), tmp_path / name)
    with pytest.raises(TrainingError, match="holds no run"):
        train(tiny(), tmp_path / "full", resume=True)
    assert sorted(p.name for p in (tmp_path / "full").iterdir()) == ["mine.txt"]
    with pytest.raises(TrainingError, match="holds no run"):
        open_run(tmp_path / "full")


def test_nothing_is_written_for_what_cannot_be_trained(tmp_path: Path) -> None:
    for words in (
        ["model.map=splin"],
        ["model.width=1"],
        ["model.head.kind=density"],
        ["data.task=density", "model.head.kind=linear"],
        ["data.name=sphere", "model.head.kind=prototype"],
        ["data.task=density", "model.width=3"],
        ["data.task=density", "model.metric=null", "optimiser.kind=natural"],
        ["model.metric.rank=5", "model.metric.family=lowrank"],
        ["trainer.accelerator=gpu", "trainer.devices=99"],
    ):
        with pytest.raises(ConfigError):
            train(tiny(*words), tmp_path / "run")
        assert not (tmp_path / "run").exists()


def test_another_configuration_or_other_data_do_not_go_on(tmp_path: Path) -> None:
    table = tmp_path / "d.npz"
    x = np.random.default_rng(0).normal(size=(40, 2))
    np.savez(table, x=x, y=np.arange(40) % 2)
    words = ["data.name=file", f"data.path={table}"]
    train(tiny(*words, "trainer.epochs=1"), tmp_path / "run")
    with pytest.raises(TrainingError, match=r"begun with loss\.lam = 0\.01, and 0\.5"):
        train(tiny(*words, "loss.lam=0.5"), tmp_path / "run", resume=True)
    np.savez(table, x=x + 1e-9, y=np.arange(40) % 2)
    with pytest.raises(TrainingError, match="not those"):
        train(tiny(*words), tmp_path / "run", resume=True)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    train(tiny("trainer.epochs=1"), tmp_path)
    last = tmp_path / "seed-0" / "last.ckpt"
    content = last.read_bytes()
    for broken in (b"", b"junk", content[: len(content) // 2]):
        last.write_bytes(broken)
        with pytest.raises(TrainingError, match="damaged"):
            train(tiny(), tmp_path, resume=True)
    torch.save({"state_dict": {}, "callbacks": {}, "run": print}, last)  # would be executed
    with pytest.raises(TrainingError, match="damaged"):
        read_checkpoint(last)
    torch.save([1], last)
    with pytest.raises(TrainingError, match="no checkpoint of ndm"):
        read_checkpoint(last)
    last.write_bytes(content)
    (tmp_path / "seed-0" / "result.json").write_text("{")
    with pytest.raises(TrainingError, match=r"result\.json is damaged"):
        train(tiny(), tmp_path, resume=True)
    (tmp_path / "prepared.npz").write_bytes(b"junk")
    with pytest.raises(TrainingError, match=r"prepared\.npz"):
        open_run(tmp_path)


def test_files_are_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bytes(tmp_path / "f", b"first")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_bytes(tmp_path / "f", b"second")
    assert (tmp_path / "f").read_bytes() == b"first"
    with pytest.raises(TrainingError, match="No space"):
        train(tiny(), tmp_path / "run")


def test_batches_are_a_function_of_seed_and_epoch() -> None:
    def epoch(number: int, **options: int) -> list[list[int]]:
        batches = Batches(17, 5, seed=3, **options)
        batches.set_epoch(number)
        return list(batches)

    alone = epoch(2)
    assert alone == epoch(2)
    assert alone != epoch(1)
    assert sorted(k for batch in alone for k in batch) == list(range(17))
    assert [len(batch) for batch in alone] == [5, 4, 4, 4]
    halves = [epoch(2, rank=rank, world=2) for rank in (0, 1)]
    for whole, first, second in zip(alone, *halves, strict=True):
        assert len(first) == len(second)
        assert set(first) | set(second) >= set(whole)
        assert len(first) + len(second) <= len(whole) + 1


def test_figures_against_numpy() -> None:
    config = tiny("data.name=sphere", "trainer.precision=64", "model.tie=independent")
    data = load(config.data)
    torch.manual_seed(0)
    model = build_model(config.model, data).double()
    x, y = as_tensors(data.train, torch.float64)
    found = evaluate(model, x, y, data.task)
    assert model.training
    g = np.stack(
        [
            layer.metric(p).detach().numpy()
            for layer, p in zip(model.layers, model.trace(x)[:-1], strict=True)
        ]
    )
    values = np.linalg.eigvalsh(g)
    out = model(x).detach().numpy()
    error = ((out - data.train[1]) ** 2).mean()
    spread = g - g.mean(1, keepdims=True)
    sizes = np.sqrt((spread**2).sum((-1, -2)).mean(1)) / np.sqrt((g.mean(1) ** 2).sum((-1, -2)))
    # the same sums in another order
    near = pytest.approx
    assert found["task"] == near(error, rel=1e-12)
    assert found["r_squared"] == near(1 - error / data.train[1].var(), rel=1e-10)
    assert found["condition_number"] == near((values[..., 1] / values[..., 0]).max(), rel=1e-10)
    half = 0.5 * np.log(np.linalg.det(g))
    assert found["log_volume_variance"] == near(half.var(1).mean(), rel=1e-9)
    assert found["metric_variation"] == near(sizes.mean(), rel=1e-10)


def test_a_line_has_no_curvature_term(tmp_path: Path) -> None:
    words = ["data.name=iris", "data.components=1", "model.map=monotone", "model.map_options={}"]
    train(tiny(*words, "trainer.epochs=1"), tmp_path)
    assert "train/curvature" not in curve(tmp_path)[0]
    assert float(curve(tmp_path)[0]["validation/mean_curvature_squared"]) == 0


def test_optimisers_are_those_that_are_named() -> None:
    config = tiny()
    data = load(config.data)
    model = build_model(config.model, data)
    kinds = {"adam": "AdamW", "sgd": "SGD", "natural": "NaturalGradient", "kfac": "NaturalGradient"}
    for kind, name in kinds.items():
        made = build_optimiser(tiny(f"optimiser.kind={kind}").optimiser, model, data.task)
        assert type(made).__name__ == name
    with pytest.raises(ModelError):
        model.log_prob(torch.zeros(1, 5))


def test_the_record_keeps_what_it_knows() -> None:
    record = Record(Path("nowhere"), 1)
    record.load_state_dict({"rows": [{"epoch": 1}], "best": 0.5, "best_epoch": 1})
    assert record.state_dict() == {"rows": [{"epoch": 1}], "best": 0.5, "best_epoch": 1}
    assert record.state_key == "ndm"
