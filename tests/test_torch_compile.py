"""torch.compile(fullgraph=True, dynamic=True) of kernels: one graph for any number of points."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._dynamo.exc import RecompileError

import geomkit as gk
from geomkit.backends.torch import TorchCode, build
from geomkit.lower import lower
from geomkit.program import Builder
from tests.torch_oracle import everything

# The compiler imports parts of torch that torch itself has deprecated, and makes instances of
# autograd functions, of which torch says that nobody should.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    torch._dynamo.reset()
    # what was compiled for one size has to do for all
    with torch._dynamo.config.patch(error_on_recompile=True):
        yield
    torch._dynamo.reset()


def tensors(code: TorchCode) -> Callable[..., tuple[Tensor, ...]]:
    """All full tensors that a code computes."""
    sources = len(code.program.sources)

    def call(*given: Any) -> tuple[Tensor, ...]:
        packed = code.packed(given[:sources], given[sources:])
        return tuple(code.unpack(packed, k) for k in range(len(code.program.outputs)))

    return call


def assert_compiles(code: TorchCode, inputs: Callable[[int], list[Any]], backend: str) -> None:
    """Values and gradients of the compiled code are those of the code, for several sizes."""
    call = tensors(code)
    compiled = torch.compile(call, fullgraph=True, dynamic=True, backend=backend)
    for count in (3, 5, 11):
        given = inputs(count)
        leaves = [t for t in given if isinstance(t, Tensor) and t.requires_grad]
        values, expected = compiled(*given), call(*given)
        for one, other in zip(values, expected, strict=True):
            # The compiler reorders sums; a few ULP of 1.1e-16 grow by cancellation.
            torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-12)
        weights = [torch.rand_like(t) for t in expected]
        mine, theirs = (
            torch.autograd.grad(
                sum((t * w).sum() for t, w in zip(each, weights, strict=True)), leaves
            )
            for each in (values, expected)
        )
        for one, other in zip(mine, theirs, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def of_everything(count: int) -> list[Any]:
    torch.manual_seed(count)
    x, v = torch.rand(2, count, 2, dtype=torch.float64) + 0.5
    mass = torch.tensor(1.2, dtype=torch.float64)
    h = torch.rand(count, dtype=torch.float64)
    return [x.requires_grad_(), v, mass.requires_grad_(), 0.7, h.requires_grad_()]


def of_kerr(count: int) -> list[Any]:
    torch.manual_seed(count)
    x = torch.rand(count, 4, dtype=torch.float64) + torch.tensor([0, 4, 1, 0])
    mass = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    return [x.requires_grad_(), mass, 0.6]


@pytest.mark.slow
def test_one_graph_for_all_sizes() -> None:
    assert_compiles(build(everything()), of_everything, "aot_eager")


def test_the_law_notices_a_second_graph() -> None:
    """With tensors of other dimensions the graph has to be made anew."""

    b = Builder("square")
    x = b.input("x", "coordinate", "points", 0)
    code = build(b.scalar("f", b.mul(x, x)).finish())

    def inputs(count: int) -> list[Any]:
        shape = (1, count, 1) if count == 5 else (count, 1)
        return [torch.rand(shape, dtype=torch.float64, requires_grad=True)]

    with pytest.raises(RecompileError):
        assert_compiles(code, inputs, "eager")


@pytest.mark.slow
def test_machine_code_of_the_compiler() -> None:
    assert_compiles(build(everything()), of_everything, "inductor")


@pytest.mark.slow
def test_kerr() -> None:
    program = lower(gk.catalog["kerr"], ["riemann_down", "ricci", "scalar", "kretschmann"])
    assert_compiles(build(program, cache=False), of_kerr, "inductor")


@pytest.mark.slow
def test_special_functions_compile_with_their_derivatives() -> None:
    b = Builder("special")
    x = b.input("x", "coordinate", "points", 0)
    for name in ("besselj", "bessely", "besseli", "besselk", "polygamma"):
        b.scalar(name, b.call(name, b.number(1), x))
    b.scalar("gamma", b.call("gamma", x)).scalar("loggamma", b.call("loggamma", x))
    code = build(b.finish(), cache=False)

    def inputs(count: int) -> list[Any]:
        return [(torch.rand(count, 1, dtype=torch.float64) + 0.5).requires_grad_()]

    # not "inductor", which takes minutes over the recurrences of Bessel functions
    assert_compiles(code, inputs, "aot_eager")


def test_a_kernel_compiles_before_it_was_ever_called() -> None:
    metric = gk.catalog["sphere2"]
    kernel = gk.compile(metric, ["christoffel", "scalar"], backend="torch")
    (radius,) = (p.symbol.name for p in metric.parameters)

    def call(points: Tensor, a: Any) -> tuple[Tensor, ...]:
        values = kernel(points, **{radius: a})
        return values.christoffel, values.scalar, kernel.packed(points, **{radius: a})

    compiled = torch.compile(call, fullgraph=True, dynamic=True, backend="eager")
    a = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    # 8 is the number of entries of Christoffel symbols too
    for count in (8, 3, 11):
        points = torch.rand(count, 2, dtype=torch.float64) + 0.5
        for one, other in zip(compiled(points, a), call(points, a), strict=True):
            torch.testing.assert_close(one, other)
