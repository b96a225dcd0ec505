"""How long `gk.compile` takes for Kerr, in fresh processes: with an empty cache, then from disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass

from benchmarks.kernels.environments import ROOT, THREADS

__all__ = ["Compiling", "measure_compiling"]

_PROGRAM = """
import json, time
wall, cpu = time.perf_counter(), time.process_time()
import numpy as np
import geomkit as gk
imported = time.perf_counter() - wall, time.process_time() - cpu
wall, cpu = time.perf_counter(), time.process_time()
kernel = gk.compile(gk.catalog["kerr"], ["riemann_down", "ricci", "scalar", "kretschmann"])
out = kernel.packed(np.array([[0.0, 3.0, 1.0, 0.0]]), M=1.0, a=0.4)
compiled = time.perf_counter() - wall, time.process_time() - cpu
assert np.isfinite(out).all()
print(json.dumps([imported, compiled]))
"""
RUNS = 3


@dataclass(frozen=True)
class Compiling:
    """Seconds from a metric to the first values.

    Attributes:
        name: "cold" or "warm".
        most: what is asked for.
        wall: wall-clock seconds, numba's import among them.
        cpu: CPU seconds of the same.
        imported: wall-clock seconds of `import geomkit` before that.
    """

    name: str
    most: float
    wall: float
    cpu: float
    imported: float


def measure_compiling() -> list[Compiling]:
    """Run fresh processes, each time with a cache folder of their own.

    Returns:
        The run with the least CPU time out of three, cold and warm.
    """
    found: dict[str, list[Compiling]] = {"cold": [], "warm": []}
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o700)
            found["cold"].append(_run("cold", 4, folder))
            found["warm"].append(_run("warm", 1, folder))
    return [min(runs, key=lambda one: one.cpu) for runs in found.values()]


def _run(name: str, most: float, folder: str) -> Compiling:
    environment = {**os.environ, **THREADS, "GEOMKIT_CACHE_DIR": folder, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    (imported, _), (wall, cpu) = json.loads(done.stdout)
    return Compiling(name, most, wall, cpu, imported)
