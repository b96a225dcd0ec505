"""What the normal form cannot see: functions that jump, or have a kink, at a fold.

On either side of a fold an identity may hold, and yet not across it: the derivative of sign(x) is
zero on both sides of x = 0, but sign(x) d/dx is no Killing field of dx^2. So functions that a claim
calls smooth are compared on both sides of all folds that can be located.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement
from typing import Any

import sympy

from geomkit.errors import DomainError, EvaluationError

from .balls import show
from .compare import Sampler
from .context import Context
from .critical import Fold, switches
from .decide import Outcome
from .report import Verdict
from .view import View, describe

__all__ = ["Smooth", "across_folds", "curvature_across_folds"]

BITS = 160
# The two sides of a fold are 2^-40 or less apart: smooth functions differ by far less than this.
JUMP = 1e-5
# Where functions or the metric are larger the fold is a singularity, and nothing is claimed there.
REGULAR = 1e5


@dataclass(frozen=True)
class Smooth:
    """What a claim takes for granted.

    Attributes:
        functions: these are continuous where the metric is regular.
        order: and so are their derivatives up to this order.
        words: what they are, for people.
        variables: the derivatives are by these; the coordinates, if empty.
    """

    functions: tuple[sympy.Expr, ...]
    order: int
    words: str
    variables: tuple[sympy.Symbol, ...] = ()


def across_folds(
    context: Context, outcome: Outcome, smooth: Smooth, sampler: Sampler | None = None
) -> Outcome:
    """Refute a claim that holds on both sides of a fold, but not across it.

    Args:
        context: the metric.
        outcome: the verdict so far.
        smooth: what must be smooth.
        sampler: finds the folds; by default that of the metric.

    Returns:
        The verdict.
    """
    switching = switches(smooth.functions)
    if outcome.verdict is not Verdict.HOLDS or not switching:
        return outcome
    variables = smooth.variables or context.coordinates
    for fold in (sampler or context.sampler).folds(switching):
        sides = [View(context.metric, point, 0, BITS) for point in fold.sides]
        if not smooth.variables and not all(_tame(side, context.n) for side in sides):
            continue
        for function in smooth.functions:
            found = _jump(sides, function, variables, smooth.order)
            if found is not None and not _angle(found, context, smooth):
                return _refuted(context, fold, smooth, function, found)
    return outcome


def _jump(
    sides: Sequence[View], function: sympy.Expr, variables: Sequence[sympy.Symbol], order: int
) -> tuple[int, Any, Any] | None:
    """(order, one side, other side) of the first derivative that jumps."""
    for degree in range(order + 1):
        for index in combinations_with_replacement(range(len(variables)), degree):
            try:
                pair = []
                for side in sides:
                    with side.arithmetic.working():
                        expansion = side.expansion(function, variables, order)
                        pair.append(expansion.slope(*index) if index else expansion.value)
                with sides[0].arithmetic.working():
                    sizes = [abs(value) for value in pair]
                    if not all(size < REGULAR for size in sizes):
                        continue
                    if abs(pair[0] - pair[1]) > JUMP:
                        return degree, pair[0], pair[1]
            except (DomainError, EvaluationError, ZeroDivisionError):
                return None
    return None


def _tame(view: View, n: int) -> bool:
    """Whether the metric and its inverse are of ordinary size."""
    try:
        with view.arithmetic.working():
            g, inverse = view.geometry.g, view.geometry.ginv
            pairs = [(i, j) for i in range(n) for j in range(n)]
            return all(abs(g[i][j]) < REGULAR and abs(inverse[i][j]) < REGULAR for i, j in pairs)
    except (DomainError, EvaluationError, ZeroDivisionError):
        return False


def _angle(found: tuple[int, Any, Any], context: Context, smooth: Smooth) -> bool:
    """Whether a coordinate of a curve jumps by 2 pi, and so perhaps not at all."""
    degree, low, high = found
    turns = float((low - high).mid()) / float(2 * sympy.pi)
    whole = abs(turns - round(turns)) < JUMP
    return bool(smooth.variables) and degree == 0 and whole and context.n > 1


def _refuted(
    context: Context, fold: Fold, smooth: Smooth, function: sympy.Expr, found: Any
) -> Outcome:
    degree, low, high = found
    what = "jumps" if degree == 0 else "has a kink: its derivative jumps"
    detail = (
        f"{smooth.words} {context.text(function)} {what} from {show(low, 6)} to {show(high, 6)}"
    )
    sample = describe(context.metric, fold.sides[0], 0)
    values = {"claimed": "smooth", "true": "a jump" if degree == 0 else "a kink"}
    return Outcome(Verdict.FAILS, "numeric", detail, counterexample={**sample, **values})


# The metric itself -------------------------------------------------------------------------------


def curvature_across_folds(context: Context, outcome: Outcome) -> Outcome:
    """Leave a claim about curvature open, if the metric has a ridge where it is regular.

    At a ridge the second fundamental form of the fold jumps: there the curvature is no function.

    Args:
        context: the metric.
        outcome: the verdict so far.

    Returns:
        The verdict.
    """
    if outcome.verdict is not Verdict.HOLDS:
        return outcome
    if "ridge" not in context.constant:
        context.constant["ridge"] = next(_ridges(context), None)
    ridge = context.constant["ridge"]
    if ridge is None:
        return outcome
    detail = f"it holds where the metric is smooth, but the metric has a ridge at {ridge}"
    return replace(outcome, verdict=Verdict.UNDECIDED, proof="", detail=detail)


def _ridges(context: Context) -> Iterator[str]:
    matrix, metric = context.metric.matrix, context.metric
    for switch in switches(matrix):
        for fold in context.sampler.folds([switch]):
            sides = [View(metric, point, 0, BITS) for point in fold.sides]
            try:
                if all(_tame(side, context.n) for side in sides) and _is_ridge(
                    context, sides, switch[0]
                ):
                    at = fold.sides[0]
                    yield ", ".join(f"{x} = {float(at[x]):.6g}" for x in context.coordinates)
            except (DomainError, EvaluationError, ZeroDivisionError):
                continue


def _is_ridge(context: Context, sides: Sequence[View], argument: sympy.Expr) -> bool:
    """Whether the part of the jump of dg along the fold does not vanish.

    d_k g_ij jumps by n_k c_ij, with n the gradient of the argument. Changes of coordinates that
    have a kink at the fold add n_i v_j + v_i n_j to c_ij, which tangent vectors do not see.

    Returns:
        True if it is larger than smooth functions allow.
    """
    n = context.n
    with sides[0].arithmetic.working():
        normal = [float(x.mid()) for x in sides[0].jet(argument, 1).first]
        size = sum(x * x for x in normal)
        jumps = [[[0.0] * n for _ in range(n)] for _ in range(n)]
        for i in range(n):
            for j in range(n):
                slopes = [side.geometry.dg[i][j] for side in sides]
                if not all(abs(x) < REGULAR for slope in slopes for x in slope):
                    return False
                jumps[i][j] = [float((a - b).mid()) for a, b in zip(*slopes, strict=True)]
    if size == 0:
        return False
    across = [[sum(c * x for c, x in zip(jump, normal, strict=True)) / size for jump in row]
              for row in jumps]  # fmt: skip
    tangent = [[(i == k) - normal[i] * normal[k] / size for k in range(n)] for i in range(n)]
    return any(
        abs(sum(tangent[i][k] * tangent[j][m] * across[k][m] for k in range(n) for m in range(n)))
        > JUMP
        for i in range(n)
        for j in range(n)
    )
