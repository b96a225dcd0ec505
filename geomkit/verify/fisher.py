"""Claims that a metric is the Fisher information of a density: g_ij = E[d_i l d_j l]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sympy
from sympy.core.function import AppliedUndef

from geomkit.errors import DomainError, EvaluationError, FieldError

from .balls import show
from .check import Check
from .context import Context
from .decide import NUMERIC_POINTS, Identity, Outcome
from .moments import Family
from .quadrature import expectations
from .recognise import recognise
from .report import Verdict
from .view import REGULAR_BITS

if TYPE_CHECKING:
    from geomkit.files import Claim

__all__ = ["fisher_check"]

# Working precision and tolerance of a numeric verdict, relative to the entries.
BITS, TOLERANCE = 330, Fraction(1, 10**40)
# Closed-form moments are compared with quadrature too, at few points and with fewer digits.
CHECK_POINTS, CHECK_BITS, CHECK_TOLERANCE = 2, 110, Fraction(1, 10**10)
# An integral as small as this means that the peak was missed, and refutes nothing.
MISSED = 1e-6


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
        """E[d_i l d_j l] in closed form.

        Where the support is fixed this is -E[d_i d_j l], which needs fewer moments.

        Args:
            i: number of a coordinate.
            j: number of a coordinate.

        Returns:
            The expression, or None if the moments are not known.
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
    _check_support(context, claim, lower, upper)
    variable = sympy.Symbol(name, **signs)
    extra = {name: variable}
    logpdf = context.expression(claim, claim.keys.get("logpdf"), "logpdf", extra)
    given = claim.keys.get("breaks", [])
    breaks = tuple(context.expression(claim, e, f"breaks[{i}]") for i, e in enumerate(given))
    density = Density(context, variable, logpdf, (lower, upper), breaks)
    label = f"g is the Fisher information of log p = {logpdf} on ({lower}, {upper})"
    return Check(label, lambda: _run(density))


def _check_support(context: Context, claim: Claim, lower: sympy.Expr, upper: sympy.Expr) -> None:
    """Refuse a support that is reversed or empty at a point of the domain."""
    sample = context.sampler.draw(1)[0]
    ends = [context.metric.concrete(end).xreplace(dict(sample.point)) for end in (lower, upper)]
    if all(end.is_comparable or end.is_infinite for end in ends) and ends[0] >= ends[1]:
        message = f"the support from {lower} to {upper} is empty or reversed"
        remedy = "give [lower, upper] with lower < upper"
        raise context.error(claim, message, key="support", remedy=remedy)


def _run(density: Density) -> Outcome:
    """Quadrature at a few points first; then moments in closed form, or more points and digits."""
    rough = _by_quadrature(density, CHECK_POINTS, CHECK_BITS, CHECK_TOLERANCE)
    exact = _by_moments(density)
    if exact is None:
        if not density.context.options.fallback:
            reason = "the density is none of those with known moments"
            return Outcome(Verdict.UNDECIDED, detail=f"{reason}; the numeric fallback is off")
        if rough.verdict is Verdict.HOLDS:
            return _by_quadrature(density, NUMERIC_POINTS, BITS, TOLERANCE)
        return rough
    contradiction = {exact.verdict, rough.verdict} == {Verdict.HOLDS, Verdict.FAILS}
    if contradiction:
        detail = f"closed-form moments say {exact.verdict}, quadrature says {rough.verdict}"
        return Outcome(Verdict.UNDECIDED, detail=f"{detail}; please report it")
    return exact


# Known moments ------------------------------------------------------------------------------------


def _by_moments(density: Density) -> Outcome | None:
    """Decide by moments in closed form; None if the density has none."""
    context, family = density.context, density.family
    n = context.n
    pairs = [(i, j) for i in range(n) for j in range(i, n)]
    entries = {pair: density.information(*pair) for pair in pairs}
    known = {pair: entry for pair, entry in entries.items() if entry is not None}
    if family is None or len(known) < len(pairs):
        return None
    for expression in family.positive:
        sign = _sign(context, expression)
        if sign is None:
            return None
        if sign < 0:
            return _divergent(context, family, expression)
    context.accommodate([family.excess, *known.values()])
    identities = {_entry(context, pair, entry): pair for pair, entry in known.items()}
    total = _normalisation(context, family)
    outcome = context.decide([total, *identities], final=False)
    if outcome.verdict is not Verdict.FAILS:
        return replace(outcome, detail=f"{family.name} density: {outcome.detail}")
    sample = outcome.mismatches[0].to_json(component=True)
    if outcome.mismatches[0].identity is total:
        value = _text(context, sympy.exp(family.excess))
        detail = f"not a density: its integral over the support is {value} ({family.name})"
        instead = {"kind": "integral_of_density", "value": value}
        return replace(outcome, detail=detail, counterexample=sample, instead=instead)
    found = {}
    for mismatch in outcome.mismatches:
        i, j = identities[mismatch.identity]
        found[f"{context.coordinates[i]},{context.coordinates[j]}"] = _text(context, known[i, j])
    return _refuted(outcome, found, sample)


def _divergent(context: Context, family: Family, expression: sympy.Expr) -> Outcome:
    """The integral of the density does not exist, because `expression` is negative."""
    (sample, *_) = context.sampler.draw(1)
    detail = f"not a density: its integral diverges ({family.name}: {expression} is not positive)"
    counterexample = {**sample.describe(), "claimed": "1", "true": "oo"}
    instead = {"kind": "integral_of_density", "value": "oo"}
    return Outcome(Verdict.FAILS, "exact", detail, counterexample=counterexample, instead=instead)


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


