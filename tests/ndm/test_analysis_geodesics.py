"""Geodesics of metric fields: closed forms, invariance, and honesty about what did not converge."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import geomkit as gk
from ndm.analysis.connection import Connection, better
from ndm.analysis.curves import along, basis, energy, expansion
from ndm.analysis.geodesics import connect, distances, interpolate
from ndm.analysis.minimise import minimised
from ndm.analysis.motion import acceleration, exponential
from ndm.analysis.paths import continued, image
from ndm.charts import SplineCoupling, coordinate_map
from ndm.errors import ModelError, SolverError
from ndm.geometry import ConstantMetric, ExactMetric, PulledBack
from ndm.metric_net import MetricNet
from tests.ndm import oracles
from tests.ndm.oracles import F64, Planted, points, shaken


def uniform(*shape: int, low: float = -0.8, high: float = 0.8, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(shape, generator=generator, dtype=F64)


def learned(n: int, family: str = "full") -> MetricNet:
    torch.manual_seed(0)
    made: MetricNet = MetricNet(n, family, (8,)).double()
    shaken(made, 0.15, 0)
    return made


def disk(p: Tensor, q: Tensor) -> Tensor:
    """cosh d = 1 + 2 |p - q|^2 / ((1 - |p|^2)(1 - |q|^2)), Poincare's disk."""
    gap = 2 * (p - q).square().sum(-1)
    return torch.acosh(1 + gap / ((1 - p.square().sum(-1)) * (1 - q.square().sum(-1))))


def half_plane(p: Tensor, q: Tensor) -> Tensor:
    """d = 2 asinh(|p - q| / (2 sqrt(p_y q_y)))."""
    return 2 * torch.asinh((p - q).norm(dim=-1) / (2 * (p[..., 1] * q[..., 1]).sqrt()))


def stereographic(p: Tensor, q: Tensor) -> Tensor:
    """The chord c of the unit sphere has d = 2 asin(c/2), c = 2|p - q|/sqrt((1+p^2)(1+q^2))."""
    scale = ((1 + p.square().sum(-1)) * (1 + q.square().sum(-1))).sqrt()
    return 2 * torch.asin((p - q).norm(dim=-1) / scale)


def round_metric(x: Tensor) -> Tensor:
    return 4 * torch.eye(2, dtype=F64) / (1 + x.square().sum(-1)[..., None, None]) ** 2


SPHERE = Planted(2, round_metric)
CLOSED = {
    "sphere": (SPHERE, stereographic, uniform(12, 2), uniform(12, 2, seed=1)),
    "disk": (ExactMetric("hyperbolic_plane_disk"), disk, uniform(12, 2, low=-0.65, high=0.65),
             uniform(12, 2, low=-0.65, high=0.65, seed=1)),
    "half plane": (ExactMetric("hyperbolic_plane_half"), half_plane,
                   uniform(12, 2, low=0.3, high=3), uniform(12, 2, low=0.3, high=3, seed=1)),
}  # fmt: skip


@pytest.mark.parametrize("name", CLOSED)
def test_distances_of_space_forms(name: str) -> None:
    field, closed, p, q = CLOSED[name]
    found = connect(field, p, q, tolerance=1e-6)
    assert found.converged.all()
    # lengths are good to the square of the turning, which leaves rounding
    torch.testing.assert_close(found.distance, closed(p, q), rtol=1e-11, atol=1e-11)
    assert (found.straight >= found.distance).all()
    end = exponential(field, p, found.logarithm)
    assert end.converged.all()
    # a step is good to 1e-9, errors grow with the curve by up to e^distance < 100; the turning
    # of 1e-6 by as much
    torch.testing.assert_close(end.end, q, rtol=0, atol=1e-5)


def test_stereographic_sphere_is_geomkits() -> None:
    """The planted sphere is the catalogue's; curvature is 2."""
    torch.testing.assert_close(
        SPHERE.scalar_curvature(points(4, 2)), torch.full((4,), 2.0).double()
    )


