"""Unequal widths: how data of n coordinates enter a manifold of more.

An invertible map needs equal widths on both sides, so a network whose layers ask for several widths
has all its charts in the largest. `Pad` takes the data there by adding channels. It stands in front
of the first chart and is no `CoordinateMap`: it is injective, not invertible, and a curvature is
not carried over by it unchanged. What leaves the manifold at the other end (a head) is a readout of
any width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ndm.charts.base import checked_dimension
from ndm.errors import ModelError

__all__ = ["Pad"]


class Pad(nn.Module):
    """x (..., n) -> (x, c) (..., width), with c = 0 or a learned constant.

    An isometry onto its image: distances and volumes of the data are not changed.

    Args:
        n: number of coordinates of the data.
        width: number of coordinates of the charts, at least n.
        learned: whether the new channels hold learned constants instead of zeros.

    Attributes:
        dimension: n.
        width: width.

    Raises:
        ModelError: a width below n, or numbers that are no positive whole numbers.

    Example:
        >>> import torch
        >>> from ndm.charts import Pad
        >>> pad = Pad(2, 4)
        >>> y = pad(torch.tensor([1.0, 2.0]))
        >>> y.tolist(), pad.inverse(y).tolist()
        ([1.0, 2.0, 0.0, 0.0], [1.0, 2.0])
    """

    channels: Tensor

    def __init__(self, n: int, width: int, learned: bool = False) -> None:
        super().__init__()
        self.dimension = checked_dimension(n, "Pad")
        why = "a chart cannot be narrower than the data; take width >= n"
        self.width = checked_dimension(width, "Pad", least=n, why=why)
        start = torch.zeros(width - n)
        if learned:
            self.channels = nn.Parameter(start)
        else:
            self.register_buffer("channels", start, persistent=False)

    def extra_repr(self) -> str:
        """Widths and what the new channels hold."""
        learned = isinstance(self.channels, nn.Parameter)
        return f"{self.dimension} -> {self.width}, learned={learned}"

    def forward(self, x: Tensor) -> Tensor:
        """Adds the channels.

        Args:
            x: points (..., n).

        Returns:
            Points (..., width) of the same dtype, on the same device.

        Raises:
            ModelError: the last dimension is not n.
        """
        _check(x, self.dimension, "takes")
        channels = self.channels.to(x)
        return torch.cat((x, channels.expand(*x.shape[:-1], -1)), dim=-1)

    def inverse(self, y: Tensor) -> Tensor:
        """Drops the channels: the inverse on the image, a projection elsewhere (see `off`).

        Args:
            y: points (..., width).

        Returns:
            Points (..., n).

        Raises:
            ModelError: the last dimension is not the width.
        """
        _check(y, self.width, "gives")
        return y[..., : self.dimension]

    def off(self, y: Tensor) -> Tensor:
        """Distance of points from the image of the data space: 0 where `inverse` is exact.

        Args:
            y: points (..., width).

        Returns:
            Euclidean lengths (...,).

        Raises:
            ModelError: the last dimension is not the width.
        """
        _check(y, self.width, "gives")
        return torch.linalg.vector_norm(y[..., self.dimension :] - self.channels.to(y), dim=-1)


def _check(points: Tensor, n: int, verb: str) -> None:
    usable = isinstance(points, Tensor) and points.is_floating_point() and points.ndim > 0
    if not usable or points.shape[-1] != n:
        given = (
            f"{points.dtype} of shape {tuple(points.shape)}"
            if isinstance(points, Tensor)
            else type(points).__name__
        )
        raise ModelError(f"Pad {verb} floating point tensors of points (..., {n}), not {given}")
