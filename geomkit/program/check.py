"""The verifier: what has to hold of a program before anything is done with it."""

from __future__ import annotations

import keyword
import math
from collections.abc import Iterator
from fractions import Fraction

from geomkit.errors import LoweringError

from .model import KINDS, Jet, Node, Output, Program
from .ops import ARITHMETIC, CONSTANTS, FUNCTIONS

__all__ = ["check"]

# Entries of one output: a file with a shape beyond it would ask for all the memory there is.
LARGEST = 10**7


def check(program: Program) -> None:
    """Check that a program is well formed.

    Names are identifiers and unique, arguments are earlier nodes, operations and functions are
    known and have as many arguments as they need, jets depend on inputs, the inputs of an array are
    all of its last axis, and outputs point to nodes and fit their shapes.

    Args:
        program: the program.

    Raises:
        LoweringError: it is not; the message lists everything that is wrong.
    """
    wrong = [*_names(program), *_inputs(program), *_nodes(program), *_outputs(program)]
    if wrong:
        raise LoweringError(f"program {program.name!r} is not well formed: " + "; ".join(wrong))


def _names(program: Program) -> Iterator[str]:
    """Names end up in files and in generated code: nothing but identifiers may pass."""
    inputs, outputs = program.inputs, program.outputs
    names = [one.name for one in inputs] + [one.name for one in outputs]
    names += [one.source for one in inputs]
    names += [one.jet.function for one in inputs if one.jet]
    for name in dict.fromkeys([program.name, *names]):
        if not name.isidentifier() or keyword.iskeyword(name):
            yield f"{name!r} is no identifier"


def _inputs(program: Program) -> Iterator[str]:
    inputs = program.inputs
    names = [one.name for one in inputs]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"two inputs are called {name!r}"
    for one in inputs:
        if one.kind not in KINDS:
            yield f"input {one.name!r} is of unknown kind {one.kind!r}"
        if (one.kind == "jet") != (one.jet is not None):
            yield f"input {one.name!r} of kind {one.kind!r} has jet {one.jet!r}"
        if one.jet and not _jet(one.jet, names):
            yield f"input {one.name!r} has jet {one.jet}, whose arguments are no inputs"
    for source, numbers in program.sources.items():
        places = [inputs[i].position for i in numbers]
        if places != list(range(len(numbers))):
            yield f"the inputs of {source!r} have the positions {places}, not 0, 1, 2 ..."
        if any(inputs[i].name == source for i in program.scalars):
            yield f"an array and a number are both called {source!r}"


def _jet(jet: Jet, names: list[str]) -> bool:
    fits = len(jet.arguments) == len(jet.orders) and all(order >= 0 for order in jet.orders)
    return fits and all(name in names for name in jet.arguments)


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
        if not isinstance(node.value, str) or node.value not in FUNCTIONS:
            return f"unknown function {node.value!r}"
        needed = FUNCTIONS[str(node.value)]
    elif node.op == "input":
        if not isinstance(node.value, int) or not 0 <= node.value < inputs:
            return f"there is no input {node.value!r}"
    elif node.op == "number":
        if not isinstance(node.value, Fraction):
            return f"{node.value!r} is no Fraction"
    elif node.op == "constant":
        if not isinstance(node.value, str) or node.value not in CONSTANTS:
            return f"unknown constant {node.value!r}"
    elif node.op not in ARITHMETIC:
        return f"unknown operation {node.op!r}"
    elif node.value is not None:
        return f"{node.op} has a value, {node.value!r}"
    return "" if len(node.args) == needed else f"{node.op} has {len(node.args)} arguments"


def _outputs(program: Program) -> Iterator[str]:
    names = [output.name for output in program.outputs]
    if len(set(names)) != len(names):
        yield f"outputs share a name: {', '.join(names)}"
    for output in program.outputs:
        yield from _output(output, len(program.nodes))


def _output(output: Output, nodes: int) -> Iterator[str]:
    indices = [index for index, _ in output.components] + list(output.zeros)
    indices += [index for index, _, _ in output.copies]
    independent = [index for index, _ in output.components] + list(output.zeros)
    if any(size < 0 for size in output.shape) or math.prod(output.shape) > LARGEST:
        yield f"output {output.name!r} has shape {output.shape}"
    if len(output.positions) > len(output.shape) or set(output.positions) - {"u", "d"}:
        yield f"output {output.name!r} of shape {output.shape} has positions {output.positions!r}"
    if len(set(independent)) != len(independent):
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
