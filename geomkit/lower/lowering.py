"""lower: a metric and the names of quantities become a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from geomkit.errors import BudgetError, FieldError
from geomkit.field import Budget
from geomkit.program import Builder, Input, Node, Program, identifier

from .exact import lower_exactly
from .requests import read_requests
from .scope import VECTORS
from .staged import lower_staged

if TYPE_CHECKING:
    from geomkit.metric import Metric

__all__ = ["lower"]

# Seconds of exact derivation after which a program is staged, unless the caller says otherwise.
BUDGET = 60.0
# Where exact components have more terms than this, or lead through longer ones, the staged program
# is shorter by far: metrics with many unspecified functions.
LONGEST, SWOLLEN = 12_000, 50_000


def lower(
    metric: Metric,
    quantities: Any,
    *,
    name: str | None = None,
    budget: float | None = None,
    staged: bool | None = None,
) -> Program:
    """Turn quantities of a metric into a program.

    Tensors are derived exactly, factored, and written with everything they have in common computed
    once; components that vanish exactly are listed, not computed.

    Args:
        metric: the metric.
        quantities: what to compute; see `read_requests`.
        name: name of the program; by default that of the metric.
        budget: seconds that the exact derivation may take; by default 60.
        staged: True computes step by step from the metric (see `geomkit.lower.staged`) instead of
            deriving; False refuses to; None does so where deriving fails for its size or because
            the metric does not fit the exact field.

    Returns:
        The program. Inputs: coordinates, then velocities and other vectors, parameters, and values
        and derivatives of unspecified functions.

    Raises:
        LoweringError: a quantity is unknown, or a function has no counterpart in programs.
        FieldError: with staged=False: the metric does not fit the exact field.
        BudgetError: with staged=False: the derivation would exceed its budget.

    Example:
        >>> import geomkit as gk
        >>> program = lower(gk.catalog["sphere2"], ["metric", "scalar"])
        >>> print(program)
        program sphere2(points = [theta, phi], a)
          a2 = a*a
          sin_theta = sin(theta)
          metric[0, 0] = a2
          metric[1, 1] = sin_theta*sin_theta*a2
          scalar = 2/a2
          metric is 0 at [0, 1]
    """
    requests = read_requests(metric, quantities)
    sources = {source for request in requests for source in request.vectors}
    vectors = tuple(source for source in VECTORS if source in sources)
    called = identifier(metric.name if name is None else name)
    if not staged:
        try:
            builder = Builder(called)
            seconds = BUDGET if budget is None else budget
            limit = Budget(seconds) if staged is False else Budget(seconds, max_terms=SWOLLEN)
            longest = None if staged is False else LONGEST
            lower_exactly(builder, metric, requests, vectors, limit, longest)
            return _ordered(builder.finish(), metric)
        except (FieldError, BudgetError):
            if staged is False:
                raise
    builder = Builder(called, staged=True)
    lower_staged(builder, metric, requests, vectors)
    return _ordered(builder.finish(), metric)


def _ordered(program: Program, metric: Metric) -> Program:
    """Put derivatives of functions in order, by function and order; drop those not needed."""
    declared = [function.name for function in metric.functions]

    def key(number: int) -> tuple[Any, ...]:
        jet = program.inputs[number].jet
        if jet is None:
            return (0, number)
        known = declared.index(jet.function) if jet.function in declared else len(declared)
        falling = tuple(-k for k in jet.orders)
        return (1, known, jet.function, jet.arguments, sum(jet.orders), falling)

    used = {node.value for node in program.nodes if node.op == "input"}
    kept = [i for i, one in enumerate(program.inputs) if one.jet is None or i in used]
    order = sorted(kept, key=key)
    place = {old: new for new, old in enumerate(order)}
    inputs: Sequence[Input] = [program.inputs[old] for old in order]
    nodes = [
        Node("input", (), place[int(str(node.value))]) if node.op == "input" else node
        for node in program.nodes
    ]
    return replace(program, inputs=tuple(inputs), nodes=tuple(nodes))
