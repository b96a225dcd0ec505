"""Programs of special functions as statements in pairs of numbers, high + low.

Where trigamma or Bessel functions nearly cancel, as in the determinant of a Fisher metric, a result
depends on more digits of them than a float has. Their values are pairs before they are rounded, and
take so much longer than sums and products that these may as well be pairs too.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from geomkit.program import Node, Program, Spelling, Statement
from geomkit.program.text import Written

__all__ = ["in_pairs", "pays"]

# Functions whose values are pairs, and what computes them: of an order and a pair.
_PAIRED = {"polygamma": "polygamma_pair", "besseli": "besseli_pair"}


def pays(program: Program) -> bool:
    """Return whether a program calls a function whose values are pairs."""
    return any(node.op == "call" and node.value in _PAIRED for node in program.nodes)


def in_pairs(program: Program, spelling: Spelling) -> Written:
    """Write a program so that sums, products and quotients are computed in pairs.

    Args:
        program: the program.
        spelling: of float64; what is not arithmetic is computed of the high parts.

    Returns:
        Assignments, and the high parts of the results.

    Raises:
        LoweringError: the language lacks a function; the message names it and who needs it.
    """
    spelling.require(program)
    writer = _Writer(program, spelling)
    lines = tuple(writer.assignments())
    return Written(lines, tuple(writer.pairs[k][0] for k in program.results))


class _Writer:
    def __init__(self, program: Program, spelling: Spelling) -> None:
        self.program, self.spelling = program, spelling
        self.pairs: list[tuple[str, str]] = []
        self._taken = {one.name for one in program.inputs}

    def assignments(self) -> Iterator[Statement]:
        for node in self.program.nodes:
            if node.op == "neg":
                self.pairs.append(_negative(self.pairs[node.args[0]]))
            elif not node.args:
                self.pairs.append(self._leaf(node))
            else:
                text, pair = self._text(node)
                names = self._names()
                self.pairs.append(names if pair else (names[0], "0.0"))
                yield Statement(names if pair else names[:1], text)

    def _leaf(self, node: Node) -> tuple[str, str]:
        if isinstance(node.value, Fraction):
            high = self.spelling.number(node.value)
            low = node.value - Fraction(float(node.value))
            return high, repr(float(low))
        if node.op == "constant":
            return self.spelling.constants[str(node.value)], "0.0"
        return self.program.inputs[int(str(node.value))].name, "0.0"

    def _text(self, node: Node) -> tuple[str, bool]:
        """What computes a node, and whether that gives a pair."""
        first, *more = (self.pairs[a] for a in node.args)
        if node.op == "call":
            name = str(node.value)
            if name in _PAIRED:
                return f"{_PAIRED[name]}({first[0]}, {', '.join(more[0])})", True
            highs = [first[0], *(pair[0] for pair in more)]
            return self.spelling.functions[name].format(*highs), False
        second = _negative(more[0]) if node.op == "sub" else more[0]
        if node.op in ("add", "sub"):
            return f"precise_sum({first[0]}, {second[0]}, {first[1]} + {second[1]})", True
        below = ", ".join(second) if node.op == "mul" else f"*precise_inverse({', '.join(second)})"
        return f"precise_product({', '.join(first)}, {below})", True

    def _names(self) -> tuple[str, str]:
        count = len(self._taken)
        while not self._taken.isdisjoint((f"w{count}", f"w{count}_low")):
            count += 1
        self._taken |= {f"w{count}", f"w{count}_low"}
        return f"w{count}", f"w{count}_low"


def _negative(pair: tuple[str, str]) -> tuple[str, str]:
    high, low = (text[1:] if text.startswith("-") else f"-{text}" for text in pair)
    return high, low if low != "-0.0" else "0.0"
