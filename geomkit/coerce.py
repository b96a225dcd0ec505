"""What users hand to the functions of tensor calculus, turned into charts and field elements.

The functions of `calculus`, `exterior` and `submanifold` take a `Metric`, a `Curvature` or a
`Chart`, and expressions as SymPy objects, text or numbers. Everything of that kind is understood
here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Rational
from typing import Any, Protocol
from weakref import WeakKeyDictionary, WeakValueDictionary

import sympy

from geomkit.chart import Chart
from geomkit.errors import TensorError
from geomkit.field import Element
from geomkit.metric import Metric

__all__ = ["HasChart", "Scalar", "Source", "as_chart", "as_element", "as_expression"]


class HasChart(Protocol):
    """Anything that lives on a chart: a `Curvature`, a `Tensor`."""

    @property
    def chart(self) -> Chart:
        """The chart."""
        ...


Source = Metric | Chart | HasChart
Scalar = Any  # an Element, a SymPy expression, text, an int or Rational, or a Tensor of rank 0

# A chart is expensive and tensors combine only within one, so that the chart of a metric is shared
# for as long as somebody holds it. A chart holds its metric, which keeps the id valid.
_charts: WeakValueDictionary[int, Chart] = WeakValueDictionary()
# Expressions that a chart was made to hold beyond the metric.
_extras: WeakKeyDictionary[Chart, tuple[sympy.Expr, ...]] = WeakKeyDictionary()


def as_chart(source: Source, values: Iterable[Scalar] = ()) -> Chart:
    """The chart of a metric, or the one that `source` lives on, fit to hold some scalars.

    Args:
        source: a `Metric`, a `Chart`, or an object with an attribute `chart` (`Curvature`,
            `Tensor`).
        values: scalars that the field of the chart must hold.

    Returns:
        The chart; the same one for the same metric as long as it is in use and holds the values.
        If a finer field is needed (for sqrt(r), say), another chart of the same metric.
    """
    chart = _existing(source)
    expressions = tuple(as_expression(chart, value) for value in values)
    if chart.holds(expressions):
        return chart
    wanted = (*_extras.get(chart, ()), *expressions)
    return _remember(Chart.of(chart.metric, expressions=wanted), wanted)


def _existing(source: Source) -> Chart:
    if isinstance(source, Chart):
        return source
    if isinstance(source, Metric):
        known = _charts.get(id(source))
        return known if known is not None else _remember(Chart.of(source), ())
    chart = getattr(source, "chart", None)
    if isinstance(chart, Chart):
        return chart
    raise TensorError(
        f"{type(source).__name__} is not a geometry; pass a Metric, a Chart or the result of "
        "curvature(metric)"
    )


def _remember(chart: Chart, extras: tuple[sympy.Expr, ...]) -> Chart:
    _charts[id(chart.metric)] = chart
    _extras[chart] = extras
    return chart


def as_expression(chart: Chart, value: Scalar) -> sympy.Expr:
    """A scalar as SymPy expression in the symbols of the metric.

    Args:
        chart: the chart.
        value: an Element, a SymPy expression, text, an int or Rational, or a Tensor of rank 0.

    Returns:
        The expression.

    Raises:
        TensorError: if `value` is a float or a tensor with indices.
    """
    if isinstance(value, Element):
        return value.to_sympy()
    if isinstance(value, bool | float | complex):
        raise TensorError(
            f"{value!r} is not exact; write a fraction as text, '1/2', or as sympy.Rational(1, 2)"
        )
    if isinstance(value, Rational):  # int and Fraction, NumPy integers too
        return sympy.Rational(int(value.numerator), int(value.denominator))
    if hasattr(value, "positions"):  # a tensor; this module lies below `tensor`
        if value.positions:
            raise TensorError(
                f"a tensor with indices {value.positions!r} was given where a scalar is needed; "
                "contract it, or take a component"
            )
        return value.element().to_sympy()
    return chart.metric.resolve(value)


def as_element(chart: Chart, value: Scalar) -> Element:
    """A scalar as element of the field of `chart`.

    Args:
        chart: the chart; see `as_chart` for one that is sure to hold the value.
        value: an Element, a SymPy expression, text, an int or Rational, or a Tensor of rank 0.

    Returns:
        The element.
    """
    if isinstance(value, Element) and value.field is chart.field:
        return value
    return chart.field(as_expression(chart, value))
