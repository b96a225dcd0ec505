"""Calls of kernels with everything that an array, a number or an output may be.

Each kind is given to the full call, to `packed`, and to `packed` with `out=`, where the compiled
function checks the arguments itself: all three have to agree, or to refuse in the same words.
"""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import geomkit as gk
from geomkit.errors import EvaluationError

SPHERE = gk.Metric.from_line_element(
    "a**2*dtheta**2 + a**2*sin(theta)**2*dphi**2",
    coordinates=["theta", "phi"],
    parameters=["a"],
    domain={"theta": ["1/2", "5/2"]},
    name="called sphere",
)
QUANTITIES = ["scalar", "ricci", "christoffel"]
POINTS = np.array([[1.0, 0.0], [2.0, 0.5], [1.5, -3.0]])
BACKENDS = ["numba", "interpret"]


class Subclass(np.ndarray):
    """An array of a class of its own."""


@pytest.fixture(scope="module", params=BACKENDS)
def kernel(request: pytest.FixtureRequest) -> gk.Kernel:
    return gk.compile(SPHERE, QUANTITIES, backend=request.param)


@pytest.fixture(scope="module")
def fast() -> gk.Kernel:
    return gk.compile(SPHERE, QUANTITIES)


def calls(kernel: gk.Kernel) -> dict[str, Callable[..., Any]]:
    """Three ways to call, each giving the packed components."""

    def full(points: Any, **arguments: Any) -> Any:
        kernel(points, **arguments)
        return kernel.packed(points, **arguments)

    def into(points: Any, **arguments: Any) -> Any:
        out = np.full_like(kernel.packed(POINTS, a=1.0), np.nan)
        found = kernel.packed(points, out, **arguments)
        assert found is out
        return found

    return {"full": full, "packed": kernel.packed, "out": into}


def strided() -> Any:
    wide = np.zeros((6, 4))
    wide[::2, ::2] = POINTS
    return wide[::2, ::2]


def unaligned() -> Any:
    found = np.frombuffer(bytearray(POINTS.nbytes + 1), np.uint8)[1:].view(float).reshape(3, 2)
    found[:] = POINTS
    return found


def read_only() -> Any:
    found = POINTS.copy()
    found.flags.writeable = False
    return found


KINDS: dict[str, Callable[[], Any]] = {
    "list": POINTS.tolist,
    "Fortran order": lambda: np.asfortranarray(POINTS),
    "strided": strided,
    "backwards": lambda: POINTS[::-1].copy()[::-1],
    "read-only": read_only,
    "unaligned": unaligned,
    "other byte order": lambda: POINTS.astype(POINTS.dtype.newbyteorder()),
    "subclass": lambda: POINTS.view(Subclass),
}


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_of_every_kind_give_the_same(kernel: gk.Kernel, kind: str) -> None:
    wanted = kernel.packed(POINTS, a=2.0)
    for call in calls(kernel).values():
        np.testing.assert_array_equal(call(KINDS[kind](), a=2.0), wanted)


NUMBERS = [2, np.float32(2), np.int64(2), np.array(2.0), np.full(3, 2), [2.0] * 3, np.full(3, 2.0)]


@pytest.mark.parametrize("value", NUMBERS, ids=lambda x: f"{type(x).__name__}{np.shape(x)}")
def test_parameters_of_every_kind_give_the_same(kernel: gk.Kernel, value: Any) -> None:
    wanted = kernel.packed(POINTS, a=2.0)
    for call in calls(kernel).values():
        np.testing.assert_array_equal(call(POINTS, a=value), wanted)


