"""A peer in its own environment: `python -m benchmarks.kernels.worker PEER PROBLEM.npz VALUES.npy`.

It prepares itself, stores what it computes, says "ready", and then, for each number it is given on
standard input, makes so many calls and prints the CPU seconds. Nothing here imports geomkit.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.kernels.timing import Here

__all__ = ["Peer"]

# What a module in `peers` has for each of its peers: from the problem to the call that is timed,
# and from its result to the values (components, points).
Peer = Callable[[dict[str, Any]], tuple[Callable[[], Any], Callable[[Any], Any]]]


def main(name: str, problem: str, values: str) -> None:
    """Serve one peer until standard input ends."""
    module, _, function = name.partition(".")
    prepare: Peer = getattr(import_module(f"benchmarks.kernels.peers.{module}"), function)
    with np.load(problem) as stored:
        call, read = prepare(dict(stored))
    np.save(values, np.asarray(read(call()), dtype=float))
    timed = Here(call)
    print("ready", flush=True)
    for line in sys.stdin:
        print(timed.seconds(int(line)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
