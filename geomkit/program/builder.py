"""Builder: makes a program node by node; equal nodes are made once (common subexpressions)."""

from __future__ import annotations

import keyword
import unicodedata
from collections.abc import Iterable, Mapping
from fractions import Fraction

from geomkit.errors import LoweringError

from .check import check
from .model import Index, Input, Jet, Node, Output, Program

__all__ = ["Builder", "identifier"]

_COMMUTATIVE = ("add", "mul")
# What the calls of kernels name themselves.
CALLED = ("points", "out")


def identifier(name: str) -> str:
    """Return a Python identifier for a name: `lambda` becomes `lambda_`.

    So do `points` and `out`, which mean something in the call of a kernel.

    Args:
        name: what the user calls it.

    Returns:
        The identifier.

    Example:
        >>> identifier("lambda"), identifier("x'"), identifier("theta"), identifier("out")
        ('lambda_', 'x_', 'theta', 'out_')
    """
    letters = unicodedata.normalize("NFKC", name)
    text = "".join(c if f"a{c}".isidentifier() else "_" for c in letters) or "_"
    text = text if text.isidentifier() else f"_{text}"
    return f"{text}_" if keyword.iskeyword(text) or text in CALLED else text


def _said(one: Input, given: str) -> str:
    """An input in words, for messages, by the name that it was given."""
    if one.jet is None:
        return f"the {one.kind} {given}"
    orders = zip(one.jet.arguments, one.jet.orders, strict=True)
    by = ", ".join(name for name, k in orders for _ in range(k))
    call = f"{one.jet.function}({', '.join(one.jet.arguments)})"
    return f"the derivative of {call} by {by}" if by else call


