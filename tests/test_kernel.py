"""Kernels as objects: arguments, messages, copies, files. What they compute is tested elsewhere."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest

import geomkit as gk
from geomkit.errors import EvaluationError, GeomkitError

SPHERE = gk.Metric.from_line_element(
    "a**2*dtheta**2 + a**2*sin(theta)**2*dphi**2",
    coordinates=["theta", "phi"],
    parameters=["a"],
    domain={"theta": ["1/2", "5/2"]},
    name="sphere",
)
FLRW = gk.Metric.from_line_element(
    "-dt**2 + a(t)**2*(dx**2 + dy**2 + dz**2)",
    coordinates=["t", "x", "y", "z"],
    functions=["a(t)"],
    name="flrw",
)


@pytest.fixture(scope="module")
def sphere() -> gk.Kernel:
    return gk.compile(SPHERE, ["scalar", "ricci", "metric"], backend="interpret")


@pytest.fixture(scope="module")
def flrw() -> gk.Kernel:
    return gk.compile(FLRW, "scalar", backend="interpret")


@pytest.fixture(scope="module")
def fast() -> gk.Kernel:
    return gk.compile(SPHERE, ["scalar", "ricci", "metric"])


POINTS = np.array([[1.0, 0.0], [2.0, 1.0], [0.5, 2.0]])


# Calls ----------------------------------------------------------------------------------------


def test_results_have_the_shape_of_points_and_tensor(sphere: gk.Kernel) -> None:
    out = sphere(POINTS[:, None, :], a=np.array([1.0, 2.0]))
    assert out.scalar.shape == (3, 2)
    assert out.metric.shape == (3, 2, 2, 2)
    np.testing.assert_array_equal(out.scalar, [[2.0, 0.5]] * 3)  # 2/a^2, exact in binary


def test_one_point_has_no_leading_dimension(sphere: gk.Kernel) -> None:
    assert sphere([1.0, 0.0], a=1).scalar.shape == ()


def test_no_points_at_all(fast: gk.Kernel) -> None:
    out = fast(np.empty((0, 2)), a=1.0)
    assert out.ricci.shape == (0, 2, 2)
    assert fast.components(np.empty((0, 2)), a=1.0).shape == (0, len(fast.slots))


def test_numba_and_interpreter_agree(sphere: gk.Kernel, fast: gk.Kernel) -> None:
    # one sine of error 1 ulp, squared and multiplied: four roundings of 1.1e-16
    for exact, quick in zip(sphere(POINTS, a=1.5), fast(POINTS, a=1.5), strict=True):
        np.testing.assert_allclose(quick, exact, rtol=5e-16 * 4)


def test_components_are_in_the_order_of_the_slots(sphere: gk.Kernel, fast: gk.Kernel) -> None:
    for kernel in (sphere, fast):
        rows = kernel.components(POINTS, a=1.5)
        full = kernel(POINTS, a=1.5)
        for k, slot in enumerate(kernel.slots):
            tensor = getattr(full, slot.output)
            np.testing.assert_array_equal(rows[:, k], tensor[(slice(None), *slot.index)])


def test_out_is_written_to(fast: gk.Kernel) -> None:
    out = [np.empty(3), np.empty((3, 2, 2)), np.empty((3, 2, 2))]
    given = fast(POINTS, out=out, a=2.0)
    assert given.scalar is out[0]
    np.testing.assert_array_equal(out[0], [0.5] * 3)
    with pytest.raises(EvaluationError, match=r"out= does not fit.*ricci \(3, 2, 2\)"):
        fast(POINTS, out=out[:2], a=2.0)


def test_single_precision_stays_single(fast: gk.Kernel) -> None:
    out = fast(POINTS.astype(np.float32), a=2.0)
    assert out.ricci.dtype == np.float32
    # single precision has 24 bits: 6e-8, and sin^2 takes three roundings
    np.testing.assert_allclose(out.ricci, fast(POINTS, a=2.0).ricci, rtol=4e-7)


def test_a_singular_point_is_warned_of(sphere: gk.Kernel) -> None:
    kernel = gk.compile(SPHERE, "inverse_metric", backend="interpret")
    with pytest.warns(gk.GeomkitWarning, match=r"1 of 2 points .* theta=0, phi=0"):
        kernel([[0.0, 0.0], [1.0, 0.0]], a=1.0)
    with warnings.catch_warnings():  # NaN in, NaN out: nothing to say
        warnings.simplefilter("error")
        assert np.isnan(kernel([np.nan, 0.0], a=1.0).inverse_metric[1, 1])


# Jets -----------------------------------------------------------------------------------------


def test_jets_by_name_and_by_callable(flrw: gk.Kernel) -> None:
    t = np.linspace(1.0, 2.0, 5)
    points = np.stack([t, 0 * t, 0 * t, 0 * t], axis=-1)
    by_name = flrw(points, a=t**2, a_t=2 * t, a_t_t=2.0).scalar

    def a(time: np.ndarray, orders: tuple[int, ...]) -> np.ndarray:
        return [time**2, 2 * time, 2 + 0 * time][orders[0]]

    np.testing.assert_array_equal(by_name, flrw(points, a=a).scalar)
    # R = 6 (a''/a + a'^2/a^2) = 6 (2/t^2 + 4/t^2); a handful of roundings
    np.testing.assert_allclose(by_name, 36 / t**2, rtol=1e-15)


def test_missing_jets_are_explained(flrw: gk.Kernel) -> None:
    with pytest.raises(EvaluationError, match=r"a_t_t= missing.*callable"):
        flrw(np.ones((2, 4)), a=1.0, a_t=1.0)


# Messages -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("points", "arguments", "message"),
    [
        (np.ones((3, 3)), {"a": 1.0}, r"shape \(3, 3\).*length 2, for theta, phi"),
        (np.float64(1.0), {"a": 1.0}, r"last axis must have length 2"),
        (POINTS, {}, "a= missing"),
        (POINTS, {"a": 1.0, "b": 2.0}, "no argument 'b'"),
        (POINTS, {"A": 1.0}, "did you mean a"),
        (POINTS, {"a": np.ones(2)}, "do not broadcast"),
        (POINTS.astype(complex), {"a": 1.0}, "dtype complex128"),
        (POINTS.astype(str), {"a": 1.0}, "float64 or float32"),
        ([[1.0], [2.0, 3.0]], {"a": 1.0}, "no array of numbers"),
        (POINTS, {"a": "1"}, "a has dtype"),
    ],
)
def test_bad_arguments(
    sphere: gk.Kernel, points: object, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(EvaluationError, match=message):
        sphere(points, **arguments)


def test_a_derived_parameter_is_no_argument() -> None:
    metric = gk.Metric.from_line_element(
        "k**2*dx**2 + dy**2",
        coordinates=["x", "y"],
        parameters={"M": {"range": ["1/2", "2"]}, "k": {"value": "1 + M"}},
    )
    kernel = gk.compile(metric, "metric", backend="interpret")
    assert kernel([0.0, 0.0], M=1.0).metric[0, 0] == 4.0
    with pytest.raises(EvaluationError, match=r"the metric defines k = M \+ 1"):
        kernel([0.0, 0.0], M=1.0, k=2.0)


def test_what_cannot_be_compiled() -> None:
    with pytest.raises(GeomkitError, match=r"needs a Metric: gk\.load"):
        gk.compile("kerr", "scalar")  # type: ignore[arg-type]
    with pytest.raises(GeomkitError, match="unknown backend 'fortran'; there are numba"):
        gk.compile(SPHERE, "scalar", backend="fortran")
    with pytest.raises(GeomkitError, match="unknown quantity 'scaler'"):
        gk.compile(SPHERE, "scaler")


def test_tensors_are_not_arrays(sphere: gk.Kernel) -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(EvaluationError, match="compile with backend='torch'"):
        sphere(torch.ones(3, 2, dtype=torch.float64), a=1.0)
    kernel = gk.compile(SPHERE, "scalar", backend="torch")
    with pytest.raises(EvaluationError, match="a torch kernel takes tensors"):
        kernel(POINTS, a=1.0)


# Others who call kernels ------------------------------------------------------------------------


def test_dask_map_blocks(fast: gk.Kernel) -> None:
    array = pytest.importorskip("dask.array")
    points = array.from_array(np.tile(POINTS, (4, 1)), chunks=(5, 2))
    lazy = points.map_blocks(lambda p: fast(p, a=2.0).scalar, drop_axis=1, dtype=float)
    np.testing.assert_array_equal(lazy.compute(), [0.5] * 12)


def test_xarray_apply_ufunc(fast: gk.Kernel) -> None:
    xarray = pytest.importorskip("xarray")
    points = xarray.DataArray(POINTS, dims=["sample", "coordinate"])
    out = xarray.apply_ufunc(
        lambda p: fast(p, a=2.0).ricci,
        points,
        input_core_dims=[["coordinate"]],
        output_core_dims=[["i", "j"]],
    )
    assert out.dims == ("sample", "i", "j")
    np.testing.assert_array_equal(out.values, fast(POINTS, a=2.0).ricci)


# Copies and files -------------------------------------------------------------------------------


def test_pickling_gives_the_same_kernel(fast: gk.Kernel) -> None:
    copy = pickle.loads(pickle.dumps(fast))
    assert copy.hash == fast.hash
    np.testing.assert_array_equal(copy(POINTS, a=1.5).ricci, fast(POINTS, a=1.5).ricci)
