"""Expressions worked out once into a list of operations, for functions that are called often.

`geomkit.evaluate` walks through an expression at each point; along curves the same expression is
needed at thousands of points. Here it is walked through once, with nodes in place of numbers, and
what was done to them is repeated on arrays.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from fractions import Fraction
from typing import Any

import sympy

from geomkit.evaluate import Evaluator

__all__ = ["Tape"]


class Tape:
    """A function of some symbols, as a list of operations.

    Args:
        expression: the expression.
        symbols: what it is a function of, in order.
        constants: numbers for other symbols.
        arithmetic: of the numbers and arrays that it is called with.

    Example:
        >>> from geomkit.geodesic.expressions import Floats
        >>> x, y, b = sympy.symbols("x y b")
        >>> float(Tape(x**2 + b*sympy.sin(y), [x, y], {b: 2.0}, Floats())([3.0, 0.0]))
        9.0
    """

    def __init__(
        self,
        expression: sympy.Expr,
        symbols: Sequence[sympy.Symbol],
        constants: dict[Any, Any],
        arithmetic: Any,
    ) -> None:
        self.arithmetic = arithmetic
        self._operations: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
        self._size = len(symbols)
        inputs = {x: _Node(self, place, None) for place, x in enumerate(symbols)}
        values = {**constants, **inputs}
        self._result = Evaluator(values, _Recorder(self))(expression)

    def __call__(self, inputs: Sequence[Any]) -> Any:
        """Return the value for numbers or arrays in place of the symbols."""
        with self.arithmetic.working():
            values = list(inputs)
            for function, arguments in self._operations:
                values.append(function(*(_taken(one, values) for one in arguments)))
            return _taken(self._result, values)

    def record(self, function: Callable[..., Any], *arguments: Any) -> _Node:
        """Append an operation; carry it out now if its arguments are numbers."""
        if all(one.place is None for one in arguments):
            return _Node(self, None, function(*(one.value for one in arguments)))
        self._operations.append((function, arguments))
        return _Node(self, self._size + len(self._operations) - 1, None)

    def known(self, value: Any) -> _Node:
        """A number as a node."""
        return value if isinstance(value, _Node) else _Node(self, None, value)


def _taken(node: _Node, values: Sequence[Any]) -> Any:
    return node.value if node.place is None else values[node.place]


class _Node:
    """A place on the tape, or a number that is known already."""

    __slots__ = ("place", "tape", "value")

    def __init__(self, tape: Tape, place: int | None, value: Any) -> None:
        self.tape, self.place, self.value = tape, place, value

    def _with(self, function: Callable[..., Any], *others: Any) -> _Node:
        return self.tape.record(function, *map(self.tape.known, others))

    def __add__(self, other: Any) -> _Node:
        return self._with(operator.add, self, other)

    def __radd__(self, other: Any) -> _Node:
        return self._with(operator.add, other, self)

    def __sub__(self, other: Any) -> _Node:
        return self._with(operator.sub, self, other)

    def __rsub__(self, other: Any) -> _Node:
        return self._with(operator.sub, other, self)

    def __mul__(self, other: Any) -> _Node:
        return self._with(operator.mul, self, other)

    def __rmul__(self, other: Any) -> _Node:
        return self._with(operator.mul, other, self)

    def __truediv__(self, other: Any) -> _Node:
        return self._with(operator.truediv, self, other)

    def __rtruediv__(self, other: Any) -> _Node:
        return self._with(operator.truediv, other, self)

    def __neg__(self) -> _Node:
        return self._with(operator.neg, self)


class _Recorder:
    """The arithmetic of nodes: each operation of another arithmetic is written to the tape."""

    def __init__(self, tape: Tape) -> None:
        self.tape, self.under = tape, tape.arithmetic

    def working(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def number(self, value: Any) -> _Node:
        return self.tape.known(self.under.number(value))

    def seed(self, key: Any, value: Any) -> _Node:
        return value if isinstance(value, _Node) else self.tape.known(self.under.seed(key, value))

    def constant(self, name: str) -> _Node:
        return self.tape.known(self.under.constant(name))

    def power(self, base: Any, exponent: Fraction) -> _Node:
        return self.tape.record(lambda x: self.under.power(x, exponent), self.tape.known(base))

    def real_power(self, base: Any, exponent: Any) -> _Node:
        known = self.tape.known
        return self.tape.record(self.under.real_power, known(base), known(exponent))

    def apply(self, name: str, args: Sequence[Any]) -> _Node:
        function = self.under.function(name)
        return self.tape.record(function, *map(self.tape.known, args))

    def integer(self, x: Any) -> int | None:
        node = self.tape.known(x)
        return self.under.integer(node.value) if node.place is None else None

    def sign(self, x: Any) -> int | None:
        node = self.tape.known(x)
        return self.under.sign(node.value) if node.place is None else None
