"""Files of the cache: written whole, listed with their hash, checked when they are read.

What belongs together (a source, its machine code, a certificate) is named by a stem,
`kerr_1a2b...`. Its manifest, `kerr_1a2b....manifest`, is JSON and says which file stands for which
suffix, and the SHA-256 of each.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geomkit.writing import PREFIX, SUFFIX, write_whole

from .folder import folder

__all__ = ["Info", "clear", "info", "read", "stem", "store"]

LOG = logging.getLogger("geomkit.cache")
MANIFEST = ".manifest"
# The names of manifests and of temporary files. Whatever has another name is not geomkit's, and is
# never removed: the folder may hold files of others.
_MANIFESTS = re.compile(r"([^\W\d]\w*_[0-9a-f]{16})\.manifest")
_TEMPORARIES = re.compile(rf"{re.escape(PREFIX)}[a-z0-9_]{{8}}{re.escape(SUFFIX)}")
# Seconds after which a temporary file was left by a writer that was killed.
STALE = 3600.0


@dataclass(frozen=True)
class Info:
    """What the cache holds.

    Attributes:
        folder: where it is.
        kernels: how many kernels are in it.
        bytes: the size of all their files.
    """

    folder: Path
    kernels: int
    bytes: int

    def __str__(self) -> str:
        return f"{self.folder}: {self.kernels} kernels, {self.bytes / 1e6:.1f} MB"


def stem(name: str, digest: str) -> str:
    """Return how the files of a name and a hash begin."""
    return f"{name}_{digest[:16]}"


def store(name: str, digest: str, files: Mapping[str, str | bytes]) -> dict[str, Path]:
    """Write files, and list them in the manifest.

    Args:
        name: an identifier, for people.
        digest: hexadecimal hash of all that the files were made from.
        files: content by suffix (".py"): text under `<name>_<digest><suffix>`; bytes, which two
            processes may make differently, under a name of their own.

    Returns:
        The paths, by suffix.

    Raises:
        OSError: the folder cannot be written, or is full.
        GeomkitError: the folder cannot be trusted.

    Example:
        >>> paths = store("example", "0" * 64, {".txt": "kept"})
        >>> read("example", "0" * 64, ".txt")
        b'kept'
    """
    place, base = folder(), stem(name, digest)
    paths, rows = {}, dict(_manifest(place, base))
    for suffix, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        found = hashlib.sha256(data).hexdigest()
        mark = "" if isinstance(content, str) else f".{found[:8]}"
        paths[suffix] = place / f"{base}{mark}{suffix}"
        _write(paths[suffix], data)
        old = rows.get(suffix)
        rows[suffix] = {"file": paths[suffix].name, "sha256": found}
        if old and old["file"] != rows[suffix]["file"]:
            _remove(place / old["file"])
    # the manifest comes last: a writer that is killed leaves files that nobody reads
    content = json.dumps({"format": 1, "files": rows}, indent=1, sort_keys=True)
    _write(place / f"{base}{MANIFEST}", content.encode())
    return paths


def read(name: str, digest: str, suffix: str) -> bytes | None:
    """Read a file that `store` wrote, if it is still what was written.

    Args:
        name: as for `store`.
        digest: as for `store`.
        suffix: which of the files.

    Returns:
        The content; None when there is none, or when it was damaged: then it is removed, and the
        log says so.

    Raises:
        OSError: the folder cannot be read.
        GeomkitError: the folder cannot be trusted.
    """
    place, base = folder(), stem(name, digest)
    row = _manifest(place, base).get(suffix)
    if row is None:
        return None
    path = place / row["file"]
    try:
        data: bytes = path.read_bytes()
    except FileNotFoundError:
        return None
    if hashlib.sha256(data).hexdigest() != row["sha256"]:
        LOG.warning("%s is not what was written there; it is removed and made anew", path)
        _remove(path)
        return None
    return data


def info() -> Info:
    """Return what the cache holds.

    Returns:
        Folder, number of kernels, bytes.
    """
    place = folder()
    files = list(_files(place))
    kernels = sum(path.name.endswith(MANIFEST) for path in files)
    return Info(place, kernels, sum(_size(path) for path in files))


def clear() -> Info:
    """Remove all kernels from the cache; files that are not of geomkit stay.

    Returns:
        What was removed.
    """
    before = info()
    for path in list(_files(before.folder)):
        _remove(path)
    return before


def _files(place: Path) -> Iterator[Path]:
    """Manifests, and files that are called like one of them, up to a dot."""
    names = sorted(path.name for path in place.iterdir() if path.is_file())
    stems = {found[1] for name in names if (found := _MANIFESTS.fullmatch(name))}
    for name in names:
        if name.split(".", 1)[0] in stems or _TEMPORARIES.fullmatch(name):
            yield place / name


def _manifest(place: Path, base: str) -> dict[str, Any]:
    """The rows of a manifest; none if it is missing or damaged."""
    path = place / f"{base}{MANIFEST}"
    try:
        rows = json.loads(path.read_bytes())["files"]
        good = all(
            row["file"].startswith(base)
            and Path(row["file"]).name == row["file"]
            and isinstance(row["sha256"], str)
            for row in rows.values()
        )
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError):
        good = False
    if good:
        return dict(rows)
    LOG.warning("%s is damaged; it is removed, and what it lists is made anew", path)
    _remove(path)
    return {}


def _write(path: Path, data: bytes) -> None:
    _sweep(path.parent)
    write_whole(path, data)


def _sweep(place: Path) -> None:
    """Remove what killed writers left behind."""
    for path in place.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if not _TEMPORARIES.fullmatch(path.name):
                continue
            if time.time() - path.stat().st_mtime > STALE:
                path.unlink()


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
