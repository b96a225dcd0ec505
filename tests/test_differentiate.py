"""Derivatives of programs against differences of SymPy numbers with 60 digits, and their laws."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

import geomkit as gk
from geomkit.differentiate import RULES, Forward, jet_derivatives, jvp, vjp
from geomkit.errors import LoweringError
from geomkit.evaluate import Digits
from geomkit.interpret import interpret
from geomkit.program import FUNCTIONS, Builder, Jet, Program, check
from tests.program_oracle import POINTS, assert_close, call, expressions, slope
from tests.program_strategies import points, smooth_programs
from tests.strategies import MANY

DIGITS = Digits(60)
# What `slope` leaves out is of the order of 1e-36 times a third derivative; these are moderate.
TOLERANCE = 1e-28

# Derivatives that programs have no function for, by function and argument.
LACKING = {
    ("zeta", 0),
    ("polygamma", 0),
    ("expint", 0),
    *((name, 0) for name in ("besselj", "bessely", "besseli", "besselk")),
}
CASES = [
    (name, k, point)
    for name, arity in FUNCTIONS.items()
    for k in range(arity)
    for point in POINTS[name]
    if (name, k) not in LACKING
]


def full(program: Program, values: Mapping[str, Any]) -> list[Any]:
    """The only output of a derivative in full: exact zeros are listed, not computed."""
    (output,) = program.outputs
    packed = interpret(program, values, DIGITS)
    row: list[Any] = [0] * output.shape[0]
    for (k,), slot, sign in output.copies:
        assert sign == 1
        row[k] = packed[slot]
    return row


def assert_derivatives(
    program: Program, forward: Program, backward: Program, point: Mapping[str, Any]
) -> None:
    """Both modes give the slopes of the program, in one direction and in all."""
    names = [one.name for one in program.inputs]
    direction = {name: Fraction(k + 2, 3) * (-1) ** k for k, name in enumerate(names)}
    cotangent = [Fraction(3 * k + 1, 4) for k in range(len(program.slots))]
    pushed = full(forward, {**point, **{f"tangent_{n}": t for n, t in direction.items()}})
    pulled = full(backward, {**point, **{f"cotangent_{k}": c for k, c in enumerate(cotangent)}})
    results = expressions(program)
    for tangent, result in zip(pushed, results, strict=True):
        assert_close(tangent, slope(result, point, direction), TOLERANCE)
    for gradient, name in zip(pulled, names, strict=True):
        total = sum(
            (slope(r, point, {name: 1}) * c.numerator / c.denominator)
            for r, c in zip(results, cotangent, strict=True)
        )
        assert_close(gradient, total, TOLERANCE)


# Functions ------------------------------------------------------------------------------------


def test_the_tables_know_all_functions() -> None:
    assert set(RULES) == set(FUNCTIONS) == set(POINTS)
    assert all(len(RULES[name]) == arity for name, arity in FUNCTIONS.items())
    texts = {
        (n, k) for n, rules in RULES.items() for k, r in enumerate(rules) if isinstance(r, str)
    }
    assert texts == LACKING


@pytest.mark.parametrize(("name", "argument", "point"), CASES, ids=str)
def test_each_derivative_is_the_slope(
    name: str, argument: int, point: tuple[Fraction, ...]
) -> None:
    program = call(name, argument, point)
    assert_derivatives(program, jvp(program), vjp(program), {"xy"[argument]: point[argument]})


@pytest.mark.parametrize(("name", "argument"), sorted(LACKING))
@pytest.mark.parametrize("mode", [jvp, vjp])
def test_a_derivative_that_cannot_be_written_is_refused(
    name: str, argument: int, mode: Any
) -> None:
    program = call(name, argument, (Fraction(1), Fraction(2)))
    with pytest.raises(
        LoweringError, match=rf"'{name}_alone_(jvp|vjp)'.* derivative of {name} by its"
    ):
        mode(program)


def test_an_argument_that_stays_fixed_needs_no_derivative() -> None:
    b = Builder("f")
    order, x = b.input("nu", "parameter"), b.input("x", "coordinate", "points", 0)
    program = b.scalar("f", b.call("besselj", order, x)).finish()
    point = {"nu": Fraction(1, 3), "x": Fraction(5, 2)}
    expected = slope(expressions(program)[0], point, {"x": 1})
    assert_close(full(jvp(program, "x"), {**point, "tangent_x": 1})[0], expected, TOLERANCE)
    assert_close(full(vjp(program, "x"), {**point, "cotangent_0": 1})[0], expected, TOLERANCE)


@pytest.mark.parametrize(
    ("function", "expected"),
    [("abs", [0]), ("max", [Fraction(1, 2)] * 2), ("min", [Fraction(1, 2)] * 2)],
)
def test_kinks_get_what_is_symmetric(function: str, expected: list[Any]) -> None:
    program = call(function)
    point = {"xy"[k]: 0 for k in range(FUNCTIONS[function])}
    assert full(vjp(program), {**point, "cotangent_0": 1}) == expected


def test_integer_and_half_powers_are_products_and_roots() -> None:
    for exponent, functions in ((Fraction(3), {"pow"}), (Fraction(3, 2), {"pow", "sqrt"})):
        b = Builder("f")
        x = b.input("x", "parameter")
        b.scalar("f", b.call("pow", x, b.number(exponent)))
        program = jvp(b.finish())
        assert set(program.operations) - {"mul"} == functions - {"pow"}


# Programs ---------------------------------------------------------------------------------------


@MANY
@given(st.data())
def test_random_programs(data: st.DataObject) -> None:
    program = data.draw(smooth_programs())
    assert_derivatives(program, jvp(program), vjp(program), data.draw(points(program)))


@MANY
@given(st.data())
def test_the_two_modes_are_adjoint(data: st.DataObject) -> None:
    """<cotangent, J tangent> = <J^T cotangent, tangent>."""
    program = data.draw(smooth_programs(size=14))
    values: dict[str, Any] = data.draw(points(program))
    names, count = [one.name for one in program.inputs], len(program.slots)
    number = st.integers(-9, 9)
    tangent = data.draw(st.lists(number, min_size=len(names), max_size=len(names)))
    cotangent = data.draw(st.lists(number, min_size=count, max_size=count))
    pushed = full(
        jvp(program), values | {f"tangent_{n}": t for n, t in zip(names, tangent, strict=True)}
    )
    pulled = full(vjp(program), values | {f"cotangent_{k}": c for k, c in enumerate(cotangent)})
    with DIGITS.working():
        assert_adjoint(tangent, cotangent, pushed, pulled)


def assert_adjoint(tangent: Any, cotangent: Any, pushed: Any, pulled: Any) -> None:
    above = [c * p for c, p in zip(cotangent, pushed, strict=True)]
    below = [t * p for t, p in zip(tangent, pulled, strict=True)]
    # 60 digits, and sums whose terms are at most `size`: 20 digits are left for cancellation
    size = 1 + sum(map(abs, above)) + sum(map(abs, below))
    assert abs(sum(above) - sum(below)) < 1e-40 * size


@MANY
@given(st.data())
def test_second_derivatives_by_differentiating_twice(data: st.DataObject) -> None:
    """jvp of jvp, vjp of jvp and jvp of vjp contain one Hessian: t^T H s."""
    program = data.draw(smooth_programs(size=5))
    values: dict[str, Any] = data.draw(points(program))
    first = jvp(program)
    second = {f"tangent_2_{one.name}": Fraction(k + 1, 2) for k, one in enumerate(program.inputs)}
    still = {f"tangent_2_tangent_{one.name}": 0 for one in program.inputs}
    along = {f"tangent_{one.name}": Fraction(3, k + 1) for k, one in enumerate(program.inputs)}
    twice = full(jvp(first), values | along | second | still)
    by_name = {one.name: second[f"tangent_2_{one.name}"] for one in program.inputs}
    for value, expression in zip(twice, expressions(first), strict=True):
        assert_close(value, slope(expression, values | along, by_name), TOLERANCE)
    pulled = vjp(first)
    ones = {f"cotangent_{k}": 1 for k in range(len(first.slots))}
    gradient = full(pulled, values | along | ones)
    with DIGITS.working():
        steps = [DIGITS.number(by_name[one.name]) for one in program.inputs]
        # the inputs of the program come first, those of the tangents after them
        product = sum(t * g for t, g in zip(steps, gradient, strict=False))
        size = 1 + sum(map(abs, gradient)) + sum(map(abs, twice))
        assert abs(product - sum(twice)) < 1e-40 * size  # 60 digits, 20 of them for cancellation


def test_names_stay_unique_when_differentiated_again_and_again() -> None:
    program = call("atan2")
    for mode in (jvp, vjp, jvp, jvp, vjp, vjp):
        program = mode(program)
        check(program)
        if program.flops > 3000:
            break
    assert list(program.sources) == [
        *("points", "tangent", "cotangent", "tangent_2", "tangent_3", "cotangent_2", "cotangent_3")
    ]


def test_a_coordinate_may_be_called_like_a_tangent() -> None:
    b = Builder("f")
    x, other = b.input("x", "parameter"), b.input("tangent_x", "parameter")
    program = jvp(b.scalar("f", b.mul(x, other)).finish())
    assert [one.name for one in program.inputs[2:]] == ["tangent_2_x", "tangent_2_tangent_x"]


# What comes out ---------------------------------------------------------------------------------


def test_inputs_and_outputs_are_in_the_agreed_order() -> None:
    b = Builder("f")
    x, m = b.input("x", "coordinate", "points", 0), b.input("M", "parameter")
    b.output("t", (2,), {(0,): b.mul(x, m), (1,): m})
    program = b.finish()
    forward, backward = jvp(program, ["M", "x"]), vjp(program, ["M", "x"])
    assert forward.inputs[:2] == backward.inputs[:2] == program.inputs
    assert [(i.name, i.kind, i.source, i.position) for i in forward.inputs[2:]] == [
        ("tangent_M", "vector", "tangent", 0),
        ("tangent_x", "vector", "tangent", 1),
    ]
    assert [(i.name, i.kind, i.source, i.position) for i in backward.inputs[2:]] == [
        ("cotangent_0", "vector", "cotangent", 0),
        ("cotangent_1", "vector", "cotangent", 1),
    ]
    assert [(o.name, o.shape) for o in forward.outputs] == [("tangent", (2,))]
    assert [(o.name, o.shape) for o in backward.outputs] == [("gradient", (2,))]


@pytest.mark.parametrize("mode", [jvp, vjp])
def test_unknown_and_repeated_inputs_are_refused(mode: Any) -> None:
    with pytest.raises(LoweringError, match="'q' is no input; it has x, y"):
        mode(call("atan2"), ["x", "q"])
    with pytest.raises(LoweringError, match="twice"):
        mode(call("atan2"), ["x", "x"])


def test_what_does_not_depend_on_an_input_is_an_exact_zero() -> None:
    b = Builder("f")
    x, y = b.input("x", "parameter"), b.input("y", "parameter")
    b.output("t", (3,), {(0,): b.call("floor", x), (1,): y, (2,): b.constant("pi")})
    program = b.finish()
    assert jvp(program).outputs[0].zeros == ((0,), (2,))
    assert vjp(program, "x").outputs[0].zeros == ((0,),)
    assert jvp(program, []).outputs[0].zeros == ((0,), (1,), (2,))


def test_a_deep_program_does_not_exhaust_the_stack() -> None:
    b = Builder("deep")
    x = node = b.input("x", "parameter")
    for _ in range(5000):
        node = b.add(b.mul(node, x), b.number(1))
    program = b.scalar("f", node).finish()
    count = 5001 + sum(range(5000))  # f = x**5001 + sum of x**k, and f' at 1
    assert full(jvp(program), {"x": 1, "tangent_x": 1}) == [count]
    assert full(vjp(program), {"x": 1, "cotangent_0": 1}) == [count]


@pytest.mark.parametrize(
    "quantities", [["riemann_down", "ricci", "scalar", "kretschmann"], "geodesic"]
)
def test_gradients_cost_little(quantities: Any) -> None:
    """Theory promises 4 to 5 times the operations of the program; sharing makes it less."""
    from geomkit.lower import lower

    program = lower(gk.catalog["kerr"], quantities)
    assert vjp(program).flops <= 4 * program.flops
    assert jvp(program).flops <= 4 * program.flops


def test_no_operation_is_done_twice_or_in_vain() -> None:
    from geomkit.lower import lower

    for mode in (jvp, vjp):
        program = mode(lower(gk.catalog["kerr"], ["ricci", "kretschmann"]))
        assert len(set(program.nodes)) == len(program.nodes)
        used = {a for node in program.nodes for a in node.args} | set(program.results)
        assert used == set(range(len(program.nodes)))


# Derivatives on a builder -------------------------------------------------------------------------


def test_forward_makes_each_derivative_once() -> None:
    b = Builder("f")
    x, y = b.input("x", "parameter"), b.input("y", "parameter")
    node = b.call("sin", b.mul(x, y))
    derivative = Forward(b)
    first = derivative(node, x)
    before = len(b._nodes)
    assert derivative(node, x) == first
    assert len(b._nodes) == before
    mixed = derivative(derivative(node, x), y), derivative(derivative(node, y), x)
    program = b.output("t", (2,), dict(enumerate_indices(mixed))).finish()
    point = {"x": Fraction(2, 3), "y": Fraction(-5, 4)}
    one, other = interpret(program, point, DIGITS)
    xy = sympy.Rational(-5, 6)
    for value in (one, other):
        assert_close(value, (sympy.cos(xy) - xy * sympy.sin(xy)).evalf(60), 1e-55)


def enumerate_indices(nodes: tuple[int, ...]) -> list[tuple[tuple[int, ...], int]]:
    return [((k,), node) for k, node in enumerate(nodes)]


def test_jets_of_functions_are_differentiated_to_jets() -> None:
    b = Builder("f")
    x, y = (b.input(name, "coordinate", "points", k) for k, name in enumerate("xy"))
    f = b.input("f_x", "jet", jet=Jet("f", ("x", "y"), (1, 0)))
    derivative = Forward(b, jet_derivatives(b))
    node = b.mul(f, f)
    b.scalar("slope", derivative(derivative(node, y), x)).finish()
    jets = {one.name: one.jet and one.jet.orders for one in b.inputs[2:]}
    assert jets == {"f_x": (1, 0), "f_x_y": (1, 1), "f_x_x": (2, 0), "f_x_x_y": (2, 1)}
    m = b.input("M", "parameter")
    assert b.value(derivative(node, m)) == 0


# The helper itself -------------------------------------------------------------------------------


def _wrong(program: Program) -> Program:
    """The program with its last product made a sum."""
    nodes = list(program.nodes)
    last = max(k for k, node in enumerate(nodes) if node.op == "mul")
    nodes[last] = type(nodes[last])("add", nodes[last].args)
    return Program(program.name, program.inputs, tuple(nodes), program.outputs)


def test_the_helper_notices_a_wrong_derivative() -> None:
    program, point = call("atan2"), {"x": Fraction(1, 3), "y": Fraction(-2)}
    forward, backward = jvp(program), vjp(program)
    assert_derivatives(program, forward, backward, point)
    with pytest.raises(AssertionError):
        assert_derivatives(program, _wrong(forward), backward, point)
    with pytest.raises(AssertionError):
        assert_derivatives(program, forward, _wrong(backward), point)
