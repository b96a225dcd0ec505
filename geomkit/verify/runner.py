"""The parent process of `verify`: many files in parallel, each in a child that can be ended.

A call into FLINT cannot be interrupted from within. So the claims of a file are checked in a child
process that streams every finished answer through a pipe. When a claim overruns its budget the
parent ends the child, marks this one claim `undecided` and goes on with the next claim in a new
child. A child that crashes (FLINT out of memory, say) is treated in the same way.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from typing import Any

from .report import ClaimResult, FileResult, Verdict
from .worker import Options, Task, serve, work

__all__ = ["Progress", "check_here", "check_in_children"]

# Called whenever a claim or a file is finished: (files done, files in all, label of the file).
Progress = Callable[[int, int, str], None]

# A claim is given up after this multiple of its budget. The cooperative checks of the field engine
# come first, at 1; the format promises 2; the rest is for ending and reaping the child.
OVERRUN = 1.6
# Reading a file and finding its regular points is not part of any claim: at least these seconds.
LOAD_SECONDS = 2.0


@dataclass
class _Job:
    """One file on its way: what is known so far, and the child that works on it."""

    position: int
    task: Task
    metric: str = ""
    heads: list[dict[str, Any]] = field(default_factory=list)
    results: list[ClaimResult] = field(default_factory=list)
    error: str = ""
    finished: bool = False
    process: Any = None
    connection: Connection | None = None
    current: int | None = None
    early: ClaimResult | None = None
    deadline: float = float("inf")
    began: float = 0.0

    def result(self) -> FileResult:
        claims = () if self.error else tuple(self.results)
        return FileResult(self.task.label, self.metric, claims, self.error)


def check_here(task: Task, options: Options) -> FileResult:
    """Check one file in this process: no child, no way to end an overrunning claim.

    Args:
        task: the file.
        options: how to check.

    Returns:
        The answers.
    """
    job = _Job(0, task)
    work(task, options, lambda event: _take(job, event, options), 0)
    return job.result()


def check_in_children(
    tasks: Sequence[Task], options: Options, jobs: int, progress: Progress | None = None
) -> list[FileResult]:
    """Check files in parallel, each in a child process of its own.

    Args:
        tasks: the files.
        options: how to check.
        jobs: number of children at work at a time.
        progress: called after each claim and each file.

    Returns:
        One result a file, in the order of `tasks`.
    """
    _import_once()
    waiting = deque(_Job(position, task) for position, task in enumerate(tasks))
    everything = list(waiting)
    running: list[_Job] = []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(waiting.popleft())
                _start(running[-1], options)
            for job in _ready(running):
                _receive(job, options)
                if job.finished:
                    _end(job)
                    running.remove(job)
                _report(progress, everything, job)
    finally:  # also on Ctrl-C: no child outlives this call
        for job in running:
            _end(job)
    return [job.result() for job in everything]


def _import_once() -> None:
    """Import what the children need before they are forked, so that each starts warm."""
    from . import session  # noqa: F401


def _context() -> Any:
    """Fork where the system can (milliseconds, and no demands on the caller's `__main__`)."""
    methods = multiprocessing.get_all_start_methods()
    forks = "fork" in methods and sys.platform != "darwin"
    return multiprocessing.get_context("fork" if forks else "spawn")


def _start(job: _Job, options: Options) -> None:
    context = _context()
    receiver, sender = context.Pipe(duplex=False)
    arguments = (sender, job.task, options, len(job.results), os.getpid())
    with warnings.catch_warnings():
        # A caller with threads (a notebook) may fork: the child touches none of their locks.
        warnings.simplefilter("ignore", DeprecationWarning)
        job.process = context.Process(target=serve, args=arguments, daemon=True)
        job.process.start()
    sender.close()  # the child holds the only writing end, so that its death reads as end of file
    job.connection = receiver
    job.current = None
    job.began = time.monotonic()
    job.deadline = _deadline(options, LOAD_SECONDS)


def _deadline(options: Options, least: float = 0.0) -> float:
    if options.budget is None:
        return float("inf")
    return time.monotonic() + max(OVERRUN * options.budget, least)


def _ready(running: Sequence[_Job]) -> Iterator[_Job]:
    """Wait until a child has something to say or a deadline is over; yield those jobs."""
    nearest = min(job.deadline for job in running)
    pause = None if nearest == float("inf") else max(0.0, nearest - time.monotonic())
    spoken = set(wait([job.connection for job in running if job.connection], pause))
    for job in list(running):
        if job.connection in spoken or job.deadline <= time.monotonic():
            yield job


def _receive(job: _Job, options: Options) -> None:
    """Take all messages that are there; replace a child that overran or died."""
    assert job.connection is not None
    try:
        while job.connection.poll():
            _take(job, json.loads(job.connection.recv_bytes()), options)
            if job.finished:
                return
    except (EOFError, OSError):
        job.process.join()
        _give_up(job, options, _death(job.process.exitcode))
        return
    if job.deadline <= time.monotonic():
        _give_up(job, options, _overrun(options))


def _take(job: _Job, event: dict[str, Any], options: Options) -> None:
    """Book one message."""
    match event["event"]:
        case "opened":
            job.metric, job.heads = event["metric"], event["claims"]
        case "start":
            job.current, job.early = event["claim"], None
            job.began = time.monotonic()
            job.deadline = _deadline(options)
        case "verdict":
            job.early = ClaimResult.from_wire(event["result"])
        case "done":
            job.current = None
            job.deadline = _deadline(options, LOAD_SECONDS)
            job.results.append(ClaimResult.from_wire(event["result"]))
        case "error":
            job.error, job.finished = event["text"], True
        case "end":
            job.finished = True


def _give_up(job: _Job, options: Options, why: str) -> None:
    """End the child; mark the claim it was at as undecided, and go on with the next one."""
    _end(job)
    if job.current is None:
        job.error = f"{job.task.label}: while the file was read: {why}"
        job.finished = True
        return
    if job.early is not None:
        detail = f"{job.early.detail}; what holds instead was not found: {why}"
        result = replace(job.early, detail=detail)
    else:
        head = job.heads[job.current]
        result = ClaimResult(**head, verdict=Verdict.UNDECIDED, detail=why)
    job.results.append(replace(result, seconds=time.monotonic() - job.began))
    if len(job.results) < len(job.heads):
        _start(job, options)
    else:
        job.finished = True


def _overrun(options: Options) -> str:
    return (
        f"BudgetError: the claim was stopped after {OVERRUN * (options.budget or 0):.3g} s, beyond "
        f"its budget of {options.budget:g} s; give a larger budget=, or put in concrete functions"
    )


def _death(code: int | None) -> str:
    cause = f"signal {-code}" if code is not None and code < 0 else f"exit status {code}"
    return (
        f"BudgetError: the process that checked it ended with {cause}, most likely out of memory; "
        "put in concrete functions or numbers for parameters"
    )


def _end(job: _Job) -> None:
    """End the child, reap it, and close its pipe."""
    if job.connection is not None:
        job.connection.close()
        job.connection = None
    if job.process is not None:
        job.process.kill()
        job.process.join()
        job.process.close()
        job.process = None
    job.deadline = float("inf")


def _report(progress: Progress | None, jobs: Sequence[_Job], job: _Job) -> None:
    if progress is not None:
        progress(sum(job.finished for job in jobs), len(jobs), job.task.label)
