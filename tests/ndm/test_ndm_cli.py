"""The command line of ndm: what it prints, what it leaves, and how it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ndm.cli import main
from ndm.config import load_config
from ndm.training import NdmModule, open_run
from tests.ndm.training_samples import TINY, curve

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A configuration in an empty folder, where the command line is run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NDM_DEBUG", raising=False)
    (tmp_path / "tiny.yaml").write_text(TINY + "  # three epochs\n")
    return "tiny.yaml"


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Run the command line in this process; return its exit status."""
    monkeypatch.setattr(sys, "argv", ["ndm", *words])
    monkeypatch.setattr("warnings.showwarning", lambda *_: None)  # main sets it; this restores it
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> str:
    """Run with bad input; return the one line that is said about it."""
    assert run(monkeypatch, *words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Traceback" not in printed.err
    assert printed.err.startswith("ndm: error: ")
    assert printed.err.count("\n") == 1
    return printed.err


def test_train_then_eval_then_resume(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "train", config, "--seed", "4", "--set", "loss.lam=auto") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "seed 4: 3 epochs" in printed.out
    assert "written to runs/tiny" in printed.out
    kept = open_run("runs/tiny")
    assert (kept.config.seeds, kept.config.loss.lam) == ([4], "auto")
    assert run(monkeypatch, "eval", "runs/tiny", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["points"] == 9
    assert found["task"] == kept.result(4)["figures"]["test"]["task"]
    words = ["train", config, "--seed", "4", "--set", "loss.lam=auto", "--set", "trainer.epochs=4"]
    assert "is there already" in refused(monkeypatch, capsys, *words)
    assert run(monkeypatch, *words, "--resume") == 0
    assert len(curve(Path("runs/tiny"), 4)) == 4
    capsys.readouterr()
    assert run(monkeypatch, "report", "runs/tiny") == 0
    assert capsys.readouterr().out == "written to runs/tiny/report.html\n"
    assert Path("runs/tiny/report.html").read_text("utf-8").startswith("<!DOCTYPE html>")


def test_eval_of_other_data(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(40, 2))
    rows = [f"{a},{b},{'up' if b > 0 else 'down'}" for a, b in x]
    Path("mine.csv").write_text("a,b,where\n" + "\n".join(rows) + "\n")
    given = ["--set", "data.name=file", "--set", "data.path=mine.csv", "--output", "out"]
    assert run(monkeypatch, "train", config, *given, "--set", "optimiser.lr=0.05") == 0
    capsys.readouterr()
    Path("mine.csv").rename("new.csv")  # the data of the training are not needed any more
    assert run(monkeypatch, "eval", "out", "--data", "new.csv", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["points"] == 40
    assert found["accuracy"] > 0.5
    assert run(monkeypatch, "eval", "out", "--data", "new.csv", "--which", "last") == 0
    assert "last checkpoint, 40 points" in capsys.readouterr().out
    assert "mine.csv is no file" in refused(monkeypatch, capsys, "eval", "out")
    Path("new.csv").write_text("a,b,where\n1,2,up\n3,4,left\n")
    said = refused(monkeypatch, capsys, "eval", "out", "--data", "new.csv")
    assert "class 'left' is not known; there are down, up" in said
    Path("new.csv").write_text("a,where\n1,up\n")
    assert "1 coordinates" in refused(monkeypatch, capsys, "eval", "out", "--data", "new.csv")


def test_what_cannot_be_done_is_said_in_one_line(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.yaml").write_text("data: [")
    Path("odd.yaml").write_text("data: {name: 'a\x1b[31m\\n b'}", "utf-8")
    Path("file").write_text("x")
    train = ("train", config)
    for words, said in (
        (("train", "none.yaml"), "cannot be read"),
        (("train", "."), "cannot be read"),
        (("train", "bad.yaml"), "is no YAML"),
        (("train", "odd.yaml"), "error"),
        ((*train, "--set", "trainer.epoch=3"), "did you mean 'epochs'"),
        ((*train, "--set", "nothing"), "is no override"),
        ((*train, "--seed", "-1"), "-1 was given"),
        ((*train, "--set", "data.name=file", "--set", "data.path=none.csv"), "is no file"),
        ((*train, "--output", "file"), "is there already"),
        ((*train, "--output", "file/below"), "cannot be written"),
        (("eval", "nothing"), "holds no run"),
        (("report", "nothing"), "holds no run"),
    ):
        assert said in refused(monkeypatch, capsys, *words)
    assert not Path("runs").exists()


def test_a_run_that_breaks_is_said_in_one_line(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(monkeypatch, capsys, "train", config, "--set", "optimiser.lr=1e30")
    assert "the task term of the loss is not finite" in said


def test_ctrl_c_says_how_to_go_on(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(self: Any, batch: Any, batch_idx: int) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(NdmModule, "training_step", interrupted)
    assert run(monkeypatch, "train", config) == 130
    assert "--resume" in capsys.readouterr().err


def test_a_bug_of_ours_is_called_one(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("no")

    monkeypatch.setattr("ndm.config.load_config", broken)
    assert run(monkeypatch, "train", config) == 70
    assert "internal error, ZeroDivisionError" in capsys.readouterr().err


def test_the_example_is_a_configuration() -> None:
    assert load_config(ROOT / "examples" / "moons.yaml").data.name == "moons"


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"ndm {version('geomkit-ndm')}\n"


def test_help_loads_no_torch() -> None:
    code = "import sys, ndm.cli.app; print('torch' in sys.modules, 'lightning' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
    shown = subprocess.run(
        [sys.executable, "-m", "ndm", "train", "--help"], capture_output=True, text=True, check=True
    )
    assert "ndm train examples/moons.yaml --set" in shown.stdout


def test_fit_motion(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from ndm.dynamics.systems import surface

    plane = surface("plane")
    x, v = plane.draw(40, np.random.default_rng(0))
    np.savez(tmp_path / "motion.npz", x=x, v=v, a=plane.acceleration(x, v))
    words = ("--family", "conformal", "--starts", "1", "--seconds", "5")
    assert not run(
        monkeypatch,
        "fit-motion",
        str(tmp_path / "motion.npz"),
        *words,
        "--output",
        str(tmp_path / "fit"),
    )
    assert "residual" in capsys.readouterr().out
    assert (tmp_path / "fit" / "summary.json").is_file()
    assert run(monkeypatch, "fit-motion", str(tmp_path / "none.npz")) == 2
    assert "none.npz" in capsys.readouterr().err
