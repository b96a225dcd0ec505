"""From the text of a kernel to machine code, which is kept on disk.

numba could keep machine code itself (`cache=True`), but it loads what it finds without a check, and
looks for it in more than one folder. Here source and machine code are files of `geomkit.cache`:
checked by hash, written whole. The source on disk is for people; what is compiled is the text in
memory.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import pickle
import platform
import sys
import threading
from collections.abc import Callable, Sequence
from importlib import metadata
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from types import CodeType
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import compiler, serialize, types
from numba.core.runtime import rtsys

from geomkit import cache as disk

__all__ = ["GENERATOR", "array_type", "compiled", "number_type"]

LOG = logging.getLogger("geomkit.cache")
# Raised when the same source has to be compiled differently than before.
GENERATOR = 1
_LOCK = [threading.RLock()]


def compiled(
    name: str, text: str, signature: Sequence[Any], *, cache: bool
) -> tuple[Callable[..., Any], Path | None]:
    """Compile the source of a kernel, or load what an earlier process compiled.

    Args:
        name: what its files are called.
        text: the source of a module with a function `kernel`.
        signature: the types of the arguments.
        cache: whether to look on disk, and to leave source and machine code there.

    Returns:
        The compiled function, and the file of its source (None if there is none).

    Raises:
        GeomkitError: the cache folder cannot be trusted.
    """
    digest = _digest(text, signature)
    path = _keep_source(name, digest, text) if cache else None
    with _LOCK[0]:
        title = f"geomkit_kernel_{name}_{digest[:16]}"
        kernel = _module(title, text, str(path or f"<{title}>")).kernel
        if not kernel.signatures:
            if path is not None:
                kernel._cache = _MachineCode(name, digest)
            kernel.compile(tuple(signature))
            kernel.disable_compile()
    return kernel, path


def array_type(dtype: str, dimensions: int) -> Any:
    """Return the type of a contiguous, writeable array."""
    return types.Array(getattr(types, dtype), dimensions, "C")


def number_type(dtype: str) -> Any:
    """Return the type of a number: "float64", "float32", "intp"."""
    return getattr(types, dtype)


def _digest(text: str, signature: Sequence[Any]) -> str:
    versions = [GENERATOR, numba.__version__, llvmlite.__version__, np.__version__]
    versions += [platform.python_implementation(), sys.version_info[:2]]
    versions += [str(one) for one in signature]
    if "scipy_function" in text:
        # machine code calls functions that SciPy does not promise to keep as they are
        versions += [metadata.version("scipy")]
    return hashlib.sha256(json.dumps([*versions, text]).encode()).hexdigest()


def _keep_source(name: str, digest: str, text: str) -> Path | None:
    try:
        if disk.read(name, digest, ".py") != text.encode():
            return disk.store(name, digest, {".py": text})[".py"]
        return disk.folder() / f"{name}_{digest[:16]}.py"
    except OSError as error:
        LOG.warning("kernel %s is not kept on disk, only in memory: %s", name, error)
        return None


class _MachineCode:
    """What numba asks for machine code before it compiles, and hands what it compiled.

    Args:
        name: of the kernel.
        digest: hash of its source and of everything else that machine code depends on, but for
            the processor.
    """

    def __init__(self, name: str, digest: str) -> None:
        self.name, self.digest = name, digest

    def load_overload(self, signature: Any, target: Any) -> Any:
        """Return the compiled function of a signature, or None."""
        # All that finished machine code needs. numba would import everything that it can compile,
        # SciPy too, which takes longer than all the rest.
        rtsys.initialize(target)
        try:
            data = disk.read(self.name, self.digest, _suffix(target.codegen()))
            if data is None:
                return None
            # written by `save_overload` into a folder that only this user can write, and unchanged
            # since: `read` compared the hash of the very bytes that are loaded here
            content = pickle.loads(data)  # noqa: S301
            result = compiler.CompileResult._rebuild(target, *content)
            LOG.info("machine code of %s is loaded", self.name)
            return result
        except OSError as error:
            LOG.warning("machine code of %s cannot be read: %s", self.name, error)
        except Exception as error:  # noqa: BLE001  whatever it is, compiling anew mends it
            LOG.warning("machine code of %s cannot be loaded: %r", self.name, error)
        return None

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep a compiled function."""
        if result.library.has_dynamic_globals:
            LOG.info("machine code of %s has addresses of this process in it", self.name)
            return
        try:
            data = serialize.dumps(result._reduce())
            disk.store(self.name, self.digest, {_suffix(result.codegen): data})
        except OSError as error:
            LOG.warning("machine code of %s is not kept on disk: %s", self.name, error)


def _suffix(codegen: Any) -> str:
    """A suffix for the processor, which decides what its machine code may be."""
    return f".{hashlib.sha256(repr(codegen.magic_tuple()).encode()).hexdigest()[:8]}.code"


class _Text(InspectLoader):
    """Imports a module from text in memory."""

    def __init__(self, text: str, filename: str) -> None:
        self.text, self.filename = text, filename

    def get_source(self, fullname: str) -> str:
        """Return the text."""
        return self.text

    def get_code(self, fullname: str) -> CodeType:
        """Return the text, compiled under the name of its file."""
        return self.source_to_code(self.text, self.filename)


def _module(name: str, text: str, filename: str) -> Any:
    # numba finds the globals of machine code that it loads by the name of the module
    if name not in sys.modules:
        loader = _Text(text, filename)
        module = module_from_spec(ModuleSpec(name, loader, origin=filename))
        sys.modules[name] = module
        try:
            loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def _new_lock() -> None:
    _LOCK[0] = threading.RLock()


# a forked child may not inherit a lock that a thread of its parent holds
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock)
