"""The kernel table: `python -m benchmarks.kernels`; `make bench` runs it after the engine.

python -m benchmarks.kernels                  everything, a sample of the catalogue certified
python -m benchmarks.kernels --certify all    the whole catalogue certified: takes long
python -m benchmarks.kernels --only heyoka    rows that have this in their name; no page is written
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from importlib.metadata import version

from benchmarks.kernels.environments import ENVIRONMENTS, ROOT, THREADS

# Before anything loads numpy, numba or torch: one thread, one core.
os.environ.update(THREADS)
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import geomkit as gk
from benchmarks.kernels.accuracy import SAMPLE, measure_accuracy
from benchmarks.kernels.compiling import measure_compiling
from benchmarks.kernels.missed import measure_costs
from benchmarks.kernels.page import kernel_section
from benchmarks.kernels.profile import measure_profile
from benchmarks.kernels.rows import ROWS, measure
from benchmarks.kernels.section import replace_section
from benchmarks.kernels.timing import ROUNDS


def main() -> int:
    """Run the table and write its section.

    Returns:
        0; what was missed is marked in the table.
    """
    options = _options()
    rows = [row for row in ROWS if not options.only or options.only in row.name]
    loads = [os.getloadavg()[0]]
    results = []
    for row in rows:
        result = measure(row)
        loads.append(os.getloadavg()[0])
        found = f"{result.own:.4g} ns, {result.other:.4g} ns, {result.ratio:.3g}x"
        mark = " (no)" if result.missed else ""
        print(f"{row.name}: {found if result.other else result.note}{mark}", flush=True)
        results.append(result)
    if options.only:
        return 0
    profile = measure_profile()
    compiling = measure_compiling()
    for one in compiling:
        print(f"compile, {one.name}: {one.cpu:.2f} s CPU, {one.wall:.2f} s wall", flush=True)
    names = list(gk.catalog.names() if options.certify == "all" else SAMPLE)
    accurate = measure_accuracy(names) if options.certify != "none" else []
    section = kernel_section(
        results,
        measure_costs(results),
        profile,
        compiling,
        accurate,
        machine=_machine(loads),
        rounds=ROUNDS,
        everything=options.certify == "all",
    )
    replace_section(ROOT / "docs" / "benchmarks.md", section)
    print("written to docs/benchmarks.md, section Kernels")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels", description=__doc__)
    parser.add_argument("--certify", choices=["sample", "all", "none"], default="sample")
    parser.add_argument("--only", help="rows with this in their name; writes no page")
    return parser.parse_args()


def _machine(loads: list[float]) -> str:
    pins = {**ENVIRONMENTS["fast"].pins, **ENVIRONMENTS["geometry"].pins}
    shown = ("heyoka", "jax", "einsteinpy", "geomstats")
    packages = [f"{name} {pins[name]}" for name in shown]
    packages += [f"{name} {version(name)}" for name in ("numba", "torch", "sympy", "numpy")]
    load = f"load {min(loads):.1f} to {max(loads):.1f} on {os.cpu_count()} cores"
    return f"{platform.system()} {platform.machine()} ({load});\n{', '.join(packages)}"


if __name__ == "__main__":
    sys.exit(main())
