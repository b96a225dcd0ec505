"""From boxes to symbols: what the domain proves about a symbol becomes its assumptions.

A bound may use other names, and a bound decides the sign of its symbol. So everything is read with
provisional symbols first, and each final symbol is made after those that it depends on; a cycle is
found on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy

from geomkit.domain import Box, outer_interval
from geomkit.errors import MetricError
from geomkit.intervals import Interval, enclose
from geomkit.metric.names import Item, function_parts, nearest
from geomkit.metric.reading import expanded_size, has_derivative, mentioned, read

__all__ = ["Assumptions"]

_FLAGS = ("positive", "negative", "nonzero", "integer")
_KEYS = ("range", "value", *_FLAGS)

_HALF, _ZERO, _ONE, _TWO, _SIX = sympy.Rational(1, 2), *map(sympy.Integer, (0, 1, 2, 6))


class Assumptions:
    """The symbols of a metric, with their boxes and values.

    Args:
        given: the items under "coordinates", "parameters", "definitions", "functions", "domain".

    Attributes:
        symbols: the final symbol of each coordinate, parameter and definition.
        boxes: the boxes of the free parameters and coordinates.
        values: what derived parameters and definitions stand for, resolved.
        stated: definitions as written.
    """

    def __init__(self, given: Mapping[str, list[Item]]) -> None:
        self.symbols: dict[str, sympy.Symbol] = {}
        self.boxes: dict[str, Box] = {}
        self.values: dict[str, sympy.Expr] = {}
        self.stated: dict[str, sympy.Expr] = {}
        self._parameters = {name: (original, v) for name, original, v in given["parameters"]}
        self._definitions = {name: value for name, _, value in given["definitions"]}
        self._coordinates = {name: original for name, original, _ in given["coordinates"]}
        self._domain = {name: value for name, _, value in given["domain"]}
        self._order = [*self._parameters, *self._definitions, *self._coordinates]
        self._provisional: dict[str, Any] = {name: sympy.Symbol(name) for name in self._order}
        self._functions = {
            name: function_parts(original)[1] for name, original, _ in given["functions"]
        }
        for name, arguments in self._functions.items():
            self._provisional[name] = _applied(name, arguments, self._provisional)
        self._intervals: dict[sympy.Symbol, Interval] = {}
        self._path: list[str] = []
        for name in self._order:
            self._visit(name)

    def ordered_boxes(self) -> tuple[Box, ...]:
        """Return parameters first, then coordinates, each after those that its bounds use.

        Returns:
            The boxes; the declared order is kept as far as possible.
        """
        waiting = [self.boxes[name] for name in self._order if name in self.boxes]
        done: list[Box] = []
        while waiting:
            known = {box.symbol for box in done}
            for box in waiting:
                if (box.lower.free_symbols | box.upper.free_symbols) <= known:
                    break
            done.append(box)
            waiting.remove(box)
        return tuple(done)

    def _visit(self, name: str) -> None:
        if name in self.symbols:
            return
        if name in self._path:
            cycle = " -> ".join([*self._path[self._path.index(name) :], name])
            raise MetricError(f"{name!r} depends on itself: {cycle}; break the cycle")
        self._path.append(name)
        if name in self._parameters:
            self._parameter(name)
        elif name in self._definitions:
            given, where = self._definitions[name], f"definitions.{name}"
            self.values[name], self.stated[name] = self._resolved(given, where)
            self.symbols[name] = sympy.Symbol(name, real=True)
        else:
            flags = _symbol_flags(self._coordinates[name])
            box = self._domain.get(name, _default_box(flags, coordinate=True))
            self._box(name, box, flags, f"domain.{name}")
        self._path.pop()

    def _parameter(self, name: str) -> None:
        original, given = self._parameters[name]
        where = f"parameters.{name}"
        spec = _specification(given, where)
        flags = _symbol_flags(original) | {flag: True for flag in _FLAGS if spec.get(flag)}
        if "value" in spec:
            value, _ = self._resolved(spec["value"], f"{where}.value")
            self._only_parameters(value, f"{where}.value")
            self.values[name] = value
            sign = _sign(enclose(value, self._intervals))
            self.symbols[name] = sympy.Symbol(name, real=True, **sign)
        else:
            box = spec.get("range", _default_box(flags, coordinate=False))
            self._box(name, box, flags, f"{where}.range", constant=True)

    def _box(
        self, name: str, given: Any, flags: dict[str, bool], where: str, *, constant: bool = False
    ) -> None:
        if isinstance(given, str) or not hasattr(given, "__len__") or len(given) != 2:
            raise MetricError(f"{where}: expected two bounds [lower, upper], got {given!r:.80}")
        lower, upper = (self._resolved(given[i], f"{where}[{i}]")[0] for i in (0, 1))
        if constant:
            self._only_parameters(lower, where)
            self._only_parameters(upper, where)
        integer = flags.get("integer", False)
        try:
            box = Box(sympy.Symbol(name), lower, upper, integer)
            interval = outer_interval(box, self._intervals)
        except MetricError as error:
            raise MetricError(f"{where}: {error}") from None
        sign = _sign(interval, integer=integer)
        for flag in ("positive", "negative"):
            if flags.get(flag) and flag not in sign:
                raise MetricError(
                    f"{where}: {name} is declared {flag}, but its box [{lower}, {upper}] reaches "
                    "the other side of 0; correct one of them"
                )
        if flags.get("nonzero") and not sign:
            sign = {"nonzero": True}
        kind = {"integer": True} if integer else {"real": True}
        self.symbols[name] = symbol = sympy.Symbol(name, **kind, **sign)
        self.boxes[name] = Box(symbol, lower, upper, integer)
        self._intervals[symbol] = interval

    def _resolved(self, given: Any, where: str) -> tuple[sympy.Expr, sympy.Expr]:
        """The expression with values substituted, and as stated, both in final symbols."""
        names = self._provisional
        if has_derivative(given):
            names = {**names, **self._meanings(given)}
        expression = read(given, names, where)
        needed = {symbol.name for symbol in expression.free_symbols}
        self._visit_all(needed)
        final = {self._provisional[n]: self.symbols[n] for n in needed}
        stated = expression.xreplace(final)
        values = {self.symbols[n]: self.values[n] for n in needed if n in self.values}
        if values:
            sizes = {symbol: expanded_size(value, {}, where) for symbol, value in values.items()}
            expanded_size(stated, sizes, where)
        return (stated.xreplace(values) if values else stated), stated

    def _visit_all(self, names: set[str]) -> None:
        for name in self._order:
            if name in names:
                self._visit(name)

    def _meanings(self, text: str) -> dict[str, Any]:
        """What the names in a text mean in the end: a derivative needs the final symbols."""
        used = mentioned(text, [*self._order, *self._functions])
        for name in self._functions.keys() & used:
            used |= set(self._functions[name])
        self._visit_all(used - set(self._path))
        final = {name: self.values.get(name, self.symbols[name]) for name in self.symbols}
        known = {**self._provisional, **final}
        functions = {n: _applied(n, self._functions[n], known) for n in self._functions}
        return {**{name: final[name] for name in used & final.keys()}, **functions}

    def _only_parameters(self, expression: sympy.Expr, where: str) -> None:
        for symbol in sorted(expression.free_symbols, key=str):
            if symbol.name in self._coordinates:
                raise MetricError(
                    f"{where}: {expression} uses the coordinate {symbol}, but a parameter is a "
                    "constant; declare it as a definition instead"
                )


def _applied(name: str, arguments: tuple[str, ...], known: Mapping[str, Any]) -> Any:
    """The function at its declared arguments; alone if one of them is a mere placeholder."""
    function = sympy.Function(name)
    symbols = [known.get(argument) for argument in arguments]
    return function(*symbols) if all(isinstance(s, sympy.Symbol) for s in symbols) else function


def _specification(given: Any, where: str) -> Mapping[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        return {"range": given}  # the pair alone; checked where it is used
    for key, value in given.items():
        if key not in _KEYS:
            raise MetricError(
                f"{where}: unknown key {key!r}{nearest(str(key), _KEYS)}; allowed: "
                f"{', '.join(_KEYS)}"
            )
        if key in _FLAGS and not isinstance(value, bool):
            raise MetricError(f"{where}.{key}: expected true or false, got {value!r:.60}")
    if "value" in given and len(given) > 1:
        others = ", ".join(key for key in given if key != "value")
        raise MetricError(f"{where}: a derived parameter has a value only; remove {others}")
    if given.get("positive") and given.get("negative"):
        raise MetricError(f"{where}: it cannot be positive and negative; keep one")
    return given


def _symbol_flags(given: Any) -> dict[str, bool]:
    """What the user's own symbol assumes, if it is one."""
    if not isinstance(given, sympy.Symbol):
        return {}
    return {flag: True for flag in _FLAGS if getattr(given, f"is_{flag}")}


def _default_box(flags: Mapping[str, bool], *, coordinate: bool) -> tuple[Any, Any]:
    if flags.get("integer"):
        low, high = (-_SIX if flags.get("nonzero") or coordinate else _ONE), _SIX
        if flags.get("positive"):
            return _ONE, high
        return (-_SIX, -_ONE) if flags.get("negative") else (low, high)
    if flags.get("positive"):
        return (_ZERO if coordinate else _HALF), _TWO
    if flags.get("negative"):
        return -_TWO, (_ZERO if coordinate else -_HALF)
    return (-_TWO, _TWO) if coordinate or flags.get("nonzero") else (_HALF, _TWO)


def _sign(interval: Interval | None, *, integer: bool = True) -> dict[str, bool]:
    """The sign that an interval proves; open ends may be 0 (closed ones may not)."""
    if interval is None:
        return {}
    lo, hi = interval
    if lo > 0 or (lo == 0 and not integer):
        return {"positive": True}
    if hi < 0 or (hi == 0 and not integer):
        return {"negative": True}
    return {}
