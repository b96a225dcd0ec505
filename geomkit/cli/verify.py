"""`geomkit verify`: claim files in parallel, a progress bar, verdicts in colour, JSON, HTML."""

from __future__ import annotations

import json as json_text
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from geomkit.cli.output import check_outputs, write_text
from geomkit.terminal import abandon_stdout, colourful, complain, console, emit, printable
from geomkit.verify import verify

if TYPE_CHECKING:
    from geomkit.verify import FileResult, Report

__all__ = ["progress_bar", "run", "verdict_lines"]

Progress = Callable[[int, int, str], None]

# The mark in front of a verdict, and its colour: bold blue and orange differ for everybody.
_COLOURS = {"+": "1;34", "x": "1;38;5;208", "?": "1;33"}


def run(
    paths: Sequence[Path],
    *,
    json: Path | None,
    html: Path | None,
    budget: float | None,
    jobs: int | None,
    fallback: bool,
    quiet: bool = False,
) -> int:
    """Verify, print, and write what was asked for.

    Args:
        paths: claim files and folders.
        json: where the verdicts go, or None.
        html: where the report goes, or None.
        budget: seconds a claim may take, None for no limit.
        jobs: files at the same time.
        fallback: whether numeric verdicts are allowed.
        quiet: print only the summary.

    Returns:
        The exit status.
    """
    check_outputs({"--json": json, "--html": html}, paths)
    with progress_bar() as step:
        report = verify(
            [str(path) for path in paths],
            budget=budget,
            jobs=jobs,
            fallback=fallback,
            progress=step,
        )
    written = []
    if json is not None:
        write_text(json, json_text.dumps(report.to_json(), indent=2, ensure_ascii=False) + "\n")
        written.append(f"verdicts: {json}")
    if html is not None:
        from geomkit.report import render

        write_text(html, render(report.to_json()))
        written.append(f"report: {html}")
    try:
        _print(report, quiet)
        for line in written:
            emit(line)
    except BrokenPipeError:  # `| head` took what it wanted; the exit status is that of the report
        abandon_stdout()
    return report.exit_status


def _print(report: Report, quiet: bool) -> None:
    for file in report.files:
        if not quiet:
            emit("\n".join(verdict_lines(file)))
        if file.error:
            complain(f"error: {file.error}")
    emit(str(report).splitlines()[-1])


def verdict_lines(file: FileResult) -> Iterator[str]:
    """Give the lines about one file; on a terminal the marks are coloured.

    Why a file cannot be used is not among them: that goes to standard error.

    Args:
        file: the answers for the file.

    Yields:
        The lines.
    """
    for line in map(printable, str(_one_line(file)).splitlines()):
        match = re.match(r"( *)([+x?!])( .*)", line)
        if match and match[2] == "!":
            continue
        if match and colourful():
            space, mark, rest = match.groups()
            verdict, _, tail = rest.strip().partition(" ")
            yield f"{space}\x1b[{_COLOURS[mark]}m{mark} {verdict}\x1b[0m {tail}"
        else:
            yield line


def _one_line(file: FileResult) -> FileResult:
    """Texts that the author of the file chose, without line ends: none can pass for a verdict."""
    claims = tuple(
        replace(claim, source=printable(claim.source), label=printable(claim.label))
        for claim in file.claims
    )
    return replace(file, file=printable(file.file), metric=printable(file.metric), claims=claims)


@contextmanager
def progress_bar() -> Iterator[Progress | None]:
    """Show a progress bar on stderr while claims are checked; nothing when it is no terminal.

    Yields:
        What `verify` takes as `progress`.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("verifying"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def step(done: int, total: int, label: str) -> None:
            name = printable(label).replace("[", r"\[")
            bar.update(task, completed=done, total=total, description=name)

        yield step