def _sign(context: Context, expression: sympy.Expr) -> int | None:
    """1 or -1 if an expression has this sign at all sample points, else None."""
    if expression.is_positive:
        return 1
    signs = set()
    for sample in context.sampler.draw(NUMERIC_POINTS):
        view = sample.view(REGULAR_BITS)
        with view.arithmetic.working():
            try:
                value = view.value(expression)
            except (DomainError, EvaluationError):
                return None
            signs.add(1 if value > 0 else -1 if value < 0 else 0)
    return signs.pop() if len(signs) == 1 and 0 not in signs else None


def _text(context: Context, expression: sympy.Expr) -> str:
    try:
        return context.text(context.element(expression)) or str(expression)
    except FieldError:
        return str(expression)


def _refuted(outcome: Outcome, found: Mapping[str, str], sample: Mapping[str, Any]) -> Outcome:
    shown = "; ".join(f"g[{key}] should be {value}" for key, value in list(found.items())[:4])
    instead = {"kind": "fisher", "components": dict(found), "value": dict(found)}
    return replace(outcome, detail=shown, counterexample=sample, instead=instead)


# Quadrature ---------------------------------------------------------------------------------------


def _by_quadrature(density: Density, count: int, bits: int, tolerance: Fraction) -> Outcome:
    """Compare all entries at points."""
    samples = density.context.sampler.draw(count)[:count]
    for sample in samples:
        density.context.budget.check()
        try:
            outcome = _at_point(density, sample, bits, tolerance)
        except (DomainError, EvaluationError, ZeroDivisionError) as error:
            return Outcome(Verdict.UNDECIDED, detail=f"the density cannot be integrated: {error}")
        if outcome is not None:
            return outcome
    if len(samples) < count:
        return Outcome(Verdict.UNDECIDED, detail=f"only {len(samples)} points could be compared")
    digits = len(str(tolerance.denominator)) - 1
    detail = f"quadrature agrees at {count} random points to {digits} digits"
    return Outcome(Verdict.HOLDS, "numeric", f"{detail}; not exact: the moments are not known")


def _at_point(density: Density, sample: Any, bits: int, tolerance: Fraction) -> Outcome | None:
    """Compare all entries at a point: None if they agree."""
    context, view = density.context, sample.view(bits)
    concrete, n = context.metric.concrete, context.n
    scores = [concrete(score, sample.example) for score in density.scores]
    pairs = [(i, j) for i in range(n) for j in range(i, n)]
    breaks = (*density.breaks, *_kinks(density.logpdf, density.variable))
    ends = (density.support[0], *breaks, density.support[1])
    found = expectations(
        concrete(density.logpdf, sample.example), [(scores[i], scores[j]) for i, j in pairs],
        density.variable, [concrete(end, sample.example) for end in ends], sample.point,
        bits=bits, tolerance=tolerance / 1000,
    )  # fmt: skip
    if found.diverges:
        return _not_normalised(sample, "oo")
    with view.arithmetic.working():
        small = view.arithmetic.number(tolerance)
        if not (found.error < small / 10 and found.total.is_finite()):
            return _unsettled(found.error)
        if found.total < MISSED:
            return Outcome(
                Verdict.UNDECIDED, detail="quadrature found no peak; give breaks = [...]"
            )
        if abs(found.total - 1) > small:
            return _not_normalised(sample, found.total)
        metric = view.geometry.g
        # entries off the diagonal may vanish: so the scale is that of the whole matrix
        scale = max(abs(metric[i][i]).upper() for i in range(n))
        wrong = {
            pair: value
            for pair, value in zip(pairs, found.values, strict=True)
            if not abs(value - metric[pair[0]][pair[1]]) <= small * max(scale, view.one)
        }
    return _mismatch(context, sample, metric, wrong) if wrong else None


def _kinks(logpdf: sympy.Expr, variable: sympy.Symbol) -> list[sympy.Expr]:
    """Where absolute values of linear functions have their kinks: quadrature must break there."""
    kinks = []
    for node in logpdf.atoms(sympy.Abs, sympy.sign, sympy.Max, sympy.Min):
        for argument in (sympy.Add(*node.args), node.args[0] - node.args[-1]):
            slope = sympy.diff(argument, variable)
            if slope != 0 and variable not in slope.free_symbols:
                kinks.append(sympy.expand(variable - argument / slope))
    return [kink for kink in kinks if variable not in kink.free_symbols]


def _mismatch(context: Context, sample: Any, metric: Any, wrong: Mapping[Any, Any]) -> Outcome:
    names = {(i, j): f"{context.coordinates[i]},{context.coordinates[j]}" for i, j in wrong}
    found = {names[pair]: show(value, 15) for pair, value in wrong.items()}
    (i, j), true = next(iter(wrong.items()))
    values = {"claimed": show(metric[i][j]), "true": show(true)}
    counterexample = {**sample.describe(), "component": f"g[{names[i, j]}]", **values}
    return _refuted(Outcome(Verdict.FAILS, "numeric"), found, counterexample)


def _not_normalised(sample: Any, total: Any) -> Outcome:
    shown = show(total, 15)
    counterexample = {**sample.describe(), "claimed": "1", "true": shown}
    detail = f"not a density: its integral over the support is {shown}"
    instead = {"kind": "integral_of_density", "value": shown}
    return Outcome(Verdict.FAILS, "numeric", detail, counterexample=counterexample, instead=instead)


def _unsettled(error: Any) -> Outcome:
    size = f": its error estimate is {show(error, 3)}" if error < 1 else ""
    detail = f"quadrature did not settle{size}"
    return Outcome(Verdict.UNDECIDED, detail=f"{detail}; give breaks = [...] near the peaks")
