"""Programs: the builder, the verifier, the printer, and programs as data."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomkit.errors import LoweringError
from geomkit.program import (
    Builder,
    Input,
    Jet,
    Node,
    Output,
    Program,
    check,
    identifier,
)
from tests.program_oracle import expressions
from tests.program_strategies import programs
from tests.strategies import MANY


def sample() -> Program:
    """Two coordinates, a parameter, a jet; a scalar, and an antisymmetric form with zeros."""
    b = Builder("sample")
    x, y = (b.input(name, "coordinate", "points", k) for k, name in enumerate("xy"))
    m, a = b.input("M", "parameter"), b.input("a_x", "jet", jet=Jet("a", ("x",), (1,)))
    b.scalar("area", b.div(b.mul(x, y), m))
    entries: Any = {(0, 1): ((0, 1), 1), (1, 0): ((0, 1), -1)}
    return b.output("form", (2, 2), {(0, 1): a, (0, 0): b.number(0)}, entries, "dd").finish()


# The verifier ------------------------------------------------------------------------------------


def with_input(**changes: Any) -> Program:
    inputs = sample().inputs
    return replace(sample(), inputs=(replace(inputs[0], **changes), *inputs[1:]))


def with_jet(**changes: Any) -> Program:
    *rest, last = sample().inputs
    assert last.jet
    return replace(sample(), inputs=(*rest, replace(last, jet=replace(last.jet, **changes))))


def with_node(*node: Any) -> Program:
    return replace(sample(), nodes=(*sample().nodes, Node(*node)))


def with_form(**changes: Any) -> Program:
    area, form = sample().outputs
    return replace(sample(), outputs=(area, replace(form, **changes)))


MALFORMED: Mapping[str, tuple[Callable[[], Program], str]] = {
    "name": (lambda: replace(sample(), name="../up"), r"'../up' is no identifier"),
    "keyword as name": (lambda: replace(sample(), name="lambda"), "'lambda' is no identifier"),
    "same input": (lambda: with_input(name="y"), "two inputs are called 'y'"),
    "input name": (lambda: with_input(name="x y"), "'x y' is no identifier"),
    "keyword": (lambda: with_input(name="class"), "'class' is no identifier"),
    "kind": (lambda: with_input(kind="scalar"), "unknown kind 'scalar'"),
    "source": (lambda: with_input(source="0; import os"), "'0; import os' is no identifier"),
    "position": (lambda: with_input(position=1), "position"),
    "jet missing": (lambda: with_input(kind="jet"), "of kind 'jet' has jet None"),
    "jet too many": (lambda: with_input(jet=Jet("a", ("y",), (0,))), "'coordinate' has jet"),
    "jet orders": (lambda: with_jet(orders=(1, 2)), "jet"),
    "jet negative": (lambda: with_jet(orders=(-1,)), "jet"),
    "jet argument": (lambda: with_jet(arguments=("t",)), "jet"),
    "jet function": (lambda: with_jet(function="a b"), "'a b' is no identifier"),
    "later node": (lambda: with_node("neg", (99,)), "not earlier nodes"),
    "own node": (lambda: with_node("neg", (len(sample().nodes),)), "not earlier nodes"),
    "negative node": (lambda: with_node("neg", (-1,)), "not earlier nodes"),
    "operation": (lambda: with_node("power", (0, 1)), "unknown operation 'power'"),
    "function": (lambda: with_node("call", (0,), "eval"), "unknown function 'eval'"),
    "function list": (lambda: with_node("call", (0,), ["sin"]), "unknown function"),
    "arguments": (lambda: with_node("call", (0, 1), "sin"), "2 arguments"),
    "one summand": (lambda: with_node("add", (0,)), "add has 1 arguments"),
    "leaf": (lambda: with_node("number", (0,), Fraction(1)), "number has 1 arguments"),
    "number": (lambda: with_node("number", (), 0.5), "0.5 is no Fraction"),
    "constant": (lambda: with_node("constant", (), "tau"), "unknown constant 'tau'"),
    "constant list": (lambda: with_node("constant", (), ["pi"]), "unknown constant"),
    "input": (lambda: with_node("input", (), 4), "no input 4"),
    "input text": (lambda: with_node("input", (), "x"), "no input 'x'"),
    "value": (lambda: with_node("add", (0, 1), Fraction(3)), "add has a value"),
    "same output": (lambda: with_form(name="area"), "share a name: area, area"),
    "output name": (lambda: with_form(name="2form"), "'2form' is no identifier"),
    "shape": (lambda: with_form(shape=(-2, 2)), "shape"),
    "rank": (lambda: with_form(shape=(2,)), "outside its shape"),
    "index": (lambda: with_form(zeros=((0, 2),)), "outside its shape"),
    "index beside shape": (lambda: with_form(zeros=((0,),)), "outside its shape"),
    "output node": (lambda: with_form(components=(((0, 1), 99),)), "does not exist"),
    "component twice": (lambda: with_form(components=(((0, 1), 0),) * 2), "component twice"),
    "zero too": (lambda: with_form(zeros=((0, 1),)), "component twice"),
    "entry twice": (lambda: with_form(copies=(((0, 1), 0, 1),) * 2), "entry twice"),
    "copy": (lambda: with_form(copies=(((0, 1), 1, 1),)), "copies component 1"),
    "argument": (lambda: with_input(source="M"), "an array and a number are both called 'M'"),
    "sign": (lambda: with_form(copies=(((0, 1), 0, 2),)), "times 2"),
    "positions": (lambda: with_form(positions="ddd"), "positions"),
    "letters": (lambda: with_form(positions="dx"), "positions"),
}


def test_what_is_well_formed_passes() -> None:
    check(sample())


@pytest.mark.parametrize("kind", sorted(MALFORMED))
def test_malformed_programs_are_refused(kind: str) -> None:
    make, message = MALFORMED[kind]
    with pytest.raises(LoweringError, match=message):
        check(make())


def test_everything_that_is_wrong_is_listed() -> None:
    broken = replace(with_form(name="2form"), nodes=(Node("power"),))
    with pytest.raises(LoweringError, match=r"unknown operation 'power'.*; .*'2form'"):
        check(broken)


# Programs as data --------------------------------------------------------------------------------


@MANY
@given(programs())
def test_programs_survive_json(program: Program) -> None:
    check(program)
    text = json.dumps(program.to_dict())
    again = Program.from_dict(json.loads(text))
    assert again == program
    assert again.hash == program.hash
    assert json.dumps(again.to_dict()) == text
    assert str(again) == str(program)


LEAVES = st.none() | st.booleans() | st.integers(-3, 9) | st.floats() | st.text(max_size=3)
JUNK = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3), max_leaves=5)


@MANY
@given(program=programs(size=4), data=st.data())
def test_damaged_data_is_refused_or_well_formed(program: Program, data: st.DataObject) -> None:
    content = json.loads(json.dumps(program.to_dict()))
    place: Any = content
    while isinstance(place, dict | list) and place:
        keys = sorted(place) if isinstance(place, dict) else range(len(place))
        key = data.draw(st.sampled_from(list(keys)))
        if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            place[key] = data.draw(JUNK)
            break
        place = place[key]
    with contextlib.suppress(LoweringError):
        check(Program.from_dict(content))


@pytest.mark.parametrize("content", [{}, [], None, {"name": "f"}, {"nodes": "abc"}, "program"])
def test_what_is_no_program_is_refused(content: Any) -> None:
    with pytest.raises(LoweringError, match="this is not the text of a program"):
        Program.from_dict(content)


def test_a_number_with_denominator_zero_is_refused() -> None:
    content = sample().to_dict()
    content["nodes"].append(["number", [], "1/0"])
    with pytest.raises(LoweringError, match="this is not the text of a program"):
        Program.from_dict(content)


HASHES = """
import geomkit as gk
from geomkit.differentiate import jvp, vjp
from geomkit.lower import lower
program = lower(gk.catalog["schwarzschild"], ["riemann", "ricci", "kretschmann"])
print(program.hash, jvp(program).hash, vjp(program).hash)
"""


def test_the_hash_is_the_same_in_every_process() -> None:
    runs = {
        subprocess.run(
            [sys.executable, "-c", HASHES],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout
        for seed in ("1", "2")
    }
    (line,) = runs
    assert len(set(line.split())) == 3


def test_the_hash_sees_every_part() -> None:
    one = sample()
    others = [
        replace(one, name="other"),
        replace(one, staged=True),
        with_input(name="z"),
        with_jet(orders=(2,)),
        with_node("neg", (0,)),
        with_form(copies=()),
        with_form(positions="du"),
    ]
    assert len({p.hash for p in [one, *others]}) == 1 + len(others)


# The builder -------------------------------------------------------------------------------------


def test_equal_nodes_are_made_once_and_dead_ones_dropped() -> None:
    b = Builder("f")
    x, y = b.input("x", "parameter"), b.input("y", "parameter")
    assert b.add(x, y) == b.add(y, x)
    assert b.mul(x, y) == b.mul(y, x)
    assert b.sub(x, y) != b.sub(y, x)
    assert b.input("x", "parameter") == x
    b.call("sin", b.mul(x, y))
    program = b.scalar("f", b.sub(x, y)).finish()
    assert [node.op for node in program.nodes] == ["input", "input", "sub"]
    assert len(b.scalar("g", x).finish().inputs) == 2


def test_trivial_arithmetic_is_done_at_once() -> None:
    b = Builder("f")
    x, zero, one = b.input("x", "parameter"), b.number(0), b.number(1)
    y = b.input("y", "parameter")
    assert b.add(x, zero) == b.add(zero, x) == b.sub(x, zero) == b.mul(one, x) == b.div(x, one) == x
    assert b.mul(x, zero) == b.sub(x, x) == b.div(zero, x) == b.power(zero, 3) == zero
    assert b.neg(b.neg(x)) == x
    assert b.mul(b.number(-1), x) == b.div(x, b.number(-1)) == b.sub(zero, x) == b.neg(x)
    assert b.add(x, b.neg(y)) == b.sub(x, y)
    assert b.neg(b.sub(x, y)) == b.sub(y, x)
    assert b.mul(b.neg(x), b.neg(y)) == b.mul(x, y)
    assert b.power(x, 0) == one
    assert b.value(b.div(b.number(1), b.number(3))) == Fraction(1, 3)
    with pytest.raises(LoweringError, match="program 'f' would divide by zero"):
        b.div(x, zero)


@given(st.integers(-40, 40))
def test_powers_cost_logarithmically_many_products(exponent: int) -> None:
    b = Builder("f")
    program = b.scalar("f", b.power(b.input("x", "parameter"), exponent)).finish()
    (found,) = expressions(program)
    (x,) = found.free_symbols or (2,)
    assert found == x**exponent
    assert program.flops <= 2 * abs(exponent).bit_length()


def test_two_inputs_of_one_name_are_refused() -> None:
    b = Builder("f")
    b.input("M", "parameter")
    with pytest.raises(LoweringError, match="two inputs of the kernel would be called 'M'"):
        b.input("M", "coordinate", "points", 0)


def test_names_become_identifiers() -> None:
    assert [identifier(n) for n in ("lambda", "x'", "2x", "", "Ω")] == [
        "lambda_",
        "x_",
        "_2x",
        "_",
        "Ω",
    ]


def test_slots_copies_sources_and_counts() -> None:
    program = sample()
    assert [str(slot) for slot in program.slots] == ["area", "form[0, 1]"]
    assert program.sources == {"points": (0, 1)}
    assert [program.inputs[i].name for i in program.scalars] == ["M", "a_x"]
    assert program.output("form").zeros == ((0, 0),)
    assert program.output("form").copies == (((0, 1), 0, 1), ((1, 0), 0, -1))
    assert program.operations == {"div": 1, "mul": 1}
    assert program.flops == 2
    with pytest.raises(KeyError):
        program.output("volume")


def test_parts_of_programs_are_values() -> None:
    assert Input("x", "coordinate", "points", 0) == sample().inputs[0]
    assert Output("area", (), (((), 5),), (), (((), 0, 1),)) == sample().outputs[0]


def test_a_keyword_and_its_identifier_are_two_inputs() -> None:
    # both would be called lambda_: one input for two parameters would give wrong numbers
    b = Builder("f")
    b.input("lambda", "parameter")
    assert b.input("lambda", "parameter") == 0
    with pytest.raises(LoweringError, match="parameter lambda and the parameter lambda_"):
        b.input("lambda_", "parameter")
