"""Every function that the torch backend can print, and its derivatives, against SymPy's digits."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import Any

import mpmath
import pytest
import torch
from torch.func import grad, jacfwd, jacrev, vmap

from geomkit.backends.torch import TorchCode, build, functions
from geomkit.backends.torch.source import spelling, write
from geomkit.errors import LoweringError
from geomkit.program import FUNCTIONS, Builder, Program
from tests.program_oracle import POINTS, expressions, slope, value

# Torch itself uses what it deprecated, when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")

TABLE = spelling().functions
WHOLE = ("polygamma", "besselj", "bessely", "besseli", "besselk")

# gamma is exp(loggamma), which loses the digits that the exponent has before the point; digamma
# errs by 20 ULP near its zero, and reflection takes polynomials in the cotangent.
LOOSE = {"gamma": 1e-14, "polygamma": 5e-15}

CASES = [
    (name, point)
    for name in TABLE
    for point in POINTS[name]
    if name not in WHOLE or point[0].denominator == 1
]


def inputs(name: str, point: tuple[Fraction, ...]) -> tuple[Program, dict[str, float]]:
    """A program of the function, orders written as numbers, and a point of floats."""
    b = Builder(f"{name}_alone")
    numbers = point[:1] if name in WHOLE else ()
    rest = dict(zip("xy", map(float, point[len(numbers) :]), strict=False))
    nodes = [b.number(v) for v in numbers]
    nodes += [b.input(k, "coordinate", "points", i) for i, k in enumerate(rest)]
    return b.scalar("value", b.call(name, *nodes)).finish(), rest


def of_points(code: TorchCode) -> Any:
    return lambda x: code.packed([x], [])[..., 0]


@pytest.mark.parametrize(("name", "point"), CASES)
def test_values_and_derivatives(name: str, point: tuple[Fraction, ...]) -> None:
    assert_values_and_derivatives(name, point, fast=False)


@pytest.mark.parametrize("name", ["pow", "besselj"])
def test_kernels_have_the_same_values_and_derivatives(name: str) -> None:
    """Whatever numba lacks for the derivatives, the generated code does."""
    assert_values_and_derivatives(name, POINTS[name][2], fast=True)


def assert_values_and_derivatives(name: str, point: tuple[Fraction, ...], *, fast: bool) -> None:
    program, at = inputs(name, point)
    x = torch.tensor(list(at.values()), dtype=torch.float64)
    f = of_points(build(program, cache=False, fast=fast))
    (expression,) = expressions(program)
    exact = float(value(expression, at))
    # torch's elementary functions err by a few ULP of 1.1e-16
    tolerance = LOOSE.get(name, 1e-15)
    assert abs(f(x).item() - exact) <= tolerance * max(1, abs(exact))
    slopes = [float(slope(expression, at, {k: 1})) for k in at]
    for mode in (jacrev, jacfwd, grad):
        given = mode(f)(x).tolist()
        for one, wanted in zip(given, slopes, strict=True):
            # the formulas of derivatives have a few operations more
            assert abs(one - wanted) <= 10 * tolerance * max(1, abs(wanted))
    if name not in ("sign", "floor"):
        assert torch.autograd.gradgradcheck(f, [x.requires_grad_()], check_fwd_over_rev=True)


def test_no_function_is_left_out() -> None:
    assert {name for name, _ in CASES} == set(TABLE)


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - set(TABLE)))
def test_functions_that_torch_lacks_are_refused(name: str) -> None:
    b = Builder("lacking")
    x = b.input("x", "coordinate", "points", 0)
    node = b.call(name, *[x] * FUNCTIONS[name])
    program = b.output("field", (2,), {(0,): x, (1,): node}).finish()
    with pytest.raises(LoweringError, match=rf"torch backend has no {name}, which field\[1\]"):
        build(program)


@pytest.mark.parametrize("name", WHOLE)
def test_orders_that_are_not_whole_or_not_known_are_refused(name: str) -> None:
    for order in (None, Fraction(1, 2)):
        b = Builder("wave")
        x, n = b.input("x", "coordinate", "points", 0), b.input("n", "parameter")
        node = b.call(name, n if order is None else b.number(order), x)
        with pytest.raises(LoweringError, match=rf"{name} of whole orders .* field\[1\]"):
            build(b.output("field", (2,), {(0,): x, (1,): node}).finish())


# Bessel functions --------------------------------------------------------------------------------

ORDERS = [-3, -1, 0, 1, 2, 5, 20]
ARGUMENTS = [1e-6, 0.4, 1.0, 2.404825557695773, 5.13, 9.0, 21.0, 24.9, 30.0, 80.0]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", ["besselj", "bessely", "besseli", "besselk"])
def test_bessel_functions_of_whole_order(name: str, order: int) -> None:
    """Torch's own J and Y are wrong in the seventh digit around x = 5."""
    given = getattr(functions, name)(order, torch.tensor(ARGUMENTS, dtype=torch.float64))
    for x, number in zip(ARGUMENTS, given.tolist(), strict=True):
        exact = getattr(mpmath, name)(order, x)
        # near a zero the error is that of the neighbouring order; angles of size x lose x ULP
        size = abs(exact)
        if name in ("besselj", "bessely"):
            size += abs(getattr(mpmath, name)(order + 1, x)) * (x > abs(order))
        assert abs(number - exact) <= (1e-14 + 1e-15 * abs(order)) * size


