"""`make bench`: time geomkit, plain SymPy and the peers in one run; write docs/benchmarks.md.

make bench                             plain SymPy and peers are ended after 60 s
make bench BENCH="--limit 300"         the limit of the published figures
make bench BENCH="--no-peers --only Kerr"
make bench BENCH=--only-kernels        the section of kernels alone; the rest of the page stays
make bench BENCH=--only-families       the section of families alone
make bench BENCH=--only-ndm            the page of ndm alone
make bench BENCH="--only-kernels --certify all"    with certificates of the whole catalogue
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from benchmarks import families_section
from benchmarks.cases import CASES, Case
from benchmarks.kernels.section import replace_section, section_of
from benchmarks.peers import PINS, ROOT, Outcome, peers_python, run_limited
from benchmarks.table import write_page

RAW = ROOT / "build" / "bench" / "geomkit.json"


def main() -> int:
    """Run everything and write the page.

    Returns:
        0, or the exit status of pytest when a case of geomkit failed.
    """
    options = _options()
    alone = options.only_kernels or options.only_families or options.only_ndm
    status = 0 if alone else _engine(options)
    sections = []
    if options.families and (options.only_families or not (alone or options.only)):
        sections.append(["benchmarks.families"])
    if options.kernels and (options.only_kernels or not (alone or options.only)):
        sections.append(["benchmarks.kernels", "--certify", options.certify])
    if options.only_ndm or not (alone or options.only):
        sections.append(["benchmarks.learning"])
    for module in sections:
        # a process of its own, because threads are pinned before numpy is loaded
        command = [sys.executable, "-m", *module]
        status = subprocess.run(command, cwd=ROOT, check=False).returncode or status
    return status


def _engine(options: argparse.Namespace) -> int:
    """Run the benchmarks of the exact engine; the other sections stay as they are."""
    names = [name for name in CASES if not options.only or name in options.only]
    own, status = _geomkit(names)
    baseline = {name: _plain(CASES[name], options.limit) for name in names}
    peers: dict[str, dict[str, Outcome]] = {}
    versions: dict[str, str] = {}
    if options.peers:
        python, versions = peers_python()
        if python is not None:
            peers = {p: _peer(python, p, names, versions, options.limit) for p in PINS}
    page = ROOT / "docs" / "benchmarks.md" if not options.only else RAW.with_name("benchmarks.md")
    kernels, families = section_of(page), families_section.section_of(page)
    write_page(page, own, baseline, peers, versions, options.limit, _machine())
    if kernels:
        replace_section(page, kernels)
    if families:
        families_section.replace_section(page, families)
    print(f"written to {page.relative_to(ROOT)}")
    return status


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--limit", type=float, default=60, help="seconds for each run of others")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="plain SymPy only")
    parser.add_argument("--only", action="append", choices=list(CASES), help="one case; repeatable")
    parser.add_argument("--no-kernels", dest="kernels", action="store_false", help="engine only")
    parser.add_argument("--no-families", dest="families", action="store_false", help="no families")
    alone = parser.add_mutually_exclusive_group()
    alone.add_argument("--only-kernels", action="store_true", help="kernels only")
    alone.add_argument("--only-families", action="store_true", help="families only")
    alone.add_argument("--only-ndm", action="store_true", help="ndm only")
    parser.add_argument(
        "--certify", choices=["sample", "all", "none"], default="sample", help="which kernels"
    )
    return parser.parse_args()


def _geomkit(names: list[str]) -> tuple[dict[str, float], int]:
    """Run pytest-benchmark and read the medians."""
    RAW.parent.mkdir(parents=True, exist_ok=True)
    selected = [f"{ROOT / 'benchmarks' / 'test_engine.py'}::test_engine[{name}]" for name in names]
    options = ["-o", "addopts=", "-q", f"--benchmark-json={RAW}", "--benchmark-sort=name"]
    columns = "--benchmark-columns=min,median,max,rounds"
    command = [sys.executable, "-m", "pytest", *options, columns, *selected]
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    data = json.loads(RAW.read_text(encoding="utf-8"))
    medians = {row["params"]["name"]: row["stats"]["median"] for row in data["benchmarks"]}
    return medians, status


def _plain(case: Case, limit: float) -> Outcome:
    """Time plain SymPy where a ratio is asked for, and on Kerr."""
    if case.ratio is None and not case.peers:
        return Outcome(None, "not run")
    print(f"plain SymPy: {case.name} ...", flush=True)
    return run_limited([sys.executable, "-m", "benchmarks.plain_sympy", case.name], limit)


def _peer(
    python: Path, package: str, names: list[str], versions: dict[str, str], limit: float
) -> dict[str, Outcome]:
    if versions[package] not in PINS.values():
        return {name: Outcome(None, versions[package]) for name in names}
    found = {}
    for name in names:
        if CASES[name].peers:
            print(f"{package}: {name} ...", flush=True)
            command = [str(python), "-m", "benchmarks.peer_run", package, name]
            found[name] = run_limited(command, limit)
    return found


def _machine() -> str:
    """Describe the machine and how busy it was: other work slows even CPU time down."""
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    return f"{platform.system()} {platform.machine()} ({load}), Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
