"""The page docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from benchmarks.cases import CASES
from benchmarks.peers import Outcome, seconds_text

__all__ = ["write_page"]

_INTRODUCTION = """# Benchmarks

Written by `make bench`; do not edit. CPU time, one thread, all in one run on one machine, whose
load when the run ended stands here: other work slows CPU time too, so the ratios mean more than the
milliseconds. {machine}; SymPy {sympy}, python-flint {flint}.

**geomkit**: median of 5 runs from a `Metric` to Riemann, Ricci, the scalar curvature and the
Kretschmann scalar (but for the last case) in canonical form; a fresh field each time, conversion to
SymPy not included. **plain SymPy**: the textbook formulas in loops over all indices with `diff` and
`simplify`, no symmetry used (benchmarks/plain_sympy.py), ended after {limit:g} s. "At most" and "at
least" are what the design asks for; `no` marks what this run missed.
"""

_PEERS = """
## Other packages

Riemann, Ricci and the scalar curvature, each package in its usual way, in an environment of its own
(build/peers-venv); geomkit's time includes the Kretschmann scalar as well.
"""


def write_page(
    path: Path,
    own: Mapping[str, float],
    baseline: Mapping[str, Outcome],
    peers: Mapping[str, Mapping[str, Outcome]],
    versions: Mapping[str, str],
    limit: float,
    machine: str,
) -> None:
    """Write the page.

    Args:
        path: where.
        own: median seconds of geomkit by case.
        baseline: what plain SymPy came to, by case.
        peers: what each package came to, by case.
        versions: version of each package, or why it is missing.
        limit: seconds after which the others were ended.
        machine: what it ran on.
    """
    libraries = {"sympy": version("sympy"), "flint": version("python-flint")}
    lines = [_INTRODUCTION.format(machine=machine, limit=limit, **libraries)]
    lines += [
        "| metric | geomkit | at most | plain SymPy | ratio | at least |",
        "|---|---|---|---|---|---|",
    ]
    lines += [_row(name, own.get(name), baseline[name], limit) for name in baseline]
    if peers:
        lines += [_PEERS, *_peer_table(own, peers, versions)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _row(name: str, seconds: float | None, plain: Outcome, limit: float) -> str:
    case = CASES[name]
    if seconds is None:
        return f"| {name} | failed | {seconds_text(case.target)} | {plain} | | |"
    own = seconds_text(seconds) + ("" if seconds <= case.target else " (no)")
    ratio = ""
    if plain.seconds is not None:
        value = plain.seconds / seconds
        ratio = f"{value:.0f}x" + ("" if case.ratio is None or value >= case.ratio else " (no)")
    elif plain.note.startswith("does not finish"):
        ratio = f"> {limit / seconds:.0f}x"
    least = "" if case.ratio is None else f"{case.ratio}x"
    return f"| {name} | {own} | {seconds_text(case.target)} | {plain} | {ratio} | {least} |"


def _peer_table(
    own: Mapping[str, float],
    peers: Mapping[str, Mapping[str, Outcome]],
    versions: Mapping[str, str],
) -> list[str]:
    heads = [f"{package} {versions[package]}" for package in peers]
    lines = [f"| metric | geomkit | {' | '.join(heads)} |", "|---" * (len(heads) + 2) + "|"]
    for name, case in CASES.items():
        if not case.peers or name not in own:
            continue
        cells = []
        for package in peers:
            outcome = peers[package].get(name, Outcome(None, "not run"))
            times = "" if outcome.seconds is None else f" ({outcome.seconds / own[name]:.0f}x)"
            cells.append(f"{outcome}{times}")
        lines.append(f"| {name} | {seconds_text(own[name])} | {' | '.join(cells)} |")
    return lines
