"""Files written whole or not at all: nobody ever sees half of one, whoever is killed when."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

__all__ = ["PREFIX", "SUFFIX", "remove_leftovers", "write_whole"]

# What a killed writer leaves behind is `PREFIX????????SUFFIX`.
PREFIX, SUFFIX = ".geomkit-", ".part"
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def write_whole(path: Path, data: str | bytes, *, mode: int = 0o600, durable: bool = False) -> None:
    """Write to a temporary file in the same folder, then move it into place.

    Args:
        path: where; the folder exists.
        data: text (written as UTF-8) or bytes.
        mode: who may read the file, if the process's mask lets them.
        durable: the content is on the disk before it is at its place, so that not even a power
            failure leaves half of it; that costs some milliseconds.

    Raises:
        OSError: it cannot be written; what was at `path` is as it was.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_whole(Path(folder) / "a.txt", "all of it")
        ...     os.listdir(folder)
        ['a.txt']
    """
    content = data.encode("utf-8") if isinstance(data, str) else data
    part = path.parent / f"{PREFIX}{secrets.token_hex(4)}{SUFFIX}"
    handle = os.open(part, _NEW, mode)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def remove_leftovers(folder: Path) -> None:
    """Remove what killed writers left in a folder that nobody else is writing to.

    Args:
        folder: it may not be there.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     (Path(folder) / f"{PREFIX}01234567{SUFFIX}").touch()
        ...     remove_leftovers(Path(folder))
        ...     os.listdir(folder)
        []
    """
    for part in folder.glob(f"{PREFIX}????????{SUFFIX}"):
        part.unlink(missing_ok=True)
