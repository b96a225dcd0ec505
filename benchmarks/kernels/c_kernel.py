"""The hand-written C, compiled by gcc and called with ready pointers: the limit."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.kernels.closed_form import COMPONENTS
from benchmarks.kernels.environments import ROOT
from benchmarks.kernels.problem import MASS, SPIN

__all__ = ["FLAGS", "blocks", "columns", "library"]

Array = NDArray[np.float64]
LANES = 64
# The last two let gcc turn the loops into vector instructions. -ffast-math is not among them: it
# reorders the reduction of the angle, and sine and cosine come out wrong by more than their size.
FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math")
SOURCE = Path(__file__).with_name("kerr.c")


def library() -> Path:
    """Compile kerr.c into build/.

    Returns:
        The shared library.

    Raises:
        RuntimeError: there is no gcc, or it failed.
    """
    gcc = shutil.which("gcc")
    if gcc is None:
        raise RuntimeError("no gcc here")
    target = ROOT / "build" / "bench" / "libkerr.so"
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [gcc, *FLAGS, "-shared", "-fPIC", "-o", str(target), str(SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"gcc: {done.stderr.strip().splitlines()[-1][:100]}")
    return target


def blocks(points: Array) -> tuple[Callable[[], Any], Callable[[Any], Array]]:
    """Blocks of 64 points, as geomkit's kernels have them.

    Args:
        points: (n, 4).

    Returns:
        The call, and what turns its result into (components, points).
    """
    number = -(-len(points) // LANES)
    out = np.zeros((number, len(COMPONENTS), LANES))

    def read(_: Any) -> Array:
        return out.swapaxes(0, 1).reshape(len(COMPONENTS), -1)[:, : len(points)].copy()

    return _call("kerr_blocks", points, out), read


def columns(points: Array) -> tuple[Callable[[], Any], Callable[[Any], Array]]:
    """One array for each component.

    Args:
        points: (n, 4).

    Returns:
        The call, and what turns its result into (components, points).
    """
    out = np.zeros((len(COMPONENTS), len(points)))
    return _call("kerr_columns", points, out), lambda _: out.copy()


def _call(name: str, points: Array, out: Array) -> Callable[[], Any]:
    function = getattr(ctypes.CDLL(str(library())), name)
    kinds = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_double, ctypes.c_double]
    function.argtypes, function.restype = kinds, None
    arguments = (points.ctypes.data, out.ctypes.data, len(points), MASS, SPIN)
    kept = (points, out)  # the pointers are good as long as these live

    def call() -> Any:
        function(*arguments)
        return kept

    return call
