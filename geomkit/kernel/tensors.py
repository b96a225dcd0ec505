"""What a torch kernel is called with. Torch itself is not imported: tensors speak for themselves.

Nothing here looks at values, so that a call can be traced, exported, vmapped and compiled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from geomkit.errors import EvaluationError

from .arguments import Signature

__all__ = ["read_tensors"]


def read_tensors(
    signature: Signature, points: Any, arguments: Mapping[str, Any]
) -> tuple[list[Any], list[Any]]:
    """Check the arguments of a call on tensors.

    Args:
        signature: the arguments that the kernel needs.
        points: tensor (..., n).
        arguments: everything else, by name: tensors, or numbers for parameters.

    Returns:
        The array arguments, and the parameters and jets, in the order of the program.

    Raises:
        EvaluationError: something is missing, unknown or of the wrong shape.
    """
    points, arguments = signature.by_name(points, arguments)
    if not hasattr(points, "detach"):
        raise EvaluationError(
            f"points is a {type(points).__name__}; a torch kernel takes tensors "
            "(torch.from_numpy makes one), or compile with backend='numba'"
        )
    given = signature.named(arguments)
    vectors = [points, *(given[source] for source in signature.sources[1:])]
    for source, width, vector in zip(signature.sources, signature.widths, vectors, strict=True):
        if not hasattr(vector, "detach") or vector.ndim < 1 or vector.shape[-1] != width:
            shape = tuple(vector.shape) if hasattr(vector, "shape") else type(vector).__name__
            raise EvaluationError(
                f"{source} is {shape}; a tensor whose last axis has length {width} is needed"
            )
    if not any(callable(given[one.name]) for jets in signature.functions.values() for one in jets):
        return vectors, [given[name] for name in signature.names]
    columns: dict[str, Any] = {}
    for source, vector in zip(signature.sources, vectors, strict=True):
        for k, number in enumerate(signature.program.sources[source]):
            columns[signature.program.inputs[number].name] = vector[..., k]
    columns.update({name: given[name] for name in signature.names if not callable(given[name])})
    for jets in signature.functions.values():
        for one in jets:
            if callable(given[one.name]) and one.jet is not None:
                values = (columns[name] for name in one.jet.arguments)
                given[one.name] = given[one.name](*values, one.jet.orders)
    return vectors, [given[name] for name in signature.names]
