"""What reads the last chart: outputs of a task, from coordinates and, where it helps, the metric.

A head is called with the coordinates y of the last chart and the metric field there. `LinearHead`
does not look at the metric; in `PrototypeHead` and `DensityHead` the metric has a job, so that a
task teaches it something.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ndm.errors import ModelError
from ndm.field import MetricField

__all__ = ["DensityHead", "Head", "LinearHead", "PrototypeHead"]


class Head(nn.Module):
    """Reads the last chart.

    Attributes:
        uses_metric: whether it needs a metric field.
    """

    uses_metric = False

    def forward(self, y: Tensor, field: MetricField | None = None) -> Tensor:
        """Outputs of coordinates.

        Args:
            y: (..., n), coordinates in the last chart.
            field: the metric in that chart.

        Returns:
            Outputs (..., outputs).
        """
        raise NotImplementedError(f"{type(self).__name__} gives no forward(y, field)")


class LinearHead(Head):
    """W y + b.

    Args:
        n: dimension.
        outputs: how many.

    Example:
        >>> LinearHead(3, 2)(torch.zeros(4, 3)).shape
        torch.Size([4, 2])
    """

    def __init__(self, n: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(n, outputs)

    def forward(self, y: Tensor, field: MetricField | None = None) -> Tensor:
        """See `Head`."""
        result: Tensor = self.linear(y)
        return result


class PrototypeHead(Head):
    """Logits -d(y, p_c)^2 / tau with the squared length of y - p_c under g, for each class c.

    Args:
        n: dimension.
        classes: how many prototypes p_c, learned.
        temperature: tau at the start; learned, and positive.
        at: where g is taken: "prototype" (one metric a class), or "point" (at y).

    Raises:
        ModelError: an unknown place, or a temperature that is not positive.

    Example:
        >>> from ndm.geometry import ConstantMetric
        >>> _ = torch.manual_seed(0)
        >>> head = PrototypeHead(2, 3)
        >>> logits = head(head.prototypes.detach(), ConstantMetric(2))
        >>> logits.argmax(-1)
        tensor([0, 1, 2])
    """

    uses_metric = True

    def __init__(
        self, n: int, classes: int, *, temperature: float = 1.0, at: str = "prototype"
    ) -> None:
        super().__init__()
        if at not in ("prototype", "point"):
            raise ModelError(f"at = {at!r} was given; choose 'prototype' or 'point'")
        if not temperature > 0:
            raise ModelError(f"temperature = {temperature} was given; it must be positive")
        self.at = at
        self.prototypes = nn.Parameter(torch.randn(classes, n))
        self.log_temperature = nn.Parameter(torch.tensor(math.log(temperature)))

    def forward(self, y: Tensor, field: MetricField | None = None) -> Tensor:
        """Logits.

        Args:
            y: (..., n).
            field: the metric.

        Returns:
            (..., classes).

        Raises:
            ModelError: there is no metric.
        """
        if field is None:
            raise ModelError("distances to prototypes need a metric; give the model one")
        away = y[..., None, :] - self.prototypes
        g = field(self.prototypes) if self.at == "prototype" else field(y)[..., None, :, :]
        squares = (away * (g @ away[..., None])[..., 0]).sum(-1)
        return -squares / self.log_temperature.exp()

    def extra_repr(self) -> str:
        """Sizes and place."""
        classes, n = self.prototypes.shape
        return f"n={n}, classes={classes}, at={self.at!r}"


class DensityHead(Head):
    """Log density of y with respect to the volume sqrt(det g) dy: log N(y; 0, 1) - log sqrt(det g).

    With the log-determinant of the maps it is the density of the data: see `NDM.log_prob`.

    Example:
        >>> from ndm.geometry import ConstantMetric
        >>> round(DensityHead()(torch.zeros(1, 2), ConstantMetric(2)).item(), 4)
        -1.8379
    """

    uses_metric = True

    def forward(self, y: Tensor, field: MetricField | None = None) -> Tensor:
        """Log density (...,), with respect to dy if there is no metric."""
        normal = -0.5 * (y * y).sum(-1) - 0.5 * y.shape[-1] * math.log(2 * math.pi)
        return normal if field is None else normal - field.log_volume(y)
