"""What a user calls a metric: a file, or a name of the catalogue."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from geomkit.errors import FileError

if TYPE_CHECKING:
    from geomkit.metric import Metric

__all__ = ["claim_path", "find_metric"]


def find_metric(target: str) -> Metric:
    """Load a metric from a file or from the catalogue.

    Args:
        target: a path to a TOML or JSON file, or a catalogue name.

    Returns:
        The metric.

    Raises:
        FileError: there is no such file and no such name, or the file cannot be used.
    """
    from geomkit.files import load

    return load(claim_path(target))


def claim_path(target: str) -> str:
    """Find the file of a metric.

    Args:
        target: a path to a TOML or JSON file, or a catalogue name.

    Returns:
        The path of the file.

    Raises:
        FileError: there is no such file and no such name.
    """
    from geomkit.catalog import catalog

    names = list(catalog.names())
    if target in names:
        return str(catalog.path(target))
    path = Path(target)
    if path.is_file():
        return str(path)
    if path.is_dir():
        raise FileError("is a folder", file=target, remedy="name one metric file")
    if path.suffix in {".toml", ".json"} or len(path.parts) > 1:
        raise FileError("no such file", file=target, remedy="check the path")
    near = difflib.get_close_matches(target.lower(), names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise FileError(
        f"neither a file nor a name of the catalogue; {hint}"
        f"`geomkit catalog` lists all {len(names)} names",
        file=target,
    )
