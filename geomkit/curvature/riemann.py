"""Curvature components on independent index pairs, by contractions in the field.

With antisymmetric pairs A = ab (a < b) the Riemann tensor is a symmetric matrix R_AB. Its
contractions with G^AB = g^ac g^bd - g^ad g^bc give the scalar and the Kretschmann scalar directly.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from itertools import combinations

from geomkit.chart import Chart
from geomkit.field import Element

__all__ = ["RiemannPairs", "riemann_pairs"]

Pair = tuple[int, int]
Index = tuple[int, ...]
HALF = Fraction(1, 2)


def riemann_pairs(chart: Chart) -> RiemannPairs:
    """Return R_abcd on independent pairs.

    R_abcd = (d_b d_c g_ad + d_a d_d g_bc - d_a d_c g_bd - d_b d_d g_ac)/2
             + Gamma^f_bc Gamma_fad - Gamma^f_bd Gamma_fac

    Args:
        chart: the chart.

    Returns:
        The components and what is contracted from them.
    """
    pairs = list(combinations(range(chart.n), 2))
    components: dict[tuple[Pair, Pair], Element] = {}
    for i, first in enumerate(pairs):
        for second in pairs[i:]:
            (a, b), (c, d) = first, second
            if b > d > c > a:  # R_adbc with a < b < c < d follows from the first Bianchi identity
                continue
            components[first, second] = _component(chart, a, b, c, d)
    for first, second in combinations(pairs, 2):
        if (first, second) not in components:
            # first Bianchi: R_abcd + R_acdb + R_adbc = 0
            (a, b), (c, d) = first, second
            one = _lookup(components, a, c, d, b)
            two = _lookup(components, a, d, b, c)
            components[first, second] = chart.field.sum((-one, -two))
    return RiemannPairs(chart, components)


def _lookup(
    components: Mapping[tuple[Pair, Pair], Element], a: int, b: int, c: int, d: int
) -> Element:
    sign = 1
    if a > b:
        a, b, sign = b, a, -sign
    if c > d:
        c, d, sign = d, c, -sign
    first, second = sorted(((a, b), (c, d)))
    value = components[first, second]
    return value if sign > 0 else -value


def _component(chart: Chart, a: int, b: int, c: int, d: int) -> Element:
    one = chart.field.one
    triples: list[tuple[Fraction | int, Element, Element]] = [
        (HALF, chart.ddg(a, d, b, c), one),
        (HALF, chart.ddg(b, c, a, d), one),
        (-HALF, chart.ddg(b, d, a, c), one),
        (-HALF, chart.ddg(a, c, b, d), one),
    ]
    for f in range(chart.n):
        # the first kind is cheaper and often zero: look at it first
        for sign, left, right in ((1, (b, c), (a, d)), (-1, (b, d), (a, c))):
            down = chart.christoffel_first(f, *right)
            if not down.is_zero:
                triples.append((sign, chart.christoffel(f, *left), down))
    return chart.field.dot(triples)


class RiemannPairs:
    """R_abcd on pairs with its contractions.

    Args:
        chart: the chart.
        components: R_AB for pairs A <= B.
    """

    def __init__(self, chart: Chart, components: dict[tuple[Pair, Pair], Element]) -> None:
        self.chart = chart
        self.components = components
        self.pairs = list(combinations(range(chart.n), 2))

    def element(self, a: int, b: int, c: int, d: int) -> Element:
        """Return R_abcd for any indices."""
        if a == b or c == d:
            return self.chart.field.zero
        return _lookup(self.components, a, b, c, d)

    @cached_property
    def _pair_metric(self) -> dict[tuple[Pair, Pair], Element]:
        """G^AB = g^ac g^bd - g^ad g^bc, the non-zero ones."""
        g, dot = self.chart.inverse, self.chart.field.dot
        result = {}
        for a, b in self.pairs:
            for c, d in self.pairs:
                value = dot(((1, g[a][c], g[b][d]), (-1, g[a][d], g[b][c])))
                if not value.is_zero:
                    result[(a, b), (c, d)] = value
        return result

    def ricci(self, j: int, l: int) -> Element:  # noqa: E741
        """Return Ric_jl = g^ik R_ijkl."""
        g, n = self.chart.inverse, self.chart.n
        return self.chart.field.dot(
            (1, g[i][k], self.element(i, j, k, l))
            for i in range(n)
            for k in range(n)
            if i != j and k != l and not g[i][k].is_zero
        )

    def scalar(self) -> Element:
        """Return R = 2 sum_AB G^AB R_AB, straight from the pairs."""
        triples = [
            (2, value, self.element(*first, *second))
            for (first, second), value in self._pair_metric.items()
        ]
        return self.chart.field.dot(triples)

    def kretschmann(self) -> Element:
        """Return R_abcd R^abcd = 4 tr M^2 with M^A_B = sum_C G^AC R_CB."""
        dot = self.chart.field.dot
        rows: dict[Pair, list[tuple[Pair, Element]]] = {}
        for (first, second), value in self._pair_metric.items():
            rows.setdefault(first, []).append((second, value))
        mixed = {}
        for first in self.pairs:
            for last in self.pairs:
                value = dot((1, g, self.element(*c, *last)) for c, g in rows.get(first, ()))
                if not value.is_zero:
                    mixed[first, last] = value
        return dot(
            (4 if a == b else 8, value, mixed[b, a])
            for (a, b), value in mixed.items()
            if a <= b and (b, a) in mixed
        )
