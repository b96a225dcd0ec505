"""Kernel sources as a person reads them, byte for byte.

After a change that is meant, `GEOMKIT_UPDATE_GOLDEN=1 pytest tests/test_numba_golden.py` writes
them anew; the run fails once, and the diff belongs into the review.
"""

from __future__ import annotations

import difflib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import geomkit as gk
from geomkit.backends.numba.source import source
from geomkit.lower import lower

GOLDEN = Path(__file__).parent / "golden"
SOURCES = {
    "sphere": ("sphere2", ["metric", "christoffel", "ricci", "scalar"]),
    "schwarzschild": ("schwarzschild", ["christoffel", "riemann_down", "kretschmann"]),
    "kerr": ("kerr", ["riemann_down", "ricci", "scalar", "kretschmann"]),
}


def compare(path: Path, text: str, update: bool) -> None:
    """Fail, with a diff, unless a file has this text; write it when asked to."""
    old = path.read_text() if path.exists() else ""
    if old == text:
        return
    if update:
        path.write_text(text)
    lines = difflib.unified_diff(old.splitlines(), text.splitlines(), str(path), "now", lineterm="")
    pytest.fail(
        "\n".join(lines) + f"\n{path.name} {'was written' if update else 'differs'}; "
        "GEOMKIT_UPDATE_GOLDEN=1 writes what is meant"
    )


@pytest.mark.parametrize("name", SOURCES)
def test_golden_sources(name: str) -> None:
    metric, quantities = SOURCES[name]
    text = source(lower(gk.catalog[metric], quantities))
    compare(GOLDEN / f"{name}.py.txt", text, bool(os.environ.get("GEOMKIT_UPDATE_GOLDEN")))


@pytest.mark.parametrize("name", SOURCES)
def test_sources_speak_of_no_version_and_fit_a_screen(name: str) -> None:
    text = (GOLDEN / f"{name}.py.txt").read_text()
    assert not re.search(r"\d+\.\d+\.\d+", text), "a version number: every release would differ"
    assert max(map(len, text.splitlines())) <= 120


def test_sources_do_not_depend_on_the_process() -> None:
    # sets of names are walked in an order that the hash seed decides, unless they are sorted
    program = (
        "import geomkit as gk; from geomkit.lower import lower;"
        "from geomkit.backends.numba.source import source;"
        "print(source(lower(gk.catalog['schwarzschild'], ['christoffel', 'riemann_down',"
        "'kretschmann'])), end='')"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert texts == {(GOLDEN / "schwarzschild.py.txt").read_text()}


def test_a_source_that_differs_fails(tmp_path: Path) -> None:
    path = tmp_path / "old.py.txt"
    with pytest.raises(pytest.fail.Exception, match="differs"):
        compare(path, "new\n", update=False)
    assert not path.exists(), "a missing golden file is no reason to write one"
    with pytest.raises(pytest.fail.Exception, match="was written"):
        compare(path, "new\n", update=True)
    compare(path, "new\n", update=False)
