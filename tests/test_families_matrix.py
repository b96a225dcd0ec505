"""Every family, each of R, Ricci and the symbols, on NumPy and on torch: against the definition.

`SPECS` says for each family how to draw its parameters, the jet of the whole metric that they make,
and how its three functions are called. The definition is that of `reference` in 40 digits, or in
large dimensions the full family, whose own scalar is compared with spaces of known curvature.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import pytest
import torch

from geomkit.errors import DomainError
from geomkit.families import conformal, diagonal, full, low_rank, product, reference, warped
from geomkit.families.torch import full as plain_full
from geomkit.families.torch import simple
from tests.family_jets import random_jet

# torch's own forward mode imports what torch has deprecated
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
Arrays = tuple[Any, ...]
# called with as many arguments as a list has
WARPED: Any = warped
REFERENCE: Any = reference
QUANTITIES = ("scalar", "ricci", "christoffel")


@dataclass(frozen=True)
class Spec:
    """A family: parameters of one point, the metric's jet, the functions of batches."""

    draw: Callable[[np.random.Generator, int], Arrays]
    jet: Callable[..., Arrays]
    scalar: Callable[..., Any]
    ricci: Callable[..., Any]
    christoffel: Callable[..., Any]


def one_jet(random: np.random.Generator, n: int) -> Arrays:
    return tuple(x[0] for x in random_jet(random, 1, n))


def symmetric(random: np.random.Generator, *shape: int) -> Any:
    raw = random.normal(size=shape)
    return raw + raw.swapaxes(-1, -2)


def trace(x: Any) -> Any:
    """Trace over the last two axes, of arrays and tensors."""
    return sum(x[..., i, i] for i in range(x.shape[-1]))


def unmixed(x: Any) -> Any:
    index = range(x.shape[-1])
    return x[..., list(index), list(index)]


