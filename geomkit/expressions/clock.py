"""A limit of CPU time that a collection of garbage does not use up."""

from __future__ import annotations

import gc
import time

__all__ = ["Clock"]


class Clock:
    """Measures the CPU time of this thread from when it is made.

    Args:
        seconds: how much there is.

    Example:
        >>> Clock(60).is_over(), Clock(-1).is_over()
        (False, True)
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.started = time.thread_time()
        self.collections: int | None = _full_collections()

    def is_over(self) -> bool:
        """Whether the time is over.

        To look through all objects of a large process for garbage takes a second by itself, and may
        happen to any text. Where it did, the clock starts anew, once.

        Returns:
            True if the time is over.
        """
        if time.thread_time() - self.started <= self.seconds:
            return False
        if self.collections in (None, _full_collections()):
            return True
        self.started, self.collections = time.thread_time(), None
        return False


def _full_collections() -> int:
    return int(gc.get_stats()[2]["collections"])
