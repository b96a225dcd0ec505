"""Charts and points of a manifold, and what is said about its geometry at points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

__all__ = ["Chart", "Compatibility", "Geometry", "Point"]


@dataclass(frozen=True)
class Point:
    """Points of the manifold, by their coordinates in all charts.

    Attributes:
        trace: L + 1 tensors (..., n).
    """

    trace: tuple[Tensor, ...]


@dataclass(frozen=True)
class Chart:
    """A chart of the manifold.

    Attributes:
        index: 0 is the input of the first layer, L the output of the last.
    """

    index: int

    def coords(self, point: Point) -> Tensor:
        """The coordinates (..., n) of points in this chart."""
        return point.trace[self.index]


class Geometry(NamedTuple):
    """Geometry at points, layer by layer first where layers have metrics of their own.

    Attributes:
        metric: (..., n, n), or (L, ..., n, n).
        scalar_curvature: (...,), or (L, ...): of some of the points, if few were asked for.
        log_volume: (...,), or (L, ...).
    """

    metric: Tensor
    scalar_curvature: Tensor
    log_volume: Tensor

    @property
    def volume(self) -> Tensor:
        """The volume element sqrt(det g)."""
        return self.log_volume.exp()


class Compatibility(NamedTuple):
    """How far the metrics of successive layers are from being one metric; all 0 for one manifold.

    Attributes:
        metric: (L - 1, ...), |g_i - J^T g_(i+1) J| / |g_i|, Frobenius.
        log_ratio: (L - 1, ...), root of the sum of log^2 of the eigenvalues of one against the
            other, a distance that does not depend on coordinates.
        curvature: (L - 1, ...), |R_i(x) - R_(i+1)(phi(x))|.
    """

    metric: Tensor
    log_ratio: Tensor
    curvature: Tensor
