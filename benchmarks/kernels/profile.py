"""Where the time of a call goes: the call itself, and the instructions of the inner loop.

`python -m benchmarks.kernels.profile` prints the instructions of geomkit's loop and of the loop in
C as JSON; in a process of its own, because machine code that came from disk cannot be listed.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any

from benchmarks.kernels import c_kernel
from benchmarks.kernels.environments import ROOT
from benchmarks.kernels.timing import Here, in_turns

__all__ = ["Profile", "loops", "measure_profile"]

# Kinds of vector instructions, by what they begin with.
KINDS = {
    "multiply or add": ("vmulpd", "vaddpd", "vsubpd"),
    "fused": ("vfmadd", "vfnmadd", "vfmsub", "vfnmsub"),
    "divide": ("vdivpd",),
    "store": (),
    "other": (),
}


@dataclass(frozen=True)
class Profile:
    """Times of one program, and what its loop is made of.

    Attributes:
        name: "geomkit" or "C by hand".
        call: microseconds of a call with one block of 64 points.
        point: further nanoseconds for each further point.
        width: points that one pass of the loop computes.
        counts: instructions of one pass, by kind; empty if they cannot be listed.
    """

    name: str
    call: float
    point: float
    width: int
    counts: dict[str, int]


def measure_profile() -> list[Profile]:
    """Time calls of one block and of 16, and list the instructions.

    Returns:
        geomkit, then C.
    """
    from benchmarks.kernels.own import kerr

    few, many = kerr(64), kerr(1024)
    calls = [(one.call, c_kernel.blocks(one.points)[0]) for one in (few, many)]
    small, large = (in_turns(Here(own), Here(c)) for own, c in calls)
    found = _listed()
    return [
        Profile(name, 1e6 * one, 1e9 * (all_ - one) / 960, *found[name])
        for name, one, all_ in (
            ("geomkit", small.own, large.own),
            ("C by hand", small.other, large.other),
        )
    ]


def loops(assembly: str) -> tuple[int, dict[str, int]]:
    """Count the vector instructions of the loop that divides.

    Args:
        assembly: in AT&T syntax.

    Returns:
        The number of points that a pass computes (0 if no loop divides vectors), and how many
        instructions there are of each kind.
    """
    best: list[str] = []
    for part in re.split(r"^\S+:\s*$|\s+j\w+\s.*$", assembly, flags=re.MULTILINE):
        lines = [line.split(":\t")[-1].strip() for line in part.splitlines()]
        if any(line.startswith("vdivpd") for line in lines) and len(lines) > len(best):
            best = lines
    vectors = [line for line in best if "%zmm" in line or "%ymm" in line]
    if not vectors:
        return 0, {}
    counts: Counter[str] = Counter()
    for line in vectors:
        named = (kind for kind, starts in KINDS.items() if starts and line.startswith(starts))
        stores = re.match(r"vmov\w+\s+%[yz]mm\d+,\s*[-\w]*\(", line)
        counts[next(named, "store" if stores else "other")] += 1
    return (8 if any("%zmm" in line for line in vectors) else 4), dict(counts)


def _listed() -> dict[str, tuple[int, dict[str, int]]]:
    command = [sys.executable, "-m", "benchmarks.kernels.profile"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return {"geomkit": (0, {}), "C by hand": (0, {})}
    return {name: (width, counts) for name, (width, counts) in json.loads(done.stdout).items()}


def _list() -> None:
    """Print the loops of both programs."""
    import geomkit as gk
    from benchmarks.kernels.own import QUANTITIES
    from geomkit.backends.numba.source import Variant

    code: Any = gk.compile(gk.catalog["kerr"], list(QUANTITIES), cache=False).code
    own = "\n".join(code.kernel(Variant()).inspect_asm().values())
    objdump = shutil.which("objdump")
    c = ""
    if objdump is not None:
        command = [objdump, "-d", "--no-show-raw-insn", str(c_kernel.library())]
        c = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        c = c[c.index("<kerr_blocks>:") :]
        c = c[: c.index("ret")]
    sys.stdout.write(json.dumps({"geomkit": loops(own), "C by hand": loops(c)}))


if __name__ == "__main__":
    _list()
