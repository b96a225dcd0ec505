"""The rows of the table: against whom, how many points, and what has to be reached."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.kernels import c_kernel
from benchmarks.kernels.own import (
    Own,
    formulas,
    kerr,
    lambdified,
    nested,
    schwarzschild,
    torch_eager,
    torch_gradient,
)
from benchmarks.kernels.problem import MASS, SPIN, mismatch
from benchmarks.kernels.remote import Remote
from benchmarks.kernels.timing import Here, Timed, in_turns

__all__ = ["LIMIT", "ROWS", "Result", "Row", "measure"]

Array = NDArray[np.float64]
Ready = tuple[Timed, Timed, Callable[[], str | None]]


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        name: with whom.
        prepare: a context that gives geomkit's program, the other, and the check of values.
        least: how many times faster geomkit has to be; below 1 for the limit.
        counts: how many points geomkit and the other compute in one call.
        alike: whether the task is that of the C, so that it can be compared as well.
        group: the row of the design that it belongs to; several ways of one peer are one row.
    """

    name: str
    prepare: Callable[[Row], Any]
    least: float | None
    counts: tuple[int, int] = (1000, 1000)
    alike: bool = True
    group: str = ""


@dataclass(frozen=True)
class Result:
    """What a row came to, in nanoseconds of CPU time for each point.

    Attributes:
        row: the row.
        own: geomkit.
        other: the other program; None when there is no time.
        note: why there is none.
    """

    row: Row
    own: float = 0.0
    other: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float:
        """How many times geomkit is faster; 0 when that is not known."""
        return self.other / self.own if self.other else 0.0

    @property
    def missed(self) -> bool:
        """Whether the row asks for more."""
        return self.row.least is not None and self.ratio < self.row.least


def measure(row: Row) -> Result:
    """Check the values of a row, then time it.

    Args:
        row: the row.

    Returns:
        Its result; without a time if the other is missing, fails or computes something else.
    """
    try:
        with row.prepare(row) as (own, other, check):
            wrong = check()
            if wrong:
                return Result(row, note=f"other values: {wrong}")
            pair = in_turns(own, other)
    except (RuntimeError, ImportError, OSError) as error:
        return Result(row, note=str(error))
    return Result(row, 1e9 * pair.own / row.counts[0], 1e9 * pair.other / row.counts[1])


def _here(peer: Callable[[Own], Any]) -> Callable[[Row], Any]:
    @contextmanager
    def prepare(row: Row) -> Iterator[Ready]:
        own = kerr(row.counts[0])
        call, read = peer(own)
        yield Here(own.call), Here(call), lambda: mismatch(read(call()), own.values, own.names)

    return prepare


def _there(
    environment: str, peer: str, metric: Callable[[int], Own] = kerr
) -> Callable[[Row], Any]:
    @contextmanager
    def prepare(row: Row) -> Iterator[Ready]:
        own = metric(row.counts[0])
        few = own.points[: row.counts[1]]
        indices = np.array([slot.index for slot in own.kernel.slots if slot.index])
        problem = {"points": few, "mass": MASS, "spin": SPIN, "indices": indices}
        if peer == "heyoka.tensors":
            problem["formulas"] = json.dumps([nested(one) for one in formulas(own)])
        with Remote(environment, peer, problem) as remote:
            expected = own.values[:, : len(few)]
            yield Here(own.call), remote, lambda: mismatch(remote.values, expected, own.names)

    return prepare


@contextmanager
def _gradients(row: Row) -> Iterator[Ready]:
    own = kerr(row.counts[0])
    (fast, read), (slow, other) = (torch_gradient(own, fast=fast) for fast in (True, False))
    names = ["d/dr", "d/dtheta"]
    yield Here(fast), Here(slow), lambda: mismatch(read(fast()), other(slow()), names)


LARGE = (100_000, 100_000)
HEYOKA, LAMBDIFY, DERIVED = "heyoka.py cfunc", "lambdify", "JAX jit of autodiff curvature"
CLOSED, PACKAGES, TORCH = "JAX jit of the closed form", "packages of geometry", "torch"
LIMIT = Row(
    "C by hand, blocks of 64", _here(lambda own: c_kernel.blocks(own.points)), 1 / 1.5, group="C"
)
ROWS = (
    LIMIT,
    Row("C by hand, whole columns", _here(lambda o: c_kernel.columns(o.points)), None),
    Row("heyoka.py cfunc", _there("fast", "heyoka.tensors"), 2, group=HEYOKA),
    Row(
        "heyoka.py cfunc, by hand, fast_math",
        _there("fast", "heyoka.arguments"),
        2,
        group=HEYOKA,
    ),
    Row("heyoka.py cfunc, by hand, M and a in the code", _there("fast", "heyoka.constants"), None),
    Row(
        "lambdify(cse=True), NumPy",
        _here(lambda own: lambdified(own, cse=True)),
        10,
        group=LAMBDIFY,
    ),
    Row(
        "lambdify(cse=False), NumPy",
        _here(lambda own: lambdified(own, cse=False)),
        80,
        group=LAMBDIFY,
    ),
    Row("generated torch, eager", _here(torch_eager), 12, group="generated torch"),
    Row("JAX jit, closed form", _there("fast", "jax.closed_form"), 15, group=CLOSED),
    Row("JAX jit, closed form, r and theta apart", _there("fast", "jax.columns"), 15, group=CLOSED),
    Row("JAX jit, curvature by jacobian", _there("fast", "jax.reverse"), 1000, group=DERIVED),
    Row("JAX jit, curvature by jacfwd", _there("fast", "jax.forward"), 1000, group=DERIVED),
    Row(
        "EinsteinPy, lambdified (Schwarzschild)",
        _there("geometry", "geometry.einsteinpy", schwarzschild),
        1000,
        alike=False,
        group=PACKAGES,
    ),
    Row(
        "geomstats (Schwarzschild)",
        _there("geometry", "geometry.geomstats", schwarzschild),
        1000,
        (1000, 2),
        alike=False,
        group=PACKAGES,
    ),
    Row("torch forward + backward, numba against eager", _gradients, 8, alike=False, group=TORCH),
    Row(
        "torch forward + backward, numba against eager",
        _gradients,
        3,
        LARGE,
        alike=False,
        group=TORCH,
    ),
)
