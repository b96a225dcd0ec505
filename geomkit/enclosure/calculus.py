"""Covariant operators at a point, in balls: L_X g, divergence, Laplacian, planes, geodesics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from geomkit.enclosure.geometry import Ball, PointGeometry, named_values
from geomkit.enclosure.linear import dot
from geomkit.enclosure.points import enclose
from geomkit.errors import DomainError, TensorError
from geomkit.evaluate import Balls, Evaluator, Jets
from geomkit.metric import Metric

__all__ = [
    "GeodesicResidual",
    "divergence",
    "geodesic_residual",
    "laplacian",
    "lie_metric",
    "sectional",
]


def lie_metric(
    metric: Metric,
    vector: Sequence[Any],
    point: Mapping[Any, Any],
    *,
    bits: int = 200,
    k: int = 0,
) -> list[list[Ball]]:
    """(L_X g)_ij = X^m d_m g_ij + g_mj d_i X^m + g_im d_j X^m at a point.

    Args:
        metric: the metric.
        vector: components X^i, texts or expressions in the metric's symbols.
        point: exact rationals for coordinates and parameters.
        bits: precision.
        k: which example stands for unspecified functions.

    Returns:
        Rows of balls.

    Example:
        >>> plane = Metric(coordinates=["x", "y"], matrix=[[1, 0], [0, 1]])
        >>> rotation = lie_metric(plane, ["-y", "x"], {"x": 1, "y": 2})
        >>> all(entry.is_zero() for row in rotation for entry in row)
        True
    """
    there = enclose(metric, point, order=1, bits=bits, k=k)
    n, zero = metric.n, there.balls.number(0)
    x = [there.jet(component, 1) for component in _checked(vector, n)]
    with there.balls.working():
        dx = [[component.derivative(i) for i in range(n)] for component in x]
        return [
            [
                dot(
                    zero,
                    [(x[m].value, there.dg[i][j][m]) for m in range(n)]
                    + [(there.g[m][j], dx[m][i]) for m in range(n)]
                    + [(there.g[i][m], dx[m][j]) for m in range(n)],
                )
                for j in range(n)
            ]
            for i in range(n)
        ]


def divergence(
    metric: Metric,
    vector: Sequence[Any],
    point: Mapping[Any, Any],
    *,
    bits: int = 200,
    k: int = 0,
) -> Ball:
    """nabla_i X^i = d_i X^i + Gamma^i_im X^m at a point; arguments as for `lie_metric`."""
    there = enclose(metric, point, order=1, bits=bits, k=k)
    n = metric.n
    x = [there.jet(component, 1) for component in _checked(vector, n)]
    with there.balls.working():
        total = dot(
            there.balls.number(0),
            ((there.gamma[i][i][m], x[m].value) for i in range(n) for m in range(n)),
        )
        for i in range(n):
            total = total + x[i].derivative(i)
        return total


def laplacian(
    metric: Metric, function: Any, point: Mapping[Any, Any], *, bits: int = 200, k: int = 0
) -> Ball:
    """g^ij (d_i d_j f - Gamma^m_ij d_m f) at a point.

    Args:
        metric: the metric.
        function: f, text or expression in the metric's symbols.
        point: exact rationals for coordinates and parameters.
        bits: precision.
        k: which example stands for unspecified functions.

    Returns:
        A ball.

    Example:
        >>> plane = Metric(coordinates=["r", "phi"], matrix=[[1, 0], [0, "r**2"]])
        >>> laplacian(plane, "r**2", {"r": 3, "phi": 0}).contains(4)
        True
    """
    there = enclose(metric, point, order=1, bits=bits, k=k)
    n, zero = range(metric.n), there.balls.number(0)
    f = there.jet(function, 2)
    with there.balls.working():
        df = [f.derivative(i) for i in n]
        hessian = [
            [f.derivative(i, j) - dot(zero, ((there.gamma[m][i][j], df[m]) for m in n)) for j in n]
            for i in n
        ]
        return dot(zero, ((there.ginv[i][j], hessian[i][j]) for i in n for j in n))


def sectional(geometry: PointGeometry, u: Sequence[Any], v: Sequence[Any]) -> Ball:
    """K(u, v) = R_ijkl u^i v^j u^k v^l / (g(u,u) g(v,v) - g(u,v)^2).

    Args:
        geometry: the geometry at a point.
        u: components u^i, expressions in the metric's symbols.
        v: components v^i.

    Returns:
        A ball.

    Raises:
        DomainError: if the plane is not known to be non-degenerate.
    """
    n, zero = range(geometry.n), geometry.balls.number(0)
    a = [geometry.value(x) for x in _checked(u, geometry.n)]
    b = [geometry.value(x) for x in _checked(v, geometry.n)]
    with geometry.balls.working():
        area = _inner(geometry, a, a) * _inner(geometry, b, b) - _inner(geometry, a, b) ** 2
        if area.contains(0):
            raise DomainError(
                "the plane is degenerate, or not known to be regular, at this point; "
                "give two independent vectors that span a non-null plane"
            )
        riemann = geometry.riemann_down
        terms = (
            (riemann[i][j][k][h], a[i] * b[j] * a[k] * b[h])
            for i in n
            for j in n
            for k in n
            for h in n
        )
        return dot(zero, terms) / area


@dataclass(frozen=True)
class GeodesicResidual:
    """How far a curve is from a geodesic at one parameter value.

    Attributes:
        acceleration: x''^i + Gamma^i_jk x'^j x'^k; zero for an affinely parametrised geodesic.
        velocity: x'^i.
        norm: g(x', x').
        deviation: acceleration^i x'^j - acceleration^j x'^i for i < j; zero for a geodesic in any
            parametrisation.
    """

    acceleration: list[Ball]
    velocity: list[Ball]
    norm: Ball
    deviation: list[Ball]


def geodesic_residual(
    metric: Metric,
    curve: Sequence[sympy.Expr],
    parameter: sympy.Symbol,
    value: Any,
    constants: Mapping[Any, Any],
    *,
    bits: int = 200,
    k: int = 0,
) -> GeodesicResidual:
    """Enclose what the geodesic equation leaves at one parameter value of a curve.

    Args:
        metric: the metric.
        curve: x^i as SymPy expressions of the parameter; coordinate symbols in them are constants.
        parameter: the symbol of the curve parameter.
        value: exact rational value of the parameter.
        constants: exact rationals for the metric's parameters and for whatever else the curve
            contains.
        bits: precision.
        k: which example stands for unspecified functions.

    Returns:
        The residual, in balls.
    """
    balls = Balls(bits)
    n, ring = range(metric.n), Jets(balls, [parameter], 2)
    constants = named_values(metric, constants)
    at = Evaluator({**constants, parameter: value}, ring)
    with balls.working():
        concrete = [
            metric.concrete(sympy.sympify(x, strict=True), k) for x in _checked(curve, metric.n)
        ]
        x = [ring.as_jet(at(component)) for component in concrete]
        velocity = [jet.derivative(0) for jet in x]
        place = {c: jet.value for c, jet in zip(metric.coordinates, x, strict=True)}
        there = enclose(metric, {**constants, **place}, order=1, bits=bits, k=k)
        acceleration = [
            x[i].derivative(0, 0)
            + dot(
                balls.number(0),
                ((there.gamma[i][j][m], velocity[j] * velocity[m]) for j in n for m in n),
            )
            for i in n
        ]
        deviation = [
            acceleration[i] * velocity[j] - acceleration[j] * velocity[i]
            for i in n
            for j in n
            if i < j
        ]
        return GeodesicResidual(
            acceleration, velocity, _inner(there, velocity, velocity), deviation
        )


def _inner(geometry: PointGeometry, a: Sequence[Ball], b: Sequence[Ball]) -> Ball:
    n = range(geometry.n)
    terms = ((geometry.g[i][j], a[i] * b[j]) for i in n for j in n)
    return dot(geometry.balls.number(0), terms)


def _checked(components: Sequence[Any], n: int) -> Sequence[Any]:
    if len(components) != n:
        raise TensorError(f"{len(components)} components given, but the metric has dimension {n}")
    return components
