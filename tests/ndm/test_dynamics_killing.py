"""Approximate Killing fields: counted on metrics whose symmetries geomkit proves, and recovered."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import geomkit as gk
from geomkit.calculus import is_killing, killing_tensor
from ndm.charts import coordinate_map
from ndm.dynamics.bases import function_basis, largest_gap, rayleigh
from ndm.dynamics.killing import killing_spectrum, lie_metric, principal_angles
from ndm.dynamics.systems import surface
from ndm.errors import DataError
from ndm.field import MetricField
from ndm.geometry import ConstantMetric, ExactMetric, ProductMetric, PulledBack
from ndm.metric_net import MetricNet

torch.set_num_threads(1)
F64 = torch.float64

# Metric, box, and all its Killing fields, which geomkit proves below.
Box = tuple[tuple[float, ...], tuple[float, ...]]
ALGEBRAS: dict[str, tuple[str, Box, tuple[tuple[str, ...], ...]]] = {
    "so(3), stereographic": (
        "sphere2_stereographic",
        ((-0.9, -0.9), (0.9, 0.9)),
        (("-y", "x"), ("1+x**2-y**2", "2*x*y"), ("2*x*y", "1-x**2+y**2")),
    ),
    "sl(2), half plane": (
        "hyperbolic_plane_half",
        ((-0.5, 0.8), (0.5, 2.0)),
        (("1", "0"), ("x", "y"), ("x**2-y**2", "2*x*y")),
    ),
    "sl(2), disk": (
        "hyperbolic_plane_disk",
        ((-0.4, -0.4), (0.4, 0.4)),
        (("-y", "x"), ("1-x**2+y**2", "-2*x*y"), ("-2*x*y", "1+x**2-y**2")),
    ),
    "euclidean": (
        "",
        ((-1.0, -1.0), (1.0, 1.0)),
        (("1", "0"), ("0", "1"), ("-4*y", "x")),
    ),
}


def uniform(box: Box, count: int = 150) -> Tensor:
    low, high = (torch.tensor(end, dtype=F64) for end in box)
    random = torch.rand(count, len(low), dtype=F64, generator=torch.Generator().manual_seed(0))
    return low + (high - low) * random


def evaluated(metric: gk.Metric, vectors: tuple[tuple[str, ...], ...], x: Tensor) -> Tensor:
    n = metric.n
    names = [f"X{k}_{i} = {part}" for k, row in enumerate(vectors) for i, part in enumerate(row)]
    values = gk.compile(metric, names)(x.numpy())
    rows = [getattr(values, name.split(" = ")[0]) for name in names]
    return torch.stack([torch.as_tensor(row) for row in rows], -1).reshape(len(x), -1, n)


@pytest.mark.parametrize("name", ALGEBRAS)
def test_a_space_of_constant_curvature_has_three_and_they_are_geomkits(name: str) -> None:
    which, box, vectors = ALGEBRAS[name]
    flat = gk.Metric.from_line_element("dx**2 + 4*dy**2", coordinates=["x", "y"], name="flat")
    metric = gk.catalog[which] if which else flat
    assert all(is_killing(metric, list(v)).value is True for v in vectors)
    field, x = ExactMetric(metric), uniform(box)
    found = killing_spectrum(field, x, degrees=(2, 3))
    assert [level.dimension for level in found.levels] == [3, 3]
    # the fields lie in the basis, so the eigenvalues are rounding errors of degree-3 sums
    assert float(found.levels[-1].eigenvalues[2]) < 1e-24 * float(found.levels[-1].eigenvalues[3])
    angles = principal_angles(
        field, x, found.levels[-1].fields, lambda x: evaluated(metric, vectors, x)
    )
    assert float(angles.max()) < 1e-11  # 1e-15 / (relative gap of the singular values, 1)


def test_spheres_and_flat_space_of_three_dimensions_have_six() -> None:
    x = uniform(((-0.6,) * 3, (0.6,) * 3), 200)
    sphere = killing_spectrum(ExactMetric("sphere3_stereographic"), x, degrees=(2,))
    flat = killing_spectrum(ConstantMetric(3).double(), x, degrees=(1, 2))
    assert sphere.dimension == 6
    assert flat.dimension == 6
    assert flat.settled


def test_a_thin_strip_has_three_whatever_else_hardly_costs_anything() -> None:
    """Bending it, and stretching it along, costs a millionth of what changes its width costs."""
    strip = ConstantMetric(2, torch.diag(torch.tensor([1.0, 1e-3], dtype=F64)))
    found = killing_spectrum(strip, uniform(((-1.0,) * 2, (1.0,) * 2)), degrees=(1, 2))
    assert [level.dimension for level in found.levels] == [3, 3]
    assert float(found.levels[0].eigenvalues[4] / found.levels[0].eigenvalues[3]) > 1e5


def test_a_product_has_the_fields_of_its_factors() -> None:
    field = ProductMetric([ExactMetric("hyperbolic_plane_half"), ConstantMetric(1).double()])
    x = uniform(((-0.5, 0.8, -1.0), (0.5, 2.0, 1.0)), 200)
    assert killing_spectrum(field, x, degrees=(2,)).dimension == 3 + 1


def test_the_torus_of_revolution_has_one() -> None:
    field, x = ExactMetric(surface("torus").metric), uniform(((-math.pi,) * 2, (math.pi,) * 2), 300)
    found = killing_spectrum(field, x, degrees=(1, 2, 3), basis="fourier")
    assert [level.dimension for level in found.levels] == [1, 1, 1]
    around = torch.tensor([[1.0, 0.0]], dtype=F64)
    rotation = principal_angles(
        field, x, found.levels[-1].fields, lambda x: around.expand(len(x), 1, 2)
    )
    assert float(rotation.max()) < 1e-12  # rounding errors alone: d/du is a member of the basis
    # a patch of it, with polynomials, as a user without knowledge of the angles would do it
    assert killing_spectrum(field, uniform(((-1.5,) * 2, (1.5,) * 2)), degrees=(2,)).dimension == 1


def ellipsoid(order: tuple[int, int, int]) -> gk.Metric:
    sizes = ["1", "13/10", "7/10"]
    shapes = ["cos(u)*cos(w)", "sin(u)*cos(w)", "sin(w)"]
    return gk.Metric.from_embedding(
        map=[f"{sizes[k]}*{shape}" for k, shape in zip(order, shapes, strict=True)],
        coordinates=["u", "w"],
        domain={"u": ["-1", "1"], "w": ["-1", "1"]},
        name="ellipsoid",
    )


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 0, 1)])
def test_the_triaxial_ellipsoid_has_none_in_any_chart(order: tuple[int, int, int]) -> None:
    # around each of its axes in turn; for a < b < c no rotation is a symmetry
    field, x = ExactMetric(ellipsoid(order)), uniform(((-math.pi, -1.2), (math.pi, 1.2)), 500)
    found = killing_spectrum(field, x, degrees=(3, 5, 7), basis=["fourier", "polynomial"])
    assert [level.dimension for level in found.levels] == [0, 0, 0]
    # the smallest eigenvalue settles at a positive number, as no Killing field's does
    assert float(found.levels[-1].eigenvalues[0]) > 0.01


def scrambled(field: MetricField) -> PulledBack:
    torch.manual_seed(3)
    return PulledBack(field, coordinate_map("flow", field.dimension, depth=1).double())


def test_the_count_does_not_depend_on_the_chart() -> None:
    # a flow makes the fields transcendental: eigenvalues fall with the degree instead of vanishing
    field = scrambled(ExactMetric("sphere2_stereographic"))
    found = killing_spectrum(field, uniform(((-0.5,) * 2, (0.5,) * 2), 200), degrees=(3, 5))
    assert found.dimension == 3
    third = [float(level.eigenvalues[2]) for level in found.levels]
    assert third[1] < 0.1 * third[0]
    assert found.gap > 1e3


def test_the_lie_derivative_is_geomkits() -> None:
    metric, x = gk.catalog["sphere2_stereographic"], uniform(((-1, -1), (1, 1)), 5)
    vector = ("x*y + 1", "x - y**2")
    exact = killing_tensor(metric, list(vector))
    kernel = gk.compile(metric, [f"a{i}{j} = {exact.element(i, j).to_sympy()}"
                                 for i in range(2) for j in range(2)])(x.numpy())  # fmt: skip
    u, w = x[:, 0], x[:, 1]
    X = torch.stack([u * w + 1, u - w**2], -1)
    dX = torch.stack([torch.stack([w, u], -1), torch.stack([1 + 0 * u, -2 * w], -1)], -2)
    found = lie_metric(ExactMetric(metric), x, X, dX)
    for i in range(2):
        for j in range(2):
            # ten operations on numbers of size 10
            assert abs(found[:, i, j].numpy() - getattr(kernel, f"a{i}{j}")).max() < 1e-13


def test_an_untrained_metric_has_no_symmetry_and_the_control_has() -> None:
    torch.manual_seed(0)
    learned, x = MetricNet(2, spread=1.0).double(), uniform(((-0.9,) * 2, (0.9,) * 2))
    with torch.no_grad():  # near the flat metric, where it starts, it would have nearly three
        for p in learned.parameters():
            p += torch.randn_like(p)
    found = killing_spectrum(
        learned, x, degrees=(2, 3), control=ExactMetric("sphere2_stereographic")
    )
    assert found.control is not None
    assert (found.dimension, found.control.dimension) == (0, 3)
    assert "the true metric" in str(found)
    assert found.levels[0].fields(x, 2).shape == (150, 2, 2)


def test_a_metric_that_is_nearly_round_has_nearly_three() -> None:
    class Bumpy(MetricField):
        def __init__(self, size: float) -> None:
            super().__init__(2)
            self.size = size

        def forward(self, x: Tensor) -> Tensor:
            bump = 1 + self.size * torch.sin(3 * x[..., 0])
            factor = 4 / (1 + x.square().sum(-1)) ** 2 * bump
            return factor[..., None, None] * torch.eye(2, dtype=F64)

    x, gaps = uniform(((-0.9,) * 2, (0.9,) * 2)), []
    for size in (1e-2, 1e-4):
        found = killing_spectrum(Bumpy(size), x, degrees=(2,))
        assert found.dimension == 3
        gaps.append(found.gap)
    # eigenvalues are squares of what is proportional to the bump: a ratio of 1e4, to first order
    assert gaps[1] / gaps[0] == pytest.approx(1e4, rel=0.1)


def test_gradients_of_a_basis_are_autograds() -> None:
    x = uniform(((-1, 0.5), (1, 3)), 7)
    basis = function_basis(x, 4, ["polynomial", "fourier"], periods=[1.0, 2.5])
    exact = torch.func.vmap(torch.func.jacrev(lambda y: basis(y)[0]))(x)
    # derivatives of degree 4 and frequency 4 * 2 pi/2.5 = 10, times rounding
    assert float((basis(x)[1] - exact).abs().max()) < 1e-11
    # Legendre polynomials to degree 2, by their closed forms
    t = torch.linspace(-1, 1, 5, dtype=F64)[:, None]
    value, _ = function_basis(t, 2)(t)
    legendre = torch.cat([t**0, 3**0.5 * t, 5**0.5 * (3 * t**2 - 1) / 2], -1)
    assert torch.allclose(value, legendre, atol=1e-14)


def test_rayleigh_quotients_are_those_of_the_dense_problem() -> None:
    generator = torch.Generator().manual_seed(1)
    top, bottom = (torch.randn(12, 5, dtype=F64, generator=generator) for _ in range(2))
    values, coefficients = rayleigh(top, bottom)
    inverse = torch.linalg.inv(bottom.mT @ bottom)
    dense = torch.linalg.eigvals(inverse @ (top.mT @ top)).real.sort().values
    assert torch.allclose(values, dense, rtol=1e-10)  # condition of the dense problem, about 1e3
    assert torch.allclose((bottom @ coefficients).mT @ bottom @ coefficients, torch.eye(5).double())
    # a column twice is one unknown less
    assert len(rayleigh(top[:, [0, 1, 1]], bottom[:, [0, 1, 1]])[0]) == 2


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0, 0, 0, 1.0], 3), ([1e-9, 1e-9, 1e-3, 1.0], 2), ([1e-9, 0.1, 0.3, 1.0], 1),
     ([0.2, 0.3, 0.5, 5.1], 0), ([0.2, 0.3, 0.5, 4.0], 0)],
)  # fmt: skip
def test_the_gap_rule(values: list[float], expected: int) -> None:
    assert largest_gap(torch.tensor(values), 3, 10.0, 1e-2)[0] == expected


def test_what_cannot_be_used_is_refused() -> None:
    field, x = ConstantMetric(2).double(), uniform(((-1, -1), (1, 1)), 20)
    with pytest.raises(DataError, match="equations for"):
        killing_spectrum(field, x[:5], degrees=(4,))
    with pytest.raises(DataError, match="needed are points"):
        killing_spectrum(field, x[:, :1])
    with pytest.raises(DataError, match="one degree"):
        killing_spectrum(field, x, degrees=())
    with pytest.raises(DataError, match="'wavelet'"):
        killing_spectrum(field, x, basis="wavelet")
    with pytest.raises(DataError, match="positive periods"):
        killing_spectrum(field, x, basis="fourier", periods=[1.0])
    with pytest.raises(DataError, match="fill a box"):
        killing_spectrum(field, x * torch.tensor([1.0, 0.0]))
