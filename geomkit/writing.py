"""Files written whole or not at all: nobody ever sees half of one, whoever is killed when."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = ["PREFIX", "SUFFIX", "write_whole"]

# What a killed writer leaves behind is `PREFIX????????SUFFIX`.
PREFIX, SUFFIX = ".geomkit-", ".part"


def write_whole(path: Path, data: str | bytes, *, mode: int = 0o600) -> None:
    """Write to a temporary file in the same folder, then move it into place.

    Args:
        path: where; the folder exists.
        data: text (written as UTF-8) or bytes.
        mode: who may read the file.

    Raises:
        OSError: it cannot be written; what was at `path` is as it was.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_whole(Path(folder) / "a.txt", "all of it")
        ...     os.listdir(folder)
        ['a.txt']
    """
    content = data.encode("utf-8") if isinstance(data, str) else data
    handle, name = tempfile.mkstemp(SUFFIX, PREFIX, path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(name).chmod(mode)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
