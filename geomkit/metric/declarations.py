"""What a metric declares: coordinates, parameters, functions, abbreviations and the domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from geomkit.domain import Domain
from geomkit.errors import MetricError
from geomkit.metric.assumptions import Assumptions
from geomkit.metric.functions import UnspecifiedFunction, declare_functions
from geomkit.metric.names import named_items, nearest
from geomkit.metric.reading import expanded_size, has_derivative, read

__all__ = ["Declarations", "Definition", "Parameter", "declare"]

_MAX_DIMENSION = 32


@dataclass(frozen=True)
class Parameter:
    """A constant of the metric.

    Args:
        symbol: its symbol, with the assumptions that its box proves.
        value: None for a free parameter; else what it is, in free parameters only.
    """

    symbol: sympy.Symbol
    value: sympy.Expr | None = None


@dataclass(frozen=True)
class Definition:
    """An abbreviation such as Sigma = r**2 + a**2*cos(theta)**2.

    Args:
        symbol: its name.
        value: what it stands for, with other definitions and derived parameters substituted.
        stated: what was written.
    """

    symbol: sympy.Symbol
    value: sympy.Expr
    stated: sympy.Expr


@dataclass(frozen=True)
class Declarations:
    """All names of a metric, resolved.

    Args:
        coordinates: the coordinates, in order.
        parameters: free and derived parameters.
        functions: unspecified functions.
        definitions: abbreviations.
        domain: boxes of the free parameters and the coordinates.
    """

    coordinates: tuple[sympy.Symbol, ...]
    parameters: tuple[Parameter, ...]
    functions: tuple[UnspecifiedFunction, ...]
    definitions: tuple[Definition, ...]
    domain: Domain

    @cached_property
    def symbols(self) -> Mapping[str, sympy.Symbol]:
        """Coordinates, parameters and definitions by name."""
        known = [*self.coordinates, *(p.symbol for p in self.parameters)]
        known += [d.symbol for d in self.definitions]
        return MappingProxyType({symbol.name: symbol for symbol in known})

    @cached_property
    def names(self) -> Mapping[str, Any]:
        """What each name stands for when formulas are read.

        Symbols, and functions at their declared arguments, which papers leave out (a for a(t));
        for definitions what they abbreviate, so that their derivatives are not those of a mere
        symbol.
        """
        values = {d.symbol.name: d.value for d in self.definitions}
        return MappingProxyType({**self._stated_names, **values})

    @cached_property
    def _stated_names(self) -> Mapping[str, Any]:
        functions = {f.name: f.meaning(self._own) for f in self.functions}
        return MappingProxyType({**self.symbols, **functions})

    @cached_property
    def _own(self) -> frozenset[sympy.Symbol]:
        return frozenset(self.symbols.values())

    @cached_property
    def _sizes(self) -> Mapping[sympy.Symbol, int]:
        return {s: expanded_size(value, {}, str(s)) for s, value in self.substitution.items()}

    @cached_property
    def substitution(self) -> Mapping[sympy.Symbol, sympy.Expr]:
        """What definitions and derived parameters stand for."""
        derived = {p.symbol: p.value for p in self.parameters if p.value is not None}
        return MappingProxyType({**derived, **{d.symbol: d.value for d in self.definitions}})

    def read(
        self, given: Any, where: str, extra: Mapping[str, sympy.Symbol] | None = None
    ) -> sympy.Expr:
        """Return what was given as an expression in the symbols of these declarations.

        Args:
            given: text (LaTeX if it has a backslash), a SymPy expression or an exact number.
            where: what it is, for messages.
            extra: further names that may be used, besides the declared ones.

        Returns:
            The expression as stated: definitions are not yet substituted.

        Raises:
            MetricError: for foreign symbols, and functions with a wrong number of arguments.
        """
        names = self.names if has_derivative(given) else self._stated_names
        expression = read(given, {**names, **extra} if extra else names, where)
        if expression.has(sympy.Derivative):
            # of an abbreviation, or not carried out by the user: only those of functions remain
            expression = self.resolve(expression).doit()
        arity = {f.name: len(f.arguments) for f in self.functions}
        for call in expression.atoms(AppliedUndef) if arity else ():
            name = type(call).__name__
            if name in arity and len(call.args) != arity[name]:
                raise MetricError(
                    f"{where}: {call} has {len(call.args)} arguments, but {name} is declared with "
                    f"{arity[name]}"
                )
        return expression

    def resolve(self, expression: Any) -> Any:
        """Return the expression (or matrix) with definitions and derived parameters substituted.

        Args:
            expression: a SymPy expression or matrix in the symbols of these declarations.

        Returns:
            The same in coordinates, free parameters and functions only.
        """
        rule = self.substitution
        if not rule or expression.free_symbols.isdisjoint(rule):
            return expression
        for entry in expression if isinstance(expression, sympy.MatrixBase) else [expression]:
            expanded_size(entry, self._sizes, "expression")
        return expression.xreplace(dict(rule))


def declare(
    coordinates: Any,
    parameters: Any = None,
    functions: Any = None,
    definitions: Any = None,
    domain: Any = None,
) -> Declarations:
    """Read and check the declarations of a metric.

    Args:
        coordinates: names or symbols.
        parameters: names, or a mapping name -> {range | value | positive | negative | nonzero |
            integer}, or name -> (lower, upper).
        functions: texts such as "a(t)", or a mapping from them to concrete examples.
        definitions: a mapping name -> text or expression.
        domain: a mapping coordinate -> (lower, upper).

    Returns:
        The declarations.

    Example:
        >>> d = declare(["t", "r"], {"M": {"range": ["1/2", "2"]}}, domain={"r": ["3*M", "10*M"]})
        >>> d.symbols["r"].is_positive, d.symbols["t"].is_positive
        (True, None)
    """
    given = {
        "coordinates": named_items(coordinates, "coordinates"),
        "parameters": named_items(parameters, "parameters"),
        "definitions": named_items(definitions, "definitions"),
        "functions": named_items(functions, "functions", functions=True),
        "domain": named_items(domain, "domain"),
    }
    _check_roles({role: [item[0] for item in items] for role, items in given.items()})
    known = Assumptions(given)
    symbols, names = known.symbols, {r: [i[0] for i in items] for r, items in given.items()}
    values = {symbols[name]: value for name, value in known.values.items()}
    return Declarations(
        coordinates=tuple(symbols[name] for name in names["coordinates"]),
        parameters=tuple(
            Parameter(symbols[name], known.values.get(name)) for name in names["parameters"]
        ),
        functions=declare_functions(given["functions"], symbols, values, names["coordinates"]),
        definitions=tuple(
            Definition(symbols[name], known.values[name], known.stated[name])
            for name in names["definitions"]
        ),
        domain=Domain(known.ordered_boxes()),
    )


def _check_roles(names: Mapping[str, list[str]]) -> None:
    """Refuse a name with two meanings, and boxes of what is no coordinate."""
    coordinates = names["coordinates"]
    if not 1 <= len(coordinates) <= _MAX_DIMENSION:
        raise MetricError(
            f"{len(coordinates)} coordinates given; a metric has 1 to {_MAX_DIMENSION}"
        )
    role: dict[str, str] = {}
    for kind in ("coordinates", "parameters", "definitions", "functions"):
        for name in names[kind]:
            if name in role:
                raise MetricError(
                    f"the name {name!r} is declared twice, under {role[name]} and under {kind}; "
                    "rename one of them"
                )
            role[name] = kind
    for name in names["domain"]:
        if name in names["parameters"]:
            raise MetricError(
                f"domain.{name}: {name!r} is a parameter; give its box with the parameters, as "
                f"{name} = {{range = [lower, upper]}}"
            )
        if name not in coordinates:
            raise MetricError(
                f"domain.{name}: {name!r} is not a coordinate{nearest(name, coordinates)}; the "
                f"coordinates are {', '.join(coordinates)}"
            )
