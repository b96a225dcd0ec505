"""Two programs timed in turns, so that what slows the machine slows both.

A program is anything with `seconds(calls)`: one in this process, or one in a process of its own
that works while this one waits. CPU time of the whole process is taken, so threads hide nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["Here", "Pair", "Timed", "in_turns"]

ROUNDS = 15
BATCH = 0.01  # seconds that one batch should take
PATIENCE = 12.0  # seconds for all batches of one pair


class Timed(Protocol):
    """A program that can be timed."""

    def seconds(self, calls: int) -> float:
        """CPU seconds of so many calls, one after the other."""


@dataclass(frozen=True)
class Here:
    """A program in this process.

    Attributes:
        call: what is timed.
    """

    call: Callable[[], Any]

    def seconds(self, calls: int) -> float:
        """CPU seconds of so many calls."""
        call = self.call
        started = time.process_time()
        for _ in range(calls):
            call()
        return time.process_time() - started


@dataclass(frozen=True)
class Pair:
    """What two programs took for one call, timed in turns.

    Attributes:
        own: least CPU seconds of geomkit, over the batches.
        other: least CPU seconds of the other program.
    """

    own: float
    other: float

    @property
    def ratio(self) -> float:
        """How many times geomkit is faster."""
        return self.other / self.own


def in_turns(own: Timed, other: Timed) -> Pair:
    """Time two programs in turns.

    Args:
        own: geomkit.
        other: what it is compared with.

    Returns:
        The least times: whatever disturbs a measurement only adds to it.
    """
    counts = [_calls(program) for program in (own, other)]
    best = [float("inf"), float("inf")]
    ends = time.perf_counter() + PATIENCE
    for done in range(ROUNDS):
        if done >= 3 and time.perf_counter() > ends:
            break
        for k, program in enumerate((own, other)):
            best[k] = min(best[k], program.seconds(counts[k]) / counts[k])
    return Pair(*best)


def _calls(program: Timed) -> int:
    """How many calls make a batch; finding out warms the program up."""
    calls = 1
    while (seconds := program.seconds(calls)) < BATCH / 2:
        # the clock of CPU time may stand still for a few milliseconds
        calls = max(2 * calls, min(100 * calls, int(calls * BATCH / max(seconds, 1e-6))))
    return calls
