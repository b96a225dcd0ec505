"""The torch backend in what torch puts around it: modes, defaults, threads, modules, files."""

from __future__ import annotations

import copy
import io
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import jacfwd, jacrev
from torch.utils.checkpoint import checkpoint

import geomkit as gk
from geomkit.backends.torch import TorchCode, build
from geomkit.kernel import Kernel
from geomkit.program import Builder

# Torch itself uses what it deprecated, when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")

DOUBLE = torch.float64
X = torch.linspace(0.1, 1, 6, dtype=DOUBLE).reshape(3, 2)


def wave(*, fast: bool) -> TorchCode:
    """f = sin(a x) y, g = x**2, h = 3."""
    b = Builder("wave")
    x, y = (b.input(name, "coordinate", "points", k) for k, name in enumerate("xy"))
    f = b.mul(b.call("sin", b.mul(b.input("a", "parameter"), x)), y)
    program = b.scalar("f", f).scalar("g", b.mul(x, x)).scalar("h", b.number(3)).finish()
    return build(program, fast=fast)


@pytest.fixture(scope="module", params=["generated", "kernels"])
def code(request: pytest.FixtureRequest) -> TorchCode:
    return wave(fast=request.param == "kernels")


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    return gk.compile(gk.catalog["sphere2"], ["scalar", "ricci"], backend="torch")


def exact(points: Tensor, a: float = 2.0) -> Tensor:
    x, y = points.unbind(-1)
    return torch.stack([torch.sin(a * x) * y, x * x, torch.full_like(x, 3)], -1)


def slopes(points: Tensor, a: float = 2.0) -> Tensor:
    """Gradient of the sum of all components."""
    x, y = points.unbind(-1)
    return torch.stack([a * torch.cos(a * x) * y + 2 * x, torch.sin(a * x)], -1)


# Modes and defaults ------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_gradients(code: TorchCode, mode: Any) -> None:
    leaf = X.clone().requires_grad_()
    with mode():
        inside = code.packed([leaf * 1], [2.0])
        assert inside.is_inference() == torch.is_inference_mode_enabled()
    assert not inside.requires_grad
    torch.testing.assert_close(inside, exact(X))
    # what was made in such a mode is an ordinary argument
    torch.testing.assert_close(code.packed([inside[:, :2]], [2.0]), exact(inside[:, :2]))


@pytest.mark.parametrize(
    "dtype", [torch.float64, pytest.param(torch.float32, marks=pytest.mark.slow)]
)
def test_autocast_changes_nothing(code: TorchCode, dtype: torch.dtype) -> None:
    leaf = X.to(dtype, copy=True).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        packed = code.packed([leaf], [2.0])
        full = code.unpack(packed, 0)
    assert packed.dtype == full.dtype == dtype
    torch.testing.assert_close(packed, exact(leaf))
    (gradient,) = torch.autograd.grad(packed.sum(), leaf)
    torch.testing.assert_close(gradient, slopes(leaf))


def test_defaults_of_torch_do_not_matter(code: TorchCode) -> None:
    leaf = X.clone().requires_grad_()
    torch.set_default_dtype(torch.bfloat16)
    torch.set_default_device("meta")
    try:
        packed = code.packed([leaf], [2.0])
        full = [code.unpack(packed, k) for k in range(3)]
        (gradient,) = torch.autograd.grad(packed.sum(), leaf)
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)
    assert {(t.dtype, t.device.type) for t in [packed, *full, gradient]} == {(DOUBLE, "cpu")}
    torch.testing.assert_close(packed, exact(X))
    torch.testing.assert_close(gradient, slopes(X))


def test_a_kernel_that_is_made_under_another_default_device() -> None:
    with torch.device("meta"):
        kernel = gk.compile(gk.catalog["sphere2"], "ricci", backend="torch")
    values = kernel(X, a=2.0).ricci
    assert values.device.type == "cpu"
    # the Ricci tensor is the metric divided by the square of the radius
    torch.testing.assert_close(values[:, 1, 1], torch.sin(X[:, 0]) ** 2)


