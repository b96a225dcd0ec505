"""A peer in a process of its own, which works only while it is asked to."""

from __future__ import annotations

import os
import select
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from benchmarks.kernels.environments import ENVIRONMENTS, ROOT, THREADS

__all__ = ["Remote"]

SCRATCH = ROOT / "build" / "bench" / "kernels"


class Remote:
    """One peer of `peers/`, started in its environment; a context manager.

    Args:
        environment: which of `ENVIRONMENTS`.
        peer: "module.function" below `peers`.
        problem: arrays that the peer is given.
        limit: wall-clock seconds that it may take to prepare, or for one batch.

    Attributes:
        values: what the peer computed.
    """

    def __init__(
        self, environment: str, peer: str, problem: dict[str, Any], limit: float = 180
    ) -> None:
        self._limit, self._name = limit, peer
        why = ENVIRONMENTS[environment].make()
        if why is not None:
            raise RuntimeError(why)
        SCRATCH.mkdir(parents=True, exist_ok=True)
        given, found = SCRATCH / f"{peer}.problem.npz", SCRATCH / f"{peer}.values.npy"
        self._errors = SCRATCH / f"{peer}.errors.txt"
        np.savez(given, **problem)
        python = ENVIRONMENTS[environment].python
        self._process = self._start(python, ["benchmarks.kernels.worker", peer, given, found])
        try:
            if self._line() != "ready":
                raise RuntimeError(f"{peer} did not get ready")
            self.values = np.load(found)
        except BaseException:
            self._end()
            raise

    def _start(self, python: Path, arguments: list[Any]) -> subprocess.Popen[str]:
        with self._errors.open("w", encoding="utf-8") as errors:
            return subprocess.Popen(
                [str(python), "-m", *map(str, arguments)],
                cwd=ROOT,
                env={**os.environ, **THREADS, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def seconds(self, calls: int) -> float:
        """CPU seconds of so many calls, as the peer measured them."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{calls}\n")
        self._process.stdin.flush()
        return float(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], self._limit)[0]:
            raise RuntimeError(f"{self._name} does not answer in {self._limit:g} s")
        line = self._process.stdout.readline().strip()
        if not line:
            said = self._errors.read_text(encoding="utf-8").strip().splitlines() or ["no message"]
            raise RuntimeError(f"{self._name}: {said[-1][:100]}")
        return line

    def __enter__(self) -> Remote:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
