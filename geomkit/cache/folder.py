"""Where the cache is, and whether it may be trusted."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from geomkit.errors import GeomkitError

__all__ = ["folder"]


def folder() -> Path:
    """Return the folder of the cache; it is made, private to the user, when it is missing.

    Returns:
        The folder of `GEOMKIT_CACHE_DIR`, by default `kernels` in the user's cache folder of
        geomkit.

    Raises:
        GeomkitError: it belongs to somebody else or others may write into it: machine code from
            there is not run.
        NotADirectoryError: it is something else than a folder.
        OSError: it cannot be made.

    Example:
        >>> folder().is_dir()
        True
    """
    path = _place()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        words = "it is no folder; give GEOMKIT_CACHE_DIR one"
        raise NotADirectoryError(errno.ENOTDIR, words, str(path)) from None
    if hasattr(os, "getuid"):
        _check(path)
    return path


def _place() -> Path:
    given = os.environ.get("GEOMKIT_CACHE_DIR")
    if given:
        return Path(given).expanduser().absolute()
    from platformdirs import user_cache_path

    path = user_cache_path("geomkit") / "kernels"
    if not path.is_absolute():
        raise FileNotFoundError("this user has no home folder; GEOMKIT_CACHE_DIR can name a folder")
    return path


def _check(path: Path) -> None:
    status = path.stat()
    remedy = "give GEOMKIT_CACHE_DIR a folder of your own"
    if status.st_uid != os.getuid():
        raise GeomkitError(
            f"the cache folder {path} belongs to user {status.st_uid}, and this process to user "
            f"{os.getuid()}: machine code of somebody else is not run; {remedy}"
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise GeomkitError(
            f"others may write into the cache folder {path} (mode "
            f"{stat.S_IMODE(status.st_mode):04o}), so what is in it cannot be trusted; "
            f"chmod 700 {path}, or {remedy}"
        )
