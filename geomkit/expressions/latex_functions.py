r"""Function names of LaTeX, and which function they mean."""

from __future__ import annotations

from collections.abc import Mapping

from geomkit.expressions.functions import FUNCTIONS

__all__ = ["ARC", "LETTER_FUNCTIONS", "SUBSCRIPT_FUNCTIONS", "function_name"]

_COMMANDS = frozenset(
    [
        "sin",
        "cos",
        "tan",
        "cot",
        "sec",
        "csc",
        "sinh",
        "cosh",
        "tanh",
        "coth",
        "sech",
        "csch",
        "arcsin",
        "arccos",
        "arctan",
        "arccot",
        "arcsinh",
        "arccosh",
        "arctanh",
        "arccoth",
        "arsinh",
        "arcosh",
        "artanh",
        "exp",
        "ln",
        "log",
        "min",
        "max",
    ]
)
_SPELLED: Mapping[str, str] = {
    "arcoth": "acoth",
    "arcsec": "asec",
    "arccsc": "acsc",
    "arcsech": "asech",
    "arccsch": "acsch",
    "arsech": "asech",
    "arcsch": "acsch",
    "cosec": "csc",
    "cosech": "csch",
    "ctg": "cot",
    "tg": "tan",
    "sh": "sinh",
    "ch": "cosh",
    "th": "tanh",
    "sgn": "sign",
    "B": "beta",
    "polygamma": "polygamma",
}

ARC: Mapping[str, str] = {
    name: f"a{name}"
    for name in [
        "sin",
        "cos",
        "tan",
        "cot",
        "sec",
        "csc",
        "sinh",
        "cosh",
        "tanh",
        "coth",
        "sech",
        "csch",
    ]
}
"""What the power -1 of a function name means: sin^{-1} x is arcsin x."""

LETTER_FUNCTIONS: Mapping[str, str] = {
    "Gamma": "gamma",
    "zeta": "zeta",
    "W": "LambertW",
    "psi": "digamma",
}
"""Letters that are functions when they are not declared and a bracket follows."""

SUBSCRIPT_FUNCTIONS: Mapping[str, str] = {
    "J": "besselj",
    "Y": "bessely",
    "I": "besseli",
    "K": "besselk",
}
"""Letters that are functions when they are not declared and an index and a bracket follow."""


def function_name(text: str, kind: str) -> str | None:
    r"""The function that a command or a word in upright letters stands for.

    Args:
        text: the command without its backslash, or the word.
        kind: `command`, `word` or `letters`.

    Returns:
        The name in the table of functions, or None.

    Example:
        >>> function_name("sgn", "word"), function_name("ln", "command")
        ('sign', 'ln')
        >>> function_name("frac", "command") is None
        True
    """
    if kind == "command":
        return text if text in _COMMANDS else None
    name = _SPELLED.get(text, text)
    if kind == "letters" and text not in _COMMANDS:
        return None  # letters without a backslash: only what nobody could mean as a product
    return name if name in FUNCTIONS else None
