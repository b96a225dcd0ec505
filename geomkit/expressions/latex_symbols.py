r"""Atoms of LaTeX formulas: names, declared or not, fractions and roots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy

from geomkit.expressions.functions import CONSTANTS
from geomkit.expressions.latex_calls import (
    applied,
    call,
    dotted,
    is_function,
    known_function,
    letter_function,
)
from geomkit.expressions.latex_derivatives import derivative_fraction, partial
from geomkit.expressions.latex_functions import function_name
from geomkit.expressions.latex_names import ACCENTS, LatexName, describe, read_subscript
from geomkit.expressions.latex_tokens import LatexToken
from geomkit.expressions.names import canonical_name

if TYPE_CHECKING:
    from geomkit.expressions.latex import LatexReader

__all__ = ["command", "declared", "undeclared"]

_FRACTIONS = ("frac", "dfrac", "tfrac", "cfrac")


def command(reader: LatexReader, token: LatexToken) -> Any:
    """Read what a command begins: a fraction, root, accent, derivative or function.

    Args:
        reader: the reader, at the command.
        token: the command.

    Returns:
        The expression.
    """
    if token.text in _FRACTIONS:
        return _fraction(reader, token)
    if token.text == "binom":
        reader.stream.next()
        return call(reader, "binomial", [reader.argument(), reader.argument()], token)
    if token.text == "sqrt":
        return _root(reader, token)
    if token.text in ("dot", "ddot", "dddot"):
        return dotted(reader, token)
    if token.text == "partial":
        return partial(reader, token)
    if token.text in ACCENTS:
        return reader.name(token)
    if token.text == "infty":
        raise reader.error(r"\infty may only stand alone", token)
    function = function_name(token.text, "command")
    if function is not None:
        reader.stream.next()
        return known_function(reader, function, token)
    raise reader.error(f"{describe(token)} is not known", token)


def declared(reader: LatexReader, found: LatexName) -> Any:
    """Value of a declared name.

    Args:
        reader: the reader, behind the name.
        found: the name.

    Returns:
        The symbol, or the function with its arguments.
    """
    value = reader.scope.table[found.name]
    if is_function(value):
        return applied(reader, value, found)
    token = reader.stream.peek()
    if reader.stream.at("_"):
        raise reader.error(f"{found.name} has an index that is not declared", token)
    if reader.stream.at("'"):
        raise reader.error(
            f"the derivative of {found.name}, which is not declared as a function", token
        )
    if reader.stream.at("(") and not token.spaced and _looks_like_argument(reader):
        raise reader.error(
            f"{found.name} is not a function: write {found.name} \\cdot (...) for a product, "
            f"or declare {found.name}(...) as a function",
            token,
        )
    return value


def _looks_like_argument(reader: LatexReader) -> bool:
    """Whether "(r)" or "(u, x)" follows: nobody writes a product like that."""
    inner, after = reader.stream.peek(1), reader.stream.peek(2)
    return inner.kind in ("letter", "greek") and after.text in (")", ",")


def undeclared(reader: LatexReader, token: LatexToken) -> Any:
    """Value of a name that is not declared: a constant, or a function such as Gamma(x).

    Args:
        reader: the reader, at the name.
        token: its first token.

    Returns:
        The expression.
    """
    name = canonical_name(token.text)
    value = letter_function(reader, token)
    if value is not None:
        return value
    reader.stream.next()
    if name == "pi":
        return CONSTANTS["pi"]
    if name == "e" and token.kind == "letter":
        return CONSTANTS["E"]
    if name == "i" and token.kind == "letter":
        raise reader.error("i, the imaginary unit: complex metrics are not supported yet", token)
    subscript = read_subscript(reader.stream)
    shown = name + (f"_{subscript}" if subscript else "")
    raise reader.scope.unknown(shown, text=reader.text, position=token.position, where=reader.where)


def _fraction(reader: LatexReader, token: LatexToken) -> Any:
    r"""Read a fraction: a quotient, or a derivative such as `\frac{d}{dt}`.

    Args:
        reader: the reader, at the command.
        token: the command.

    Returns:
        The expression.
    """
    derivative = derivative_fraction(reader)
    if derivative is not None:
        return derivative
    reader.stream.next()
    numerator = reader.argument()
    place = reader.stream.peek().position
    inverse = reader.builder.invert(reader.argument(), place)
    return reader.builder.multiply([numerator, inverse], token.position)


def _root(reader: LatexReader, token: LatexToken) -> Any:
    r"""Read `\sqrt{x}` or `\sqrt[3]{x}`.

    Args:
        reader: the reader, at the command.
        token: the command.

    Returns:
        The root.
    """
    reader.stream.next()
    order: Any = sympy.Integer(2)
    if reader.stream.at("["):
        order = reader.bracket()
    radicand = reader.argument()
    exponent = reader.builder.invert(order, token.position)
    return reader.builder.power(radicand, exponent, token.position)
