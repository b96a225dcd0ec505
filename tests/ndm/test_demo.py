"""The steps of the demonstration, each run alone, and what is said when one goes wrong."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
# What each step writes, and something that it says.
STEPS = {
    "demo_kerr": ({"certificate.txt"}, "9 of 9 identities proved"),
    "demo_light": ({"light.png"}, "in closed form between -6.8323 and 2.8444"),
    "demo_claims": ({"report.html"}, "31 holds, 3 fails"),
    "demo_motion": ({"pendulum.png"}, "R = 2*m1*cos(q1 - q2)/"),
    "demo_classifier": ({"moons", "moons.html"}, "accuracy on unseen points"),
}


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """`demo_step`, as the steps import it, asked to write to an empty folder."""
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.setattr(sys, "argv", ["demo", str(tmp_path / "out")])
    return import_module("demo_step")


@pytest.mark.slow
@pytest.mark.parametrize("name", STEPS)
def test_a_step_alone(name: str, tmp_path: Path) -> None:
    written, said = STEPS[name]
    words = [sys.executable, str(EXAMPLES / f"{name}.py"), str(tmp_path / "out")]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert said in done.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == written
    assert all(str(Path("out") / file) in done.stdout for file in written - {"moons"})


def test_all_steps_are_part_of_the_demonstration(step: ModuleType) -> None:
    scripts = {path.stem for path in EXAMPLES.glob("demo_*.py")}
    assert scripts - {"demo_step", "demo_motion_picture"} == set(STEPS)
    assert {one.__module__ for one in import_module("demo").STEPS} == set(STEPS)


def test_a_failure_is_said_and_the_rest_is_run(
    step: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[Path] = []

    def well(folder: Path) -> bool:
        given.append(folder)
        return True

    assert step.run(well) == 0
    assert step.run(lambda _: False, well) == 1
    assert given == [tmp_path / "out"] * 2
    assert "something is not what it must be" in capsys.readouterr().err


def test_errors_are_said_without_a_traceback(
    step: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(folder: Path) -> bool:
        raise OSError(28, "No space left on device", str(folder / "a.png"))

    def interrupted(folder: Path) -> bool:
        raise KeyboardInterrupt

    assert step.run(full) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert step.run(interrupted) == 130
    assert capsys.readouterr().err == "demo: interrupted\n"


@pytest.mark.slow
def test_a_pendulum_that_was_not_learned_is_a_failure(
    step: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three steps of the fit are not enough; the picture is drawn all the same."""
    motion = import_module("demo_motion")
    learned = motion.learn(samples=40, iterations=3)
    assert learned.report.curvature_median > motion.MOST_CURVATURE
    monkeypatch.setattr(motion, "learn", lambda: learned)
    angles = np.ones((5, 2))
    monkeypatch.setattr(motion, "predict", lambda _: (np.arange(5.0), angles, angles))
    monkeypatch.setattr("demo_motion_picture._RESOLUTION", 8)
    assert step.run(motion.learn_pendulum) == 1
    assert (tmp_path / "out" / "pendulum.png").read_bytes().startswith(b"\x89PNG")
