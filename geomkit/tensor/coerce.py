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

# A chart is expensive and tensors combine best within one, so that the charts of a metric are
# shared for as long as somebody holds them: one for the metric alone, and the last one that was
# made finer. A chart holds its metric, which keeps the id valid.
_charts: WeakValueDictionary[int, Chart] = WeakValueDictionary()
_finer: WeakValueDictionary[int, Chart] = WeakValueDictionary()
# Expressions that a chart was made to hold beyond the metric.
_extras: WeakKeyDictionary[Chart, tuple[sympy.Expr, ...]] = WeakKeyDictionary()
_sizes: WeakKeyDictionary[Chart, int] = WeakKeyDictionary()  # generators when the chart was made
LARGEST_GROWTH = 30  # generators that a shared field may gain before a new one is started


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
    seconds = chart.field.budget.seconds
    if seconds is not None:  # a budget is for one derivation: such a chart is not shared
        return Chart.of(chart.metric, expressions=wanted, budget=seconds)
    key = id(chart.metric)
    finer = _finer.get(key)
    if finer is None or _grown(finer) or not finer.holds(wanted):
        finer = Chart.of(chart.metric, expressions=wanted)
        _finer[key] = finer
        _extras[finer] = wanted
        _sizes[finer] = len(finer.field.generators)
    return finer


def _existing(source: Source) -> Chart:
    if isinstance(source, Chart):
        return source
    if isinstance(source, Metric):
        known = _charts.get(id(source))
        if known is None or _grown(known):
            known = Chart.of(source)
            _charts[id(source)] = known
            _sizes[known] = len(known.field.generators)
        return known
    chart = getattr(source, "chart", None)
    if isinstance(chart, Chart):
        return chart
    raise TensorError(
        f"{type(source).__name__} is not a geometry; pass a Metric, a Chart or the result of "
        "curvature(metric)"
    )


def _grown(chart: Chart) -> bool:
    """Whether functions of many computations have piled up in the field, which slows it down."""
    return len(chart.field.generators) > _sizes.get(chart, 0) + LARGEST_GROWTH


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
        return chart.metric.resolve(value.to_sympy())
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
