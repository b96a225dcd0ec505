"""Infinitesimal symmetries of a metric, with proof: Killing and conformal Killing fields."""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from geomkit.calculus.derivatives import VectorLike, divergence, lie_derivative
from geomkit.field.zero import Decision, decide_all_zero
from geomkit.tensor import Tensor
from geomkit.tensor.coerce import Source, as_chart
from geomkit.tensor.input import as_vector
from geomkit.tensor.symmetry import Symmetry

__all__ = [
    "ConformalKilling",
    "conformal_killing",
    "is_killing",
    "killing_equations",
    "killing_tensor",
]


def killing_tensor(source: Source, vector: VectorLike) -> Tensor:
    """The Lie derivative of the metric, (L_X g)_ij = nabla_i X_j + nabla_j X_i.

    Args:
        source: the geometry: a Metric, Chart or Curvature.
        vector: the vector field X, as tensor or as its components X^i.

    Returns:
        A symmetric tensor with positions `"dd"`; zero if and only if X is a Killing field.
    """
    x = as_vector(as_chart(source), vector)
    chart = x.chart
    metric = Tensor.build(
        chart, "dd", lambda i: chart.g[i[0]][i[1]], symmetry=Symmetry.symmetric(2), name="g"
    )
    result = lie_derivative(x, metric)
    assert isinstance(result, Tensor)
    return result


def is_killing(source: Source, vector: VectorLike) -> Decision:
    """Whether a vector field is a Killing field, L_X g = 0, with proof.

    Args:
        source: the geometry: a Metric, Chart or Curvature.
        vector: the vector field X, as tensor or as its components X^i.

    Returns:
        The decision.

    Example:
        >>> import geomkit as gk
        >>> m = gk.Metric.from_line_element("dr**2 + r**2*dphi**2", coordinates=["r", "phi"])
        >>> is_killing(m, ["cos(phi)", "-sin(phi)/r"]).value
        True
        >>> is_killing(m, ["1", "0"]).value
        False
    """
    tensor = killing_tensor(source, vector)
    return decide_all_zero(list(tensor.stored().values()))


@dataclass(frozen=True)
class ConformalKilling:
    """What a vector field does to the metric up to scale.

    Attributes:
        decision: whether L_X g = factor * g, with proof.
        killing: whether the factor vanishes as well.
        homothetic: whether the factor is constant as well.
        factor: (2/n) div X, the only possible factor.
    """

    decision: Decision
    killing: Decision
    homothetic: Decision
    factor: sympy.Expr

    def __bool__(self) -> bool:
        return self.decision.value is True


def conformal_killing(source: Source, vector: VectorLike) -> ConformalKilling:
    """Whether a vector field is a conformal Killing field: L_X g = (2/n) (div X) g.

    Args:
        source: the geometry: a Metric, Chart or Curvature.
        vector: the vector field X, as tensor or as its components X^i.

    Returns:
        The decisions and the factor.

    Example:
        >>> import geomkit as gk
        >>> m = gk.Metric.from_line_element("dx**2 + dy**2", coordinates=["x", "y"])
        >>> found = conformal_killing(m, ["x**2 - y**2", "2*x*y"])
        >>> bool(found), found.factor
        (True, 4*x)
    """
    x = as_vector(as_chart(source), vector)
    chart = x.chart
    lie = killing_tensor(chart, x)
    factor = chart.field(divergence(x)) * sympy.Rational(2, chart.n)
    defect = Tensor.build(
        chart,
        "dd",
        lambda i: lie.element(*i) - factor * chart.g[i[0]][i[1]],
        symmetry=Symmetry.symmetric(2),
    )
    decision = decide_all_zero(list(defect.stored().values()))
    slopes = [factor.diff(y) for y in chart.metric.coordinates]
    return ConformalKilling(
        decision=decision,
        killing=decide_all_zero(list(lie.stored().values())),
        homothetic=decide_all_zero([*defect.stored().values(), *slopes]),
        factor=factor.to_sympy(),
    )


def killing_equations(source: Source, name: str = "xi") -> tuple[sympy.Eq, ...]:
    """Killing's equations for an unknown field, nabla_i xi_j + nabla_j xi_i = 0.

    d_i xi_j + d_j xi_i - 2 Gamma^k_ij xi_k = 0, i <= j, for covariant components xi_k(x).

    Args:
        source: the geometry: a Metric, Chart or Curvature.
        name: name of the unknown field; its components are `name_r`, ... for a coordinate r.

    Returns:
        n(n+1)/2 linear partial differential equations as SymPy equations.

    Example:
        >>> import geomkit as gk
        >>> m = gk.Metric.from_line_element("dr**2 + r**2*dphi**2", coordinates=["r", "phi"])
        >>> len(killing_equations(m))
        3
    """
    chart = as_chart(source)
    x = chart.metric.coordinates
    xi = [sympy.Function(f"{name}_{symbol}", real=True)(*x) for symbol in x]
    equations = []
    for i, j in Symmetry.symmetric(2).indices(chart.n):
        left = xi[j].diff(x[i]) + xi[i].diff(x[j])
        for k in range(chart.n):
            left -= 2 * chart.christoffel(k, i, j).to_sympy() * xi[k]
        equations.append(sympy.Eq(left, 0, evaluate=False))
    return tuple(equations)
