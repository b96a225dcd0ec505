"""Exact lowering: tensors are derived in the field of the metric, factored, and written out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING

import sympy

from geomkit.chart import Chart
from geomkit.curvature import Curvature
from geomkit.errors import BudgetError, FieldError
from geomkit.field import Budget, Element, Field
from geomkit.program import Builder
from geomkit.tensor.symmetry import Index, Symmetry

from .elements import Elements
from .emit import Emitter
from .outputs import declare, named
from .pool import Pool, Product
from .quantities import Term, Whole, describe, expressions
from .requests import Request
from .scope import Scope
from .walk import Walk

if TYPE_CHECKING:
    from geomkit.field.polynomial import Poly
    from geomkit.metric import Metric

__all__ = ["lower_exactly"]

# Seconds that reading the user's expressions into the field may take; otherwise they stay as given.
CONVERSION = 5.0
_HYPERBOLIC = (sympy.sinh, sympy.cosh, sympy.tanh, sympy.coth, sympy.sech, sympy.csch)
Triple = tuple[Fraction | int, Element, Element]


def lower_exactly(
    builder: Builder,
    metric: Metric,
    requests: Sequence[Request],
    vectors: tuple[str, ...],
    budget: Budget,
    longest: int | None = None,
) -> None:
    """Lower requests from exact tensors.

    Args:
        builder: where nodes and outputs go.
        metric: the metric.
        requests: the quantities.
        vectors: array arguments beside `points`.
        budget: what deriving may take.
        longest: number of terms that all components together may have.

    Raises:
        FieldError: the metric, or what an operator is applied to, does not fit the field.
        BudgetError: deriving it would exceed the budget, or the result is too long.
        LoweringError: programs have no word for something.
    """
    pool = Pool(budget.check)
    scope = Scope(metric, builder, pool, vectors)
    walk = Walk(scope)
    fitting = _fitting(metric, requests)
    curvature = Curvature(Chart.of(metric, expressions=fitting, budget=budget))
    elements = Elements(curvature.chart.field, walk)
    elements.structures.add(_definitions(metric, curvature.chart.field))
    wholes: list[tuple[Request, Whole, dict[Index, Product]]] = []
    size = 0
    for request in requests:
        lowered: dict[Index, Product] = {}
        if request.quantity == "expression" and (
            request.expression not in fitting or _loses(request.expression, curvature.chart.field)
        ):
            with named(request.name, ()):
                lowered[()] = walk(request.expression)
            wholes.append((request, Whole("", Symmetry.none(0)), lowered))
            continue
        whole = describe(request, curvature, scope)
        size += _size(whole)
        _limited(request.name, size, longest)
        for index, terms in whole.components.items():
            with named(request.name, index):
                lowered[index] = _lowered(terms, elements)
        wholes.append((request, whole, lowered))
    emitter = Emitter(builder, pool, [p for _, _, lowered in wholes for p in lowered.values()])
    for request, whole, lowered in wholes:
        nodes = {index: emitter.node(product) for index, product in lowered.items()}
        declare(builder, request.name, metric.n, whole.positions, whole.symmetry, nodes)


def _limited(name: str, size: int, longest: int | None) -> None:
    if longest is not None and size > longest:
        raise BudgetError(
            f"the exact components of {name} and what was asked for before it have {size} terms "
            f"(limit {longest})",
            "use staged=True, put in concrete functions, or ask for fewer quantities",
        )


def _size(whole: Whole) -> int:
    """The number of terms of all components."""
    every = (f for terms in whole.components.values() for _, factors, _ in terms for f in factors)
    return sum(element.term_count for element in every)


def _definitions(metric: Metric, field: Field) -> list[Poly]:
    """The numerators of the abbreviations of a metric, as far as its field holds them."""
    found = []
    for definition in metric.definitions:
        with suppress(FieldError):
            found.append(field(definition.value))
    return [field.numerator(element) for element in found]


def _loses(expression: sympy.Expr | None, field: Field) -> bool:
    """Whether the field writes hyperbolic functions of the user as differences of exponentials."""
    given = expression is not None and expression.has(*_HYPERBOLIC)
    if not given or any(generator.kind == "sinh" for generator in field.generators.values()):
        return False
    return bool(field(expression).to_sympy().has(sympy.exp))


def _fitting(metric: Metric, requests: Sequence[Request]) -> list[sympy.Expr]:
    """The expressions of requests that the exact field can hold."""
    given = [e for request in requests for e in expressions(request)]
    if not given or _holds(metric, given):
        return given
    return [expression for expression in given if _holds(metric, [expression])]


def _holds(metric: Metric, expressions: list[sympy.Expr]) -> bool:
    try:
        return Chart.of(metric, expressions=expressions, budget=CONVERSION).holds(expressions)
    except (FieldError, BudgetError):
        return False


def _lowered(terms: Sequence[Term], elements: Elements) -> Product:
    """The sum of terms: exactly what multiplies each product of inputs, then these."""
    pool, dot = elements.pool, elements.field.dot
    groups: dict[Product, list[Triple]] = {}
    for coefficient, factors, inputs in terms:
        first, second = (*factors, elements.field.one, elements.field.one)[:2]
        key = pool.product((p, 1) for p in inputs)
        groups.setdefault(key, []).append((coefficient, first, second))
    return pool.sum(
        pool.product(((elements(_total(triples, dot)), 1), (key, 1)))
        for key, triples in groups.items()
    )


def _total(triples: list[Triple], dot: Callable[[list[Triple]], Element]) -> Element:
    """One element as it is: a sum that is kept grouped would only be made anew."""
    (coefficient, first, second), *more = triples
    if not more and coefficient == 1 and second is first.field.one:
        return first
    return dot(triples)
