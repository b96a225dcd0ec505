"""Claims that a metric is the Fisher information of a density: g_ij = E[d_i l d_j l]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import mpmath
import sympy
from sympy.core.function import AppliedUndef

from geomkit.domain import Point
from geomkit.errors import DomainError, EvaluationError, FieldError
from geomkit.evaluate import Digits, evaluate

from .check import Check
from .context import Context
from .decide import NUMERIC_POINTS, Identity, Outcome, decide
from .moments import Family, recognise
from .quadrature import Integrals
from .report import Verdict

if TYPE_CHECKING:
    from geomkit.files import Claim

__all__ = ["fisher_check"]

# Quadrature with this many digits; its error estimate must stay below TOLERANCE, to which
# everything is compared, relative to the entries (and to 1 for the normalisation).
DIGITS, TOLERANCE = 60, mpmath.mpf(10) ** -40
# A first look with fewer digits at one point finds gross errors at a fraction of the cost.
FIRST_DIGITS, FIRST_TOLERANCE = 25, mpmath.mpf(10) ** -10


@dataclass(frozen=True)
class Density:
    """A density with parameters.

    Attributes:
        context: the metric.
        variable: what it is a density of.
        logpdf: its logarithm.
        support: lower and upper end.
        breaks: where quadrature should break.
    """

    context: Context
    variable: sympy.Symbol
    logpdf: sympy.Expr
    support: tuple[sympy.Expr, sympy.Expr]
    breaks: tuple[sympy.Expr, ...]

    @cached_property
    def scores(self) -> list[sympy.Expr]:
        """d_i l."""
        return [sympy.diff(self.logpdf, symbol) for symbol in self.context.coordinates]

    @cached_property
    def family(self) -> Family | None:
        """The family of densities with known moments that it belongs to."""
        if self.logpdf.has(AppliedUndef):
            return None
        return recognise(self.logpdf, self.variable, self.support)

    def information(self, i: int, j: int) -> sympy.Expr | None:
        """E[d_i l d_j l] in closed form, or None.

        Where the support is fixed this is -E[d_i d_j l], which needs fewer moments.
        """
        if self.family is None:
            return None
        ends = self.support[0].free_symbols | self.support[1].free_symbols
        if ends & set(self.context.coordinates):
            return self.family.expectation(self.scores[i] * self.scores[j])
        slope = sympy.diff(self.scores[i], self.context.coordinates[j])
        found = self.family.expectation(slope)
        return None if found is None else -found


def fisher_check(context: Context, claim: Claim) -> Check:
    """Prepare a claim about the Fisher metric.

    Args:
        context: the metric.
        claim: the claim.

    Returns:
        What to run.

    Raises:
        FileError: variable, density or support cannot be read.
    """
    name = claim.keys.get("var")
    if not isinstance(name, str) or name in context.metric.names:
        remedy = "choose another name for the variable"
        raise context.error(claim, f"{name!r} is a name of the metric", key="var", remedy=remedy)
    support = claim.keys.get("support", ["-oo", "oo"])
    lower, upper = (
        context.expression(claim, support[i], f"support[{i}]", infinite=True) for i in (0, 1)
    )
    positive = bool(lower.is_nonnegative)
    negative = bool(upper.is_nonpositive)
    signs = {"positive": True} if positive else {"negative": True} if negative else {"real": True}
    variable = sympy.Symbol(name, **signs)
    extra = {name: variable}
    logpdf = context.expression(claim, claim.keys.get("logpdf"), "logpdf", extra)
    given = claim.keys.get("breaks", [])
    breaks = tuple(context.expression(claim, e, f"breaks[{i}]") for i, e in enumerate(given))
    density = Density(context, variable, logpdf, (lower, upper), breaks)
    label = f"g is the Fisher information of log p = {logpdf} on ({lower}, {upper})"
    return Check(label, lambda: _run(density))


def _run(density: Density) -> Outcome:
    exact = _by_moments(density)
    if exact is not None:
        return exact
    if not density.context.options.fallback:
        reason = "the density is none of those with known moments"
        return Outcome(Verdict.UNDECIDED, detail=f"{reason}; the numeric fallback is off")
    return _by_quadrature(density)


# Known moments ------------------------------------------------------------------------------------


def _by_moments(density: Density) -> Outcome | None:
    """Decide by moments in closed form; None if the density has none."""
    context, family = density.context, density.family
    n = context.n
    pairs = [(i, j) for i in range(n) for j in range(i, n)]
    entries = {pair: density.information(*pair) for pair in pairs}
    if family is None or any(entry is None for entry in entries.values()):
        return None
    known = {pair: entry for pair, entry in entries.items() if entry is not None}
    if not all(_is_positive(context, expression) for expression in family.positive):
        return None
    context.accommodate([family.excess, *known.values()])
    identities = {_entry(context, pair, entry): pair for pair, entry in known.items()}
    total = _normalisation(context, family)
    fallback = context.options.fallback
    outcome = decide(context.sampler, [total, *identities], fallback=fallback)
    if outcome.verdict is not Verdict.FAILS:
        return replace(outcome, detail=f"{family.name} density: {outcome.detail}")
    sample = outcome.mismatches[0].to_json(component=True)
    if outcome.mismatches[0].identity is total:
        detail = f"not a density: its integral over the support is not 1 ({family.name} integral)"
        return replace(outcome, detail=detail, counterexample=sample)
    found = {}
    for mismatch in outcome.mismatches:
        i, j = identities[mismatch.identity]
        text = _text(context, known[i, j])
        found[f"{context.coordinates[i]},{context.coordinates[j]}"] = text
    return _refuted(outcome, found, sample)


def _entry(context: Context, pair: tuple[int, int], information: sympy.Expr) -> Identity:
    i, j = pair
    x, y = context.coordinates[i], context.coordinates[j]
    return Identity(
        f"E[d_{x} l d_{y} l]",
        lambda: context.curvature.chart.g[i][j] - context.element(information),
        lambda view: view.geometry.g[i][j],
        lambda view: view.value(information),
    )


def _normalisation(context: Context, family: Family) -> Identity:
    return Identity(
        "log of the integral of p",
        lambda: context.element(family.excess),
        lambda view: view.value(family.excess),
        lambda view: view.zero,
    )


def _is_positive(context: Context, expression: sympy.Expr) -> bool:
    """Whether an expression is positive at sample points: the integral converges."""
    if expression.is_positive:
        return True
    for sample in context.sampler.draw(NUMERIC_POINTS):
        view = sample.view(100)
        with view.arithmetic.working():
            try:
                if not view.value(expression) > 0:
                    return False
            except (DomainError, EvaluationError):
                return False
    return True


def _text(context: Context, expression: sympy.Expr) -> str:
    try:
        return context.text(context.element(expression)) or str(expression)
    except FieldError:
        return str(expression)


def _refuted(
    outcome: Outcome, found: Mapping[str, str], sample: Mapping[str, Any]
) -> Outcome:
    shown = "; ".join(f"g[{key}] should be {value}" for key, value in list(found.items())[:4])
    instead = {"kind": "fisher", "components": dict(found), "value": dict(found)}
    return replace(outcome, detail=shown, counterexample=sample, instead=instead)


# Quadrature ---------------------------------------------------------------------------------------


def _by_quadrature(density: Density) -> Outcome:
    """Decide at points: few digits at the first one, then many digits at all of them."""
    samples = density.context.sampler.draw(NUMERIC_POINTS)
    first = _at_point(density, samples[0], FIRST_DIGITS, FIRST_TOLERANCE)
    if first is not None and first.verdict is Verdict.FAILS:
        return first
    compared = 0
    for sample in samples[:NUMERIC_POINTS]:
        outcome = _at_point(density, sample, DIGITS, TOLERANCE)
        if outcome is not None:
            return outcome
        compared += 1
        density.context.budget.check()
    if compared < NUMERIC_POINTS:
        return Outcome(Verdict.UNDECIDED, detail=f"only {compared} points could be compared")
    detail = f"quadrature with {DIGITS} digits agrees at {compared} random points to 40"
    return Outcome(Verdict.HOLDS, "numeric", f"{detail}; not exact: moments are not known")


def _at_point(density: Density, sample: Any, digits: int, tolerance: Any) -> Outcome | None:
    """Compare all entries at a point: None if they agree."""
    context = density.context
    concrete = context.metric.concrete
    point: Point = sample.point
    ends = (density.support[0], *density.breaks, density.support[1])
    integrals = Integrals(
        density.variable, point, concrete(density.logpdf, sample.example),
        [concrete(end, sample.example) for end in ends], digits,
    )  # fmt: skip
    scores = [concrete(score, sample.example) for score in density.scores]
    try:
        outcome = _is_normalised(integrals, sample, tolerance)
        if outcome is None:
            metric = concrete(context.metric.matrix, sample.example)
            outcome = _entries(context, integrals, scores, metric, sample, tolerance)
    except (DomainError, EvaluationError, ZeroDivisionError, ValueError) as error:
        return Outcome(Verdict.UNDECIDED, detail=f"the density cannot be integrated: {error}")
    return outcome


def _is_normalised(integrals: Integrals, sample: Any, tolerance: Any) -> Outcome | None:
    total, error = integrals.expectation([])
    if error > tolerance:
        return _unsettled(error)
    if abs(total - 1) <= tolerance + error:
        return None
    shown = mpmath.nstr(total, 15)
    counterexample = {**sample.describe(), "claimed": "1", "true": shown}
    detail = f"not a density: its integral over the support is {shown}"
    return Outcome(Verdict.FAILS, "numeric", detail, counterexample=counterexample)


def _entries(
    context: Context, integrals: Integrals, scores: Sequence[sympy.Expr], metric: Any,
    sample: Any, tolerance: Any,
) -> Outcome | None:  # fmt: skip
    n, found, counterexample = context.n, {}, None
    arithmetic = Digits(integrals.digits)
    for i in range(n):
        for j in range(i, n):
            true, error = integrals.expectation([scores[i], scores[j]])
            with arithmetic.working():
                claimed = evaluate(metric[i, j], sample.point, arithmetic)
                scale = max(abs(true), abs(claimed))
                # entries off the diagonal may vanish: then their scale is that of the diagonal
                scale = scale if scale > mpmath.mpf(10) ** -8 else mpmath.mpf(1)
                if error > tolerance * scale:
                    return _unsettled(error)
                if abs(true - claimed) <= (tolerance * scale + error):
                    continue
            name = f"{context.coordinates[i]},{context.coordinates[j]}"
            found[name] = mpmath.nstr(true, 15)
            if counterexample is None:
                values = {"claimed": mpmath.nstr(claimed, 15), "true": found[name]}
                counterexample = {**sample.describe(), "component": f"g[{name}]", **values}
    if counterexample is None:
        return None
    return _refuted(Outcome(Verdict.FAILS, "numeric"), found, counterexample)


def _unsettled(error: Any) -> Outcome:
    detail = f"quadrature did not settle: its error estimate is {mpmath.nstr(error, 3)}"
    return Outcome(Verdict.UNDECIDED, detail=f"{detail}; give breaks = [...] near the peaks")
