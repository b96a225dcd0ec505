"""Making point geometries: at given points, and at regular points of the domain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy

from geomkit.enclosure.geometry import Ball, PointGeometry
from geomkit.errors import DomainError, EvaluationError
from geomkit.evaluate import refine
from geomkit.metric import Metric

__all__ = ["enclose", "enclose_expression", "is_regular", "regular_points"]

_FIRST_BITS = 128


def enclose(
    metric: Metric, point: Mapping[Any, Any], *, order: int = 2, bits: int = 200, k: int = 0
) -> PointGeometry:
    """The geometry of a metric at a point, enclosed in balls.

    Args:
        metric: the metric.
        point: exact rationals for coordinates and parameters (symbols or names).
        order: derivatives of the metric that are wanted at once; higher ones are computed on
            demand.
        bits: precision.
        k: which example stands for unspecified functions.

    Returns:
        The geometry; its quantities are lazy, and raise DomainError where the metric is singular.

    Example:
        >>> from geomkit.metric import Metric
        >>> sphere = Metric(coordinates=["theta", "phi"], matrix=[[1, 0], [0, "sin(theta)**2"]])
        >>> there = enclose(sphere, {"theta": 1, "phi": 0})
        >>> there.scalar.contains(2), there.signature
        (True, (2, 0))
    """
    return PointGeometry(metric, point, order, bits, k)


def enclose_expression(
    expression: Any, metric: Metric, point: Mapping[Any, Any], *, bits: int = 200, k: int = 0
) -> Ball:
    """Enclose the value of an expression at a point.

    Args:
        expression: text or SymPy expression in the metric's symbols.
        metric: gives symbols, definitions and examples of unspecified functions.
        point: exact rationals for coordinates and parameters.
        bits: precision.
        k: which example stands for unspecified functions.

    Returns:
        A ball that contains the value.
    """
    return enclose(metric, point, bits=bits, k=k).value(expression)


def regular_points(
    metric: Metric, count: int, seed: int = 0, k: int = 0
) -> list[dict[sympy.Symbol, sympy.Rational]]:
    """Rational points of the domain where the metric is finite and det g != 0, proved by balls.

    Args:
        metric: the metric.
        count: how many points; fewer may be found.
        seed: which sequence of points.
        k: which example stands for unspecified functions.

    Returns:
        At least one point, with values for parameters and coordinates.

    Raises:
        DomainError: if none is found.

    Example:
        >>> from geomkit.metric import Metric
        >>> half_plane = Metric(coordinates=["x", "y"], matrix=[["1/y**2", 0], [0, "1/y**2"]])
        >>> len(regular_points(half_plane, 3))
        3
    """
    points = metric.domain.sample(count, seed, lambda point: is_regular(metric, point, k))
    if not points:
        raise DomainError(
            f"no regular point of metric {metric.name!r} was found in its domain; "
            "check the domain, or give boxes in which the entries are finite and det g is not zero"
        )
    return points


def is_regular(metric: Metric, point: Mapping[Any, Any], k: int = 0) -> bool:
    """Whether balls prove the metric finite, twice differentiable and non-degenerate at a point.

    Args:
        metric: the metric.
        point: exact rationals for coordinates and parameters.
        k: which example stands for unspecified functions.

    Returns:
        True if proved; False if not, or open.
    """

    def attempt(bits: int) -> Ball:
        geometry = enclose(metric, point, bits=bits, k=k)
        geometry.jets(2)
        return geometry.determinant

    try:
        ball = refine(
            attempt, enough=lambda b: not b.contains(0), bits=_FIRST_BITS, limit=4 * _FIRST_BITS
        )
    except (DomainError, EvaluationError):
        return False
    return not ball.contains(0)
