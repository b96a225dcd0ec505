"""Unspecified functions such as the scale factor a(t), and concrete ones to put in their place."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from geomkit.errors import MetricError
from geomkit.expressions import check_exact
from geomkit.metric.names import Item, function_parts
from geomkit.metric.reading import read

__all__ = ["UnspecifiedFunction", "concretise", "declare_functions"]

_PRIMES = (5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61)


@dataclass(frozen=True)
class UnspecifiedFunction:
    """A function of which only the arguments are known.

    Args:
        function: the function applied to its formal arguments, a(t); it may be used with others.
        examples: concrete functions of the same arguments, for numerical evaluation.
    """

    function: AppliedUndef
    examples: tuple[sympy.Expr, ...] = ()

    @property
    def name(self) -> str:
        """The name of the function alone."""
        return str(type(self.function).__name__)

    @property
    def arguments(self) -> tuple[sympy.Symbol, ...]:
        """The formal arguments."""
        return tuple(self.function.args)

    def meaning(self, symbols: Container[sympy.Symbol]) -> Any:
        """Return what the bare name means in a formula.

        Args:
            symbols: the coordinates and parameters.

        Returns:
            The function at its declared arguments, a for a(t); the function alone if one of them
            is a mere placeholder, so that the bare name means nothing.
        """
        bound = all(argument in symbols for argument in self.arguments)
        return self.function if bound else type(self.function)

    def example(self, k: int, salt: int = 0) -> sympy.Expr:
        """Return the k-th concrete function, cyclically; a polynomial where none was given.

        Args:
            k: which example.
            salt: keeps default polynomials of different functions apart.

        Returns:
            An expression in the formal arguments.
        """
        if self.examples:
            return self.examples[k % len(self.examples)]
        return _polynomial(self.arguments, 3 * salt + k)


def _polynomial(arguments: tuple[sympy.Symbol, ...], salt: int) -> sympy.Expr:
    """Return a generic polynomial of degree 4, positive for arguments in [-2, 2].

    Degree 4, because curvature takes two derivatives, Cotton three, and a divergence one more.
    """
    n = len(arguments)

    def weight(index: int) -> sympy.Rational:
        return sympy.Rational(1, 2 * n * _PRIMES[(index + salt) % len(_PRIMES)])

    terms: list[sympy.Expr] = [sympy.Integer(4 + salt % 3)]
    for i, x in enumerate(arguments):
        terms += [x**power * weight(4 * i + power) / power for power in (1, 2, 3, 4)]
        terms += [
            x * y * (1 + x + y + x * y) * weight(i + j) / (4 * n)
            for j, y in enumerate(arguments[:i])
        ]
    return sympy.expand(sympy.Add(*terms))


def declare_functions(
    items: Iterable[Item],
    symbols: Mapping[str, sympy.Symbol],
    values: Mapping[sympy.Symbol, sympy.Expr],
    coordinates: Iterable[str],
) -> tuple[UnspecifiedFunction, ...]:
    """Return the declared functions.

    Args:
        items: name, declaration ("a(t)" or a(t)) and examples of each.
        symbols: all declared symbols by name.
        values: what definitions and derived parameters stand for.
        coordinates: the names of the coordinates.

    Returns:
        The functions, in order.

    Raises:
        MetricError: for arguments that are abbreviations, and examples that use anything else.
    """
    constants = {s for n, s in symbols.items() if n not in coordinates and s not in values}
    arguments = {n: s for n, s in symbols.items() if s not in values}
    items = list(items)
    taken = {*symbols, *(name for name, _, _ in items)}
    functions = []
    for name, original, given in items:
        where = f"functions.{original}"
        formal = _formal_arguments(original, arguments, taken, where)
        known = {**symbols, **{argument.name: argument for argument in formal}}
        examples = []
        for index, example in enumerate(_as_list(given)):
            key = f"{where}[{index}]"
            expression = read(example, known, key).xreplace(dict(values))
            foreign = expression.free_symbols - constants - set(formal)
            if foreign or expression.has(AppliedUndef):
                used = ", ".join(sorted(map(str, foreign))) or "an unspecified function"
                raise MetricError(
                    f"{key}: the example {expression} uses {used}; it may use "
                    f"{', '.join(map(str, formal))} and parameters only"
                )
            examples.append(expression)
        functions.append(UnspecifiedFunction(sympy.Function(name)(*formal), tuple(examples)))
    return tuple(functions)


def _formal_arguments(
    original: Any, allowed: Mapping[str, sympy.Symbol], taken: Container[str], where: str
) -> tuple[sympy.Symbol, ...]:
    """The arguments; one that is nothing else is a placeholder, as t in f(t) for f(x**2 + y**2)."""
    names = function_parts(original)[1]
    if len(set(names)) < len(names):
        raise MetricError(f"{where}: the same argument comes twice; name each once")
    for argument in names:
        if argument in taken and argument not in allowed:
            raise MetricError(
                f"{where}: its argument {argument!r} is an abbreviation or another function; "
                "declare it of coordinates, free parameters or a new name such as u, and use it "
                f"with any argument you like, as in f({argument})"
            )
    return tuple(allowed.get(argument) or sympy.Symbol(argument, real=True) for argument in names)


def _as_list(given: Any) -> list[Any]:
    if given is None:
        return []
    if isinstance(given, str | sympy.Expr) or not isinstance(given, Iterable):
        return [given]
    return list(given)


def concretise(expression: Any, functions: Iterable[UnspecifiedFunction], k: int = 0) -> Any:
    """Return the expression with each unspecified function replaced by its k-th example.

    Args:
        expression: an expression or matrix.
        functions: the unspecified functions.
        k: which example.

    Returns:
        The concrete expression, derivatives carried out.
    """
    if not hasattr(expression, "has"):
        expression = check_exact(expression)
    if not expression.has(AppliedUndef):
        return expression
    for index, function in enumerate(functions):
        body, formal = function.example(k, index), function.arguments

        def replacement(*actual: sympy.Expr, body: Any = body, formal: Any = formal) -> Any:
            return body.xreplace(dict(zip(formal, actual, strict=True)))

        expression = expression.replace(type(function.function), replacement)
    return expression.doit()
