"""Immersed submanifolds of any codimension: induced metric, normal curvature, Gauss equation.

X(u) maps coordinates u^i into an ambient space (flat by default), with tangents e_i = d_i X. What
needs a unit normal (shape operator, principal curvatures, Codazzi) is in `submanifold`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import sympy

from geomkit.calculus.linear import Rows, converted
from geomkit.calculus.transform import composed, pulled_back
from geomkit.chart import Chart
from geomkit.curvature import Curvature
from geomkit.field import Element
from geomkit.field.zero import Decision, decide_all_zero
from geomkit.metric import Metric
from geomkit.tensor.coerce import as_chart
from geomkit.tensor.symmetry import Index, Symmetry

__all__ = ["Immersion"]


class Immersion:
    """An immersed submanifold of a flat or curved space, of any codimension.

    Args:
        map: the ambient coordinates as expressions in `coordinates`.
        coordinates: coordinates u of the submanifold.
        ambient: None for Euclidean space, a list of constants for a diagonal flat metric
            (`[-1, 1, 1]`), or a `Metric`.
        **declared: parameters, functions, domain, definitions, name of the induced metric.

    Attributes:
        metric: the induced metric, g_ij = <e_i, e_j>.
        ambient: the ambient metric as given.
        images: the map, in the symbols of `metric`.

    Example:
        >>> helix = Immersion(["cos(t)", "sin(t)", "t"], ["t"])
        >>> helix.mean_curvature_vector
        (-cos(t)/2, -sin(t)/2, 0)
    """

    def __init__(
        self,
        map: Sequence[Any],
        coordinates: Sequence[Any],
        ambient: Metric | Sequence[Any] | None = None,
        **declared: Any,
    ) -> None:
        self.ambient = ambient
        self.metric = Metric.from_embedding(list(map), list(coordinates), ambient, **declared)
        self.images: tuple[sympy.Expr, ...] = tuple(self.metric.resolve(x) for x in map)

    @cached_property
    def chart(self) -> Chart:
        """The chart of the induced metric, on which all tensors of the submanifold live."""
        # first a chart of the metric alone: it chooses the generators that suit the metric, and
        # K of a torus comes out in cos(u) only
        along = [entry for row in self._ambient_entries for entry in row]
        return as_chart(as_chart(self.metric), [*self.images, *along])

    @property
    def dimension(self) -> int:
        """Dimension m of the submanifold."""
        return self.chart.n

    @property
    def codimension(self) -> int:
        """Ambient dimension minus m."""
        return len(self.images) - self.chart.n

    # -- tangents and ambient geometry along the submanifold -------------------------------------

    @cached_property
    def tangents(self) -> tuple[tuple[sympy.Expr, ...], ...]:
        """The tangent basis e_i^A = d_i X^A, one tuple per coordinate."""
        return tuple(tuple(e.to_sympy() for e in row) for row in self._tangents)

    @cached_property
    def _tangents(self) -> Rows:
        images = [self.chart.field(x) for x in self.images]
        return [[x.diff(u) for x in images] for u in self.metric.coordinates]

    @cached_property
    def _ambient_entries(self) -> list[list[sympy.Expr]]:
        """G_AB along the submanifold, as expressions in its coordinates."""
        size = len(self.images)
        if isinstance(self.ambient, Metric):
            chart = as_chart(self.ambient)
            table = dict(zip(self.ambient.coordinates, self.images, strict=True))
            return [[composed(entry, self.metric, table) for entry in row] for row in chart.g]
        constants = [1] * size if self.ambient is None else self.ambient
        diagonal = [self.metric.resolve(c) for c in constants]
        return [[diagonal[a] if a == b else sympy.S.Zero for b in range(size)] for a in range(size)]

    @cached_property
    def _ambient_metric(self) -> Rows:
        return [[self.chart.field(entry) for entry in row] for row in self._ambient_entries]

    @cached_property
    def _ambient_gamma(self) -> dict[Index, Element]:
        """Non-zero Gamma^A_BC along the submanifold."""
        return self._along("christoffel")

    @cached_property
    def _ambient_riemann(self) -> dict[Index, Element]:
        """Non-zero R_ABCD of the ambient space along the submanifold."""
        return self._along("riemann_down")

    def _along(self, quantity: str) -> dict[Index, Element]:
        if not isinstance(self.ambient, Metric):
            return {}
        tensor = getattr(Curvature(as_chart(self.ambient)), quantity)
        found = pulled_back(tensor, self.metric, self.images)
        return {index: self.chart.field(e) for index, e in found.items()}

    @cached_property
    def _accelerations(self) -> dict[Index, list[Element]]:
        """The ambient vectors nabla_{e_i} e_j, i <= j."""
        field, e, u = self.chart.field, self._tangents, self.metric.coordinates
        found: dict[Index, list[Element]] = {}
        for i, j in Symmetry.symmetric(2).indices(self.dimension):
            terms = [[(1, field.one, x.diff(u[j]))] for x in e[i]]
            for (a, b, c), gamma in self._ambient_gamma.items():
                terms[a].append((1, gamma, e[i][b] * e[j][c]))
            found[i, j] = [field.dot(t) for t in terms]
        return found

    # -- any codimension --------------------------------------------------------------------------

    @cached_property
    def _second_form_vectors(self) -> dict[Index, list[Element]]:
        field, chart, e = self.chart.field, self.chart, self._tangents
        found: dict[Index, list[Element]] = {}
        for (i, j), acceleration in self._accelerations.items():
            found[i, j] = [
                field.dot(
                    [
                        (1, field.one, x),
                        *((-1, chart.christoffel(k, i, j), e[k][a]) for k in range(chart.n)),
                    ]
                )
                for a, x in enumerate(acceleration)
            ]
        return found

    def second_form_vector(self, i: int, j: int) -> tuple[sympy.Expr, ...]:
        """The normal part of nabla_{e_i} e_j, in any codimension.

        Args:
            i: number of the first coordinate.
            j: number of the second coordinate.

        Returns:
            Its ambient components.
        """
        vector = self._second_form_vectors[min(i, j), max(i, j)]
        return tuple(x.to_sympy() for x in vector)

    @cached_property
    def mean_curvature_vector(self) -> tuple[sympy.Expr, ...]:
        """The vector g^ij II_ij / m, in any codimension; zero for minimal submanifolds."""
        field, inverse = self.chart.field, self.chart.inverse
        weight = field(sympy.Rational(1, self.dimension))
        size = len(self.images)
        vectors = self._second_form_vectors
        return tuple(
            (
                weight
                * field.dot(
                    (1 if i == j else 2, inverse[i][j], v[a]) for (i, j), v in vectors.items()
                )
            ).to_sympy()
            for a in range(size)
        )

    def gauss_equation(self) -> Decision:
        """Whether Gauss's equation holds, with proof.

        R_ijkl = R^ambient(e_i, e_j, e_k, e_l) + <II_ik, II_jl> - <II_il, II_jk>. It is true of
        every submanifold, so that this checks the whole computation: the left-hand side is derived
        from the induced metric alone. For surfaces in R^3 it is Gauss's theorema egregium.

        Returns:
            The decision.
        """
        intrinsic = Curvature(self.chart).riemann_down
        field, g = self.chart.field, self._ambient_metric
        ambient = self._projected([self._tangents] * 4)
        lowered = {
            ij: [field.dot((1, row[b], v[b]) for b in range(len(v))) for row in g]
            for ij, v in self._second_form_vectors.items()
        }

        def terms(i: int, j: int, sign: int, k: int, m: int) -> Iterable[tuple[int, Any, Any]]:
            first = lowered[min(i, j), max(i, j)]
            second = self._second_form_vectors[min(k, m), max(k, m)]
            return ((sign, a, b) for a, b in zip(first, second, strict=True))

        defects = []
        for i, j, k, m in Symmetry.riemann().indices(self.dimension):
            products = field.dot([*terms(i, k, 1, j, m), *terms(i, m, -1, j, k)])
            known = ambient.get((i, j, k, m), field.zero)
            defects.append(intrinsic.element(i, j, k, m) - known - products)
        return decide_all_zero(defects)

    def _projected(self, rows: list[Rows]) -> dict[Index, Element]:
        """R^ambient with its four slots contracted with given vectors."""
        components = self._ambient_riemann
        for slot, vectors in enumerate(rows):
            components = converted(self.chart, components, slot, vectors)
        return components
