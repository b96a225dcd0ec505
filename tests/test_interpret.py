"""The interpreter against SymPy's digits, Python's floats and exact fractions."""

from __future__ import annotations

import math
import threading
from fractions import Fraction
from typing import Any

import flint
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomkit.errors import DomainError, EvaluationError
from geomkit.evaluate import Balls, Digits, UndecidedError
from geomkit.evaluate.intervals import IntervalBalls
from geomkit.interpret import LACKING, apply, attempt, build, interpret
from geomkit.interpret.rounding import FORMATS, nearest
from geomkit.program import FUNCTIONS, Builder, Program
from tests.program_oracle import POINTS, assert_close, call, expressions, value
from tests.program_strategies import arithmetic_programs, points, smooth_programs
from tests.strategies import MANY

CASES = [(name, point) for name in FUNCTIONS for point in POINTS[name]]

# Where each function has no finite real value: poles, branch cuts, ends.
OUTSIDE = {
    "sqrt": (-1,),
    "pow": (-2, 0.5),
    "log": (-1,),
    "asin": (1.5,),
    "acos": (-1.5,),
    "atan2": (0, 0),
    "acosh": (0.5,),
    "atanh": (1,),
    "gamma": (-2,),
    "loggamma": (-0.5,),
    "polygamma": (0, 0),
    "zeta": (1,),
    "lambertw": (-0.5,),
    "besselj": (0.5, -1),
    "bessely": (0, 0),
    "besseli": (0.5, -1),
    "besselk": (0, -1),
    "expint": (1, 0),
    "Ei": (0,),
    "Ci": (-1,),
    "elliptic_k": (1,),
    "elliptic_e": (1.5,),
}


def at(point: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip("xy", point, strict=False))


def single(node: str, count: int = 2) -> Program:
    """One operation."""
    b = Builder("one")
    nodes = [b.input("xyz"[k], "coordinate", "points", k) for k in range(count)]
    made = b.call(node, *nodes) if node in FUNCTIONS else getattr(b, node)(*nodes)
    return b.scalar("f", made).finish()


# Values ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "point"), CASES, ids=str)
def test_every_function_in_digits_and_balls(name: str, point: tuple[Fraction, ...]) -> None:
    fixed = 0 if name == "polygamma" else None  # its order is an exact integer
    program = call(name) if fixed is None else call(name, 1, point)
    expected = value(expressions(program)[0], at(point) if fixed is None else {"y": point[1]}, 70)
    values = at(point) if fixed is None else {"y": point[1]}
    (digits,) = interpret(program, values, Digits(60))
    assert_close(digits, expected, 1e-50)  # ten digits for what the functions of mpmath lose
    (ball,) = interpret(program, values, Balls(240))
    with Balls(300).working():
        assert ball.overlaps(flint.arb(str(expected)) + flint.arb(0, 1e-60))
        assert ball.rad() < 1e-50


@pytest.mark.parametrize("name", sorted(OUTSIDE))
def test_outside_of_its_domain_a_function_is_refused(name: str) -> None:
    b = Builder("f")
    nodes = [b.number(Fraction(x)) for x in OUTSIDE[name]]
    x = b.input("x", "coordinate", "points", 0)
    program = b.scalar("bad", b.add(b.call(name, *nodes), x)).scalar("good", x).finish()
    for arithmetic in (Digits(30), Balls(100)):
        with pytest.raises(DomainError, match=r"^bad has no value at x = 2: ."):
            interpret(program, {"x": 2}, arithmetic)
    np.testing.assert_array_equal(build(program).packed([np.array([[2.0]])]), [[np.nan, 2.0]])


def test_division_by_zero_names_the_slot_and_the_reason() -> None:
    for arithmetic in (Digits(30), Balls(100)):
        with pytest.raises(DomainError, match=r"f has no value at x = 1, y = 0: division by zero"):
            interpret(single("div"), {"x": 1, "y": 0}, arithmetic)


@MANY
@given(st.data())
def test_random_programs_in_digits_and_balls(data: st.DataObject) -> None:
    program = data.draw(smooth_programs(size=10))
    point = data.draw(points(program))
    numbers = interpret(program, point, Digits(70))
    balls = interpret(program, point, Balls(300))
    for expression, number, ball in zip(expressions(program), numbers, balls, strict=True):
        expected = value(expression, point, 80)
        assert_close(number, expected, 1e-40)  # 70 digits, 30 for cancellation
        with Balls(300).working():
            assert abs(ball - flint.arb(str(expected))) < 1e-40 * (1 + abs(ball))


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
        found = _packed(single(name), {"x": x, "y": y}, dtype)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found[0], wanted, err_msg=f"{name}({x!r}, {y!r})")
    root = _packed(single("sqrt", 1), {"x": abs(x)}, dtype)
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


# NaN ---------------------------------------------------------------------------------------------


