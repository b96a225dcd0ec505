r"""Tokens of LaTeX formulas: what is only layout disappears, what is left carries its position.

`\left`, `\right`, `\displaystyle`, alignment marks, labels and environments are dropped; spaces
and spacing commands survive as a mark on the token that follows, because `1/2\,r` and `1/2r` are
not equally clear.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from geomkit.expressions import limits
from geomkit.expressions.build import Builder
from geomkit.expressions.names import GREEK_LETTERS, GREEK_NAMES

__all__ = ["LatexToken", "Stream", "tokenise_latex"]

GREEK_COMMANDS = frozenset(
    {
        *GREEK_NAMES,
        *("varepsilon", "vartheta", "varpi", "varrho", "varsigma", "varphi", "varkappa"),
        *("ell", "hbar", "imath", "jmath"),
    }
)
_FONTS = (
    r"mathrm|mathit|mathbf|mathsf|mathcal|mathfrak|boldsymbol|text|textrm|textit|mbox"
    r"|operatorname\*?|rm"
)
_LAYOUT = "equation|align|aligned|split|gather|gathered|multline|displaymath|eqnarray"
_TOKEN = re.compile(
    rf"""(?P<space>(?:\s+|~|%[^\n]*\n?))
    |(?P<thin>\\(?:[,;:>!\ ]|(?:q?quad|thinspace)(?![A-Za-z])|hspace\*?\{{[^{{}}]*\}}))
    |(?P<label>\\(?:label|tag)\*?\s*\{{[^{{}}]*\}})
    |(?P<environment>\\(?:begin|end)\s*\{{(?:{_LAYOUT})\*?\}})
    |(?P<word>\\(?:{_FONTS})\s*\{{\s*(?P<in_font>[A-Za-z]+)\s*\}}
             |\{{\s*\\(?:rm|it|bf|sf|cal)\s+(?P<in_group>[A-Za-z]+)\s*\}})
    |(?P<break>\\\\(?:\[[^\]]*\])?|\\[\[\]]|\$\$?|&)
    |(?P<brace>\\[{{}}|])
    |(?P<command>\\[A-Za-z]+)
    |(?P<number>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)
    |(?P<letter>[A-Za-z])
    |(?P<greek>[{"".join(GREEK_LETTERS)}])
    |(?P<symbol>[-+*/^_(){{}}\[\]|,=!'.;−·×²³])""",
    re.VERBOSE,
)
_DROPPED = frozenset(
    [
        "left",
        "right",
        "big",
        "Big",
        "bigg",
        "Bigg",
        "bigl",
        "bigr",
        "Bigl",
        "Bigr",
        "biggl",
        "biggr",
        "Biggl",
        "Biggr",
        "bigm",
        "middle",
        "displaystyle",
        "textstyle",
        "scriptstyle",
        "limits",
        "nolimits",
        "nonumber",
        "notag",
        "rm",
        "it",
        "bf",
        "cal",
        "mathrm",
        "mathstrut",
        "phantom",
        "strut",
        "relax",
        "allowbreak",
        "nobreak",
        "noindent",
        "d",
    ]
) - {"d"}
_SAME = {"−": "-", "·": "*", "×": "*"}
_SAME_COMMANDS = {
    "cdot": "*",
    "times": "*",
    "ast": "*",
    "lbrace": "(",
    "rbrace": ")",
    "lbrack": "[",
    "rbrack": "]",
    "lparen": "(",
    "rparen": ")",
    "vert": "|",
    "lvert": "|",
    "rvert": "|",
    "prime": "'",
    "slash": "/",
}


@dataclass(frozen=True)
class LatexToken:
    """One token of LaTeX.

    Attributes:
        kind: `number`, `letter`, `bold`, `greek`, `word`, `command`, `symbol` or `end`.
        text: the characters; names of Greek letters and commands without the backslash.
        position: offset into the text.
        spaced: whether a blank or spacing command stands before it.
        thin: whether a spacing command stands before it.
    """

    kind: str
    text: str
    position: int
    spaced: bool = False
    thin: bool = False


def tokenise_latex(text: str, builder: Builder) -> list[LatexToken]:
    r"""Split LaTeX into tokens.

    Args:
        text: the formula, with or without dollar signs.
        builder: raises the errors.

    Returns:
        The tokens without layout; the last one has the kind `end`.

    Example:
        >>> from geomkit.expressions.build import Builder
        >>> [token.text for token in tokenise_latex(r"\frac{1}{2}\,\theta", Builder("", ""))]
        ['frac', '{', '1', '}', '{', '2', '}', 'theta', '']
    """
    if len(text) > limits.MAX_CHARACTERS:
        raise builder.error(
            f"the text has {len(text)} characters, at most {limits.MAX_CHARACTERS} are read",
            limits.MAX_CHARACTERS,
        )
    tokens: list[LatexToken] = []
    position, spaced, thin = 0, False, False
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise builder.error(
                f"the character {text[position]!r} is not part of a formula", position
            )
        token = _token(match, spaced, thin)
        if token is not None:
            tokens.append(token)
            spaced = thin = False
        elif match.lastgroup in ("space", "thin", "break"):
            spaced = True
            thin = thin or (match.lastgroup == "thin" and match.group() != "\\!")
        position = match.end()
    while tokens and tokens[-1].text in (".", ",", ";"):
        tokens.pop()  # the end of a sentence
    if not tokens:
        raise builder.error("the text is empty; write an expression, 0 for instance", 0)
    if len(tokens) > limits.MAX_TOKENS:
        raise builder.error(f"more than {limits.MAX_TOKENS} symbols", tokens[-1].position)
    _check_depth(tokens, builder)
    return [*tokens, LatexToken("end", "", len(text))]


def _token(match: re.Match[str], spaced: bool, thin: bool) -> LatexToken | None:
    kind, text, position = str(match.lastgroup), match.group(), match.start()
    if kind in ("in_font", "in_group"):
        kind = "word"
    if kind in ("space", "thin", "label", "environment", "break"):
        return None
    if kind == "word":
        text = match.group("in_font") or match.group("in_group")
        if len(text) == 1:  # \mathrm{d} is the letter d, but \mathbf{x} is a vector
            kind = "bold" if match.group().startswith(("\\mathbf", "\\bold")) else "letter"
    elif kind == "brace":
        kind, text = "symbol", {"{": "(", "}": ")", "|": "|"}[text[1]]
    elif kind == "greek":
        text = GREEK_LETTERS[text]
    elif kind == "symbol":
        text = _SAME.get(text, text)
    elif kind == "command":
        kind, text = _command(text[1:])
        if not kind:
            return None
    return LatexToken(kind, text, position, spaced, thin)


def _command(name: str) -> tuple[str, str]:
    if name in _DROPPED:
        return "", ""
    if name in _SAME_COMMANDS:
        return "symbol", _SAME_COMMANDS[name]
    return ("greek" if name in GREEK_COMMANDS else "command"), name


def _check_depth(tokens: list[LatexToken], builder: Builder) -> None:
    depth = 0
    for token in tokens:
        if token.kind == "symbol" and token.text in "({[":
            depth += 1
            if depth > limits.MAX_DEPTH:
                raise builder.error(f"more than {limits.MAX_DEPTH} nested brackets", token.position)
        elif token.kind == "symbol" and token.text in ")}]":
            depth -= 1


class Stream:
    """Tokens with a place in them.

    Args:
        tokens: the tokens; the last one has the kind `end`.
    """

    def __init__(self, tokens: list[LatexToken]) -> None:
        self.tokens = tokens
        self.index = 0

    def peek(self, ahead: int = 0) -> LatexToken:
        """The token `ahead` places further on.

        Args:
            ahead: 0 for the next token.

        Returns:
            The token, or the end.
        """
        return self.tokens[min(self.index + ahead, len(self.tokens) - 1)]

    def next(self) -> LatexToken:
        """Take the next token.

        Returns:
            The token, or the end, which is never passed.
        """
        token = self.peek()
        if token.kind != "end":
            self.index += 1
        return token

    def at(self, *texts: str) -> bool:
        """Whether the next token is one of some symbols or commands.

        Args:
            *texts: what to look for.

        Returns:
            True when it is; nothing is taken.
        """
        token = self.peek()
        return token.kind in ("symbol", "command") and token.text in texts

    def accept(self, *texts: str) -> bool:
        """Take the next token if it is one of some symbols or commands.

        Args:
            *texts: what to look for.

        Returns:
            True when it was taken.
        """
        found = self.at(*texts)
        if found:
            self.index += 1
        return found

    def split_digit(self) -> LatexToken:
        r"""Take the first digit of a number: `\frac12` is one half.

        Returns:
            A token of one digit.
        """
        token = self.peek()
        first = LatexToken("number", token.text[0], token.position, token.spaced, token.thin)
        rest = LatexToken("number", token.text[1:], token.position + 1)
        self.tokens[self.index] = rest
        return first

    def group_end(self, start: int) -> int:
        """Index of the brace that closes the one at `start`.

        Args:
            start: index of an opening brace.

        Returns:
            Index of the closing brace, or of the end token.
        """
        depth = 0
        for index in range(start, len(self.tokens)):
            token = self.tokens[index]
            if token.kind == "symbol" and token.text == "{":
                depth += 1
            elif token.kind == "symbol" and token.text == "}":
                depth -= 1
                if depth == 0:
                    return index
        return len(self.tokens) - 1
