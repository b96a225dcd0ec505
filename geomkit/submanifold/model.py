"""Hypersurfaces: unit normal, second fundamental form, shape operator, principal curvatures.

Conventions: II(X, Y) = <nabla_X Y, N>, S = -nabla N, hence <S X, Y> = II(X, Y). The unit normal N
is the one for which (e_1, ..., e_m, N) has the orientation of the ambient coordinates: e_1 x e_2 /
|e_1 x e_2| for a surface in R^3, the left normal of a plane curve; `orientation=-1` reverses it.
With the outer normal a sphere of radius a has S = -1/a. Mean curvature: `mean_curvature_trace` =
tr S, `mean_curvature` = tr S / m.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import sympy

from geomkit.calculus.derivatives import covariant_derivative
from geomkit.calculus.linear import determinant, inverse_matrix
from geomkit.curvature import Curvature
from geomkit.errors import MetricError, TensorError
from geomkit.field import Element
from geomkit.field.zero import Decision, decide_all_zero, sample_signs
from geomkit.metric import Metric
from geomkit.submanifold.immersion import Immersion
from geomkit.tensor import Tensor
from geomkit.tensor.symmetry import Index, Symmetry

__all__ = ["Submanifold"]


class Submanifold(Immersion):
    """A submanifold with its extrinsic geometry; what needs a unit normal is for hypersurfaces.

    Args:
        map: the ambient coordinates as expressions in `coordinates`.
        coordinates: coordinates u of the submanifold.
        ambient: None for Euclidean space, a list of constants for a diagonal flat metric
            (`[-1, 1, 1]`), or a `Metric`.
        orientation: +1 for the normal described in the module, -1 for the other one.
        **declared: parameters, functions, domain, definitions, name of the induced metric.

    Raises:
        TensorError: if `orientation` is neither 1 nor -1.

    Example:
        >>> sphere = Submanifold(["a*sin(u)*cos(v)", "a*sin(u)*sin(v)", "a*cos(u)"], ["u", "v"],
        ...                      parameters={"a": {"positive": True}}, domain={"u": ["1/4", "3"]})
        >>> sphere.mean_curvature, sphere.gauss_kronecker
        (-1/a, a**(-2))
        >>> sphere.gauss_equation().proof
        'exact'
    """

    def __init__(
        self,
        map: Sequence[Any],
        coordinates: Sequence[Any],
        ambient: Metric | Sequence[Any] | None = None,
        *,
        orientation: int = 1,
        **declared: Any,
    ) -> None:
        if orientation not in (1, -1):
            raise TensorError(f"orientation {orientation!r} was given; give 1 or -1")
        super().__init__(map, coordinates, ambient, **declared)
        self.orientation = orientation

    # -- the unit normal ------------------------------------------------------------------------

    @cached_property
    def _conormal(self) -> list[Element]:
        """The covector c with c(v) = +-det(e_1, ..., e_m, v): normal, not of unit length."""
        if self.codimension != 1:
            raise TensorError(
                f"a unit normal needs a hypersurface; this submanifold has codimension "
                f"{self.codimension}: use second_form_vector and mean_curvature_vector"
            )
        columns = range(len(self.images))
        found = []
        for a in columns:
            minor = [[row[b] for b in columns if b != a] for row in self._tangents]
            value = determinant(self.chart, minor)
            found.append(value if (self.dimension + a) % 2 == 0 else -value)
        return found if self.orientation > 0 else [-c for c in found]

    @cached_property
    def _norm_squared(self) -> Element:
        """<c, c> = det g / det G, positive where the normal is space-like."""
        return self.chart.determinant / determinant(self.chart, self._ambient_metric)

    @cached_property
    def normal_sign(self) -> int:
        """<N, N>: +1, or -1 for a space-like hypersurface of a Lorentzian space."""
        signs = set(sample_signs(self._norm_squared))
        if len(signs) != 1:
            raise MetricError(
                f"the normal of {self.metric.name!r} has no definite sign on the domain: the "
                "hypersurface is null or changes its type; narrow the domain"
            )
        return signs.pop()

    @cached_property
    def _inverse_length(self) -> Element:
        self.normal_sign  # noqa: B018  # refuses a null normal before a root is adjoined
        return self.chart.field.one / self.chart.field.sqrt_abs(self._norm_squared)

    @cached_property
    def _normal(self) -> list[Element]:
        inverse = inverse_matrix(self.chart, self._ambient_metric)
        field, length = self.chart.field, self._inverse_length
        raised = [
            field.dot((1, e, c) for e, c in zip(row, self._conormal, strict=True))
            for row in inverse
        ]
        return [length * entry for entry in raised]

    @cached_property
    def normal(self) -> tuple[sympy.Expr, ...]:
        """The unit normal N^A, in ambient components."""
        return tuple(e.to_sympy() for e in self._normal)

    # -- second fundamental form and what follows from it ---------------------------------------

    @cached_property
    def second_fundamental_form(self) -> Tensor:
        """II_ij = <nabla_{e_i} e_j, N>, symmetric."""

        def component(i: Index) -> Element:
            # N is normal to all tangents, so that the tangential part of nabla_{e_i} e_j drops out
            pairs = zip(self._conormal, self._accelerations[i[0], i[1]], strict=True)
            return self._inverse_length * self.chart.field.dot((1, c, a) for c, a in pairs)

        return Tensor.build(
            self.chart,
            "dd",
            component,
            symmetry=Symmetry.symmetric(2),
            name="II",
            symbol_latex="II",
        )

    @cached_property
    def shape_operator(self) -> Tensor:
        """S^i_j = g^ik II_kj, S = -nabla N."""
        return self.second_fundamental_form.raise_index(0).renamed("S", "S")

    @cached_property
    def mean_curvature_trace(self) -> sympy.Expr:
        """Tr S, the sum of the principal curvatures."""
        return self.shape_operator.contract(0, 1)[()]

    @cached_property
    def mean_curvature(self) -> sympy.Expr:
        """H = tr S / m, the average of the principal curvatures."""
        trace = self.shape_operator.contract(0, 1).element()
        return (trace / self.dimension).to_sympy()

    @cached_property
    def gauss_kronecker(self) -> sympy.Expr:
        """Det S, the product of the principal curvatures: the Gauss curvature in R^3."""
        return self._determinant.to_sympy()

    @cached_property
    def _determinant(self) -> Element:
        s, m = self.shape_operator, range(self.dimension)
        return determinant(self.chart, [[s.element(i, j) for j in m] for i in m])

    @cached_property
    def gauss_curvature(self) -> sympy.Expr:
        """The intrinsic K = R_1212 / det g of a surface, from the induced metric alone."""
        return Curvature(self.chart).gauss

    def characteristic_polynomial(self, variable: sympy.Symbol) -> sympy.Expr:
        """det(k - S), whose roots are the principal curvatures.

        Args:
            variable: the unknown k.

        Returns:
            A monic polynomial in `variable` of degree m, not expanded in its coefficients.
        """
        s = self.shape_operator.to_sympy()
        return s.charpoly(variable).as_expr()

    def principal_curvatures(self) -> tuple[sympy.Expr, ...]:
        """The eigenvalues of the shape operator.

        Returns:
            The diagonal, if S is triangular; else, for m = 2, H + sqrt(H^2 - det S) and
            H - sqrt(H^2 - det S).

        Raises:
            TensorError: if m > 2 and S is not triangular.

        Example:
            >>> saddle = Submanifold(["u", "v", "u*v"], ["u", "v"])
            >>> origin = {u: 0 for u in saddle.metric.coordinates}
            >>> [k.subs(origin) for k in saddle.principal_curvatures()]
            [1, -1]
        """
        s, m = self.shape_operator, self.dimension
        stored = [index for index in s.stored() if index[0] != index[1]]
        if all(i < j for i, j in stored) or all(i > j for i, j in stored):
            return tuple(s[i, i] for i in range(m))
        if m > 2:
            raise TensorError(
                f"the shape operator of dimension {m} is not triangular: its eigenvalues are roots "
                f"of a polynomial of degree {m}; use characteristic_polynomial(k)"
            )
        half_trace = s.contract(0, 1).element() / 2
        root = sympy.sqrt((half_trace * half_trace - self._determinant).to_sympy())
        return (half_trace.to_sympy() + root, half_trace.to_sympy() - root)

    def codazzi_equation(self) -> Decision:
        """Whether nabla_k II_lj - nabla_l II_kj = R^ambient(N, e_j, e_k, e_l), with proof.

        It holds for every hypersurface and checks the derivation of II; the right-hand side is
        R_ABCD N^A e_j^B e_k^C e_l^D, zero in spaces of constant curvature.

        Returns:
            The decision.
        """
        nabla = covariant_derivative(self.second_fundamental_form)
        tangents = self._tangents
        known = self._projected([[self._normal], tangents, tangents, tangents])
        m, zero = range(self.dimension), self.chart.field.zero
        return decide_all_zero(
            [
                nabla.element(b, j, a) - nabla.element(a, j, b) - known.get((0, j, a, b), zero)
                for a in m
                for b in m
                if a < b
                for j in m
            ]
        )

    def __repr__(self) -> str:
        image = ", ".join(str(x) for x in self.images)
        return (
            f"<Submanifold ({image}) of dimension {self.dimension}, codimension {self.codimension}>"
        )
