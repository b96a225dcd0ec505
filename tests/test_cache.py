"""The cache folder: whose it is, what is kept, and what happens to files that were changed."""

from __future__ import annotations

import json
import logging
import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from geomkit import cache
from geomkit.cli.cache import run_clear, run_info
from geomkit.errors import GeomkitError

DIGEST = "0123456789abcdef" * 4


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GEOMKIT_CACHE_DIR", str(tmp_path / "kernels"))
    return tmp_path / "kernels"


# The folder --------------------------------------------------------------------------------------


def test_folder_is_private(place: Path) -> None:
    assert cache.folder() == place
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    cache.store("kernel", DIGEST, {".py": "text"})
    assert {stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()} == {0o600}


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777, 0o702])
def test_folder_that_others_may_write_is_refused(place: Path, mode: int) -> None:
    place.mkdir()
    place.chmod(mode)
    with pytest.raises(GeomkitError, match=r"others may write.*chmod 700"):
        cache.store("kernel", DIGEST, {".py": "text"})
    with pytest.raises(GeomkitError, match="others may write"):
        cache.read("kernel", DIGEST, ".py")


def test_folder_of_somebody_else_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place.mkdir(mode=0o700)
    monkeypatch.setattr(os, "getuid", lambda: place.stat().st_uid + 1)
    with pytest.raises(GeomkitError, match="belongs to user"):
        cache.folder()


def test_default_folder_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEOMKIT_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.folder() == tmp_path / "geomkit" / "kernels"


def test_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEOMKIT_CACHE_DIR")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: Path("~/.cache") / name)
    with pytest.raises(OSError, match="no home"):
        cache.folder()


def test_a_folder_that_is_none(place: Path) -> None:
    place.symlink_to(place.parent / "nowhere")
    with pytest.raises(NotADirectoryError, match=r"it is no folder; give GEOMKIT_CACHE_DIR one"):
        cache.folder()


def test_a_link_to_a_folder_is_one(place: Path) -> None:
    (place.parent / "real").mkdir(mode=0o700)
    place.symlink_to(place.parent / "real")
    cache.store("kernel", DIGEST, {".py": "text"})
    assert cache.read("kernel", DIGEST, ".py") == b"text"
    assert cache.clear().kernels == 1
    (place.parent / "real").chmod(0o777)
    with pytest.raises(GeomkitError, match="others may write"):
        cache.folder()


# Files -------------------------------------------------------------------------------------------


def test_what_was_stored_is_read(place: Path) -> None:
    paths = cache.store("kernel", DIGEST, {".py": "text é", ".code": b"\x00\xff"})
    assert cache.read("kernel", DIGEST, ".py") == "text é".encode()
    assert cache.read("kernel", DIGEST, ".code") == b"\x00\xff"
    assert paths[".py"] == place / "kernel_0123456789abcdef.py"
    assert cache.read("kernel", DIGEST, ".json") is None
    assert cache.read("other", DIGEST, ".py") is None
    assert cache.read("kernel", "f" * 64, ".py") is None


def test_later_files_are_added_and_replaced(place: Path) -> None:
    cache.store("kernel", DIGEST, {".py": "text"})
    first = cache.store("kernel", DIGEST, {".code": b"one"})[".code"]
    second = cache.store("kernel", DIGEST, {".code": b"two"})[".code"]
    assert cache.read("kernel", DIGEST, ".py") == b"text"
    assert cache.read("kernel", DIGEST, ".code") == b"two"
    assert second.exists()
    assert not first.exists(), "what no manifest lists would stay for ever"


