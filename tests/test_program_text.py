"""Programs as text: what is printed means the program, in mathematics and in any language."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomkit.errors import LoweringError
from geomkit.program import CONSTANTS, FUNCTIONS, Builder, Program, Spelling, statements
from tests.program_oracle import assert_close, expressions, value
from tests.program_strategies import points, programs, smooth_programs
from tests.strategies import MANY

NUMBERS = mpmath.mp.clone()
NUMBERS.dps = 60
SPOKEN: dict[str, Any] = {name: getattr(NUMBERS, name, None) for name in FUNCTIONS} | {
    "pow": NUMBERS.power,
    "abs": abs,
}
CONSTANT = {**{n: getattr(NUMBERS, n, None) for n in CONSTANTS}, "golden": NUMBERS.phi}
OPERATORS: Mapping[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.USub: operator.neg,
}


def read(text: str, names: Mapping[str, Any]) -> Any:
    """The value of an expression in Python's grammar."""

    def walk(node: Any) -> Any:
        match node:
            case ast.Constant():
                return NUMBERS.mpf(node.value)
            case ast.Name():
                return names[node.id] if node.id in names else +CONSTANT[node.id]
            case ast.BinOp():
                return OPERATORS[type(node.op)](walk(node.left), walk(node.right))
            case ast.UnaryOp():
                return OPERATORS[type(node.op)](walk(node.operand))
            case ast.Call(func=ast.Name(id=name)):
                return SPOKEN[name](*map(walk, node.args))
        raise AssertionError(f"{text} holds {node}")

    return walk(ast.parse(text, mode="eval").body)


@MANY
@given(st.data())
def test_printed_mathematics_means_the_program(data: st.DataObject) -> None:
    program = data.draw(smooth_programs(size=10))
    point = data.draw(points(program))
    known = {name: NUMBERS.mpf(number) for name, number in point.items()}
    head, *lines = str(program).splitlines()
    assert head.startswith("program smooth(")
    for line in lines:
        target, equals, text = line.strip().partition(" = ")
        if equals and text != "0":
            assert target not in point, f"{target} is assigned"
            known[target] = read(text, known)
        else:
            assert equals or " is 0 at " in line
    for slot, expression in zip(program.slots, expressions(program), strict=True):
        # 60 digits, 20 for cancellation
        assert_close(known[str(slot)], value(expression, point), 1e-40)


def test_parentheses_stand_where_they_are_needed_and_nowhere_else() -> None:
    b = Builder("f")
    x, y, z = (b.input(name, "parameter") for name in "xyz")
    nodes = {
        "x - (y - z)": b.sub(x, b.sub(y, z)),
        "x - y - z": b.sub(b.sub(x, y), z),
        "x/(y/z)": b.div(x, b.div(y, z)),
        "x/y/z": b.div(b.div(x, y), z),
        "x*(y + z)": b.mul(x, b.add(y, z)),
        "x*y + z": b.add(b.mul(x, y), z),
        "-(x + y)": b.neg(b.add(x, y)),
        "x*(2/3)": b.mul(x, b.number(Fraction(2, 3))),
        "x*(-2)": b.mul(x, b.number(-2)),
    }
    for text, node in nodes.items():
        assert str(_alone(b, node)).splitlines()[-1].removeprefix("  f = ") == text


def _alone(b: Builder, node: int) -> Program:
    whole = Builder.__new__(Builder)
    whole.__dict__.update(b.__dict__, _outputs=[])
    return whole.scalar("f", node).finish()


def test_what_is_used_twice_gets_a_name_that_says_what_it_is() -> None:
    b = Builder("f")
    theta = b.input("theta", "coordinate", "points", 0)
    sine = b.call("sin", theta)
    b.output("t", (2,), {(0,): b.mul(sine, sine), (1,): b.mul(b.mul(sine, sine), theta)})
    b.scalar("zero", b.number(0))
    assert str(b.finish()).splitlines() == [
        "program f(points = [theta])",
        "  sin_theta = sin(theta)",
        "  sin_theta2 = sin_theta*sin_theta",
        "  t[0] = sin_theta2",
        "  t[1] = sin_theta2*theta",
        "  zero = 0",
    ]


def test_a_language_without_a_word_says_who_needs_it() -> None:
    b = Builder("f")
    x = b.input("x", "parameter")
    program = b.output("ricci", (2,), {(0,): x, (1,): b.call("erf", x)}).scalar("R", x).finish()
    small = Spelling("small", {"sin": "sin({0})"}, {}, str)
    with pytest.raises(
        LoweringError, match=r"small backend has no erf, which ricci\[1\] of 'f' need"
    ):
        statements(program, small)
    b.scalar("c", b.constant("catalan"))
    with pytest.raises(LoweringError, match="has no catalan, which c of 'f' need"):
        statements(b.finish(), replace(small, functions={"sin": "sin({0})", "erf": "erf({0})"}))


def test_sine_and_cosine_of_one_angle_are_written_together() -> None:
    b = Builder("f")
    x = b.input("x", "parameter")
    cosine, sine = b.call("cos", x), b.call("sin", x)
    program = b.scalar("f", b.mul(sine, cosine)).scalar("g", b.call("sin", sine)).finish()
    words = {"sin": "sin({0})", "cos": "cos({0})"}
    written = statements(program, Spelling("pairs", words, {}, str, sincos="sincos({0})"))
    assert [str(one) for one in written.statements] == [
        "sin_x, cos_x = sincos(x)",
        "sin_sin_x = sin(sin_x)",
    ]
    assert written.results == ("sin_x*cos_x", "sin_sin_x")


def test_long_expressions_are_broken_up() -> None:
    b = Builder("f")
    nodes = [b.input(f"coordinate_{k}", "parameter") for k in range(30)]
    program = b.scalar("f", b.sum(nodes)).finish()
    spelling = Spelling("short", {}, {}, str, longest=40)
    written = statements(program, spelling)
    assert len(written.statements) > 5
    assert all(len(str(one)) < 80 for one in written.statements)


def test_staged_programs_say_so() -> None:
    b = Builder("f", staged=True)
    assert "  # staged: computed step by step" in str(b.scalar("f", b.number(2)).finish())


@given(programs())
def test_any_program_can_be_printed(program: Program) -> None:
    lines = str(program).splitlines()
    assert lines[0].startswith(f"program {program.name}(")
    assert ("# staged" in str(program)) == program.staged
    # the inputs are named once, and each exact zero of a tensor is shown
    shown = sum(line.count("[") for line in lines if " is 0 at " in line)
    zeros = sum(len(output.zeros) for output in program.outputs if output.shape)
    assert shown == zeros
