"""Claims of properties: flat, Ricci-flat, conformally flat, Einstein, constant curvature."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sympy

from .check import Check
from .context import Context
from .decide import Identity, Outcome
from .instead import (
    conformal_instead,
    constant_instead,
    einstein_instead,
    flat_instead,
    ricci_flat_instead,
)
from .report import Verdict
from .tensors import TENSORS, component_identity

if TYPE_CHECKING:
    from geomkit.files import Claim

__all__ = ["constant_check", "einstein_check", "property_check"]

_INSTEAD: Mapping[str, Callable[[Context], tuple[dict[str, Any] | None, str]]] = {
    "flat": flat_instead,
    "ricci_flat": ricci_flat_instead,
    "conformally_flat": conformal_instead,
}


def property_check(context: Context, claim: Claim) -> Check:
    """Prepare a claim that a tensor vanishes identically, or does not.

    Args:
        context: the metric.
        claim: a claim of kind flat, ricci_flat or conformally_flat.

    Returns:
        What to run.

    Raises:
        FileError: the value is not true or false.
    """
    value = claim.keys.get("value", True)
    if not isinstance(value, bool):
        remedy = "write value = true or value = false"
        raise context.error(claim, f"{value!r} is not true or false", key="value", remedy=remedy)
    label = claim.kind.replace("_", " ")
    return Check(label if value else f"not {label}", lambda: _run(context, claim.kind, value))


def _run(context: Context, name: str, value: bool) -> Outcome:
    tensor = _obstruction(name, context.n)
    if tensor is None:
        outcome = Outcome(Verdict.HOLDS, "exact", f"every metric with n = {context.n} is {name}")
    else:
        kind = TENSORS[tensor]
        indices = list(kind.symmetry.indices(context.n))
        identities = [component_identity(context, kind, i, sympy.S.Zero) for i in indices]
        outcome = context.decide(identities, final=value)
    return _positive(context, name, outcome) if value else _negative(context, name, outcome)


def _obstruction(name: str, n: int) -> str | None:
    """The tensor whose vanishing the property is; None where it always vanishes."""
    if name == "conformally_flat":
        return None if n <= 2 else "cotton" if n == 3 else "weyl"
    return {"flat": "riemann_down", "ricci_flat": "ricci"}[name]


def _positive(context: Context, name: str, outcome: Outcome) -> Outcome:
    if outcome.verdict is not Verdict.FAILS:
        return outcome
    instead, detail = _INSTEAD[name](context)
    return replace(
        outcome, counterexample=outcome.mismatches[0].to_json(component=True),
        instead=instead, detail=detail or outcome.detail,
    )  # fmt: skip


def _negative(context: Context, name: str, outcome: Outcome) -> Outcome:
    """The claim that the property does not hold: everything the other way round."""
    if outcome.verdict is Verdict.FAILS:
        witness = outcome.mismatches[0].to_json(component=True)
        where = {**witness.get("parameters", {}), **witness["point"]}
        at = ", ".join(f"{symbol} = {v}" for symbol, v in where.items())
        detail = f"{witness['component']} = {witness['true']} at {at}"
        return Outcome(Verdict.HOLDS, outcome.proof, detail)
    if outcome.verdict is Verdict.UNDECIDED:
        return outcome
    words = name.replace("_", " ")
    points = context.sampler.draw(1)
    sample = {
        **(points[0].describe() if points else {"point": {}, "parameters": {}}),
        "claimed": f"not {words}",
        "true": words,
    }
    return Outcome(
        Verdict.FAILS, outcome.proof, f"the metric is {words}: {outcome.detail}",
        counterexample=sample, instead={"kind": name, "value": True},
    )  # fmt: skip


def einstein_check(context: Context, claim: Claim) -> Check:
    """Prepare a claim Ric = L g with constant L.

    Args:
        context: the metric.
        claim: the claim.

    Returns:
        What to run.
    """
    value = context.value(claim)
    return Check(f"Ric = ({value}) g", lambda: _run_einstein(context, value), (value,))


def _run_einstein(context: Context, value: sympy.Expr) -> Outcome:
    pairs = [(i, j) for i in range(context.n) for j in range(i, context.n)]
    identities = [_einstein_identity(context, value, i, j) for i, j in pairs]
    return _decide_constant(context, value, identities, lambda: einstein_instead(context))


def _einstein_identity(context: Context, value: sympy.Expr, i: int, j: int) -> Identity:
    def residual() -> Any:
        curvature = context.curvature
        metric = curvature.chart.g[i][j]
        return context.element(value) * metric - curvature.ricci.element(i, j)

    x, y = context.coordinates[i], context.coordinates[j]
    return Identity(
        f"Ric[{x},{y}] = L g[{x},{y}]",
        residual,
        lambda view: view.value(value) * view.geometry.g[i][j],
        lambda view: view.geometry.ricci[i][j],
    )


def constant_check(context: Context, claim: Claim) -> Check:
    """Prepare a claim R_ijkl = K (g_ik g_jl - g_il g_jk) with constant K.

    Args:
        context: the metric.
        claim: the claim.

    Returns:
        What to run.
    """
    value = context.value(claim)
    return Check(f"sectional curvature = {value}", lambda: _run_constant(context, value), (value,))


def _run_constant(context: Context, value: sympy.Expr) -> Outcome:
    indices = TENSORS["riemann_down"].symmetry.indices(context.n)
    identities = [_constant_identity(context, value, *index) for index in indices]
    return _decide_constant(context, value, identities, lambda: constant_instead(context))


def _constant_identity(
    context: Context, value: sympy.Expr, i: int, j: int, k: int, m: int
) -> Identity:
    def residual() -> Any:
        curvature = context.curvature
        g, field = curvature.chart.g, context.field
        area = field.dot([(1, g[i][k], g[j][m]), (-1, g[i][m], g[j][k])])
        return context.element(value) * area - curvature.riemann_down.element(i, j, k, m)

    def claimed(view: Any) -> Any:
        g = view.geometry.g
        return view.value(value) * (g[i][k] * g[j][m] - g[i][m] * g[j][k])

    names = ",".join(str(context.coordinates[a]) for a in (i, j, k, m))
    return Identity(
        f"R[{names}] = K (g g - g g)[{names}]",
        residual,
        claimed,
        lambda view: view.geometry.riemann_down[i][j][k][m],
    )


def _decide_constant(
    context: Context,
    value: sympy.Expr,
    identities: Sequence[Identity],
    instead: Callable[[], tuple[dict[str, Any] | None, str]],
) -> Outcome:
    """Decide an equation with a constant: the equation holds, and the constant is one."""
    constancy = _constancy(context, value)
    outcome = context.decide([*identities, *constancy])
    if outcome.verdict is not Verdict.FAILS:
        return outcome
    structured, detail = instead()
    if all(mismatch.identity in constancy for mismatch in outcome.mismatches):
        detail = f"the claimed value {value} is not constant" + (f"; {detail}" if detail else "")
    return replace(
        outcome, counterexample=outcome.mismatches[0].to_json(component=True),
        instead=structured, detail=detail or outcome.detail,
    )  # fmt: skip


def _constancy(context: Context, value: sympy.Expr) -> list[Identity]:
    """The equations d(value)/dx = 0, where the value contains coordinates or functions at all."""
    if not context.depends_on_point(value):
        return []
    return [_slope(context, value, i) for i in range(context.n)]


def _slope(context: Context, value: sympy.Expr, i: int) -> Identity:
    symbol = context.coordinates[i]
    return Identity(
        f"d({value})/d{symbol} = 0",
        lambda: context.element(value).diff(symbol),
        lambda view: view.jet(value, 1).first[i],
        lambda view: view.zero,
    )
