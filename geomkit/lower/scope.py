"""Scope: the inputs of a program, by symbol and by unspecified function."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy
from sympy.core.function import AppliedUndef

from geomkit.errors import LoweringError
from geomkit.program import Builder, Jet, identifier

from .pool import Pool, Product

if TYPE_CHECKING:
    from geomkit.metric import Metric

__all__ = ["VECTORS", "Scope"]

# Array arguments beside `points`, and what the names of their inputs begin with.
VECTORS = {
    "velocity": "v_",
    "vector": "w_",
    "deviation": "J_",
    "deviation_velocity": "DJ_",
}


class Scope:
    """What symbols and functions are in one program.

    Coordinates come first, then vectors, then parameters, all declared at once; derivatives of
    unspecified functions when they are met (see `lower.order_inputs`).

    Args:
        metric: the metric.
        builder: the program being made.
        pool: its products.
        vectors: the array arguments that are needed beside `points`.
    """

    def __init__(
        self, metric: Metric, builder: Builder, pool: Pool, vectors: tuple[str, ...] = ()
    ) -> None:
        self.metric = metric
        self.builder = builder
        self.pool = pool
        self._nodes: dict[sympy.Symbol, int] = {}
        self._jets: dict[sympy.Expr, int] = {}
        self.vectors: dict[str, tuple[int, ...]] = {}
        for position, symbol in enumerate(metric.coordinates):
            node = builder.input(symbol.name, "coordinate", "points", position)
            self._nodes[symbol] = node
        for source in VECTORS:
            if source in vectors:
                self.vectors[source] = tuple(
                    builder.input(VECTORS[source] + x.name, "vector", source, k)
                    for k, x in enumerate(metric.coordinates)
                )
        for parameter in metric.parameters:
            if parameter.value is None:
                node = builder.input(parameter.symbol.name, "parameter")
                self._nodes[parameter.symbol] = node
        for symbol in self._nodes:  # coordinates lead in sums: r - 2 M, not 2 M - r
            self.symbol(symbol)

    def node(self, symbol: sympy.Symbol) -> int:
        """Return the input of a coordinate or parameter.

        Raises:
            LoweringError: it is neither.
        """
        if symbol not in self._nodes:
            known = ", ".join(s.name for s in self._nodes)
            raise LoweringError(
                f"{symbol} is neither a coordinate nor a parameter of metric "
                f"{self.metric.name!r} (those are {known}); declare it with parameters="
            )
        return self._nodes[symbol]

    def symbol(self, symbol: sympy.Symbol) -> Product:
        """Return the input of a coordinate or parameter, as an atom."""
        return self.pool.leaf(self.node(symbol))

    def vector(self, source: str, k: int) -> Product:
        """Return a component of an array argument, as an atom."""
        return self.pool.leaf(self.vectors[source][k])

    def jet(self, expression: sympy.Expr) -> Product:
        """Return a derivative of an unspecified function, as an atom."""
        return self.pool.leaf(self.jet_node(expression))

    def jet_node(self, expression: sympy.Expr) -> int:
        """Return the input of an unspecified function, or of a derivative of one.

        Args:
            expression: f(x, y) or Derivative(f(x, y), x).

        Raises:
            LoweringError: an argument is composite, or comes twice.
        """
        if expression not in self._jets:
            call, counts = _split(expression)
            names, orders = self._arguments(call, expression), tuple(counts)
            name = "_".join(
                [
                    type(call).__name__,
                    *(n for n, k in zip(names, orders, strict=True) for _ in range(k)),
                ]
            )
            jet = Jet(identifier(type(call).__name__), names, orders)
            self._jets[expression] = self.builder.input(name, "jet", jet=jet)
        return self._jets[expression]

    def _arguments(self, call: AppliedUndef, expression: sympy.Expr) -> tuple[str, ...]:
        plain = all(a.is_Symbol for a in call.args) and len(set(call.args)) == len(call.args)
        if not plain:
            raise LoweringError(
                f"{expression} has composite arguments, which a kernel cannot be given values for; "
                "use the function with coordinates and parameters as its arguments, each once, or "
                "put in a concrete function"
            )
        for argument in call.args:
            self.node(argument)
        return tuple(identifier(a.name) for a in call.args)


def _split(expression: sympy.Expr) -> tuple[AppliedUndef, list[int]]:
    """The function at its arguments, and how often it is differentiated by each."""
    if isinstance(expression, AppliedUndef):
        return expression, [0] * len(expression.args)
    if isinstance(expression, sympy.Derivative) and isinstance(expression.expr, AppliedUndef):
        call = expression.expr
        if all(variable in call.args for variable in expression.variables):
            return call, [expression.variables.count(a) for a in call.args]
    raise LoweringError(
        f"{expression} is no derivative of an unspecified function at plain arguments; a kernel "
        "takes values of f(x, y) and its derivatives by x and y: put in a concrete function"
    )
