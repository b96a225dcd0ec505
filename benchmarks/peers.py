"""Other programs in processes of their own: with a limit, and the peers in their environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PINS", "Outcome", "peers_python", "run_limited"]

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "peers-venv"
# Versions that were seen to work with each other and with SymPy 1.14 on Python 3.11.
PINS = {"einsteinpy": "0.5.0", "gravipy": "0.2.0", "pytearcat": "0.0.8"}


@dataclass(frozen=True)
class Outcome:
    """What one run came to.

    Attributes:
        seconds: CPU seconds, None if it did not finish.
        note: why there are no seconds, or empty.
    """

    seconds: float | None
    note: str = ""

    def __str__(self) -> str:
        return self.note if self.seconds is None else seconds_text(self.seconds)


def seconds_text(seconds: float) -> str:
    """Write a duration with a fitting unit.

    Args:
        seconds: the duration.

    Returns:
        Milliseconds below one second, seconds above.
    """
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def run_limited(command: list[str], limit: float) -> Outcome:
    """Run a timing script that prints JSON, and end it at the limit.

    Args:
        command: the command line.
        limit: wall-clock seconds.

    Returns:
        The CPU seconds that it printed, or why there are none.
    """
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Outcome(None, f"does not finish in {limit:g} s")
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no message"]
        return Outcome(None, f"error: {lines[-1][:80]}")
    return Outcome(json.loads(done.stdout.strip().splitlines()[-1])["seconds"])


def peers_python() -> tuple[Path | None, dict[str, str]]:
    """Make the peers' environment, once, and say which of them are in it.

    Returns:
        The interpreter (None if there is none); for each package its version or why it is missing.
    """
    python = FOLDER / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        print(f"making {FOLDER.relative_to(ROOT)} for {', '.join(PINS)} ...", flush=True)
        venv.create(FOLDER, with_pip=True)
    found: dict[str, str] = {}
    for package, version in PINS.items():
        check = [str(python), "-m", "pip", "show", "--quiet", package]
        if subprocess.run(check, capture_output=True, check=False).returncode != 0:
            found[package] = _install(python, package, version)
        else:
            found[package] = version
    return (python if any(v in PINS.values() for v in found.values()) else None), found


def _install(python: Path, package: str, version: str) -> str:
    command = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        f"{package}=={version}",
        "sympy==1.14.0",
    ]
    # The constraints are those of our environment, not of theirs.
    free = {key: value for key, value in os.environ.items() if not key.endswith("CONSTRAINT")}
    print(f"  installing {package} {version}", flush=True)
    done = subprocess.run(command, env=free, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return version
    lines = done.stderr.strip().splitlines() or ["no message"]
    print(f"  {package} cannot be installed: {lines[-1]}", file=sys.stderr, flush=True)
    return f"cannot be installed: {lines[-1][:100]}"
