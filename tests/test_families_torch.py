"""Families on tensors: derivatives of every order and mode, against plain torch and autodiff."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import grad, hessian, jacfwd, jacrev, vmap

from geomkit.errors import DomainError, MetricError
from geomkit.families import conformal, diagonal, full, low_rank, product, warped
from geomkit.families.torch import full as plain_full
from geomkit.families.torch import simple
from tests.family_jets import random_jet

Function = Callable[..., Tensor]
# torch's own forward mode imports what torch has deprecated
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")


def tensors(seed: int, count: int, n: int) -> list[Tensor]:
    jet = random_jet(np.random.default_rng(seed), count, n)
    return [torch.tensor(array, requires_grad=True) for array in jet]


def contracted(g: Tensor, dg: Tensor, second: Tensor) -> Tensor:
    return full.scalar(g, dg, contracted=second)


def by_metric(h: Tensor, dh: Tensor, ddh: Tensor) -> Tensor:
    return diagonal.scalar(h, dh, ddh, parameter="metric")


def lorentzian(h: Tensor, dh: Tensor, ddh: Tensor) -> Tensor:
    return diagonal.scalar(h, dh, ddh, signs=(-1, 1))


def arguments(name: str, seed: int = 0) -> list[Tensor]:
    """Arguments of each function at two points in two dimensions."""
    random = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(2, *shape, generator=random, dtype=torch.float64)

    if name in ("full", "contracted"):
        g, dg, ddg = tensors(seed, 2, 2)
        return [g, dg, ddg if name == "full" else normal().requires_grad_()]
    shapes: dict[str, tuple[tuple[int, ...], ...]] = {
        "conformal": ((), (2,), ()),
        "low_rank": ((2,), (2, 2), (2, 2, 2), (2, 1), (2, 1, 2), (2, 1, 2, 2)),
    }
    made = [normal(*shape) for shape in shapes.get(name, ((2,), (2, 2), (2, 2)))]
    if name in ("by_metric", "low_rank"):
        made[0] = made[0].abs() + 0.5
    return [x.requires_grad_() for x in made]


FUNCTIONS: dict[str, tuple[Function, Function | None]] = {
    "full": (full.scalar, plain_full.scalar),
    "contracted": (contracted, plain_full.scalar_contracted),
    "conformal": (conformal.scalar, simple.conformal),
    "diagonal": (
        diagonal.scalar,
        lambda *a: simple.diagonal(*a, log=True, signs=(1, 1)),
    ),
    "by_metric": (by_metric, lambda *a: simple.diagonal(*a, log=False, signs=(1, 1))),
    "lorentzian": (lorentzian, lambda *a: simple.diagonal(*a, log=True, signs=(-1, 1))),
    "low_rank": (low_rank.scalar, None),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients(name: str) -> None:
    for function in FUNCTIONS[name]:
        if function is not None:
            assert torch.autograd.gradcheck(function, arguments(name), check_forward_ad=True)
            assert torch.autograd.gradgradcheck(
                function,
                arguments(name),
                check_fwd_over_rev=True,
                check_rev_over_rev=True,
                fast_mode=True,
            )


@pytest.mark.parametrize("name", [name for name, pair in FUNCTIONS.items() if pair[1]])
def test_transforms_agree_with_plain_torch(name: str) -> None:
    function, plain = FUNCTIONS[name]
    assert plain is not None
    base = [x.detach()[0] for x in arguments(name)]

    def along(of: Function) -> Callable[[Tensor], Tensor]:
        return lambda x: of(*(y * torch.cos(x.sum() / 9) + x[0] * x[1] * y for y in base))

    fast, slow = along(function), along(plain)
    x = torch.tensor([0.3, 0.4], dtype=torch.float64)
    points = torch.stack([x, 2 * x, -x])

    def nested(*modes: Any) -> Callable[[Any], Any]:
        def apply(of: Any) -> Any:
            for mode in modes:
                of = mode(of)
            return of

        return apply

    transforms = [grad, jacfwd, jacrev, hessian, vmap, nested(grad, vmap)]
    transforms += [nested(jacfwd, jacfwd), nested(jacrev, jacfwd), nested(jacfwd, jacrev)]
    transforms += [nested(jacfwd, jacfwd, jacfwd), nested(jacrev, jacrev, jacrev)]
    for k, transform in enumerate(transforms):
        at = points if k in (4, 5) else x
        found, expected = transform(fast)(at), transform(slow)(at)
        assert found.abs().max() > 0
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def metric(x: Tensor) -> Tensor:
    """A metric without symmetry: rotations, exponentials, products."""
    n = x.shape[-1]
    i = torch.arange(n, dtype=x.dtype)
    raw = torch.sin(torch.outer(i + 1, x) + i) + 0.3 * torch.outer(torch.exp(x / 3), x)
    return raw @ raw.T / n + torch.eye(n, dtype=x.dtype) * (2 + torch.cos(x[0] * x[-1]))


def autodiff_curvature(x: Tensor) -> Tensor:
    """R by derivatives of Christoffel symbols, all by torch.func: shares nothing with families."""

    def symbols(at: Tensor) -> Tensor:
        d = jacfwd(metric)(at)
        down = (d.permute(0, 2, 1) + d - d.permute(2, 0, 1)) / 2
        return torch.einsum("im,mjk->ijk", torch.linalg.inv(metric(at)), down)

    c, dc = symbols(x), jacfwd(symbols)(x)
    ricci = torch.einsum("ijli->jl", dc) - torch.einsum("iijl->jl", dc)
    ricci = ricci + torch.einsum("iim,mjl->jl", c, c) - torch.einsum("ilm,mij->jl", c, c)
    return (torch.linalg.inv(metric(x)) * ricci).sum()


def jet_curvature(x: Tensor) -> Tensor:
    jet = metric(x), jacfwd(metric)(x), jacfwd(jacfwd(metric))(x)
    return full.scalar(*jet)


@pytest.mark.parametrize("n", [2, 3, 4, 6])
def test_autodiff_curvature(n: int) -> None:
    x = torch.linspace(-0.5, 0.9, n, dtype=torch.float64)
    torch.testing.assert_close(jet_curvature(x), autodiff_curvature(x), rtol=1e-11, atol=1e-11)
    if n < 4:
        torch.testing.assert_close(
            grad(jet_curvature)(x), grad(autodiff_curvature)(x), rtol=1e-9, atol=1e-9
        )


def test_a_batch_of_points_under_vmap() -> None:
    x = torch.linspace(-0.5, 0.9, 12, dtype=torch.float64).reshape(4, 3)
    found = vmap(jet_curvature)(x)
    torch.testing.assert_close(found, torch.stack([jet_curvature(row) for row in x]))


@pytest.mark.parametrize("n", [2, 3, 4, 7])
def test_numpy_and_torch_are_the_same_numbers(n: int) -> None:
    given = tensors(5, 3, n)
    arrays = [x.detach().numpy() for x in given]
    assert np.array_equal(full.scalar(*given).detach().numpy(), full.scalar(*arrays))
    slopes = torch.autograd.grad(full.scalar(*given).sum(), given)
    for a, b in zip(slopes, full.scalar_vjp(*arrays, cotangent=1.0), strict=True):
        assert np.array_equal(a.numpy(), b)
    direct = full.scalar_vjp(*given, cotangent=torch.ones(3, dtype=torch.float64))
    for a, b in zip(slopes, direct, strict=True):
        assert torch.equal(a, b)
    for torch_result, array_result in (
        (full.ricci(*given), full.ricci(*arrays)),
        (full.christoffel(*given[:2]), full.christoffel(*arrays[:2])),
        (full.contract(given[0], given[2]), full.contract(arrays[0], arrays[2])),
    ):
        assert np.allclose(torch_result.detach().numpy(), array_result, rtol=0, atol=1e-11)


def test_tensors_of_other_families() -> None:
    random = np.random.default_rng(0)
    h, dh = random.normal(size=(3, 4)), random.normal(size=(3, 4, 4))
    second = random.normal(size=(3, 4, 4, 4))
    second = second + second.swapaxes(2, 3)
    for options in ({}, {"parameter": "metric"}, {"signs": (-1, 1, 1, 1)}):
        for function, arrays in (
            (diagonal.ricci, (h, dh, second)),
            (diagonal.christoffel, (h, dh)),
        ):
            found = function(*map(torch.tensor, arrays), **options)
            expected = function(*arrays, **options)
            assert np.allclose(found.numpy(), expected, rtol=1e-12, atol=1e-12)
    dphi, hess = torch.tensor(h), torch.tensor(second[:, 0])
    assert np.allclose(conformal.ricci(dphi, hess).numpy(), conformal.ricci(h, second[:, 0]))
    assert np.allclose(conformal.christoffel(dphi).numpy(), conformal.christoffel(h))
    blocks = product.ricci(torch.ones(3, 2, 2), 2 * torch.ones(3, 1, 1))
    assert np.array_equal(blocks.numpy(), product.ricci(np.ones((3, 2, 2)), 2 * np.ones((3, 1, 1))))


def test_warped_products_differentiate() -> None:
    g, dg, ddg = tensors(1, 2, 2)
    w = torch.tensor([0.7, 1.1], dtype=torch.float64, requires_grad=True)
    dw = torch.randn(2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    ddw = torch.eye(2, dtype=torch.float64).repeat(2, 1, 1)

    def curvature(g: Tensor, dg: Tensor, w: Tensor, dw: Tensor) -> Tensor:
        _, laplacian, slope = warped.operators(g, dg, dw, ddw)
        base = full.scalar(g, dg, ddg.detach())
        return warped.scalar(base, 2 * torch.ones_like(w), w, laplacian, slope, 2)

    assert torch.autograd.gradcheck(curvature, (g, dg, w, dw.requires_grad_()))


def test_precision_and_kind_follow_the_input() -> None:
    given = [x.detach().float() for x in tensors(2, 3, 3)]
    assert full.scalar(*given).dtype == torch.float32
    double = full.scalar(*(x.double() for x in given))
    # computed in double and rounded once
    assert torch.equal(full.scalar(*given), double.float())
    mixed = full.scalar(given[0].double(), given[1], given[2])
    assert mixed.dtype == torch.float64
    half = full.scalar(*(x.bfloat16() for x in given[:2]), contracted=given[0][:, 0, 0])
    assert half.dtype == torch.float32


def test_other_devices_run_plain_torch() -> None:
    given = [x.detach().to("meta") for x in tensors(2, 3, 4)]
    assert full.scalar(*given).shape == (3,)
    assert full.scalar(*given).device.type == "meta"


@pytest.mark.parametrize("dynamic", [False, True])
def test_compiled_graphs_take_the_plain_formula(dynamic: bool) -> None:
    compiled = torch.compile(
        lambda *jet: full.scalar(*jet), fullgraph=True, dynamic=dynamic, backend="eager"
    )
    given = [x.detach() for x in tensors(3, 3, 3)]
    torch.testing.assert_close(compiled(*given), full.scalar(*given), rtol=1e-11, atol=1e-11)


def test_modules_and_leading_dimensions() -> None:
    g, dg, ddg = tensors(4, 6, 2)
    shaped = full.scalar(g.reshape(2, 3, 2, 2), dg.reshape(2, 3, 2, 2, 2), ddg[0])
    assert shaped.shape == (2, 3)
    expected = full.scalar(g, dg, ddg[:1].expand(6, 2, 2, 2, 2))
    torch.testing.assert_close(shaped.flatten(), expected)
    (slope,) = torch.autograd.grad(shaped.sum(), ddg)
    assert slope[0].abs().max() > 0
    assert slope[1:].abs().max() == 0
    empty = full.scalar(g[:0], dg[:0], ddg[:0])
    assert empty.shape == (0,)
    torch.autograd.grad(empty.sum(), g)


def test_singular_metrics_are_refused_or_marked() -> None:
    g, dg, ddg = (x.detach().clone() for x in tensors(6, 3, 4))
    g[1] = 0
    with pytest.raises(DomainError, match=r"1 of 3 points, first at index \(1,\)"):
        full.scalar(g, dg, ddg)
    for function in (lambda *jet: full.scalar(*jet, check=False), plain_full.scalar):
        result = function(g, dg, ddg)
        assert not result[1].isfinite()
        assert result[[0, 2]].isfinite().all()


def test_batched_gradients() -> None:
    # autograd.grad has a vmap of its own for these
    given = tensors(3, 3, 2)
    value = full.scalar(*given)
    rows = torch.eye(3, dtype=torch.float64)
    found = torch.autograd.grad(value, given, rows, is_grads_batched=True, retain_graph=True)
    expected = [torch.autograd.grad(value, given, row, retain_graph=True) for row in rows]
    for k, slope in enumerate(found):
        torch.testing.assert_close(slope, torch.stack([one[k] for one in expected]))


def test_refusals() -> None:
    g, dg, ddg = tensors(0, 2, 2)
    with pytest.raises(MetricError, match="some arrays of the jet are torch tensors"):
        full.scalar(g, dg, ddg.detach().numpy())
    with pytest.raises(MetricError, match="no real float type"):
        full.scalar(g, dg, torch.ones(2, 2, 2, 2, 2, dtype=torch.int64))
    with pytest.raises(MetricError, match="no real float type"):
        full.scalar(g.to(torch.complex128), dg, ddg)
    with pytest.raises(MetricError, match="float32 and float64"):
        full.scalar(g.bfloat16(), dg.bfloat16(), ddg.bfloat16())
    with pytest.raises(MetricError, match="has to end in"):
        full.scalar(g, dg[..., :1], ddg)
    with pytest.raises(MetricError, match="not symmetric"):
        full.scalar(g, dg.permute(0, 3, 1, 2), ddg)
