"""Numba kernels under torch's autograd: values and first derivatives on the CPU.

An `Operation` is a program as a function of tensors. Its reverse mode is another operation, of the
program of the gradient; so is its forward mode. The program and its gradient are numba kernels;
what lies beyond is the generated torch code of their derivatives, which torch differentiates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from geomkit.differentiate import jvp, vjp
from geomkit.errors import LoweringError
from geomkit.program import Program

from .arrays import read
from .code import TorchCode
from .dual import nested, primal

__all__ = ["Operation"]

Arguments = Sequence[Tensor | float]


class Operation:
    """A program as a function of tensors (..., k), then numbers or tensors (...).

    Args:
        code: the program as torch code.
        cache: whether kernels are kept on disk.
        level: how often it has been differentiated; the second time numba is given up.

    Attributes:
        code: the program as torch code.
        width: length of the last axis of the result: the packed components of the program itself,
            and of a derivative its one tensor, zeros included.
    """

    def __init__(self, code: TorchCode, *, cache: bool, level: int = 0) -> None:
        self.code = code
        self._cache = cache
        self._level = level
        self._vectors = len(code.program.sources)
        self._derivatives: dict[tuple[str, tuple[bool, ...]], Operation] = {}
        slots = code.program.slots
        columns = [slot.index[0] for slot in slots] if level else range(len(slots))
        self.width = code.program.outputs[0].shape[0] if level else len(slots)
        self._columns = list(columns)
        self._full = len(self._columns) == self.width

    @cached_property
    def rows(self) -> Any:
        """The numba kernels; None where numba lacks a function, or is not meant to be used."""
        from .rows import Rows

        if self._level > 1 or not self._columns or not self._vectors:
            return None
        try:
            return Rows(self.code.program, self._columns, self.width, cache=self._cache)
        except LoweringError:
            return None

    def __call__(self, *arguments: Tensor | float) -> Tensor:
        """Compute, by numba if possible.

        Args:
            *arguments: vectors, then scalars.

        Returns:
            Tensor (..., width).
        """
        if self.rows is None:
            return self.eager(*arguments)
        transformed = torch._C._are_functorch_transforms_active()
        if not transformed and not _watched(arguments):
            return self.value(arguments)
        apply = _Call.apply if transformed else _Call.apply_directly
        result: Tensor = apply(self, *arguments)
        return result

    def eager(self, *arguments: Tensor | float) -> Tensor:
        """Compute by the generated torch code.

        Args:
            *arguments: vectors, then scalars.

        Returns:
            Tensor (..., width).
        """
        vectors: Any = arguments[: self._vectors]
        packed = self.code.eager(vectors, arguments[self._vectors :])
        return self.code.unpack(packed, 0) if self._level else packed

    # Values -----------------------------------------------------------------------------------

    def value(self, arguments: Arguments) -> Tensor:
        """Compute by numba, without a graph.

        Args:
            arguments: vectors, then scalars.

        Returns:
            Tensor (..., width).
        """
        arrays, scalars, shape = read(arguments, self._vectors)
        result = torch.from_numpy(self.rows(arrays, scalars, math.prod(shape)))
        return result if len(shape) == 1 else result.view((*shape, self.width))

    # Derivatives ------------------------------------------------------------------------------

    def pull(
        self, arguments: Arguments, cotangent: Tensor, needs: tuple[bool, ...]
    ) -> list[Tensor | None]:
        """Reverse mode: the gradient of sum(cotangent * result) in the needed arguments.

        Args:
            arguments: vectors, then scalars.
            cotangent: tensor (..., width).
            needs: which arguments.

        Returns:
            For each argument its gradient, or None.
        """
        if not self._full:  # zeros of the result are no components
            index = torch.tensor(self._columns, device=cotangent.device)
            cotangent = cotangent.index_select(-1, index)
        operation = self._derivative(vjp, needs)
        # autograd.grad(is_grads_batched=True) has a vmap of its own that knows no vmap rules
        batched = torch._C._functorch.is_legacy_batchedtensor(cotangent)
        call = operation.eager if batched else operation
        gradient = call(*self._with(arguments, cotangent))
        found: list[Tensor | None] = [None] * len(arguments)
        start = 0
        for number, needed in enumerate(needs):
            if not needed:
                continue
            argument: Any = arguments[number]
            if number < self._vectors:
                width = argument.shape[-1]
                part = gradient
                if width != operation.width:
                    part = gradient.narrow(-1, start, width)
            else:
                width, part = 1, gradient[..., start]
            found[number] = _reduce(part, argument.shape)
            start += width
        return found

    def push(self, arguments: Arguments, tangents: Sequence[Tensor | None]) -> Tensor:
        """Forward mode: the tangent of the result.

        Args:
            arguments: vectors, then scalars.
            tangents: of the arguments; None where there is none.

        Returns:
            Tensor (..., width).
        """
        columns = [
            tangent if number < self._vectors else tangent.unsqueeze(-1)
            for number, tangent in enumerate(tangents)
            if tangent is not None
        ]
        shape = torch.broadcast_shapes(*(c.shape[:-1] for c in columns))
        tangent = torch.cat([c.expand(*shape, c.shape[-1]) for c in columns], -1)
        operation = self._derivative(jvp, tuple(t is not None for t in tangents))
        result = operation.eager(*self._with(arguments, tangent))
        return self.code.unpack(result, 0) if self._level else result

    def _with(self, arguments: Arguments, vector: Tensor) -> list[Tensor | float]:
        """Arguments with a further vector behind the vectors."""
        return [*arguments[: self._vectors], vector, *arguments[self._vectors :]]

    def _derivative(self, mode: Callable[..., Program], needs: tuple[bool, ...]) -> Operation:
        key = mode.__name__, needs
        if key not in self._derivatives:
            inputs = self.code.program.inputs
            names = [
                inputs[i].name
                for numbers, needed in zip(self._inputs, needs, strict=True)
                if needed
                for i in numbers
            ]
            code = TorchCode(mode(self.code.program, names), cache=False)
            level = self._level + 1 if mode is vjp else 2
            self._derivatives[key] = Operation(code, cache=self._cache, level=level)
        return self._derivatives[key]

    @cached_property
    def _inputs(self) -> list[list[int]]:
        """For each argument the numbers of its inputs, in the order of its last axis."""
        program = self.code.program
        arrays = program.sources.values()
        ordered = [sorted(ns, key=lambda i: program.inputs[i].position) for ns in arrays]
        return [*ordered, *([i] for i in program.scalars)]


class _Call(torch.autograd.Function):  # type: ignore[misc]
    """One call of an operation, as autograd and torch.func see it."""

    @classmethod
    def apply_directly(cls, *arguments: Any) -> Any:
        """Apply where no transform of torch.func is active."""
        # `apply` binds arguments to a signature first, which takes longer than a kernel of 1000
        # points. What it does then is this.
        return super(torch.autograd.Function, cls).apply(*arguments)

    @staticmethod
    def forward(operation: Operation, *arguments: Tensor | float) -> Tensor:
        return operation.value(arguments)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.operation = inputs[0]
        tensors = [a for a in inputs if isinstance(a, Tensor)]
        ctx.numbers = [None if isinstance(a, Tensor) else a for a in inputs[1:]]
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
        needs = ctx.needs_input_grad[1:]
        return None, *ctx.operation.pull(_arguments(ctx), cotangent, needs)

    @staticmethod
    def jvp(ctx: Any, _: None, *tangents: Tensor | None) -> Tensor:
        with nested():
            arguments = [primal(a) if isinstance(a, Tensor) else a for a in _arguments(ctx)]
            result: Tensor = ctx.operation.push(arguments, tangents)
        return result

    @staticmethod
    def vmap(
        info: Any, in_dims: Sequence[int | None], operation: Operation, *arguments: Tensor | float
    ) -> tuple[Tensor, int]:
        # Leading dimensions broadcast: the new one goes first, and those of arguments that have
        # fewer are filled up behind it.
        vectors = len(operation.code.program.sources)
        ranks = [
            a.ndim - (number < vectors) - (dim is not None) if isinstance(a, Tensor) else 0
            for number, (a, dim) in enumerate(zip(arguments, in_dims[1:], strict=True))
        ]
        moved = [
            _leading(a, dim, max(ranks) - rank) if isinstance(a, Tensor) and dim is not None else a
            for a, dim, rank in zip(arguments, in_dims[1:], ranks, strict=True)
        ]
        return operation(*moved), 0


def _watched(arguments: Arguments) -> bool:
    """Whether anybody is there to differentiate what is computed."""
    if forward_ad._current_level >= 0:
        return True
    if not torch.is_grad_enabled():
        return False
    for argument in arguments:  # noqa: SIM110  any() takes as long as a kernel of 100 points
        if isinstance(argument, Tensor) and argument.requires_grad:
            return True
    return False


def _arguments(ctx: Any) -> list[Tensor | float]:
    tensors = iter(ctx.saved_tensors)
    return [next(tensors) if number is None else number for number in ctx.numbers]


def _leading(tensor: Tensor, dim: int, missing: int) -> Tensor:
    first = tensor.movedim(dim, 0)
    return first.reshape(first.shape[0], *(1,) * missing, *first.shape[1:])


def _reduce(gradient: Tensor, shape: torch.Size) -> Tensor:
    """Sum over the dimensions along which an argument was broadcast."""
    if gradient.shape == shape:
        return gradient
    extra = gradient.ndim - len(shape)
    dims = [*range(extra)]
    dims += [extra + k for k, n in enumerate(shape) if n == 1 and gradient.shape[extra + k] != 1]
    return (gradient.sum(dims) if dims else gradient).reshape(shape)
