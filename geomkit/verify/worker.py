"""The child process of `verify`: works through the claims of one file and streams the answers.

Every message is one JSON object over a pipe, sent as soon as it is known, so that the answers that
were finished survive when the parent has to end this process in the middle of a claim.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geomkit.errors import GeomkitError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

__all__ = ["Options", "Task", "serve", "work"]


@dataclass(frozen=True)
class Options:
    """How claims are to be checked.

    Attributes:
        budget: seconds a claim may take, or None for no limit.
        seed: seed of the sample points.
        fallback: whether numeric verdicts are allowed.
        memory: bytes of address space that a child process may use, or None for no limit.
    """

    budget: float | None = None
    seed: int = 0
    fallback: bool = True
    memory: int | None = None


@dataclass(frozen=True)
class Task:
    """One claim file to be checked.

    Attributes:
        label: what the file is called in the report.
        source: path of the file, or its content.
    """

    label: str
    source: str | Mapping[str, Any]


def work(task: Task, options: Options, emit: Callable[[dict[str, Any]], None], start: int) -> None:
    """Check the claims of one file, from the claim at position `start` on.

    Args:
        task: the file.
        options: how to check.
        emit: takes the messages: first "opened" (metric, claims) or "error" (text); then for each
            claim "start", perhaps "verdict" (a refutation, before what holds instead is known) and
            "done"; last "end".
        start: position of the first claim to check.
    """
    from .session import Session

    try:
        session = Session.open(task.source, options)
    except GeomkitError as error:
        emit({"event": "error", "text": str(error)})
        return
    except Exception as error:  # noqa: BLE001  (one bad file must not stop the others)
        emit({"event": "error", "text": _internal(error)})
        return
    heads = [session.head(position) for position in range(len(session.prepared))]
    emit({"event": "opened", "metric": session.metric.name, "claims": heads})
    for position in range(start, len(session.prepared)):
        emit({"event": "start", "claim": position})
        result = session.check(
            position, lambda early: emit({"event": "verdict", "result": early.to_wire()})
        )
        emit({"event": "done", "result": result.to_wire()})
    emit({"event": "end"})


def serve(connection: Connection, task: Task, options: Options, start: int, parent: int) -> None:
    """Entry point of the child process.

    Args:
        connection: where the messages go.
        task: the file.
        options: how to check.
        start: position of the first claim to check.
        parent: process id of the parent.
    """
    # Ctrl-C reaches the whole process group; the parent alone answers it, by ending us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent(parent)
    _limit_memory(options.memory)
    try:
        work(task, options, lambda event: connection.send_bytes(json.dumps(event).encode()), start)
    except (BrokenPipeError, ConnectionError):
        pass  # the parent has gone; nobody wants the rest
    finally:
        connection.close()


def _internal(error: BaseException) -> str:
    return f"internal error, please report it: {type(error).__name__}: {error}"


def _die_with_parent(parent: int) -> None:
    """Ask Linux to end this process when the parent ends, even while FLINT computes."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    set_death_signal = 1  # PR_SET_PDEATHSIG of <sys/prctl.h>
    try:
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)
    except (AttributeError, OSError):
        return
    if os.getppid() != parent:  # the parent ended before the request was made
        os._exit(1)


def _limit_memory(limit: int | None) -> None:
    """Let an allocation beyond `limit` bytes fail here instead of pushing the machine into swap."""
    if limit is None:
        return
    try:
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        ceilings = [limit, *(bound for bound in (soft, hard) if bound != resource.RLIM_INFINITY)]
        resource.setrlimit(resource.RLIMIT_AS, (min(ceilings), hard))
    except (ImportError, OSError, ValueError):
        return
