"""Components of quantities as exact elements, with the symmetry of their slots."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy
from sympy.core.function import AppliedUndef

from geomkit.field import Element
from geomkit.quantities import QUANTITIES
from geomkit.tensor.symmetry import Index, Symmetry

from .pool import Product
from .requests import Request
from .scope import Scope

if TYPE_CHECKING:
    from geomkit.curvature import Curvature

__all__ = ["Term", "Whole", "describe", "expressions"]

# coefficient, elements of the field, atoms of the scope (vectors, jets of functions)
Term = tuple[Fraction | int, tuple[Element, ...], tuple[Product, ...]]


@dataclass
class Whole:
    """A quantity: sums of products of elements and inputs, by independent component.

    Attributes:
        positions: index positions, "" for scalars.
        symmetry: which components are independent.
        components: the terms of those that are not zero.
    """

    positions: str
    symmetry: Symmetry
    components: dict[Index, list[Term]] = field(default_factory=dict)


def describe(request: Request, curvature: Curvature, scope: Scope) -> Whole:
    """Return the components of a request as exact elements.

    Args:
        request: what is wanted.
        curvature: the exact tensors, over a field that holds the request's expression.
        scope: the inputs of the program.

    Returns:
        The components.

    Raises:
        MetricError: the quantity is not defined in this dimension.
    """
    if request.quantity == "expression":
        return _scalar(curvature.chart.field(request.expression))
    if request.quantity == "tensor":
        return _given_tensor(request, curvature)
    if request.quantity in QUANTITIES:
        if QUANTITIES[request.quantity].is_tensor:
            return _tensor(getattr(curvature, request.quantity))
        return _scalar(curvature.element(request.quantity))
    return _MAKERS[request.quantity](request, curvature, scope)


def expressions(request: Request) -> list[sympy.Expr]:
    """The expressions of a request that are to be read into a field.

    Args:
        request: the request.

    Returns:
        What operators are applied to, user expressions, the components of user tensors; a function
        that is unspecified altogether is left out.
    """
    if request.tensor is not None:
        return list(request.tensor.components.values())
    one = request.expression
    return [] if one is None or isinstance(one, AppliedUndef) else [one]


def _given_tensor(request: Request, curvature: Curvature) -> Whole:
    tensor, read = request.tensor, curvature.chart.field
    assert tensor is not None
    terms: dict[Index, list[Term]] = {
        index: [(1, (read(expression),), ())] for index, expression in tensor.components.items()
    }
    return Whole(tensor.positions, tensor.symmetry, terms)


def _scalar(element: Element) -> Whole:
    return Whole("", Symmetry.none(0), {(): [(1, (element,), ())]})


def _tensor(tensor: Any) -> Whole:
    stored: dict[Index, list[Term]] = {
        index: [(1, (element,), ())] for index, element in tensor.stored().items()
    }
    return Whole(tensor.positions, tensor.symmetry, stored)


# Along curves -------------------------------------------------------------------------------


def _geodesic(request: Request, curvature: Curvature, scope: Scope) -> Whole:
    """-Gamma^i_jk v^j v^k."""
    return _contracted(curvature, scope, "velocity", "velocity")


def _transport(request: Request, curvature: Curvature, scope: Scope) -> Whole:
    """-Gamma^i_jk v^j w^k."""
    return _contracted(curvature, scope, "velocity", "vector")


def _jacobi(request: Request, curvature: Curvature, scope: Scope) -> Whole:
    """-d_m Gamma^i_jk J^m v^j v^k - 2 Gamma^i_jk v^j J'^k."""
    n, chart = curvature.n, curvature.chart
    whole = Whole("u", Symmetry.none(1))
    for i in range(n):
        terms: list[Term] = []
        for j, k, gamma in _gammas(curvature, i):
            v, dj = _vector(scope, "velocity"), _vector(scope, "deviation_velocity")
            terms.append((-2, (gamma,), (v(j), dj(k))))
            if j != k:
                terms.append((-2, (gamma,), (v(k), dj(j))))
            for m, x in enumerate(chart.metric.coordinates):
                slope = gamma.diff(x)
                if not slope.is_zero:
                    along = _vector(scope, "deviation")(m)
                    terms.append((-1 if j == k else -2, (slope,), (along, v(j), v(k))))
        whole.components[(i,)] = terms
    return whole


def _energy(request: Request, curvature: Curvature, scope: Scope) -> Whole:
    """g_ij v^i v^j / 2."""
    v = _vector(scope, "velocity")
    terms: list[Term] = [
        (Fraction(1 if i == j else 2, 2), (g,), (v(i), v(j)))
        for (i, j), g in curvature.metric.stored().items()
    ]
    return Whole("", Symmetry.none(0), {(): terms})


