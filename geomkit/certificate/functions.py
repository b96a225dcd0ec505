"""Unspecified functions for a comparison: a kernel is given their jets, an enclosure a function.

The function is the Taylor polynomial whose derivatives at the point are exactly the floating-point
numbers that the kernel is given, so that no rounding comes between the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import product
from math import factorial
from typing import Any

import sympy

from geomkit.evaluate import Balls, evaluate
from geomkit.metric import Metric
from geomkit.metric.functions import UnspecifiedFunction
from geomkit.program import Program

__all__ = ["Functions"]

# Curvature takes two derivatives, Cotton three; the one beyond shows whether a kernel wrongly
# leaves the highest out.
_DEGREE = 4
_EXAMPLES = 3


@dataclass(frozen=True)
class _Germ:
    """One function at one set of arguments, f(r, theta) say.

    Attributes:
        function: its name.
        arguments: the symbols it is applied to.
        centre: a symbol for the value of each.
        jets: symbol of the derivative of each order.
        names: what the derivative of each order is called among the values of a place.
    """

    function: str
    arguments: tuple[sympy.Symbol, ...]
    centre: tuple[sympy.Symbol, ...]
    jets: Mapping[tuple[int, ...], sympy.Symbol]
    names: Mapping[tuple[int, ...], str]

    def polynomial(self) -> sympy.Expr:
        """The Taylor polynomial around the centre."""
        steps = [x - c for x, c in zip(self.arguments, self.centre, strict=True)]
        terms = []
        for orders, jet in self.jets.items():
            powers = [step**k / factorial(k) for step, k in zip(steps, orders, strict=True)]
            terms.append(sympy.Mul(jet, *powers))
        return sympy.Add(*terms)


class Functions:
    """The unspecified functions of a kernel.

    Args:
        metric: its metric.
        program: its program.
        symbols: the symbol of each coordinate and parameter, by the name of the input.
    """

    def __init__(
        self, metric: Metric, program: Program, symbols: Mapping[str, sympy.Symbol]
    ) -> None:
        self._declared = {f.name: f for f in metric.functions}
        self._salts = {f.name: k for k, f in enumerate(metric.functions)}
        rows: dict[tuple[str, tuple[str, ...]], dict[tuple[int, ...], str]] = {}
        for one in program.inputs:
            if one.jet is not None:
                key = (one.jet.function, one.jet.arguments)
                rows.setdefault(key, {})[one.jet.orders] = one.name
        for f in metric.functions:  # a function that occurs without any jet in the kernel
            names = tuple(str(x) for x in f.arguments)
            if all(name in symbols for name in names):
                rows.setdefault((f.name, names), {})
        self.germs = tuple(
            _germ(name, arguments, known, symbols) for (name, arguments), known in rows.items()
        )
        self._derivatives: dict[Any, sympy.Expr] = {}

    def __bool__(self) -> bool:
        return bool(self.germs)

    def values(self, point: Mapping[sympy.Symbol, Any], k: int) -> Iterator[tuple[str, float]]:
        """Yield the derivatives of the k-th examples at a point, rounded, by name.

        Args:
            point: exact values of coordinates and parameters.
            k: which example of each function.
        """
        balls = Balls(96)
        for germ in self.germs:
            for orders, name in germ.names.items():
                derivative = self._derivative(germ, orders, k % _EXAMPLES)
                yield name, float(evaluate(derivative, point, balls).mid())

    def _derivative(self, germ: _Germ, orders: tuple[int, ...], k: int) -> sympy.Expr:
        key = (germ.function, germ.arguments, orders, k)
        if key not in self._derivatives:
            example = self._example(germ, k)
            for x, order in zip(germ.arguments, orders, strict=True):
                example = example.diff(x, order)
            self._derivatives[key] = example
        return self._derivatives[key]

    def _example(self, germ: _Germ, k: int) -> sympy.Expr:
        declared = self._declared.get(germ.function)
        if declared is None:
            made = UnspecifiedFunction(sympy.Function(germ.function)(*germ.arguments))
            return made.example(k, len(self._salts))
        body = declared.example(k, self._salts[germ.function])
        return body.xreplace(dict(zip(declared.arguments, germ.arguments, strict=True)))

    def point(self, values: Mapping[str, Any]) -> dict[sympy.Symbol, Any]:
        """The values of the symbols that the polynomials are written in.

        Args:
            values: exact values by name, those of `values` among them.

        Returns:
            The values by symbol.
        """
        found = {}
        for germ in self.germs:
            for centre, argument in zip(germ.centre, germ.arguments, strict=True):
                found[centre] = values[argument.name]
            for orders, jet in germ.jets.items():
                found[jet] = values[germ.names[orders]]
        return found

    def concrete(self, expression: Any) -> Any:
        """Put the polynomials in place of the functions, in an expression or matrix.

        Args:
            expression: an expression in the metric's symbols.

        Returns:
            The expression in symbols alone, derivatives carried out.
        """
        bodies = {(germ.function, germ.arguments): germ.polynomial() for germ in self.germs}
        for name in {germ.function for germ in self.germs}:

            def replacement(*actual: sympy.Expr, name: str = name) -> Any:
                body = bodies.get((name, actual))
                return sympy.Function(name)(*actual) if body is None else body

            expression = expression.replace(sympy.Function(name), replacement)
        return expression.doit() if self.germs else expression

    def twin(self, metric: Metric) -> Metric:
        """The metric with the polynomials in place of its functions.

        Args:
            metric: the metric.

        Returns:
            A metric for `geomkit.enclosure.enclose`; its new symbols belong to no declaration.
        """
        if not self.germs:
            return metric
        # checks of a new metric would refuse the symbols of the polynomials
        made = object.__new__(Metric)
        for field in fields(Metric):
            object.__setattr__(made, field.name, getattr(metric, field.name))
        object.__setattr__(made, "matrix", self.concrete(metric.matrix))
        object.__setattr__(made, "functions", ())
        return made


def _germ(
    name: str,
    arguments: tuple[str, ...],
    known: Mapping[tuple[int, ...], str],
    symbols: Mapping[str, sympy.Symbol],
) -> _Germ:
    orders = [o for o in product(range(_DEGREE + 1), repeat=len(arguments)) if sum(o) <= _DEGREE]
    label = f"{name}({','.join(arguments)})"
    return _Germ(
        name,
        tuple(symbols[argument] for argument in arguments),
        tuple(sympy.Dummy(f"{argument}_0", real=True) for argument in arguments),
        {o: sympy.Dummy(f"{name}_{o}", real=True) for o in orders},
        {o: known.get(o, f"{label}{list(o)}") for o in orders},
    )
