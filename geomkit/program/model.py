"""Program: the small language between mathematics and machine.

A program is a straight line of assignments, each made once and never changed (SSA): named inputs,
nodes whose arguments are earlier nodes, and outputs that say which node is which tensor component.
Each independent component is computed once; exact zeros are listed, not computed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

__all__ = ["Index", "Input", "Jet", "Node", "Output", "Program", "Slot"]

Index = tuple[int, ...]
KINDS = ("coordinate", "parameter", "jet", "vector")
_DIGITS = 4000
_NUMBER = re.compile(rf"-?[0-9]{{1,{_DIGITS}}}(/[0-9]{{1,{_DIGITS}}})?")


@dataclass(frozen=True)
class Jet:
    """A derivative of an unspecified function, that the caller supplies.

    Attributes:
        function: name of the function.
        arguments: the names of the inputs it depends on, in order.
        orders: how often it is differentiated by each of them; all 0 for its value.
    """

    function: str
    arguments: tuple[str, ...]
    orders: tuple[int, ...]


@dataclass(frozen=True)
class Input:
    """One number that a program is given at a point.

    Attributes:
        name: an identifier, unique in the program.
        kind: coordinate, parameter, jet (of an unspecified function) or vector (a component).
        source: the argument of the kernel it comes from: "points", or "velocity" for instance,
            whose last axis it is taken from; its own name for parameters and jets.
        position: place on the last axis of the source (0 for parameters and jets).
        jet: for kind "jet", the derivative that it is.
    """

    name: str
    kind: str
    source: str
    position: int = 0
    jet: Jet | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """One assignment.

    Attributes:
        op: a leaf ("input", "number", "constant"), an arithmetic operation, or "call".
        args: numbers of earlier nodes.
        value: for leaves and calls, what `geomkit.program.ops` says.
    """

    op: str
    args: tuple[int, ...] = ()
    value: Fraction | int | str | None = None


@dataclass(frozen=True)
class Slot:
    """What one packed component is.

    Attributes:
        output: name of the quantity.
        index: its independent component; () for a scalar.
    """

    output: str
    index: Index

    def __str__(self) -> str:
        return self.output + (f"[{', '.join(map(str, self.index))}]" if self.index else "")


@dataclass(frozen=True)
class Output:
    """One quantity that a program computes.

    Attributes:
        name: an identifier, unique in the program.
        shape: the shape of the full tensor at one point; () for a scalar.
        components: independent components that are not exactly zero, (index, node).
        zeros: independent components that vanish exactly.
        copies: every non-zero entry of the full tensor: (index, number of the component, sign).
        positions: "u" or "d" for each axis that is a tensor slot, "" when there is no such thing.
    """

    name: str
    shape: tuple[int, ...]
    components: tuple[tuple[Index, int], ...]
    zeros: tuple[Index, ...] = ()
    copies: tuple[tuple[Index, int, int], ...] = ()
    positions: str = ""


@dataclass(frozen=True)
class Program:
    """Inputs, assignments, outputs.

    Attributes:
        name: an identifier; part of the names of files.
        inputs: in the order of the kernel's arguments.
        nodes: the assignments.
        outputs: the quantities.
        staged: True when tensors were not derived exactly but are computed step by step from the
            metric (see `geomkit.lower.staged`); such a program cancels near coordinate
            singularities, and its zeros are only as good as rounding.

    Example:
        >>> from geomkit.program import Builder
        >>> b = Builder("area")
        >>> r = b.input("r", "coordinate", "points", 0)
        >>> print(b.scalar("area", b.mul(b.constant("pi"), b.mul(r, r))).finish())
        program area(points = [r])
          area = pi*(r*r)
    """

    name: str
    inputs: tuple[Input, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Output, ...]
    staged: bool = False

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """What each packed component is, in order."""
        return tuple(
            Slot(output.name, index) for output in self.outputs for index, _ in output.components
        )

    @cached_property
    def results(self) -> tuple[int, ...]:
        """The node of each packed component, in order."""
        return tuple(node for output in self.outputs for _, node in output.components)

    @cached_property
    def sources(self) -> dict[str, tuple[int, ...]]:
        """For each array argument ("points", "velocity" ...) the numbers of its inputs."""
        found: dict[str, list[int]] = {}
        for number, one in enumerate(self.inputs):
            if one.kind in ("coordinate", "vector"):
                found.setdefault(one.source, []).append(number)
        return {source: tuple(numbers) for source, numbers in found.items()}

    @cached_property
    def scalars(self) -> tuple[int, ...]:
        """Numbers of the inputs that are arguments by themselves: parameters, then jets."""
        chosen = [i for i, one in enumerate(self.inputs) if one.kind in ("parameter", "jet")]
        return tuple(sorted(chosen, key=lambda i: (self.inputs[i].kind == "jet", i)))

    def output(self, name: str) -> Output:
        """Return an output by name.

        Raises:
            KeyError: there is none of this name.
        """
        for one in self.outputs:
            if one.name == name:
                return one
        raise KeyError(name)

    @cached_property
    def operations(self) -> dict[str, int]:
        """How often each operation and each function occurs."""
        names = (n.value if n.op == "call" else n.op for n in self.nodes)
        counts = Counter(str(name) for name in names)
        return {k: counts[k] for k in sorted(counts) if k not in ("input", "number", "constant")}

    @property
    def flops(self) -> int:
        """Number of arithmetic operations and function calls."""
        return sum(self.operations.values())

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the content: equal for equal programs, in any process."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return lists, texts and numbers that JSON can hold."""
        return {
            "name": self.name,
            "staged": self.staged,
            "inputs": [_input_to_list(one) for one in self.inputs],
            "nodes": [_node_to_list(node) for node in self.nodes],
            "outputs": [
                {
                    "name": o.name,
                    "shape": list(o.shape),
                    "components": [[list(i), node] for i, node in o.components],
                    "zeros": [list(i) for i in o.zeros],
                    "copies": [[list(i), slot, sign] for i, slot, sign in o.copies],
                    "positions": o.positions,
                }
                for o in self.outputs
            ],
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Program:
        """Read what `to_dict` wrote, and check it.

        Args:
            content: the mapping.

        Returns:
            The program.

        Raises:
            LoweringError: it is no well-formed program.
        """
        from geomkit.errors import LoweringError

        from .check import check

        try:
            program = cls(
                name=str(content["name"]),
                inputs=tuple(_input_from_list(row) for row in content["inputs"]),
                nodes=tuple(_node_from_list(row) for row in content["nodes"]),
                outputs=tuple(_output_from_dict(row) for row in content["outputs"]),
                staged=bool(content["staged"]),
            )
        except (KeyError, TypeError, ValueError, IndexError, ArithmeticError) as error:
            raise LoweringError(f"this is not the text of a program: {error!r}") from None
        check(program)
        return program

    def __str__(self) -> str:
        from .text import mathematics

        return mathematics(self)


def _input_to_list(one: Input) -> list[Any]:
    jet = one.jet and [one.jet.function, list(one.jet.arguments), list(one.jet.orders)]
    return [one.name, one.kind, one.source, one.position, jet]


def _input_from_list(row: list[Any]) -> Input:
    name, kind, source, position, jet = row
    read = Jet(str(jet[0]), tuple(map(str, jet[1])), tuple(map(int, jet[2]))) if jet else None
    return Input(str(name), str(kind), str(source), int(position), read)


def _node_to_list(node: Node) -> list[Any]:
    value = str(node.value) if isinstance(node.value, Fraction) else node.value
    return [node.op, list(node.args), value]


def _node_from_list(row: list[Any]) -> Node:
    op, args, value = row
    if op == "number":
        # "1e999999999" would be read as well, and take all the memory there is
        if not _NUMBER.fullmatch(str(value)):
            raise ValueError(f"{str(value)[:40]!r} is no fraction of at most {_DIGITS} digits")
        value = Fraction(value)
    return Node(str(op), tuple(map(int, args)), value)


def _output_from_dict(row: Mapping[str, Any]) -> Output:
    return Output(
        name=str(row["name"]),
        shape=tuple(map(int, row["shape"])),
        components=tuple((tuple(map(int, i)), int(node)) for i, node in row["components"]),
        zeros=tuple(tuple(map(int, i)) for i in row["zeros"]),
        copies=tuple((tuple(map(int, i)), int(slot), int(s)) for i, slot, s in row["copies"]),
        positions=str(row["positions"]),
    )
