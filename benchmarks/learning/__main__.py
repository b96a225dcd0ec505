"""Measure parts, and write docs/ndm/benchmarks.md: `python -m benchmarks.learning [--only NAME]`.

`make bench` runs all of it. A part that is not measured keeps its figures, and their date.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import textwrap
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.kernels.environments import ROOT, THREADS

# Before anything loads numpy, numba or torch: one thread.
os.environ.update(THREADS, GEOMKIT_NUM_THREADS="1")

import torch

RESULTS = Path(__file__).parent / "results"
PAGE = ROOT / "docs" / "ndm" / "benchmarks.md"
# Modules of this package, in the order of the page.
PARTS = ("costs", "descent", "directions", "scaling", "conditioning", "weights")


def part(name: str) -> ModuleType:
    """The module of a part."""
    return importlib.import_module(f"benchmarks.learning.{name}")


def measure(name: str) -> None:
    """Measure one part and keep its figures."""
    load, begun = os.getloadavg()[0], time.process_time()
    data: dict[str, Any] = part(name).measure()
    made = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "load": round(load, 1),
        "cores": os.cpu_count(),
        "seconds": round(time.process_time() - begun, 1),
        "packages": {p: version(p) for p in ("torch", "numba", "numpy")},
    }
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"made": made, "data": data}, indent=1)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def page() -> str:
    """The page, from what is there."""
    sections = [
        "# What geometry costs, and what it does",
        "Measured by `make bench BENCH=--only-ndm`, on one thread; times are CPU times, and those "
        "that are\ncompared were taken in turns, the least of several batches. `(no)` marks a "
        "target that was missed.",
    ]
    for name in PARTS:
        path = RESULTS / f"{name}.json"
        if path.exists():
            kept = json.loads(path.read_text(encoding="utf-8"))
            made = kept["made"]
            packages = ", ".join(f"{p} {v}" for p, v in made["packages"].items())
            note = (
                f"*{made['date']}, {made['seconds']:.0f} s of CPU time, load {made['load']} on "
                f"{made['cores']} cores; {packages}.*"
            )
            sections += [f"## {part(name).TITLE}", wrapped(part(name).section(kept["data"])), note]
    return "\n\n".join(sections) + "\n"


def wrapped(text: str) -> str:
    """Paragraphs in lines of at most 100 characters; tables and pictures stay as they are."""
    blocks = text.split("\n\n")
    filled = [
        block if block.startswith(("|", "!", "-")) else textwrap.fill(" ".join(block.split()), 100)
        for block in blocks
    ]
    return "\n\n".join(filled)


def main() -> int:
    """Measure and write.

    Returns:
        0.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning", description=__doc__)
    parser.add_argument("--only", action="append", choices=PARTS, help="one part; repeatable")
    parser.add_argument("--page", action="store_true", help="write the page alone")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in [] if options.page else options.only or PARTS:
        measure(name)
    PAGE.write_text(page(), encoding="utf-8")
    print(f"written to {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
