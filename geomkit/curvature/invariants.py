"""Scalar invariants of the curvature, the signature and sectional curvatures."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import TYPE_CHECKING

from geomkit.chart import Chart
from geomkit.errors import DomainError, MetricError
from geomkit.field import Element

if TYPE_CHECKING:
    from .model import Curvature
    from .riemann import RiemannPairs

__all__ = ["Invariants"]


class Invariants:
    """Scalars of one chart, each derived once.

    Args:
        chart: the chart.
    """

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self._known: dict[str, Element] = {}

    def element(self, name: str, curvature: Curvature) -> Element:
        """Return a scalar by name, derived from the tensors of `curvature`."""
        if name not in self._known:
            self._known[name] = getattr(self, f"_{name}")(curvature)
        return self._known[name]

    def _determinant(self, curvature: Curvature) -> Element:
        return self.chart.determinant

    def _volume_element(self, curvature: Curvature) -> Element:
        return self.chart.volume

    def _scalar(self, curvature: Curvature) -> Element:
        return curvature.pairs.scalar()

    def _gauss(self, curvature: Curvature) -> Element:
        """K = R_1212/det g."""
        if self.chart.n != 2:
            raise MetricError(
                f"the Gauss curvature is defined for surfaces, not in dimension {self.chart.n}; "
                "ask for the scalar curvature or a sectional curvature"
            )
        return curvature.pairs.element(0, 1, 0, 1) / self.chart.determinant

    def _kretschmann(self, curvature: Curvature) -> Element:
        """R^2 for n = 2, 4 Ric.Ric - R^2 for n = 3, else from the Riemann pairs."""
        n = self.chart.n
        if n == 2:
            scalar = curvature.element("scalar")
            return scalar * scalar
        if n == 3:
            scalar = curvature.element("scalar")
            return 4 * curvature.element("ricci_squared") - scalar * scalar
        return curvature.pairs.kretschmann()

    def _ricci_squared(self, curvature: Curvature) -> Element:
        """Ric_ij Ric^ij = tr (g^-1 Ric)^2."""
        mixed, n = curvature.ricci_mixed.element, self.chart.n
        return self.chart.field.dot(
            (1, mixed(i, j), mixed(j, i)) for i in range(n) for j in range(n)
        )

    def _weyl_squared(self, curvature: Curvature) -> Element:
        """C^2 = Riem^2 - 4 Ric^2/(n-2) + 2 R^2/((n-1)(n-2)), n >= 3."""
        n = self.chart.n
        if n < 3:
            raise MetricError(f"the Weyl tensor is not defined in dimension {n}; it needs n >= 3")
        if n == 3:
            return self.chart.field.zero
        scalar = curvature.element("scalar")
        ricci = curvature.element("ricci_squared")
        trace = scalar * scalar
        field = self.chart.field
        return field.sum(
            (
                curvature.element("kretschmann"),
                ricci * -4 / (n - 2),
                trace * 2 / ((n - 1) * (n - 2)),
            )
        )

    def _euler_density(self, curvature: Curvature) -> Element:
        """Riem^2 - 4 Ric^2 + R^2, n = 4."""
        self._four("Euler density")
        scalar = curvature.element("scalar")
        ricci = curvature.element("ricci_squared")
        return self.chart.field.sum((curvature.element("kretschmann"), -4 * ricci, scalar * scalar))

    def _chern_pontryagin(self, curvature: Curvature) -> Element:
        """(1/2) eps^abef R_ab^cd R_efcd, eps_0123 = +sqrt|det g|, n = 4."""
        self._four("Chern-Pontryagin density")
        field, pairs = self.chart.field, curvature.pairs
        raised = curvature.riemann_down.with_positions("dduu").element
        triples = []
        for a, b, e, f in permutations(range(4)):
            if a < b and e < f:
                for c, d in pairs.pairs:
                    left, right = raised(a, b, c, d), pairs.element(e, f, c, d)
                    triples.append((_parity((a, b, e, f)), left, right))
        # eps^0123 = sign(det g)/sqrt|det g|; orderings of ab, cd, ef count 8 with the 1/2: 4
        total = field.dot(triples) * 4
        return total * self.chart.volume / self.chart.determinant

    def _four(self, what: str) -> None:
        if self.chart.n != 4:
            raise MetricError(f"the {what} is defined for n = 4, not {self.chart.n}")

    def sectional(self, pairs: RiemannPairs, u: Sequence[Element], v: Sequence[Element]) -> Element:
        """Return R(u,v,u,v)/(|u|^2 |v|^2 - <u,v>^2)."""
        field, g = self.chart.field, self.chart.g
        area = {(a, b): field.dot(((1, u[a], v[b]), (-1, u[b], v[a]))) for a, b in pairs.pairs}
        top, bottom = [], []
        for (a, b), left in area.items():
            for (c, d), right in area.items():
                top.append((1, pairs.element(a, b, c, d), left * right))
                metric = field.dot(((1, g[a][c], g[b][d]), (-1, g[a][d], g[b][c])))
                bottom.append((1, metric, left * right))
        below = field.dot(bottom)
        if below.is_zero:
            raise MetricError("the plane is degenerate: its vectors are dependent or null")
        return field.dot(top) / below

    def signature(self) -> tuple[int, int]:
        """Return (plus, minus) by Arb enclosures at a regular point of the domain."""
        from geomkit.enclosure import enclose, regular_points

        for point in regular_points(self.chart.metric, 1):
            plus, minus = enclose(self.chart.metric, point).signature
            return int(plus), int(minus)
        raise DomainError(f"metric {self.chart.metric.name!r} has no regular point in its domain")


def _parity(order: tuple[int, ...]) -> int:
    swaps = sum(a > b for i, a in enumerate(order) for b in order[i + 1 :])
    return -1 if swaps % 2 else 1
