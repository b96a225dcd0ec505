"""The page docs/ndm/dynamics-table.md, from the records alone."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from benchmarks.motion.record import Goal, Record, Row

__all__ = ["page", "write_page"]

_INTRODUCTION = """# Metrics from motion: the targets, measured

Written by `python -m benchmarks.motion`; do not edit. float64, one thread; each figure is the
median over the seeds, with the smallest and the largest beside it. CPU times are those of a machine
that had other work too. {made}

| row | goals met | seeds of each case |
|---|---|---|
{summary}
"""


def page(rows: Sequence[Row], records: Mapping[str, Sequence[Record]]) -> str:
    """The page as Markdown.

    Args:
        rows: all rows, in order.
        records: name of a row -> its measurements.

    Returns:
        The text.
    """
    every = [one for row in rows for one in records[row.name]]
    made = "; ".join(sorted({one.made["versions"] for one in every}))
    dates = sorted({one.made["date"] for one in every})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}" if dates else "never"
    summary = [
        f"| {row.title} | {_met(row, records[row.name])} | {_seeds(row, records[row.name])} |"
        for row in rows
    ]
    text = _INTRODUCTION.format(made=f"{made}; {when}.", summary="\n".join(summary))
    return "\n".join([text, *(_section(row, records[row.name]) for row in rows)])


def write_page(path: Path, text: str) -> None:
    """Write the page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.rstrip() + "\n", encoding="utf-8")


def _pairs(row: Row) -> list[tuple[str, Goal]]:
    return [
        (case, goal)
        for case in row.cases
        for goal in row.goals
        if not goal.cases or case in goal.cases
    ]


def _values(goal: Goal, case: str, records: Sequence[Record]) -> list[float]:
    return [float(r.values[goal.key]) for r in records if r.case == case and goal.key in r.values]


def _met(row: Row, records: Sequence[Record]) -> str:
    bound = [(case, goal) for case, goal in _pairs(row) if goal.bound is not None]
    if not records:
        return "not measured"
    if not bound:
        return "reported"
    found = [(goal, _values(goal, case, records)) for case, goal in bound]
    count = sum(bool(v) and goal.holds(statistics.median(v)) for goal, v in found)
    return f"{count} of {len(bound)}"


def _seeds(row: Row, records: Sequence[Record]) -> str:
    counts = [sum(one.case == case for one in records) for case in row.cases]
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low} to {high}"


def _section(row: Row, records: Sequence[Record]) -> str:
    parts = [f"## {row.title}", "", _wrapped(row.about), ""]
    if records:
        parts += [
            "| case | figure | target | median | range | seeds | |",
            "|---|---|---|---|---|---|---|",
        ]
        there = {one.case for one in records}
        lines = [_line(case, goal, records) for case, goal in _pairs(row) if case in there]
        parts += [*lines, "", _times(row, records), ""]
        if missing := [case for case in row.cases if case not in there]:
            parts += [_wrapped(f"Not measured: {'; '.join(missing)}."), ""]
    else:
        parts += ["Not measured.", ""]
    return "\n".join([*parts, _wrapped(row.notes), ""] if row.notes else parts)


def _wrapped(text: str) -> str:
    """Paragraphs in lines of 100 characters; tables and lists stay as they are."""
    parts = [part.strip() for part in text.strip().split("\n\n")]
    options: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
    return "\n\n".join(
        part if part.startswith(("|", "- ")) else fill(part, 100, **options) for part in parts
    )


def _line(case: str, goal: Goal, records: Sequence[Record]) -> str:
    values = _values(goal, case, records)
    target = "" if goal.bound is None else f"{goal.compare} {_bound(goal)}"
    label = goal.label.replace("|", "\\|")
    if not values:
        return f"| {case} | {label} | {target} | | | 0 | |"
    middle = statistics.median(values)
    low, typical, high = (_text(each, goal) for each in (min(values), middle, max(values)))
    verdict, seeds = "", str(len(values))
    if goal.bound is not None:
        verdict = "met" if goal.holds(middle) else "**missed**"
        seeds = f"{sum(map(goal.holds, values))} of {len(values)}"
    cells = (case, label, target, typical, f"{low} .. {high}", seeds, verdict)
    return f"| {' | '.join(cells)} |"


def _text(value: float, goal: Goal) -> str:
    text = format(value, goal.form)
    if goal.form.endswith("g") and 100 <= abs(value) < 1e6:
        return f"{float(text):,.0f}"  # rounded as asked for, and no power of ten
    return text.replace("%", " %")


def _bound(goal: Goal) -> str:
    assert goal.bound is not None
    return f"{100 * goal.bound:g} %" if goal.form.endswith("%") else f"{goal.bound:g}"


def _times(row: Row, records: Sequence[Record]) -> str:
    parts = []
    for case in row.cases:
        seconds = [one.seconds for one in records if one.case == case]
        if seconds:
            parts.append(f"{case} {statistics.median(seconds):.0f} s")
    return _wrapped(f"CPU time of one seed, median: {'; '.join(parts)}.")