# Autograd ----------------------------------------------------------------------------------------


def test_an_argument_that_was_changed_before_backward_is_noticed(code: TorchCode) -> None:
    leaf = X.clone().requires_grad_()
    changed = leaf * 1
    packed = code.packed([changed], [2.0])
    changed.mul_(2)
    with pytest.raises(RuntimeError, match=r"modified (by an )?inplace"):
        packed.sum().backward()


def test_a_graph_is_used_twice_if_it_is_kept(code: TorchCode) -> None:
    leaf = X.clone().requires_grad_()
    total = code.packed([leaf], [2.0]).sum()
    total.backward(retain_graph=True)
    total.backward()
    assert leaf.grad is not None
    torch.testing.assert_close(leaf.grad, 2 * slopes(X))
    with pytest.raises(RuntimeError, match="second time"):
        total.backward()


def test_saved_arguments_may_be_kept_elsewhere(code: TorchCode) -> None:
    leaf = X.clone().requires_grad_()
    with torch.autograd.graph.save_on_cpu():
        packed = code.packed([leaf], [2.0])
    (gradient,) = torch.autograd.grad(packed.sum(), leaf)
    torch.testing.assert_close(gradient, slopes(X))
    again = checkpoint(lambda x: code.packed([x], [2.0]), leaf, use_reentrant=False)
    (gradient,) = torch.autograd.grad(again.sum(), leaf)
    torch.testing.assert_close(gradient, slopes(X))


@pytest.mark.parametrize(
    "cotangent",
    [
        torch.ones((), dtype=DOUBLE).expand(3, 3),
        torch.ones(3, 3, dtype=DOUBLE).T,
        torch.ones(3, 6, dtype=DOUBLE)[:, ::2],
        torch._neg_view(-torch.ones(3, 3, dtype=DOUBLE)),
    ],
    ids=["expanded", "transposed", "strided", "negated"],
)
def test_cotangents_of_any_strides(code: TorchCode, cotangent: Tensor) -> None:
    leaf = X.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(code.packed([leaf], [2.0]), leaf, cotangent)
    torch.testing.assert_close(gradient, slopes(X))


def test_results_are_contiguous_and_own_their_memory(code: TorchCode) -> None:
    first, second = code.packed([X], [2.0]), code.packed([X], [2.0])
    assert first.is_contiguous()
    first.zero_()
    torch.testing.assert_close(second, exact(X))


def test_threads_differentiate_at_the_same_time(code: TorchCode) -> None:
    def gradient(number: int) -> Tensor:
        leaf = (X + 0.01 * number).requires_grad_()
        code.packed([leaf], [2.0]).sum().backward()
        assert leaf.grad is not None
        return leaf.grad

    # a new object: kernels are made while other threads ask for them
    code = wave(fast=code.fast)
    with ThreadPoolExecutor(8) as pool:
        for number, found in enumerate(pool.map(gradient, range(40))):
            torch.testing.assert_close(found, slopes(X + 0.01 * number))


def test_numpy_arrays_that_may_not_be_changed() -> None:
    """Memory is shared with the caller, and read only."""
    array = X.numpy().copy()
    before = array.copy()
    wave(fast=True).packed([torch.from_numpy(array)], [2.0])
    assert (array == before).all()


def test_large_calls_are_split_into_threads() -> None:
    points = torch.rand(100_000, 2, dtype=DOUBLE, requires_grad=True)
    packed = wave(fast=True).packed([points], [2.0])
    torch.testing.assert_close(packed, exact(points))
    (gradient,) = torch.autograd.grad(packed.sum(), points)
    torch.testing.assert_close(gradient, slopes(points))


def test_angles_beyond_the_fast_sine(code: TorchCode) -> None:
    points = X * 1e7
    torch.testing.assert_close(code.packed([points], [2.0]), exact(points))


def test_what_is_no_number_stays_so_in_derivatives(code: TorchCode) -> None:
    points = torch.tensor([torch.nan, 1.0], dtype=DOUBLE)
    call = lambda x: code.packed([x], [2.0])  # noqa: E731
    for mode in (jacfwd, jacrev):
        assert mode(call)(points)[0].isnan().all()


