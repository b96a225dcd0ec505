"""Numba kernels as torch functions: forward and gradient compiled, higher derivatives in torch.

`Scalar` is the formula, `Gradient` its vector-Jacobian product; the derivative of a scalar along a
tangent is the product with that gradient, so the two serve reverse and forward mode, and the
Hessian is taken of the plain formula.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad

from geomkit.backends.torch.dual import nested, primal
from geomkit.errors import MetricError

from .. import arrays
from ..arrays import Formula
from . import plain

__all__ = ["evaluate", "gradient", "plain_formula"]

_HALF = {torch.float16, torch.bfloat16}
_PRECISIONS = {torch.float32, torch.float64}
# Formulas and shapes of arguments that need not be expanded.
_UNIFORM: set[Any] = set()


def evaluate(formula: Formula, tensors: Sequence[Tensor], check: bool) -> Tensor:
    """Compute a formula on tensors.

    Args:
        formula: which.
        tensors: the jet.
        check: see `geomkit.families.scalar_curvature_from_jet`.

    Returns:
        A tensor of the batch shape.
    """
    given = _expanded(formula, tensors)
    if _compiled(given):
        result: Tensor = _scalar_of(formula, check).call(*given)
        return result
    return plain_formula(formula)(*given)


def gradient(formula: Formula, tensors: Sequence[Tensor], cotangent: Tensor) -> tuple[Tensor, ...]:
    """Compute the gradient of sum(cotangent * formula).

    Args:
        formula: which.
        tensors: the jet.
        cotangent: of the batch shape.

    Returns:
        One tensor for each argument.
    """
    given = _expanded(formula, tensors)
    batch = given[0].shape[: given[0].ndim - len(formula.arguments[0].axes)]
    cotangent = cotangent.to(given[0].dtype).expand(batch)
    if _compiled(given):
        result: tuple[Tensor, ...] = _gradient_of(formula).call(cotangent, *given)
        return result
    slopes: tuple[Tensor, ...] = _vjp(plain_formula(formula), given)(cotangent)
    return slopes


def _expanded(formula: Formula, tensors: Sequence[Tensor]) -> list[Tensor]:
    """Give all the same leading shape and precision."""
    key = (formula, *[tensor.shape for tensor in tensors])
    if not torch.compiler.is_compiling() and key in _UNIFORM:
        kinds = {tensor.dtype for tensor in tensors}
        if len(kinds) == 1 and kinds <= _PRECISIONS:
            return list(tensors)
    for one, tensor in zip(formula.arguments, tensors, strict=True):
        if not tensor.is_floating_point():
            raise MetricError(f"{one.name} has dtype {tensor.dtype}, which is no real float type")
        if len(one.axes) > 1 and all(t.dtype in _HALF for t in tensors):
            raise MetricError(
                f"{one.name} has dtype {tensor.dtype}; families compute in float32 and float64"
            )
    batch, _ = arrays.sizes(formula.arguments, [tuple(tensor.shape) for tensor in tensors])
    dtype = tensors[0].dtype
    for tensor in tensors[1:]:
        if tensor.dtype != dtype:
            dtype = torch.promote_types(dtype, tensor.dtype)
    result = []
    for one, tensor in zip(formula.arguments, tensors, strict=True):
        shape = batch + tuple(tensor.shape[tensor.ndim - len(one.axes) :])
        same = tensor if tensor.dtype == dtype else tensor.to(dtype)
        result.append(same if same.shape == shape else same.expand(shape))
    if not torch.compiler.is_compiling() and key == (formula, *[x.shape for x in result]):
        if len(_UNIFORM) > arrays.MANY:
            _UNIFORM.clear()
        _UNIFORM.add(key)
    return result


def _compiled(tensors: Sequence[Tensor]) -> bool:
    """Whether the numba kernels can take these: real memory of the CPU, nothing being traced."""
    if torch.compiler.is_compiling():
        return False
    return all(
        type(t) in (Tensor, torch.nn.Parameter)
        and t.device.type == "cpu"
        and t.dtype in _PRECISIONS
        for t in tensors
    )


def plain_formula(formula: Formula) -> Callable[..., Tensor]:
    """The formula in plain torch.

    Args:
        formula: which.

    Returns:
        A function of the arrays of the jet.
    """
    return partial(plain.FORMULAS[formula.name], **dict(formula.options))


def _vjp(function: Callable[..., Any], inputs: Sequence[Tensor]) -> Callable[..., Any]:
    return torch.func.vjp(function, *inputs)[1]  # type: ignore[no-any-return]


def _numbers(formula: Formula, tensors: Sequence[Tensor]) -> list[Any]:
    """Flatten tensors into arrays (N, ...)."""
    ranks = [len(one.axes) for one in formula.arguments]
    flat = []
    for tensor, rank in zip(tensors, [*ranks, 0], strict=False):
        array = tensor.numpy(force=True)
        tail = array.shape[array.ndim - rank :]
        count = math.prod(array.shape[: array.ndim - rank])
        flat.append(np.ascontiguousarray(array).reshape((count, *tail)))
    return flat


def _hessian(
    formula: Formula, cotangent: Tensor, given: Sequence[Tensor], vector: Sequence[Tensor]
) -> Any:
    """Derivatives of <vector, gradient> by cotangent and jet, in plain torch."""

    def first(c: Tensor, *jet: Tensor) -> Any:
        return _vjp(plain_formula(formula), jet)(c)

    return _vjp(first, (cotangent, *given))(tuple(vector))


@cache
def _gradient_of(formula: Formula) -> Any:
    """Make the autograd function of a formula's vector-Jacobian product."""

    class Gradient(_Batched):
        @staticmethod
        def forward(cotangent: Tensor, *given: Tensor) -> tuple[Tensor, ...]:
            flat = _numbers(formula, [*given, cotangent])
            outs = arrays.backward(formula, flat, torch.get_num_threads())
            return tuple(
                torch.from_numpy(out).reshape(tensor.shape)
                for out, tensor in zip(outs, given, strict=True)
            )

        @staticmethod
        def backward(ctx: Any, *cotangents: Tensor) -> Any:
            first, *given = ctx.saved_tensors
            return _hessian(formula, first, given, cotangents)

        @staticmethod
        def jvp(ctx: Any, tangent: Tensor, *tangents: Tensor) -> Any:
            with nested():
                first, *given = [primal(t) for t in ctx.saved_tensors]
                along = Gradient.call(primal(tangent), *given)
                # the Hessian is symmetric: its product from the left is that from the right
                bent = _hessian(formula, first, given, [primal(t) for t in tangents])[1:]
                return tuple(a + b for a, b in zip(along, bent, strict=True))

    return Gradient


