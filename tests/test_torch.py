"""The torch backend: values, gradients and transforms, generated code and numba kernels alike."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.func import grad, hessian, jacfwd, jacrev, vmap

from geomkit.backends.torch import TorchCode, build
from geomkit.differentiate import vjp
from geomkit.program import Builder, Program
from tests.program_strategies import points, smooth_programs
from tests.torch_oracle import NAMES, as_floats, assert_rounded, everything, exact_derivatives

# Torch itself uses what it deprecated, when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")

# 1 ULP is 1e-16; derivatives of `everything` at POINT are sums of a few terms of size 1 to 100.
CLOSE = {"rtol": 1e-12, "atol": 1e-12}
POINT = dict(zip(NAMES, [0.8, -0.6, 1.5, 0.3, 1.2, 0.7, 0.4], strict=True))
PROGRAM = everything()

Function = Callable[..., Tensor]


@pytest.fixture(scope="module", params=["generated", "kernels"])
def code(request: pytest.FixtureRequest) -> TorchCode:
    return build(PROGRAM, fast=request.param == "kernels")


def function(code: TorchCode) -> Function:
    return lambda x, v, M, a, h: code.packed([x, v], [M, a, h])


def arguments(*batch: int, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Points and velocities (*batch, 2), then M, a, h (*batch)."""
    torch.manual_seed(0)
    shift = 0.1 * torch.rand(*batch, 7, dtype=dtype)
    all_ = torch.tensor(list(POINT.values()), dtype=dtype) + shift
    return [all_[..., :2], all_[..., 2:4], *all_[..., 4:].unbind(-1)]


def flat(code: TorchCode) -> Function:
    """As a function of all seven inputs in one tensor."""

    def call(inputs: Tensor) -> Tensor:
        M, a, h = inputs[..., 4:].unbind(-1)
        return code.packed([inputs[..., :2], inputs[..., 2:4]], [M, a, h])

    return call


# Values and gradients ----------------------------------------------------------------------------


@given(st.data(), st.sampled_from([torch.float64, torch.float32]))
def test_random_programs(data: st.DataObject, dtype: torch.dtype) -> None:
    program = data.draw(smooth_programs())
    values = as_floats(data.draw(points(program)), dtype)
    inputs, given_ = tensors(program, values, dtype)
    packed = build(program, cache=False, fast=False).packed(*given_)
    assert_rounded(packed, program, values, dtype)
    cotangent = torch.arange(1, len(program.slots) + 1, dtype=dtype)
    gradient = torch.autograd.grad(packed, inputs, cotangent, allow_unused=True)
    total = torch.stack([torch.zeros((), dtype=dtype) if g is None else g for g in gradient])
    exact = vjp(program)
    slots = [slot.index[0] for slot in exact.slots]
    known = values | as_floats({f"cotangent_{k}": k + 1 for k in range(len(cotangent))}, dtype)
    assert_rounded(total[slots], exact, known, dtype)


def tensors(program: Program, values: Any, dtype: torch.dtype) -> tuple[list[Tensor], Any]:
    """One leaf for each input, and the arguments made of them."""
    leaves = [
        torch.tensor(float(values[one.name]), dtype=dtype, requires_grad=True)
        for one in program.inputs
    ]
    vectors = [torch.stack([leaves[i] for i in numbers]) for numbers in program.sources.values()]
    return leaves, (vectors, [leaves[i] for i in program.scalars])


def test_the_law_notices_a_wrong_component() -> None:
    values = as_floats(POINT, torch.float64)
    packed = flat(build(PROGRAM, fast=False))(
        torch.tensor(list(POINT.values()), dtype=torch.float64)
    )
    assert_rounded(packed, PROGRAM, values, torch.float64)
    with pytest.raises(AssertionError, match="off by"):
        assert_rounded(packed * (1 + 1e-13), PROGRAM, values, torch.float64)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_derivatives_by_every_mixture_of_modes(code: TorchCode, order: int) -> None:
    point = torch.tensor(list(POINT.values()), dtype=torch.float64)
    exact = torch.from_numpy(exact_derivatives(PROGRAM, POINT, order))
    for modes in itertools.product([jacrev, jacfwd], repeat=order):
        call = flat(code)
        for mode in modes:
            call = mode(call)
        torch.testing.assert_close(call(point), exact, **CLOSE)


