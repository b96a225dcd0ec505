"""Rank statistics: how well numbers separate two groups, or order things as others do."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ndm.errors import DataError

__all__ = ["auc", "ranks", "spearman"]


def ranks(values: Tensor) -> Tensor:
    """Ranks from 1 to N; equal values share the mean of theirs.

    Args:
        values: (N,).

    Returns:
        (N,).

    Example:
        >>> ranks(torch.tensor([3.0, 1.0, 3.0]))
        tensor([2.5000, 1.0000, 2.5000], dtype=torch.float64)
    """
    order = values.sort().values
    low = torch.searchsorted(order, values.contiguous())
    high = torch.searchsorted(order, values.contiguous(), right=True)
    return (low + high + 1).double() / 2


def auc(values: Tensor, labels: Tensor) -> float:
    """Chance that a point of label 1 has a larger value than one of label 0 (ties count half).

    Args:
        values: (N,).
        labels: (N,), 0 and 1, or booleans.

    Returns:
        A number from 0 to 1, 1/2 for values that tell nothing; nan if there is only one label.

    Raises:
        DataError: labels that are neither 0 nor 1, or shapes that differ.

    Example:
        >>> auc(torch.tensor([0.1, 0.4, 0.35, 0.8]), torch.tensor([0, 0, 1, 1]))
        0.75
    """
    _checked(values, labels)
    if not bool(((labels == 0) | (labels == 1)).all()):
        raise DataError("labels of an AUC must be 0 or 1; say which group is meant: labels == k")
    ones = labels.bool()
    positive, negative = int(ones.sum()), int((~ones).sum())
    if positive == 0 or negative == 0:
        return math.nan
    total = float(ranks(values)[ones].sum())
    return (total - positive * (positive + 1) / 2) / (positive * negative)


def spearman(values: Tensor, targets: Tensor) -> float:
    """Spearman's rank correlation.

    Args:
        values: (N,).
        targets: (N,).

    Returns:
        A number from -1 to 1; nan where one of the two does not vary.

    Example:
        >>> round(spearman(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 8.0, 27.0])), 12)
        1.0
    """
    _checked(values, targets)
    a, b = ranks(values), ranks(targets)
    a, b = a - a.mean(), b - b.mean()
    size = float((a.square().sum() * b.square().sum()).sqrt())
    return float((a * b).sum()) / size if size > 0 else math.nan


def _checked(values: Tensor, targets: Tensor) -> None:
    if values.ndim != 1 or values.shape != targets.shape:
        raise DataError(
            f"values of shape {tuple(values.shape)} and targets of shape {tuple(targets.shape)} "
            "were given; needed are two of shape (N,)"
        )
    if not bool(torch.isfinite(values.double()).all()):
        raise DataError("values that are not finite cannot be ranked; leave them out")
