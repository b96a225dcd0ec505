"""Threads over blocks of points, for calls that are large enough to pay for them."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

__all__ = ["over_blocks", "thread_count"]

# Waking a thread costs about 20 microseconds; below this many components a call is not split.
GATE = 200_000
_POOL: dict[int, ThreadPoolExecutor] = {}


def thread_count() -> int:
    """Return the number of threads: GEOMKIT_NUM_THREADS, or as many as this process may use."""
    text = os.environ.get("GEOMKIT_NUM_THREADS", "")
    if text.isdigit() and int(text) > 0:
        return int(text)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def over_blocks(part: Callable[[int, int], None], blocks: int, size: int) -> None:
    """Call `part(first, last)` for ranges that cover all blocks, in threads if it is worth it.

    Args:
        part: does the blocks first to last - 1; must release the GIL.
        blocks: the number of blocks.
        size: the number of components to compute, all points together.
    """
    threads = min(thread_count(), blocks) if size >= GATE else 1
    if threads < 2:
        part(0, blocks)
        return
    # More pieces than threads, so that a slow core does not keep the others waiting.
    pieces = min(blocks, 4 * threads)
    edges = [blocks * k // pieces for k in range(pieces + 1)]
    for done in _pool(threads).map(part, edges[:-1], edges[1:]):
        assert done is None


def _pool(threads: int) -> ThreadPoolExecutor:
    if threads not in _POOL:
        _POOL[threads] = ThreadPoolExecutor(threads, thread_name_prefix="geomkit")
    return _POOL[threads]


# A forked child has none of its parent's threads; it makes a pool of its own.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_POOL.clear)
