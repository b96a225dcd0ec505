"""`geomkit verify`: the claims of a paper about a metric, proved or refuted.

A verdict rests on two independent pillars. The exact one converts both sides of a claimed identity
into one differential field, where equal expressions have the same normal form. The rigorous
refutation evaluates both sides with Arb balls at rational points, without that field: a ball of the
difference that excludes zero is a counterexample, and wins. What neither can settle is compared at
random points with 60 digits, and such a verdict says `numeric`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from geomkit.metric import Metric

from .report import ClaimResult, FileResult, Report, Verdict
from .runner import Progress, check_here, check_in_children
from .worker import Options, Task

__all__ = ["ClaimResult", "FileResult", "Report", "Verdict", "verify"]

_SUFFIXES = (".toml", ".json")


def verify(
    source: str | os.PathLike[str] | Mapping[str, Any] | Metric | Iterable[str | os.PathLike[str]],
    claims: Mapping[str, Any] | Iterable[Mapping[str, Any]] | None = None,
    *,
    budget: float | None = None,
    jobs: int | None = None,
    seed: int = 0,
    fallback: bool = True,
    progress: Progress | None = None,
) -> Report:
    """Prove or refute the claims of claim files.

    Args:
        source: a claim file, a folder of claim files, an iterable of both, the content of one
            claim file as a mapping, or a metric.
        claims: for a metric: one claim or several, as in a claim file.
        budget: seconds that a claim may take; a claim beyond it is `undecided`. None: no limit.
        jobs: files checked at a time, each in a child process; None: as many as there are
            processors. With one file and no budget no child is started.
        seed: seed of the sample points; the same seed gives the same report.
        fallback: whether what cannot be decided exactly may be decided at random points with 60
            digits (proof "numeric"); if not, it is `undecided`.
        progress: called with (files done, files in all, current file) as the work goes on.

    Returns:
        The report: `report.exit_status`, `report.files`, `report.to_json()`, `str(report)`.

    Raises:
        ValueError: `budget` or `jobs` is not positive; a metric without claims, or claims about
            something that brings its own.

    Example:
        >>> import geomkit as gk
        >>> line = "dtheta**2 + sin(theta)**2*dphi**2"
        >>> sphere = gk.Metric.from_line_element(line, ["theta", "phi"])
        >>> report = gk.verify(sphere, {"kind": "scalar_curvature", "value": "1"})
        >>> report.claims[0].verdict, report.claims[0].instead["value"]
        (<Verdict.FAILS: 'fails'>, '2')
    """
    if budget is not None and not budget > 0:
        raise ValueError(f"budget is {budget!r}; give positive seconds, or None for no limit")
    if jobs is not None and jobs < 1:
        raise ValueError(f"jobs is {jobs!r}; give a positive number of processes")
    started = time.monotonic()
    tasks = _tasks(_with_claims(source, claims))
    options = Options(budget, seed, fallback)
    if len(tasks) == 1 and budget is None and jobs is None:
        files = [check_here(tasks[0], options)]
        if progress is not None:
            progress(1, 1, tasks[0].label)
    else:
        files = check_in_children(tasks, options, jobs or os.cpu_count() or 1, progress)
    return Report(tuple(files), time.monotonic() - started)


def _with_claims(source: Any, claims: Any) -> Any:
    """The source, or what a claim file of this metric and these claims would hold."""
    if isinstance(source, Metric) != (claims is not None):
        raise ValueError(
            "claims were given beside claim files, which bring their own; leave them out"
            if claims is not None
            else "a metric was given without claims; give them: verify(metric, claims)"
        )
    if claims is None:
        return source
    given = [claims] if isinstance(claims, Mapping) else list(claims)
    return {"metric": source.to_dict(), "claims": given}


def _tasks(source: Any) -> list[Task]:
    """The claim files that `source` names; folders are searched, in alphabetical order."""
    if isinstance(source, Mapping):
        return [Task("<mapping>", source)]
    if isinstance(source, (str, os.PathLike)):
        source = [source]
    tasks: list[Task] = []
    for item in source:
        path = Path(item)
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.suffix in _SUFFIXES and p.is_file())
            # an empty folder stays in the list: reading it says what is wrong
            tasks += [Task(str(p), str(p)) for p in found] or [Task(str(path), str(path))]
        else:
            tasks.append(Task(str(path), str(path)))
    return tasks
