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
from geomkit.program import FUNCTIONS, Builder
from tests.program_oracle import POINTS, assert_close, call, expressions, operation, value
from tests.program_strategies import points, smooth_programs
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
            interpret(operation("div"), {"x": 1, "y": 0}, arithmetic)


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
    program = operation("sub")
    values: list[Any] = [0.1, np.float64(0.1), mpmath.mpf(0.1), Fraction(0.1)]
    for tenth in values:
        for arithmetic in (Digits(40), Balls(200)):
            (difference,) = interpret(program, {"x": tenth, "y": Fraction(1, 10)}, arithmetic)
            # 0.1 is 2**-55/10 * 2 too large as a float
            assert abs(float(difference) - 5.551115123125783e-18) < 1e-30
    exact = interpret(program, {"x": np.int64(3), "y": True}, Balls(64))
    assert exact[0] == 2


def test_inputs_have_to_be_named_numbers() -> None:
    program = operation("add")
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