REFUSED: dict[str, tuple[Any, Any, str]] = {
    "a number as point": (np.float64(1), 1.0, "last axis"),
    "three coordinates": (np.ones((3, 3)), 1.0, "last axis"),
    "no coordinates": (np.empty(0), 1.0, "last axis"),
    "no points": (None, 1.0, "points are missing"),
    "text": ("abc", 1.0, "dtype"),
    "objects": (np.array([[1, None]], object), 1.0, "dtype object"),
    "booleans": (np.ones((3, 2), bool), 1.0, "dtype bool"),
    "half precision": (np.ones((3, 2), np.float16), 1.0, "dtype float16"),
    "dates": (np.ones((3, 2), "M8[s]"), 1.0, "dtype datetime64"),
    "an integer beyond 64 bits": ([[10**400, 1]], 1.0, "dtype object"),
    "a mask": (np.ma.masked_array(POINTS, mask=POINTS > 1.8), 1.0, "masked array"),
    "no mask, but an array that may have one": (np.ma.masked_array(POINTS), 1.0, "masked array"),
    "text as parameter": (POINTS, "2", "a has dtype"),
    "None as parameter": (POINTS, None, "a has dtype"),
    "complex parameter": (POINTS, 2j, "a has dtype complex"),
    "dictionary as parameter": (POINTS, {}, "a has dtype object"),
    "function as parameter": (POINTS, lambda: 2.0, "a is a function"),
    "parameter beyond floating point": (POINTS, 10**400, "beyond floating point"),
    "masked parameter": (POINTS, np.ma.masked_array(np.ones(3)), "a is a masked array"),
    "two parameters for three points": (POINTS, np.ones(2), "do not broadcast"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused(kernel: gk.Kernel, what: str) -> None:
    points, value, message = REFUSED[what]
    for call in calls(kernel).values():
        with pytest.raises(EvaluationError, match=message):
            call(points, a=value)


@pytest.mark.parametrize("arguments", [{}, {"b": 2.0}, {"a": 1.0, "b": 2.0}])
def test_names_that_are_wrong(kernel: gk.Kernel, arguments: dict[str, float]) -> None:
    for call in calls(kernel).values():
        with pytest.raises(EvaluationError, match=r"a= missing|no argument 'b'"):
            call(POINTS, **arguments)


def test_points_may_be_given_by_name(kernel: gk.Kernel) -> None:
    wanted = kernel(POINTS, a=2.0)
    np.testing.assert_array_equal(kernel(points=POINTS, a=2.0).ricci, wanted.ricci)
    np.testing.assert_array_equal(kernel.packed(points=POINTS, a=2.0), kernel.packed(POINTS, a=2.0))


@pytest.mark.parametrize("shape", [(0, 2), (3, 0, 2), (2, 0, 5, 2)])
def test_no_points_at_all(kernel: gk.Kernel, shape: tuple[int, ...]) -> None:
    values = kernel(np.empty(shape), a=2.0)
    assert values.ricci.shape == (*shape[:-1], 2, 2)
    assert kernel.packed(np.empty(shape), a=2.0).size == 0
    assert kernel.components(np.empty(shape), a=2.0).shape == (*shape[:-1], len(kernel.slots))


# Outputs ----------------------------------------------------------------------------------------


def fixed(array: Any) -> Any:
    array.flags.writeable = False
    return array


WRONG: dict[str, Callable[[Any], Any]] = {
    "read-only": lambda good: fixed(good.copy()),
    "another type": lambda good: good.astype(np.float32),
    "another byte order": lambda good: good.astype(good.dtype.newbyteorder()),
    "too short": lambda good: good[:, :-1].copy(),
    "a list": lambda good: [1],
    "an empty list": lambda good: [],
    "text": lambda good: "x",
    "a number": lambda good: 5,
    "zero": lambda good: 0,
    "False": lambda good: False,
}


@pytest.mark.parametrize("what", WRONG)
def test_outputs_that_do_not_fit(kernel: gk.Kernel, what: str) -> None:
    bad = WRONG[what](kernel.packed(POINTS, a=2.0))
    with pytest.raises(EvaluationError, match=r"out= is .* is needed"):
        kernel.packed(POINTS, bad, a=2.0)
    with pytest.raises(EvaluationError, match=r"out= does not fit"):
        kernel(POINTS, out=bad, a=2.0)


def test_an_output_in_other_order_is_refused(fast: gk.Kernel) -> None:
    points = np.tile(POINTS, (40, 1))
    good = fast.packed(points, a=2.0)
    for bad in (np.asfortranarray(good), np.zeros((*good.shape, 2))[..., 0]):
        with pytest.raises(EvaluationError, match="contiguous float64 array"):
            fast.packed(points, bad, a=2.0)


def test_a_torch_kernel_has_no_out() -> None:
    torch = pytest.importorskip("torch")
    kernel = gk.compile(SPHERE, "scalar", backend="torch")
    points = torch.from_numpy(POINTS)
    for call in (kernel, kernel.packed):
        with pytest.raises(EvaluationError, match="no out="):
            call(points, out=torch.empty(3, 1), a=2.0)


@pytest.mark.parametrize("count", [3, 1000, 60_000])
@pytest.mark.parametrize("shift", [0, 10, 64 * 5 - 6])
def test_an_output_may_lie_over_the_arguments(fast: gk.Kernel, count: int, shift: int) -> None:
    rng = np.random.default_rng(0)
    points, radius = rng.uniform(1, 2, (count, 2)), rng.uniform(1, 2, count)
    wanted = fast.packed(points, a=2.0)
    wanted_each = fast.packed(points, a=radius)
    memory = np.empty(wanted.size + 3 * count + shift)
    out = memory[: wanted.size].reshape(wanted.shape)
    inside = memory[shift : shift + 2 * count].reshape(count, 2)
    inside[:] = points
    np.testing.assert_array_equal(fast.packed(inside, out, a=2.0), wanted)
    each = memory[shift : shift + count]
    each[:] = radius
    np.testing.assert_array_equal(fast.packed(points, out, a=each), wanted_each)


# Processes --------------------------------------------------------------------------------------


def test_results_are_values_that_can_be_sent(kernel: gk.Kernel) -> None:
    values = kernel(POINTS, a=2.0)
    copy = pickle.loads(pickle.dumps(values))
    assert type(copy) is type(values)
    np.testing.assert_array_equal(copy.ricci, values.ricci)
    assert copy._fields == ("scalar", "ricci", "christoffel")


def far_ricci(kernel: gk.Kernel, points: Any) -> Any:
    return kernel(points, a=2.0)


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_other_processes_compute_the_same(
    fast: gk.Kernel, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        values = pool.submit(far_ricci, fast, POINTS).result(timeout=120)
    np.testing.assert_array_equal(values.ricci, fast(POINTS, a=2.0).ricci)


def test_names_that_calls_use_themselves() -> None:
    metric = gk.Metric.from_line_element(
        "self**2*dx**2 + a_*dy**2 + a*dz**2",
        coordinates=["x", "y", "z"],
        parameters=["self", "a", "a_"],
    )
    kernel = gk.compile(metric, "metric", backend="interpret")
    for points in (np.ones((1, 3)), [[1.0, 1.0, 1.0]]):
        g = kernel(points, self=3.0, a=2.0, a_=5.0).metric
        np.testing.assert_array_equal(g, np.diag([9.0, 5.0, 2.0])[None])
