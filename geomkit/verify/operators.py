"""Claims about functions and maps: Laplace-Beltrami, induced metric, sectional curvature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any

import sympy

from geomkit.errors import FieldError
from geomkit.field import Element

from .check import Check
from .context import Context
from .decide import NO_TRUTH, Identity, Outcome
from .jumps import Smooth, across_folds
from .report import Verdict
from .scalars import describe_failure

if TYPE_CHECKING:
    from geomkit.files import Claim

__all__ = ["embedding_check", "laplacian_check", "sectional_check"]

Vector = tuple[sympy.Expr, ...]
# So many entries that differ are given as expressions; each may take a while to be factored.
SHOWN = 6


# Laplace-Beltrami ---------------------------------------------------------------------------------


def laplacian_check(context: Context, claim: Claim) -> Check:
    """Prepare a claim g^ij (d_i d_j f - Gamma^k_ij d_k f) = value.

    Args:
        context: the metric.
        claim: the claim.

    Returns:
        What to run.
    """
    function = context.expression(claim, claim.keys.get("function"), "function")
    value = context.value(claim)
    return Check(
        f"Laplacian of {function} = {value}",
        lambda: _run_laplacian(context, function, value),
        (function, value),
        partial(across_folds, context, smooth=Smooth((function,), 1, "the function")),
    )


def _run_laplacian(context: Context, function: sympy.Expr, value: sympy.Expr) -> Outcome:
    identity = Identity(
        "Laplacian",
        lambda: context.element(value) - _laplacian(context, function),
        lambda view: view.value(value),
        lambda view: _laplacian_ball(view, function, context.n),
        lambda view: view.complex_value(value),
    )
    outcome = context.decide([identity])
    if outcome.verdict is not Verdict.FAILS:
        return outcome
    return describe_failure(
        context, outcome, "laplacian", "Laplacian", value, lambda: _laplacian(context, function)
    )


def _laplacian(context: Context, function: sympy.Expr) -> Element:
    chart, field, n = context.curvature.chart, context.field, context.n
    symbols = context.coordinates
    first = [context.element(function).diff(symbol) for symbol in symbols]
    pairs = [(i, j) for i in range(n) for j in range(n) if not chart.inverse[i][j].is_zero]

    def hessian(i: int, j: int) -> Element:
        terms = [(-1, chart.christoffel(k, i, j), first[k]) for k in range(n)]
        return field.dot([(1, first[i].diff(symbols[j]), field.one), *terms])

    return field.dot([(1, chart.inverse[i][j], hessian(i, j)) for i, j in pairs])


def _laplacian_ball(view: Any, function: sympy.Expr, n: int) -> Any:
    geometry, jet = view.geometry, view.jet(function, 2)
    total = view.zero
    for i in range(n):
        for j in range(n):
            hessian = jet.second[i][j]
            for k in range(n):
                hessian -= geometry.gamma[k][i][j] * jet.first[k]
            total += geometry.ginv[i][j] * hessian
    return total


# Embedding ----------------------------------------------------------------------------------------


def embedding_check(context: Context, claim: Claim) -> Check:
    """Prepare a claim g_ij = sum_A eta_A d_i X^A d_j X^A.

    Args:
        context: the metric.
        claim: the claim.

    Returns:
        What to run.

    Raises:
        FileError: the map or the ambient signs cannot be read.
    """
    given = claim.keys.get("map")
    if not isinstance(given, (list, tuple)) or not given:
        remedy = 'write map = ["...", "..."], one expression for each ambient coordinate'
        raise context.error(claim, f"{given!r} is not a list", key="map", remedy=remedy)
    functions = tuple(context.expression(claim, e, f"map[{i}]") for i, e in enumerate(given))
    signs = _ambient(context, claim, len(functions))
    shown = ", ".join(map(str, functions))
    return Check(
        f"induced by ({shown})", lambda: _run_embedding(context, functions, signs), functions,
        partial(across_folds, context, smooth=Smooth(functions, 1, "the map is not smooth:")),
    )  # fmt: skip


def _ambient(context: Context, claim: Claim, dimension: int) -> Vector:
    given = claim.keys.get("ambient")
    if given is None:
        return (sympy.S.One,) * dimension
    if not isinstance(given, (list, tuple)) or len(given) != dimension:
        message = f"{given!r} does not fit a map into {dimension} dimensions"
        remedy = f"give a list of {dimension} numbers such as 1 or -1"
        raise context.error(claim, message, key="ambient", remedy=remedy)
    signs = tuple(context.expression(claim, e, f"ambient[{i}]") for i, e in enumerate(given))
    for sign in signs:
        if context.depends_on_point(sign):
            message = f"{sign} is not a constant; the ambient space is flat"
            raise context.error(claim, message, key="ambient", remedy="give numbers")
    return signs


def _run_embedding(context: Context, functions: Vector, signs: Vector) -> Outcome:
    n = context.n
    identities = {
        _induced_identity(context, functions, signs, i, j): (i, j)
        for i in range(n)
        for j in range(i, n)
    }
    outcome = context.decide(list(identities))
    if outcome.verdict is not Verdict.FAILS:
        return outcome
    found: dict[str, str] = {}
    for mismatch in outcome.mismatches[:SHOWN]:
        i, j = identities[mismatch.identity]
        try:
            text = context.text(_induced(context, functions, signs, i, j))
        except NO_TRUTH:
            continue
        if text is not None:
            found[f"{context.coordinates[i]},{context.coordinates[j]}"] = text
    detail = "; ".join(f"the induced g[{key}] is {value}" for key, value in list(found.items())[:4])
    instead = {"kind": "metric", "components": found, "value": found} if found else None
    sample = outcome.mismatches[0].to_json(component=True)
    return replace(outcome, detail=detail or outcome.detail, counterexample=sample, instead=instead)


def _induced_identity(
    context: Context, functions: Vector, signs: Vector, i: int, j: int
) -> Identity:
    """The claimed side is the induced metric, the true side the metric of the file."""

    def claimed(view: Any) -> Any:
        jets = [view.jet(function, 1) for function in functions]
        total = view.zero
        for sign, jet in zip(signs, jets, strict=True):
            total += view.value(sign) * jet.first[i] * jet.first[j]
        return total

    x, y = context.coordinates[i], context.coordinates[j]
    return Identity(
        f"g[{x},{y}]",
        lambda: _induced(context, functions, signs, i, j) - context.curvature.chart.g[i][j],
        claimed,
        lambda view: view.geometry.g[i][j],
    )


def _induced(context: Context, functions: Vector, signs: Vector, i: int, j: int) -> Element:
    x, y = context.coordinates[i], context.coordinates[j]
    elements = [context.element(function) for function in functions]
    weights = [context.element(sign) for sign in signs]
    return context.field.dot(
        [(1, w * e.diff(x), e.diff(y)) for w, e in zip(weights, elements, strict=True)]
    )


# Sectional curvature ------------------------------------------------------------------------------


def sectional_check(context: Context, claim: Claim) -> Check:
    """Prepare a claim R(u,v,u,v) / (g(u,u) g(v,v) - g(u,v)^2) = value.

    Args:
        context: the metric.
        claim: the claim.

    Returns:
        What to run.

    Raises:
        FileError: the plane is not given by two independent vectors.
    """
    plane = claim.keys.get("plane")
    if not isinstance(plane, (list, tuple)) or len(plane) != 2:
        remedy = "give two vectors: plane = [[...], [...]]"
        raise context.error(claim, f"{plane!r} is not a plane", key="plane", remedy=remedy)
    u, v = (context.vector(claim, plane[i], f"plane[{i}]") for i in (0, 1))
    minors = (u[i] * v[j] - u[j] * v[i] for i, j in combinations(range(context.n), 2))
    if all(sympy.expand(minor) == 0 for minor in minors):
        message = f"the vectors {list(u)} and {list(v)} are linearly dependent: they span no plane"
        remedy = "give two independent vectors"
        raise context.error(claim, message, key="plane", remedy=remedy)
    value = context.value(claim)
    label = f"K({list(u)}, {list(v)}) = {value}"
    return Check(label, lambda: _run_sectional(context, u, v, value), (*u, *v, value))


def _run_sectional(context: Context, u: Vector, v: Vector, value: sympy.Expr) -> Outcome:
    try:
        area = _form(context, _area_terms(context), u, v)
    except FieldError:
        area = None
    if area is not None and area.is_zero:
        detail = "the plane is degenerate (null): g(u,u) g(v,v) = g(u,v)^2, so it has no curvature"
        return Outcome(Verdict.UNDECIDED, detail=detail)
    identity = Identity(
        "K(u, v)",
        lambda: context.element(value) - _sectional(context, u, v),
        lambda view: view.value(value),
        lambda view: _sectional_ball(view, u, v),
        lambda view: view.complex_value(value),
    )
    outcome = context.decide([identity])
    if outcome.verdict is not Verdict.FAILS:
        return outcome
    return describe_failure(
        context, outcome, "sectional_curvature", "K(u, v)", value,
        lambda: _sectional(context, u, v),
    )  # fmt: skip


def _area_terms(context: Context) -> Any:
    """(g_ik g_jm - g_im g_jk) as a function of i, j, k, m."""
    g, field = context.curvature.chart.g, context.field
    return lambda i, j, k, m: field.dot([(1, g[i][k], g[j][m]), (-1, g[i][m], g[j][k])])


def _form(context: Context, tensor: Any, u: Vector, v: Vector) -> Element:
    """Sum of T_ijkm B^ij B^km over i < j, k < m, with the bivector B = u ^ v."""
    bivector = _bivector([context.element(e) for e in u], [context.element(e) for e in v])
    bivector = {pair: b for pair, b in bivector.items() if not b.is_zero}
    field = context.field
    return field.dot(
        [
            (1, field.dot([(1, b, c)]), tensor(*p, *q))
            for p, b in bivector.items()
            for q, c in bivector.items()
        ]
    )


def _bivector(u: Sequence[Any], v: Sequence[Any]) -> dict[tuple[int, int], Any]:
    return {(i, j): u[i] * v[j] - u[j] * v[i] for i, j in combinations(range(len(u)), 2)}


def _sectional(context: Context, u: Vector, v: Vector) -> Element:
    riemann = context.curvature.riemann_down
    return _form(context, riemann.element, u, v) / _form(context, _area_terms(context), u, v)


def _sectional_ball(view: Any, u: Vector, v: Vector) -> Any:
    geometry = view.geometry
    g, riemann = geometry.g, geometry.riemann_down
    bivector = _bivector([view.value(e) for e in u], [view.value(e) for e in v])
    top, bottom = view.zero, view.zero
    for (i, j), b in bivector.items():
        for (k, m), c in bivector.items():
            top += b * c * riemann[i][j][k][m]
            bottom += b * c * (g[i][k] * g[j][m] - g[i][m] * g[j][k])
    return top / bottom