def draw_low_rank(random: np.random.Generator, n: int) -> Arrays:
    r = max(1, n // 3)
    d, dd, ddd = random.uniform(0.5, 2, n), random.normal(size=(n, n)), symmetric(random, n, n, n)
    u, du = random.normal(size=(n, r)), random.normal(size=(n, r, n))
    return d, dd, ddd, u, du, symmetric(random, n, r, n, n)


def draw_product(random: np.random.Generator, n: int) -> Arrays:
    return *one_jet(random, n // 2), *one_jet(random, n - n // 2)


def draw_warped(random: np.random.Generator, n: int) -> Arrays:
    base = n // 2
    w = np.asarray(random.uniform(0.5, 2))
    return *draw_product(random, n), w, random.normal(size=base), symmetric(random, base, base)


def product_of(quantity: str) -> Callable[..., Any]:
    def function(*jets: Any) -> Any:
        parts = [_full(quantity, *jets[k : k + 3]) for k in (0, 3)]
        return getattr(product, quantity)(*parts)

    return function


def warped_of(quantity: str) -> Callable[..., Any]:
    def function(*p: Any) -> Any:
        base, fibre, w, dw, ddw = p[:3], p[3:6], *p[6:]
        parts = [_full(quantity, *jet) for jet in (base, fibre)]
        if quantity == "christoffel":
            return WARPED.christoffel(*parts, base[0], fibre[0], w, dw)
        hessian, laplacian, slope = warped.operators(base[0], base[1], dw, ddw)
        if quantity == "ricci":
            return WARPED.ricci(*parts, fibre[0], w, hessian, laplacian, slope)
        return WARPED.scalar(*parts, w, laplacian, slope, fibre[0].shape[-1])

    return function


def _full(quantity: str, g: Any, dg: Any, ddg: Any) -> Any:
    if quantity == "christoffel":
        return full.christoffel(g, dg)
    return full.scalar(g, dg, ddg) if quantity == "scalar" else full.ricci(g, dg, ddg)


def diagonal_spec(parameter: str) -> Spec:
    def draw(random: np.random.Generator, n: int) -> Arrays:
        h = random.uniform(0.5, 2, size=n)
        return h, random.normal(size=(n, n)), symmetric(random, n, n, n)

    options: dict[str, Any] = {"parameter": parameter}
    return Spec(
        draw,
        lambda *p: REFERENCE.diagonal_jet(*p, mpmath.exp if parameter == "log" else None),
        lambda h, dh, s: diagonal.scalar(h, dh, unmixed(s), parameter=parameter),
        lambda *p: diagonal.ricci(*p, **options),
        lambda h, dh, _: diagonal.christoffel(h, dh, **options),
    )


SPECS = {
    "full": Spec(
        one_jet,
        lambda *p: p,
        full.scalar,
        full.ricci,
        lambda g, dg, _: full.christoffel(g, dg),
    ),
    "contracted": Spec(
        one_jet,
        lambda *p: p,
        lambda g, dg, s: full.scalar(g, dg, contracted=full.contract(g, s)),
        full.ricci,
        lambda g, dg, _: full.christoffel(g, dg),
    ),
    "diagonal": diagonal_spec("log"),
    "diagonal_metric": diagonal_spec("metric"),
    "conformal": Spec(
        lambda random, n: (random.normal(size=()), random.normal(size=n), symmetric(random, n, n)),
        lambda *p: REFERENCE.conformal_jet(*p, mpmath.exp),
        lambda phi, dphi, s: conformal.scalar(phi, dphi, trace(s)),
        lambda _, dphi, s: conformal.ricci(dphi, s),
        lambda _, dphi, s: conformal.christoffel(dphi),
    ),
    "low_rank": Spec(
        draw_low_rank,
        reference.low_rank_jet,
        low_rank.scalar,
        low_rank.ricci,
        lambda d, dd, _, u, du, __: low_rank.christoffel(d, dd, u, du),
    ),
    "product": Spec(
        draw_product,
        lambda *p: reference.product_jet(p[:3], p[3:]),
        *(product_of(q) for q in QUANTITIES),
    ),
    "warped": Spec(
        draw_warped,
        lambda *p: reference.warped_jet(p[:3], p[3:6], *p[6:]),
        *(warped_of(q) for q in QUANTITIES),
    ),
}


def drawn(spec: Spec, n: int, count: int) -> list[Any]:
    random = np.random.default_rng(n)
    points = [spec.draw(random, n) for _ in range(count)]
    return [np.stack(column) for column in zip(*points, strict=True)]


def on_torch(function: Callable[..., Any], arrays: list[Any]) -> Any:
    return function(*(torch.tensor(x) for x in arrays)).numpy()


def agree(found: Any, expected: Any, units: float = 1e-11) -> None:
    """Equal up to rounding of terms some 10 to 1000 times as large as what they add up to."""
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= units * max(1.0, float(np.abs(expected).max()))


def test_the_comparison_can_fail() -> None:
    for wrong in (np.full(2, 1 + 1e-10), np.array([1.0, np.nan])):
        with pytest.raises(AssertionError):
            agree(wrong, np.ones(2))
    with pytest.raises(AssertionError):
        agree(np.ones(2), np.ones((2, 1)))


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("family", SPECS)
def test_definition(family: str, quantity: str, n: int) -> None:
    spec = SPECS[family]
    arrays = drawn(spec, n, 2)
    exact = []
    with mpmath.workdps(40):
        for k in range(2):
            jet = spec.jet(*(reference.long(x[k]) for x in arrays))
            jet = jet[:2] if quantity == "christoffel" else jet
            exact.append(np.array(getattr(reference, quantity)(*jet), dtype=float))
    function = getattr(spec, quantity)
    agree(function(*arrays), np.stack(exact))
    agree(on_torch(function, arrays), np.stack(exact))


@pytest.mark.parametrize("n", [7, 16, pytest.param(24, marks=pytest.mark.slow)])
@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("family", SPECS)
def test_numpy_and_torch(family: str, quantity: str, n: int) -> None:
    spec = SPECS[family]
    arrays = drawn(spec, n, 1)
    function = getattr(spec, quantity)
    # n^4 terms of size one, in another order
    agree(on_torch(function, arrays), function(*arrays), 1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("family", SPECS)
def test_numpy_and_torch_in_64_dimensions(family: str, quantity: str) -> None:
    spec = SPECS[family]
    arrays = drawn(spec, 64, 1)
    function = getattr(spec, quantity)
    agree(on_torch(function, arrays), function(*arrays), 1e-9)


LARGE = [pytest.param(n, marks=pytest.mark.slow) for n in (24, 32, 64)]
PLAIN: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[int, ...]]] = {
    "full": (full.scalar_vjp, plain_full.scalar, (2, 3, 4)),
    "contracted": (
        lambda g, dg, s, *, cotangent: full.scalar_vjp(g, dg, contracted=s, cotangent=cotangent),
        plain_full.scalar_contracted,
        (2, 3, 0),
    ),
    "conformal": (conformal.scalar_vjp, simple.conformal, (0, 1, 0)),
    "diagonal": (
        diagonal.scalar_vjp,
        lambda *p: simple.diagonal(*p, log=True, signs=(1,) * p[0].shape[-1]),
        (1, 2, 2),
    ),
}


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8, 16, *LARGE])
@pytest.mark.parametrize("family", PLAIN)
def test_gradients_of_kernels_are_those_of_plain_torch(family: str, n: int) -> None:
    vjp, plain, ranks = PLAIN[family]
    random = np.random.default_rng(n)
    if family in ("full", "contracted"):
        jet = list(random_jet(random, 2 if n < 64 else 1, n))
        arrays = jet if family == "full" else [*jet[:2], random.normal(size=len(jet[0]))]
    else:
        arrays = [random.normal(size=(2,) + (n,) * rank) for rank in ranks]
    cotangent = random.normal(size=len(arrays[0]))
    found = vjp(*arrays, cotangent=cotangent)
    tensors = [torch.tensor(x, requires_grad=True) for x in arrays]
    value = (plain(*tensors) * torch.tensor(cotangent)).sum()
    for a, b in zip(found, torch.autograd.grad(value, tensors), strict=True):
        agree(a, b.numpy())


