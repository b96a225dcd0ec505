"""The numba backend: layout, arguments of every kind, NaN, threads, names, errors."""

from __future__ import annotations

import concurrent.futures
import math
import os
import subprocess
import sys
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from geomkit.backends.numba import build, threads
from geomkit.backends.numba.code import Code
from geomkit.backends.numba.source import Variant, source
from geomkit.errors import EvaluationError, LoweringError
from geomkit.program import Builder, Index, Program, Spelling

SIZES = (0, 1, 63, 64, 65, 1000)
# a few operations, each right to half a unit of the last place
CLOSE = {"float64": 1e-14, "float32": 3e-6}


def pulsar() -> Program:
    """A tensor with copies, signs and zeros, and a scalar: of points, velocities and a number."""
    b = Builder("pulsar")
    theta = b.input("theta", "coordinate", "points", 0)
    r = b.input("r", "coordinate", "points", 1)
    b.input("v_theta", "vector", "velocity", 0)
    v = b.input("v_r", "vector", "velocity", 1)
    mass = b.input("M", "parameter")
    sine, cosine = b.call("sin", theta), b.call("cos", theta)
    energy = b.sub(b.mul(v, v), b.div(mass, r))
    mixed: Index = (0, 1)
    entries: dict[Index, tuple[Index, int]] = {mixed: (mixed, 1), (1, 0): (mixed, -1)}
    entries[1, 1] = (1, 1), 1
    zero = b.number(0)
    b.output("f", (2, 2), {(0, 0): zero, (0, 1): b.mul(sine, energy), (1, 1): cosine}, entries)
    return b.scalar("s", b.mul(mass, b.mul(r, r))).finish()


def expected(points: Any, velocity: Any, mass: Any) -> tuple[Any, Any]:
    """The same with NumPy."""
    theta, r, v = points[:, 0], points[:, 1], velocity[:, 1]
    mixed = np.sin(theta) * (v * v - mass / r)
    full = np.zeros((len(points), 2, 2))
    full[:, 0, 1], full[:, 1, 0], full[:, 1, 1] = mixed, -mixed, np.cos(theta)
    return full, mass * r * r * np.ones(len(points))