def test_third_derivatives_by_every_mixture_of_modes(code: TorchCode) -> None:
    b = Builder("power")
    x = b.input("x", "coordinate", "points", 0)
    program = b.scalar("power", b.mul(b.power(x, 4), b.call("exp", b.neg(x)))).finish()
    call: Any = build(program, fast=code.fast)
    point = torch.tensor([1.5], dtype=torch.float64)
    exact = torch.from_numpy(exact_derivatives(program, {"x": 1.5}, 3))
    for modes in itertools.product([jacrev, jacfwd], repeat=3):
        derived: Any = lambda x: call.packed([x], [])  # noqa: E731
        for mode in modes:
            derived = mode(derived)
        torch.testing.assert_close(derived(point), exact, **CLOSE)


def test_vmap_along_any_axis_and_under_derivatives(code: TorchCode) -> None:
    call = function(code)
    batch = arguments(3)
    one_by_one = torch.stack([call(*(t[k] for t in batch)) for k in range(3)])
    torch.testing.assert_close(vmap(call)(*batch), one_by_one, **CLOSE)
    shared = [batch[0].T, batch[1][0], batch[2], batch[3][0], 0.4]
    mixed = vmap(call, (1, None, 0, None, None))(*shared)
    expected = [call(batch[0][k], batch[1][0], batch[2][k], batch[3][0], 0.4) for k in range(3)]
    torch.testing.assert_close(mixed, torch.stack(expected), **CLOSE)
    # an argument with more dimensions than the one that is mapped over
    deep = vmap(call, (None, None, 0, None, None))(*batch[:2], batch[2], batch[3][0], batch[4])
    expected = [call(*batch[:2], m, batch[3][0], batch[4]) for m in batch[2]]
    torch.testing.assert_close(deep, torch.stack(expected), **CLOSE)
    all_ = torch.tensor(list(POINT.values()), dtype=torch.float64).repeat(2, 1)
    second = torch.from_numpy(exact_derivatives(PROGRAM, POINT, 2))
    torch.testing.assert_close(vmap(hessian(flat(code)))(all_)[1], second, **CLOSE)
    norm = vmap(grad(lambda x: flat(code)(x).sum()))(all_)[0]
    first = torch.from_numpy(exact_derivatives(PROGRAM, POINT, 1))
    torch.testing.assert_close(norm, first.sum(0), **CLOSE)


def test_torch_checks_first_and_second_derivatives(code: TorchCode) -> None:
    given_ = [t.requires_grad_() for t in arguments(2)]
    given_[3] = given_[3][0].detach().requires_grad_()  # one number for all points
    call = function(code)
    assert torch.autograd.gradcheck(
        call,
        given_,
        check_forward_ad=True,
        check_batched_grad=True,
        check_batched_forward_grad=True,
    )
    assert torch.autograd.gradgradcheck(
        call, given_, check_fwd_over_rev=True, check_rev_over_rev=True, check_batched_grad=True
    )


