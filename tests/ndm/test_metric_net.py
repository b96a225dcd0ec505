"""Metric nets: construction, jets and curvature, positivity (R4, R19 to R22, R63 to R69)."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.func import jacfwd, jacrev, vmap

from ndm.errors import ModelError
from ndm.field import MetricField
from ndm.metric_net import MetricNet
from tests.ndm import oracles
from tests.ndm.costs import Elements
from tests.ndm.oracles import F32, F64, points, shaken

FAMILIES = ("full", "diagonal", "conformal", "lowrank")
ACTIVATIONS = ("tanh", "softplus", "silu", "gelu")
UNIT = {F32: 2.0**-24, F64: 2.0**-53}

# Variants of the parametrisation: options of MetricNet.
VARIANTS: dict[str, dict[str, Any]] = {
    "full": {"family": "full"},
    "full, deep": {"family": "full", "hidden": (6, 5), "activation": "softplus"},
    "full, any diagonal": {"family": "full", "positive_diagonal": False},
    "full, bounded": {"family": "full", "max_condition": 30.0},
    "full, no eps": {"family": "full", "eps": 0.0},
    "diagonal": {"family": "diagonal"},
    "diagonal, deep": {"family": "diagonal", "hidden": (6, 5), "activation": "silu"},
    "conformal": {"family": "conformal"},
    "conformal, deep": {"family": "conformal", "hidden": (6, 5), "activation": "gelu"},
    "lowrank": {"family": "lowrank"},
    "lowrank, deep": {"family": "lowrank", "hidden": (6, 5), "rank": 1},
}


def net(variant: str, n: int, size: float = 0.4) -> MetricNet:
    torch.manual_seed(1)
    made: MetricNet = MetricNet(n, **({"hidden": (8,)} | VARIANTS[variant])).double()
    shaken(made, size)
    return made


def by_hand(field: MetricNet, x: Tensor) -> Tensor:
    """The metric of the families at one point, from the outputs of the network, entry by entry."""
    f, n, eps = field.net(x), field.dimension, field.eps
    options = field.parametrisation
    share = getattr(options, "share", 0.0)
    start = math.sqrt((1 - eps) / (1 + n * share))
    shift = math.log(math.exp(start) - 1)

    def positive(value: Tensor) -> Tensor:
        return torch.log(1 + torch.exp(value + shift))

    if field.family == "conformal":
        return (positive(f[0]) ** 2 + eps) * torch.eye(n, dtype=F64)
    if field.family == "diagonal":
        return torch.diag(positive(f) ** 2 + eps)
    if field.family == "lowrank":
        u = f[n:].reshape(n, -1)
        return torch.diag(positive(f[:n]) ** 2 + eps) + u @ u.T
    rows, k = [], 0
    for i in range(n):
        row = [f[k + j] for j in range(i)]
        k += i + 1
        row.append(positive(f[k - 1]) if options.positive_diagonal else f[k - 1] + start)
        rows.append(torch.stack(row + [0 * f[0]] * (n - 1 - i)))
    lower = torch.stack(rows)
    product = lower @ lower.T
    return product + (eps + share * product.trace()) * torch.eye(n, dtype=F64)


@pytest.mark.parametrize("n", [1, 2, 4])
@pytest.mark.parametrize("variant", VARIANTS)
def test_metric_is_what_the_family_says(variant: str, n: int) -> None:
    field, x = net(variant, n), points(7, n)
    g = field(x)
    assert g.shape == (7, n, n)
    assert torch.equal(g, g.mT)  # to the last bit (R19)
    expected = torch.stack([by_hand(field, row) for row in x])
    torch.testing.assert_close(g, expected, rtol=1e-13, atol=1e-13)  # a dozen roundings


@pytest.mark.parametrize("n", [2, 5])
@pytest.mark.parametrize("variant", VARIANTS)
def test_jets_and_curvature(variant: str, n: int) -> None:
    """Hand-written jets and certified kernels against nested autograd and the definition."""
    field, x = net(variant, n, 0.4 if n == 2 else 0.2), points(2, n)

    def metric(point: Tensor) -> Tensor:
        return by_hand(field, point)

    jet = field.jet(x)
    first, second = vmap(jacfwd(metric))(x), vmap(jacfwd(jacfwd(metric)))(x)
    torch.testing.assert_close(jet.g, field(x), rtol=1e-14, atol=1e-14)
    torch.testing.assert_close(jet.dg, first, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(field.slope(x), first, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(jet.ddg, second, rtol=1e-11, atol=1e-11)
    # conditions of g are below 1e3: 1e-10 leaves three digits for that
    expected = oracles.at_all(oracles.scalar, metric, x)
    torch.testing.assert_close(field.scalar_curvature(x), expected, rtol=1e-10, atol=1e-10)
    expected = oracles.at_all(oracles.christoffel, metric, x)
    torch.testing.assert_close(field.christoffel(x), expected, rtol=1e-10, atol=1e-10)
    expected = oracles.at_all(oracles.ricci, metric, x)
    torch.testing.assert_close(field.ricci(x), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("variant", VARIANTS)
def test_gradient_of_curvature(variant: str) -> None:
    """What a loss on R teaches the network, against backward through the definition."""
    field, x = net(variant, 2, 0.2), points(3, 2)
    own = _slopes(field.scalar_curvature(x).sin().sum(), field)
    R = oracles.at_all(oracles.scalar, lambda p: by_hand(field, p), x)
    for a, b in zip(own, _slopes(R.sin().sum(), field), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)  # a derivative more than R


def _slopes(loss: Tensor, field: MetricNet) -> tuple[Tensor, ...]:
    found: tuple[Tensor, ...] = torch.autograd.grad(
        loss, list(field.parameters()), allow_unused=True, materialize_grads=True
    )
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_gradcheck(family: str) -> None:
    field, x = net(family, 2), points(2, 2).requires_grad_()
    assert torch.autograd.gradcheck(field.log_volume, x)
    assert torch.autograd.gradcheck(field.scalar_curvature, x)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_mode_of_differentiation_agrees(family: str) -> None:
    """`torch.cholesky_inverse`, for one, is wrong in forward mode."""
    field, x = net(family, 3), points(2, 3)
    w = points(3, seed=4)

    def raised(point: Tensor) -> Tensor:
        return field.raised(point, w)

    for function in (
        field.scalar_curvature,
        field.log_volume,
        field.inverse,
        field.cholesky,
        raised,
    ):
        forward, reverse = vmap(jacfwd(function))(x), vmap(jacrev(function))(x)
        torch.testing.assert_close(forward, reverse, rtol=1e-10, atol=1e-10)
    forward = vmap(jacfwd(jacfwd(field.inverse)))(x)
    reverse = vmap(jacrev(jacrev(field.inverse)))(x)
    torch.testing.assert_close(forward, reverse, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("variant", VARIANTS)
def test_inverse_volume_and_factor(variant: str) -> None:
    """Woodbury's identity, the determinant lemma, Cholesky: against dense linear algebra (R63)."""
    field, x = net(variant, 4), points(6, 4)
    g = field(x)
    torch.testing.assert_close(field.inverse(x), torch.linalg.inv(g), rtol=1e-10, atol=1e-10)
    assert torch.equal(field.inverse(x), field.inverse(x).mT)
    half = 0.5 * torch.linalg.slogdet(g).logabsdet
    torch.testing.assert_close(field.log_volume(x), half, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(field.volume(x), half.exp(), rtol=1e-10, atol=1e-10)
    w = points(6, 4, seed=1)
    raised = torch.linalg.solve(g, w)
    torch.testing.assert_close(field.raised(x, w), raised, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(MetricField.raised(field, x, w), raised, rtol=1e-10, atol=1e-10)
    lower = field.cholesky(x)
    assert torch.equal(lower, lower.tril())
    torch.testing.assert_close(lower @ lower.mT, g, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("family", ["diagonal", "lowrank"])
def test_volume_and_inverse_cost_linearly_much(family: str) -> None:
    """R63: of what grows with n, there are as many numbers, in all, as n times a constant."""
    counts = []
    for n in (64, 128):
        field = MetricNet(n, family, (1,), rank=3)
        f = torch.zeros(2, field.parametrisation.outputs)
        with Elements() as made:
            field.parametrisation.log_volume(f)
            field.parametrisation.raised(f, torch.zeros(2, n))
        counts.append(made.count)
    # what does not grow, matrices of 3 x 3 and sums, is less than a tenth
    assert 1.9 * counts[0] < counts[1] <= 2 * counts[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_one_dimension_has_no_curvature(family: str) -> None:
    field, x = net(family, 1), points(4, 1).requires_grad_()
    R = field.scalar_curvature(x)
    assert torch.equal(R, torch.zeros(4, dtype=F64))
    R.sum().backward()  # the graph is there: a loss that contains R can be differentiated


@pytest.mark.parametrize("family", FAMILIES)
def test_two_dimensions_have_twice_the_curvature_of_gauss(family: str) -> None:
    """K by Brioschi's formula, which knows nothing of Christoffel symbols."""
    field, x = net(family, 2), points(5, 2)
    torch.testing.assert_close(
        field.scalar_curvature(x),
        torch.stack([2 * _brioschi(field, row) for row in x]),
        rtol=1e-10,
        atol=1e-10,
    )


def _brioschi(field: MetricField, x: Tensor) -> Tensor:
    g, d, dd = field(x), jacfwd(field)(x), jacfwd(jacfwd(field))(x)
    e, f, h = g[0, 0], g[0, 1], g[1, 1]
    eu, ev, fu, fv, gu, gv = d[0, 0, 0], d[0, 0, 1], d[0, 1, 0], d[0, 1, 1], d[1, 1, 0], d[1, 1, 1]
    zero = torch.zeros_like(e)
    corner = -0.5 * dd[0, 0, 1, 1] + dd[0, 1, 0, 1] - 0.5 * dd[1, 1, 0, 0]
    first = [[corner, eu / 2, fu - ev / 2], [fv - gu / 2, e, f], [gv / 2, f, h]]
    other = [[zero, ev / 2, gu / 2], [ev / 2, e, f], [gu / 2, f, h]]
    a, b = (torch.linalg.det(torch.stack([torch.stack(r) for r in m])) for m in (first, other))
    return (a - b) / (e * h - f * f) ** 2


# --- where it starts: N3


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("n", [2, 6])
def test_starts_near_the_euclidean_metric(variant: str, n: int) -> None:
    torch.manual_seed(0)
    field, x = MetricNet(n, **VARIANTS[variant]), points(200, n, dtype=F32)
    g = field(x)
    assert abs(g.diagonal(dim1=-2, dim2=-1).mean() - 1) < 0.3  # spread is 0.1, and g goes like L^2
    with torch.no_grad():
        field.net.layers[-1].weight.zero_()
    # float32: sqrt, softplus, square of numbers of size 1
    torch.testing.assert_close(field(x), torch.eye(n).expand(200, n, n), rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("n", [2, 4])
def test_curvature_starts_small(n: int) -> None:
    """E[R^2] of a plain L L^T + eps starts at 1e4 (requirement N3); here below 1."""
    torch.manual_seed(0)
    x = points(300, n)
    assert MetricNet(n).double().scalar_curvature(x).square().mean() < 1
    plain = MetricNet(n, positive_diagonal=False, spread=1.0).double()
    plain.parametrisation.start = 0.0  # L = f, as the paper writes it
    assert plain.scalar_curvature(x).square().mean() > 1e3


# --- positive definite: R20, R21, R66, R67


@pytest.mark.parametrize("dtype", [F32, F64])
@pytest.mark.parametrize("family", FAMILIES)
@given(
    activation=st.sampled_from(ACTIVATIONS),
    scale=st.sampled_from([0.0, 1e-6, 1.0, 1e3, 1e6]),
    weights=st.sampled_from([0.1, 1.0, 10.0]),
    eps=st.sampled_from([1e-3, 1e-2, 0.5]),
    positive=st.booleans(),
    n=st.integers(1, 5),
    seed=st.integers(0, 10**6),
)
def test_smallest_eigenvalue(
    family: str,
    dtype: torch.dtype,
    activation: str,
    scale: float,
    weights: float,
    eps: float,
    positive: bool,
    n: int,
    seed: int,
) -> None:
    """lambda_min(g) >= eps - c n u |g| with c = 2: products, and adding eps."""
    torch.manual_seed(seed)
    field = MetricNet(n, family, (5,), activation, eps=eps, positive_diagonal=positive)
    shaken(field, weights, seed)
    g = field.to(dtype)(points(8, n, seed=seed, dtype=dtype) * scale)
    assert g.isfinite().all()
    assert torch.equal(g, g.mT)
    eigenvalues = torch.linalg.eigvalsh(g.double())
    size = torch.linalg.matrix_norm(g.double())
    assert (eigenvalues[..., 0] >= eps - 2 * n * UNIT[dtype] * size - 1e-15).all()


@given(kappa=st.sampled_from([1.5, 10.0, 1e3]), n=st.integers(1, 5), seed=st.integers(0, 10**6))
def test_max_condition_is_kept(kappa: float, n: int, seed: int) -> None:
    torch.manual_seed(seed)
    field = MetricNet(n, hidden=(5,), max_condition=kappa).double()
    shaken(field, 5.0, seed)
    for scale in (0.0, 1.0, 1e6):
        eigenvalues = torch.linalg.eigvalsh(field(scale * points(8, n, seed=seed)))
        # eigenvalues are exact to n u |g|, so their ratio to n u kappa
        assert (eigenvalues[..., -1] <= kappa * eigenvalues[..., 0] * (1 + 1e-11)).all()
        assert field.log_volume(scale * points(8, n, seed=seed)).isfinite().all()


@pytest.mark.parametrize("family", FAMILIES)
def test_without_eps_a_positive_diagonal_is_asked_for(family: str) -> None:
    field = MetricNet(3, family, eps=0.0)
    assert (torch.linalg.eigvalsh(field(points(5, 3, dtype=F32))) > 0).all()
    with pytest.raises(ModelError, match="positive_diagonal=True, or eps > 0"):
        MetricNet(3, family, eps=0.0, positive_diagonal=False)


def test_low_rank_curvature_without_a_digit_is_an_error() -> None:
    """At condition 1e9 R in float32 is wrong by as much as itself; float64 has half its digits."""
    torch.manual_seed(0)
    field: MetricNet = MetricNet(4, "lowrank")
    with torch.no_grad():
        field.net.layers[-1].bias[4:] += 1e4
    x = points(8, 4, dtype=F32)
    with pytest.raises(ModelError, match="enlarge eps"):
        field.scalar_curvature(x)
    assert field.double().scalar_curvature(x.double()).isfinite().all()


def test_a_metric_that_rounding_made_singular_is_an_error() -> None:
    field = MetricNet(3, eps=0.0)
    with torch.no_grad():
        field.net.layers[-1].weight.zero_()
        field.net.layers[-1].bias.copy_(torch.tensor([0, 1e6, 0, 1e6, 1e6, 0.0]))
    for call in (field.log_volume, field.cholesky, field.inverse, field.scalar_curvature):
        with pytest.raises(ModelError, match=r"not positive definite.*enlarge eps"):
            call(torch.zeros(1, 3))
