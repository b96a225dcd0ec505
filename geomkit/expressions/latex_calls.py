r"""Functions in LaTeX: `\sin^2\theta`, `\sin(kx)`, `a^2(t)`, `a'(t)`, `\operatorname{erf} x`.

Without brackets the argument is one thing, with a number in front if need be: `\sin 2\theta`.
`\sin\theta r` and `\cos x/a` have two readings and are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sympy
from sympy.core.function import AppliedUndef, UndefinedFunction

from geomkit.errors import ParseError
from geomkit.expressions.functions import FUNCTIONS
from geomkit.expressions.latex_derivatives import derivative_by_time, primed
from geomkit.expressions.latex_differentials import at_differential
from geomkit.expressions.latex_functions import (
    ARC,
    LETTER_FUNCTIONS,
    SUBSCRIPT_FUNCTIONS,
    function_name,
)
from geomkit.expressions.latex_names import LatexName, read_name
from geomkit.expressions.latex_tokens import LatexToken

if TYPE_CHECKING:
    from geomkit.expressions.latex import LatexReader

__all__ = [
    "applied",
    "call",
    "dotted",
    "is_function",
    "known_function",
    "letter_function",
    "spelled_function",
]

_ANGLES = frozenset({"theta", "vartheta", "phi", "varphi", "psi", "chi"})


def is_function(value: Any) -> bool:
    """Whether a declared object is a function.

    Args:
        value: what a name stands for.

    Returns:
        True for functions, with or without their signature.
    """
    return isinstance(value, (AppliedUndef, UndefinedFunction))


def call(reader: LatexReader, name: str, arguments: Sequence[Any], token: LatexToken) -> Any:
    """Value of a known function.

    Args:
        reader: the reader.
        name: a name in the table of functions.
        arguments: the arguments.
        token: the place, for messages.

    Returns:
        The expression.
    """
    return reader.builder.call(name, FUNCTIONS[name], arguments, token.position)


def known_function(reader: LatexReader, name: str, token: LatexToken) -> Any:
    r"""Read what follows the name of a known function: power and argument.

    Args:
        reader: the reader, behind the name.
        name: a name in the table of functions.
        token: the name, for messages.

    Returns:
        The expression.
    """
    if reader.stream.at("_"):
        raise reader.error(f"an index of {name} is not read; divide by a logarithm instead")
    power: Any = None
    if reader.stream.at("^"):
        caret = reader.stream.next()
        power = reader.exponent(caret)
        if power == -1 and name in ARC:
            name, power = ARC[name], None
    arguments = _arguments(reader, name)
    value = call(reader, name, arguments, token)
    return value if power is None else reader.builder.power(value, power, token.position)


def spelled_function(reader: LatexReader) -> Any | None:
    r"""Read a function spelled in letters: `\operatorname{arcosh}`, or `sin` without backslash.

    Args:
        reader: the reader.

    Returns:
        The expression, or None when no such function starts here.
    """
    stream, token = reader.stream, reader.stream.peek()
    if token.kind == "word":
        name = function_name(token.text, "word")
        if name is None or reader.scope.get(token.text) is not None:
            return None
        stream.next()
        return known_function(reader, name, token)
    letters = ""
    while stream.peek(len(letters)).kind == "letter" and len(letters) < 8:
        if letters and stream.peek(len(letters)).spaced:
            break
        letters += stream.peek(len(letters)).text
    for length in range(len(letters), 1, -1):
        name = function_name(letters[:length], "letters")
        if name is not None and letters[:length] not in reader.scope.table:
            stream.index += length
            return known_function(reader, name, token)
    return None


def letter_function(reader: LatexReader, token: LatexToken) -> Any | None:
    r"""Read a function whose name is an undeclared letter: `\Gamma(x)`, `J_0(x)`, `W(x)`.

    Args:
        reader: the reader.
        token: the letter.

    Returns:
        The expression, or None when this is no such function.
    """
    stream = reader.stream
    start = stream.index
    stream.next()
    if token.text in LETTER_FUNCTIONS and (stream.at("(") or _braced_bracket(reader)):
        return call(reader, LETTER_FUNCTIONS[token.text], _bracketed(reader), token)
    if token.text in SUBSCRIPT_FUNCTIONS and stream.accept("_"):
        order = reader.argument()
        if stream.at("(") or _braced_bracket(reader):
            name = SUBSCRIPT_FUNCTIONS[token.text]
            return call(reader, name, [order, *_bracketed(reader)], token)
    stream.index = start
    return None


def applied(reader: LatexReader, function: Any, found: LatexName) -> Any:
    """Read a declared function: primes, a power, its arguments.

    Args:
        reader: the reader, behind the name.
        function: `f`, or `f(t)` with its signature.
        found: the name.

    Returns:
        The expression.
    """
    order = _primes(reader)
    value, power = _value_and_power(reader, function, found)
    if order:
        value = primed(reader, value, order, found.position)
    return value if power is None else reader.builder.power(value, power, found.position)


def dotted(reader: LatexReader, token: LatexToken) -> Any:
    r"""Read `\dot a`, `\ddot{a}`, with arguments or without.

    Args:
        reader: the reader, at the command.
        token: the command.

    Returns:
        The derivative.
    """
    stream = reader.stream
    stream.next()
    braced = stream.accept("{")
    found = read_name(stream, reader.scope.table)
    function = None if found is None else reader.scope.table[found.name]
    closed = not braced or stream.accept("}")
    if found is None or not closed or isinstance(function, sympy.Symbol):
        raise reader.error("a dot belongs above a declared function, a(t) for instance", token)
    value, power = function, None  # an abbreviation, such as H for \dot a / a
    if is_function(function):
        value, power = _value_and_power(reader, function, found)
    order = {"dot": 1, "ddot": 2, "dddot": 3}[token.text]
    value = derivative_by_time(reader, value, order, token.position)
    return value if power is None else reader.builder.power(value, power, token.position)


def _value_and_power(reader: LatexReader, function: Any, found: LatexName) -> tuple[Any, Any]:
    """Arguments of a function, and a power between name and arguments: `a^2(t)`."""
    stream = reader.stream
    start = stream.index
    power: Any = None
    if stream.at("^"):
        power = reader.exponent(stream.next())
        if not _arguments_follow(reader, function):
            stream.index, power = start, None
    if _arguments_follow(reader, function):
        opening, braced = stream.peek(), _braced_bracket(reader)
        arguments = _bracketed(reader)
        if not braced:
            _refuse_product(reader, function, arguments, opening)
        return reader.builder.apply(function, found.name, arguments, found.position), power
    if isinstance(function, AppliedUndef):
        return function, power
    raise reader.builder.error(
        f"{found.name} is a function: write {found.name}(...)", found.position
    )


def _arguments_follow(reader: LatexReader, function: Any) -> bool:
    """Whether a bracket with arguments follows, and not a factor such as (dx^2 + dy^2)."""
    stream = reader.stream
    if _braced_bracket(reader):
        return True
    if not stream.at("("):
        return False
    if not isinstance(function, AppliedUndef) or reader.differentials is None:
        return True
    start, depth, form = stream.index, 0, False
    while not form:
        token = stream.peek()
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 or token.kind == "end":
            break
        form = at_differential(reader)
        stream.index += 1
    stream.index = start
    return not form


def _refuse_product(
    reader: LatexReader, function: Any, arguments: Sequence[Any], opening: LatexToken
) -> None:
    """Refuse f(r + 1), which is f at r + 1 or, since f alone is f(r), a product."""
    if not isinstance(function, AppliedUndef) or len(arguments) > 1 or not arguments[0].is_Add:
        return
    inner = arguments[0]
    if opening.spaced or inner.has(*function.args) or any(part.is_Number for part in inner.args):
        raise reader.error(
            rf"ambiguous: {function} at {inner}, or times it? write {function} \cdot (...) for the "
            f"product, or declare {function.func} of another name, u say, for the value",
            opening,
        )


def _primes(reader: LatexReader) -> int:
    r"""Take primes: `a''`, `a^\prime`, `a^{\prime\prime}`."""
    stream = reader.stream
    order = 0
    while stream.accept("'"):
        order += 1
    if order or not stream.at("^"):
        return order
    ahead = 1
    if stream.peek(1).text == "{":
        ahead = 2
    while stream.peek(ahead).kind == "symbol" and stream.peek(ahead).text == "'":
        order, ahead = order + 1, ahead + 1
    if order and stream.peek(1).text == "{":
        if stream.peek(ahead).text != "}":
            raise reader.error("a prime and a power in one exponent; write (a')^2")
        ahead += 1
    if order:
        stream.index += ahead
    return order


def _braced_bracket(reader: LatexReader) -> bool:
    r"""Whether `{\left(` follows: the way SymPy prints arguments."""
    first, second = reader.stream.peek(), reader.stream.peek(1)
    return first.kind == second.kind == "symbol" and first.text == "{" and second.text == "("


def _bracketed(reader: LatexReader) -> list[Any]:
    """Read arguments in brackets, separated by commas."""
    stream = reader.stream
    braced = stream.accept("{")
    opening = stream.next()
    bars, reader.in_bars = reader.in_bars, False
    arguments = [reader.sum()]
    while stream.accept(","):
        arguments.append(reader.sum())
    reader.in_bars = bars
    if not stream.accept(")") or (braced and not stream.accept("}")):
        raise reader.error("this bracket is not closed", opening)
    return arguments


def _arguments(reader: LatexReader, name: str) -> list[Any]:
    stream = reader.stream
    if stream.at("(") or _braced_bracket(reader):
        return _bracketed(reader)
    if stream.at("[", "{", "|"):
        value = reader.atom()
        if stream.at("^"):
            raise reader.error(rf"ambiguous power of {name}: write \{name}^2(...)")
        return [value]
    return [_bare_argument(reader, name)]


def _bare_argument(reader: LatexReader, name: str) -> Any:
    r"""The argument of a function without brackets: numbers, then one thing."""
    stream, place = reader.stream, reader.stream.peek()
    factors: list[Any] = []
    while stream.peek().kind == "number" or stream.peek().text == "pi":
        factors.append(reader.atom())
    token = stream.peek()
    if reader.starts_atom() and not at_differential(reader):
        if factors and (token.thin or stream.at("(", "[", "{")):
            raise _ambiguous(reader, name, token)
        factors.append(reader.atom())
    elif not factors:
        raise reader.error(f"the argument of {name} is missing", place)
    _refuse_ambiguous(reader, name, place)
    return reader.builder.multiply(factors, place.position)


def _refuse_ambiguous(reader: LatexReader, name: str, argument: LatexToken) -> None:
    stream, token = reader.stream, reader.stream.peek()
    if stream.at("^", "/"):
        raise _ambiguous(reader, name, token)
    if not reader.starts_atom() or token.thin or at_differential(reader):
        return
    if stream.at("(", "[", "{") and argument.text in _ANGLES:
        return  # \sin\theta (r^2 + a^2); but \cos k(z - t) means something else
    if token.kind in ("command", "word") and function_name(token.text, token.kind) is not None:
        return
    raise _ambiguous(reader, name, token)


def _ambiguous(reader: LatexReader, name: str, token: LatexToken) -> ParseError:
    return reader.error(
        rf"ambiguous: where does the argument of {name} end? write \{name}(...) with brackets",
        token,
    )
