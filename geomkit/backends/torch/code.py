"""TorchCode: generated code with the calling convention of all backends, on tensors."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from numbers import Real
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from geomkit.errors import EvaluationError
from geomkit.program import Program

from .module import keep, load
from .source import needs_tensors, write
from .unpacking import Unpacking

if TYPE_CHECKING:
    from .fast import Operation

__all__ = ["TorchCode", "build"]

FLOATS = (torch.float64, torch.float32)
Components = Callable[..., tuple[Tensor | float, ...]]


class TorchCode:
    """A program on tensors.

    Made by `build`.

    Attributes:
        program: the program.
        source: the generated text.
        path: the file that holds it, or None.
        cache: whether it is kept in the cache folder.
        fast: whether CPU tensors may go through numba kernels.
    """

    def __init__(self, program: Program, *, cache: bool = True, fast: bool = False) -> None:
        self.program = program
        self.cache = cache
        self.fast = fast
        self.source = write(program)
        digest = hashlib.sha256(self.source.encode()).hexdigest()
        self.path = keep(f"torch_{program.name}", self.source) if cache else None
        module = load(f"geomkit_torch_{program.name}_{digest[:16]}", self.source, self.path)
        self._components = cast(Components, module["components"])
        self._columns = tuple(program.sources.values())
        self._width = len(self._columns[0]) if self._columns else 0
        self._needs_tensor = tuple(i in needs_tensors(program) for i in program.scalars)
        self._sources = tuple(program.sources)
        self._scalars = tuple(program.inputs[i].name for i in program.scalars)
        self._unpackings = tuple(Unpacking.of(program, k) for k in range(len(program.outputs)))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.program.to_dict(), self.cache, self.fast)

    def __repr__(self) -> str:
        names = ", ".join(output.name for output in self.program.outputs)
        return f"<TorchCode {names} of {self.program.name!r}>"

    # Calls ------------------------------------------------------------------------------------

    def packed(self, vectors: Sequence[Tensor], scalars: Sequence[Any], out: None = None) -> Tensor:
        """Compute the independent components that are not exactly zero.

        Args:
            vectors: tensors (..., k), one for each of `Program.sources`.
            scalars: numbers, or tensors (...), in the order of `Program.scalars`.
            out: nothing else than None: tensors remember how they were made.

        Returns:
            Tensor (..., C), where C is the number of slots.

        Raises:
            EvaluationError: an argument is no tensor of float64 or float32, or shapes do not fit.
        """
        if out is not None:
            raise EvaluationError("a torch kernel has no out=: tensors remember how they were made")
        usual = self._usual(vectors, scalars)
        if not usual:
            vectors, scalars = self._read(vectors, scalars)
        if self.fast and not torch.compiler.is_compiling():
            in_memory = vectors[0].is_cpu if usual else _in_memory([*vectors, *scalars])
            if in_memory and not _traced():
                return self._operation(*vectors, *scalars)
        return self.eager(vectors, scalars)

    def unpack(self, packed: Tensor, number: int, count: int | None = None) -> Tensor:
        """Fill the full tensor of one output.

        Args:
            packed: what `packed` returned, (..., C).
            number: which output of the program.
            count: not needed; the other backends have it.

        Returns:
            Tensor (..., *shape), with exact zeros and all symmetric copies.
        """
        return self._unpackings[number](packed)

    def eager(self, vectors: Sequence[Tensor], scalars: Sequence[Any]) -> Tensor:
        """Compute as `packed` does, always by the generated torch code, and without checks.

        Args:
            vectors: tensors (..., k) of one dtype.
            scalars: numbers, or tensors (...) of the same dtype.

        Returns:
            Tensor (..., C).
        """
        reference = vectors[0] if vectors else _first(scalars)
        inputs: list[Any] = [None] * len(self.program.inputs)
        for vector, numbers in zip(vectors, self._columns, strict=True):
            # one unbind has one derivative, a stack; k selections would have k sums over zeros
            for position, number in self._positions(numbers, vector.unbind(-1)):
                inputs[number] = position
        for number, value, needed in zip(
            self.program.scalars, scalars, self._needs_tensor, strict=True
        ):
            tensor = not isinstance(value, Tensor) and needed
            inputs[number] = reference.new_full((), value) if tensor else value
        return self._joined(self._components(*inputs), vectors, reference)

    def _positions(
        self, numbers: Sequence[int], columns: Sequence[Tensor]
    ) -> list[tuple[Tensor, int]]:
        return [(columns[self.program.inputs[i].position], i) for i in numbers]

    def _joined(
        self, values: Sequence[Tensor | float], vectors: Sequence[Tensor], reference: Tensor
    ) -> Tensor:
        """Stack components of any shape, numbers among them."""
        # An empty sum is an exact zero that has the batch, device and dtype of the input and knows
        # that it comes from it: what does not depend on the input has gradient 0, not none.
        zero = sum((v[..., :0].sum(-1) for v in vectors), start=reference.new_zeros(()))
        if not values:
            return zero.unsqueeze(-1)[..., :0]
        tensors = [v if isinstance(v, Tensor) else zero + v for v in values]
        shape = tensors[0].shape
        if any(t.shape != shape for t in tensors) or zero.shape != shape:
            *tensors, _ = torch.broadcast_tensors(*tensors, zero)
        return torch.stack(tensors, -1)

    @cached_property
    def _operation(self) -> Operation:
        from .fast import Operation

        return Operation(self, cache=self.cache)

    # Arguments --------------------------------------------------------------------------------

    def _read(
        self, vectors: Sequence[Any], scalars: Sequence[Any]
    ) -> tuple[list[Tensor], list[Any]]:
        """Check what was given and bring it to one dtype."""
        sources, names = self._sources, self._scalars
        if len(vectors) != len(sources) or len(scalars) != len(names):
            raise EvaluationError(
                f"{len(vectors)} arrays and {len(scalars)} scalars were given; {self.program.name} "
                f"takes {', '.join(sources) or 'no arrays'} and {', '.join(names) or 'no scalars'}"
            )
        for source, vector, numbers in zip(sources, vectors, self._columns, strict=True):
            _require_floating(source, vector)
            if vector.ndim == 0 or vector.shape[-1] != len(numbers):
                raise EvaluationError(
                    f"{source} has shape {tuple(vector.shape)}; its last axis must have length "
                    f"{len(numbers)}, for {', '.join(self.program.inputs[i].name for i in numbers)}"
                )
        given = [_scalar(name, value) for name, value in zip(names, scalars, strict=True)]
        large = [*vectors, *(v for v in given if isinstance(v, Tensor) and v.ndim)]
        if not torch.compiler.is_compiling():
            _require_fitting(vectors, given)
        dtype = _dtype(large or [v for v in given if isinstance(v, Tensor)])
        return [_to(v, dtype) for v in vectors], [_to(v, dtype) for v in given]

    def _usual(self, vectors: Sequence[Any], scalars: Sequence[Any]) -> bool:
        """Whether this is the usual call: one tensor, and numbers for the parameters."""
        if len(vectors) != 1 or len(self._columns) != 1 or len(scalars) != len(self._needs_tensor):
            return False
        for value in scalars:
            if type(value) is not float:
                return False
        points = vectors[0]
        return (
            type(points) is Tensor
            and points.dtype in FLOATS
            and points.layout is torch.strided
            and not points.is_nested
            and points.ndim > 0
            and points.shape[-1] == self._width
        )


def _first(scalars: Sequence[Any]) -> Tensor:
    for value in scalars:
        if isinstance(value, Tensor):
            return value
    return torch.empty(())


def _require_floating(name: str, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise EvaluationError(
            f"{name} is a {type(value).__name__}; the torch backend takes tensors "
            "(torch.as_tensor makes one)"
        )
    if value.is_nested or value.layout is not torch.strided:
        kind = "a nested tensor" if value.is_nested else str(value.layout).removeprefix("torch.")
        raise EvaluationError(
            f"{name} is {kind}; the torch backend takes dense tensors, all rows of one length: "
            + (f"pad it, or call once for each part of {name}" if value.is_nested else "")
            + ("" if value.is_nested else f"{name}.to_dense() converts")
        )
    if value.dtype not in FLOATS:
        raise EvaluationError(
            f"{name} has dtype {value.dtype}; the torch backend takes float64 or float32, because "
            f"curvature cancels too much for less: {name}.double() converts"
        )


def _scalar(name: str, value: Any) -> Tensor | float:
    if isinstance(value, Tensor):
        _require_floating(name, value)
        return value
    if isinstance(value, float | int):
        return value
    if isinstance(value, Real):
        return float(value)
    raise EvaluationError(f"{name} is {value!r}; give a number or a tensor")


def _require_fitting(vectors: Sequence[Tensor], scalars: Sequence[Tensor | float]) -> None:
    """Refuse shapes that do not broadcast, and tensors of several devices."""
    large = [*vectors, *(s for s in scalars if isinstance(s, Tensor) and s.ndim)]
    devices = {tensor.device for tensor in large}
    if len(devices) > 1:
        raise EvaluationError(
            f"the arguments are on several devices, {', '.join(sorted(map(str, devices)))}; move "
            "them to one with .to(device)"
        )
    shapes = [v.shape[:-1] for v in vectors]
    shapes += [s.shape for s in scalars if isinstance(s, Tensor)]
    try:
        torch.broadcast_shapes(*shapes)
    except RuntimeError:
        given = ", ".join(str(tuple(shape)) for shape in shapes)
        raise EvaluationError(f"the leading dimensions {given} do not broadcast") from None


def _dtype(tensors: Sequence[Tensor]) -> torch.dtype:
    double = any(t.dtype == torch.float64 for t in tensors)
    return torch.float64 if double else torch.float32 if tensors else torch.get_default_dtype()


def _to(value: Any, dtype: torch.dtype) -> Any:
    return value.to(dtype) if isinstance(value, Tensor) and value.dtype != dtype else value


def _in_memory(arguments: Sequence[Tensor | float]) -> bool:
    """Whether these are tensors whose numbers are in memory here."""
    tensors = [a for a in arguments if isinstance(a, Tensor)]
    return all(a.is_cpu and type(a) in (Tensor, torch.nn.Parameter) for a in tensors)


def _traced() -> bool:
    """Whether somebody records the operations of torch that are done."""
    return bool(torch._C._len_torch_dispatch_stack() or torch._C._is_tracing())


def build(program: Program, *, cache: bool = True, fast: bool = True) -> TorchCode:
    """Generate the torch code of a program.

    Args:
        program: the program.
        cache: whether the text is kept in the cache folder.
        fast: whether float64 and float32 tensors on the CPU may go through numba kernels, outside
            of torch.compile and torch.export.

    Returns:
        The code.

    Raises:
        LoweringError: torch lacks a function that the program uses.

    Example:
        >>> import torch
        >>> from geomkit.program import Builder
        >>> b = Builder("area")
        >>> r = b.input("r", "coordinate", "points", 0)
        >>> code = build(b.scalar("area", b.mul(b.constant("pi"), b.mul(r, r))).finish())
        >>> points = torch.tensor([[1.0], [2.0]], dtype=torch.float64, requires_grad=True)
        >>> code.packed([points], []).sum().backward()
        >>> points.grad / torch.pi
        tensor([[2.],
                [4.]], dtype=torch.float64)
    """
    return TorchCode(program, cache=cache, fast=fast)


def _rebuild(program: Mapping[str, Any], cache: bool, fast: bool) -> TorchCode:
    return TorchCode(Program.from_dict(program), cache=cache, fast=fast)
