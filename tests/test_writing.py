"""Files that are written whole: their content, who may read them, and what killed writers leave."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from geomkit.writing import PREFIX, SUFFIX, remove_leftovers, write_whole


@pytest.fixture
def mask() -> Iterator[None]:
    """A process whose files only its user and group may read."""
    before = os.umask(0o027)
    yield
    os.umask(before)


def test_content_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_whole(path, "größer")
    assert path.read_bytes() == "größer".encode()
    write_whole(path, b"\x00\xff", durable=True)
    assert path.read_bytes() == b"\x00\xff"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.usefixtures("mask")
@pytest.mark.parametrize(("mode", "given"), [(0o600, 0o600), (0o666, 0o640), (0o644, 0o640)])
def test_the_mask_of_the_process_is_kept(tmp_path: Path, mode: int, given: int) -> None:
    write_whole(tmp_path / "a", "x", mode=mode)
    assert (tmp_path / "a").stat().st_mode & 0o777 == given


def test_a_disk_that_is_full_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_whole(tmp_path / "a", "first")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(tmp_path / "a", "second", durable=True)
    assert (tmp_path / "a").read_text() == "first"
    assert os.listdir(tmp_path) == ["a"]


def test_a_killed_writer_leaves_the_old_file_and_a_part_that_is_swept(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", "first")
    code = (
        "import os, sys, pathlib, geomkit.writing\n"
        "os.replace = lambda *_: os.kill(os.getpid(), 9)\n"
        "geomkit.writing.write_whole(pathlib.Path(sys.argv[1]) / 'a', 'second')"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == -9
    assert (tmp_path / "a").read_text() == "first"
    left = sorted(os.listdir(tmp_path))
    assert len(left) == 2
    assert left[0].startswith(PREFIX)
    assert left[0].endswith(SUFFIX)
    (tmp_path / f"{PREFIX}notes{SUFFIX}").write_text("not called like one of ours")
    remove_leftovers(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [f"{PREFIX}notes{SUFFIX}", "a"]
    remove_leftovers(tmp_path / "nowhere")