def test_bessel_functions_in_every_mode() -> None:
    x = torch.tensor([0.5, 6.5], dtype=torch.float64)
    exact = [float(mpmath.diff(lambda t: mpmath.besselj(1, t), t, 3)) for t in x.tolist()]
    for modes in ((grad, jacfwd, jacfwd), (jacfwd, grad, jacfwd), (jacfwd,) * 3, (grad,) * 3):
        # three differences of neighbouring orders
        derived: Any = partial(functions.besselj, 1)
        for mode in modes:
            derived = mode(derived)
        assert vmap(derived)(x).tolist() == pytest.approx(exact, rel=1e-13)


def test_bessel_functions_at_zero_and_left_of_it() -> None:
    x = torch.tensor([0.0, -2.0], dtype=torch.float64)
    for order in range(4):
        for name in ("besselj", "besseli"):
            exact = [float(getattr(mpmath, name)(order, t)) for t in x.tolist()]
            given = getattr(functions, name)(order, x).tolist()
            assert given == pytest.approx(exact, rel=1e-14)
    slopes = grad(lambda t: functions.besselj(1, t).sum())(x)
    assert slopes[0].item() == 0.5
    assert functions.bessely(2, x[1:]).isnan().all()


# Numbers as arguments, edges ---------------------------------------------------------------------


def one_input(*made: Any) -> TorchCode:
    b = Builder("edges")
    x = b.input("x", "coordinate", "points", 0)
    for k, make in enumerate(made):
        b.scalar(f"f{k}", make(b, x))
    return build(b.finish(), cache=False, fast=False)


def test_numbers_stand_on_either_side() -> None:
    code = one_input(
        lambda b, x: b.call("atan2", b.number(2), x),
        lambda b, x: b.call("atan2", x, b.number(2)),
        lambda b, x: b.call("max", b.number(1), x),
        lambda b, x: b.call("min", x, b.number(1)),
        lambda b, x: b.call("pow", b.number(3), x),
        lambda b, x: b.call("pow", x, b.number(3)),
    )
    for dtype in (torch.float64, torch.float32):
        x = torch.tensor([[0.5], [3.0]], dtype=dtype)
        packed = code.packed([x], [])
        t = x[:, 0]
        two, one = torch.full_like(t, 2), torch.ones_like(t)
        expected = [torch.atan2(two, t), torch.atan2(t, two), t.clamp(min=1), torch.minimum(t, one)]
        expected += [3**t, t**3]
        torch.testing.assert_close(packed, torch.stack(expected, -1))


def test_gradients_at_the_edges_are_numbers() -> None:
    code = one_input(
        lambda b, x: b.call("abs", x),
        lambda b, x: b.call("pow", x, b.number(Fraction(5, 2))),
        lambda b, x: b.mul(b.call("pow", x, b.number(Fraction(4, 3))), b.call("cos", x)),
        lambda b, x: b.call("sign", x),
        lambda b, x: b.call("besselj", b.number(2), x),
    )
    slopes = jacrev(lambda x: code.packed([x], []))(torch.zeros(1, dtype=torch.float64))
    assert torch.equal(slopes, torch.zeros(5, 1, dtype=torch.float64))


def test_a_component_that_is_infinite_does_not_spoil_the_gradient_of_another() -> None:
    code = one_input(lambda b, x: b.call("sqrt", x), lambda b, x: b.div(b.number(1), x))
    b = Builder("two")
    x, y = (b.input(name, "coordinate", "points", k) for k, name in enumerate("xy"))
    b.scalar("f", b.call("sqrt", x)).scalar("g", b.mul(y, y))
    code = build(b.finish(), cache=False, fast=False)
    points = torch.tensor([0.0, 3.0], dtype=torch.float64)
    gradient = grad(lambda p: code.packed([p], [])[1])(points)
    assert gradient[1] == 6
    # sqrt has slope infinity at 0, and torch multiplies it by the cotangent 0: only y is asked for
    only = grad(lambda y: code.packed([torch.stack([points[0], y])], [])[1])(points[1])
    assert only == 6


def test_functions_of_numbers_are_computed_when_the_code_is_written() -> None:
    b = Builder("numbers")
    x = b.input("x", "coordinate", "points", 0)
    root = b.call("sqrt", b.mul(b.number(2), b.constant("pi")))
    odd = b.call("zeta", b.number(3))  # torch has none that can be differentiated, and needs none
    text = write(b.scalar("f", b.mul(b.mul(root, odd), x)).finish())
    exact = mpmath.sqrt(2 * mpmath.pi) * mpmath.zeta(3)
    assert "torch." not in text[text.index("def") :]
    packed = build(b.finish(), cache=False).packed([torch.ones(1, 1).double()], [])
    assert packed.item() == pytest.approx(float(exact), rel=1e-15)


def test_numbers_beyond_floating_point_are_refused() -> None:
    b = Builder("huge")
    x = b.input("x", "coordinate", "points", 0)
    with pytest.raises(LoweringError, match="beyond the range of floating point"):
        build(b.scalar("f", b.mul(x, b.number(10**400))).finish())
    b = Builder("huge")
    x = b.input("x", "coordinate", "points", 0)
    node = b.mul(x, b.call("exp", b.number(1000)))
    with pytest.raises(LoweringError, match="is no floating-point number"):
        build(b.scalar("f", node).finish())