@pytest.mark.parametrize("change", ["cut", "changed", "longer", "empty"])
@pytest.mark.parametrize("suffix", [".py", ".code"])
def test_changed_files_are_removed_and_it_is_said(
    place: Path, caplog: pytest.LogCaptureFixture, suffix: str, change: str
) -> None:
    paths = cache.store("kernel", DIGEST, {".py": "some text", ".code": b"some bytes"})
    data = paths[suffix].read_bytes()
    altered = {"cut": data[:-1], "changed": b"S" + data[1:], "longer": data + b" ", "empty": b""}
    paths[suffix].write_bytes(altered[change])
    with caplog.at_level(logging.WARNING, "geomkit.cache"):
        assert cache.read("kernel", DIGEST, suffix) is None
    assert "is not what was written there" in caplog.text
    assert not paths[suffix].exists()
    caplog.clear()
    assert cache.read("kernel", DIGEST, suffix) is None
    assert not caplog.records, "a file that is missing is nothing to warn of"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"files": 3}',
        b'{"files": {".py": {"file": "../../secret", "sha256": "0"}}}',
        b'{"files": {".py": {"file": "kernel_0123456789abcdef/../x", "sha256": "0"}}}',
        b'{"files": {".py": {"file": "kernel_0123456789abcdef.py"}}}',
        b'{"files": {".py": {"file": "kernel_0123456789abcdef.py", "sha256": 1}}}',
    ],
)
def test_damaged_manifests_are_removed_and_it_is_said(
    place: Path, caplog: pytest.LogCaptureFixture, text: bytes
) -> None:
    cache.store("kernel", DIGEST, {".py": "text"})
    manifest = place / "kernel_0123456789abcdef.manifest"
    manifest.write_bytes(text)
    with caplog.at_level(logging.WARNING, "geomkit.cache"):
        assert cache.read("kernel", DIGEST, ".py") is None
    assert "is damaged" in caplog.text
    assert not manifest.exists()
    cache.store("kernel", DIGEST, {".py": "text"})
    assert cache.read("kernel", DIGEST, ".py") == b"text"


def test_a_manifest_is_readable(place: Path) -> None:
    cache.store("kernel", DIGEST, {".py": "text"})
    content = json.loads((place / "kernel_0123456789abcdef.manifest").read_text())
    # echo -n text | sha256sum
    known = "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1"
    assert content["files"] == {".py": {"file": "kernel_0123456789abcdef.py", "sha256": known}}


@pytest.mark.parametrize("call", ["replace", "open"])
def test_a_full_disk_leaves_nothing_behind(
    place: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    cache.store("kernel", DIGEST, {".py": "old"})
    before = sorted(place.iterdir())
    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space"):
        cache.store("kernel", DIGEST, {".py": "new"})
    assert sorted(place.iterdir()) == before
    assert cache.read("kernel", DIGEST, ".py") == b"old"


def test_leavings_of_killed_writers_are_swept(place: Path) -> None:
    cache.store("kernel", DIGEST, {".py": "text"})
    old, new, other = (
        place / f".geomkit-{end}" for end in ("12345_ab.part", "12345_cd.part", "notes")
    )
    for path in (old, new, other):
        path.write_text("half")
        if path != new:
            os.utime(path, (time.time() - 7200, time.time() - 7200))
    cache.store("kernel", DIGEST, {".py": "text"})
    assert not old.exists()
    assert new.exists(), "it may belong to a writer that is at work"
    assert other.exists(), "it is not called like a temporary file"


# Information and clearing ------------------------------------------------------------------------


def test_info_and_clear(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cache.info() == cache.Info(place, 0, 0)
    cache.store("one", DIGEST, {".py": "x" * 1000, ".code": b"y" * 500})
    cache.store("two", DIGEST, {".py": "z"})
    (place / "one_0123456789abcdef.certificate.json").write_text("{}")
    (place / "letter.txt").write_text("not ours")
    (place / ".geomkit-left_123.part").write_text("half")
    found = cache.info()
    assert found.kernels == 2
    assert found.bytes == sum(p.stat().st_size for p in place.iterdir()) - len("not ours")
    run_info()
    assert f"{place}: 2 kernels" in capsys.readouterr().out
    run_clear()
    assert "2 kernels" in capsys.readouterr().out
    assert [path.name for path in place.iterdir()] == ["letter.txt"]
    assert cache.clear().kernels == 0


def test_clearing_leaves_what_others_put_there(place: Path) -> None:
    place.mkdir(mode=0o700)
    others = [".manifest", "thesis.manifest", "thesis.tex", "precious.txt", ".geomkit-settings"]
    others += ["kernel_0123456789abcdef_notes.txt", "kernel_0123.manifest", "kernel_0123.txt"]
    for name in others:
        (place / name).write_text("precious")
    (place / "kernel_0123456789abcdef.folder").mkdir()
    cache.store("kernel", DIGEST, {".py": "text", ".code": b"bytes"})
    assert cache.info().kernels == 1
    assert cache.clear().kernels == 1
    left = sorted([*others, "kernel_0123456789abcdef.folder"])
    assert sorted(path.name for path in place.iterdir()) == left
