"""Yes-no properties of the curvature, each with the proof of its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from geomkit.errors import MetricError
from geomkit.field import Decision, Element, decide_all_zero

if TYPE_CHECKING:
    from .model import Curvature

__all__ = [
    "conformally_flat",
    "constant_curvature",
    "einstein",
    "flat",
    "locally_symmetric",
    "ricci_flat",
]


def flat(curvature: Curvature) -> Decision:
    """Decide whether the Riemann tensor vanishes."""
    return decide_all_zero(list(curvature.pairs.components.values()))


def ricci_flat(curvature: Curvature) -> Decision:
    """Decide whether the Ricci tensor vanishes."""
    n = curvature.n
    return decide_all_zero(curvature.pairs.ricci(i, j) for i in range(n) for j in range(i, n))


def einstein(curvature: Curvature) -> Decision:
    """Decide whether Ric = L g with a constant L = R/n."""
    n, chart = curvature.n, curvature.chart
    if n == 1:
        return _constant(list, chart.field.zero, curvature)
    factor = curvature.element("scalar") / n

    def residuals() -> Iterable[Element]:
        for i in range(n):
            for j in range(i, n):
                yield curvature.pairs.ricci(i, j) - factor * chart.g[i][j]

    return _constant(residuals, factor, curvature)


def constant_curvature(curvature: Curvature) -> Decision:
    """Decide whether R_ijkl = K (g_ik g_jl - g_il g_jk) with K = R/(n(n-1))."""
    n, g = curvature.n, curvature.chart.g
    if n < 2:
        raise MetricError("sectional curvature is not defined in dimension 1; it needs n >= 2")
    factor = curvature.element("scalar") / (n * (n - 1))

    def residuals() -> Iterable[Element]:
        dot, one = curvature.chart.field.dot, curvature.chart.field.one
        for ((a, b), (c, d)), value in curvature.pairs.components.items():
            area = dot(((1, g[a][c], g[b][d]), (-1, g[a][d], g[b][c])))
            yield dot(((1, value, one), (-1, factor, area)))

    return _constant(residuals, factor, curvature)


def _constant(
    residuals: Callable[[], Iterable[Element]], factor: Element, curvature: Curvature
) -> Decision:
    """Decide that all residuals vanish and that the factor is constant."""
    decision = decide_all_zero(list(residuals()))
    if decision.value is not True:
        return decision
    slopes = [factor.diff(x) for x in curvature.chart.metric.coordinates]
    steady = decide_all_zero(slopes)
    if steady.value is not True:
        return replace(steady, detail=f"the factor {factor.to_sympy()} is not constant")
    weaker = decision if decision.proof == "numeric" else steady
    return replace(weaker, constant=factor.to_sympy())


def conformally_flat(curvature: Curvature) -> Decision:
    """Decide conformal flatness: n <= 2 always, n = 3 by Cotton, n >= 4 by Weyl."""
    if curvature.n <= 2:
        return Decision(True, "exact", "every metric of dimension 1 or 2 is conformally flat")
    tensor = curvature.cotton if curvature.n == 3 else curvature.weyl
    return decide_all_zero(list(tensor.stored().values()))


def locally_symmetric(curvature: Curvature) -> Decision:
    """Decide whether the covariant derivative of the Riemann tensor vanishes."""
    chart, n = curvature.chart, curvature.n
    element, gamma = curvature.pairs.element, chart.christoffel

    def component(a: int, b: int, c: int, d: int, m: int) -> Element:
        triples = [(1, element(a, b, c, d).diff(chart.metric.coordinates[m]), chart.field.one)]
        for f in range(n):
            triples.append((-1, gamma(f, m, a), element(f, b, c, d)))
            triples.append((-1, gamma(f, m, b), element(a, f, c, d)))
            triples.append((-1, gamma(f, m, c), element(a, b, f, d)))
            triples.append((-1, gamma(f, m, d), element(a, b, c, f)))
        return chart.field.dot(triples)

    return decide_all_zero(
        component(a, b, c, d, m)
        for ((a, b), (c, d)) in curvature.pairs.components
        for m in range(n)
    )
