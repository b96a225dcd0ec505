"""Generated text as a module that Python knows: importable by name, with source in tracebacks."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import sys
from collections.abc import Mapping
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType

from geomkit import cache

__all__ = ["keep", "load"]

LOG = logging.getLogger("geomkit.backends.torch")


class _Text(InspectLoader):
    """Loads one module from a text; `linecache` asks it for the lines."""

    def __init__(self, text: str, file: str) -> None:
        self.text, self.file = text, file

    def get_source(self, fullname: str) -> str:
        return self.text

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.text, self.file)

    def is_package(self, fullname: str) -> bool:
        return False


def load(name: str, text: str, path: Path | None = None) -> Mapping[str, object]:
    """Load a module from its text, or find it if it was loaded before.

    Args:
        name: its name, registered in `sys.modules`; one name, one text.
        text: its source.
        path: the file that holds the same text, if there is one.

    Returns:
        The names that it defines.

    Example:
        >>> load("geomkit_example", "answer = 42")["answer"]
        42
    """
    known = sys.modules.get(name)
    if known is not None:
        return vars(known)
    file = str(path) if path else f"{name}.py"
    loader = _Text(text, file)
    spec = ModuleSpec(name, loader, origin=file)
    spec.has_location = path is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    # Registered when it is complete: another thread may be looking for it.
    loader.exec_module(module)
    return vars(sys.modules.setdefault(name, module))


def keep(name: str, text: str) -> Path | None:
    """Keep a text in the cache folder, for people to read and for tracebacks.

    What is loaded is always the text that was just generated, never the file.

    Args:
        name: part of the name of the file.
        text: the text.

    Returns:
        The file; None, with a line in the log, when it cannot be written.
    """
    digest = hashlib.sha256(text.encode()).hexdigest()
    try:
        if cache.read(name, digest, ".py") == text.encode():
            return cache.folder() / f"{name}_{digest[:16]}.py"
        return cache.store(name, digest, {".py": text})[".py"]
    except OSError as error:
        LOG.warning("the source of %s is not kept on disk: %s", name, error)
        return None
