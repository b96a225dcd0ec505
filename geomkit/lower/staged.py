"""Staged lowering: g -> dg -> ddg -> Gamma -> Riemann -> ... as nodes of a program, never expanded.

The formulas are those of `geomkit.chart` and `geomkit.curvature`; only the elements they compute
with are nodes instead of exact fractions. Nothing cancels that way: a component that vanishes
exactly is computed as a difference of equal numbers, and near coordinate singularities digits are
lost. So this is for metrics that cannot be derived exactly, and the program says that it is staged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, cast

import sympy

from geomkit.chart import Chart
from geomkit.curvature import Curvature
from geomkit.differentiate import Forward, jet_derivatives
from geomkit.errors import MetricError
from geomkit.field import Budget, Element, Field
from geomkit.program import Builder

from .emit import Emitter
from .outputs import declare, named
from .pool import Pool, Product
from .quantities import Term, describe, expressions
from .requests import Request
from .scope import Scope
from .walk import Walk

if TYPE_CHECKING:
    from geomkit.metric import Metric

__all__ = ["lower_staged"]

Number = Fraction | int
# Blocks of the metric up to this size are inverted by cofactors, which divide only once.
COFACTORS = 4


def lower_staged(
    builder: Builder, metric: Metric, requests: Sequence[Request], vectors: tuple[str, ...]
) -> None:
    """Lower requests step by step from the metric.

    Args:
        builder: where nodes and outputs go.
        metric: the metric.
        requests: the quantities.
        vectors: array arguments beside `points`.

    Raises:
        LoweringError: programs have no word for something.
        MetricError: a quantity is not defined in this dimension.
    """
    pool = Pool()
    scope = Scope(metric, builder, pool, vectors)
    nodes = _Nodes(scope)
    with named(f"metric of {metric.name!r}", ()):
        nodes.read([metric.matrix[i, j] for i in range(metric.n) for j in range(i, metric.n)])
    curvature = Curvature(_Chart(metric, cast(Field, nodes)))
    for request in requests:
        with named(request.name, ()):
            nodes.read(expressions(request))
            whole = describe(request, curvature, scope)
            found = {index: nodes.total(terms) for index, terms in whole.components.items()}
        declare(builder, request.name, metric.n, whole.positions, whole.symmetry, found)


class _Node(Element):
    """A node of a program, with the arithmetic of an element of a field."""

    __slots__ = ("node",)

    def __init__(self, owner: _Nodes, node: int) -> None:
        self.field = cast(Field, owner)
        self.node = node
        self.vanishes = owner.builder.value(node) == 0

    def __neg__(self) -> Element:
        owner = cast(_Nodes, self.field)
        return _Node(owner, owner.builder.neg(self.node))


class _Nodes:
    """The nodes of a program in the role of a field: what `Chart` and `Curvature` ask of one."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.builder = scope.builder
        self.budget = Budget(None)
        self._walk = Walk(scope)
        self._forward = Forward(scope.builder, jet_derivatives(scope.builder))
        self._read: dict[sympy.Expr, Element] = {}
        self.zero = self.constant(0)
        self.one = self.constant(1)

    def constant(self, value: Number) -> Element:
        """Return a rational number."""
        return _Node(self, self.builder.number(value))

    def read(self, given: Iterable[sympy.Expr]) -> None:
        """Lower expressions together, so that what they have in common is found."""
        fresh = [e for e in dict.fromkeys(given) if e not in self._read]
        products: dict[sympy.Expr, Product] = {e: self._walk(e) for e in fresh}
        emitter = Emitter(self.builder, self.scope.pool, products.values())
        for expression, product in products.items():
            self._read[expression] = _Node(self, emitter.node(product))

    def __call__(self, expression: sympy.Expr) -> Element:
        """Return an expression as an element."""
        self.read([expression])
        return self._read[expression]

    # Arithmetic -----------------------------------------------------------------------------

    def dot(self, triples: Iterable[tuple[Number, Element, Element]]) -> Element:
        """Return the sum of c a b; terms of equal number c share its product."""
        b = self.builder
        groups: dict[Fraction, int] = {}
        for c, first, second in triples:
            if c and not first.vanishes and not second.vanishes:
                node, size = b.mul(_node(first), _node(second)), abs(Fraction(c))
                sofar = groups.get(size, self.zero_node)
                groups[size] = b.add(sofar, node) if c > 0 else b.sub(sofar, node)
        return _Node(self, b.sum(b.mul(b.number(c), node) for c, node in groups.items()))

    @cached_property
    def zero_node(self) -> int:
        """The node of 0."""
        return self.builder.number(0)

    def sum(self, elements: Iterable[Element]) -> Element:
        """Return the sum of elements."""
        return self.dot((1, element, self.one) for element in elements)

    def power(self, element: Element, exponent: int) -> Element:
        """Return element**exponent."""
        return _Node(self, self.builder.power(_node(element), exponent))

    def inverse(self, element: Element) -> Element:
        """Return 1/element."""
        return _Node(self, self.builder.div(_node(self.one), _node(element)))

    def absolute(self, element: Element) -> Element:
        """Return |element|."""
        return _Node(self, self.builder.call("abs", _node(element)))

    def sqrt_abs(self, element: Element) -> Element:
        """Return sqrt|element|."""
        return _Node(self, self.builder.call("sqrt", _node(self.absolute(element))))

    def total(self, terms: Sequence[Term]) -> int:
        """Return the node of a sum of terms."""
        b = self.builder
        parts: list[int] = []
        for coefficient, factors, inputs in terms:
            nodes = [_node(f) for f in factors] + [self._input(p) for p in inputs]
            parts.append(b.mul(b.number(coefficient), b.product(nodes)))
        return b.sum(parts)

    def _input(self, product: Product) -> int:
        ((atom, _),) = product.monomial
        return self.scope.pool.atoms[atom].node

    # Derivatives ----------------------------------------------------------------------------

    def derivative(self, element: Element, symbol: sympy.Symbol) -> Element:
        """Return the derivative by a coordinate; of an unspecified function, its next input."""
        return _Node(self, self._forward(_node(element), self.scope.node(symbol)))


