r"""Differentials in LaTeX line elements: `dr`, `\mathrm{d}\theta`, `d\Omega^2`, `d\vec{x}^2`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy

from geomkit.expressions.latex_names import read_name, read_subscript

if TYPE_CHECKING:
    from geomkit.expressions.latex import LatexReader

__all__ = ["at_differential", "differential"]


def at_differential(reader: LatexReader) -> bool:
    """Whether a differential starts here; nothing is taken.

    Args:
        reader: the reader.

    Returns:
        True in a line element, at dr for instance.
    """
    start = reader.stream.index
    found = _read(reader) is not None
    reader.stream.index = start
    return found


def differential(reader: LatexReader) -> Any | None:
    r"""Read a differential.

    Args:
        reader: the reader.

    Returns:
        The symbol of the differential (a sum of squares for `d\Omega^2` and `d\vec{x}^2`), or None
        when none starts here; then nothing is taken.
    """
    start = reader.stream.index
    token = reader.stream.peek()
    found = _read(reader)
    if found is not None:
        return found
    reader.stream.index = start
    if reader.differentials is None or token.kind != "letter" or token.text != "d":
        return None
    if "d" in reader.scope.table:
        return None
    known = ", ".join(f"d{name}" for name in reader.differentials)
    raise reader.error(f"d of something that is no coordinate; differentials are {known}", token)


def _read(reader: LatexReader) -> Any | None:
    table = reader.differentials
    if table is None:
        return None
    token = reader.stream.next()
    if token.kind == "word" and token.text[:1] == "d" and token.text[1:] in table:
        reader.explicit.add(token.text[1:])
        return table[token.text[1:]]  # \mathrm{dr}
    if token.kind != "letter" or token.text != "d":
        return None
    name = read_name(reader.stream, table)
    if name is not None:
        reader.explicit.add(name.name)
        return table[name.name]
    following = reader.stream.next()
    if (following.kind, following.text) == ("greek", "Omega"):
        return _sphere(reader)
    if following.kind == "bold":
        return _flat(reader, following.text)
    if following.kind == "command" and following.text in ("vec", "boldsymbol", "mathbf"):
        return _flat(reader, _only_letter(reader))
    return None


def _only_letter(reader: LatexReader) -> str:
    braced = reader.stream.accept("{")
    token = reader.stream.next()
    if braced:
        reader.stream.accept("}")
    return token.text if token.kind == "letter" else ""


def _sphere(reader: LatexReader) -> Any | None:
    r"""The metric of the unit sphere, dtheta^2 + sin(theta)^2 dphi^2, for d\Omega^2."""
    subscript = read_subscript(reader.stream)
    squared = _square(reader)
    subscript = subscript or read_subscript(reader.stream)
    theta = _coordinate(reader, "theta", "vartheta")
    phi = _coordinate(reader, "phi", "varphi")
    if not squared or subscript not in ("", "2") or theta is None or phi is None:
        return None
    reader.implied |= {theta, phi}
    symbol = reader.scope.table[theta]
    table = reader.differentials or {}
    return table[theta] ** 2 + sympy.sin(symbol) ** 2 * table[phi] ** 2


def _flat(reader: LatexReader, letter: str) -> Any | None:
    """The flat metric dx^2 + dy^2 + dz^2 for the square of a vector."""
    names = {"x": ("x", "y", "z")}.get(letter, ())
    table = reader.differentials or {}
    if not names or not _square(reader) or any(name not in table for name in names):
        return None
    reader.implied.update(names)
    return sympy.Add(*(table[name] ** 2 for name in names))


def _square(reader: LatexReader) -> bool:
    stream = reader.stream
    if not stream.accept("^"):
        return False
    braced = stream.accept("{")
    two = stream.next()
    return two.text == "2" and (not braced or stream.accept("}"))


def _coordinate(reader: LatexReader, *names: str) -> str | None:
    table = reader.differentials or {}
    return next((name for name in names if name in table), None)
