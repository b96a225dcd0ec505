"""Analysis computes in double precision, whatever a model was trained in."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from ndm.errors import ModelError
from ndm.field import MetricField, check_points

__all__ = ["doubled", "paired"]


def doubled(field: MetricField) -> MetricField:
    """The field in float64: itself if it is, otherwise a copy.

    Args:
        field: a metric.

    Returns:
        A field whose parameters and buffers are all in float64.

    Raises:
        ModelError: something that is no metric field.

    Example:
        >>> from ndm.metric_net import MetricNet
        >>> next(doubled(MetricNet(2)).parameters()).dtype
        torch.float64
    """
    if not isinstance(field, MetricField):
        raise ModelError(f"{type(field).__name__} is no metric field; give model.field(0)")
    own = [*field.parameters(), *field.buffers()]
    if all(p.dtype == torch.float64 for p in own if p.is_floating_point()):
        return field
    wide: MetricField = copy.deepcopy(field).double()
    return wide


def paired(field: MetricField, *given: Tensor) -> tuple[Tensor, ...]:
    """Points (and vectors) in float64, checked, and broadcast against each other.

    Args:
        field: of which dimension they have to be.
        given: each (..., n).

    Returns:
        Tensors (..., n) of one shape.

    Raises:
        ModelError: they do not fit.
    """
    for x in given:
        check_points(x, field.dimension)
        if not bool(torch.isfinite(x).all()):
            raise ModelError("points or vectors that are not finite were given; leave them out")
    try:
        wide = torch.broadcast_tensors(*given)
    except RuntimeError as error:
        shapes = ", ".join(str(tuple(x.shape)) for x in given)
        raise ModelError(f"shapes {shapes} do not fit each other") from error
    wide = tuple(x.double() for x in wide)
    try:
        field(wide[0].reshape(-1, field.dimension)[:1])
    except RuntimeError as error:
        raise ModelError(
            f"the metric cannot be evaluated in float64: {error}; give model.field(chart), not "
            "the metric of a layer, and points on the device of the parameters"
        ) from error
    return wide
