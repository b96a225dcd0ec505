"""Equivariant metrics and Kronecker products (R75, R76)."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.func import jacrev, vmap

from ndm.charts import coordinate_map
from ndm.errors import ModelError
from ndm.field import MetricField
from ndm.geometry import ConstantMetric
from ndm.heads import LinearHead
from ndm.metric_net import MetricNet
from ndm.model import NDM
from ndm.structured import KroneckerMetric, RadialMetric, Symmetrised
from tests.ndm import oracles
from tests.ndm.oracles import F32, F64, points, shaken


def dihedral(k: int) -> Tensor:
    """The symmetries of a regular polygon of k corners."""
    turns = []
    for i in range(k):
        c, s = math.cos(2 * math.pi * i / k), math.sin(2 * math.pi * i / k)
        turns += [[[c, -s], [s, c]], [[c, s], [s, -c]]]
    return torch.tensor(turns, dtype=F64)


def cycles() -> Tensor:
    """The cyclic permutations of three coordinates."""
    one = torch.eye(3, dtype=F64)
    return torch.stack([one, one[[1, 2, 0]], one[[2, 0, 1]]])


def symmetrised(group: Tensor, seed: int = 0) -> Symmetrised:
    torch.manual_seed(seed)
    field: MetricNet = MetricNet(group.shape[-1], hidden=(6,))
    made: Symmetrised = Symmetrised(field, group).double()
    return shaken(made, 0.4, seed)


def radial(n: int, seed: int = 0) -> RadialMetric:
    torch.manual_seed(seed)
    made: RadialMetric = RadialMetric(n, (6,)).double()
    return shaken(made, 0.4, seed)


def orthogonal(n: int, seed: int) -> Tensor:
    q: Tensor = torch.linalg.qr(points(n, n, seed=seed))[0]
    return q


# --- R75: g(Qx) = Q g(x) Q^T to 1e-9


@pytest.mark.parametrize("group", [dihedral(5), cycles()], ids=["pentagon", "cycles"])
def test_symmetrised_metrics_are_equivariant(group: Tensor) -> None:
    field, n = symmetrised(group), group.shape[-1]
    x = 2 * points(8, n)
    for q in group:
        torch.testing.assert_close(field(x @ q.T), q @ field(x) @ q.T, rtol=0, atol=1e-9)
        turned = field.scalar_curvature(x @ q.T)
        torch.testing.assert_close(turned, field.scalar_curvature(x), rtol=1e-9, atol=1e-9)
    other = orthogonal(n, 3)  # which is not in the group
    assert (field(x @ other.T) - other @ field(x) @ other.T).abs().max() > 1e-2
    plain = torch.stack([q.T @ field.field(x @ q.T) @ q for q in group]).mean(0)
    torch.testing.assert_close(field(x), plain, rtol=1e-13, atol=1e-13)
    assert torch.equal(field(x), field(x).mT)
    assert torch.linalg.eigvalsh(field(x)).min() > 0.01  # eps of the metric net


@given(n=st.integers(1, 5), seed=st.integers(0, 10**6), size=st.sampled_from([0.0, 1e-3, 1.0, 1e3]))
def test_radial_metrics_are_equivariant(n: int, seed: int, size: float) -> None:
    field, x, q = radial(n, seed), size * points(6, n, seed=seed), orthogonal(n, seed)
    g = field(x)
    assert torch.equal(g, g.mT)
    torch.testing.assert_close(field(x @ q.T), q @ g @ q.T, rtol=1e-9, atol=1e-9)
    values = torch.linalg.eigvalsh(g)
    # eps, but for rounding of numbers of the size of the largest eigenvalue
    assert (values[:, 0] >= 0.01 - 1e-13 * values[:, -1]).all()
    sides = g @ x[..., None]
    along = (x[:, None] @ sides)[:, 0] / (x * x).sum(-1, keepdim=True)
    if size:  # x is an eigenvector
        torch.testing.assert_close(sides[..., 0], along * x, rtol=1e-10, atol=1e-10 * size)


def test_curvature_of_radial_metrics() -> None:
    """By autodiff and the definition; the same at turned points; smooth at the origin."""
    field, x, q = radial(3), points(4, 3), orthogonal(3, 1)
    expected = oracles.at_all(oracles.scalar, field, x)
    torch.testing.assert_close(field.scalar_curvature(x), expected, rtol=1e-10, atol=1e-10)
    turned = field.scalar_curvature(x @ q.T)
    torch.testing.assert_close(turned, expected, rtol=1e-9, atol=1e-9)
    near = field.scalar_curvature(torch.tensor([[0.0, 0, 0], [1e-5, 0, 0]], dtype=F64))
    # R is even in x: it differs by |x|^2
    assert abs(near[0] - near[1]) < 1e-8 * (1 + abs(near[0]))


def test_radial_metrics_start_near_the_euclidean_metric() -> None:
    start = RadialMetric(4)
    with torch.no_grad():
        start.net.layers[-1].weight.zero_()
    # float32: softplus, square, sum
    torch.testing.assert_close(
        start(points(5, 4, dtype=F32)), torch.eye(4).expand(5, 4, 4), rtol=2e-6, atol=2e-6
    )


# --- R76: Kronecker products


@pytest.mark.parametrize(("p", "q"), [(1, 3), (2, 2), (3, 2)])
def test_kronecker_products(p: int, q: int) -> None:
    torch.manual_seed(0)
    field = shaken(KroneckerMetric(p, q, (6,)).double(), 0.3)
    x = points(5, p * q)
    a, b = field.parts(x)
    g = torch.stack([torch.kron(*pair) for pair in zip(a, b, strict=True)])
    torch.testing.assert_close(field(x), g, rtol=1e-14, atol=0)
    assert torch.equal(field(x), field(x).mT)
    half = 0.5 * torch.linalg.slogdet(g).logabsdet
    torch.testing.assert_close(field.log_volume(x), half, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(field.inverse(x), torch.linalg.inv(g), rtol=1e-10, atol=1e-10)
    lower = field.cholesky(x)
    assert torch.equal(lower, lower.tril())
    torch.testing.assert_close(lower @ lower.mT, g, rtol=1e-13, atol=1e-13)
    assert torch.linalg.eigvalsh(g).min() >= 0.01
    expected = oracles.at_all(oracles.scalar, field, x[:2])
    torch.testing.assert_close(field.scalar_curvature(x[:2]), expected, rtol=1e-10, atol=1e-10)


# --- as parts of models


@pytest.mark.parametrize(
    "field", [symmetrised(dihedral(4)), radial(2), KroneckerMetric(2, 1).double()]
)
def test_in_a_model(field: MetricField) -> None:
    maps = [coordinate_map("affine_coupling", 2).double()]
    own, x = NDM(maps, LinearHead(2, 2).double(), field), points(6, 2)
    found = own.geometry(x)
    loss = found.scalar_curvature.square().mean() + found.log_volume.var()
    loss.backward()
    assert all(p.grad is not None and (p.grad != 0).any() for p in field.parameters())
    for call in (field, field.log_volume, field.scalar_curvature):
        torch.testing.assert_close(vmap(call)(x), call(x), rtol=1e-12, atol=1e-12)
        assert len(call(x[:0])) == 0
    slope = vmap(jacrev(field))(x)
    torch.testing.assert_close(field.slope(x), slope, rtol=1e-11, atol=1e-11)


def test_refusals() -> None:
    flat = ConstantMetric(2)
    for group, words in [
        (torch.eye(2), "(2, 2) were given"),
        (torch.eye(3)[None], "(1, 3, 3) were given"),
        (2 * torch.eye(2)[None], "not orthogonal"),
        (dihedral(5)[:3], "give the whole group"),
    ]:
        with pytest.raises(ModelError, match=words.replace("(", r"\(").replace(")", r"\)")):
            Symmetrised(flat, group)
    for eps in (0.0, 1.0):
        with pytest.raises(ModelError, match="eps"):
            RadialMetric(2, eps=eps)
        with pytest.raises(ModelError, match="eps"):
            KroneckerMetric(2, 2, eps=eps)
    with pytest.raises(ModelError, match="p = 0"):
        KroneckerMetric(0, 2)
    assert "group of 10" in repr(symmetrised(dihedral(5)))
    assert "2 x 3" in repr(KroneckerMetric(2, 3))
    assert "n=3" in repr(RadialMetric(3))
