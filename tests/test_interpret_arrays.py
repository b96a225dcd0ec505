"""The interpreter as a backend: floats rounded correctly, arrays in and out."""

from __future__ import annotations

import math
import subprocess
import sys
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomkit.errors import EvaluationError
from geomkit.interpret import build
from geomkit.interpret.rounding import FORMATS, nearest
from geomkit.program import Builder, Program
from tests.program_oracle import operation
from tests.program_strategies import arithmetic_programs, points
from tests.strategies import MANY

# Correct rounding --------------------------------------------------------------------------------


@MANY
@given(st.data())
def test_rational_programs_are_rounded_correctly(data: st.DataObject) -> None:
    program = data.draw(arithmetic_programs())
    point = data.draw(points(program))
    expected = [_float(x) for x in _fractions(program, point)]
    found = _packed(program, point)
    np.testing.assert_array_equal(found, expected)


def _fractions(program: Program, point: dict[str, float]) -> list[Fraction | None]:
    """The slots in exact arithmetic; None after a division by zero."""
    found: list[Fraction | None] = []
    for node in program.nodes:
        if node.op == "input":
            found.append(Fraction(point[program.inputs[int(str(node.value))].name]))
        elif node.op == "number":
            found.append(Fraction(str(node.value)))
        else:
            found.append(_fraction(node.op, [found[a] for a in node.args]))
    return [found[k] for k in program.results]


def _fraction(op: str, args: list[Fraction | None]) -> Fraction | None:
    a, b = args[0], args[-1]
    if a is None or b is None or (op == "div" and b == 0):
        return None
    return {"add": a + b, "sub": a - b, "mul": a * b, "neg": -a}[op] if op != "div" else a / b


def _float(x: Fraction | None) -> float:
    return math.nan if x is None else x.numerator / x.denominator  # Python rounds this correctly


def _packed(program: Program, point: dict[str, float], dtype: Any = np.float64) -> Any:
    names = [[program.inputs[i].name for i in numbers] for numbers in program.sources.values()]
    vectors = [np.array([[point[name] for name in row]], dtype) for row in names]
    scalars = [point[program.inputs[i].name] for i in program.scalars]
    return build(program).packed(vectors, scalars)[0]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@given(data=st.data())
def test_single_operations_round_as_the_processor_does(dtype: Any, data: st.DataObject) -> None:
    """IEEE 754: + - * / and sqrt are rounded correctly, ties and subnormal numbers included."""
    width: Any = 64 if dtype is np.float64 else 32
    number = st.floats(width=width, allow_nan=False, allow_infinity=False)
    x, y = (data.draw(number) for _ in range(2))
    a, b = dtype(x), dtype(y)
    with np.errstate(all="ignore"):
        expected = {"add": a + b, "sub": a - b, "mul": a * b, "div": a / b if y else dtype("nan")}
    for name, wanted in expected.items():
        found = _packed(operation(name), {"x": x, "y": y}, dtype)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found[0], wanted, err_msg=f"{name}({x!r}, {y!r})")
    root = _packed(operation("sqrt", 1), {"x": abs(x)}, dtype)
    np.testing.assert_array_equal(root[0], np.sqrt(abs(a)))


@given(st.integers(-(2**70), 2**70), st.integers(-1300, 1100))
def test_rounding_of_dyadic_numbers(mantissa: int, exponent: int) -> None:
    exact = Fraction(mantissa) * Fraction(2) ** exponent
    try:
        expected = exact.numerator / exact.denominator
    except OverflowError:
        expected = math.copysign(math.inf, mantissa)
    assert nearest(mantissa, exponent, FORMATS[np.dtype(np.float64)]) == expected
    with np.errstate(all="ignore"):
        # 53 bits hold 24 exactly: rounding twice is harmless for numbers that fit into a double
        if abs(mantissa) < 2**53 and -900 < exponent < 900:
            single_ = float(np.float32(math.ldexp(mantissa, exponent)))
            assert nearest(mantissa, exponent, FORMATS[np.dtype(np.float32)]) == single_


