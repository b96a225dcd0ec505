"""The torch paths of a family, for certificates: values and gradients of NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from ..arrays import Formula
from .function import plain_formula

__all__ = ["differentiated", "plain"]

Arrays = Sequence[np.ndarray[Any, Any]]


def differentiated(scalar: Callable[..., Any], arrays: Arrays) -> tuple[Any, list[Any]]:
    """Value of a function of tensors, and its gradient by autograd.

    Args:
        scalar: the function.
        arrays: its arguments.

    Returns:
        R and the gradients of its sum, as NumPy arrays.
    """
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    result = scalar(*tensors)
    slopes = torch.autograd.grad(result.sum(), tensors)
    return result.detach().numpy(), [slope.numpy() for slope in slopes]


def plain(formula: Formula, arrays: Arrays) -> tuple[Any, list[Any]]:
    """The same, of the formula in plain torch.

    Args:
        formula: which.
        arrays: its arguments.

    Returns:
        R and the gradients of its sum, as NumPy arrays.
    """
    return differentiated(plain_formula(formula), arrays)