@pytest.mark.parametrize(
    "dtype", [torch.float64, pytest.param(torch.float32, marks=pytest.mark.slow)]
)
def test_arguments_of_all_shapes(code: TorchCode, dtype: torch.dtype) -> None:
    """Broadcasting, strides, no points at all: as one point after the other."""
    x, v, M, a, h = arguments(4, 3, dtype=dtype)
    cases: list[list[Any]] = [
        [x.transpose(0, 1), v[0, 0], M[0, 0], a.T, 0.5],
        [x[0, 0], v[0, 0], 1.2, 0.7, 0.4],
        [x, v, M, a, h],
        [x[0], v[:, :1], M[0], a[:, :1], h[1, 1]],
        [x[::2, ::2], v[1::2, ::2], M[0, 0], a[:1, :1], 0.5],
        [x[:0], v[0], M[0], a[0], h[0]],
        [torch.complex(x, -x).conj().imag, v, M, a, h],
    ]
    for given_ in cases:
        leaves = [t.detach().requires_grad_() if isinstance(t, Tensor) else t for t in given_]
        tensors_ = [t for t in leaves if isinstance(t, Tensor)]
        shapes = [t.shape[:-1] for t in leaves[:2]] + [t.shape for t in tensors_[2:]]
        shape = torch.broadcast_shapes(*shapes)
        packed = function(code)(*leaves)
        assert packed.shape == (*shape, len(PROGRAM.slots))
        assert packed.dtype == dtype
        cotangent = torch.rand(packed.shape, dtype=dtype)
        gradient = torch.autograd.grad(packed, tensors_, cotangent)
        # one point after the other, by the generated code in float64
        other = [t.detach().double().requires_grad_() for t in tensors_]
        rest = iter(other)
        again = [next(rest) if isinstance(t, Tensor) else t for t in leaves]
        wide = [t.expand(*shape, 2).reshape(-1, 2) for t in again[:2]]
        scalars = [
            torch.as_tensor(s, dtype=torch.float64).expand(shape).reshape(-1) for s in again[2:]
        ]
        alone = build(PROGRAM, fast=False)
        rows = [
            alone.packed([t[k] for t in wide], [s[k] for s in scalars])
            for k in range(shape.numel())
        ]
        expected = torch.stack(rows) if rows else packed.detach().double().reshape(0, 5)
        # 1 ULP of float32 is 6e-8; see CLOSE
        close = CLOSE if dtype == torch.float64 else {"rtol": 1e-4, "atol": 1e-4}
        whole = packed.reshape(-1, len(PROGRAM.slots))
        torch.testing.assert_close(whole.double(), expected, **close)
        if rows:
            weights = cotangent.double().reshape(expected.shape)
            wanted = torch.autograd.grad(expected, other, weights)
            for one, another in zip(gradient, wanted, strict=True):
                torch.testing.assert_close(one.double(), another, **close)


def test_only_what_asks_for_a_gradient_gets_one(code: TorchCode) -> None:
    x, v, M, a, h = arguments(3)
    assert not function(code)(x, v, M, a, h).requires_grad
    with torch.no_grad():
        assert not function(code)(x.clone().requires_grad_(), v, M, a, h).requires_grad
    a.requires_grad_()
    function(code)(x, v, M, a, h).sum().backward()
    assert a.grad is not None
    assert x.grad is None
    # M twice: as a number and as a tensor
    packed = function(code)(x, v, 1.2, 0.7, 0.4)
    assert torch.equal(
        packed, function(code)(x, v, torch.tensor(1.2, dtype=torch.float64), 0.7, 0.4)
    )


# Full tensors ------------------------------------------------------------------------------------


def test_full_tensors_have_copies_signs_and_exact_zeros(code: TorchCode) -> None:
    packed = function(code)(*arguments(2, 3))
    start = 0
    for number, output in enumerate(PROGRAM.outputs):
        full = code.unpack(packed, number)
        assert full.shape == (2, 3, *output.shape)
        expected = torch.zeros_like(full)
        for index, slot, sign in output.copies:
            expected[(..., *index)] = sign * packed[..., start + slot]
        assert torch.equal(full, expected)
        start += len(output.components)


def test_zeros_are_zero_where_components_are_not_numbers(code: TorchCode) -> None:
    packed = torch.full((2, len(PROGRAM.slots)), torch.nan, dtype=torch.float64)
    packed.requires_grad_()
    form = code.unpack(packed, 0)
    assert torch.equal(form[:, 0, 0], torch.zeros(2).double())
    (gradient,) = torch.autograd.grad(form[:, 0, 0].sum(), packed)
    assert torch.equal(gradient, torch.zeros_like(packed))
    assert torch.equal(code.unpack(packed, 3), torch.zeros(2, 2).double())


def test_what_does_not_depend_on_the_points_has_gradient_zero(code: TorchCode) -> None:
    x, v, M, a, h = arguments(3)
    x.requires_grad_()
    packed = function(code)(x, v, M, a, h)
    nothing = code.unpack(packed, 3)
    (gradient,) = torch.autograd.grad(nothing.sum(), x, retain_graph=True)
    assert torch.equal(gradient, torch.zeros_like(x))
    (gradient,) = torch.autograd.grad(code.unpack(packed, 1).sum(), x)
    assert torch.equal(gradient, torch.zeros_like(x))


# The code as an object ---------------------------------------------------------------------------


def test_code_can_be_copied_and_pickled(code: TorchCode) -> None:
    given_ = arguments(2)
    for other in (copy.deepcopy(code), pickle.loads(pickle.dumps(code))):
        assert torch.equal(function(other)(*given_), function(code)(*given_))
        assert other.fast == code.fast