@cache
def _scalar_of(formula: Formula, check: bool) -> Any:
    """Make the autograd function of a formula."""
    gradient_of = _gradient_of(formula)

    class Scalar(_Batched):
        @staticmethod
        def forward(*given: Tensor) -> Tensor:
            flat = _numbers(formula, given)
            batch = tuple(given[0].shape[: given[0].ndim - len(formula.arguments[0].axes)])
            out = arrays.forward(formula, flat, batch, check, torch.get_num_threads())
            result = torch.from_numpy(out)
            return result if len(batch) == 1 else result.reshape(batch)

        @staticmethod
        def backward(ctx: Any, cotangent: Tensor) -> Any:
            # autograd.grad(is_grads_batched=True) has a vmap of its own that knows no vmap rules
            if torch._C._functorch.is_legacy_batchedtensor(cotangent):
                return _vjp(plain_formula(formula), ctx.saved_tensors)(cotangent)
            return gradient_of.call(cotangent, *ctx.saved_tensors)

        @staticmethod
        def jvp(ctx: Any, *tangents: Tensor) -> Tensor:
            with nested():
                given = [primal(t) for t in ctx.saved_tensors]
                batch = given[0].shape[: given[0].ndim - len(formula.arguments[0].axes)]
                slopes = gradient_of.call(given[0].new_ones(batch), *given)
                total = given[0].new_zeros(batch)
                rows = zip(slopes, [primal(t) for t in tangents], formula.arguments, strict=True)
                for slope, tangent, one in rows:
                    inner = tuple(range(-len(one.axes), 0))
                    product = slope * tangent
                    total = total + (product.sum(inner) if inner else product)
                return total

    return Scalar


class _Batched(torch.autograd.Function):  # type: ignore[misc]
    """What the two share: calls, saving the inputs, and `vmap` as one more leading dimension."""

    @classmethod
    def call(cls, *given: Tensor) -> Any:
        """Compute, with a graph only where somebody is there to differentiate."""
        if torch._C._are_functorch_transforms_active():
            return cls.apply(*given)
        if forward_ad._current_level < 0 and not (
            torch.is_grad_enabled() and any(tensor.requires_grad for tensor in given)
        ):
            return cls.forward(*given)
        # `apply` would bind the arguments to a signature, which takes longer than a small kernel,
        # and then do this.
        return super(torch.autograd.Function, cls).apply(*given)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Any) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @classmethod
    def vmap(cls, info: Any, in_dims: tuple[int | None, ...], *given: Tensor) -> Any:
        size = info.batch_size
        front = [
            tensor.expand(size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
            for tensor, dim in zip(given, in_dims, strict=True)
        ]
        result = cls.call(*front)
        return result, ((0,) * len(result) if isinstance(result, tuple) else 0)