class Builder:
    """Collects nodes and outputs.

    Methods that make a node return its number. Trivial arithmetic (0, 1, numbers among themselves,
    double negation) is done at once; nothing else is rewritten, so that the arithmetic of the
    kernel is the arithmetic that was asked for.

    Args:
        name: name of the program.
        staged: see `Program.staged`.
    """

    def __init__(self, name: str, *, staged: bool = False) -> None:
        self.name = identifier(name)
        self.staged = staged
        self._inputs: list[Input] = []
        self._given: dict[str, str] = {}  # by identifier: what the user calls the input
        self._nodes: list[Node] = []
        self._numbers: dict[Node, int] = {}
        self._outputs: list[Output] = []

    # Leaves ---------------------------------------------------------------------------------

    def input(
        self, name: str, kind: str, source: str = "", position: int = 0, jet: Jet | None = None
    ) -> int:
        """Return the node of an input, declared when it is first asked for.

        Args:
            name: its name; made an identifier.
            kind: coordinate, parameter, jet or vector.
            source: the array argument it comes from; by default its own name.
            position: place on the last axis of the source.
            jet: for kind "jet".

        Returns:
            The node.

        Raises:
            LoweringError: another input has the same name.
        """
        given, name = name, identifier(name)
        wanted = Input(name, kind, source or name, position, jet)
        for number, known in enumerate(self._inputs):
            if known.name == name:
                # `lambda` and `lambda_` are two parameters, though both would be called lambda_
                if known != wanted or self._given[name] != given:
                    raise LoweringError(
                        f"two inputs of the kernel would be called {name!r}: "
                        f"{_said(known, self._given[name])} and {_said(wanted, given)}; rename a "
                        "coordinate, parameter or function"
                    )
                return self._make(Node("input", (), number))
        self._inputs.append(wanted)
        self._given[name] = given
        return self._make(Node("input", (), len(self._inputs) - 1))

    def number(self, value: Fraction | int) -> int:
        """Return the node of a rational number."""
        return self._make(Node("number", (), Fraction(value)))

    def constant(self, name: str) -> int:
        """Return the node of pi, e, euler, catalan or golden."""
        return self._make(Node("constant", (), name))

    def value(self, node: int) -> Fraction | None:
        """Return the rational number that a node is, or None."""
        found = self._nodes[node]
        return found.value if isinstance(found.value, Fraction) else None

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The inputs declared so far; the value of a node "input" is a place among them."""
        return tuple(self._inputs)

    def node(self, number: int) -> Node:
        """Return what was made under a number."""
        return self._nodes[number]

    # Arithmetic -----------------------------------------------------------------------------

    def add(self, a: int, b: int) -> int:
        """Return a + b."""
        x, y = self.value(a), self.value(b)
        if x == 0:
            return b
        if y == 0:
            return a
        if x is not None and y is not None:
            return self.number(x + y)
        if self._nodes[b].op == "neg":
            return self.sub(a, self._nodes[b].args[0])
        if self._nodes[a].op == "neg":
            return self.sub(b, self._nodes[a].args[0])
        return self._make(Node("add", (a, b)))

    def sub(self, a: int, b: int) -> int:
        """Return a - b."""
        x, y = self.value(a), self.value(b)
        if y == 0:
            return a
        if x == 0:
            return self.neg(b)
        if a == b:
            return self.number(0)
        if x is not None and y is not None:
            return self.number(x - y)
        if self._nodes[b].op == "neg":
            return self.add(a, self._nodes[b].args[0])
        return self._make(Node("sub", (a, b)))

    def mul(self, a: int, b: int) -> int:
        """Return a*b."""
        for one, other in ((a, b), (b, a)):
            x = self.value(one)
            if x == 0:
                return one
            if x == 1:
                return other
            if x == -1:
                return self.neg(other)
        x, y = self.value(a), self.value(b)
        if x is not None and y is not None:
            return self.number(x * y)
        for one, other in ((a, b), (b, a)):
            if self._nodes[one].op == "neg":
                return self.neg(self.mul(self._nodes[one].args[0], other))
        return self._make(Node("mul", (a, b)))

    def div(self, a: int, b: int) -> int:
        """Return a/b.

        Raises:
            LoweringError: b is the number 0.
        """
        x, y = self.value(a), self.value(b)
        if y == 0:
            raise LoweringError(f"program {self.name!r} would divide by zero")
        if x == 0 or y == 1:
            return a
        if y == -1:
            return self.neg(a)
        if x is not None and y is not None:
            return self.number(x / y)
        if self._nodes[a].op == "neg":
            return self.neg(self.div(self._nodes[a].args[0], b))
        if self._nodes[b].op == "neg":
            return self.neg(self.div(a, self._nodes[b].args[0]))
        return self._make(Node("div", (a, b)))

    def neg(self, a: int) -> int:
        """Return -a."""
        x = self.value(a)
        if x is not None:
            return self.number(-x)
        if self._nodes[a].op == "neg":
            return self._nodes[a].args[0]
        if self._nodes[a].op == "sub":
            left, right = self._nodes[a].args
            return self.sub(right, left)
        return self._make(Node("neg", (a,)))

    def power(self, a: int, exponent: int) -> int:
        """Return a**exponent for an integer, by shared squares."""
        if exponent < 0:
            return self.div(self.number(1), self.power(a, -exponent))
        if exponent == 0:
            return self.number(1)
        if exponent == 1:
            return a
        half = self.power(a, exponent // 2)
        square = self.mul(half, half)
        return self.mul(square, a) if exponent % 2 else square

    def sum(self, terms: Iterable[int]) -> int:
        """Return the sum of nodes, from left to right."""
        total = self.number(0)
        for term in terms:
            total = self.add(total, term)
        return total

    def product(self, factors: Iterable[int]) -> int:
        """Return the product of nodes, from left to right."""
        total = self.number(1)
        for factor in factors:
            total = self.mul(total, factor)
        return total

    def call(self, function: str, *args: int) -> int:
        """Return a function (a name of `ops.FUNCTIONS`) of nodes."""
        return self._make(Node("call", args, function))

    def _make(self, node: Node) -> int:
        key = node
        if node.op in _COMMUTATIVE and node.args[0] > node.args[1]:
            key = Node(node.op, (node.args[1], node.args[0]), node.value)
        if key not in self._numbers:
            self._numbers[key] = len(self._nodes)
            self._nodes.append(node)
        return self._numbers[key]

    # Outputs --------------------------------------------------------------------------------

    def scalar(self, name: str, node: int) -> Builder:
        """Declare a scalar output.

        Args:
            name: its name.
            node: its value.

        Returns:
            The builder itself.
        """
        return self.output(name, (), {(): node}, {(): ((), 1)})

    def output(
        self,
        name: str,
        shape: tuple[int, ...],
        components: Mapping[Index, int],
        entries: Mapping[Index, tuple[Index, int]] | None = None,
        positions: str = "",
    ) -> Builder:
        """Declare an output.

        Args:
            name: its name; made an identifier.
            shape: of the full tensor.
            components: the node of each independent component; the number 0 is an exact zero.
            entries: for each entry of the full tensor the independent component it equals, and the
                sign; entries left out are zero. None: every component is its own entry.
            positions: "u" or "d" for each slot.

        Returns:
            The builder itself.
        """
        if entries is None:
            entries = {index: (index, 1) for index in components}
        alive = {i: node for i, node in components.items() if self.value(node) != 0}
        place = {index: k for k, index in enumerate(alive)}
        copies = tuple(
            (entry, place[index], sign)
            for entry, (index, sign) in sorted(entries.items())
            if index in place and sign
        )
        zeros = tuple(i for i in components if i not in alive)
        row = Output(identifier(name), shape, tuple(alive.items()), zeros, copies, positions)
        self._outputs.append(row)
        return self

    def finish(self) -> Program:
        """Drop what no output needs, number anew, check, and return the program.

        Inputs stay, needed or not: they are the arguments of the kernel.

        Returns:
            The program.
        """
        alive: set[int] = set()
        pending = [node for output in self._outputs for _, node in output.components]
        while pending:
            node = pending.pop()
            if node not in alive:
                alive.add(node)
                pending += self._nodes[node].args
        new = {old: k for k, old in enumerate(sorted(alive))}
        nodes = tuple(
            Node(n.op, tuple(new[a] for a in n.args), n.value)
            for n in (self._nodes[old] for old in new)
        )
        outputs = tuple(
            Output(
                o.name,
                o.shape,
                tuple((index, new[node]) for index, node in o.components),
                o.zeros,
                o.copies,
                o.positions,
            )
            for o in self._outputs
        )
        program = Program(self.name, tuple(self._inputs), nodes, outputs, self.staged)
        check(program)
        return program
