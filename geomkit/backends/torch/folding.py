"""Functions of numbers alone: computed when the code is written, at 40 digits."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from geomkit.errors import LoweringError
from geomkit.program import Node, Output, Program

__all__ = ["fold"]


def fold(program: Program) -> Program:
    """Replace each function of numbers alone by its value, and drop what is no longer needed.

    Torch's functions take tensors only. The number is the double nearest to the value.

    Args:
        program: the program.

    Returns:
        A program that computes the same.

    Raises:
        LoweringError: a value is no floating-point number.

    Example:
        >>> from geomkit.program import Builder
        >>> b = Builder("diagonal")
        >>> a = b.input("a", "parameter")
        >>> root = b.call("sqrt", b.number(2))
        >>> fold(b.scalar("d", b.mul(root, a)).finish()).operations
        {'mul': 1}
    """
    exact: list[bool] = []
    nodes: list[Node] = []
    for number, node in enumerate(program.nodes):
        exact.append(node.op != "input" and all(exact[a] for a in node.args))
        if node.op == "call" and exact[number]:
            node = Node("number", (), _value(program, number))
        nodes.append(node)
    return _without_dead(replace(program, nodes=tuple(nodes)))


def _value(program: Program, node: int) -> Fraction:
    from geomkit.evaluate import Digits
    from geomkit.interpret import interpret

    alone = Output("value", (), (((), node),))
    part = _without_dead(replace(program, inputs=(), outputs=(alone,)))
    (value,) = interpret(part, {}, Digits(40))
    try:
        return Fraction(float(value))
    except (OverflowError, ValueError, TypeError):
        raise LoweringError(
            f"{program.nodes[node].value} has the value {value} in program {program.name!r}, which "
            "is no floating-point number"
        ) from None


def _without_dead(program: Program) -> Program:
    alive: set[int] = set()
    pending = list(program.results)
    while pending:
        node = pending.pop()
        if node not in alive:
            alive.add(node)
            pending += program.nodes[node].args
    new = {old: k for k, old in enumerate(sorted(alive))}
    nodes = (program.nodes[old] for old in new)
    outputs = (
        replace(o, components=tuple((index, new[node]) for index, node in o.components))
        for o in program.outputs
    )
    return replace(
        program,
        nodes=tuple(replace(n, args=tuple(new[a] for a in n.args)) for n in nodes),
        outputs=tuple(outputs),
    )
