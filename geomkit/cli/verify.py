"""`geomkit verify`: claim files in parallel, a progress bar, verdicts in colour, JSON, HTML."""

from __future__ import annotations

import json as json_text
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from geomkit.cli.terminal import colourful, complain, console, emit
from geomkit.verify import verify

if TYPE_CHECKING:
    from geomkit.verify import FileResult, Report

__all__ = ["progress_bar", "run", "verdict_lines", "write_text"]

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
        budget: seconds a claim may take.
        jobs: files at the same time.
        fallback: whether numeric verdicts are allowed.
        quiet: print only the summary.

    Returns:
        The exit status.
    """
    with progress_bar() as step:
        report = verify(
            [str(path) for path in paths],
            budget=budget,
            jobs=jobs,
            fallback=fallback,
            progress=step,
        )
    _print(report, quiet)
    if json is not None:
        write_text(json, json_text.dumps(report.to_json(), indent=2, ensure_ascii=False) + "\n")
        emit(f"verdicts: {json}")
    if html is not None:
        _write_html(html, report)
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
    for line in str(file).splitlines():
        match = re.match(r"( *)([+x?!])( .*)", line)
        if match and match[2] == "!":
            continue
        if match and colourful():
            space, mark, rest = match.groups()
            verdict, _, tail = rest.strip().partition(" ")
            yield f"{space}\x1b[{_COLOURS[mark]}m{mark} {verdict}\x1b[0m {tail}"
        else:
            yield line


def write_text(path: Path, text: str) -> None:
    """Write a file completely or not at all: to a temporary file beside it, then moved into place.

    Args:
        path: where; missing folders are made.
        text: what.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _write_html(path: Path, report: Report) -> None:
    from geomkit.report import render

    write_text(path, render(report.to_json()))
    emit(f"report: {path}")


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
            name = label.replace("[", r"\[")
            bar.update(task, completed=done, total=total, description=name)

        yield step
