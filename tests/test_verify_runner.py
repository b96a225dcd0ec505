"""Many files in child processes: bad files, budgets, crashes, nothing left behind.

The children are forked here, so they inherit what the tests put in the place of a check.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import geomkit as gk
from geomkit.verify import session
from geomkit.verify.check import Check
from geomkit.verify.decide import Outcome
from geomkit.verify.report import Verdict

PLANE: dict[str, Any] = {"coordinates": ["x", "y"], "line_element": "dx**2 + dy**2"}
FLAT = {"kind": "flat", "value": True}
DATA = Path(__file__).parent / "data" / "claims"


def write(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def no_children_are_left() -> bool:
    return not multiprocessing.active_children()


def test_one_bad_file_does_not_stop_the_others(tmp_path: Path) -> None:
    bad = {
        "syntax.toml": "[metric\n",
        "asymmetric.json": {"metric": {**PLANE, "matrix": [["1", "x"], ["0", "1"]]}},
        "unknown.json": {"metric": PLANE, "claims": [{"kind": "scalar_curvature", "value": "q"}]},
        "degenerate.json": {"metric": {"coordinates": ["x", "y"], "matrix": [["1", "1"]] * 2}},
        "unsafe.json": {"metric": PLANE, "claims": [{**FLAT, "kind": "__import__"}]},
    }
    bad["asymmetric.json"]["metric"].pop("line_element")  # type: ignore[index]
    paths = [write(tmp_path, name, content) for name, content in bad.items()]
    good = write(tmp_path, "good.json", {"metric": PLANE, "claims": [FLAT]})
    report = gk.verify([*paths, good, tmp_path / "missing.toml"], jobs=2)
    assert report.exit_status == 2
    *broken, fine, missing = report.files
    for file in (*broken, missing):
        assert file.exit_status == 2
        assert Path(file.file).name in file.error
    assert fine.exit_status == 0
    assert no_children_are_left()


def test_folders_are_searched(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    write(tmp_path, "b.json", {"metric": PLANE, "claims": [FLAT]})
    write(tmp_path / "deep", "a.json", {"metric": PLANE, "claims": [FLAT]})
    write(tmp_path, "notes.txt", "not a claim file")
    seen: list[tuple[int, int, str]] = []
    report = gk.verify(tmp_path, progress=lambda *step: seen.append(step))
    assert [Path(file.file).name for file in report.files] == ["b.json", "a.json"]
    assert report.ok
    assert seen[-1][:2] == (2, 2)


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    assert gk.verify(tmp_path).exit_status == 2


@pytest.mark.parametrize("keywords", [{"budget": 0}, {"budget": -1.0}, {"jobs": 0}])
def test_nonsense_options(keywords: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is"):
        gk.verify({"metric": PLANE, "claims": []}, **keywords)


def check_that(run: Any) -> Any:
    return lambda context, claim: Check("a test", run)


def sleep() -> Outcome:
    # SIGALRM and exceptions of Python do not get through to a call into C either
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {signal.SIGKILL})
    time.sleep(60)
    return Outcome(Verdict.HOLDS)


def die() -> Outcome:
    os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory runs out
    return Outcome(Verdict.HOLDS)


def test_an_overrunning_claim_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = {**session.CHECKS, "ricci_flat": check_that(sleep)}
    monkeypatch.setattr(session, "CHECKS", checks)
    claims = [FLAT, {"kind": "ricci_flat", "value": True}, {**FLAT, "kind": "conformally_flat"}]
    budget = 1.0
    started = time.monotonic()
    report = gk.verify({"metric": PLANE, "claims": claims}, budget=budget)
    spent = time.monotonic() - started
    verdicts = [str(claim.verdict) for claim in report.claims]
    assert verdicts == ["holds", "undecided", "holds"]
    assert "BudgetError" in report.claims[1].detail
    assert report.claims[1].seconds < 2 * budget
    # two starts of a child and two easy claims come on top
    assert spent < 2 * budget + 8
    assert report.exit_status == 3
    assert no_children_are_left()


def test_a_crash_costs_one_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "CHECKS", {**session.CHECKS, "ricci_flat": check_that(die)})
    claims = [{"kind": "ricci_flat", "value": True}, FLAT]
    report = gk.verify({"metric": PLANE, "claims": claims}, jobs=1)
    assert [str(claim.verdict) for claim in report.claims] == ["undecided", "holds"]
    assert "signal 9" in report.claims[0].detail
    assert no_children_are_left()


def test_an_unexpected_exception_costs_one_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Outcome:
        raise KeyError("a mistake of ours")

    monkeypatch.setattr(session, "CHECKS", {**session.CHECKS, "ricci_flat": check_that(broken)})
    claims = [{"kind": "ricci_flat", "value": True}, FLAT]
    report = gk.verify({"metric": PLANE, "claims": claims})
    assert [str(claim.verdict) for claim in report.claims] == ["undecided", "holds"]
    assert "a mistake of ours" in report.claims[0].detail


def generic(n: int) -> dict[str, Any]:
    """A metric with n(n+1)/2 unspecified functions of n coordinates: hopeless to expand."""
    x = [f"x{i}" for i in range(n)]
    arguments = ",".join(x)
    names = [[f"f{min(i, j)}{max(i, j)}({arguments})" for j in range(n)] for i in range(n)]
    examples = {
        names[i][j]: [f"{4 if i == j else 0} + {x[i]}*{x[j]}/9"]
        for i in range(n)
        for j in range(i, n)
    }
    return {"coordinates": x, "matrix": names, "functions": examples}


def test_a_refutation_survives_the_budget() -> None:
    budget = 1.0
    claims = [{"kind": "kretschmann", "value": "0"}, {"kind": "scalar_curvature", "value": "0"}]
    report = gk.verify({"metric": generic(5), "claims": claims}, budget=budget)
    for claim in report.claims:
        # the balls refute it in no time; what holds instead is out of reach
        assert (claim.verdict, claim.proof) == ("fails", "exact")
        assert claim.seconds < 2 * budget


def test_a_true_claim_beyond_the_budget_is_undecided() -> None:
    metric = generic(5)
    arguments = ",".join(metric["coordinates"])
    # the scalar curvature of -g is -R: true, but it takes R to see it
    claim = {"kind": "laplacian", "function": f"f00({arguments})", "value": "0"}
    claims = [{"kind": "scalar_curvature", "value": "0"}, claim]
    budget = 0.5
    report = gk.verify({"metric": metric, "claims": claims}, budget=budget)
    assert all(claim.seconds < 2 * budget for claim in report.claims)
    assert all(claim.verdict != "holds" for claim in report.claims)


SCRIPT = """
import os, signal, sys, time
import geomkit as gk
from geomkit.verify import session
from geomkit.verify.check import Check

# a shell that starts a job in the background has it ignore interrupts, and so its children
signal.signal(signal.SIGINT, signal.default_int_handler)

def wait():
    print(os.getpid(), flush=True)
    time.sleep(120)

session.CHECKS = {**session.CHECKS, "flat": lambda context, claim: Check("waits", wait)}
metric = {"coordinates": ["x", "y"], "line_element": "dx**2 + dy**2"}
gk.verify({"metric": metric, "claims": [{"kind": "flat", "value": True}]}, jobs=1)
"""


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    "how", [signal.SIGINT, signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_no_child_outlives_its_parent(how: signal.Signals) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.send_signal(how)
    _, errors = parent.communicate(timeout=60)
    assert parent.returncode != 0
    assert errors.count("Traceback") <= 1  # the parent's own, not one of the child besides
    deadline = time.monotonic() + 5
    while is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(child)


@pytest.mark.slow
def test_examples_in_parallel() -> None:
    report = gk.verify(DATA, jobs=2)
    assert len(report.files) == 33
    assert report.summary["fails"] == 8
    assert report.exit_status == 1
    assert no_children_are_left()
