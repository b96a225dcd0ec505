"""Claims of closed forms for the geodesic distance d(x, x_0).

Near the diagonal the distance is the only function with unit gradient, g^ij d_i d d_j d = 1, that
behaves like |x - x_0|_g. Both are proved in exact fields. Far from the diagonal a closed form can
still lie on a wrong branch, so there it is also compared with the length of the straight segment,
which no distance exceeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sympy

from geomkit.domain import Box, Domain
from geomkit.errors import DomainError, EvaluationError, FieldError
from geomkit.evaluate import Balls
from geomkit.expressions import to_text
from geomkit.field import Element, Field

from .balls import show, smallest
from .check import Check
from .context import Context
from .decide import NO_TRUTH, NUMERIC_POINTS, Identity, Outcome
from .descent import kink, second_zero
from .pair_sampling import PairSample, PairSampler
from .report import Verdict
from .series import leading_square

if TYPE_CHECKING:
    from geomkit.files import Claim

__all__ = ["distance_check"]

# Step towards the diagonal for the numeric check of d ~ |dx|_g. The relative error is of order
# STEP, far below the tolerance; BITS leaves room for 1 - cos(STEP) and the like.
STEP = sympy.Rational(1, 10**48)
STEP_BITS = 1000
TOLERANCE = Fraction(1, 10**40)
# A distance is at most the length of the straight segment, enclosed in SEGMENTS pieces.
SEGMENTS, LENGTH_BITS = 64, 100

# f'(u)^2 for the functions that closed forms of distances are made of.
SQUARED_SLOPES: Mapping[Any, Callable[[Any], Any]] = {
    sympy.acosh: lambda u: 1 / (u**2 - 1),
    sympy.asinh: lambda u: 1 / (u**2 + 1),
    sympy.acos: lambda u: 1 / (1 - u**2),
    sympy.asin: lambda u: 1 / (1 - u**2),
    sympy.atan: lambda u: 1 / (1 + u**2) ** 2,
    sympy.atanh: lambda u: 1 / (1 - u**2) ** 2,
    sympy.log: lambda u: 1 / u**2,
}


@dataclass(frozen=True)
class Distance:
    """A claimed distance function.

    Attributes:
        context: the metric.
        second: the symbols of the second point, in the order of the coordinates.
        value: the claimed d(x, x_0).
    """

    context: Context
    second: tuple[sympy.Symbol, ...]
    value: sympy.Expr

    @cached_property
    def domain(self) -> Domain:
        """Boxes of parameters and of both points."""
        rename = dict(zip(self.context.coordinates, self.second, strict=True))
        boxes = self.context.metric.domain.boxes
        copies = [
            Box(rename[b.symbol], b.lower.xreplace(rename), b.upper.xreplace(rename), b.integer)
            for b in boxes
            if b.symbol in rename
        ]
        return Domain((*boxes, *copies))

    @cached_property
    def peeled(self) -> tuple[sympy.Expr, Any, sympy.Expr]:
        """The value as c f(u): constant c, function f (None for the identity), argument u."""
        points = {*self.context.coordinates, *self.second}
        constant, rest = self.value.as_independent(*points, as_Add=False)
        if rest.func in SQUARED_SLOPES:
            return constant, rest.func, rest.args[0]
        if rest.is_Pow and rest.exp == sympy.Rational(1, 2):
            return constant, sympy.sqrt, rest.base
        return constant, None, rest

    @cached_property
    def field(self) -> Field:
        """The field of functions of both points."""
        constant, _, argument = self.peeled
        return Field(
            self.context.coordinates, domain=self.domain, budget=self.context.budget,
            expressions=[*self.context.metric.matrix, constant, argument],
        )  # fmt: skip

    @cached_property
    def squared_gradient(self) -> Element:
        """g^ij d_i d d_j d, by the square of the outermost slope: no root is needed for it."""
        constant, function, argument = self.peeled
        field, symbols = self.field, self.context.coordinates
        u = field(argument)
        slopes = [u.diff(symbol) for symbol in symbols]
        inverse = self.context.curvature.chart.inverse
        n = self.context.n
        terms = [
            (1, field(inverse[i][j].to_sympy()), slopes[i] * slopes[j])
            for i in range(n)
            for j in range(n)
            if not inverse[i][j].is_zero
        ]
        factor = field(constant) ** 2
        if function is sympy.sqrt:
            factor = factor / (4 * u)
        elif function is not None:
            factor = factor * SQUARED_SLOPES[function](u)
        return field.dot(terms) * factor


def distance_check(context: Context, claim: Claim) -> Check:
    """Prepare a claim of a closed form for the distance.

    Args:
        context: the metric.
        claim: the claim.

    Returns:
        What to run.

    Raises:
        FileError: the value cannot be read, or a name ending in _0 is taken.
    """
    second = []
    for symbol in context.coordinates:
        name = f"{symbol}_0"
        if name in context.metric.names:
            message = f"{name} is a name of the metric, and would be the second point's {symbol}"
            raise context.error(claim, message, key="value", remedy="rename it in the metric")
        second.append(sympy.Symbol(name, **symbol.assumptions0))
    extra = {str(symbol): symbol for symbol in second}
    rename = dict(zip(context.coordinates, second, strict=True))
    abbreviations = {}
    for definition in context.metric.definitions:
        placeholder = sympy.Symbol(f"{definition.symbol}_0", real=True)
        extra[str(placeholder)] = placeholder
        abbreviations[placeholder] = definition.value.xreplace(rename)
    key = "latex" if "latex" in claim.keys else "value"
    value = context.expression(claim, claim.keys.get(key), key, extra).xreplace(abbreviations)
    distance = Distance(context, tuple(second), value)
    return Check(f"d(x, x_0) = {value}", lambda: _run(distance))


def _run(distance: Distance) -> Outcome:
    """Decide; for a refuted function try whether one like it is the distance."""
    outcome = _decide(distance, final=True)
    if outcome.verdict is not Verdict.FAILS or outcome.instead is not None:
        return outcome
    for candidate in _candidates(distance):
        if _decide(candidate).verdict is Verdict.HOLDS:
            value = to_text(candidate.value)
            detail = f"{outcome.detail}; the distance is {value}"
            return replace(outcome, detail=detail, instead={"kind": "distance", "value": value})
    return outcome


def _candidates(distance: Distance) -> Iterator[Distance]:
    """The same function without a sign or an additive constant."""
    value = distance.value
    yield replace(distance, value=-value)
    diagonal = dict(zip(distance.context.coordinates, distance.second, strict=True))
    constant = value.xreplace(diagonal)
    if not constant.free_symbols & set(distance.second) and constant.is_finite and constant != 0:
        yield replace(distance, value=value - constant)


def _decide(distance: Distance, *, final: bool = False) -> Outcome:
    context = distance.context
    fallback = context.options.fallback
    sampler = PairSampler(context.metric, context.options.seed, distance.second)
    unit = Identity(
        "|grad d|^2",
        lambda: distance.field.one - distance.squared_gradient,
        lambda view: view.squared_gradient(distance.value),
        lambda view: view.one,
        lambda view: view.complex_value(distance.value),
    )
    outcome = context.decide([unit], sampler, final=final)
    if outcome.verdict is Verdict.FAILS:
        return _explain(distance, outcome)
    far = _far_from_diagonal(distance, sampler)
    if far is not None:
        return far
    if outcome.verdict is Verdict.UNDECIDED:
        return outcome
    folded = second_zero(sampler, distance.value, NUMERIC_POINTS)
    if folded is not None:
        return folded
    near = _near_diagonal(distance, sampler)
    if near.verdict is not Verdict.HOLDS:
        return near
    place = kink(sampler, distance.value)
    if place is not None:
        where = ", ".join(f"{name} = {at}" for name, at in place["point"].items())
        detail = f"it has a kink at {where}: a distance only if points are identified there"
        return Outcome(Verdict.UNDECIDED, detail=detail)
    proof = "exact" if outcome.proof == near.proof == "exact" else "numeric"
    if proof == "numeric" and not fallback:
        reason = outcome.detail if outcome.proof != "exact" else near.detail
        return Outcome(Verdict.UNDECIDED, detail=f"{reason}; the numeric fallback is off")
    return Outcome(
        Verdict.HOLDS, proof, f"unit gradient: {outcome.detail}; near the diagonal: {near.detail}"
    )


# Near the diagonal --------------------------------------------------------------------------------


def _near_diagonal(distance: Distance, sampler: PairSampler) -> Outcome:
    """Decide d(x_0 + eps v, x_0)^2 = eps^2 g(v, v) + O(eps^3)."""
    wrong = _numerically_near(distance, sampler)
    if wrong is not None:
        return wrong
    try:
        if _exactly_near(distance):
            return Outcome(Verdict.HOLDS, "exact", "d ~ |dx|_g by its series")
        reason = "the leading term of the series is not |dx|_g in normal form"
    except FieldError as error:
        reason = str(error)
    detail = f"d ~ |dx|_g at {NUMERIC_POINTS} random points to 40 digits; not exact: {reason}"
    return Outcome(Verdict.HOLDS, "numeric", detail)


def _exactly_near(distance: Distance) -> bool:
    context = distance.context
    taken = {str(symbol) for symbol in (*context.metric.symbols.values(), *distance.second)}
    letter = next(c for c in ("v", "w", "dx", "direction") if f"{c}_0" not in taken)
    directions = [sympy.Symbol(f"{letter}_{i}", real=True) for i in range(context.n)]
    field, square = leading_square(
        distance.value, context.coordinates, distance.second, directions, distance.domain,
        context.budget,
    )  # fmt: skip
    rename = dict(zip(context.coordinates, distance.second, strict=True))
    matrix = context.metric.matrix.xreplace(rename)
    length = field.zero
    for i, v in enumerate(directions):
        for j, w in enumerate(directions):
            length = length + field(matrix[i, j]) * field(v) * field(w)
    return bool((square - length).is_zero)


def _numerically_near(distance: Distance, sampler: PairSampler) -> Outcome | None:
    """The refutation, if d is not close to |dx|_g for a tiny dx; None if it is."""
    compared = 0
    for sample in sampler.draw(2 * NUMERIC_POINTS):
        arithmetic = Balls(STEP_BITS)
        with arithmetic.working():
            view = sample.towards(STEP).view(STEP_BITS)
            try:
                claimed = view.value(distance.value)
                true = view.straight_length()
            except (DomainError, EvaluationError, ZeroDivisionError):
                continue
            if not (claimed.is_finite() and true.is_finite()):
                continue
            compared += 1
            if smallest(claimed - true) > arithmetic.number(TOLERANCE) * true:
                longest = sample.towards(STEP).segment_length(1, STEP_BITS)
                # longer than a curve between the points is rigorous; shorter is not
                proof = "exact" if longest is not None and claimed > longest else "numeric"
                return _refute(sample.towards(STEP), claimed, true, "near the diagonal", proof)
        if compared >= NUMERIC_POINTS:
            return None
    if compared:
        return None
    detail = "the claimed distance could not be evaluated near the diagonal"
    return Outcome(Verdict.UNDECIDED, detail=detail)


# Far from it --------------------------------------------------------------------------------------


def _far_from_diagonal(distance: Distance, sampler: PairSampler) -> Outcome | None:
    """The refutation, if d is negative or longer than the straight segment; None if neither."""
    for sample in sampler.draw(NUMERIC_POINTS):
        arithmetic = Balls(LENGTH_BITS)
        with arithmetic.working():
            try:
                claimed = sample.view(LENGTH_BITS).value(distance.value)
                if claimed < 0:
                    what = "a negative distance"
                    return _refute(sample, claimed, arithmetic.number(0), what, "exact")
                length = sample.segment_length(SEGMENTS, LENGTH_BITS)
            except (DomainError, EvaluationError, ZeroDivisionError):
                continue
            if length is not None and claimed > length:
                what = "longer than the straight segment in these coordinates"
                return _refute(sample, claimed, length.upper(), what, "exact")
    return None


def _refute(sample: PairSample, claimed: Any, true: Any, what: str, proof: str) -> Outcome:
    values = {"claimed": show(claimed), "true": show(true)}
    detail = f"{what}: d = {show(claimed, 12)} against {show(true, 12)}"
    counterexample = {**sample.describe(), **values}
    return Outcome(Verdict.FAILS, proof, detail, counterexample=counterexample)


def _explain(distance: Distance, outcome: Outcome) -> Outcome:
    """The claimed function times a constant may have unit gradient."""
    sample = {**outcome.mismatches[0].to_json(), "quantity": "|grad d|^2"}
    try:
        square = distance.squared_gradient
        constant = all(
            square.diff(symbol).is_zero
            for symbol in (*distance.context.coordinates, *distance.second)
        )
        text = distance.context.text(square)
    except NO_TRUTH:
        return replace(outcome, counterexample=sample)
    if square == square.field.one:  # it is not real, so the equation in the field says nothing
        return replace(outcome, counterexample=sample)
    corrected = _corrected(distance, square) if constant and not square.is_zero else None
    if corrected is not None:
        value = to_text(corrected)
        detail = f"|grad d|^2 = {text}, not 1: the distance is {value}"
        instead = {"kind": "distance", "value": value}
        return replace(outcome, detail=detail, counterexample=sample, instead=instead)
    shown = f"|grad d|^2 = {text}" if text is not None and len(text) < 300 else "|grad d| != 1"
    short = text is not None and len(text) < 1000
    gradient = {"kind": "squared_gradient", "value": text} if short else None
    return replace(
        outcome, detail=f"{shown}, not 1: not a distance", counterexample=sample, instead=gradient
    )


def _corrected(distance: Distance, square: Element) -> sympy.Expr | None:
    """The function divided by the constant length of its gradient, if that is the distance."""
    value = distance.value / sympy.sqrt(square.to_sympy())
    holds = _decide(replace(distance, value=value)).verdict is Verdict.HOLDS
    return value if holds else None
