r"""Derivatives in LaTeX: `\frac{d^2 a}{dt^2}`, `\frac{\partial}{\partial x} f`, `\dot a`, `a''`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy
from sympy.core.function import AppliedUndef

from geomkit.expressions.latex_differentials import at_differential
from geomkit.expressions.latex_names import read_name
from geomkit.expressions.latex_tokens import LatexToken

if TYPE_CHECKING:
    from geomkit.expressions.latex import LatexReader

__all__ = ["derivative_by_time", "derivative_fraction", "partial", "primed"]

_TIMES = ("t", "tau", "eta")
"""What a dot differentiates by, when a function has several arguments."""


def derivative_fraction(reader: LatexReader) -> Any | None:
    r"""Read a derivative written as a fraction.

    Args:
        reader: the reader, at `\frac`.

    Returns:
        The derivative, or None when the fraction is a quotient; then nothing is taken.
    """
    stream = reader.stream
    start = stream.index
    if stream.peek(1).text != "{":
        return None
    numerator = start + 1
    numerator_end = stream.group_end(numerator)
    stream.index = numerator_end + 1
    variables = _denominator(reader)
    behind = stream.index
    stream.index = numerator + 1
    if variables is None or not _operator(reader, sum(order for _, order in variables)):
        stream.index = start
        return None
    place = stream.tokens[start]
    if stream.index == numerator_end:  # \frac{d}{dt} f
        stream.index = behind
        operand = _operand(reader, place)
    else:  # \frac{df}{dt}
        operand = reader.product()
        if stream.index != numerator_end:
            raise reader.error("the numerator of this derivative cannot be read", stream.peek())
        stream.index = behind
    return reader.builder.derivative(reader.scope.expanded(operand), variables, place.position)


def _operator(reader: LatexReader, order: int) -> bool:
    r"""Take `d`, `d^2` or `\partial^{3}` of the right order."""
    stream = reader.stream
    token = stream.next()
    if not _is_d(token):
        return False
    found = 1
    if stream.accept("^"):
        braced = stream.accept("{")
        power = stream.next()
        if power.kind != "number" or "." in power.text or len(power.text) > 2:
            return False
        found = int(power.text)
        if braced and not stream.accept("}"):
            return False
    return found == order


def _is_d(token: LatexToken) -> bool:
    return (token.kind, token.text) in (("letter", "d"), ("command", "partial"))


def _denominator(reader: LatexReader) -> list[tuple[Any, int]] | None:
    r"""Read `{dt^2}` or `{\partial x \partial y}`: symbols and orders, None when it is not that."""
    stream = reader.stream
    if stream.peek().text != "{":
        return None
    end = stream.group_end(stream.index)
    stream.next()
    variables: list[tuple[Any, int]] = []
    while stream.index < end:
        if not _is_d(stream.next()):
            return None
        name = read_name(stream, reader.scope.table)
        if name is None or stream.index > end:
            return None
        order = 1
        if stream.accept("^"):
            braced = stream.accept("{")
            power = stream.next()
            if power.kind != "number" or "." in power.text or len(power.text) > 2:
                return None
            order = int(power.text)
            if braced and not stream.accept("}"):
                return None
        variables.append((reader.scope.table[name.name], order))
    stream.index = end + 1
    return variables or None


def _operand(reader: LatexReader, place: LatexToken) -> Any:
    """What an operator in front acts on: one factor, and it must be clear which."""
    bracket = reader.stream.at("(", "[", "{")
    value = reader.factor()
    clear = bracket or isinstance(value, (AppliedUndef, sympy.Derivative))
    if not clear and reader.starts_atom() and not at_differential(reader):
        raise reader.error("ambiguous: put what is differentiated into brackets", place)
    return value


def derivative_by_time(reader: LatexReader, value: Any, order: int, position: int) -> Any:
    """Derivative that a dot means: by the only argument, or by the time among several.

    Args:
        reader: the reader.
        value: the applied function, or what an abbreviation stands for.
        order: number of dots.
        position: place, for messages.

    Returns:
        The derivative.
    """
    variable = _variable(value, wanted=True) if isinstance(value, AppliedUndef) else _time(value)
    if variable is None:
        raise reader.builder.error(
            f"which argument of {value} does the dot differentiate by?", position
        )
    return reader.builder.derivative(value, [(variable, order)], position)


def _time(value: Any) -> Any | None:
    times = [symbol for symbol in value.free_symbols if symbol.name in _TIMES]
    return times[0] if len(times) == 1 else None


def primed(reader: LatexReader, value: Any, order: int, position: int) -> Any:
    """Derivative of a function value by its argument.

    With several arguments of which one is a time, the prime means the other one.

    Args:
        reader: the reader.
        value: the applied function.
        order: number of primes.
        position: place, for messages.

    Returns:
        The derivative.
    """
    if len(value.args) == 1 and not value.args[0].is_Symbol:
        slot = sympy.Dummy("xi", real=True)
        inner = value.func(slot).diff(slot, order)
        return reader.builder.checked(sympy.Subs, inner, slot, value.args[0], position=position)
    variable = _variable(value, wanted=False)
    if variable is None:
        raise reader.builder.error(
            f"which argument of {value} does the prime differentiate by? write \\partial_x",
            position,
        )
    return reader.builder.derivative(value, [(variable, order)], position)


def _variable(value: Any, *, wanted: bool) -> Any | None:
    """The only argument, or the only one that is (or is not) a time."""
    arguments = [argument for argument in value.args if argument.is_Symbol]
    if len(value.args) == 1:
        return arguments[0] if arguments else None
    chosen = [argument for argument in arguments if (argument.name in _TIMES) == wanted]
    return chosen[0] if len(chosen) == 1 else None


def partial(reader: LatexReader, token: LatexToken) -> Any:
    r"""Read `\partial_x f` and `\partial_{x}^2 f`.

    Args:
        reader: the reader, at the command.
        token: the command.

    Returns:
        The derivative.
    """
    stream = reader.stream
    variables: list[tuple[Any, int]] = []
    while stream.accept("partial"):
        if not stream.accept("_"):
            raise reader.error(r"write \partial_x f, or \frac{\partial f}{\partial x}", token)
        braced = stream.accept("{")
        while True:
            name = read_name(stream, reader.scope.table)
            if name is None:
                raise reader.error(r"the variable of \partial is not declared", token)
            variables.append((reader.scope.table[name.name], 1))
            if not braced or stream.accept("}"):
                break
        if stream.accept("^"):
            order = reader.argument()
            if not order.is_Integer or not 1 <= order <= 20:
                raise reader.error(r"the order of \partial must be a small number", token)
            variables[-1] = (variables[-1][0], int(order))
    operand = reader.scope.expanded(_operand(reader, token))
    return reader.builder.derivative(operand, variables, token.position)