def test_flat_torus_is_flat() -> None:
    """Geodesics of the Clifford torus are straight in its angles; its metric is constant."""
    metric = gk.catalog["clifford_torus"]
    values = {str(p.symbol): 2.0 for p in metric.parameters if p.value is None}
    torus = ExactMetric(metric, **values)
    p, q = uniform(6, 2), uniform(6, 2, seed=1)
    found = connect(torus, p, q)
    g = torus(p)
    away = q - p
    expected = (away * (g @ away[..., None])[..., 0]).sum(-1).sqrt()
    torch.testing.assert_close(found.distance, expected, rtol=1e-13, atol=0)
    assert found.coefficients.abs().max() < 1e-13  # the straight line itself
    torch.testing.assert_close(found.straight, expected, rtol=1e-13, atol=0)


@pytest.mark.parametrize("n", [2, 3])
def test_distances_do_not_depend_on_coordinates(n: int) -> None:
    torch.manual_seed(1)
    phi = coordinate_map("flow", n, depth=1, hidden=(6,)).double()
    shaken(phi, 0.15, 1)
    field = learned(n)
    p, q = uniform(5, n), uniform(5, n, seed=1)
    there = connect(field, phi(p)[0], phi(q)[0], tolerance=1e-5)
    # as a metric of these coordinates, and not as a pullback, which would be joined over there
    pulled = PulledBack(field, phi)
    here = connect(Planted(n, lambda x: pulled(x)), p, q, tolerance=1e-5)
    assert there.converged.all()
    assert here.converged.all()
    # lengths are good to about the square of the turning
    torch.testing.assert_close(here.distance, there.distance, rtol=1e-9, atol=0)
    # and the geodesics are the same curves; these only to the turning itself
    s = torch.tensor([0.25, 0.5], dtype=F64)
    torch.testing.assert_close(phi(here.at(s)[0])[0], there.at(s)[0], rtol=0, atol=1e-4)
    known = connect(pulled, p, q, tolerance=1e-5)
    torch.testing.assert_close(known.distance, here.distance, rtol=1e-9, atol=0)
    torch.testing.assert_close(known.straight, here.straight, rtol=1e-9, atol=0)
    for a, b in zip(known.at(s), here.at(s), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-3)  # velocities: a derivative of that
    torch.testing.assert_close(known.logarithm, here.logarithm, rtol=0, atol=1e-3)


@pytest.mark.parametrize("family", ["full", "diagonal", "conformal", "lowrank"])
def test_learned_geodesics_keep_their_speed(family: str) -> None:
    field = learned(3, family)
    found = connect(field, uniform(5, 3), uniform(5, 3, seed=1))
    assert found.converged.all()
    x = interpolate(found, 9)
    # equal steps: between neighbours the geodesic distance is an eighth of the whole (R50: 1e-3)
    parts = connect(field, x[:, :-1], x[:, 1:])
    assert parts.converged.all()
    expected = (found.distance / 8)[:, None].expand(5, 8)
    torch.testing.assert_close(parts.distance, expected, rtol=1e-3, atol=0)
    assert found.unevenness.max() < 1e-3
    assert (found.straight > found.distance).all()
    back = connect(field, found.q, found.p)
    torch.testing.assert_close(back.distance, found.distance, rtol=1e-7, atol=0)  # symmetric


def test_acceleration_is_christoffels() -> None:
    field = learned(3)
    x, v = points(4, 3), points(4, 3, seed=1)
    gamma = oracles.at_all(oracles.christoffel, field, x)
    expected = -torch.einsum("eijk,ej,ek->ei", gamma, v, v)
    torch.testing.assert_close(acceleration(field, x, v), expected, rtol=1e-11, atol=1e-11)


