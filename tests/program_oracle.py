"""Programs as SymPy expressions: an evaluator that shares no code with `geomkit.interpret`.

Each node is translated by its name alone; SymPy's `evalf` (on mpmath) gives the digits. A table of
points lists, for every function of programs, arguments inside of its real domain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import sympy
from sympy import Rational

from geomkit.program import FUNCTIONS, Builder, Program

THEIR_NAME = {"pow": "Pow", "abs": "Abs", "max": "Max", "min": "Min", "lambertw": "LambertW"}
CONSTANTS = {
    "pi": sympy.pi,
    "e": sympy.E,
    "euler": sympy.EulerGamma,
    "catalan": sympy.Catalan,
    "golden": sympy.GoldenRatio,
}
ARITHMETIC: Mapping[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
}


def _points(text: str) -> list[tuple[Fraction, ...]]:
    """Read "1/2 3, -1 2": points separated by commas, coordinates by spaces."""
    return [tuple(map(Fraction, point.split())) for point in text.split(",")]


_INSIDE, _POSITIVE, _REAL = "3/8, -5/8", "3/8, 21/8, 9", "3/8, -5/3, 7/2"
_ORDERS = "0 3/8, 1 5/2, 2 7/3, 1/2 4, -3/2 5/4"

#: For every function of programs, arguments where it is real and differentiable.
POINTS: Mapping[str, list[tuple[Fraction, ...]]] = {
    **{name: _points(_INSIDE) for name in ("asin", "acos", "atanh", "elliptic_k", "elliptic_e")},
    **{name: _points(_POSITIVE) for name in ("sqrt", "log", "loggamma", "Ci")},
    **{
        name: _points(_REAL)
        for name in (
            *("abs", "sign", "exp", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh", "asinh"),
            *("floor", "erf", "erfc", "erfi", "gamma", "zeta", "Ei", "Si", "fresnels", "fresnelc"),
            *("airyai", "airybi", "airyaiprime", "airybiprime"),
        )
    },
    **{name: _points(_ORDERS) for name in ("besselj", "bessely", "besseli", "besselk", "expint")},
    **{name: _points("1 2, -5/2 1/3, 3 -7") for name in ("max", "min")},
    "atan2": _points("1 2, 1/3 -5/2, -3 -7, -1 1/9"),
    "acosh": _points("9/8, 5"),
    "lambertw": _points("-1/3, 1/4, 11"),
    "pow": _points("5/2 1/3, 1/7 -5/4, 3 2, 2 -3"),
    "polygamma": _points("0 3/8, 1 -5/3, 3 7/2"),
}


def call(function: str, argument: int | None = None, values: Any = ()) -> Program:
    """The program of one function of its inputs; numbers stand for all but one if that is given."""
    b = Builder(f"{function}_alone")
    nodes = [
        b.input("xy"[k], "coordinate", "points", k if argument is None else 0)
        if argument in (None, k)
        else b.number(values[k])
        for k in range(FUNCTIONS[function])
    ]
    return b.scalar("value", b.call(function, *nodes)).finish()


def operation(name: str, count: int = 2) -> Program:
    """The program of one operation, or one function, of inputs x, y, z."""
    b = Builder("one")
    nodes = [b.input("xyz"[k], "coordinate", "points", k) for k in range(count)]
    made = b.call(name, *nodes) if name in FUNCTIONS else getattr(b, name)(*nodes)
    return b.scalar("f", made).finish()


def expressions(program: Program) -> list[sympy.Expr]:
    """The slots of a program as SymPy expressions in the names of its inputs."""
    found: list[Any] = []
    for node in program.nodes:
        args = [found[a] for a in node.args]
        if node.op == "input":
            assert isinstance(node.value, int)
            found.append(sympy.Symbol(program.inputs[node.value].name, real=True))
        elif node.op == "number":
            assert isinstance(node.value, Fraction)
            found.append(Rational(node.value.numerator, node.value.denominator))
        elif node.op == "constant":
            found.append(CONSTANTS[str(node.value)])
        elif node.op == "call":
            name = str(node.value)
            found.append(getattr(sympy, THEIR_NAME.get(name, name))(*args))
        else:
            found.append(ARITHMETIC[node.op](*args))
    return [found[k] for k in program.results]


def value(expression: sympy.Expr, point: Mapping[str, Any], digits: int = 60) -> sympy.Expr:
    """The number that an expression is at a point of exact rationals (floats are taken as such)."""
    exact = {}
    for name, number in point.items():
        fraction = Fraction(number)
        exact[sympy.Symbol(name, real=True)] = Rational(fraction.numerator, fraction.denominator)
    return expression.subs(exact).evalf(digits)


def slope(
    expression: sympy.Expr, point: Mapping[str, Any], direction: Mapping[str, Any]
) -> sympy.Expr:
    """The derivative in a direction, by a symmetric difference of numbers with 60 digits.

    With steps of 1e-18 about 42 digits survive the difference, and what the difference leaves out
    is of the order of 1e-36.
    """
    step = Fraction(1, 10**18)

    def moved(sign: int) -> dict[str, Fraction]:
        return {
            k: Fraction(v) + sign * step * Fraction(direction.get(k, 0)) for k, v in point.items()
        }

    difference = value(expression, moved(1)) - value(expression, moved(-1))
    return difference / (2 * Rational(step.numerator, step.denominator))


def assert_close(number: Any, expected: Any, tolerance: float = 1e-30) -> None:
    """Compare a number (mpmath's) with one of SymPy, relative to its size (or to 1)."""
    given = sympy.Float(number, 60)
    expected = sympy.sympify(expected)
    assert expected.is_real, f"the oracle has no real value: {expected}"
    error = abs(given - expected) / max(1, abs(expected))
    assert error < tolerance, f"{given} is not {expected}: relative error {sympy.N(error, 3)}"
