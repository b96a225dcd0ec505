"""Figures of a model on a set of points: how well it does its task, and what its geometry is."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ndm.atlas import Geometry
from ndm.build import task_loss
from ndm.losses import metric_variation
from ndm.model import NDM

__all__ = ["evaluate", "geometry_figures", "task_figures"]

_CHUNK = 4096  # points at a time, so that memory does not grow with the data
_GEOMETRY = 512  # points at which geometry is looked at


def evaluate(model: NDM, x: Tensor, y: Tensor, task: str) -> dict[str, float]:
    """All figures, of the task and of the geometry, without gradients, in evaluation mode.

    Args:
        model: the model; its mode is as before afterwards.
        x: (N, n) points, N at least 1.
        y: targets.
        task: "classification", "regression" or "density".

    Returns:
        Numbers by name.
    """
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            found = task_figures(model, x.to(device), y.to(device), task)
            if model.has_metric:
                found |= geometry_figures(model, x[:_GEOMETRY].to(device))
    finally:
        model.train(training)
    return found


def task_figures(model: NDM, x: Tensor, y: Tensor, task: str) -> dict[str, float]:
    """The task's loss, and accuracy or R squared where there is such a thing.

    Args:
        model: the model.
        x: (N, n).
        y: targets.
        task: see `evaluate`.

    Returns:
        "task"; "accuracy" of a classification; "r_squared" of a regression, the share of the
        variance that is explained (nan where targets do not vary).
    """
    total, other = 0.0, 0.0
    for part, target in zip(x.split(_CHUNK), y.split(_CHUNK), strict=True):
        total += float(task_loss(model, part, target, task)) * len(part)
        if task == "classification":
            other += float((model(part).argmax(-1) == target).sum())
    found = {"task": total / len(x)}
    if task == "classification":
        found["accuracy"] = other / len(x)
    if task == "regression":
        spread = float(y.var(0, correction=0).mean())
        found["r_squared"] = 1 - found["task"] / spread if spread > 0 else math.nan
    return found


def geometry_figures(model: NDM, x: Tensor) -> dict[str, float]:
    """What the metric is like at points, in the chart it is given in.

    Args:
        model: with a metric.
        x: (N, n).

    Returns:
        "mean_curvature" (of R), "mean_curvature_squared" (E[R^2]), "log_volume_variance",
        "condition_number" (the largest; inf where rounding left no positive eigenvalue),
        "least_eigenvalue" and "metric_variation"; of several metrics the mean, but the largest
        condition number and the least eigenvalue.
    """
    found = _stacked(model.geometry(x))
    values = torch.linalg.eigvalsh(found.metric.double())
    least = values[..., 0]
    condition = torch.where(least > 0, values[..., -1] / least, torch.full_like(least, math.inf))
    scalar, log_volume = found.scalar_curvature.double(), found.log_volume.double()
    variation = torch.stack([metric_variation(g.double()) for g in found.metric])
    return {
        "mean_curvature": float(scalar.mean()),
        "mean_curvature_squared": float(scalar.square().mean()),
        "log_volume_variance": float(log_volume.var(-1, correction=0).mean()),
        "condition_number": float(condition.max()),
        "least_eigenvalue": float(least.min()),
        "metric_variation": float(variation.mean()),
    }


def _stacked(found: Geometry) -> Geometry:
    """With an axis for layers, if it has none."""
    if found.metric.ndim == 4:
        return found
    return Geometry(*(part[None] for part in found))