def arguments(count: int, dtype: Any = np.float64, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    points = rng.uniform(0.5, 3.0, (count, 2)).astype(dtype)
    return points, rng.uniform(-1, 1, (count, 2)).astype(dtype)


@pytest.fixture(scope="module")
def code() -> Code:
    return build(pulsar())


@pytest.fixture(scope="module")
def circle() -> Code:
    """One source and one number: the shortest way through `packed`."""
    b = Builder("circle")
    phi = b.input("phi", "coordinate", "points", 0)
    a = b.input("a", "parameter")
    b.scalar("x", b.mul(a, b.call("cos", phi)))
    return build(b.scalar("y", b.mul(a, b.call("sin", phi))).finish())


# Values ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("count", SIZES)
def test_values_of_any_size(code: Code, count: int, each: bool, dtype: str) -> None:
    points, velocity = arguments(count, dtype)
    mass = np.linspace(1, 2, count).astype(dtype) if each else 1.5
    packed = code.packed([points, velocity], [mass])
    assert packed.shape == (-(-count // 64), 3, 64)
    assert packed.dtype == dtype
    for number, wanted in enumerate(expected(points, velocity, mass)):
        full = code.unpack(packed, number, count)
        assert full.shape == wanted.shape
        assert full.dtype == dtype
        np.testing.assert_allclose(full, wanted, rtol=CLOSE[dtype], atol=CLOSE[dtype])


def test_last_block_repeats_the_last_point(code: Code) -> None:
    packed = code.packed(list(arguments(65)), [1.5])
    assert np.isfinite(packed).all()
    assert (packed[1] == packed[1, :, :1]).all()


@pytest.mark.parametrize("each", [False, True])
def test_a_point_does_not_depend_on_its_neighbours(circle: Code, each: bool) -> None:
    # one of the angles is beyond the range of the inline sine: it may not change the others
    phi = np.random.default_rng(1).uniform(-9, 9, (200, 1))
    a = np.full(200, 2.0) if each else 2.0
    alone = circle.packed([phi], [a])
    far = phi.copy()
    far[77] = 3e7
    both = circle.packed([far], [a])
    changed = np.argwhere(alone != both)
    assert {(b, lane) for b, _, lane in changed.tolist()} == {(1, 77 - 64)}
    assert both[1, 0, 13] == pytest.approx(2 * math.cos(3e7), rel=1e-15)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", [1e5, 1.0001e5, 1e9, 1e22, 1e300])
def test_large_angles(circle: Code, size: float, dtype: str) -> None:
    if dtype == "float32" and size > 1e38:
        size = 1e38
    phi = np.array([[size], [-size]], dtype)
    x, y = circle.packed([phi], [1.0])[0, :, :2]
    # numpy's sine reduces angles of any size; it and libm are right to 1 ULP each
    np.testing.assert_allclose(x, np.cos(phi[:, 0].astype(float)), rtol=CLOSE[dtype] / 10)
    np.testing.assert_allclose(y, np.sin(phi[:, 0].astype(float)), rtol=CLOSE[dtype] / 10)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity(code: Code, bad: float) -> None:
    points, velocity = arguments(130)
    points[70] = bad
    tensor = code.unpack(code.packed([points, velocity], [1.5]), 0, 130)
    assert np.isnan(tensor[70, 0, 1])
    assert np.isnan(tensor[70, 1, 1])
    assert tensor[70, 0, 0] == 0
    assert np.isfinite(np.delete(tensor, 70, axis=0)).all()


def test_poles_are_infinite(code: Code) -> None:
    points, velocity = arguments(3)
    points[1] = [1.0, 0.0]
    tensor = code.unpack(code.packed([points, velocity], [1.5]), 0, 3)
    assert tensor[1, 0, 1] == -math.inf
    assert np.isfinite(tensor[[0, 2]]).all()


def test_single_points(code: Code) -> None:
    names = [one.name for one in code.program.inputs]
    values = {"theta": 1.1, "r": 2.0, "v_theta": 9.0, "v_r": 0.5, "M": 1.5}
    out = np.empty(3)
    code.point(np.array([values[n] for n in names]), out)
    points, velocity = np.array([[1.1, 2.0]]), np.array([[9.0, 0.5]])
    assert (out == code.packed([points, velocity], [1.5])[0, :, 0]).all()
    inputs = np.array([{**values, "theta": 1e8}[n] for n in names])
    code.point(inputs, out)
    assert out[1] == pytest.approx(math.cos(1e8), rel=1e-15)


# Arguments ---------------------------------------------------------------------------------------


def test_out_is_filled(code: Code, circle: Code) -> None:
    out = np.empty((2, 3, 64))
    assert code.packed(list(arguments(100)), [1.5], out) is out
    assert (out == code.packed(list(arguments(100)), [1.5])).all()
    out = np.empty((2, 2, 64))
    phi = arguments(100)[0][:, :1].copy()
    assert circle.packed([phi], [1.5], out) is out
    tensors = np.full((100, 2, 2), 7.0)
    packed = code.packed(list(arguments(100)), [1.5])
    assert code.unpack(packed, 0, 100, tensors) is tensors
    assert (tensors == code.unpack(packed, 0, 100)).all()


def test_arrays_of_other_layouts(circle: Code) -> None:
    phi = np.linspace(0, 1, 200).reshape(-1, 1)
    wanted = circle.packed([phi], [2.0])
    fixed = phi.copy()
    fixed.flags.writeable = False
    wide = np.repeat(phi, 2, axis=1)[:, :1]
    swapped = phi.astype(">f8")
    odd = np.frombuffer(b"x" + phi.tobytes(), np.uint8)[1:].view(np.float64).reshape(-1, 1)
    for other in (fixed, wide, swapped, odd, np.asfortranarray(phi)):
        assert (circle.packed([other], [2.0]) == wanted).all()
    mass = np.linspace(1, 2, 400)[::2]
    assert (circle.packed([phi], [mass]) == circle.packed([phi], [mass.copy()])).all()


@pytest.mark.parametrize(
    ("vectors", "scalars", "out"),
    [
        ([np.ones((4, 2))], [1.0], None),
        ([np.ones((4, 1))], [], None),
        ([np.ones((4, 1))], [1.0, 2.0], None),
        ([np.ones((4, 1))], [np.ones(3)], None),
        ([np.ones((4, 1)), np.ones((4, 1))], [1.0], None),
        ([np.ones((4, 1), np.int64)], [1.0], None),
        ([np.ones((4, 1))], [1.0], np.empty((2, 2, 64))),
        ([np.ones((4, 1))], [1.0], np.empty((1, 2, 64), np.float32)),
        ([np.ones((4, 1))], [1.0], np.empty((1, 2, 128))[:, :, ::2]),
    ],
)
def test_arguments_that_do_not_fit(circle: Code, vectors: Any, scalars: Any, out: Any) -> None:
    with pytest.raises(EvaluationError, match=r"need|must be|out="):
        circle.packed(vectors, scalars, out)


def test_packed_arrays_that_do_not_fit(code: Code) -> None:
    with pytest.raises(EvaluationError, match="shape"):
        code.unpack(np.empty((1, 2, 64)), 0, 10)
    with pytest.raises(EvaluationError, match="contiguous"):
        code.unpack(np.empty((1, 3, 64)), 0, 10, np.empty((10, 2, 3)))


# Threads -----------------------------------------------------------------------------------------


def test_threads_change_nothing(code: Code, monkeypatch: pytest.MonkeyPatch) -> None:
    points, velocity = arguments(70_000)
    points[60_000, 0] = 1e7
    monkeypatch.setenv("GEOMKIT_NUM_THREADS", "1")
    single = code.packed([points, velocity], [1.5])
    tensor = code.unpack(single, 0, 70_000)
    calls: list[int] = []
    pool = threads._pool
    monkeypatch.setattr(threads, "_pool", lambda n: calls.append(n) or pool(n))  # type: ignore[func-returns-value]
    monkeypatch.setenv("GEOMKIT_NUM_THREADS", "3")
    assert (code.packed([points, velocity], [1.5]) == single).all()
    assert (code.unpack(single, 0, 70_000) == tensor).all()
    assert calls == [3, 3]
    code.packed(list(arguments(1000)), [1.5])
    assert calls == [3, 3], "threads for a small call"


def test_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOMKIT_NUM_THREADS", "5")
    assert threads.thread_count() == 5
    monkeypatch.setenv("GEOMKIT_NUM_THREADS", "many")
    assert threads.thread_count() >= 1


def test_many_threads_may_call_and_compile() -> None:
    b = Builder("called_from_threads")
    code = build(b.scalar("y", b.call("exp", b.input("x", "coordinate", "points"))).finish())
    x = np.linspace(0, 1, 500, dtype=np.float32).reshape(-1, 1)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: code.packed([x], []), range(8)))
    assert all((one == results[0]).all() for one in results)


FORK = """
import os, sys
import numpy as np
from geomkit.backends.numba import build, source, threads
from geomkit.program import Builder
source.GATE = threads.GATE = 1000
b = Builder("forked")
code = build(b.scalar("y", b.call("sin", b.input("x", "coordinate", "points"))).finish())
x = np.linspace(0, 1, 10_000).reshape(-1, 1)
before = code.packed([x], [])
child = os.fork()
if child == 0:
    same = (code.packed([x], []) == before).all()
    os._exit(0 if same and len(threads._POOL) == 1 else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_forked_children_compute_too() -> None:
    environment = {**os.environ, "GEOMKIT_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", FORK], env=environment, timeout=120)
    assert done.returncode == 0


# Source ------------------------------------------------------------------------------------------

# Names of Python, of the kernel's text and of helpers; what would be two inputs after NFKC.
NAMES = ["lambda", "at", "rows", "out", "block", "lane", "math", "np", "sincos", "exp", "far"]
NAMES += ["count", "first", "last", "points", "f32", "range", "min", "abs", "print", "x", "theta'"]
NAMES += ["θ", "inputs", "kernel", "njit", "each_x", "scipy_psi", "types", "w1", "r2"]


@pytest.mark.parametrize(
    "variant",
    [Variant(), pytest.param(Variant(each=True), marks=pytest.mark.slow), Variant(point=True)],
)
def test_inputs_may_have_any_name(variant: Variant) -> None:
    b = Builder("class")
    total = b.number(0)
    for k, name in enumerate(NAMES):
        node = b.input(name, "coordinate", "points", k)
        total = b.add(total, b.mul(b.number(k + 1), b.call("exp", b.call("sin", node))))
    for name in ("e", "each_e", "None_", "f64"):
        total = b.mul(total, b.input(name, "parameter"))
    program = b.scalar("total", total).finish()
    code = build(program)
    values = np.linspace(0.1, 0.7, len(NAMES))
    numbers = [1.5, 2.0, 0.5, 3.0]
    wanted = sum((k + 1) * math.exp(math.sin(v)) for k, v in enumerate(values)) * math.prod(numbers)
    if variant.point:
        out = np.empty(1)
        code.point(np.array([*values, *numbers]), out)
    else:
        scalars = [np.array([n]) for n in numbers] if variant.each else numbers
        out = code.packed([values.reshape(1, -1)], scalars)[0, 0]
    assert out[0] == pytest.approx(wanted, rel=1e-14)


def test_numbers_are_right_to_the_last_bit() -> None:
    numbers = [Fraction(1, 3), Fraction(2**60 + 1, 3), Fraction(1, 10**40), Fraction(-7, 5)]
    b = Builder("numbers")
    x = b.input("x", "coordinate", "points")
    for k, number in enumerate(numbers):
        b.scalar(f"n{k}", b.mul(b.number(number), x))
    for name in ("pi", "e", "euler", "catalan", "golden"):
        b.scalar(name, b.mul(b.constant(name), x))
    code = build(b.finish())
    constants = [math.pi, math.e, 0.5772156649015329, 0.915965594177219, (1 + math.sqrt(5)) / 2]
    wanted = np.array([*map(float, numbers), *constants])
    assert (code.packed([np.ones((1, 1))], [])[0, :, 0] == wanted).all()
    single = code.packed([np.ones((1, 1), np.float32)], [])[0, :, 0]
    assert (single == wanted.astype(np.float32)).all()


def test_a_number_that_is_no_float_is_refused() -> None:
    b = Builder("googol")
    huge = b.mul(b.number(10**400), b.input("x", "coordinate", "points"))
    with pytest.raises(LoweringError, match="does not fit a floating point number"):
        build(b.scalar("y", huge).finish())


def test_functions_that_numba_lacks_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from geomkit.backends.numba import spelling

    poor = Spelling("numba", {"sin": "sin({0})"}, {}, str)
    monkeypatch.setattr(spelling, "FLOAT64", poor)
    b = Builder("airy")
    b.output("g", (2,), {(1,): b.call("airyai", b.input("x", "coordinate", "points"))})
    with pytest.raises(LoweringError, match=r"has no airyai, which g\[1\] of 'airy' need"):
        build(b.finish())


def test_programs_without_components() -> None:
    b = Builder("flat")
    b.input("x", "coordinate", "points", 0)
    code = build(b.output("riemann", (2, 2), {(0, 1): b.number(0)}).finish())
    packed = code.packed([np.ones((70, 1))], [])
    assert packed.shape == (2, 0, 64)
    assert (code.unpack(packed, 0, 70) == np.zeros((70, 2, 2))).all()
    code.point(np.ones(1), np.empty(0))


def test_what_depends_on_parameters_only_is_computed_once() -> None:
    text = source(pulsar())
    assert "for block" in text
    b = Builder("invariant")
    a = b.input("a", "parameter")
    square = b.call("exp", b.mul(a, a))
    b.scalar("y", b.add(b.mul(square, square), b.input("x", "coordinate", "points")))
    text = source(b.finish())
    assert text.index("exp(a*a)") < text.index("for block in")
    assert "each_a[start + lane]" in source(b.finish(), Variant(each=True))


def test_kernels_are_vectorised(code: Code) -> None:
    # the widest registers that the compiler may use for the loop over lanes
    kernel: Any = build(pulsar(), cache=False).kernel(Variant(each=True))
    assembly = next(iter(kernel.inspect_asm().values()))
    assert "zmm" in assembly or "ymm" in assembly or "v0.2d" in assembly


def test_building_twice_gives_the_same(code: Code) -> None:
    again = build(pulsar())
    points, velocity = arguments(10)
    mass = np.array(1.0)
    assert again.source == code.source
    assert (
        again.packed([points, velocity], [mass]) == code.packed([points, velocity], [1.0])
    ).all()
