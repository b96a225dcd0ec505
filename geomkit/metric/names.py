"""Names as users give them: texts, lists, mappings and SymPy symbols, in one canonical spelling."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Set
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from geomkit.errors import MetricError
from geomkit.expressions.names import canonical_name, is_name

__all__ = ["Item", "canonical_name", "function_parts", "named_items", "nearest", "plain_name"]

Item = tuple[str, Any, Any]
"""Canonical name, what stood for it (text, symbol, applied function), and what was given for it."""

_MOST = 200  # names of one kind; a metric of 32 coordinates has 528 entries
_CALL = re.compile(r"\s*([^\s(),]+)\s*\(([^()]*)\)\s*\Z")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?", or "" where nothing is near.

    Args:
        name: the name that was found.
        known: the names that could have been meant.

    Returns:
        A part of a message.

    Example:
        >>> nearest("Mass", ["M", "mass", "r"])
        "; did you mean 'mass'?"
    """
    names = list(known)
    wanted = canonical_name(name)[:80]  # difflib is quadratic in the length
    close = [n for n in names if n.lower() == wanted.lower()]
    close = close or difflib.get_close_matches(wanted, names, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def plain_name(given: Any, what: str) -> str:
    """Return the canonical name of a text or symbol.

    Args:
        given: a name or a SymPy symbol.
        what: what the name is for, in messages.

    Returns:
        The name, Greek letters spelled out.

    Raises:
        MetricError: if it cannot be a name.
    """
    name = given.name if isinstance(given, sympy.Symbol) else given
    if not isinstance(name, str):
        raise MetricError(f"{what}: expected a name or a SymPy symbol, got {given!r}")
    name = name.strip()
    if not is_name(name):
        raise MetricError(
            f"{what}: {name[:60]!r} cannot be a name; use letters, digits and _, not starting with "
            "a digit (Greek letters are letters too)"
        )
    return canonical_name(name)


def function_parts(given: Any) -> tuple[str, tuple[str, ...]]:
    """Return name and arguments of a function as declared, e.g. ("f", ("x", "y")) of "f(x, y)".

    Args:
        given: a text such as "f(x, y)", or a SymPy function applied to symbols.

    Returns:
        The canonical name of the function and those of its arguments.

    Raises:
        MetricError: if it is not a function of symbols.
    """
    if isinstance(given, AppliedUndef):
        name, arguments = type(given).__name__, list(given.args)
    else:
        call = _CALL.match(given) if isinstance(given, str) else None
        if call is None:
            raise MetricError(
                f"functions: expected a text such as 'a(t)' or 'f(x, y)', got {str(given)[:60]!r}"
            )
        name, arguments = call[1], call[2].split(",")
    where = f"functions.{str(given)[:60]}"
    return plain_name(name, where), tuple(plain_name(argument, where) for argument in arguments)


def named_items(given: Any, what: str, *, functions: bool = False) -> list[Item]:
    """Return the names that were given, with what was given for each.

    Args:
        given: None, a text ("t, r"), a list of names or symbols, or a mapping from them.
        what: what they are: "coordinates", "parameters", ...
        functions: whether names look like "a(t)".

    Returns:
        One item for each name, in order.

    Raises:
        MetricError: for a name that is no name, or that comes twice; for too many names.
    """
    if given is None:
        return []
    if isinstance(given, str):
        given = [given] if functions else given.replace(",", " ").split()
    elif isinstance(given, sympy.Symbol | AppliedUndef):
        given = [given]
    if not isinstance(given, Iterable) or isinstance(given, bytes | Set):
        raise MetricError(
            f"{what}: expected names in order, a list such as ['x', 'y'], got {str(given)[:60]!r} "
            f"({type(given).__name__})"
        )
    pairs = given.items() if isinstance(given, Mapping) else ((entry, None) for entry in given)
    items: dict[str, Item] = {}
    for original, value in pairs:
        name = function_parts(original)[0] if functions else plain_name(original, what)
        if name in items:
            raise MetricError(f"{what}: the name {name!r} is given twice; every name needs its own")
        items[name] = (name, original, value)
        if len(items) > _MOST:
            raise MetricError(f"{what}: more than {_MOST} names; use fewer")
    return list(items.values())
