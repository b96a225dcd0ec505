"""Tensors on a chart: index positions, symmetric storage, algebra and display."""

from __future__ import annotations

from geomkit.tensor.algebra import same_metric
from geomkit.tensor.model import Tensor

__all__ = ["Tensor", "same_metric"]
