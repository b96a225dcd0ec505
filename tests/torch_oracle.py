"""What torch code is compared with: SymPy's derivatives, and Arb balls for what rounding may do."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
import torch
from numpy.typing import NDArray

from geomkit.evaluate import Balls
from geomkit.interpret import interpret
from geomkit.program import Builder, Jet, Program
from tests.program_oracle import expressions, value

BITS = {torch.float64: 53, torch.float32: 24}

POINTS = ["x", "y"]
SCALARS = ["M", "a", "h"]
NAMES = [*POINTS, "velocity_x", "velocity_y", *SCALARS]


def everything() -> Program:
    """Two arrays, two parameters, a jet; signs, zeros, copies, numbers, a component of M alone."""
    b = Builder("everything")
    x, y = (b.input(name, "coordinate", "points", k) for k, name in enumerate(POINTS))
    v, w = (b.input(f"velocity_{n}", "vector", "velocity", k) for k, n in enumerate(POINTS))
    mass, a = b.input("M", "parameter"), b.input("a", "parameter")
    h = b.input("h", "jet", jet=Jet("h", ("x",), (0,)))
    root = b.call("sqrt", b.add(b.mul(x, x), b.mul(a, a)))
    sine = b.call("sin", b.mul(y, v))
    form = b.mul(b.div(sine, root), b.add(mass, h))
    b.output("form", (2, 2), {(0, 1): form}, {(0, 1): ((0, 1), 1), (1, 0): ((0, 1), -1)})
    b.scalar("mass", b.mul(mass, b.call("exp", mass)))
    b.output("mixed", (3,), {(0,): b.number(2), (1,): b.number(0), (2,): b.mul(b.mul(w, w), x)})
    b.output("nothing", (2,), {(0,): b.number(0), (1,): b.number(0)})
    cube = b.mul(b.mul(h, h), h)
    return b.scalar("bare", b.sub(b.mul(cube, b.call("cos", y)), b.div(x, mass))).finish()


def exact_derivatives(program: Program, values: Mapping[str, Any], order: int) -> NDArray[Any]:
    """All partial derivatives of all slots: array (C, inputs, ... inputs)."""
    symbols = [sympy.Symbol(one.name, real=True) for one in program.inputs]
    known: dict[tuple[int, ...], Any] = {}
    result = np.zeros((len(program.slots), *[len(symbols)] * order))
    for slot, expression in enumerate(expressions(program)):
        for indices in itertools.product(range(len(symbols)), repeat=order):
            key = (slot, *sorted(indices))
            if key not in known:
                by = [symbols[i] for i in sorted(indices)]
                derivative = sympy.diff(expression, *by) if by else expression
                known[key] = float(value(derivative, values, 30))
            result[(slot, *indices)] = known[key]
    return result


def enclosures(
    program: Program, values: Mapping[str, Any], dtype: torch.dtype
) -> list[tuple[float, float]]:
    """For each slot its value, and how far off an evaluation in this precision may be.

    A ball of that many bits contains whatever comes out when each operation is rounded correctly.
    """
    exact = interpret(program, values, Balls(300))
    rough = interpret(program, values, Balls(BITS[dtype]))
    return [
        (float(e.mid()), float(r.rad()) + abs(float(r.mid()) - float(e.mid())))
        for e, r in zip(exact, rough, strict=True)
    ]


def assert_rounded(
    given: torch.Tensor, program: Program, values: Mapping[str, Any], dtype: torch.dtype
) -> None:
    """Compare packed components at one point with the exact ones, as far as rounding allows."""
    assert given.shape == (len(program.slots),)
    assert given.dtype == dtype
    ulp = 2.0 ** -BITS[dtype]
    given, pairs = given.detach(), enclosures(program, values, dtype)
    for slot, number, (expected, radius) in zip(program.slots, given, pairs, strict=True):
        # Torch's functions err by up to 4 ULP, where a ball allows for half of one.
        error, allowed = abs(float(number) - expected), 8 * radius + 8 * ulp * abs(expected)
        assert error <= allowed, f"{slot} is {float(number)}, not {expected}: off by {error}"


def as_floats(values: Mapping[str, Any], dtype: torch.dtype) -> dict[str, Fraction]:
    """The numbers that inputs are in a precision, as exact rationals."""
    return {n: Fraction(torch.tensor(float(v), dtype=dtype).item()) for n, v in values.items()}