def test_what_vanishes_exactly_is_zero_and_ties_are_settled() -> None:
    b = Builder("f")
    x = b.input("x", "coordinate", "points", 0)
    sine, cosine = b.call("sin", x), b.call("cos", x)
    unit = b.add(b.mul(sine, sine), b.mul(cosine, cosine))
    b.scalar("zero", b.sub(unit, b.number(1))).scalar("one", unit)
    tie = b.add(b.number(1), b.number(Fraction(1, 2**53)))  # half way from 1 to the next float
    b.scalar("tie", b.mul(unit, tie)).scalar("open", b.call("floor", unit))
    (zero, one, tied, open_) = build(b.finish()).packed([np.array([[0.7]])])[0]
    assert (zero, one) == (0.0, 1.0)
    assert tied in (1.0, 1 + 2**-52)
    assert math.isnan(open_)  # no precision tells that the floor is that of exactly 1


def test_enormous_and_tiny_values() -> None:
    b = Builder("f")
    x = b.input("x", "coordinate", "points", 0)
    large = b.call("exp", b.call("exp", x))
    b.scalar("large", large).scalar("small", b.div(b.number(1), large)).scalar(
        "back", b.call("log", large)
    )
    found = build(b.finish()).packed([np.array([[8.0]])])[0]
    np.testing.assert_array_equal(found, [np.inf, 0.0, math.exp(8.0)])


# Arrays ------------------------------------------------------------------------------------------


def test_packed_and_unpack() -> None:
    b = Builder("f")
    x, m = b.input("x", "coordinate", "points", 0), b.input("M", "parameter")
    v = b.input("v_x", "vector", "velocity", 0)
    entries: Any = {(0, 1): ((0, 1), 1), (1, 0): ((0, 1), -1)}
    b.scalar("s", b.mul(m, v)).output("form", (2, 2), {(0, 1): b.add(x, v)}, entries, "dd")
    code = build(b.finish())
    points, velocity, mass = (
        np.array([[1.0], [2.0]]),
        np.array([[10.0], [20.0]]),
        np.array([3.0, 4.0]),
    )
    out = np.empty((2, 2))
    assert code.packed([points, velocity], [mass], out) is out
    np.testing.assert_array_equal(out, [[30, 11], [80, 22]])
    np.testing.assert_array_equal(code.unpack(out, 0, 2), [30, 80])
    np.testing.assert_array_equal(
        code.unpack(out, 1, 2), [[[0, 11], [-11, 0]], [[0, 22], [-22, 0]]]
    )
    assert code.packed([points[:0], velocity[:0]], [1.0]).shape == (0, 2)
    assert code.source == str(code.program)
    assert code.path is None


@pytest.mark.parametrize(
    ("vectors", "scalars", "out"),
    [
        ([np.zeros((2, 2))], [1.0], None),
        ([np.zeros(1)], [1.0], None),
        ([np.zeros((2, 1), int)], [1.0], None),
        ([np.zeros((2, 1))], [], None),
        ([np.zeros((2, 1))], [np.zeros(3)], None),
        ([], [1.0], None),
        ([np.zeros((2, 1))], [1.0], np.zeros((3, 1))),
        ([np.zeros((2, 1))], [1.0], np.zeros((2, 1), np.float32)),
    ],
)
def test_arguments_that_do_not_fit_are_refused(vectors: Any, scalars: Any, out: Any) -> None:
    b = Builder("f")
    x, m = b.input("x", "coordinate", "points", 0), b.input("M", "parameter")
    code = build(b.scalar("s", b.mul(x, m)).finish())
    with pytest.raises(EvaluationError, match=r"needs float arrays|out= is"):
        code.packed(vectors, scalars, out)


def test_a_program_without_array_arguments_is_one_point() -> None:
    b = Builder("f")
    code = build(b.scalar("s", b.mul(b.constant("pi"), b.input("M", "parameter"))).finish())
    np.testing.assert_array_equal(code.packed([], [2.0]), [[2 * math.pi]])
    np.testing.assert_array_equal(
        code.packed([], [np.array([1.0, 2.0])]), [[math.pi], [2 * math.pi]]
    )


FORK = """
import os, signal, sys, threading, time
import numpy as np
import geomkit as gk
kernel = gk.compile(gk.catalog["kerr"], ["riemann_down"], backend="interpret")
points = np.random.default_rng(0).uniform(3, 4, (20_000, 4))
work = lambda count: kernel.packed(points[:count], M=1.0, a=0.5)
threading.Thread(target=work, args=[20_000], daemon=True).start()
time.sleep(0.2)
child = os.fork()
if child == 0:
    signal.alarm(60)
    work(1)
    os._exit(0)
os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0)
"""


def test_a_child_forked_while_a_thread_computes_does_not_wait_for_ever() -> None:
    assert subprocess.run([sys.executable, "-c", FORK], timeout=300).returncode == 0
