"""Reverse mode: a vector times the Jacobian as a program, at a small multiple of its cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from geomkit.differentiate.arguments import chosen, new_inputs, transcribe
from geomkit.differentiate.rules import partial
from geomkit.program import Builder, Program

__all__ = ["vjp"]


def vjp(program: Program, wrt: str | Iterable[str] | None = None) -> Program:
    """Return the program of the gradient: gradient_x = sum_k cotangent_k d(slot k)/dx.

    Jets are inputs like others: they do not depend on their arguments here.

    Args:
        program: the program.
        wrt: names of the inputs to differentiate by; None for all.

    Returns:
        A program with the inputs of the given one, then cotangent_k for each slot k (kind vector,
        source "cotangent"; numbered, "cotangent_2_k", where such names are taken because the
        program is a derivative itself: then it is the last of `Program.sources`), and one output
        "gradient" of shape (number of differentiated inputs,).

    Raises:
        LoweringError: a name is unknown, or a derivative cannot be written as a program.

    Example:
        >>> b = Builder("ratio")
        >>> x, y = (b.input(name, "coordinate", "points", k) for k, name in enumerate("xy"))
        >>> print(vjp(b.scalar("ratio", b.div(x, y)).finish()))
        program ratio_vjp(points = [x, y], cotangent = [cotangent_0])
          w3 = cotangent_0/y
          gradient[0] = w3
          gradient[1] = -(w3*(x/y))
    """
    inputs = chosen(program, wrt)
    builder = Builder(f"{program.name}_vjp", staged=program.staged)
    new = transcribe(builder, program)
    leaves = [
        builder.input(one.name, one.kind, one.source, one.position, one.jet)
        for one in (program.inputs[i] for i in inputs)
    ]
    names = [str(k) for k in range(len(program.slots))]
    adjoints: dict[int, int] = {}
    for node, seed in zip(
        program.results, new_inputs(builder, program, "cotangent", names), strict=True
    ):
        _gather(builder, adjoints, new[node], seed)
    needed = _reaching(builder, set(leaves), max(new, default=-1))
    # arguments have smaller numbers: once a node is reached, all that use it are done
    for node in sorted(needed, reverse=True):
        if node in adjoints:
            for argument, share in _shares(builder, node, adjoints[node], needed):
                _gather(builder, adjoints, argument, share)
    zero = builder.number(0)
    gradient: dict[Any, int] = {(k,): adjoints.get(x, zero) for k, x in enumerate(leaves)}
    return builder.output("gradient", (len(gradient),), gradient).finish()


def _gather(builder: Builder, adjoints: dict[int, int], node: int, share: int) -> None:
    adjoints[node] = builder.add(adjoints[node], share) if node in adjoints else share


def _reaching(builder: Builder, leaves: set[int], last: int) -> set[int]:
    """The nodes up to `last` that depend on one of the leaves."""
    needed = set(leaves)
    for node in range(last + 1):
        if needed.intersection(builder.node(node).args):
            needed.add(node)
    return needed


def _shares(b: Builder, number: int, adjoint: int, needed: set[int]) -> Iterator[tuple[int, int]]:
    """What the adjoint of a node adds to those of its arguments."""
    node = b.node(number)
    args = node.args
    match node.op:
        case "neg":
            yield args[0], b.neg(adjoint)
        case "add" | "sub":
            yield args[0], adjoint
            yield args[1], adjoint if node.op == "add" else b.neg(adjoint)
        case "mul" if args[0] == args[1]:
            yield args[0], b.mul(adjoint, b.mul(b.number(2), args[0]))
        case "mul":
            for one, other in (args, args[::-1]):
                if one in needed:
                    yield one, b.mul(adjoint, other)
        case "div" if b.value(args[0]) == 1:
            yield args[1], b.neg(b.mul(b.mul(adjoint, number), number))
        case "div":
            share = b.div(adjoint, args[1])
            yield args[0], share
            if args[1] in needed:
                yield args[1], b.neg(b.mul(share, number))
        case "call":
            for position, argument in enumerate(args):
                derivative = partial(b, number, position) if argument in needed else None
                if derivative is not None:
                    above, below = derivative
                    yield argument, b.div(b.mul(adjoint, above), below)
