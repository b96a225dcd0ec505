"""From the text of a kernel to machine code, kept on disk."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any

from geomkit.program import Program, identifier

from .source import Variant

__all__ = ["compiled"]


def compiled(
    program: Program, variant: Variant, text: str, *, cache: bool
) -> tuple[Callable[..., int], Path | None]:
    import hashlib
    from numba import types

    digest = hashlib.sha256(text.encode()).hexdigest()
    path = None
    stem = f"{identifier(program.name)}_{digest[:16]}"
    module = _module(f"geomkit_kernel_{stem}", text, f"<{stem}>")
    kernel = module.kernel
    real = getattr(types, variant.dtype)
    vectors = [types.Array(real, 2, "C")] * len(program.sources)
    scalars = [types.Array(real, 1, "C") if variant.each else real] * len(program.scalars)
    kernel.compile((*vectors, *scalars, types.Array(real, 3, "C"), types.intp, types.intp))
    kernel.disable_compile()
    return kernel, path


class _Text(InspectLoader):
    """Imports a module from text in memory, so that nobody can change it in between."""

    def __init__(self, text: str, filename: str) -> None:
        self.text, self.filename = text, filename

    def get_source(self, fullname: str) -> str:
        return self.text

    def get_code(self, fullname: str) -> Any:
        return self.source_to_code(self.text, self.filename)


def _module(name: str, text: str, filename: str) -> Any:
    # numba finds the globals of machine code that it loads by the name of the module
    if name not in sys.modules:
        loader = _Text(text, filename)
        module = module_from_spec(ModuleSpec(name, loader, origin=filename))
        sys.modules[name] = module
        loader.exec_module(module)
    return sys.modules[name]
