"""Kernels at random points and parameters of manifolds whose curvature is known in closed form.

What is expected is NumPy here, written from textbooks; the laws of the Riemann tensor are sums over
all indices of the full arrays. Metrics themselves come from `tests.test_space_forms`, from the
catalogue, and at random.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import geomkit as gk
from tests import strategies
from tests.test_space_forms import CHARTS, DIMENSIONS, space_form

Array = NDArray[Any]
SEEDS = st.integers(0, 2**32 - 1)

# Kernels are rounded formulas: 1e-16 a step, dozens of steps, and entries of Riemann in which terms
# of the size of the largest entry cancel. Anything that is wrong is wrong by far more.
TOLERANCE = 1e-12

TENSORS = ("metric", "inverse_metric", "riemann_down", "ricci", "scalar", "kretschmann")


@cache
def compiled(metric: gk.Metric, quantities: tuple[str, ...], backend: str = "numba") -> gk.Kernel:
    return gk.compile(metric, list(quantities), backend=backend)


@cache
def bounds(metric: gk.Metric) -> list[tuple[str, Any]]:
    """For each symbol with a box its ends, as functions of the symbols before it."""
    known: list[Any] = []
    found = []
    for box in metric.domain.boxes:
        found.append((str(box.symbol), sympy.lambdify(known, [box.lower, box.upper], "numpy")))
        known.append(box.symbol)
    return found


def sample(metric: gk.Metric, count: int, seed: int) -> tuple[Array, dict[str, Array]]:
    """Random points of the domain, 2 % of each box away from its ends, each with parameters."""
    random = np.random.default_rng(seed)
    values: dict[str, Array] = {}
    for name, ends in bounds(metric):
        low, high = ends(*values.values())
        values[name] = low + (high - low) * random.uniform(0.02, 0.98, count)
    coordinates = [str(x) for x in metric.coordinates]
    points = np.stack([values[x] for x in coordinates], -1)
    return points, {name: values[name] for name in values if name not in coordinates}


def close(found: Array, expected: Any, scale: Any = 1.0, tolerance: float = TOLERANCE) -> None:
    """Compare point by point, relative to the size of the terms (of each point)."""
    found, expected = np.asarray(found), np.asarray(expected)
    axes = tuple(range(1, found.ndim))
    error = np.max(np.abs(found - expected), axis=axes) if axes else np.abs(found - expected)
    allowed = tolerance * np.maximum(np.abs(scale), 1e-300)
    if not (error <= allowed).all():
        worst = int(np.argmax(error / allowed))
        raise AssertionError(
            f"point {worst}: off by {error[worst]:.3g}, {allowed[worst]:.3g} allowed"
        )


def largest(array: Array) -> Array:
    return np.asarray(np.max(np.abs(array), axis=tuple(range(1, array.ndim))))


# Laws --------------------------------------------------------------------------------------------


def assert_riemann_laws(riemann: Array, tolerance: float = TOLERANCE) -> None:
    """R_ijkl = -R_jikl = -R_ijlk = R_klij, and R_ijkl + R_iklj + R_iljk = 0."""
    size = largest(riemann)
    close(riemann, -np.einsum("pjikl->pijkl", riemann), size, tolerance)
    close(riemann, -np.einsum("pijlk->pijkl", riemann), size, tolerance)
    close(riemann, np.einsum("pklij->pijkl", riemann), size, tolerance)
    cyclic = riemann + np.einsum("piklj->pijkl", riemann) + np.einsum("piljk->pijkl", riemann)
    close(cyclic, 0.0, size, tolerance)


def assert_traces(values: Any, tolerance: float = 1e-10) -> None:
    """Ric_jl = g^ik R_ijkl, R = g^jl Ric_jl, K = R_ijkl R^ijkl; contractions cancel digits."""
    up, riemann = values.inverse_metric, values.riemann_down
    size = largest(up) * largest(riemann)
    close(np.einsum("pik,pijkl->pjl", up, riemann), values.ricci, size, tolerance)
    trace = np.einsum("pjl,pjl->p", up, values.ricci)
    close(trace, values.scalar, largest(up) * largest(values.ricci) + 1e-12 * size, tolerance)
    raised = np.einsum("pia,pjb,pkc,pld,pabcd->pijkl", up, up, up, up, riemann, optimize=True)
    square = np.einsum("pijkl,pijkl->p", raised, riemann)
    close(square, values.kretschmann, largest(raised) * largest(riemann), tolerance)


def assert_space_form(values: Any, curvature: Array, n: int) -> None:
    """R_ijkl = K (g_ik g_jl - g_il g_jk), Ric = (n-1) K g, R = n (n-1) K, R_ijkl R^ijkl."""
    g, k = values.metric, np.asarray(curvature)
    first = np.einsum("pik,pjl->pijkl", g, g) - np.einsum("pil,pjk->pijkl", g, g)
    close(values.riemann_down, k[:, None, None, None, None] * first, k * largest(g) ** 2)
    close(values.ricci, ((n - 1) * k)[:, None, None] * g, k * largest(g) * n)
    close(values.scalar, n * (n - 1) * k, k * n * n)
    close(values.kretschmann, 2 * n * (n - 1) * k**2, k**2 * n * n)
    unit = np.einsum("pij,pjk->pik", g, values.inverse_metric)
    close(unit, np.eye(n), largest(g) * largest(values.inverse_metric))
    assert_riemann_laws(values.riemann_down)


# Space forms -------------------------------------------------------------------------------------

ALL = [(name, n) for name in CHARTS for n in DIMENSIONS.get(name, range(2, 9))]
FEW = [
    ("sphere, angles", 4),
    ("sphere, gnomonic", 3),
    ("hyperbolic, half space", 3),
    ("hyperbolic, Klein", 2),
    ("de Sitter, static", 4),
]


def check_space_form(name: str, n: int, seed: int) -> None:
    metric = space_form(name, n)
    points, parameters = sample(metric, 40, seed)
    values = compiled(metric, TENSORS)(points, **parameters)
    assert_space_form(values, CHARTS[name][0] / parameters["a"] ** 2, n)


@pytest.mark.parametrize(("name", "n"), FEW)
@given(seed=SEEDS)
def test_some_space_forms(name: str, n: int, seed: int) -> None:
    check_space_form(name, n, seed)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "n"), [case for case in ALL if case not in FEW])
@given(seed=SEEDS)
def test_all_space_forms(name: str, n: int, seed: int) -> None:
    check_space_form(name, n, seed)


CATALOGUE = [
    name for name in gk.catalog.names() if re.match(r"sphere[2-8]|hyperbolic([3-8]|_plane)_", name)
]


@pytest.mark.slow
@pytest.mark.parametrize("name", CATALOGUE)
@given(seed=SEEDS)
def test_space_forms_of_the_catalogue(name: str, seed: int) -> None:
    """Their only parameter, if they have one, is the radius of curvature; it is 1 otherwise."""
    metric = gk.catalog[name]
    points, parameters = sample(metric, 40, seed)
    values = compiled(metric, TENSORS)(points, **parameters)
    sign = 1.0 if name.startswith("sphere") else -1.0
    (radius,) = parameters.values() or (np.ones(len(points)),)
    assert_space_form(values, sign / radius**2, metric.n)


def test_the_catalogue_has_charts_of_every_dimension() -> None:
    dimensions = {(name[0], gk.catalog[name].n) for name in CATALOGUE}
    assert dimensions == {(kind, n) for kind in "sh" for n in range(2, 9)}


# Products ----------------------------------------------------------------------------------------


def factor(name: str, n: int, letter: str) -> gk.Metric:
    chart = space_form(name, n)
    names = {str(x): f"{letter}{k}" for k, x in enumerate(chart.coordinates)}
    return chart.rename({**names, "a": f"radius_{letter}"})


PRODUCT = factor("sphere, angles", 2, "u").product(factor("hyperbolic, half space", 3, "v"))


@pytest.mark.slow
@given(seed=SEEDS)
def test_a_product_has_the_curvature_of_its_factors(seed: int) -> None:
    """S^2(a) x H^3(b): R = 2/a^2 - 6/b^2, mixed components vanish."""
    points, parameters = sample(PRODUCT, 40, seed)
    values = compiled(PRODUCT, TENSORS)(points, **parameters)
    k, l = 1 / parameters["radius_u"] ** 2, -1 / parameters["radius_v"] ** 2  # noqa: E741
    close(values.scalar, 2 * k + 6 * l, k - l)
    close(values.kretschmann, 4 * k**2 + 12 * l**2, k**2 + l**2)
    assert_traces(values)
    inside = np.zeros((5, 5, 5, 5), bool)
    inside[:2, :2, :2, :2] = inside[2:, 2:, 2:, 2:] = True
    assert (values.riemann_down[:, ~inside] == 0).all()
    ricci = np.einsum("p,pij->pij", k, values.metric)
    ricci[:, 2:, 2:] = np.einsum("p,pij->pij", 2 * l, values.metric)[:, 2:, 2:]
    close(values.ricci, ricci, largest(ricci))


# Black holes -------------------------------------------------------------------------------------


@pytest.mark.slow
@given(seed=SEEDS)
def test_schwarzschild(seed: int) -> None:
    """Ric = 0 and R_ijkl R^ijkl = 48 M^2/r^6; R_trtr = -2M/r^3."""
    metric = gk.catalog["schwarzschild"]
    points, parameters = sample(metric, 60, seed)
    kernel = compiled(metric, TENSORS)
    values = kernel(points, **parameters)
    r, m = points[:, 1], parameters["M"]
    assert kernel.program.output("ricci").components == ()
    assert not values.ricci.any()
    close(values.kretschmann / (48 * m**2 / r**6), 1.0)
    close(values.riemann_down[:, 0, 1, 0, 1] / (-2 * m / r**3), 1.0)
    assert_riemann_laws(values.riemann_down)


@given(seed=SEEDS)
def test_kerr(seed: int) -> None:
    """Both invariants of the vacuum are the parts of one function of r - i a cos(theta)."""
    metric = gk.catalog["kerr"]
    points, parameters = sample(metric, 60, seed)
    kernel = compiled(metric, (*TENSORS, "chern_pontryagin"))
    values = kernel(points, **parameters)
    r, theta, m, a = points[:, 1], points[:, 2], parameters["M"], parameters["a"]
    weyl = 48 * m**2 / (r - 1j * a * np.cos(theta)) ** 6
    close(values.kretschmann, weyl.real, np.abs(weyl))
    # the orientation eps_0123 > 0 of geomkit.conventions makes it the part with the minus sign
    close(values.chern_pontryagin, -weyl.imag, np.abs(weyl))
    assert not values.ricci.any()
    assert not values.scalar.any()
    assert_riemann_laws(values.riemann_down)
    up = values.inverse_metric
    size = largest(up) * largest(values.riemann_down)
    close(np.einsum("pik,pijkl->pjl", up, values.riemann_down), 0.0, size, 1e-10)


@given(seed=SEEDS)
def test_mass_scales_out_of_kerr(seed: int) -> None:
    """A black hole of mass s M is one of mass M seen from s times as far: K goes as s^-4."""
    metric = gk.catalog["kerr"]
    points, parameters = sample(metric, 30, seed)
    kernel = compiled(metric, (*TENSORS, "chern_pontryagin"))
    far, s = points.copy(), 8.0
    far[:, :2] *= s
    near_value = kernel(points, **parameters).kretschmann
    far_value = kernel(far, **{name: s * p for name, p in parameters.items()}).kretschmann
    # by a power of two: not one bit may differ
    np.testing.assert_array_equal(far_value * s**4, near_value)


# Random metrics ----------------------------------------------------------------------------------


@settings(max_examples=max(3, settings().max_examples // 3))
@given(
    spec=strategies.sheared(dimensions=(2, 3)) | strategies.diagonal(dimensions=(3, 4)), seed=SEEDS
)
def test_laws_of_random_metrics(spec: strategies.Spec, seed: int) -> None:
    """Through the interpreter: its results are rounded once, and compiling would take seconds."""
    metric = spec.build()
    points, parameters = sample(metric, 3, seed)
    kernel = gk.compile(metric, list(TENSORS), backend="interpret")
    values = kernel(points, **parameters)
    assert_riemann_laws(values.riemann_down)
    assert_traces(values)


@pytest.mark.slow
@settings(max_examples=max(3, settings().max_examples // 10))
@given(spec=strategies.metrics().filter(lambda s: not s.functions), seed=SEEDS)
def test_numba_and_the_interpreter_agree_on_random_metrics(
    spec: strategies.Spec, seed: int
) -> None:
    metric = spec.build()
    points, parameters = sample(metric, 20, seed)
    exact, fast = (
        gk.compile(metric, ["christoffel", "riemann", "scalar"], backend=backend, cache=False)
        for backend in ("interpret", "numba")
    )
    wanted, found = (kernel.components(points, **parameters) for kernel in (exact, fast))
    moved = exact.components(points * (1 + 1e-13), **parameters)
    # conditioning: what values change by when the point moves by 1e-13 of itself
    allowed = 1e-12 * (1 + np.abs(wanted)) + 100 * np.abs(moved - wanted)
    assert (np.abs(found - wanted) <= allowed).all()


# The laws themselves -----------------------------------------------------------------------------


def test_the_laws_notice_a_wrong_component() -> None:
    metric = space_form("sphere, angles", 3)
    points, parameters = sample(metric, 5, 0)
    values = gk.compile(metric, list(TENSORS), backend="interpret")(points, **parameters)
    k = 1 / parameters["a"] ** 2
    assert_space_form(values, k, 3)
    assert_traces(values)
    with pytest.raises(AssertionError):
        assert_space_form(values, 1.001 * k, 3)
    riemann = values.riemann_down.copy()
    riemann[2, 0, 1, 0, 1] *= 1.001
    with pytest.raises(AssertionError, match="point 2"):
        assert_riemann_laws(riemann)
    with pytest.raises(AssertionError, match="point 2"):
        assert_traces(values._replace(riemann_down=riemann))
    ricci = values.ricci.copy()
    ricci[4] *= 1.001
    with pytest.raises(AssertionError, match="point 4"):
        assert_traces(values._replace(ricci=ricci))
    # a tensor with the symmetries of pairs, but without the first Bianchi identity
    one, pair = np.zeros((1, 4, 4, 4, 4)), ((0, 1, 2, 3), (2, 3, 0, 1))
    for i, j, k_, l_ in pair:
        one[0, i, j, k_, l_] = one[0, j, i, l_, k_] = 1
        one[0, j, i, k_, l_] = one[0, i, j, l_, k_] = -1
    with pytest.raises(AssertionError):
        assert_riemann_laws(one)
