"""Random well-formed programs for Hypothesis.

`programs` draws any: every operation, function and constant, tensors with symmetric copies and
exact zeros. `smooth_programs` have values and derivatives at every real point, by construction;
`arithmetic_programs` know no function, so that their values are rational.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from geomkit.program import CONSTANTS, FUNCTIONS, Builder, Index, Jet, Program

Draw = Callable[[st.SearchStrategy[Any]], Any]
Step = Callable[[Builder, int, int], int]


def _positive(b: Builder, x: int) -> int:
    return b.add(b.number(1), b.mul(x, x))


ARITHMETIC: tuple[Step, ...] = (
    lambda b, x, y: b.add(x, y),
    lambda b, x, y: b.sub(x, y),
    lambda b, x, y: b.mul(x, y),
    lambda b, x, y: b.neg(x),
    lambda b, x, y: b.mul(x, x),
)

SMOOTH: tuple[Step, ...] = (
    *ARITHMETIC,
    lambda b, x, y: b.div(y, _positive(b, x)),
    lambda b, x, y: b.call("sqrt", _positive(b, x)),
    lambda b, x, y: b.call("log", _positive(b, x)),
    lambda b, x, y: b.call("pow", _positive(b, x), b.number(Fraction(-3, 2))),
    lambda b, x, y: b.call("pow", _positive(b, x), b.call("sin", y)),
    lambda b, x, y: b.call("exp", b.call("cos", x)),
    lambda b, x, y: b.call("atan2", x, _positive(b, y)),
    *(
        lambda b, x, y, name=name: b.call(name, x)
        for name in ("sin", "cos", "tanh", "atan", "asinh", "erf")
    ),
)


def _rationals() -> st.SearchStrategy[Fraction]:
    return st.fractions(min_value=-3, max_value=3, max_denominator=8)


def _leaves(draw: Draw, b: Builder) -> list[int]:
    nodes = [
        b.input(name, "coordinate", "points", k) for k, name in enumerate("xyz"[: draw(_few(1, 3))])
    ]
    nodes += [b.input(name, "parameter") for name in ("M", "a")[: draw(_few(0, 2))]]
    if draw(st.booleans()):
        nodes.append(b.number(draw(_rationals())))
    if draw(st.booleans()):
        nodes.append(b.constant(draw(st.sampled_from(CONSTANTS))))
    return nodes


def _few(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high)


def _outputs(draw: Draw, b: Builder, nodes: Sequence[int]) -> Program:
    """A scalar, and sometimes an antisymmetric matrix with a zero, or a symmetric one."""
    node = st.sampled_from(nodes)
    b.scalar("value", draw(node))
    if draw(st.booleans()):
        components: dict[Index, int] = {(0, 0): draw(node), (0, 1): draw(node), (1, 1): b.number(0)}
        entries: dict[Index, tuple[Index, int]] = {
            (0, 0): ((0, 0), 1),
            (0, 1): ((0, 1), 1),
            (1, 0): ((0, 1), 1),
        }
        entries[1, 1] = (1, 1), 1
        b.output("matrix", (2, 2), components, entries, "dd")
    if draw(st.booleans()):
        b.output("form", (2, 2), {(0, 1): draw(node)}, {(0, 1): ((0, 1), 1), (1, 0): ((0, 1), -1)})
    return b.finish()


def _extended(draw: Draw, b: Builder, steps: Sequence[Step], size: int) -> list[int]:
    nodes = _leaves(draw, b)
    for _ in range(draw(_few(1, size))):
        x, y = draw(st.sampled_from(nodes)), draw(st.sampled_from(nodes[-3:]))
        nodes.append(draw(st.sampled_from(steps))(b, x, y))
    return nodes


@st.composite
def arithmetic_programs(draw: Draw, size: int = 8) -> Program:
    """Sums, differences, products of inputs and rational numbers; quotients that may fail."""
    b = Builder("arithmetic")
    nodes = _extended(draw, b, (*ARITHMETIC, _quotient), size)
    constants = {n for n in nodes if b.node(n).op == "constant"}
    return _outputs(draw, b, [n for n in nodes if not _touches(b, n, constants)])


def _quotient(b: Builder, x: int, y: int) -> int:
    return b.mul(x, y) if b.value(y) == 0 else b.div(x, y)


def _touches(b: Builder, node: int, leaves: set[int]) -> bool:
    return node in leaves or any(_touches(b, a, leaves) for a in b.node(node).args)


@st.composite
def smooth_programs(draw: Draw, size: int = 7) -> Program:
    """Programs that are smooth on all of R^n."""
    b = Builder("smooth")
    return _outputs(draw, b, _extended(draw, b, SMOOTH, size))


@st.composite
def programs(draw: Draw, size: int = 12) -> Program:
    """Any program at all; at most points it has no values."""
    b = Builder(draw(st.sampled_from(["f", "lambda", "kerr_2"])), staged=draw(st.booleans()))
    nodes = _leaves(draw, b)
    if draw(st.booleans()):
        orders = (draw(_few(0, 2)),)
        nodes.append(b.input("h" + "_x" * orders[0], "jet", jet=Jet("h", ("x",), orders)))
    for _ in range(draw(_few(0, size))):
        name = draw(st.sampled_from(["add", "sub", "mul", "div", "neg", *FUNCTIONS]))
        x, y = draw(st.sampled_from(nodes)), draw(st.sampled_from(nodes))
        if name in FUNCTIONS:
            nodes.append(b.call(name, *(x, y)[: FUNCTIONS[name]]))
        elif name == "neg":
            nodes.append(b.neg(x))
        elif name != "div" or b.value(y) != 0:
            nodes.append(getattr(b, name)(x, y))
    return _outputs(draw, b, nodes)


@st.composite
def points(draw: Draw, program: Program) -> dict[str, float]:
    """Floats of moderate size for all inputs of a program."""
    number = st.floats(-3, 3).map(lambda x: round(x, 6))
    return {one.name: draw(number) for one in program.inputs}
