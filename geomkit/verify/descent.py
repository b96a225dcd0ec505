"""Distances by descent: against its gradient a distance falls to zero at the second point only.

A function with unit gradient may fold: asin in place of acos, an absolute value, a period. Then
it is zero at two different points of the domain, or has a kink where two branches meet.
"""

from __future__ import annotations

from typing import Any

import sympy

from geomkit.domain import Point
from geomkit.errors import DomainError, EvaluationError

from .balls import show
from .critical import switches
from .decide import Outcome
from .pair_sampling import PairSample, PairSampler, PairView
from .report import Verdict

__all__ = ["kink", "second_zero"]

# Each step goes down by this share of what is left; after all of them 10^-4 of it is left.
SHARE, STEPS, LEFT = 0.4, 24, 1e-3
BITS = 96
# Only where the function is so much shorter than the straight segment may it be folded.
SUSPECT, PAIRS, SEGMENTS = 0.9, 4, 16
KINK = 1e-5
TROUBLE = (DomainError, EvaluationError, ZeroDivisionError)


def second_zero(sampler: PairSampler, value: sympy.Expr, count: int) -> Outcome | None:
    """The refutation, if the function is zero at two different points of the domain.

    Args:
        sampler: gives pairs of points.
        value: the function d(x, x_0), of unit gradient.
        count: how many pairs are looked at.

    Returns:
        `fails`, or None.
    """
    tried = 0
    for sample in sampler.draw(count):
        if tried == PAIRS:
            break
        try:
            length = sample.segment_length(SEGMENTS, BITS)
            start = sample.view(BITS).value(value)
            if length is None or not start < length * SUSPECT:
                continue
            tried += 1
            end = _descend(sampler, sample, value)
            if end is None:
                continue
            left, apart = end.view(BITS).value(value), end.segment_length(SEGMENTS, BITS)
        except TROUBLE:
            continue
        if apart is not None and left < start * LEFT and apart > left * 100:
            detail = f"it falls to zero away from x = x_0: d = {show(left, 3)}, not a distance"
            values = {"claimed": show(left, 6), "true": show(apart.mid(), 6)}
            return Outcome(
                Verdict.FAILS, "numeric", detail, counterexample={**end.describe(), **values}
            )
    return None


def _descend(sampler: PairSampler, sample: PairSample, value: sympy.Expr) -> PairSample | None:
    """The pair with x moved against the gradient; None if it leaves the domain."""
    point = dict(sample.point)
    for _ in range(STEPS):
        view = PairView(sampler, point, sample.example, BITS)
        left = float(view.value(value).mid())
        middle = _moved(sampler, point, view, value, SHARE * left / 2)
        slope = PairView(sampler, middle, sample.example, BITS)
        point = _moved(sampler, point, slope, value, SHARE * left)
        if not _inside(sampler, point):
            return None
    return PairSample(sampler, point, sample.example)


def _moved(
    sampler: PairSampler, point: Point, view: PairView, value: sympy.Expr, step: float
) -> Point:
    coordinates = sampler.metric.coordinates
    with view.arithmetic.working():
        slopes, inverse = view.jet(value, 1).first, view.geometry.ginv
        n = len(coordinates)
        raised = [sum(inverse[i][j] * slopes[j] for j in range(n)) for i in range(n)]
    moved = dict(point)
    for x, component in zip(coordinates, raised, strict=True):
        shift = sympy.Rational(*(step * float(component.mid())).as_integer_ratio())
        moved[x] = (point[x] - shift).limit_denominator(10**12)
    return moved


def _inside(sampler: PairSampler, point: Point) -> bool:
    for box in sampler.metric.domain.boxes:
        low, high = (float(bound.xreplace(point)) for bound in (box.lower, box.upper))
        if not low <= float(point[box.symbol]) <= high:
            return False
    return True


def kink(sampler: PairSampler, value: sympy.Expr) -> dict[str, Any] | None:
    """A pair of different points at which the gradient of the function jumps.

    Args:
        sampler: finds the folds.
        value: the function d(x, x_0).

    Returns:
        The pair for the report, or None.
    """
    for fold in sampler.folds(switches([value])):
        try:
            views = [PairView(sampler, point, 0, BITS) for point in fold.sides]
            jets = [view.jet(value, 1) for view in views]
            with views[0].arithmetic.working():
                off = all(jet.value > 1e-3 and all(abs(s) < 1e5 for s in jet.first) for jet in jets)
                pairs = zip(jets[0].first, jets[1].first, strict=True)
                if off and any(abs(a - b) > KINK for a, b in pairs):
                    return PairSample(sampler, fold.sides[0], 0).describe()
        except TROUBLE:
            continue
    return None