# Kernels as objects ------------------------------------------------------------------------------


class Scalar(torch.nn.Module):  # type: ignore[misc]
    """Scalar curvature of a sphere whose radius is learned."""

    def __init__(self, kernel: Kernel, radius: float) -> None:
        super().__init__()
        self.kernel = kernel
        self.a = torch.nn.Parameter(torch.tensor(radius, dtype=DOUBLE))

    def forward(self, points: Tensor) -> Tensor:
        scalar: Tensor = self.kernel(points, a=self.a).scalar
        return scalar


def assert_sphere(module: Any, radius: float) -> None:
    """R = 2/a**2, with slope -4/a**3."""
    values = module(X)
    torch.testing.assert_close(values, torch.full((3,), 2 / radius**2, dtype=DOUBLE))
    (slope,) = torch.autograd.grad(values[0], module.a)
    assert slope.item() == pytest.approx(-4 / radius**3)


def test_a_kernel_is_copied_and_pickled(kernel: Kernel) -> None:
    for other in (copy.copy(kernel), copy.deepcopy(kernel), pickle.loads(pickle.dumps(kernel))):
        assert other.backend == "torch"
        assert other.hash == kernel.hash
        assert torch.equal(other(X, a=2.0).ricci, kernel(X, a=2.0).ricci)


def test_a_module_that_holds_a_kernel_is_copied_and_saved(kernel: Kernel) -> None:
    module = Scalar(kernel, 2.0)
    assert_sphere(module, 2.0)
    assert_sphere(copy.deepcopy(module), 2.0)
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    assert_sphere(torch.load(file, weights_only=False), 2.0)
    assert list(module.state_dict()) == ["a"]
    other = Scalar(kernel, 3.0)
    other.load_state_dict(module.state_dict())
    assert_sphere(other, 2.0)
    assert module.float()(X.float()).dtype == torch.float32


def test_a_radius_is_found_by_descent(kernel: Kernel) -> None:
    module = Scalar(kernel, 1.5)
    optimizer = torch.optim.LBFGS(
        module.parameters(), tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        total = ((module(X) - 0.5) ** 2).sum()
        total.backward()
        return total

    optimizer.step(loss)
    # LBFGS ends where the gradient 3 * 2 (R - 1/2) * (-4/a**3) = 1.5 (a - 2) is below 1e-7
    assert module.a.item() == pytest.approx(2, abs=1e-7)


def test_jets_are_given_by_name_or_by_a_function() -> None:
    """R of ds^2 = -dt^2 + b(t)^2 dx^2 is 2 b''/b."""
    metric = gk.Metric(coordinates=["t", "x"], matrix=[[-1, 0], [0, "b(t)**2"]], functions=["b(t)"])
    kernel = gk.compile(metric, "scalar", backend="torch")
    t = X[:, 0]
    b = {name: (torch.cosh(t) + shift).requires_grad_() for name, shift in (("b", 1), ("b_t_t", 0))}
    wanted = {one.name for one in kernel.program.inputs if one.kind == "jet"}
    b |= {name: torch.sinh(t) for name in wanted - set(b)}
    values = kernel(X, **b).scalar
    expected = 2 * b["b_t_t"] / b["b"]
    torch.testing.assert_close(values, expected)
    weights = torch.tensor([1.0, 2.0, 3.0], dtype=DOUBLE)
    given = torch.autograd.grad((values * weights).sum(), [b["b"], b["b_t_t"]])
    wanted_ = torch.autograd.grad((expected * weights).sum(), [b["b"], b["b_t_t"]])
    for one, other in zip(given, wanted_, strict=True):
        torch.testing.assert_close(one, other)

    def call(t: Tensor, orders: tuple[int, ...]) -> Tensor:
        return torch.sinh(t) if orders[0] % 2 else torch.cosh(t) + (orders[0] == 0)

    torch.testing.assert_close(kernel(X, b=call).scalar, expected)