@pytest.mark.parametrize("quantity", ["ricci", "christoffel"])
@pytest.mark.parametrize("family", SPECS)
def test_tensors_differentiate(family: str, quantity: str) -> None:
    spec = SPECS[family]
    function = getattr(spec, quantity)
    given = [torch.tensor(x, requires_grad=True) for x in drawn(spec, 2, 2)]
    options: dict[str, Any] = {"check_forward_ad": True, "fast_mode": True}
    assert torch.autograd.gradcheck(function, given, **options)
    assert torch.autograd.gradgradcheck(function, given, fast_mode=True)


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("family", SPECS)
def test_transforms(family: str, quantity: str) -> None:
    """vmap is a batch, and forward over forward mode is reverse over reverse mode."""
    spec = SPECS[family]
    function = getattr(spec, quantity)
    given = [torch.tensor(x) for x in drawn(spec, 2, 3)]
    expected = function(*given)
    torch.testing.assert_close(torch.func.vmap(function)(*given), expected, rtol=1e-12, atol=1e-12)

    def along(t: Any) -> Any:
        return function(*(x[0] * (1 + t * (k + 1) / 9) for k, x in enumerate(given))).sum()

    at = torch.tensor(0.3, dtype=torch.float64)
    forward = torch.func.jacfwd(torch.func.jacfwd(along))(at)
    reverse = torch.func.grad(torch.func.grad(along))(at)
    step = 1e-4
    quotient = (along(at + step) - 2 * along(at) + along(at - step)) / step**2
    torch.testing.assert_close(forward, reverse, rtol=1e-9, atol=1e-9)
    # step^2 times a fourth derivative, and rounding over step^2
    torch.testing.assert_close(
        forward, quotient, rtol=1e-4, atol=1e-4 * float(expected.abs().max())
    )


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("family", SPECS)
def test_leading_dimensions(family: str, quantity: str) -> None:
    spec = SPECS[family]
    function = getattr(spec, quantity)
    arrays = drawn(spec, 2, 6)
    expected = function(*arrays)
    shaped = function(*(x.reshape(2, 3, *x.shape[1:]) for x in arrays))
    assert np.array_equal(shaped, expected.reshape(2, 3, *expected.shape[1:]))


# each graph takes torch seconds
SOON = {("low_rank", "scalar")}
GRAPHS = [
    pytest.param(family, quantity, marks=() if (family, quantity) in SOON else pytest.mark.slow)
    for family in SPECS
    for quantity in QUANTITIES
]


@pytest.mark.parametrize(("family", "quantity"), GRAPHS)
def test_graphs(family: str, quantity: str) -> None:
    spec = SPECS[family]
    function = getattr(spec, quantity)
    arrays = drawn(spec, 2, 6)
    expected = function(*arrays)
    graph = torch.compile(function, fullgraph=True, dynamic=True, backend="eager")
    agree(graph(*(torch.tensor(x) for x in arrays)).numpy(), expected)


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("family", SPECS)
def test_single_precision(family: str, quantity: str, kind: str) -> None:
    spec = SPECS[family]
    function = getattr(spec, quantity)
    single = [x.astype(np.float32) for x in drawn(spec, 3, 4)]
    found = function(*single) if kind == "numpy" else on_torch(function, single)
    assert found.dtype == np.float32
    # 24 bits, and terms up to 100 times larger than what they add up to
    agree(found, function(*(x.astype(np.float64) for x in single)), 1e-5)


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("family", SPECS)
def test_nan_is_refused_or_marked_where_it_is(family: str, quantity: str) -> None:
    spec = SPECS[family]
    function = getattr(spec, quantity)
    for column in range(len(drawn(spec, 2, 3))):
        arrays = drawn(spec, 2, 3)
        expected = function(*arrays)
        arrays[column][(1, *(0,) * (arrays[column].ndim - 1))] = np.nan
        marked = torch.cat([function(*(torch.tensor(x[[k]]) for x in arrays)) for k in (0, 2)])
        agree(marked.numpy(), expected[[0, 2]])
        found = outcome(function, arrays)
        if isinstance(found, str):
            assert "not finite at 1 of 3 points, first at index (1" in found
        else:  # it does not depend on that array
            assert np.array_equal(found, expected)


def outcome(function: Callable[..., Any], arrays: list[Any]) -> Any:
    """What a function gives, or the text of its refusal."""
    try:
        return function(*arrays)
    except DomainError as error:
        return str(error)
