"""The section "Kernels" of docs/benchmarks.md."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.kernels.accuracy import Accurate
from benchmarks.kernels.c_kernel import FLAGS
from benchmarks.kernels.compiling import Compiling
from benchmarks.kernels.missed import Costs, missed_text
from benchmarks.kernels.profile import Profile
from benchmarks.kernels.rows import LIMIT, Result, Row
from benchmarks.kernels.section import HEADING

__all__ = ["kernel_section"]

_INTRODUCTION = """{heading}

Kerr, `kernel.packed(points, out, M=1.0, a=0.4)`: the 14 independent components of R_ijkl, Ricci, R
and the Kretschmann scalar that are not zero, at 1000 random points unless said. Every other program
computes the same components at the same points, and is timed only if its values agree to 1e-10 of a
component's largest value. CPU time on one core, calls from Python included, each pair of programs
in turns in one run: the least of {rounds} batches. `no` marks what this run missed.
{machine}.

The C is benchmarks/kernels/kerr.c, written by hand, compiled by gcc with
`{flags}`
(-ffast-math makes its sines wrong) and called through ctypes with ready pointers. For heyoka.py,
JAX and C the formulas are factored by hand (benchmarks/kernels/closed_form.py), with mass and spin
as arguments; lambdify and "heyoka.py cfunc" are given geomkit's own tensors. Times are for one
point; the last column is what the C reaches: a row that asks for more asks too much.

| against | geomkit | the other | ratio | at least | C by hand |
|---|---|---|---|---|---|"""

_PROFILE = """
### Where the time goes

A call with one block of 64 points, then each further point; and the vector instructions in one pass
of the loop, which computes {width} points. geomkit's call is checked, mostly by the kernel itself;
the C is given pointers and checks nothing.

| | first block | each further point | multiply, add | fused | divide | store | other |
|---|---|---|---|---|---|---|---|"""

_COMPILING = """
### Compiling

Seconds from `gk.compile` of Kerr to the first values, in fresh processes, numba's import included;
the least CPU time of {runs} runs, which is what is judged: wall time is the same on an idle
machine, and more where other programs run. `import geomkit` took {imported:.2f} s more.

| cache | CPU | wall | at most |
|---|---|---|---|"""

_ACCURACY = """
### Accuracy

Certificates of {count} metrics of the catalogue ({which}), of this run or still valid from an
earlier one: each kernel computes the metric, its inverse, the Christoffel symbols, R_ijkl, Ricci,
R and (up to n = 5) the Kretschmann scalar at random places of its domain, 64 of them up to n = 4,
and at adversarial ones, and is compared with rigorous enclosures that do not know the program. A
pair is a component at a place. What is beyond 1e-14 has to be explained within a factor 50 by the
component's own conditioning: its change when the inputs move by one unit of the last place.

