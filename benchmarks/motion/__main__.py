"""Measure what is missing, and write the page: `python -m benchmarks.motion [--row NAME]`."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
import time
from collections.abc import Sequence

from benchmarks.kernels.environments import ROOT, THREADS

# Before anything loads numpy, numba or torch: one thread.
os.environ.update(THREADS)

from benchmarks.motion.record import Row, find, measure, place
from benchmarks.motion.table import page, write_page

# Modules of this package, in the order of the page.
ROWS = ("surfaces", "double_pendulum", "noisy", "low_data", "symmetries", "connection")
PAGE = ROOT / "docs" / "ndm" / "dynamics-table.md"


def rows(names: Sequence[str] = ROWS) -> list[Row]:
    """The rows whose modules are there."""
    modules = [f"benchmarks.motion.{name}" for name in names]
    there = [name for name in modules if importlib.util.find_spec(name)]
    return [importlib.import_module(name).ROW for name in there]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, then write the page.

    Args:
        arguments: of the command line.

    Returns:
        0.
    """
    options = _options(arguments)
    every = rows()
    chosen = [row for row in every if row.name in options.row] if options.row else every
    if options.fresh:
        for row in chosen:
            for path in place(row.name, "x", 0).parent.glob("*.json"):
                path.unlink()
    ends = time.monotonic() + 60 * options.minutes
    for row in [] if options.page else chosen:
        if not _measure(row, options, ends):
            print("the time is over; run it again to go on", flush=True)
            break
    seeds = range(options.most)
    found = {
        row.name: [r for case in row.cases for k in seeds if (r := find(row, case, k))]
        for row in every
    }
    write_page(PAGE, page(every, found))
    print(f"written to {PAGE.relative_to(ROOT)}")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.motion", description=__doc__)
    parser.add_argument("--row", action="append", default=[], choices=ROWS, help="only these rows")
    parser.add_argument("--case", action="append", default=[], help="only these cases")
    parser.add_argument("--seeds", type=int, help="how many (default: what the row asks for)")
    parser.add_argument("--most", type=int, default=100, help="seeds below this enter the page")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin nothing later")
    parser.add_argument("--fresh", action="store_true", help="throw earlier results away")
    parser.add_argument("--page", action="store_true", help="measure nothing, write the page")
    return parser.parse_args(arguments)


def _measure(row: Row, options: argparse.Namespace, ends: float) -> bool:
    """Measure what a row lacks; False if the time ended before."""
    cases = [case for case in row.cases if not options.case or case in options.case]
    for seed in range(options.seeds or row.seeds):  # seed by seed: early figures for every case
        for case in cases:
            if find(row, case, seed):
                continue
            if time.monotonic() > ends:
                return False
            record = measure(row, case, seed)
            shown = {g.key: record.values.get(g.key) for g in row.goals if g.key in record.values}
            figures = ", ".join(f"{key} {value:.3g}" for key, value in shown.items())
            print(
                f"{row.name}, {case}, seed {seed} ({record.seconds:.0f} s): {figures}", flush=True
            )
    return True


if __name__ == "__main__":
    sys.exit(main())
