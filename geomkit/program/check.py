"""The verifier: what has to hold of a program before anything is done with it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from geomkit.errors import LoweringError

from .model import KINDS, Input, Node, Output, Program
from .ops import ARITHMETIC, CONSTANTS, FUNCTIONS

__all__ = ["check"]


def check(program: Program) -> None:
    """Check that a program is well formed.

    Names are unique identifiers, arguments are earlier nodes, operations and functions are known
    and have as many arguments as they need, and outputs point to nodes and fit their shapes.

    Args:
        program: the program.

    Raises:
        LoweringError: it is not; the message lists everything that is wrong.
    """
    wrong = [*_inputs(program.inputs), *_nodes(program), *_outputs(program)]
    if wrong:
        raise LoweringError(f"program {program.name!r} is not well formed: " + "; ".join(wrong))


def _inputs(inputs: tuple[Input, ...]) -> Iterator[str]:
    names = [one.name for one in inputs]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"two inputs are called {name!r}"
    for one in inputs:
        if not one.name.isidentifier():
            yield f"{one.name!r} is no identifier"
        if one.kind not in KINDS:
            yield f"input {one.name!r} is of unknown kind {one.kind!r}"
        if (one.kind == "jet") != (one.jet is not None):
            yield f"input {one.name!r} of kind {one.kind!r} has jet {one.jet!r}"


def _nodes(program: Program) -> Iterator[str]:
    for number, node in enumerate(program.nodes):
        if any(not 0 <= a < number for a in node.args):
            yield f"node {number} ({node.op}) uses {node.args}, which are not earlier nodes"
        problem = _node(node, len(program.inputs))
        if problem:
            yield f"node {number}: {problem}"


def _node(node: Node, inputs: int) -> str:
    needed = ARITHMETIC.get(node.op, 0)
    if node.op == "call":
        if node.value not in FUNCTIONS:
            return f"unknown function {node.value!r}"
        needed = FUNCTIONS[str(node.value)]
    elif node.op == "input":
        if not isinstance(node.value, int) or not 0 <= node.value < inputs:
            return f"there is no input {node.value!r}"
    elif node.op == "number":
        if not isinstance(node.value, Fraction):
            return f"{node.value!r} is no Fraction"
    elif node.op == "constant":
        if node.value not in CONSTANTS:
            return f"unknown constant {node.value!r}"
    elif node.op not in ARITHMETIC:
        return f"unknown operation {node.op!r}"
    return "" if len(node.args) == needed else f"{node.op} has {len(node.args)} arguments"


def _outputs(program: Program) -> Iterator[str]:
    names = [output.name for output in program.outputs]
    if len(set(names)) != len(names):
        yield f"outputs share a name: {', '.join(names)}"
    for output in program.outputs:
        if not output.name.isidentifier():
            yield f"output {output.name!r} is no identifier"
        yield from _output(output, len(program.nodes))


def _output(output: Output, nodes: int) -> Iterator[str]:
    indices = [index for index, _ in output.components] + list(output.zeros)
    indices += [index for index, _, _ in output.copies]
    if len({index for index, _ in output.components}) != len(output.components):
        yield f"output {output.name!r} lists a component twice"
    if len({index for index, _, _ in output.copies}) != len(output.copies):
        yield f"output {output.name!r} fills an entry twice"
    for index in indices:
        inside = len(index) == len(output.shape) and all(
            0 <= i < size for i, size in zip(index, output.shape, strict=True)
        )
        if not inside:
            yield f"index {index} of output {output.name!r} is outside its shape {output.shape}"
    if any(not 0 <= node < nodes for _, node in output.components):
        yield f"output {output.name!r} points to a node that does not exist"
    for index, slot, sign in output.copies:
        if not 0 <= slot < len(output.components) or sign not in (1, -1):
            yield f"entry {index} of output {output.name!r} copies component {slot} times {sign}"