| | |
|---|---|"""


def kernel_section(
    results: Sequence[Result],
    costs: dict[Row, Costs],
    profile: Sequence[Profile],
    compiling: Sequence[Compiling],
    accurate: Sequence[Accurate],
    *,
    machine: str,
    rounds: int,
    everything: bool,
) -> str:
    """Write the section.

    Args:
        results: the rows of the table.
        costs: where the time goes in rows that were missed.
        profile: where the time goes in Kerr's kernel.
        compiling: times of compiling.
        accurate: summaries of certificates.
        machine: what it ran on, and how busy it was.
        rounds: how many batches were timed.
        everything: whether all of the catalogue was certified.

    Returns:
        Markdown.
    """
    introduction = _INTRODUCTION.format(
        heading=HEADING, rounds=rounds, machine=machine, flags=" ".join(FLAGS)
    )
    limit = next((r.other for r in results if r.row is LIMIT), None)
    lines = [introduction, *(_row(result, limit) for result in results)]
    lines += missed_text(results, costs, _missed(compiling, accurate))
    lines += _profile(profile)
    if compiling:
        imported = min(one.imported for one in compiling)
        lines.append(_COMPILING.format(runs=3, imported=imported))
        lines += [
            f"| {one.name} | {one.cpu:.2f} s{_no(one.cpu > one.most)} "
            f"| {one.wall:.2f} s | {one.most:g} s |"
            for one in compiling
        ]
    if accurate:
        which = "all of it" if everything else "every twelfth, and Kerr; `make test-slow` does all"
        lines.append(_ACCURACY.format(count=len(accurate), which=which))
        lines += _accuracy(accurate)
    return "\n".join(lines) + "\n"


def _missed(compiling: Sequence[Compiling], accurate: Sequence[Accurate]) -> list[str]:
    """What was missed beside the table."""
    bad = any(one.verdict is not None or (one.pairs and one.within < 0.99) for one in accurate)
    found = ["accuracy"] if bad else []
    return found + ["compiling"] * any(one.cpu > one.most for one in compiling)


def _row(result: Result, limit: float | None) -> str:
    own, other = result.row.counts
    name = result.row.name if own == 1000 else f"{result.row.name}, {own} points"
    name += f" (at {other} points)" if own != other else ""
    if result.other is None:
        return f"| {name} | | {result.note} | | {_least(result)} | |"
    ratio = f"{_ratio(result.ratio)}{_no(result.missed)}"
    # the C computes Kerr, forward, for 1000 points
    alike = limit is not None and result.row.alike and result.row is not LIMIT
    reached = _ratio(result.other / limit) if alike and limit else ""
    times = f"{_time(result.own)} | {_time(result.other)}"
    return f"| {name} | {times} | {ratio} | {_least(result)} | {reached} |"


def _profile(profile: Sequence[Profile]) -> list[str]:
    if not profile:
        return []
    width = max(one.width for one in profile) or 8
    lines = [_PROFILE.format(width=width)]
    for one in profile:
        kinds = ("multiply or add", "fused", "divide", "store", "other")
        cells = " | ".join(str(one.counts.get(kind, "")) for kind in kinds)
        lines.append(f"| {one.name} | {one.call:.2f} us | {one.point:.2f} ns | {cells} |")
    return lines


def _least(result: Result) -> str:
    least = result.row.least
    if least is None:
        return ""
    return f"{least:g}x" if least >= 1 else f"{least:.2f}x (1.5 times its time)"


def _time(value: float) -> str:
    for unit, size in (("ms", 1e6), ("us", 1e3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g} ns"


def _ratio(value: float) -> str:
    return f"{value:.2f}x" if value < 10 else f"{value:.0f}x"


def _no(missed: bool) -> str:
    return " (no)" if missed else ""


def _accuracy(accurate: Sequence[Accurate]) -> list[str]:
    done = [one for one in accurate if one.pairs]
    failed = [one for one in accurate if one.verdict is not None]
    lines = [
        f"| certified | {len(accurate) - len(failed)} of {len(accurate)} |",
        f"| pairs compared | {sum(one.pairs for one in done)} |",
    ]
    if done:
        pairs = sum(one.pairs for one in done)
        within = sum(one.within * one.pairs for one in done) / pairs
        worst = min(done, key=lambda one: one.within)
        hard = max(done, key=lambda one: one.ratio)
        median = statistics.median(one.largest for one in done)
        lines += [
            f"| relative error at most 1e-14 | {within:.2%} of all pairs; least for one metric "
            f"{worst.within:.2%} ({worst.name}); asked for: 99% |",
            f"| largest relative error, median over metrics | {median:.1e} |",
            f"| beyond 1e-14, adversarial places included | {sum(one.beyond for one in done)} "
            f"pairs; at most {hard.ratio:.3g} times the conditioning ({hard.name}); allowed: 50 |",
        ]
    lines += [f"| not certified: {one.name} | {one.verdict} |" for one in failed]
    return lines
