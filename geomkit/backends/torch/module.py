"""Generated text as a module that Python knows: importable by name, with source in tracebacks."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType

__all__ = ["load"]


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
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return vars(module)
