"""Change of coordinates of any tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import sympy

from geomkit.calculus.derivatives import refuse_connection
from geomkit.calculus.linear import Rows, converted, inverse_matrix
from geomkit.chart import Chart
from geomkit.errors import TensorError
from geomkit.field import Element
from geomkit.field.zero import decide_zero
from geomkit.metric import Metric
from geomkit.tensor import Tensor
from geomkit.tensor.coerce import as_chart
from geomkit.tensor.symmetry import Index

__all__ = ["pulled_back", "transform"]


def transform(
    tensor: Tensor,
    target: Metric | Chart | Sequence[str | sympy.Symbol],
    map: Sequence[Any] | Mapping[Any, Any],
) -> Tensor:
    """A tensor in other coordinates y, given by x^i = x^i(y).

    T'^a_b = (dy^a/dx^i) (dx^j/dy^b) T^i_j (x(y)), the Jacobian dx/dy being inverted in the new
    chart.

    Args:
        tensor: a tensor of any kind in coordinates x.
        target: the metric in the new coordinates y (or a chart of it); or just the new
            coordinates, for which the metric is pulled back.
        map: the old coordinates as expressions in the new ones: a list in order, or a mapping from
            old coordinate to expression.

    Returns:
        The tensor on the chart of the new metric.

    Raises:
        TensorError: if the map has the wrong length, is not invertible, or does not turn the
            metric of `tensor` into `target`.

    Example:
        >>> import geomkit as gk
        >>> from geomkit.tensor.input import vector_field
        >>> plane = gk.Metric.from_line_element("dx**2 + dy**2", coordinates=["x", "y"])
        >>> polar = gk.Metric.from_line_element("dr**2 + r**2*dphi**2", coordinates=["r", "phi"])
        >>> rotation = vector_field(plane, ["-y", "x"])
        >>> list(transform(rotation, polar, ["r*cos(phi)", "r*sin(phi)"]))
        [0, 1]
    """
    refuse_connection(tensor)
    old = tensor.chart
    expressions = _ordered(old, map)
    if isinstance(target, Metric | Chart):
        new = as_chart(target)
    else:
        new = as_chart(old.metric.pullback(map=expressions, coordinates=list(target)))
    if new.n != old.n:
        raise TensorError(
            f"{old.n} old coordinates but {new.n} new ones; a change of coordinates keeps that"
        )
    images = [new.metric.resolve(e) for e in expressions]
    found = pulled_back(tensor, new.metric, images)
    new = as_chart(new, [*images, *found.values()])
    jacobian = _jacobian(new, images)
    if isinstance(target, Metric | Chart):
        _check_metric(old, new, images, jacobian)
    result = {index: new.field(e) for index, e in found.items()}
    inverse = inverse_matrix(new, jacobian) if "u" in tensor.positions else []
    columns = [list(column) for column in zip(*jacobian, strict=True)]
    for slot, position in enumerate(tensor.positions):
        # a row per new index: dx^j/dy^b for a lower slot, dy^a/dx^i for an upper one
        result = converted(new, result, slot, inverse if position == "u" else columns)
    symmetry = tensor.symmetry
    return Tensor(
        new,
        tensor.positions,
        {i: result[i] for i in symmetry.indices(new.n) if i in result},
        symmetry=symmetry,
        name=tensor.name,
        symbol_latex=tensor.symbol_latex,
    )


def pulled_back(
    tensor: Tensor, metric: Metric, images: Sequence[sympy.Expr]
) -> dict[Index, sympy.Expr]:
    """The components of `tensor` at the points x(y): all non-zero ones, as functions of y.

    Args:
        tensor: a tensor (or Christoffel symbols) in coordinates x.
        metric: the metric whose coordinates are y.
        images: x^i as expressions in y.

    Returns:
        Expressions in the symbols of `metric`, by index.
    """
    table = dict(zip(tensor.chart.metric.coordinates, images, strict=True))
    found: dict[Index, sympy.Expr] = {}
    for index, element in tensor.stored().items():
        moved = composed(element, metric, table)
        for other, sign in tensor.symmetry.orbit(index).items():
            found[other] = moved if sign > 0 else -moved
    return found


def composed(
    element: Element, metric: Metric, table: Mapping[sympy.Symbol, sympy.Expr]
) -> sympy.Expr:
    """The function `element` of x after x = x(y).

    Args:
        element: a function of x.
        metric: the metric whose coordinates are y.
        table: x^i as expressions in y.

    Returns:
        An expression in the symbols of `metric`.
    """
    expression = element.to_sympy()
    # Derivative(a(t), t) at t = phi(s) is not a derivative by s: subs knows, xreplace does not
    if expression.has(sympy.Derivative):
        return metric.resolve(expression.subs(table, simultaneous=True).doit())
    return metric.resolve(expression.xreplace(dict(table)))


def _ordered(old: Chart, map: Sequence[Any] | Mapping[Any, Any]) -> list[Any]:
    names = [str(x) for x in old.metric.coordinates]
    if isinstance(map, Mapping):
        given = {str(key): value for key, value in map.items()}
        if set(given) != set(names):
            raise TensorError(
                f"the map gives {sorted(given)}; give the old coordinates {', '.join(names)} "
                "as expressions in the new ones"
            )
        return [given[name] for name in names]
    if isinstance(map, str) or len(map) != old.n:
        raise TensorError(
            f"the map {map!r} is not a list of {old.n} expressions; give {', '.join(names)} in "
            "terms of the new coordinates"
        )
    return list(map)


def _jacobian(new: Chart, images: Sequence[sympy.Expr]) -> Rows:
    """dx^i/dy^a in row i, column a."""
    elements = [new.field(image) for image in images]
    return [[e.diff(y) for y in new.metric.coordinates] for e in elements]


def _check_metric(old: Chart, new: Chart, images: Sequence[sympy.Expr], jacobian: Rows) -> None:
    """Refuse a map that does not turn one metric into the other: a frequent slip of the pen."""
    table = dict(zip(old.metric.coordinates, images, strict=True))
    n = new.n
    g = [[new.field(composed(old.g[i][j], new.metric, table)) for j in range(n)] for i in range(n)]
    half = [
        [new.field.dot((1, g[i][j], jacobian[j][b]) for j in range(n)) for b in range(n)]
        for i in range(n)
    ]
    for a, b in product(range(n), repeat=2):
        found = new.field.dot((1, jacobian[i][a], half[i][b]) for i in range(n))
        if a <= b and decide_zero(found - new.g[a][b]).value is False:
            names = [str(y) for y in new.metric.coordinates]
            raise TensorError(
                f"the map does not turn metric {old.metric.name!r} into {new.metric.name!r}: "
                f"component ({names[a]}, {names[b]}) becomes {found.to_sympy()}, not "
                f"{new.g[a][b].to_sympy()}; correct the map, or pass only the new coordinates"
            )
