"""The commands compile, certify, cache, and the later stages of show, run as a user runs them."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def geomkit(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    return subprocess.run(
        [sys.executable, "-m", "geomkit", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **variables},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A cache of its own."""
    return str(tmp_path_factory.mktemp("kernels"))


def test_compile_keeps_the_source_and_copies_it(folder: str, tmp_path: Path) -> None:
    copy = tmp_path / "sphere.py"
    words = ("compile", "sphere2", "-q", "scalar,ricci", "--output", str(copy))
    done = geomkit(*words, GEOMKIT_CACHE_DIR=folder)
    assert done.returncode == 0, done.stderr
    assert "kernel(points[..., 2], a=)" in done.stdout
    text = copy.read_text("utf-8")
    ast.parse(text)
    kept = [p for p in Path(folder).rglob("*.py") if p.read_text("utf-8") == text]
    assert len(kept) == 1
    assert str(kept[0]) in done.stdout


def test_cache_info_and_clear(folder: str) -> None:
    assert geomkit("compile", "sphere2", "-q", "scalar", GEOMKIT_CACHE_DIR=folder).returncode == 0
    info = geomkit("cache", "info", GEOMKIT_CACHE_DIR=folder)
    assert folder in info.stdout
    done = geomkit("cache", "clear", GEOMKIT_CACHE_DIR=folder)
    assert done.returncode == 0, done.stderr
    assert not list(Path(folder).rglob("*.py"))


def test_certify_says_yes_and_writes_json(folder: str, tmp_path: Path) -> None:
    path = tmp_path / "certificate.json"
    words = ("certify", "sphere2", "-q", "scalar,ricci", "--points", "8", "--json", str(path))
    done = geomkit(*words, GEOMKIT_CACHE_DIR=folder)
    assert done.returncode == 0, done.stderr
    assert "certified" in done.stdout
    assert json.loads(path.read_text("utf-8"))["ok"] is True


@pytest.mark.slow
def test_a_staged_kernel_at_a_pole_is_not_certified(folder: str, tmp_path: Path) -> None:
    # g_phiphi = sin(theta)^2 differentiated twice and divided: at theta ~ 1e-9 all digits cancel
    file = tmp_path / "pole.toml"
    file.write_text(
        "[metric]\n"
        'coordinates = ["theta", "phi"]\n'
        'line_element = "dtheta**2 + sin(theta)**2*dphi**2"\n'
        '[metric.domain]\ntheta = ["1/1000000000", "1/100000000"]\n',
        "utf-8",
    )
    words = ("certify", str(file), "-q", "scalar", "--points", "8")
    assert geomkit(*words, GEOMKIT_CACHE_DIR=folder).returncode == 0
    staged = geomkit(*words, "--staged", GEOMKIT_CACHE_DIR=folder)
    assert staged.returncode == 1
    assert "NOT CERTIFIED" in staged.stdout


@pytest.mark.slow
def test_show_stages() -> None:
    words = ("show", "schwarzschild", "-q", "kretschmann,ricci", "--stage")
    program = geomkit(*words, "program").stdout
    assert "kretschmann = 48*(M*M)" in program
    assert "ricci = 0" in program
    for stage in ("numba", "torch"):
        done = geomkit(*words, stage)
        assert done.returncode == 0, done.stderr
        ast.parse(done.stdout)


def test_expressions_may_hold_commas(folder: str) -> None:
    words = ("show", "sphere2", "--stage", "program", "-q")
    done = geomkit(*words, "scalar,laplacian(f(theta, phi)),double = 2*sin(theta)")
    assert done.returncode == 0, done.stderr
    assert "f_theta_theta" in done.stdout
    assert "double = " in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("compile", "sphere2", "-q", "scaler"), "unknown quantity 'scaler'"),
        (("compile", "spere2"), "did you mean"),
        (("compile", "sphere2", "-q", "weyl"), "n >= 3"),
        (("certify", "sphere2", "-q", "x ="), "quantity 'x': the text is empty"),
    ],
)
def test_bad_input_is_one_message(words: tuple[str, ...], message: str) -> None:
    done = geomkit(*words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.slow
def test_a_kernel_over_its_budget_says_that_it_is_staged(folder: str) -> None:
    words = ("compile", "kerr", "-q", "ricci", "--budget", "0.01")
    done = geomkit(*words, GEOMKIT_CACHE_DIR=folder)
    assert done.returncode == 0
    assert "step by step" in done.stderr
    shown = geomkit("show", "kerr", "--stage", "program", "-q", "ricci", "--budget", "0.01")
    assert "# staged" in shown.stdout
    assert "step by step" in shown.stderr


@pytest.mark.parametrize(
    ("text", "message"), [("laplacian(", "unknown quantity"), ("", "nothing to compute"), (",", "")]
)
def test_what_is_no_quantity_is_refused(text: str, message: str) -> None:
    done = geomkit("compile", "sphere2", "-q", text)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_stage_without_quantities_shows_the_usual_tensors() -> None:
    done = geomkit("show", "sphere2", "--stage", "program")
    assert done.stdout.startswith("program sphere2(points = [theta, phi], a)")
    assert "scalar" in done.stdout
