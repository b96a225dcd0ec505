"""Jets of smooth perceptrons against nested automatic differentiation (R3, R22)."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.func import functional_call, jacfwd, vmap

from ndm import activations
from ndm.errors import ModelError
from ndm.jets import KINDS, SmoothMLP
from tests.ndm.oracles import F32, F64, points, shaken

NAMES = ("tanh", "softplus", "silu", "gelu")
N, M = 3, 4

# What a kind keeps of the Hessian (..., m, n, n).
OF_HESSIAN: dict[str, Callable[[Tensor], Tensor]] = {
    "laplacian": lambda h: h.diagonal(dim1=-2, dim2=-1).sum(-1),
    "diagonal": lambda h: h.diagonal(dim1=-2, dim2=-1),
    "hessian": lambda h: h,
}


def _net(name: str = "tanh", hidden: tuple[int, ...] = (7, 5)) -> SmoothMLP:
    net: SmoothMLP = SmoothMLP(N, M, hidden, name).double()
    shaken(net)
    return net


def _plain(net: SmoothMLP, name: str, x: Tensor) -> Tensor:
    """The same network out of torch's own functions."""
    function = {
        "tanh": torch.tanh,
        "softplus": torch.nn.functional.softplus,
        "silu": torch.nn.functional.silu,
        "gelu": torch.nn.functional.gelu,
    }[name]
    for layer in net.layers[:-1]:
        x = function(x @ layer.weight.T + layer.bias)
    return x @ net.layers[-1].weight.T + net.layers[-1].bias


@pytest.mark.parametrize("hidden", [(6,), (7, 5), (4, 4, 4)])
@pytest.mark.parametrize("name", NAMES)
def test_jets_are_the_derivatives(name: str, hidden: tuple[int, ...]) -> None:
    net, x = _net(name, hidden), points(5, N)

    def plain(point: Tensor) -> Tensor:
        return _plain(net, name, point)

    first, hessian = vmap(jacfwd(plain))(x), vmap(jacfwd(jacfwd(plain)))(x)
    for kind in KINDS:
        jet = net.jet(x, kind)
        # numbers of size 1 to 100, by some dozen operations each
        torch.testing.assert_close(jet.value, plain(x), atol=1e-12, rtol=1e-12)
        torch.testing.assert_close(jet.value, net(x), atol=1e-13, rtol=1e-13)
        torch.testing.assert_close(jet.first, first, atol=1e-12, rtol=1e-12)
        if kind == "first":
            assert jet.second is None
        else:
            assert jet.second is not None
            expected = OF_HESSIAN[kind](hessian)
            torch.testing.assert_close(jet.second, expected, atol=1e-11, rtol=1e-11)


@pytest.mark.parametrize("hidden", [(6,), (7, 5)])
def test_last_layer(hidden: tuple[int, ...]) -> None:
    net, x = _net("softplus", hidden), points(5, N)

    def before(point: Tensor) -> Tensor:
        for layer in net.layers[:-2]:
            point = torch.nn.functional.softplus(layer(point))
        return net.layers[-2](point)

    found = net.last_layer(x)
    first, hessian = vmap(jacfwd(before))(x), vmap(jacfwd(jacfwd(before)))(x)
    torch.testing.assert_close(found.first.expand_as(first), first, atol=1e-12, rtol=1e-12)
    if len(hidden) == 1:
        assert found.second is None
        assert hessian.abs().max() == 0
    else:
        assert found.second is not None
        torch.testing.assert_close(found.second, hessian, atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(found.slopes[0] @ found.weight.T + found.bias, net(x))


@pytest.mark.parametrize("kind", ["laplacian", "diagonal", "hessian"])
def test_gradients_of_jets(kind: str) -> None:
    """A loss on second derivatives trains the network by the same gradient as nested autograd."""
    net, x = _net(hidden=(5, 4)), points(4, N)
    parameters = dict(net.named_parameters())

    def value(point: Tensor) -> Tensor:
        result: Tensor = functional_call(net, parameters, (point,))
        return result

    jet = net.jet(x, kind)
    assert jet.second is not None
    own = _slopes(jet.second.sin().sum() + jet.first.cos().sum(), net)
    second = OF_HESSIAN[kind](vmap(jacfwd(jacfwd(value)))(x))
    expected = _slopes(second.sin().sum() + vmap(jacfwd(value))(x).cos().sum(), net)
    for a, b in zip(own, expected, strict=True):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=1e-10)


def _slopes(loss: Tensor, net: SmoothMLP) -> tuple[Tensor, ...]:
    found: tuple[Tensor, ...] = torch.autograd.grad(
        loss, list(net.parameters()), allow_unused=True, materialize_grads=True
    )
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_of_points(kind: str) -> None:
    net, x = _net(), points(6, N)
    whole = net.jet(x, kind)
    for part, expected in zip(net.jet(x.view(2, 3, N), kind), whole, strict=True):
        if expected is not None:
            torch.testing.assert_close(part.flatten(0, 1), expected, rtol=1e-14, atol=1e-14)
    for one, expected in zip(net.jet(x[0], kind), whole, strict=True):
        if expected is not None:
            torch.testing.assert_close(one, expected[0], rtol=1e-13, atol=1e-13)
    for none, expected in zip(net.jet(x[:0], kind), whole, strict=True):
        if expected is not None:
            assert none.shape == (0, *expected.shape[1:])


def test_vmap_and_functional_call() -> None:
    net, x = _net(), points(6, N)
    hessian = net.jet(x).second
    assert hessian is not None
    torch.testing.assert_close(
        vmap(lambda p: net.jet(p).second)(x), hessian, rtol=1e-13, atol=1e-13
    )
    doubled = {name: 2 * p for name, p in net.named_parameters()}
    other = copy.deepcopy(net)
    other.load_state_dict(doubled)
    torch.testing.assert_close(functional_call(net, doubled, (x,)), other(x), rtol=0, atol=0)


def test_dtype() -> None:
    net, x = _net(), points(6, N)
    exact, found = net.jet(x), copy.deepcopy(net).float().jet(x.float())
    for part, expected in zip(found, exact, strict=True):
        assert part is not None
        assert part.dtype == F32
        # 2^-24 times the size of the numbers, some dozen times
        torch.testing.assert_close(part.to(F64), expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("width", [4, 400])
def test_spread_sets_the_size_of_the_first_values(width: int) -> None:
    torch.manual_seed(0)
    sizes = [
        SmoothMLP(N, M, (width,), spread=0.1)(points(50, N, dtype=F32)).std() for _ in range(20)
    ]
    assert 0.02 < torch.stack(sizes).mean() < 0.1  # |tanh| < 1: a part of 0.1 whatever the width


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu", "hardtanh"])
def test_kinked_activations_are_refused(name: str) -> None:
    with pytest.raises(ModelError, match="tanh"):  # the message names those that there are
        SmoothMLP(2, 1, activation=name)


def test_refusals() -> None:
    with pytest.raises(ModelError, match="hidden layer"):
        SmoothMLP(2, 1, hidden=())
    with pytest.raises(ModelError, match="sizes"):
        SmoothMLP(0, 1)
    net = SmoothMLP(2, 1)
    with pytest.raises(ModelError, match="'hesse' are not known"):
        net.jet(torch.zeros(1, 2), "hesse")
    for call in (net, net.jet, net.last_layer):
        with pytest.raises(ModelError, match="last axis must be 2"):
            call(torch.zeros(1, 3))


def test_repr_says_what_it_is() -> None:
    assert "2 -> 8 -> 3, silu" in repr(SmoothMLP(2, 3, (8,), "silu"))
    assert activations.activation("silu").name == "silu"
