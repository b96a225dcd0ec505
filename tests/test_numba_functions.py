"""Every function that the numba printer can print, against mpmath; errors in ULP."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from geomkit.backends.numba import functions
from geomkit.backends.numba.code import Code
from geomkit.backends.numba.source import DECORATOR, Variant, source
from geomkit.backends.numba.spelling import FLOAT64
from geomkit.errors import LoweringError
from geomkit.program import FUNCTIONS, Builder

Point = tuple[Any, Any]

# compiling all functions takes seconds in each
DTYPES = [np.float64, pytest.param(np.float32, marks=pytest.mark.slow)]

# Function -> what mpmath says of u in (0, 1) and v in (1, 2), and the error allowed in ULP of
# float64. Those of 2 are sincos, exp, sinhcosh and polynomials of our own, and libm; SciPy's
# special functions are good to about 1e-15 (Ei and Ci only absolutely: they have a zero there).
CASES: dict[str, tuple[Callable[[Any, Any], Any], float]] = {
    "sqrt": (lambda u, v: mp.sqrt(u), 1),
    "pow": (lambda u, v: mp.power(u, v), 2),
    "abs": (lambda u, v: abs(u), 0),
    "sign": (lambda u, v: mp.sign(u), 0),
    "exp": (lambda u, v: mp.exp(u), 1),
    "log": (lambda u, v: mp.log(u), 2),
    "sin": (lambda u, v: mp.sin(u), 1),
    "cos": (lambda u, v: mp.cos(u), 1),
    "tan": (lambda u, v: mp.tan(u), 2),
    "asin": (lambda u, v: mp.asin(u), 2),
    "acos": (lambda u, v: mp.acos(u), 2),
    "atan": (lambda u, v: mp.atan(u), 2),
    "atan2": (lambda u, v: mp.atan2(u, v), 2),
    "sinh": (lambda u, v: mp.sinh(u), 2),
    "cosh": (lambda u, v: mp.cosh(u), 2),
    "tanh": (lambda u, v: mp.tanh(u), 3),
    "asinh": (lambda u, v: mp.asinh(u), 2),
    "acosh": (lambda u, v: mp.acosh(v), 3),
    "atanh": (lambda u, v: mp.atanh(u), 3),
    "floor": (lambda u, v: mp.floor(u), 0),
    "max": (lambda u, v: max(u, v), 0),
    "min": (lambda u, v: min(u, v), 0),
    "erf": (lambda u, v: mp.erf(u), 2),
    "erfc": (lambda u, v: mp.erfc(u), 4),
    "erfi": (lambda u, v: mp.erfi(u), 40),
    "gamma": (lambda u, v: mp.gamma(u), 6),
    "loggamma": (lambda u, v: mp.loggamma(u), 6),
    "polygamma": (lambda u, v: mp.polygamma(2, u), 8),
    "zeta": (lambda u, v: mp.zeta(u), 20),
    "lambertw": (lambda u, v: mp.lambertw(u), 4),
    "besselj": (lambda u, v: mp.besselj(1, u), 20),
    "bessely": (lambda u, v: mp.bessely(1, u), 20),
    "besseli": (lambda u, v: mp.besseli(1, u), 20),
    "besselk": (lambda u, v: mp.besselk(1, u), 20),
    "airyai": (lambda u, v: mp.airyai(u), 30),
    "airybi": (lambda u, v: mp.airybi(u), 30),
    "airyaiprime": (lambda u, v: mp.airyai(u, derivative=1), 30),
    "airybiprime": (lambda u, v: mp.airybi(u, derivative=1), 30),
    "expint": (lambda u, v: mp.expint(2, u), 40),
    "Ei": (lambda u, v: mp.ei(u), 4000),
    "Si": (lambda u, v: mp.si(u), 10),
    "Ci": (lambda u, v: mp.ci(u), 4000),
    "fresnels": (lambda u, v: mp.fresnels(u), 20),
    "fresnelc": (lambda u, v: mp.fresnelc(u), 20),
    "elliptic_k": (lambda u, v: mp.ellipk(u), 10),
    "elliptic_e": (lambda u, v: mp.ellipe(u), 10),
}
# The first argument of these is an order.
ORDERS = {"polygamma": 2, "expint": 2, "besselj": 1, "bessely": 1, "besseli": 1, "besselk": 1}


def ulps(value: float, exact: Any, dtype: Any = np.float64) -> float:
    """The error in units of the last place of the exact value."""
    unit = float(np.spacing(np.abs(dtype(float(exact)))))
    return float(abs(mp.mpf(float(value)) - exact) / unit)


@pytest.fixture(scope="module")
def all_functions() -> Code:
    b = Builder("all_functions")
    u = b.input("u", "coordinate", "points", 0)
    v = b.input("v", "coordinate", "points", 1)
    for name in CASES:
        if name in ORDERS:
            node = b.call(name, b.number(ORDERS[name]), u)
        elif name == "acosh":
            node = b.call(name, v)
        else:
            node = b.call(name, u, v) if FUNCTIONS[name] == 2 else b.call(name, u)
        b.scalar(f"value_of_{name}", node)
    return Code(b.finish())


def test_every_function_that_can_be_printed_has_a_case() -> None:
    assert set(CASES) == set(FLOAT64.functions)
    assert set(FUNCTIONS) == set(CASES), "a function of programs that numba cannot print"


@pytest.mark.parametrize("dtype", DTYPES)
def test_functions_against_mpmath(all_functions: Code, dtype: Any) -> None:
    points = np.random.default_rng(3).uniform(0.03, 0.97, (70, 2)).astype(dtype)
    points[:, 1] += 1
    packed = all_functions.packed([points], [])
    with mp.workprec(200):
        for k, (name, (exact, allowed)) in enumerate(CASES.items()):
            # float32: what is computed in float64 is rounded once; libm's float32 functions and
            # our float32 sine and cosine are good to 2 ULP
            bound = allowed if dtype is np.float64 else 2.5
            for i, (u, v) in enumerate(points):
                value = packed[i // 64, k, i % 64]
                wanted = exact(mp.mpf(float(u)), mp.mpf(float(v)))
                assert ulps(value, wanted, dtype) <= bound, (name, u, v, value)


@pytest.mark.parametrize("point", [-0.3, 0.0])
def test_functions_beyond_their_domain_are_nan(all_functions: Code, point: float) -> None:
    packed = all_functions.packed([np.full((1, 2), point)], [])
    values = dict(zip(CASES, packed[0, :, 0], strict=True))
    assert math.isnan(values["acosh"])
    assert math.isnan(values["loggamma"])
    if point < 0:
        assert math.isnan(values["sqrt"])
        assert math.isnan(values["log"])
        assert math.isnan(values["pow"])
    else:
        assert values["log"] == -math.inf


@pytest.mark.parametrize("point", [math.nan, math.inf, -math.inf, 0.0, -2.0, 1e300])
@pytest.mark.parametrize("dtype", DTYPES)
def test_no_argument_raises_and_nan_stays(all_functions: Code, point: float, dtype: Any) -> None:
    # float32 overflows at 1e300: infinity then
    with np.errstate(over="ignore"):
        points = np.full((3, 2), point).astype(dtype)
    packed = all_functions.packed([points], [])
    if math.isnan(point):
        rows = zip(CASES, packed[0, :, 0], strict=True)
        assert not [name for name, value in rows if not math.isnan(value)]


@pytest.mark.parametrize("name", ["polygamma", "expint"])
def test_orders_that_are_not_whole_are_refused(name: str) -> None:
    b = Builder("orders")
    u = b.input("u", "coordinate", "points", 0)
    program = b.scalar("f", b.call(name, u, u)).finish()
    with pytest.raises(LoweringError, match=f"{name} only of orders 0, 1, 2"):
        source(program)


# Sine, cosine and exponential function ---------------------------------------------------------


@pytest.fixture(scope="module")
def compiled() -> dict[str, Any]:
    """The helpers as kernels have them: compiled with the same flags."""
    from numba import njit

    assert DECORATOR.endswith('(nogil=True, error_model="numpy", fastmath={"contract"})')
    options: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract"}}
    lines = ["sincos", "sincos_float32", "two_to", "exp_shifted", "exp", "sinhcosh"]
    space = {name: getattr(functions, name) for name in lines}
    made: dict[str, Any] = {}
    for name in lines:
        function = space[name]
        copy = type(function)(function.__code__, {"np": np, **made}, name)
        made[name] = njit(**options)(copy)
    return made


def angles() -> np.ndarray[Any, np.dtype[np.float64]]:
    """Of every size up to 1e5, and the floats next to multiples of pi/2 (hardest to reduce)."""
    rng = np.random.default_rng(5)
    spread = rng.uniform(-1, 1, 3000) * 10.0 ** rng.uniform(-300, 5, 3000)
    usual = rng.uniform(-10, 10, 3000)
    near = np.array([float(k * mp.pi / 2) for k in rng.integers(-63661, 63661, 2000)])
    few = np.array([float(k * mp.pi / 2) for k in range(-40, 41)])
    edges = np.array([0.0, 5e-324, 1e5, -1e5])
    both = [np.nextafter(near, np.inf), np.nextafter(near, -np.inf)]
    return np.concatenate([spread, usual, near, *both, few, edges])


def test_sine_and_cosine_to_one_ulp(compiled: dict[str, Any]) -> None:
    with mp.workprec(250):
        for x in angles():
            sine, cosine = compiled["sincos"](x)
            # measured: 0.73 at most over these
            assert ulps(sine, mp.sin(mp.mpf(x))) <= 1.0, x
            assert ulps(cosine, mp.cos(mp.mpf(x))) <= 1.0, x


def test_sine_and_cosine_of_float32(compiled: dict[str, Any]) -> None:
    with mp.workprec(250):
        for x in angles().astype(np.float32):
            sine, cosine = compiled["sincos_float32"](x)
            assert type(sine) is float
            assert np.float32(sine) == sine
            # 0.9 was seen
            assert ulps(sine, mp.sin(mp.mpf(float(x))), np.float32) <= 1.0, x
            assert ulps(cosine, mp.cos(mp.mpf(float(x))), np.float32) <= 1.0, x


def test_the_float_closest_to_a_multiple_of_a_right_angle() -> None:
    # found by going through all k up to 1e5/(pi/2): the smallest |x - k*pi/2| of any float64
    with mp.workprec(300):
        gaps = ((abs(mp.mpf(float(k * mp.pi / 2)) - k * mp.pi / 2), k) for k in range(1, 63662))
        gap, k = min(gaps)
        sine, cosine = functions.sincos(np.float64(float(k * mp.pi / 2)))
        x = mp.mpf(float(k * mp.pi / 2))
        assert gap < mp.mpf(2) ** -54
        assert ulps(sine, mp.sin(x)) <= 1.0
        assert ulps(cosine, mp.cos(x)) <= 1.0


def test_exponential_and_hyperbolic_functions(compiled: dict[str, Any]) -> None:
    rng = np.random.default_rng(7)
    tiny = rng.uniform(-1, 1, 2000) * 10.0 ** rng.uniform(-300, 0, 2000)
    values = [rng.uniform(-745, 709.7, 2000), rng.uniform(-3, 3, 4000), tiny]
    with mp.workprec(200):
        for x in np.concatenate(values):
            exact = mp.exp(mp.mpf(x))
            assert ulps(compiled["exp"](x), exact) <= 1.0, x
            sine, cosine = compiled["sinhcosh"](x)  # 1.52 and 1.24 were seen
            if abs(x) < 709:
                assert ulps(sine, mp.sinh(mp.mpf(x))) <= 2.0, x
                assert ulps(cosine, mp.cosh(mp.mpf(x))) <= 2.0, x


def test_exponential_function_at_its_ends(compiled: dict[str, Any]) -> None:
    exp, sinhcosh = compiled["exp"], compiled["sinhcosh"]
    assert exp(math.inf) == math.inf
    assert exp(1e300) == math.inf
    assert exp(709.8) == math.inf
    assert exp(-math.inf) == 0.0
    assert exp(-746.0) == 0.0
    assert exp(-745.1) == 5e-324
    assert exp(0.0) == 1.0
    assert math.isnan(exp(math.nan))
    # cosh(710.3) is a float64 though exp(710.3) is none
    assert sinhcosh(710.3)[1] == pytest.approx(math.cosh(710.3), rel=1e-15)
    assert sinhcosh(-710.3)[0] == pytest.approx(math.sinh(-710.3), rel=1e-15)
    assert sinhcosh(-math.inf) == (-math.inf, math.inf)
    assert all(map(math.isnan, sinhcosh(math.nan)))


def test_ulps_sees_errors() -> None:
    assert ulps(1.0, mp.mpf(1)) == 0.0
    assert ulps(math.nextafter(1.0, 2.0), mp.mpf(1)) == 1.0
    assert ulps(1.1, mp.mpf(1)) > 1e14


def test_variants_have_names_of_their_own() -> None:
    flags = [
        Variant(dtype, each, safe)
        for dtype in ("float64", "float32")
        for each in (False, True)
        for safe in (False, True)
    ]
    assert len({str(v) for v in [*flags, Variant(point=True)]}) == 9
