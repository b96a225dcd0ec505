"""Kernels on disk: in other processes, in races, after accidents and after changes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geomkit import cache
from geomkit.backends.numba import build
from geomkit.errors import GeomkitError
from geomkit.program import Builder

# A child builds a kernel with everything that could be bound to a process (a sine, functions of
# SciPy, a loop with memory), and says what it computed and what the log of the cache said.
CHILD = """
import json, logging, os, signal, sys
lines = []
class Keep(logging.Handler):
    def emit(self, record):
        lines.append(f"{record.levelname} {record.getMessage()}")
log = logging.getLogger("geomkit.cache")
log.addHandler(Keep())
log.setLevel(logging.INFO)
import numpy as np
from geomkit.backends.numba import build
from geomkit.program import Builder
b = Builder("child")
x = b.input("x", "coordinate", "points", 0)
one = b.call("besseli", b.number(1), b.call("sin", x))
two = b.call("polygamma", b.number(1), x)
for k, node in enumerate((one, two, b.call("airyai", x), b.call("sinh", x), b.call("log", x))):
    b.scalar(f"y{k}", node)
PREPARE
code = build(b.finish())
values = code.packed([np.array([[0.7], [1.3]])], [])[0, :, :2]
print(json.dumps({"values": values.tolist(), "log": lines, "path": str(code.path)}))
"""
KILL = """
replace, calls = os.replace, []
def killed(*args):
    calls.append(1)
    if len(calls) == AT:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*args)
os.replace = killed
"""


def expected() -> Any:
    from scipy import special

    x = np.array([0.7, 1.3])
    rows = special.iv(1, np.sin(x)), special.polygamma(1, x), special.airy(x)[0], np.sinh(x)
    return np.array([*rows, np.log(x)])


def start(place: Path | str, prepare: str = "") -> subprocess.Popen[str]:
    text = CHILD.replace("PREPARE", prepare)
    return subprocess.Popen(
        [sys.executable, "-c", text],
        env={**os.environ, "GEOMKIT_CACHE_DIR": str(place)},
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(child: subprocess.Popen[str]) -> dict[str, Any]:
    out, _ = child.communicate(timeout=200)
    assert child.returncode == 0, out
    said: dict[str, Any] = json.loads(out)
    # a few roundings in SciPy and in ours
    np.testing.assert_allclose(said["values"], expected(), rtol=2e-15)
    return said


def loaded(said: dict[str, Any]) -> bool:
    return bool(said["log"] == ["INFO machine code of child is loaded"])


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that a process filled; not to be changed."""
    place = tmp_path_factory.mktemp("cache") / "kernels"
    assert not finish(start(place))["log"]
    return place


@pytest.fixture
def copied(filled: Path, tmp_path: Path) -> Path:
    """A copy in another place, with other times."""
    shutil.copytree(filled, tmp_path / "moved", copy_function=shutil.copyfile)
    return tmp_path / "moved"


# Other processes ---------------------------------------------------------------------------------


def test_a_second_process_loads_a_moved_folder(copied: Path) -> None:
    said = finish(start(copied))
    assert loaded(said)
    assert Path(said["path"]).parent == copied


@pytest.mark.slow
def test_two_processes_race(tmp_path: Path) -> None:
    children = [start(tmp_path / "new") for _ in range(2)]
    for child in children:
        said = finish(child)
        assert loaded(said) or not said["log"]
    assert loaded(finish(start(tmp_path / "new")))


@pytest.mark.parametrize("at", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_writer_is_killed(tmp_path: Path, at: int) -> None:
    # at the first file (the source), and at the third (machine code)
    child = start(tmp_path / "new", KILL.replace("AT", str(at)))
    child.communicate(timeout=200)
    assert child.returncode == -9
    assert any(path.name.startswith(".geomkit-") for path in (tmp_path / "new").iterdir())
    assert not finish(start(tmp_path / "new"))["log"], "it compiles as if nothing had happened"


# Accidents, in this process ----------------------------------------------------------------------


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An empty cache, and no kernel in memory."""
    monkeypatch.setenv("GEOMKIT_CACHE_DIR", str(tmp_path / "kernels"))
    yield tmp_path / "kernels"
    forget()


def forget() -> None:
    for name in [name for name in sys.modules if name.startswith("geomkit_kernel_small")]:
        del sys.modules[name]


def value() -> float:
    """Build a small kernel as a new process would, and call it."""
    forget()
    b = Builder("small")
    x = b.input("x", "coordinate", "points", 0)
    code = build(b.scalar("y", b.add(b.mul(x, x), b.number(1))).finish())
    return float(code.packed([np.array([[3.0]])], [])[0, 0, 0])


def only(place: Path, pattern: str) -> Path:
    (found,) = place.glob(pattern)
    return found


@pytest.mark.parametrize("pattern", ["*.py", "*.code", "*.manifest"])
@pytest.mark.parametrize("change", ["cut", "changed"])
def test_damaged_files_are_made_anew(
    fresh: Path, caplog: pytest.LogCaptureFixture, pattern: str, change: str
) -> None:
    assert value() == 10.0
    assert not caplog.records
    path = only(fresh, pattern)
    before = path.read_bytes()
    half = len(before) // 2
    path.write_bytes(before[:half] if change == "cut" else before.replace(b"a", b"b"))
    assert value() == 10.0
    assert [r.levelname for r in caplog.records if r.levelname == "WARNING"]
    assert path.name in caplog.text
    caplog.clear()
    if pattern != "*.code":  # machine code need not come out the same, so its name may differ
        assert only(fresh, pattern).read_bytes() == before or pattern == "*.manifest"
    assert value() == 10.0
    assert not [r for r in caplog.records if r.levelname == "WARNING"]


def test_a_changed_source_is_never_run(fresh: Path) -> None:
    value()
    path = only(fresh, "*.py")
    path.write_text(path.read_text().replace("1.0", "2.0"))
    only(fresh, "*.code").unlink()
    assert value() == 10.0


def test_machine_code_that_does_not_load(fresh: Path, caplog: pytest.LogCaptureFixture) -> None:
    value()
    suffix = "." + ".".join(only(fresh, "*.code").name.rsplit(".", 2)[1:])
    path = only(fresh, "*.py")
    name, digest = path.stem.rsplit("_", 1)
    cache.store(name, digest, {suffix: b"whole, but no machine code"})
    assert value() == 10.0
    assert "cannot be loaded" in caplog.text


@pytest.mark.parametrize("reason", ["read-only", "full", "not a folder"])
def test_without_a_disk_kernels_stay_in_memory(
    fresh: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    reason: str,
) -> None:
    if reason == "not a folder":
        fresh.write_text("a file")
    else:
        number = 30 if reason == "read-only" else 28

        def fail(*_: Any, **__: Any) -> None:
            raise OSError(number, reason)

        monkeypatch.setattr("geomkit.writing.os.open", fail)
    assert value() == 10.0
    assert "only in memory" in caplog.text


def test_without_a_cache_nothing_is_written(fresh: Path) -> None:
    b = Builder("small_unkept")
    code = build(b.scalar("y", b.input("x", "coordinate", "points")).finish(), cache=False)
    assert code.path is None
    assert not fresh.exists()


def test_a_folder_that_cannot_be_trusted_stops_the_build(fresh: Path) -> None:
    fresh.mkdir()
    fresh.chmod(0o777)
    with pytest.raises(GeomkitError, match="others may write"):
        value()
