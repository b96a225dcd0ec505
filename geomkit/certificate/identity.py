"""What identifies a kernel: hashes of metric, program and source, and versions of libraries."""

from __future__ import annotations

import hashlib
import json
from importlib import metadata
from typing import Any

from geomkit import _version
from geomkit.metric import Metric

__all__ = ["file_source", "hashes", "metric_hash", "text_hash", "versions"]

_LIBRARIES = ("numpy", "sympy", "python-flint")
_OF_BACKEND = {
    "numba": ("numba", "llvmlite"),
    "torch": ("torch", "numba", "llvmlite"),
    "interpret": ("mpmath",),
}


def text_hash(text: str) -> str:
    """SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def metric_hash(metric: Metric) -> str:
    """SHA-256 of the canonical JSON of a metric."""
    return text_hash(json.dumps(metric.to_dict(), sort_keys=True, separators=(",", ":")))


def hashes(kernel: Any) -> dict[str, str]:
    """The hashes of a kernel.

    Args:
        kernel: the kernel.

    Returns:
        "metric", "program" and "source".
    """
    return {
        "metric": metric_hash(kernel.metric),
        "program": kernel.program.hash,
        "source": text_hash(kernel.source),
    }


def file_source(kernel: Any) -> str | None:
    """The text of the kernel's source file; None where it has none, "" where it is gone."""
    if kernel.path is None:
        return None
    try:
        text: str = kernel.path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    return text


def versions(backend: str) -> dict[str, str]:
    """The versions of what takes part in making a kernel of a backend.

    Args:
        backend: "numba", "torch" or "interpret".

    Returns:
        Versions by name of the distribution.
    """
    found = {"geomkit": _version.__version__}
    for name in (*_LIBRARIES, *_OF_BACKEND.get(backend, ())):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
