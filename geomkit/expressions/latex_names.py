r"""Names in LaTeX: letters, Greek letters, subscripts, accents, and which declared name they mean.

LaTeX has no multi-letter names: `Mr` is a product unless `Mr` is declared. The longest declared
name wins. A subscript belongs to the name (`r_s` is never r), and `\vartheta` means theta when only
theta is declared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from geomkit.expressions.latex_tokens import LatexToken, Stream

__all__ = ["ACCENTS", "LatexName", "describe", "name_candidates", "read_name", "read_subscript"]

ACCENTS: Mapping[str, str] = {
    "tilde": "tilde",
    "widetilde": "tilde",
    "bar": "bar",
    "overline": "bar",
    "hat": "hat",
    "widehat": "hat",
    "check": "check",
    "mathring": "ring",
}
_VARIANTS: Mapping[str, tuple[str, ...]] = {
    "vartheta": ("theta",),
    "varphi": ("phi",),
    "phi": ("varphi",),
    "theta": ("vartheta",),
    "epsilon": ("varepsilon",),
    "varepsilon": ("epsilon",),
    "varrho": ("rho",),
    "varsigma": ("sigma",),
    "varpi": ("pi",),
    "varkappa": ("kappa",),
    "lambda": ("lamda", "lambda_"),
    "ell": ("l",),
}
_SIGNS = {"+": ("plus", "p"), "-": ("minus", "m")}
_LONGEST_NAME = 24  # letters that are tried as one name


@dataclass(frozen=True)
class LatexName:
    """A name found in LaTeX.

    Attributes:
        name: the declared name.
        position: offset into the text.
    """

    name: str
    position: int


def read_name(stream: Stream, table: Mapping[str, Any]) -> LatexName | None:
    """Take the longest declared name at the present place.

    Args:
        stream: the tokens.
        table: the declared names.

    Returns:
        The name, or None when no declared name starts here; then nothing is taken.
    """
    start = stream.index
    position = stream.peek().position
    best: tuple[int, str] | None = None
    for base, end in _bases(stream):
        stream.index = end
        subscript = read_subscript(stream)
        after = stream.index
        primes = _primes(stream)
        plain = _first(name_candidates(base, subscript, 0), table)
        primed = _first(name_candidates(base, subscript, primes), table) if primes else None
        # the prime of a function is a derivative, that of a symbol belongs to its name
        if primed is not None and (plain is None or getattr(table[plain], "is_Symbol", False)):
            best = (stream.index, primed)
        elif plain is not None:
            best = (after, plain)
        if best is not None:
            break
    stream.index = start if best is None else best[0]
    return None if best is None else LatexName(best[1], position)


def name_candidates(base: str, subscript: str, primes: int) -> Iterator[str]:
    r"""Spellings that a LaTeX name may have been declared in, the likeliest first.

    Args:
        base: letters or the name of a Greek letter.
        subscript: what stands below, "" for none.
        primes: number of primes.

    Yields:
        Names.

    Example:
        >>> list(name_candidates("r", "+", 0))
        ['r_plus', 'rplus', 'r_p', 'rp']
        >>> list(name_candidates("vartheta", "", 0))
        ['vartheta', 'theta']
    """
    suffixes = [""] if not primes else [f"_{'p' * primes}", "p" * primes, "_prime", "prime"]
    for root in (base, *_VARIANTS.get(base, ())):
        for below in _SIGNS.get(subscript, (subscript,)):
            joined = [root] if not below else [f"{root}_{below}", f"{root}{below}"]
            for name in joined:
                yield from (name + suffix for suffix in suffixes)


def read_subscript(stream: Stream) -> str:
    """Take a subscript.

    Args:
        stream: the tokens.

    Returns:
        Its text ("" when there is none): letters, digits and names of Greek letters joined.
    """
    if not stream.at("_"):
        return ""
    start = stream.index
    stream.next()
    if not stream.at("{"):
        token = stream.next()
        if token.kind in ("letter", "greek", "word") or token.text in ("+", "-"):
            return token.text
        if token.kind == "number" and len(token.text) == 1:
            return token.text
        stream.index = start
        return ""
    end = stream.group_end(stream.index)
    inner = [
        token.text for token in stream.tokens[stream.index + 1 : end] if token.text not in "{}()"
    ]
    if not inner or (not all(text.isalnum() for text in inner) and inner not in (["+"], ["-"])):
        stream.index = start
        return ""
    stream.index = end + 1
    return "".join(inner)


def _first(candidates: Iterator[str], table: Mapping[str, Any]) -> str | None:
    return next((candidate for candidate in candidates if candidate in table), None)


def _bases(stream: Stream) -> Iterator[tuple[str, int]]:
    """Letters that may form a name, the longest first, each with the index after them."""
    token = stream.peek()
    start = stream.index
    if token.kind in ("greek", "word"):
        # \phi1 or \mathrm{Re}: digits and letters that touch a Greek name are no part of it
        yield token.text, start + 1
    elif token.kind == "command" and token.text in ACCENTS:
        yield from _accented(stream, ACCENTS[token.text])
    elif token.kind == "letter":
        run = _run(stream)
        for length in range(len(run), 0, -1):
            yield "".join(run[:length]), start + length


def _run(stream: Stream) -> list[str]:
    run: list[str] = []
    while len(run) < _LONGEST_NAME:
        token = stream.peek(len(run))
        if token.kind != "letter" or (run and token.spaced):
            break
        run.append(token.text)
    return run


def _accented(stream: Stream, accent: str) -> Iterator[tuple[str, int]]:
    start = stream.index
    inner = stream.peek(1)
    if inner.kind in ("letter", "greek"):
        names, end = [inner.text], start + 2
    elif inner.kind == "symbol" and inner.text == "{":
        end = stream.group_end(start + 1)
        names = [token.text for token in stream.tokens[start + 2 : end]]
        end += 1
    else:
        return
    if len(names) == 1 and names[0].isalnum():
        yield f"{names[0]}_{accent}", end
        yield f"{names[0]}{accent}", end


def _primes(stream: Stream) -> int:
    count = 0
    while stream.accept("'"):
        count += 1
    return count


def describe(token: LatexToken) -> str:
    """A token as a reader sees it, for messages.

    Args:
        token: the token.

    Returns:
        The text, with a backslash where LaTeX has one.
    """
    if token.kind == "end":
        return "the end"
    backslash = token.kind in ("command", "greek")
    return f"'\\{token.text}'" if backslash else repr(token.text)