def _momentum(request: Request, curvature: Curvature, scope: Scope) -> Whole:
    """g_ij v^j."""
    v, whole = _vector(scope, "velocity"), Whole("d", Symmetry.none(1))
    for i in range(curvature.n):
        row = enumerate(curvature.chart.g[i])
        whole.components[(i,)] = [(1, (g,), (v(j),)) for j, g in row if not g.is_zero]
    return whole


def _contracted(curvature: Curvature, scope: Scope, first: str, second: str) -> Whole:
    """-Gamma^i_jk v^j w^k."""
    v, w, whole = _vector(scope, first), _vector(scope, second), Whole("u", Symmetry.none(1))
    for i in range(curvature.n):
        terms: list[Term] = []
        for j, k, gamma in _gammas(curvature, i):
            terms.append((-1, (gamma,), (v(j), w(k))))
            if j != k:
                terms.append((-1, (gamma,), (v(k), w(j))))
        whole.components[(i,)] = terms
    return whole


def _gammas(curvature: Curvature, i: int) -> Iterator[tuple[int, int, Element]]:
    """The non-zero Gamma^i_jk with j <= k."""
    for (upper, j, k), gamma in curvature.christoffel.stored().items():
        if upper == i:
            yield j, k, gamma


def _vector(scope: Scope, source: str) -> Callable[[int], Product]:
    return lambda k: scope.vector(source, k)


# Operators on functions -----------------------------------------------------------------------


class _Function:
    """A function with its derivatives: exact elements, or inputs where it is unspecified."""

    def __init__(self, expression: sympy.Expr, curvature: Curvature, scope: Scope) -> None:
        self.coordinates = curvature.chart.metric.coordinates
        self.scope = scope
        self.expression = expression
        plain = isinstance(expression, AppliedUndef)
        self.element = None if plain else curvature.chart.field(expression)

    def derivative(self, *numbers: int) -> tuple[tuple[Element, ...], tuple[Product, ...]] | None:
        """Return d_i d_j ... f as factors of a term; None when it is zero."""
        symbols = [self.coordinates[i] for i in numbers]
        if self.element is None:
            slope = self.expression.diff(*symbols) if symbols else self.expression
            return ((), (self.scope.jet(slope),)) if slope != 0 else None
        found = self.element
        for symbol in symbols:
            found = found.diff(symbol)
        return None if found.is_zero else ((found,), ())


def _gradient(request: Request, curvature: Curvature, scope: Scope) -> Whole:
    """g^ij d_j f."""
    f, whole = _Function(_given(request), curvature, scope), Whole("u", Symmetry.none(1))
    for i, row in enumerate(curvature.chart.inverse):
        terms = whole.components[(i,)] = []
        for j, g in enumerate(row):
            slope = None if g.is_zero else f.derivative(j)
            if slope:
                terms.append((1, (g, *slope[0]), slope[1]))
    return whole


def _hessian(request: Request, curvature: Curvature, scope: Scope) -> Whole:
    """d_i d_j f - Gamma^k_ij d_k f."""
    f, whole = _Function(_given(request), curvature, scope), Whole("dd", Symmetry.symmetric(2))
    for i, j in whole.symmetry.indices(curvature.n):
        terms = whole.components[i, j] = []
        second = f.derivative(i, j)
        if second:
            terms.append((1, *second))
        for k in range(curvature.n):
            gamma, slope = curvature.chart.christoffel(k, i, j), f.derivative(k)
            if slope and not gamma.is_zero:
                terms.append((-1, (gamma, *slope[0]), slope[1]))
    return whole


def _laplacian(request: Request, curvature: Curvature, scope: Scope) -> Whole:
    """g^ij d_i d_j f - g^ij Gamma^k_ij d_k f."""
    f, chart = _Function(_given(request), curvature, scope), curvature.chart
    terms: list[Term] = []
    pairs = [(i, j) for i in range(chart.n) for j in range(i, chart.n)]
    pairs = [(i, j) for i, j in pairs if not chart.inverse[i][j].is_zero]
    for i, j in pairs:
        second = f.derivative(i, j)
        if second:
            terms.append((1 if i == j else 2, (chart.inverse[i][j], *second[0]), second[1]))
    for k in range(chart.n):
        slope = f.derivative(k)
        if slope:
            trace = chart.field.dot(
                (-1 if i == j else -2, chart.inverse[i][j], chart.christoffel(k, i, j))
                for i, j in pairs
            )
            terms.append((1, (trace, *slope[0]), slope[1]))
    return Whole("", Symmetry.none(0), {(): terms})


def _given(request: Request) -> sympy.Expr:
    assert request.expression is not None
    return request.expression


_MAKERS: dict[str, Callable[[Request, Any, Scope], Whole]] = {
    "geodesic": _geodesic,
    "transport": _transport,
    "jacobi": _jacobi,
    "energy": _energy,
    "momentum": _momentum,
    "gradient": _gradient,
    "hessian": _hessian,
    "laplacian": _laplacian,
}
