"""Environments for the packages that geomkit's kernels are compared with.

One for heyoka.py and JAX, one for packages that need an older NumPy. torch is not among them:
geomkit's own is used, in this process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ENVIRONMENTS", "ROOT", "THREADS", "Environment"]

ROOT = Path(__file__).resolve().parent.parent.parent

# One thread, for whatever library there is.
THREADS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "GEOMKIT_NUM_THREADS": "1",
    "TBB_NUM_THREADS": "1",
    "JAX_PLATFORMS": "cpu",
    "JAX_ENABLE_X64": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "GEOMSTATS_BACKEND": "autograd",
}


@dataclass(frozen=True)
class Environment:
    """A virtual environment below build/.

    Attributes:
        folder: its name.
        pins: the packages with their exact versions.
    """

    folder: str
    pins: dict[str, str]

    @property
    def python(self) -> Path:
        """Its interpreter."""
        inside = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
        return ROOT.joinpath("build", self.folder, *inside)

    def make(self) -> str | None:
        """Make the environment unless it is there with the right versions.

        Returns:
            None, or why it cannot be made.
        """
        if self._installed() == self.pins:
            return None
        print(f"making build/{self.folder} for {', '.join(self.pins)} ...", flush=True)
        if not self.python.exists():
            venv.create(ROOT / "build" / self.folder, with_pip=True)
        wanted = [f"{package}=={version}" for package, version in self.pins.items()]
        command = [str(self.python), "-m", "pip", "install", "--quiet", *wanted]
        # The constraints are those of our environment, not of theirs.
        free = {key: value for key, value in os.environ.items() if not key.endswith("CONSTRAINT")}
        done = subprocess.run(command, env=free, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return None
        lines = done.stderr.strip().splitlines() or ["no message"]
        print(f"  it cannot be made: {lines[-1]}", file=sys.stderr, flush=True)
        return f"cannot be installed: {lines[-1][:100]}"

    def _installed(self) -> dict[str, str] | None:
        if not self.python.exists():
            return None
        ask = (
            "import json, sys; from importlib.metadata import distributions as d; "
            "print(json.dumps({x.name: x.version for x in d()}))"
        )
        done = subprocess.run([self.python, "-c", ask], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return None
        found = json.loads(done.stdout)
        return {name: version for name, version in found.items() if name in self.pins}


ENVIRONMENTS = {
    "fast": Environment(
        "kernel-peers-venv",
        {"heyoka": "7.13.2", "jax": "0.10.2", "jaxlib": "0.10.2", "numpy": "2.4.6"},
    ),
    # einsteinpy and geomstats were written for older NumPy: np.trapz is gone since 2.4.
    "geometry": Environment(
        "kernel-peers-geometry-venv",
        {
            "einsteinpy": "0.5.0",
            "geomstats": "2.8.0",
            "autograd": "1.9.1",
            "sympy": "1.14.0",
            "numpy": "2.3.5",
        },
    ),
}
