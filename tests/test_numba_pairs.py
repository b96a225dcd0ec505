"""Programs of special functions in pairs of numbers: right to the last place."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomkit.backends.numba.code import Code
from geomkit.backends.numba.pairs import in_pairs, pays
from geomkit.backends.numba.source import Variant, source
from geomkit.backends.numba.spelling import FLOAT64
from geomkit.errors import LoweringError
from geomkit.program import Builder, Program

mp = mpmath.mp.clone()
mp.dps = 60


def fisher() -> Program:
    """The determinant of the Fisher metric of beta distributions, and other sums that cancel."""
    b = Builder("cancelling")
    a, c = (b.input(name, "coordinate", "points", k) for k, name in enumerate(("w3", "w3_low")))
    total = b.add(a, c)
    one = b.number(1)
    p, q, w = (b.call("polygamma", one, x) for x in (a, c, total))
    b.scalar("determinant", b.sub(b.mul(p, q), b.mul(w, b.add(p, q))))
    b.scalar("quotient", b.div(b.sub(p, w), b.neg(b.mul(c, w))))
    i0, i1 = (b.call("besseli", b.number(k), a) for k in (0, 1))
    b.scalar("bessel", b.sub(b.mul(a, b.sub(b.mul(i0, i0), b.mul(i1, i1))), b.mul(i0, i1)))
    b.scalar("third", b.mul(b.number(Fraction(1, 3)), b.sub(b.call("exp", a), b.call("sinh", a))))
    return b.finish()


def exactly(x: float, y: float) -> list[Any]:
    a, c = mp.mpf(x), mp.mpf(y)
    p, q, w = mp.psi(1, a), mp.psi(1, c), mp.psi(1, a + c)
    i0, i1 = mp.besseli(0, a), mp.besseli(1, a)
    return [p * q - w * (p + q), (p - w) / -(c * w), a * (i0**2 - i1**2) - i0 * i1]


@pytest.fixture(scope="module")
def cancelling() -> Code:
    return Code(fisher())


@given(x=st.floats(0.05, 12), y=st.floats(0.05, 12))
def test_what_cancels_keeps_its_last_place(cancelling: Code, x: float, y: float) -> None:
    packed = cancelling.packed([np.array([[x, y]])], [])[0, :, 0]
    for value, exact in zip(packed, exactly(x, y), strict=False):
        # one unit in the last place; the determinant loses up to four digits in plain floats
        assert abs(mp.mpf(float(value)) - exact) <= abs(exact) * 2.3e-16


def test_other_functions_are_computed_of_the_high_parts(cancelling: Code) -> None:
    value = cancelling.packed([np.array([[1.5, 2.0]])], [])[0, 3, 0]
    # exp and sinh are off by a unit in the last place each, and half of it cancels
    assert abs(value - (math.exp(1.5) - math.sinh(1.5)) / 3) <= 4 * math.ulp(1.0)


def test_the_law_fails_on_plain_floats() -> None:
    x, y = 8.0, 11.0
    p, q, w = (float(mp.psi(1, z)) for z in (x, y, x + y))
    wrong = p * q - w * (p + q)
    assert abs(mp.mpf(wrong) - exactly(x, y)[0]) > abs(exactly(x, y)[0]) * 2.3e-16


def arithmetic() -> Program:
    b = Builder("arithmetic")
    x, y = (b.input(name, "coordinate", "points", k) for k, name in enumerate("xy"))
    b.scalar("total", b.add(x, y))
    b.scalar("difference", b.sub(x, y))
    b.scalar("product", b.mul(x, y))
    b.scalar("quotient", b.div(x, y))
    b.scalar("trigamma", b.call("polygamma", b.number(1), x))
    return b.finish()


@pytest.mark.parametrize("y", [0.0, -0.0, 1.0, 1e300, 1e-300, math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("x", [0.0, 3.0, -1e300, 1e-300, math.inf, math.nan])
def test_infinity_and_nan_are_what_they_are_in_floats(x: float, y: float) -> None:
    packed = ARITHMETIC.packed([np.array([[x, y]])], [])[0, :4, 0]
    with np.errstate(all="ignore"):
        a, b = np.float64(x), np.float64(y)
        np.testing.assert_array_equal(packed, [a + b, a - b, a * b, a / b])


def test_only_programs_that_need_it_are_in_pairs() -> None:
    b = Builder("plain")
    x = b.input("x", "coordinate", "points", 0)
    plain = b.scalar("f", b.mul(x, b.call("gamma", x))).finish()
    assert not pays(plain)
    assert "precise" not in source(plain)
    assert "precise_product(" in source(fisher())
    assert "precise_product(w3, " not in source(fisher(), Variant("float32"))
    assert "pairs, high + low" in source(fisher())


def test_a_function_that_numba_lacks_is_named() -> None:
    b = Builder("unknown")
    x = b.input("x", "coordinate", "points", 0)
    program = b.scalar("f", b.call("polygamma", b.number(1), x)).finish()
    lacking = FLOAT64.__class__("nothing", {}, {}, str)
    with pytest.raises(LoweringError, match="nothing backend has no polygamma, which f"):
        in_pairs(program, lacking)


ARITHMETIC = Code(arithmetic())
