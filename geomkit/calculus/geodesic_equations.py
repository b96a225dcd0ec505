"""The geodesic equations of a metric as SymPy objects, and what is conserved along them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import sympy

from geomkit.calculus.derivatives import VectorLike
from geomkit.calculus.killing import is_killing
from geomkit.chart import Chart
from geomkit.errors import TensorError
from geomkit.field.zero import Decision
from geomkit.tensor.coerce import Source, as_chart
from geomkit.tensor.input import as_vector

__all__ = ["FirstIntegral", "GeodesicEquations", "geodesic_equations"]


@dataclass(frozen=True)
class FirstIntegral:
    """A quantity that is constant along every geodesic.

    Attributes:
        expression: the quantity, in the coordinates and `velocities` of the equations.
        decision: whether it is conserved, with proof.
    """

    expression: sympy.Expr
    decision: Decision

    def __bool__(self) -> bool:
        return self.decision.value is True


@dataclass(frozen=True)
class GeodesicEquations:
    """The equations x''^i + Gamma^i_jk x'^j x'^k = 0 of affinely parametrised geodesics.

    Attributes:
        chart: the chart.
        parameter: the curve parameter.
        velocities: symbols for x'^i, used in `right_hand_side` and in first integrals.

    Example:
        >>> import geomkit as gk
        >>> m = gk.Metric.from_line_element("dr**2 + r**2*dphi**2", coordinates=["r", "phi"])
        >>> equations = geodesic_equations(m)
        >>> equations.right_hand_side
        (r*v_phi**2, -2*v_phi*v_r/r)
        >>> equations.first_integral(["0", "1"]).expression
        r**2*v_phi
    """

    chart: Chart
    parameter: sympy.Symbol
    velocities: tuple[sympy.Symbol, ...]

    @cached_property
    def curve(self) -> tuple[sympy.Expr, ...]:
        """The unknown functions x^i(s)."""
        names = [str(x) for x in self.chart.metric.coordinates]
        return tuple(sympy.Function(name, real=True)(self.parameter) for name in names)

    @cached_property
    def right_hand_side(self) -> tuple[sympy.Expr, ...]:
        """The accelerations -Gamma^i_jk v^j v^k, in coordinates and velocities."""
        n, v = self.chart.n, self.velocities
        rows = []
        for i in range(n):
            row = sympy.S.Zero
            for j in range(n):
                for k in range(j, n):
                    gamma = self.chart.christoffel(i, j, k)
                    if not gamma.is_zero:
                        row -= (1 if j == k else 2) * gamma.to_sympy() * v[j] * v[k]
            rows.append(row)
        return tuple(rows)

    @cached_property
    def equations(self) -> tuple[sympy.Eq, ...]:
        """The equations x''^i(s) + Gamma^i_jk x'^j x'^k = 0 for the functions `curve`."""
        s = self.parameter
        return tuple(
            sympy.Eq(f.diff(s, 2) - self.along_curve(right), 0, evaluate=False)
            for f, right in zip(self.curve, self.right_hand_side, strict=True)
        )

    @cached_property
    def energy(self) -> sympy.Expr:
        """The first integral (1/2) g_ij v^i v^j, of one sign along each geodesic."""
        n, v = self.chart.n, self.velocities
        terms = (
            sympy.Rational(1 if i == j else 2, 2) * self.chart.g[i][j].to_sympy() * v[i] * v[j]
            for i in range(n)
            for j in range(i, n)
        )
        return sympy.Add(*terms)

    def first_integral(self, killing: VectorLike) -> FirstIntegral:
        """The quantity g(K, x') = K_i v^i, conserved if K is a Killing field.

        Args:
            killing: the vector field K, as tensor or as its components K^i.

        Returns:
            The quantity and the proof that K is a Killing field.
        """
        field = as_vector(self.chart, killing)
        lowered = field.lower_index(0)
        quantity = sympy.Add(
            *(e.to_sympy() * self.velocities[i] for (i,), e in lowered.stored().items())
        )
        return FirstIntegral(quantity, is_killing(self.chart, field))

    def along_curve(self, expression: sympy.Expr) -> sympy.Expr:
        """An expression in coordinates and velocities, written for the functions x^i(s).

        Args:
            expression: such as `energy`, a row of `right_hand_side` or a first integral.

        Returns:
            The expression in x^i(s) and their derivatives.
        """
        return _insert(self, expression, self.curve)

    def residual(self, curve: Sequence[sympy.Expr]) -> tuple[sympy.Expr, ...]:
        """The left-hand sides x'' + Gamma x' x' for a given curve; all zero for a geodesic.

        Args:
            curve: the coordinates as SymPy expressions in `parameter`.

        Returns:
            One expression per coordinate, not simplified.

        Raises:
            TensorError: if the number of coordinates is wrong.
        """
        if len(curve) != self.chart.n:
            raise TensorError(f"a curve of {len(curve)} coordinates was given; give {self.chart.n}")
        return tuple(
            sympy.diff(x, self.parameter, 2) - _insert(self, right, curve)
            for x, right in zip(curve, self.right_hand_side, strict=True)
        )

    def __str__(self) -> str:
        s = self.parameter
        pairs = zip(self.chart.metric.coordinates, self.right_hand_side, strict=True)
        return "\n".join(f"d2{x}/d{s}2 = {right}" for x, right in pairs)

    def _repr_latex_(self) -> str:
        rows = r" \\ ".join(
            rf"\ddot {{{sympy.latex(x)}}} &= {sympy.latex(right)}"
            for x, right in zip(self.chart.metric.coordinates, self.right_hand_side, strict=True)
        )
        return rf"$$\begin{{aligned}}{rows}\end{{aligned}}$$"


def geodesic_equations(source: Source, parameter: str = "s") -> GeodesicEquations:
    """The geodesic equations x''^i + Gamma^i_jk x'^j x'^k = 0 of a metric.

    Args:
        source: the geometry: a Metric, Chart or Curvature.
        parameter: name of the affine parameter.

    Returns:
        The equations.

    Raises:
        TensorError: if the parameter has the name of a symbol of the metric.
    """
    chart = as_chart(source)
    if parameter in {str(name) for name in chart.metric.symbols}:
        raise TensorError(
            f"{parameter!r} already names a coordinate or parameter; choose another parameter="
        )
    velocities = tuple(sympy.Symbol(f"v_{x}", real=True) for x in chart.metric.coordinates)
    return GeodesicEquations(chart, sympy.Symbol(parameter, real=True), velocities)


def _insert(
    equations: GeodesicEquations, expression: sympy.Expr, curve: Sequence[sympy.Expr]
) -> sympy.Expr:
    """Coordinates and velocities in `expression` replaced by a curve and its derivative."""
    s = equations.parameter
    table = dict(zip(equations.chart.metric.coordinates, curve, strict=True))
    table.update((v, sympy.diff(x, s)) for v, x in zip(equations.velocities, curve, strict=True))
    return expression.subs(table, simultaneous=True)