def _node(element: Element) -> int:
    return cast(_Node, element).node


class _Chart(Chart):
    """A chart over nodes: large blocks are inverted by elimination."""

    @cached_property
    def inverse(self) -> list[list[Element]]:
        """Inverse metric g^ij."""
        if max(map(len, self.blocks)) <= COFACTORS:
            return super().inverse
        result = [[self.field.zero] * self.n for _ in range(self.n)]
        for block in self.blocks:
            solved, _ = self._eliminated(tuple(block))
            for a, i in enumerate(block):
                for b, j in enumerate(block):
                    result[i][j] = solved[min(a, b)][max(a, b)]
        return result

    @cached_property
    def _block_determinants(self) -> list[Element]:
        return [
            self._minor(tuple(b), tuple(b))
            if len(b) <= COFACTORS
            else self._eliminated(tuple(b))[1]
            for b in self.blocks
        ]

    def _eliminated(self, block: tuple[int, ...]) -> tuple[list[list[Element]], Element]:
        """Inverse and determinant of a block, by sweeping its pivots.

        Args:
            block: rows and columns of the block.

        Returns:
            The inverse as rows, symmetric, and the determinant.

        Raises:
            MetricError: every diagonal entry that is left is exactly zero.
        """
        n, f = len(block), self.field
        a = [[self.g[i][j] for j in block] for i in block]
        left, determinant = list(range(n)), f.one
        while left:
            k = next((k for k in left if not a[k][k].vanishes), None)
            if k is None:
                raise MetricError(
                    f"metric {self.metric.name!r} has a block of {n} null coordinates, which cannot"
                    " be inverted step by step; use combinations of coordinates that are not null"
                )
            left.remove(k)
            determinant = determinant * a[k][k]
            pivot = f.inverse(a[k][k])
            scaled = [f.dot(((1, a[i][k], pivot),)) for i in range(n)]
            for i in range(n):
                for j in range(i, n):
                    if k not in (i, j):
                        a[i][j] = a[j][i] = f.dot(((1, a[i][j], f.one), (-1, scaled[i], a[j][k])))
            for i in range(n):
                a[i][k] = a[k][i] = scaled[i] if i != k else -pivot
        return [[-entry for entry in row] for row in a], determinant
