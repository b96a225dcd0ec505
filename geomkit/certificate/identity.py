"""What identifies a kernel: hashes of metric, program and source, and versions of libraries."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from typing import Any

from geomkit import _version
from geomkit.kernel.identity import metric_hash, text_hash

__all__ = ["file_source", "hashes", "metric_hash", "text_hash", "versions"]

_LIBRARIES = ("numpy", "sympy", "python-flint")
_OF_BACKEND = {
    "numba": ("numba", "llvmlite", "scipy"),
    "torch": ("torch", "numba", "llvmlite", "scipy"),
    "interpret": ("mpmath",),
}


def hashes(kernel: Any, dtype: str = "float64") -> dict[str, str]:
    """The hashes of a kernel.

    Args:
        kernel: the kernel.
        dtype: the number type it is used with.

    Returns:
        "metric", "program" and "source"; with numba also "variants", the other sources that are
        made of the program for this number type.
    """
    found = {
        "metric": metric_hash(kernel.metric),
        "program": kernel.program.hash,
        "source": text_hash(kernel.source),
    }
    if kernel.backend == "numba":
        found["variants"] = text_hash("".join(_variants(kernel, dtype)))
    return found


def _variants(kernel: Any, dtype: str) -> Iterator[str]:
    from geomkit.backends.numba.source import Variant, source

    kinds = [Variant(dtype), Variant(dtype, each=True), Variant(dtype, safe=True)]
    kinds += [Variant(dtype, each=True, safe=True), Variant(point=True)]
    for variant in kinds:
        yield source(kernel.program, variant)


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