def test_expansion_is_that_of_the_energy() -> None:
    """Against reverse-mode derivatives of the energy."""
    field = learned(2)
    b = basis(3, torch.zeros(1), 10)
    p, q, c = points(2, 2), points(2, 2, seed=1), 0.3 * points(2, 3, 2, seed=2)
    found = expansion(field, p, q, c, b)
    for i in range(2):
        one = (p[i : i + 1], q[i : i + 1])

        def value(flat: Tensor, one: tuple[Tensor, Tensor] = one) -> Tensor:
            return energy(field, *one, flat.reshape(1, 3, 2), b).sum()

        flat = c[i].flatten()
        gradient = torch.autograd.functional.jacobian(value, flat)
        hessian = torch.autograd.functional.hessian(value, flat)
        torch.testing.assert_close(found.gradient[i], gradient, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(found.hessian[i], hessian, rtol=1e-10, atol=1e-10)


def test_exponential_of_the_sphere() -> None:
    """Great circles from the north of the stereographic chart: |x| = tan(t/2)."""
    v = torch.tensor([[0.25, 0.0], [0.0, 0.5], [0.3, 0.4]], dtype=F64)  # |v|_g = 2 |v|
    flow = exponential(SPHERE, torch.zeros(3, 2, dtype=F64), v, 5)
    t = flow.times[:, None] * 2 * v.norm(dim=-1)
    expected = torch.tan(t / 2)[..., None] * v / v.norm(dim=-1, keepdim=True)
    torch.testing.assert_close(flow.points, expected, rtol=0, atol=1e-8)
    assert flow.drift.max() < 1e-8


def test_a_curve_that_cannot_be_followed_says_so() -> None:
    """The other curves are not disturbed; through the south pole is through infinity."""
    v = torch.tensor([[2.0, 0.0], [0.25, 0.0]], dtype=F64)
    flow = exponential(SPHERE, torch.zeros(2, 2, dtype=F64), v, max_steps=60)
    assert flow.converged.tolist() == [False, True]
    assert flow.end[0].isnan().all()
    assert abs(flow.end[1, 0].item() - math.tan(0.25)) < 1e-8


def test_what_does_not_converge_has_no_distance() -> None:
    """Across a wall where the metric is not positive definite, and with too few iterations."""
    wall = Planted(2, lambda x: (x[..., :1, None] ** 2 - 0.25) * torch.eye(2, dtype=F64))
    p, q = torch.tensor([[-2.0, 0.0], [1.0, 0.0]]).double(), torch.tensor([[2.0, 0.1]]).double()
    found = connect(wall, p, q)
    assert found.converged.tolist() == [False, True]
    assert found.distance.isnan().tolist() == [True, False]
    assert found.logarithm.isnan().any(-1).tolist() == [True, False]
    assert interpolate(found, 4)[0].isnan().all()
    with pytest.raises(SolverError, match="1 of 2 pairs"):
        distances(wall, p, q)
    hurried = connect(*(CLOSED["disk"][i] for i in (0, 2, 3)), max_iterations=1)
    bad = ~hurried.converged
    assert bad.sum() >= 3
    assert torch.equal(bad, hurried.distance.isnan())
    assert (hurried.length <= hurried.straight).all()  # an upper bound, no distance


def hill(x: Tensor) -> Tensor:
    """A ridge of high cost between `LEFT` and its mirror image."""
    factor = 1 + 30 * torch.exp(-4 * x.square().sum(-1))
    return factor[..., None, None] * torch.eye(2, dtype=F64)


HILL, LEFT = Planted(2, hill), torch.tensor([[-1.5, 0.0]], dtype=F64)


@pytest.mark.parametrize("field", [HILL, SPHERE])
def test_the_energy_never_rises(field: Planted) -> None:
    """From curves so bent that Newton's own steps lead uphill, or to no step at all."""
    p, q, c = uniform(20, 2), uniform(20, 2, seed=1), torch.zeros(20, 7, 2, dtype=F64)
    c[:, :2] = uniform(20, 2, 2, low=-2, high=2, seed=2)
    places, curves = basis(7, p, 40), [minimised(field, p, q, c, limit)[0] for limit in range(9)]
    rows = [energy(field, p, q, curve, places) for curve in curves]
    changes = torch.stack(rows).diff(dim=0) / rows[0]
    assert changes.max() <= 1e-13  # rounding
    assert (changes == 0).sum() > 10  # steps that were refused
    assert (rows[-1] < 0.9 * rows[0]).all()


def test_a_saddle_is_no_minimum() -> None:
    """The straight line over a hill: by symmetry its gradient vanishes, the Hessian says more."""
    c = torch.zeros(1, 1, 2, dtype=F64)
    assert not minimised(HILL, LEFT, -LEFT, c, 40)[1].any()
    assert minimised(HILL, LEFT, -LEFT, c + 0.1, 40)[1].all()


def test_what_converged_is_as_straight_and_even_as_was_asked_for() -> None:
    for field, _, p, q in CLOSED.values():
        for tolerance in (1e-4, 1e-7):
            found = connect(field, p, q, tolerance=tolerance)
            assert found.converged.all()
            assert found.turning.max() <= tolerance
            assert found.unevenness.max() <= tolerance


def test_the_better_of_two_results() -> None:
    """What converged is better; otherwise what is shorter, and anything than nan."""

    def result(converged: list[bool], length: list[float]) -> Connection:
        size = torch.tensor(length, dtype=F64)
        ends, zero = torch.zeros(len(length), 2, dtype=F64), torch.zeros(len(length), dtype=F64)
        good = torch.tensor(converged)
        c, distance = ends[:, None], torch.where(good, size, torch.nan)
        return Connection(ends, ends, c, good, distance, size, zero, zero, zero, zero.long())

    yes, no = True, False
    first = result([yes, no, yes, yes, no, no, no], [2.0, 1.0, 1.0, 2.0, 1.0, 2.0, 3.0])
    second = result([no, yes, yes, yes, no, no, no], [1.0, 2.0, 2.0, 1.0, 2.0, 1.0, math.nan])
    for one, other in ((first, second), (second, first)):
        found = better(one, other)
        assert found.converged.tolist() == [yes, yes, yes, yes, no, no, no]
        assert found.length.tolist() == [2.0, 2.0, 1.0, 1.0, 1.0, 1.0, 3.0]


@pytest.mark.slow
def test_the_straight_line_over_a_hill_is_no_minimum() -> None:
    """The symmetric geodesic over it is a saddle."""
    field, p, q = HILL, LEFT, -LEFT
    single = connect(field, p, q)
    assert not single.converged.any()  # the Hessian has a negative direction there: not claimed
    many = connect(field, p, q, starts=3, generator=torch.Generator().manual_seed(0))
    assert many.converged.all()
    assert many.distance.item() < 0.8 * many.straight.item()


def test_double_precision_for_float32_models_and_equal_points() -> None:
    torch.manual_seed(0)
    field = MetricNet(2)
    p = torch.randn(3, 2)
    found = connect(field, p, p.roll(1, 0))
    assert found.distance.dtype == F64
    assert found.converged.all()
    assert next(field.parameters()).dtype == torch.float32
    same = connect(field, p, p)
    assert same.converged.all()
    assert (same.distance == 0).all()
    matrix = distances(field, p[:, None], p[None])
    assert matrix.shape == (3, 3)
    torch.testing.assert_close(matrix, matrix.mT, rtol=1e-7, atol=1e-12)


def test_refusals() -> None:
    flat = ConstantMetric(2)
    x = torch.zeros(2, 2)
    with pytest.raises(ModelError, match="last axis must be 2"):
        connect(flat, torch.zeros(2, 3), torch.zeros(2, 3))
    with pytest.raises(ModelError, match="not finite"):
        connect(flat, x / 0, x)
    with pytest.raises(ModelError, match="do not fit"):
        connect(flat, x, torch.zeros(3, 2))
    with pytest.raises(ModelError, match="no metric field"):
        connect(torch.nn.Linear(2, 2), x, x)
    with pytest.raises(SolverError, match="must be positive"):
        connect(flat, x, x, starts=0)
    with pytest.raises(SolverError, match="increase from 0"):
        exponential(flat, x, x, torch.tensor([1.0, 0.0]))
    with pytest.raises(SolverError, match="between 0 and 1"):
        exponential(flat, x, x, tolerance=0)
    with pytest.raises(SolverError, match="the ends alone are 2"):
        interpolate(connect(flat, x, x), 1)
    rough = PulledBack(flat.double(), SplineCoupling(2).double())
    with pytest.raises(ModelError, match="C\\^1"):
        exponential(rough, x, x)


def test_a_metric_seen_through_a_rough_map_is_joined_in_its_own_chart() -> None:
    """A C^1 map is an isometry as any other: geodesics go to geodesics."""
    torch.manual_seed(0)
    phi = SplineCoupling(2, bins=4).double()
    shaken(phi, 0.4, 0)
    field = PulledBack(SPHERE, phi)
    p, q = uniform(6, 2), uniform(6, 2, seed=1)
    found = connect(field, p, q, tolerance=1e-6)
    assert found.converged.all()
    expected = stereographic(phi(p)[0], phi(q)[0])
    torch.testing.assert_close(found.distance, expected, rtol=1e-11, atol=1e-11)
    x, v = found.at(torch.tensor([0.0, 0.3, 1.0], dtype=F64))
    torch.testing.assert_close(x[:, 0], p, rtol=0, atol=1e-12)
    torch.testing.assert_close(x[:, 2], q, rtol=0, atol=1e-12)
    speed = (v[..., None, :] @ field(x) @ v[..., None])[..., 0, 0].sqrt()
    # as even as the tolerance asks for
    torch.testing.assert_close(speed, expected[:, None].expand(6, 3), rtol=1e-5, atol=0)
    line = torch.linspace(0, 1, 20001, dtype=F64)[:, None, None]
    points = phi(p + line * (q - p))[0]
    steps = stereographic(points[1:], points[:-1]).sum(0)
    # chords of arcs that turn by 1e-4 are as long to 1e-8; at the knots of the spline, where
    # second derivatives jump, Gauss' quadrature is good to about 1e-4
    torch.testing.assert_close(found.straight, steps, rtol=1e-3, atol=0)


def test_a_straight_line_seen_through_a_map() -> None:
    phi = coordinate_map("flow", 2, depth=1, hidden=(6,)).double()
    shaken(phi, 0.2, 1)
    p, q = points(4, 2), points(4, 2, seed=1)
    c = image(phi, p, q, 30)
    s = torch.linspace(0, 1, 9, dtype=F64)
    x = along(phi(p)[0], phi(q)[0], c, basis(30, p, s))[0]
    expected = phi(p[:, None] + s[:, None] * (q - p)[:, None])[0]
    # a smooth curve and polynomials of degree 31
    torch.testing.assert_close(x, expected, rtol=0, atol=1e-5)


def test_a_metric_that_is_brought_in_by_degrees_ends_at_a_geodesic() -> None:
    c = continued(SPHERE, uniform(8, 2), uniform(8, 2, seed=1))
    b = basis(c.shape[1], c, 60)
    found = energy(SPHERE, uniform(8, 2), uniform(8, 2, seed=1), c, b)
    expected = 0.5 * stereographic(uniform(8, 2), uniform(8, 2, seed=1)) ** 2
    # the last metric on the way has 0.8 of the sphere's; energies are good to the error squared
    torch.testing.assert_close(found, expected, rtol=2e-2, atol=0)
    assert (found >= expected * (1 - 1e-12)).all()


def test_a_result_prints_what_was_found() -> None:
    found: Connection = connect(ConstantMetric(2), torch.zeros(1, 2), torch.ones(1, 2))
    assert "1 of 1 pairs" in str(found)
    flow = exponential(ConstantMetric(2), torch.zeros(1, 2), torch.ones(1, 2))
    assert "1 of 1 geodesics" in str(flow)