def test_what_has_no_value_spoils_only_what_needs_it() -> None:
    b = Builder("f")
    x, y = (b.input(name, "coordinate", "points", k) for k, name in enumerate("xy"))
    b.scalar("log", b.call("log", x)).scalar("square", b.mul(y, y))
    b.scalar("both", b.mul(b.number(0), b.call("log", x)))  # the number 0 is an exact zero
    b.scalar("sum", b.add(b.call("log", x), y))
    code = build(b.finish())
    points = np.array([[1.0, 2.0], [-1.0, 2.0], [np.nan, 2.0], [1.0, np.nan], [np.inf, 1.0]])
    np.testing.assert_array_equal(
        code.packed([points]),
        [
            [0, 4, 2],
            [np.nan, 4, np.nan],
            [np.nan, 4, np.nan],
            [0, np.nan, np.nan],
            [np.nan, 1, np.nan],
        ],
    )
    with pytest.raises(DomainError, match="log has no value at x = nan, y = 2: the input x = nan"):
        interpret(code.program, {"x": math.nan, "y": 2}, Balls(100))


def test_attempt_tells_open_from_outside() -> None:
    b = Builder("f")
    x = b.input("x", "parameter")
    root = b.call("sqrt", b.sub(b.mul(b.call("sqrt", x), b.call("sqrt", x)), x))
    b.scalar("open", root).scalar("outside", b.call("log", b.neg(x))).scalar("inside", x)
    open_, outside, inside = attempt(b.finish(), {"x": 2}, Balls(100))
    assert isinstance(open_, UndecidedError)
    assert isinstance(outside, DomainError)
    assert not isinstance(outside, UndecidedError)
    assert inside == 2


# Inputs and precision ----------------------------------------------------------------------------


def test_floats_are_the_rational_numbers_that_they_are() -> None:
    program = single("sub")
    values: list[Any] = [0.1, np.float64(0.1), mpmath.mpf(0.1), Fraction(0.1)]
    for tenth in values:
        for arithmetic in (Digits(40), Balls(200)):
            (difference,) = interpret(program, {"x": tenth, "y": Fraction(1, 10)}, arithmetic)
            # 0.1 is 2**-55/10 * 2 too large as a float
            assert abs(float(difference) - 5.551115123125783e-18) < 1e-30
    exact = interpret(program, {"x": np.int64(3), "y": True}, Balls(64))
    assert exact[0] == 2


def test_inputs_have_to_be_named_numbers() -> None:
    program = single("add")
    with pytest.raises(
        EvaluationError, match=r"y missing and q unknown: program 'one' needs .* x, y"
    ):
        interpret(program, {"x": 1, "q": 2}, Digits(20))
    with pytest.raises(EvaluationError, match="the input y = '2' of type str is no real number"):
        interpret(program, {"x": 1, "y": "2"}, Digits(20))
    with pytest.raises(EvaluationError, match=r"the input y = 1j of type complex"):
        interpret(program, {"x": 1, "y": 1j}, Digits(20))


def test_global_precision_plays_no_part_and_is_kept() -> None:
    program = call("sqrt")
    wanted = interpret(program, {"x": 2}, Digits(50))[0]
    ball = interpret(program, {"x": 2}, Balls(170))[0]
    with mpmath.workdps(5):
        flint.ctx.prec = 20
        try:
            again = interpret(program, {"x": 2}, Digits(50))[0]
            assert interpret(program, {"x": 2}, Balls(170))[0].rad() == ball.rad()
            assert build(program).packed([np.array([[2.0]])])[0, 0] == math.sqrt(2)
            assert (mpmath.mp.dps, flint.ctx.prec) == (5, 20)
        finally:
            flint.ctx.prec = 53
    assert again._mpf_ == wanted._mpf_


def test_threads_with_different_precisions_do_not_disturb_each_other() -> None:
    program = call("exp")
    wanted = {n: interpret(program, {"x": 1}, Digits(n))[0]._mpf_ for n in (15, 40, 90)}
    wrong: list[int] = []

    def work(digits: int) -> None:
        found = {interpret(program, {"x": 1}, Digits(digits))[0]._mpf_ for _ in range(200)}
        if found != {wanted[digits]}:
            wrong.append(digits)

    threads = [threading.Thread(target=work, args=(digits,)) for digits in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# Without python-flint ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_what_balls_lack_without_flint_is_listed(name: str) -> None:
    intervals, point = IntervalBalls(150), POINTS[name][0]
    args = [intervals.number(x) for x in point]
    if name in LACKING["IntervalBalls"]:
        with pytest.raises(EvaluationError, match=f"{name} cannot be evaluated in IntervalBalls"):
            apply(intervals, name, args)
    else:
        with Digits(40).working():
            expected = apply(Digits(40), name, [Digits(40).number(x) for x in point])
            ball = apply(intervals, name, args)
            assert abs(mpmath.mpf(ball.value.mid) - expected) < 1e-35
    assert not LACKING["ArbBalls"]
    assert not LACKING["Digits"]


def test_floats_without_flint_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    b = Builder("f")
    x, y = (b.input(name, "coordinate", "points", k) for k, name in enumerate("xy"))
    b.scalar("plain", b.call("atan2", b.call("exp", x), y))
    elementary = b.finish()
    special = (
        b.scalar("special", b.call("besselj", y, x)).scalar("bad", b.call("gamma", y)).finish()
    )
    points = np.array([[0.3, 0.0], [7.1, 1.0], [2.0, -3.0]])
    wanted = [build(program).packed([points]) for program in (elementary, special)]
    monkeypatch.setattr("geomkit.interpret.code.Balls", IntervalBalls)
    for program, expected in zip((elementary, special), wanted, strict=True):
        np.testing.assert_array_equal(build(program).packed([points]), expected)


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
