"""Files that a command writes: refused before the work if they cannot be, and never in part."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from geomkit.errors import FileError
from geomkit.writing import write_whole

__all__ = ["check_outputs", "write_text"]

_SUFFIXES = (".toml", ".json")


def check_outputs(outputs: Mapping[str, Path | None], inputs: Sequence[Path]) -> None:
    """Refuse outputs that cannot be written, or would overwrite an input.

    The folders of the outputs are made if they are missing.

    Args:
        outputs: option (`--json`) -> where it writes, or None.
        inputs: files and folders that are read.

    Raises:
        FileError: naming the path as it was given.
    """
    wanted = {option: path for option, path in outputs.items() if path is not None}
    taken: dict[Path, str] = {}
    for option, path in wanted.items():
        place = path.resolve()
        if place in taken:
            remedy = f"give {taken[place]} and {option} different files"
            raise FileError(f"is the place of {taken[place]} too", file=str(path), remedy=remedy)
        taken[place] = option
        for given in inputs:
            _check_input(option, path, given)
        _check_place(option, path)


def _check_input(option: str, path: Path, given: Path) -> None:
    place, source = path.resolve(), given.resolve()
    if place == source and not given.is_dir():
        remedy = f"give {option} another name; verdicts would replace the claims"
        raise FileError("is an input", file=str(path), remedy=remedy)
    if given.is_dir() and source in place.parents and path.suffix in _SUFFIXES:
        remedy = f"write {option} outside {given}, or with another suffix"
        message = f"is inside {given}, whose {path.suffix} files are read as claim files"
        raise FileError(message, file=str(path), remedy=remedy)


def _check_place(option: str, path: Path) -> None:
    if path.is_dir():
        raise FileError("is a folder", file=str(path), remedy=f"name a file for {option}")
    if path.exists() and not path.is_file():
        return  # /dev/stdout, a named pipe: written to as it is
    with _named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = _temporary(path)
        os.close(handle)
        Path(name).unlink()


def write_text(path: Path, text: str) -> None:
    """Write a file completely or not at all: to a temporary file beside it, then moved into place.

    Args:
        path: where; missing folders are made.
        text: what.

    Raises:
        FileError: it cannot be written; the message names `path`.
    """
    with _named(path):
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path.resolve(), text, mode=0o644)


def _temporary(path: Path) -> tuple[int, str]:
    """A new file beside `path`; its name is short, whatever that of `path` is."""
    return tempfile.mkstemp(dir=path.resolve().parent, prefix=".geomkit.", suffix=".part")


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let messages of the system name the path that was given, not a temporary file."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        remedy = "name a file in a folder that you may write to"
        raise FileError(f"cannot be written ({reason})", file=str(path), remedy=remedy) from None
