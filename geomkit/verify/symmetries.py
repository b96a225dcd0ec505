"""Claims that a vector field is Killing or conformal Killing."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import sympy

from geomkit.field import Element

from .check import Check
from .context import Context
from .decide import NO_TRUTH, Identity, Outcome
from .jumps import Smooth, across_folds
from .report import Verdict

if TYPE_CHECKING:
    from geomkit.files import Claim

__all__ = ["killing_check"]

Vector = tuple[sympy.Expr, ...]
Matrix = list[list[Element]]


def killing_check(context: Context, claim: Claim) -> Check:
    """Prepare a claim L_X g = 0 (killing) or L_X g = f g (conformal_killing).

    Args:
        context: the metric.
        claim: the claim.

    Returns:
        What to run.
    """
    vector = context.vector(claim, claim.keys.get("vector"), "vector")
    conformal = claim.kind == "conformal_killing"
    shown = ", ".join(map(str, vector))
    label = f"L_X g ~ g, X = ({shown})" if conformal else f"L_X g = 0, X = ({shown})"
    smooth = Smooth(vector, 0, "the vector field is not continuous:")
    return Check(
        label, lambda: _run(context, vector, conformal=conformal), vector,
        partial(across_folds, context, smooth=smooth),
    )  # fmt: skip


def _run(context: Context, vector: Vector, *, conformal: bool) -> Outcome:
    n = context.n
    pairs = [(i, j) for i in range(n) for j in range(i, n)]
    identities = [_identity(context, vector, i, j, conformal=conformal) for i, j in pairs]
    outcome = context.decide(identities)
    if outcome.verdict is Verdict.FAILS:
        structured, detail = _instead(context, vector)
        return replace(
            outcome, counterexample=outcome.mismatches[0].to_json(component=True),
            instead=structured, detail=detail or outcome.detail,
        )  # fmt: skip
    if all(component == 0 for component in vector):
        return replace(outcome, detail="the zero vector field, trivially")
    return outcome


def _identity(context: Context, vector: Vector, i: int, j: int, *, conformal: bool) -> Identity:
    """(L_X g)_ij = 0; for a conformal field L_X g without its trace is 0.

    The claimed side is what the equation says L_X g is: 0, or its trace part.

    Returns:
        The identity.
    """

    def residual() -> Element:
        lie = _lie(context, vector)
        if not conformal:
            return lie[i][j]
        return lie[i][j] - _factor(context, lie) * context.curvature.chart.g[i][j]

    def claimed(view: Any) -> Any:
        if not conformal:
            return view.zero
        geometry = view.geometry
        n = context.n
        lie = [[_lie_ball(view, vector, a, b) for b in range(n)] for a in range(n)]
        trace = sum(geometry.ginv[a][b] * lie[a][b] for a in range(n) for b in range(n))
        return trace / n * geometry.g[i][j]

    x, y = context.coordinates[i], context.coordinates[j]
    return Identity(
        f"(L_X g)[{x},{y}]", residual, claimed, lambda view: _lie_ball(view, vector, i, j)
    )


def _lie_ball(view: Any, vector: Vector, i: int, j: int) -> Any:
    """X^k d_k g_ij + g_kj d_i X^k + g_ik d_j X^k at a point."""
    geometry = view.geometry
    jets = [view.jet(component, 1) for component in vector]
    total = view.zero
    for k, jet in enumerate(jets):
        total += jet.value * geometry.dg[i][j][k]
        total += geometry.g[k][j] * jet.first[i] + geometry.g[i][k] * jet.first[j]
    return total


def _lie(context: Context, vector: Vector) -> Matrix:
    """The Lie derivative of the metric in the field; kept with the context, for all its entries."""
    key = ("lie", vector)
    if key not in context.kept:
        chart, field, n = context.curvature.chart, context.field, context.n
        x = [context.element(component) for component in vector]
        slopes = [[component.diff(symbol) for symbol in context.coordinates] for component in x]

        def entry(i: int, j: int) -> Element:
            triples = [(1, x[k], chart.dg(i, j, k)) for k in range(n)]
            triples += [(1, chart.g[k][j], slopes[k][i]) for k in range(n)]
            triples += [(1, chart.g[i][k], slopes[k][j]) for k in range(n)]
            return field.dot(triples)

        upper = {(i, j): entry(i, j) for i in range(n) for j in range(i, n)}
        context.kept[key] = [[upper[min(i, j), max(i, j)] for j in range(n)] for i in range(n)]
    kept: Matrix = context.kept[key]
    return kept


def _factor(context: Context, lie: Matrix) -> Element:
    """g^ij (L_X g)_ij / n: the factor f of L_X g = f g, if there is one."""
    inverse, n = context.curvature.chart.inverse, context.n
    pairs = [(1, inverse[i][j], lie[i][j]) for i in range(n) for j in range(n)]
    return context.field.dot(pairs) / n


def _instead(context: Context, vector: Vector) -> tuple[dict[str, Any] | None, str]:
    """Conformal Killing with its factor, or the components of L_X g that are not zero."""
    n = context.n
    try:
        lie = _lie(context, vector)
        factor = _factor(context, lie)
        metric = context.curvature.chart.g
        conformal = all(
            (lie[i][j] - factor * metric[i][j]).is_zero for i in range(n) for j in range(i, n)
        )
        text = context.text(factor)
        if conformal and text is not None:
            structured = {
                "kind": "conformal_killing",
                "vector": [str(component) for component in vector],
                "value": text,
            }
            words = "homothetic" if factor.as_rational() is not None else "conformal Killing"
            return structured, f"X is {words}: L_X g = ({text}) g"
        found = {}
        for i in range(n):
            for j in range(i, n):
                text = None if lie[i][j].is_zero else context.text(lie[i][j])
                if text is not None:
                    found[f"{context.coordinates[i]},{context.coordinates[j]}"] = text
    except NO_TRUTH:
        return None, ""
    shown = "; ".join(f"(L_X g)[{key}] = {value}" for key, value in list(found.items())[:4])
    shown += _lowered(context, vector)
    return {"kind": "lie_derivative", "components": found, "value": found}, shown


def _lowered(context: Context, vector: Vector) -> str:
    """Recognise components of the 1-form X_i in place of those of the vector X^i."""
    chart, n = context.curvature.chart, context.n
    form = [context.element(component) for component in vector]
    raised = tuple(
        context.field.dot([(1, chart.inverse[i][k], form[k]) for k in range(n)]).to_sympy()
        for i in range(n)
    )
    if raised == vector:
        return ""
    lie = _lie(context, raised)
    if all(lie[i][j].is_zero for i in range(n) for j in range(i, n)):
        shown = ", ".join(map(str, raised))
        return f"; these are components of a 1-form: the vector ({shown}) is Killing"
    return ""
