"""Every curvature quantity of a metric, each derived once, on demand.

Signs and index order are those of `geomkit.conventions`:
R^i_jkl = d_k Gamma^i_lj - d_l Gamma^i_kj + Gamma^i_km Gamma^m_lj - Gamma^i_lm Gamma^m_kj,
Ric_jl = R^i_jil, and R > 0 on the sphere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from geomkit.chart import Chart
from geomkit.errors import MetricError
from geomkit.field import Budget, Decision, Element
from geomkit.tensor import Tensor
from geomkit.tensor.symmetry import Symmetry

from . import properties
from .invariants import Invariants
from .riemann import RiemannPairs, riemann_pairs

if TYPE_CHECKING:
    import sympy

    from geomkit.metric import Metric

__all__ = ["SCALARS", "Curvature", "curvature"]

SCALARS = (
    "determinant",
    "volume_element",
    "scalar",
    "gauss",
    "kretschmann",
    "ricci_squared",
    "weyl_squared",
    "euler_density",
    "chern_pontryagin",
)


def curvature(metric: Metric, budget: float | None = None) -> Curvature:
    """Return the curvature of a metric; its quantities are derived when they are asked for.

    Args:
        metric: the metric.
        budget: seconds (wall clock, from now on) that all derivations together may take.

    Returns:
        The lazy collection of quantities.

    Raises:
        FieldError: the metric does not fit the exact field.
        BudgetError: the budget is used up (also from the attributes of the result).

    Examples:
        >>> import geomkit as gk
        >>> sphere = gk.Metric.from_line_element(
        ...     "a**2*dtheta**2 + a**2*sin(theta)**2*dphi**2",
        ...     coordinates=["theta", "phi"], parameters=["a"], domain={"theta": ["1/2", "5/2"]})
        >>> gk.curvature(sphere).scalar
        2/a**2
    """
    return Curvature(Chart.of(metric, budget=budget))


class Curvature:
    """Curvature quantities over one chart.

    Tensors are `Tensor` objects, scalars SymPy expressions; `element(name)` gives a scalar as an
    exact field element.

    Args:
        chart: the metric in its field.
    """

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self._invariants = Invariants(chart)

    @property
    def n(self) -> int:
        """Dimension."""
        return self.chart.n

    def accommodating(self, expressions: Sequence[sympy.Expr]) -> Curvature:
        """Return a curvature whose field holds further expressions as well.

        Args:
            expressions: expressions in the metric's symbols.

        Returns:
            This object when its field can hold them, else one over a field made anew.

        Raises:
            FieldError: an expression fits no exact field.
        """
        if self.chart.holds(expressions):
            return self
        budget = Budget(self.chart.field.budget.seconds)
        return Curvature(Chart.of(self.chart.metric, expressions=expressions, budget=budget))

    # Tensors --------------------------------------------------------------------------------

    def _tensor(
        self,
        positions: str,
        component: Callable[[tuple[int, ...]], Element],
        symmetry: Symmetry,
        name: str,
        latex: str = "",
    ) -> Tensor:
        return Tensor.build(
            self.chart,
            positions,
            component,
            symmetry=symmetry,
            name=name,
            symbol_latex=latex or name,
        )

    @cached_property
    def metric(self) -> Tensor:
        """g_ij."""
        g = self.chart.g
        return self._tensor("dd", lambda i: g[i[0]][i[1]], Symmetry.symmetric(2), "g")

    @cached_property
    def inverse_metric(self) -> Tensor:
        """g^ij."""
        g = self.chart.inverse
        return self._tensor("uu", lambda i: g[i[0]][i[1]], Symmetry.symmetric(2), "g")

    @cached_property
    def christoffel(self) -> Tensor:
        """Gamma^i_jk = g^im (d_j g_mk + d_k g_mj - d_m g_jk)/2."""
        symmetry = Symmetry.christoffel()
        return self._tensor(
            "udd", lambda i: self.chart.christoffel(*i), symmetry, "Gamma", r"\Gamma"
        )

    @cached_property
    def christoffel_down(self) -> Tensor:
        """Gamma_ijk = (d_j g_ik + d_k g_ij - d_i g_jk)/2, of the first kind."""
        symmetry = Symmetry.christoffel()
        return self._tensor(
            "ddd", lambda i: self.chart.christoffel_first(*i), symmetry, "Gamma", r"\Gamma"
        )

    @cached_property
    def pairs(self) -> RiemannPairs:
        """R_ijkl on independent pairs of indices."""
        return riemann_pairs(self.chart)

    @cached_property
    def riemann_down(self) -> Tensor:
        """R_ijkl = g_im R^m_jkl."""
        return self._tensor("dddd", lambda i: self.pairs.element(*i), Symmetry.riemann(), "R")

    @cached_property
    def riemann(self) -> Tensor:
        """R^i_jkl."""
        return self.riemann_down.raise_index(0)

    @cached_property
    def ricci(self) -> Tensor:
        """Ric_jl = R^i_jil."""
        return self._tensor("dd", lambda i: self.pairs.ricci(*i), Symmetry.symmetric(2), "Ric")

    @cached_property
    def ricci_mixed(self) -> Tensor:
        """Ric^i_j."""
        return self.ricci.raise_index(0)

    def _trace_adjusted(self, factor: Fraction, scale: Fraction, name: str) -> Tensor:
        """Return scale (Ric_ij + factor R g_ij)."""
        scalar, g, dot = self.element("scalar"), self.chart.g, self.chart.field.dot
        one = self.chart.field.one
        return self._tensor(
            "dd",
            lambda i: dot(
                ((scale, self.ricci.element(*i), one), (scale * factor, scalar, g[i[0]][i[1]]))
            ),
            Symmetry.symmetric(2),
            name,
        )

    @cached_property
    def einstein(self) -> Tensor:
        """G_ij = Ric_ij - R g_ij/2."""
        return self._trace_adjusted(Fraction(-1, 2), Fraction(1), "G")

    @cached_property
    def einstein_mixed(self) -> Tensor:
        """G^i_j."""
        return self.einstein.raise_index(0)

    @cached_property
    def tracefree_ricci(self) -> Tensor:
        """Ric_ij - R g_ij/n."""
        return self._trace_adjusted(Fraction(-1, self.n), Fraction(1), "S")

    @cached_property
    def schouten(self) -> Tensor:
        """P = (Ric - R g/(2(n-1)))/(n-2), n >= 3."""
        n = self._at_least(3, "Schouten tensor")
        return self._trace_adjusted(Fraction(-1, 2 * (n - 1)), Fraction(1, n - 2), "P")

    @cached_property
    def weyl(self) -> Tensor:
        """C_ijkl = R_ijkl - (g_ik P_jl - g_il P_jk - g_jk P_il + g_jl P_ik), n >= 3."""
        self._at_least(3, "Weyl tensor")
        p, g, dot = self.schouten.element, self.chart.g, self.chart.field.dot
        one = self.chart.field.one

        def component(index: tuple[int, ...]) -> Element:
            i, j, k, m = index
            return dot(
                (
                    (1, self.pairs.element(i, j, k, m), one),
                    (-1, g[i][k], p(j, m)),
                    (1, g[i][m], p(j, k)),
                    (1, g[j][k], p(i, m)),
                    (-1, g[j][m], p(i, k)),
                )
            )

        return self._tensor("dddd", component, Symmetry.riemann(), "C")

    @cached_property
    def cotton(self) -> Tensor:
        """C_ijk = nabla_i P_jk - nabla_j P_ik, n >= 3."""
        self._at_least(3, "Cotton tensor")
        p, chart = self.schouten.element, self.chart
        x, one = chart.metric.coordinates, chart.field.one

        def component(index: tuple[int, ...]) -> Element:
            i, j, k = index
            triples = [(1, p(j, k).diff(x[i]), one), (-1, p(i, k).diff(x[j]), one)]
            for m in range(self.n):
                triples.append((-1, chart.christoffel(m, i, k), p(j, m)))
                triples.append((1, chart.christoffel(m, j, k), p(i, m)))
            return chart.field.dot(triples)

        return self._tensor("ddd", component, Symmetry.antisymmetric(3, (0, 1)), "C")

    # Scalars --------------------------------------------------------------------------------

    def element(self, name: str) -> Element:
        """Return a scalar quantity as an element of the field.

        Args:
            name: one of `SCALARS`.

        Returns:
            The element.

        Raises:
            MetricError: the quantity is unknown or not defined in this dimension.
        """
        if name not in SCALARS:
            raise MetricError(f"no scalar quantity {name!r}; there are {', '.join(SCALARS)}")
        return self._invariants.element(name, self)

    @property
    def determinant(self) -> sympy.Expr:
        """Det g_ij."""
        return self.element("determinant").to_sympy()

    @property
    def volume_element(self) -> sympy.Expr:
        """sqrt|det g|."""
        return self.element("volume_element").to_sympy()

    @property
    def scalar(self) -> sympy.Expr:
        """R = g^jl Ric_jl."""
        return self.element("scalar").to_sympy()

    @property
    def gauss(self) -> sympy.Expr:
        """K = R_1212/det g, n = 2 only."""
        return self.element("gauss").to_sympy()

    @property
    def kretschmann(self) -> sympy.Expr:
        """R_ijkl R^ijkl."""
        return self.element("kretschmann").to_sympy()

    @property
    def ricci_squared(self) -> sympy.Expr:
        """Ric_ij Ric^ij."""
        return self.element("ricci_squared").to_sympy()

    @property
    def weyl_squared(self) -> sympy.Expr:
        """C_ijkl C^ijkl, n >= 3."""
        return self.element("weyl_squared").to_sympy()

    @property
    def euler_density(self) -> sympy.Expr:
        """R_ijkl R^ijkl - 4 Ric_ij Ric^ij + R^2, n = 4."""
        return self.element("euler_density").to_sympy()

    @property
    def chern_pontryagin(self) -> sympy.Expr:
        """(1/2) eps^abef R_ab^cd R_efcd with eps_0123 = +sqrt|det g|, n = 4."""
        return self.element("chern_pontryagin").to_sympy()

    def sectional(self, u: Sequence[Any], v: Sequence[Any]) -> sympy.Expr:
        """Return the sectional curvature R(u,v,u,v)/(g(u,u) g(v,v) - g(u,v)^2) of a plane.

        Args:
            u: components of a vector, expressions or text.
            v: components of a second vector.

        Returns:
            The curvature of the plane they span.

        Raises:
            MetricError: the plane is degenerate.
        """
        vectors = [[self.chart.metric.resolve(c) for c in vector] for vector in (u, v)]
        there = self.accommodating([c for vector in vectors for c in vector])
        lifted = [[there.chart.field(c) for c in vector] for vector in vectors]
        return there._invariants.sectional(there.pairs, *lifted).to_sympy()

    @cached_property
    def signature(self) -> tuple[int, int]:
        """Numbers of positive and negative directions, at a regular point of the domain."""
        return self._invariants.signature()

    def _at_least(self, n: int, what: str) -> int:
        if self.n < n:
            raise MetricError(f"the {what} is not defined in dimension {self.n}; it needs n >= {n}")
        return self.n

    # Properties -----------------------------------------------------------------------------

    def is_flat(self) -> Decision:
        """Decide whether R_ijkl = 0."""
        return properties.flat(self)

    def is_ricci_flat(self) -> Decision:
        """Decide whether Ric_ij = 0."""
        return properties.ricci_flat(self)

    def is_einstein(self) -> Decision:
        """Decide whether Ric_ij = L g_ij with a constant L, given in the answer."""
        return properties.einstein(self)

    def is_constant_curvature(self) -> Decision:
        """Decide whether R_ijkl = K (g_ik g_jl - g_il g_jk) with a constant K, given."""
        return properties.constant_curvature(self)

    def is_conformally_flat(self) -> Decision:
        """Decide: always for n <= 2, Cotton = 0 for n = 3, Weyl = 0 for n >= 4."""
        return properties.conformally_flat(self)

    def is_locally_symmetric(self) -> Decision:
        """Decide whether nabla_m R_ijkl = 0."""
        return properties.locally_symmetric(self)
