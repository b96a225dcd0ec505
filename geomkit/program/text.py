"""Programs as text: in mathematics for people, and in the spelling of any language.

Expressions that are used once are written where they are used, in parentheses only where the order
of evaluation asks for them; everything else gets a name that says what it is (`sin_theta`, `r2`)
where that is short, or a number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from geomkit.errors import LoweringError

from .model import Node, Program
from .ops import CONSTANTS, FUNCTIONS

__all__ = ["Spelling", "Statement", "Written", "mathematics", "statements", "users"]

# How tightly an expression holds together.
SUM, PRODUCT, SIGN, ATOM = 1, 2, 3, 4
LONGEST = 72


@dataclass(frozen=True)
class Spelling:
    """How a language writes what programs are made of.

    Attributes:
        language: its name, for messages.
        functions: templates, `{0}` and `{1}` standing for the arguments.
        constants: texts of pi, e ...
        number: writes a rational number.
        sincos: template of a call that gives sine and cosine of one angle together; "" if there is
            none.
        longest: expressions are not put inside others beyond this length.
    """

    language: str
    functions: Mapping[str, str]
    constants: Mapping[str, str]
    number: Callable[[Fraction], str]
    sincos: str = ""
    longest: int = LONGEST

    def require(self, program: Program) -> None:
        """Refuse a program that uses something this language has no word for.

        Args:
            program: the program.

        Raises:
            LoweringError: naming the function and the components that need it.
        """
        for node, one in enumerate(program.nodes):
            table = {"call": self.functions, "constant": self.constants}.get(one.op)
            if table is not None and one.value not in table:
                needing = ", ".join(users(program, node))
                raise LoweringError(
                    f"the {self.language} backend has no {one.value}, which {needing} of "
                    f"{program.name!r} need; use another backend ('interpret' has all functions)"
                )


@dataclass(frozen=True)
class Statement:
    """`targets = text`; more than one target for sine and cosine together."""

    targets: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{', '.join(self.targets)} = {self.text}"


@dataclass(frozen=True)
class Written:
    """A program in some language.

    Attributes:
        statements: the assignments, in order.
        results: the expression of each packed component, in the order of `Program.slots`.
    """

    statements: tuple[Statement, ...]
    results: tuple[str, ...]


def statements(program: Program, spelling: Spelling) -> Written:
    """Write a program in the spelling of a language.

    Args:
        program: the program.
        spelling: the language.

    Returns:
        Assignments and results. Inputs are called by their names.

    Raises:
        LoweringError: the language lacks a function; the message names it and who needs it.
    """
    spelling.require(program)
    writer = _Writer(program, spelling)
    return Written(tuple(writer.assignments()), tuple(writer.text(k) for k in program.results))


def mathematics(program: Program) -> str:
    """Write a program for people.

    Args:
        program: the program.

    Returns:
        Inputs, assignments, and each quantity component by component.
    """
    written = statements(program, MATHEMATICS)
    names = [
        f"{source} = [{', '.join(program.inputs[i].name for i in numbers)}]"
        for source, numbers in program.sources.items()
    ] + [program.inputs[i].name for i in program.scalars]
    lines = [f"program {program.name}({', '.join(names)})"]
    if program.staged:
        lines.append("  # staged: computed step by step from the metric, not derived exactly")
    lines += [f"  {statement}" for statement in written.statements]
    results = dict(zip(program.slots, written.results, strict=True))
    lines += [f"  {slot} = {text}" for slot, text in results.items() if str(slot) != text]
    for output in program.outputs:
        if not output.components:
            lines.append(f"  {output.name} = 0")
        elif output.zeros:
            indices = ", ".join(str(list(index)) for index in output.zeros)
            lines.append(f"  {output.name} is 0 at {indices}")
    return "\n".join(lines)


class _Writer:
    def __init__(self, program: Program, spelling: Spelling) -> None:
        self.program, self.spelling = program, spelling
        self.uses = Counter(a for node in program.nodes for a in node.args)
        self.uses.update(program.results)
        self._written: dict[int, tuple[str, int]] = {}
        self._named: dict[int, str] = {}
        self._taken = {one.name for one in program.inputs}
        self._pairs = _pairs(program) if spelling.sincos else {}

    def text(self, node: int) -> str:
        return self._written[node][0]

    def assignments(self) -> Iterator[Statement]:
        for number, node in enumerate(self.program.nodes):
            if number in self._written:
                continue
            if number in self._pairs:
                yield self._pair(number)
                continue
            text, level = self._expression(node)
            leaf = not node.args
            alone = self.uses[number] == 1 and len(text) <= self.spelling.longest
            if leaf or (alone and node.op != "call"):
                self._written[number] = text, level
            else:
                name = self._name(number)
                self._written[number] = name, ATOM
                yield Statement((name,), text)

    def _pair(self, number: int) -> Statement:
        sine, cosine = self._pairs[number]
        argument = self.text(self.program.nodes[sine].args[0])
        targets = self._name(sine), self._name(cosine)
        for node, name in zip((sine, cosine), targets, strict=True):
            self._written[node] = name, ATOM
        return Statement(targets, self.spelling.sincos.format(argument))

    def _expression(self, node: Node) -> tuple[str, int]:
        if node.op == "input":
            return self.program.inputs[int(str(node.value))].name, ATOM
        if node.op == "number":
            assert isinstance(node.value, Fraction)
            text = self.spelling.number(node.value)
            return text, SIGN if text.startswith("-") else PRODUCT if "/" in text else ATOM
        if node.op == "constant":
            return self.spelling.constants[str(node.value)], ATOM
        if node.op == "call":
            arguments = [self.text(a) for a in node.args]
            return self.spelling.functions[str(node.value)].format(*arguments), ATOM
        return self._arithmetic(node)

    def _arithmetic(self, node: Node) -> tuple[str, int]:
        if node.op == "neg":
            return f"-{self._held(node.args[0], SIGN + 1)}", SIGN
        level = SUM if node.op in ("add", "sub") else PRODUCT
        left = self._held(node.args[0], level)
        right = self._held(node.args[1], level + 1)
        if right.startswith("-"):
            right = f"({right})"
        sign = {"add": " + ", "sub": " - ", "mul": "*", "div": "/"}[node.op]
        return f"{left}{sign}{right}", level

    def _held(self, node: int, level: int) -> str:
        text, own = self._written[node]
        return text if own >= level else f"({text})"

    # Names ----------------------------------------------------------------------------------

    def _name(self, number: int) -> str:
        wanted = self._hint(number)
        if not wanted or len(wanted) > 16 or wanted in self._taken:
            count = len(self._taken)
            while f"w{count}" in self._taken:
                count += 1
            wanted = f"w{count}"
        self._taken.add(wanted)
        self._named[number] = wanted
        return wanted

    def _hint(self, number: int) -> str:
        """What a node may be called after what it is made of; "" if nothing short."""
        node = self.program.nodes[number]
        if node.op == "call" and len(node.args) == 1:
            inner = self._plain(node.args[0])
            return f"{node.value}_{inner}" if inner else ""
        if node.op == "mul":
            bases = [self._power(a) for a in node.args]
            if all(bases) and bases[0][0] == bases[1][0]:  # type: ignore[index]
                return f"{bases[0][0]}{bases[0][1] + bases[1][1]}"  # type: ignore[index]
        return ""

    def _plain(self, number: int) -> str:
        node = self.program.nodes[number]
        if node.op == "input":
            return self.program.inputs[int(str(node.value))].name
        return self._named.get(number, "")

    def _power(self, number: int) -> tuple[str, int] | None:
        """Read a node as a power of something that has a name."""
        node = self.program.nodes[number]
        if node.op == "mul" and node.args[0] == node.args[1]:
            inner = self._power(node.args[0])
            return inner and (inner[0], 2 * inner[1])
        if node.op == "mul":
            parts = [self._power(a) for a in node.args]
            if parts[0] and parts[1] and parts[0][0] == parts[1][0]:
                return parts[0][0], parts[0][1] + parts[1][1]
            return None
        name = self._plain(number)
        return (name, 1) if name and not name[-1].isdigit() else None


def _pairs(program: Program) -> dict[int, tuple[int, int]]:
    """For the first of each sine and cosine of one angle, both nodes."""
    found: dict[int, dict[str, int]] = {}
    for number, node in enumerate(program.nodes):
        if node.op == "call" and node.value in ("sin", "cos"):
            found.setdefault(node.args[0], {})[str(node.value)] = number
    both = [(f["sin"], f["cos"]) for f in found.values() if len(f) == 2]
    return {min(pair): pair for pair in both}


def users(program: Program, node: int) -> list[str]:
    """Tell which components a node goes into.

    Args:
        program: the program.
        node: its number.

    Returns:
        The slots, as text.
    """
    reached = {node}
    for number, one in enumerate(program.nodes):
        if reached.intersection(one.args):
            reached.add(number)
    pairs = zip(program.slots, program.results, strict=True)
    return [str(slot) for slot, result in pairs if result in reached]


MATHEMATICS = Spelling(
    "mathematical",
    {
        name: f"{name}({', '.join(f'{{{k}}}' for k in range(arity))})"
        for name, arity in FUNCTIONS.items()
    },
    {name: name for name in CONSTANTS},
    str,
)
