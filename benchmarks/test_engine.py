"""CPU time of the exact engine on each metric of the table, by pytest-benchmark.

What is timed is the way from a `Metric` to the tensors in the field: Riemann, Ricci, the scalar and
(where the case says so) the Kretschmann scalar. Conversion to SymPy is not part of it, nor is the
reading of the metric; a fresh field is built every time.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

import geomkit as gk
from benchmarks.cases import CASES, Case

pytestmark = pytest.mark.benchmark(timer=time.process_time, disable_gc=True)


def metric_of(case: Case) -> Any:
    """Read the metric of a case."""
    coordinates, matrix = case.build()
    return gk.Metric(
        coordinates=[str(x) for x in coordinates],
        matrix=matrix,
        parameters=case.parameters,
        functions=case.functions,
        domain=case.domain,
        name=case.name,
    )


def derive(metric: Any, case: Case) -> Any:
    """Derive what the table asks for."""
    tensors = gk.curvature(metric)
    riemann, ricci, scalar = tensors.riemann_down, tensors.ricci, tensors.element("scalar")
    invariant = tensors.element("kretschmann") if case.kretschmann else None
    return riemann, ricci, scalar, invariant


@pytest.mark.parametrize("name", CASES)
def test_engine(benchmark: Any, name: str) -> None:
    """Time one case; a vacuum has to come out as exactly zero."""
    case = CASES[name]
    metric = metric_of(case)
    _, ricci, scalar, _ = benchmark.pedantic(derive, (metric, case), rounds=5, warmup_rounds=1)
    if case.vacuum:
        assert ricci.is_zero
        assert scalar.is_zero
