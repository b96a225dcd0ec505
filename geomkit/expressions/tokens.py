"""Tokens of a formula in text, and the mistakes that deserve a better message than Python's.

The tokens are checked before `ast` sees anything: characters, number of tokens, depth of brackets,
length of sums.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sympy.core.function import UndefinedFunction

from geomkit.expressions import limits
from geomkit.expressions.build import Builder
from geomkit.expressions.functions import FUNCTIONS
from geomkit.expressions.names import GREEK_LETTERS, Scope

__all__ = ["Token", "check_shape", "spelled", "tokenise"]

_LETTER = "A-Za-z_" + "".join(GREEK_LETTERS)
_TOKEN = re.compile(
    rf"""(?P<space>\s+)
    |(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![{_LETTER}0-9.]))
    |(?P<name>[{_LETTER}][{_LETTER}0-9]*)
    |(?P<operator>\*\*|<=|>=|==|!=|[-+*/^(),<>&|−·×⋅∞²³])""",
    re.VERBOSE,
)
_SPELLED = {"^": "**", "−": "-", "·": "*", "×": "*", "⋅": "*", "²": "**2", "³": "**3"}
_POWERS = frozenset({"**", "^", "²", "³"})


@dataclass(frozen=True)
class Token:
    """A number, name or operator.

    Attributes:
        kind: `"number"`, `"name"` or `"operator"`.
        text: the characters.
        position: offset into the text.
    """

    kind: str
    text: str
    position: int


def spelled(operator: str) -> str:
    """An operator as Python writes it.

    Args:
        operator: an operator token, `^` or `²` for instance.

    Returns:
        The same operator in Python's spelling.

    Example:
        >>> spelled("^"), spelled("²"), spelled("+")
        ('**', '**2', '+')
    """
    return _SPELLED.get(operator, operator)


def tokenise(text: str, builder: Builder) -> list[Token]:
    """Split a text into tokens.

    Args:
        text: the formula.
        builder: raises the errors.

    Returns:
        The tokens without blanks, at least one.
    """
    if len(text) > limits.MAX_CHARACTERS:
        raise builder.error(
            f"the text has {len(text)} characters, at most {limits.MAX_CHARACTERS} are read; "
            "split it by definitions",
            limits.MAX_CHARACTERS,
        )
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise builder.error(_describe(text, position), position)
        if match.lastgroup != "space":
            tokens.append(Token(str(match.lastgroup), match.group(), position))
        position = match.end()
    if not tokens:
        raise builder.error("the text is empty; write an expression, 0 for instance", 0)
    return tokens


def check_shape(tokens: Sequence[Token], scope: Scope, builder: Builder) -> None:
    """Refuse what is too deep or too long, and common slips.

    Args:
        tokens: the formula.
        scope: the declared names.
        builder: raises the errors.
    """
    lengths = [_Lengths()]
    opened: list[int] = []
    for number, token in enumerate(tokens):
        if number:
            _check_neighbours(tokens[number - 1], token, scope, builder)
        if token.text == "(":
            opened.append(token.position)
            lengths.append(_Lengths())
            if len(opened) > limits.MAX_DEPTH:
                raise builder.error(f"more than {limits.MAX_DEPTH} nested brackets", token.position)
        elif token.text == ")":
            if not opened:
                raise builder.error("this bracket was never opened", token.position)
            opened.pop()
            lengths.pop()
        elif token.kind == "operator" and lengths[-1].grow(token.text) > limits.MAX_CHAIN:
            raise builder.error(
                f"more than {limits.MAX_CHAIN} terms or factors in a row; split by definitions",
                token.position,
            )
    if opened:
        raise builder.error("this bracket is never closed", opened[-1])
    if len(tokens) > limits.MAX_TOKENS:
        raise builder.error(f"more than {limits.MAX_TOKENS} symbols", tokens[-1].position)


@dataclass
class _Lengths:
    """Lengths of the running sum and product on one level of brackets."""

    terms: int = 0
    factors: int = 0

    def grow(self, operator: str) -> int:
        if operator == ",":
            self.terms = self.factors = 0
        elif operator in "+-−":
            self.terms += 1
            # a sign after an operator starts no new product: -----x is one chain of its own
            self.factors = 0
        else:
            self.factors += 1
        return self.terms + self.factors


def _check_neighbours(left: Token, right: Token, scope: Scope, builder: Builder) -> None:
    message = ""
    if left.kind != "operator" and right.kind != "operator":
        message = f"write an operator between {left.text!r} and {right.text!r}"
    elif right.text == "(" and left.kind == "number":
        message = f"write {left.text}*(...) for a product"
    elif right.text == "(" and left.text == ")":
        message = "write an operator between the brackets: (...)*(...)"
    elif left.text == ")" and right.kind != "operator":
        message = f"write an operator: (...)*{right.text}"
    elif left.kind == "name" and right.text in _POWERS:
        declared = scope.get(left.text)
        if isinstance(declared, UndefinedFunction) or (declared is None and left.text in FUNCTIONS):
            message = f"the power of a function is written {left.text}(...)**2"
    if message:
        raise builder.error(message, right.position)


def _describe(text: str, position: int) -> str:
    """What to say about a character that starts no token."""
    character = text[position]
    if character == "." and not text[position + 1 : position + 2].isdigit():
        return "attributes are not read: a formula has numbers, names, operators and brackets only"
    if character in "0123456789.":
        return "this number is not closed: write an operator after it, 2*x instead of 2x"
    hints = {
        "[": "use round brackets",
        "{": "use round brackets",
        "\\": "this looks like LaTeX; give it as latex instead",
        "=": "an expression was expected, not an equation",
        "'": "quotes and primes are not read; write diff(f(t), t)",
        '"': "quotes are not read",
        ":": "colons are not read",
        "%": "percent signs are not read",
    }
    return f"the character {character!r} is not part of a formula" + (
        f"; {hints[character]}" if character in hints else ""
    )
