"""One contract for all backends: what a kernel takes, gives and refuses, and every function."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import geomkit as gk
from geomkit.errors import EvaluationError, GeomkitError, LoweringError
from geomkit.metric import GeomkitWarning
from geomkit.program import Builder
from tests.kernel_contract import (
    BACKENDS,
    FLRW,
    SPHERE,
    Backend,
    assert_values,
    flrw_expected,
    sphere_expected,
)

EACH = pytest.mark.parametrize("backend", BACKENDS, ids=lambda one: one.name)
COMPILED = pytest.mark.parametrize("backend", BACKENDS[1:], ids=lambda one: one.name)

# A dozen rounded operations, each 1e-16; the interpreter rounds once.
ROUNDING = 4e-15


def sphere(backend: Backend) -> gk.Kernel:
    return backend.kernel(SPHERE, "scalar", "ricci", "metric")


def flrw(backend: Backend) -> gk.Kernel:
    return backend.kernel(FLRW, "scalar")


def some_points(*shape: int) -> Any:
    """Points of the sphere away from its poles, the same in every run."""
    count = int(np.prod(shape))
    theta = 0.5 + 2 * np.modf(np.arange(count) * 0.6180339887)[0]
    return np.stack([theta, np.arange(count) / 7], -1).reshape(*shape, 2)


# Shapes ------------------------------------------------------------------------------------------


@EACH
@pytest.mark.parametrize(
    "shape", [(), (1,), (7,), (64,), (65,), (130,), (2, 3), (2, 1, 3), (0,), (0, 3)], ids=str
)
def test_leading_dimensions_are_kept(backend: Backend, shape: tuple[int, ...]) -> None:
    points = some_points(*shape)
    result = sphere(backend)(backend.array(points), a=1.5)
    assert_values(result, sphere_expected(points, 1.5), ROUNDING)


@EACH
@pytest.mark.parametrize(
    ("points", "parameter"),
    [
        ((5,), (5,)),
        ((), (5,)),
        ((5,), ()),
        ((4, 2), (4, 1)),
        ((1, 2), (3, 1)),
        ((2,), (3, 1)),
        ((0,), (1,)),
    ],
    ids=str,
)
def test_parameters_broadcast_against_points(
    backend: Backend, points: tuple[int, ...], parameter: tuple[int, ...]
) -> None:
    x = some_points(*points)
    a = 1 + np.arange(int(np.prod(parameter))).reshape(parameter) / 3
    result = sphere(backend)(backend.array(x), a=backend.array(a))
    assert_values(result, sphere_expected(x, a), ROUNDING)


@EACH
def test_numbers_and_arrays_of_one_number_are_the_same(backend: Backend) -> None:
    points = some_points(6)
    for a in (2, 2.0, np.float64(2), backend.array(2.0), backend.array(np.full(6, 2.0))):
        result = sphere(backend)(backend.array(points), a=a)
        assert_values(result, sphere_expected(points, 2.0), ROUNDING)


@EACH
def test_shapes_that_do_not_broadcast_are_refused(backend: Backend) -> None:
    with pytest.raises(EvaluationError, match="broadcast"):
        sphere(backend)(backend.array(some_points(4)), a=backend.array(np.ones(3)))


# Memory ------------------------------------------------------------------------------------------


@EACH
def test_layout_of_points_does_not_matter(backend: Backend) -> None:
    points = some_points(4, 6)
    wide = np.zeros((4, 6, 5))
    wide[..., 1:4:2] = points
    readonly = np.broadcast_to(points[0], (3, 6, 2))
    layouts = {
        "Fortran": np.asfortranarray(points),
        "strided": wide[..., 1:4:2],
        "every other": points[:, ::2],
        "transposed": points.transpose(1, 0, 2),
        "slice of one": points[1:2],
    }
    for name, layout in layouts.items():
        result = sphere(backend)(backend.array(layout), a=1.25)
        assert result.scalar.shape == layout.shape[:-1], name
        assert_values(result, sphere_expected(layout, 1.25), ROUNDING)
    if backend.name != "torch":  # torch has no negative strides and no read-only tensors
        for layout in (points[::-1], points[..., ::-1][..., ::-1], readonly):
            assert_values(sphere(backend)(layout, a=1.25), sphere_expected(layout, 1.25), ROUNDING)


@EACH
def test_arguments_are_not_changed(backend: Backend) -> None:
    points, a = some_points(9), np.linspace(1, 2, 9)
    kept = points.copy(), a.copy()
    sphere(backend)(backend.array(points), a=backend.array(a))
    np.testing.assert_array_equal(points, kept[0])
    np.testing.assert_array_equal(a, kept[1])


@EACH
def test_results_are_not_written_to_by_the_next_call(backend: Backend) -> None:
    points = backend.array(some_points(5))
    first = sphere(backend)(points, a=1.0)
    before = backend.numpy(first.scalar).copy()
    sphere(backend)(points, a=3.0)
    np.testing.assert_array_equal(backend.numpy(first.scalar), before)


@EACH
def test_out_is_filled_or_refused(backend: Backend) -> None:
    kernel, points = sphere(backend), some_points(3)
    out = [np.full(s, np.nan) for s in ((3,), (3, 2, 2), (3, 2, 2))]
    if backend.name == "torch":
        with pytest.raises(EvaluationError, match="no out="):
            kernel(backend.array(points), a=1.0, out=out)
        return
    result = kernel(points, a=1.5, out=out)
    assert all(one is target for one, target in zip(result, out, strict=True))
    assert_values(result, sphere_expected(points, 1.5), ROUNDING)
    views = [np.full((6, *o.shape[1:]), np.nan)[::2] for o in out]
    assert_values(kernel(points, a=1.5, out=views), sphere_expected(points, 1.5), ROUNDING)
    for wrong in ([out[0]], [o[:2] for o in out], [o.astype(int) for o in out[:1]] + out[1:]):
        with pytest.raises(EvaluationError, match="out="):
            kernel(points, a=1.5, out=wrong)


# Types -------------------------------------------------------------------------------------------


@EACH
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_dtype_is_that_of_the_points(backend: Backend, dtype: str) -> None:
    points = some_points(70).astype(dtype)
    result = sphere(backend)(backend.array(points), a=1.5)
    assert {str(backend.numpy(one).dtype) for one in result} == {dtype}
    expected = sphere_expected(points.astype(float), 1.5)
    assert_values(result, expected, ROUNDING if dtype == "float64" else ROUNDING * 2**29)


@EACH
def test_integers_become_floats_or_are_refused(backend: Backend) -> None:
    points = np.array([[1, 0], [2, 5]])
    if backend.name == "torch":
        with pytest.raises(EvaluationError, match="int"):
            sphere(backend)(backend.array(points), a=1.0)
    else:
        result = sphere(backend)(points, a=1.0)
        assert result.scalar.dtype == np.float64
        assert_values(result, sphere_expected(points, 1.0), ROUNDING)
    listed = [[1.0, 0.0], [2.0, 5.0]]
    if backend.name != "torch":
        assert_values(sphere(backend)(listed, a=1), sphere_expected(points, 1.0), ROUNDING)


@EACH
@pytest.mark.parametrize(
    ("points", "arguments", "message"),
    [
        (np.ones((4, 3)), {"a": 1.0}, r"points .*length 2"),
        (np.float64(1), {"a": 1.0}, "points"),
        (np.ones((4, 2)), {}, "a.* missing"),
        (np.ones((4, 2)), {"a": 1.0, "b": 2.0}, "'b'"),
        (np.ones((4, 2)), {"A": 1.0}, "'A'"),
        (np.ones((4, 2), complex), {"a": 1.0}, "points .*complex"),
        (np.ones((4, 2)), {"a": "1"}, "a "),
        (np.ones((4, 2)), {"a": None}, "a "),
        (np.ones((4, 2)), {"a": np.ones(4, complex)}, "a .*complex"),
    ],
)
def test_bad_arguments_are_named(
    backend: Backend, points: Any, arguments: dict[str, Any], message: str
) -> None:
    given = {k: backend.array(v) if isinstance(v, np.ndarray) else v for k, v in arguments.items()}
    with pytest.raises(EvaluationError, match=message):
        sphere(backend)(backend.array(points), **given)


# Packed ------------------------------------------------------------------------------------------


@EACH
def test_packed_components_are_those_of_the_full_tensors(backend: Backend) -> None:
    kernel, points = sphere(backend), backend.array(some_points(70))
    full = {k: backend.numpy(v) for k, v in kernel(points, a=1.5)._asdict().items()}
    packed = backend.numpy(kernel.packed(points, a=1.5))
    components = backend.numpy(kernel.components(points, a=1.5))
    assert [str(slot) for slot in kernel.slots] == [
        *("scalar", "ricci[0, 0]", "ricci[1, 1]", "metric[0, 0]", "metric[1, 1]")
    ]
    for k, slot in enumerate(kernel.slots):
        column = packed[:, k].reshape(-1)[:70] if backend.name == "numba" else packed[..., k]
        place: Any = (slice(None), *slot.index)
        expected = full[slot.output][place]
        np.testing.assert_array_equal(column, expected, str(slot))
        np.testing.assert_array_equal(components[:, k], expected, str(slot))


@EACH
def test_the_unpacked_tensor_has_every_symmetric_copy_and_zero(backend: Backend) -> None:
    kernel = backend.kernel(SPHERE, "riemann_down")
    points = some_points(3)
    riemann = backend.numpy(kernel(backend.array(points), a=2.0).riemann_down)
    expected = np.zeros((3, 2, 2, 2, 2))
    for i, j, k, l, sign in ((0, 1, 0, 1, 1), (0, 1, 1, 0, -1), (1, 0, 0, 1, -1), (1, 0, 1, 0, 1)):  # noqa: E741
        expected[:, i, j, k, l] = sign * 4 * np.sin(points[:, 0]) ** 2
    assert_values(type("R", (), {"riemann_down": riemann}), {"riemann_down": expected}, ROUNDING)


# Unspecified functions ---------------------------------------------------------------------------


def scale_factor(t: Any, orders: tuple[int, ...]) -> Any:
    """a(t) = t^3 + 2 and its derivatives, for arrays and tensors alike."""
    return {0: t**3 + 2, 1: 3 * t**2, 2: 6 * t}[orders[0]]


@EACH
def test_jets_as_arrays_and_as_callables(backend: Backend) -> None:
    points = np.linspace(0.5, 2, 20).reshape(5, 4)
    t = points[:, 0]
    expected = {"scalar": flrw_expected(*(scale_factor(t, (k,)) for k in range(3)))}
    kernel, x = flrw(backend), backend.array(points)
    names = ("a", "a_t", "a_t_t")
    jets = {name: backend.array(scale_factor(t, (k,))) for k, name in enumerate(names)}
    assert_values(kernel(x, **jets), expected, ROUNDING)
    assert_values(kernel(x, a=scale_factor), expected, ROUNDING)
    numbers = {"a": 2.0, "a_t": 0.5, "a_t_t": -1.0}
    constant = {"scalar": np.broadcast_to(flrw_expected(2.0, 0.5, -1.0), (5,))}
    assert_values(kernel(x, **numbers), constant, ROUNDING)
    assert_values(kernel(x[0], a=scale_factor), {"scalar": expected["scalar"][0]}, ROUNDING)


@EACH
def test_a_jet_that_is_missing_is_named(backend: Backend) -> None:
    with pytest.raises(EvaluationError, match=r"a_t_t.* missing"):
        flrw(backend)(backend.array(np.ones((2, 4))), a=1.0, a_t=0.0)


@EACH
def test_several_array_arguments(backend: Backend) -> None:
    """The geodesic equation of the sphere: (sin cos v^2, -2 cot u v)."""
    kernel = backend.kernel(SPHERE, "geodesic")
    points, velocity = some_points(3, 1), np.array([[0.5, 1.0], [-2.0, 0.25]])
    result = kernel(backend.array(points), velocity=backend.array(velocity), a=2.0)
    theta, (u, v) = points[..., 0], np.moveaxis(velocity, -1, 0)
    expected = np.stack([np.sin(theta) * np.cos(theta) * v**2, -2 / np.tan(theta) * u * v], -1)
    assert_values(result, {"geodesic": expected}, ROUNDING)
    with pytest.raises(EvaluationError, match="velocity"):
        kernel(backend.array(points), a=2.0)


# Not a number ------------------------------------------------------------------------------------


@EACH
def test_nan_in_nan_out_and_nowhere_else(backend: Backend) -> None:
    points = some_points(66)
    points[[3, 65], 0] = np.nan
    ricci = backend.numpy(sphere(backend)(backend.array(points), a=1.5).ricci)
    assert np.isnan(ricci[[3, 65], 1, 1]).all()
    fine = np.isfinite(points[:, 0])
    expected = sphere_expected(points[fine], 1.5)["ricci"]
    assert_values(type("R", (), {"ricci": ricci[fine]}), {"ricci": expected}, ROUNDING)
    a = np.ones(66)
    a[7] = np.nan
    scalar = backend.numpy(
        sphere(backend)(backend.array(some_points(66)), a=backend.array(a)).scalar
    )
    np.testing.assert_array_equal(np.isnan(scalar), np.isnan(a))


@EACH
def test_a_pole_gives_no_number_and_a_warning_where_values_are_looked_at(backend: Backend) -> None:
    kernel = backend.kernel(SPHERE, "christoffel")
    points = backend.array(np.array([[1.0, 0.0], [0.0, 0.0]]))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cotangent = backend.numpy(kernel(points, a=1.0).christoffel)[:, 1, 0, 1]
    assert abs(cotangent[0] - 1 / np.tan(1.0)) < ROUNDING
    assert not np.isfinite(cotangent[1])
    kinds = {one.category for one in caught}
    # torch looks at no values: a traced call could not
    assert kinds == (set() if backend.name == "torch" else {GeomkitWarning})


# Determinism -------------------------------------------------------------------------------------


@EACH
def test_a_call_gives_the_same_bits_again(backend: Backend) -> None:
    points = backend.array(some_points(200))
    first, second = (backend.numpy(sphere(backend).components(points, a=1.1)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@EACH
def test_a_point_gives_the_same_wherever_it_stands(backend: Backend) -> None:
    kernel, points = sphere(backend), some_points(67)
    together = backend.numpy(kernel.components(backend.array(points), a=1.1))
    alone = [backend.numpy(kernel.components(backend.array(x), a=1.1)) for x in points]
    np.testing.assert_array_equal(together, alone)


# Names -------------------------------------------------------------------------------------------


@pytest.mark.slow
@EACH
def test_any_name_may_be_used(backend: Backend) -> None:
    """Names of modules, of functions and of what the generated code calls its own things."""
    names = ["np", "math", "torch", "sin", "exp", "w3", "sin_np", "out", "points", "vectors", "len"]
    names += ["range", "sincos", "numba", "lane", "block", "i", "k", "packed", "float", "self", "f"]
    b = Builder("names")
    nodes = [b.input(name, "coordinate", "points", k) for k, name in enumerate(names)]
    b.scalar("total", b.sum(b.call("sin", b.mul(x, b.call("exp", x))) for x in nodes))
    b.scalar("np", b.sum(nodes))
    points = np.linspace(0.1, 1, 2 * len(names)).reshape(2, -1)
    found = backend.values(b.finish(), points)
    expected = [np.sin(points * np.exp(points)).sum(1), points.sum(1)]
    # a sum of 22 terms of size 1
    np.testing.assert_allclose(found.T, expected, rtol=ROUNDING)


# The helpers -------------------------------------------------------------------------------------


def test_the_comparison_notices_a_wrong_value_shape_and_name() -> None:
    points = some_points(4)
    expected = sphere_expected(points, 1.5)
    right: Any = type("R", (), dict(expected))
    assert_values(right, expected, ROUNDING)
    for name, wrong in (("scalar", 1.0 + expected["scalar"]), ("ricci", expected["ricci"][:3])):
        broken: Any = type("R", (), {**expected, name: wrong})
        with pytest.raises(AssertionError, match=name):
            assert_values(broken, expected, ROUNDING)
    with pytest.raises(AssertionError):
        assert_values(
            type("R", (), {**expected, "scalar": expected["scalar"] * np.nan}), expected, 1
        )


def test_unknown_backends_are_named() -> None:
    with pytest.raises(GeomkitError, match="'julia'; there are numba, torch, interpret"):
        gk.compile(SPHERE, "scalar", backend="julia")
    assert issubclass(LoweringError, GeomkitError)
