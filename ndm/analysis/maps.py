"""Maps of curvature and volume over two coordinates, and where a metric is flat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ndm.analysis.precision import doubled, paired
from ndm.errors import ModelError
from ndm.field import MetricField

__all__ = ["FlatRegions", "GeometryMap", "flat_regions", "geometry_map"]

_CHUNK = 4096


@dataclass(frozen=True)
class GeometryMap:
    """The geometry on a grid in a plane, in float64; nan where g is not positive definite.

    Attributes:
        u: (W,), the first coordinate in the plane.
        v: (H,), the second.
        points: (H, W, n), where the grid is.
        curvature: (H, W), R of the whole metric there, not of the plane in it.
        log_volume: (H, W), log sqrt(det g).
        condition: (H, W), condition number of g.
    """

    u: Tensor
    v: Tensor
    points: Tensor
    curvature: Tensor
    log_volume: Tensor
    condition: Tensor

    def __str__(self) -> str:
        """One line with ranges."""
        good = torch.isfinite(self.curvature)
        if not bool(good.any()):
            return "a map without a point where the metric is positive definite"
        r, w = self.curvature[good], self.log_volume[good]
        return (
            f"R from {r.min().item():.3g} to {r.max().item():.3g}, log volume from "
            f"{w.min().item():.3g} to {w.max().item():.3g} on {good.sum().item()} of "
            f"{good.numel()} points"
        )


@dataclass(frozen=True)
class FlatRegions:
    """Where a metric has little scalar curvature.

    Attributes:
        flat: (...,), whether |R| length^2 is at most the threshold.
        share: of the points.
        volume_share: of their volume, each point weighted by sqrt(det g).
        length: the length that |R| was compared with.
        threshold: what |R| length^2 was compared with.
    """

    flat: Tensor
    share: float
    volume_share: float
    length: float
    threshold: float

    def __str__(self) -> str:
        """One line."""
        return (
            f"flat (|R| L^2 <= {self.threshold:g} with L = {self.length:.3g}) at "
            f"{100 * self.share:.1f} % of the points, {100 * self.volume_share:.1f} % of the volume"
        )


@torch.no_grad()
def geometry_map(
    field: MetricField,
    bounds: Sequence[Sequence[float]],
    resolution: int = 48,
    *,
    origin: Tensor | None = None,
    directions: Tensor | None = None,
) -> GeometryMap:
    """Curvature, volume and condition number on a grid in a plane of the chart.

    Args:
        field: the metric.
        bounds: ((u0, u1), (v0, v1)).
        resolution: points along each side.
        origin: (n,), the point u = v = 0 of the plane; 0 by default.
        directions: (2, n), what u and v multiply; the first two coordinates by default.

    Returns:
        The map.

    Raises:
        ModelError: bounds, resolution or a plane that cannot be used.

    Example:
        >>> from ndm.geometry import ExactMetric
        >>> found = geometry_map(ExactMetric("hyperbolic_plane_half"), ((-1, 1), (1, 2)), 5)
        >>> found.curvature.round(decimals=9).unique()
        tensor([-2.], dtype=torch.float64)
    """
    (u0, u1), (v0, v1) = _checked(bounds, resolution)
    field, n = doubled(field), field.dimension
    if n < 2:
        raise ModelError("a map needs two coordinates; this metric has one")
    device = next((p.device for p in field.parameters()), torch.device("cpu"))
    eye = torch.eye(n, dtype=torch.float64, device=device)
    start = eye[0] * 0 if origin is None else origin
    plane = eye[:2] if directions is None else directions
    if start.shape != (n,) or plane.shape != (2, n):
        raise ModelError(
            f"an origin of shape {tuple(start.shape)} and directions of shape "
            f"{tuple(plane.shape)} were given; needed are {(n,)} and {(2, n)}"
        )
    start, plane = start.to(eye), plane.to(eye)
    if not bool(torch.linalg.matrix_rank(plane) == 2):
        raise ModelError("the two directions are parallel; a plane needs two that are not")
    u = torch.linspace(u0, u1, resolution, dtype=torch.float64, device=device)
    v = torch.linspace(v0, v1, resolution, dtype=torch.float64, device=device)
    points = start + u[None, :, None] * plane[0] + v[:, None, None] * plane[1]
    parts = [_figures(field, part) for part in points.reshape(-1, n).split(_CHUNK)]
    scalar, volume, condition = torch.cat(parts, 1).reshape(3, resolution, resolution)
    return GeometryMap(u, v, points, scalar, volume, condition)


@torch.no_grad()
def flat_regions(
    field: MetricField, x: Tensor, threshold: float = 0.1, *, length: float | None = None
) -> FlatRegions:
    """Where |R| L^2 is small: figures of size L look there as they do in a flat space.

    For n >= 3 R may vanish where the metric is curved; what is found is R = 0, no more.

    Args:
        field: the metric.
        x: (N, n), points, at least 2.
        threshold: of |R| L^2, which does not change when g is multiplied by a number.
        length: L; by default the spread of the points under g: the root of the mean of tr(g C)
            with the covariance C of the points.

    Returns:
        Which points, and their share.

    Raises:
        ModelError: too few points, or a threshold or length that is not positive.

    Example:
        >>> from ndm.geometry import ConstantMetric
        >>> flat_regions(ConstantMetric(2), torch.randn(9, 2)).share
        1.0
    """
    field = doubled(field)
    (x,) = paired(field, x)
    if x.ndim != 2 or len(x) < 2:
        raise ModelError(f"points of shape {tuple(x.shape)} were given; needed is (N >= 2, n)")
    if not threshold > 0 or (length is not None and not length > 0):
        raise ModelError(f"threshold={threshold}, length={length} were given; both are positive")
    scalar, volume, _ = torch.cat([_figures(field, part) for part in x.split(_CHUNK)], 1)
    if length is None:
        spread = torch.cov(x.mT, correction=0).reshape(field.dimension, field.dimension)
        length = float((field(x) * spread).sum((-1, -2)).mean().sqrt())
    flat = scalar.abs() * length**2 <= threshold  # False where R is nan
    weights = torch.softmax(torch.nan_to_num(volume, nan=-torch.inf), 0)
    return FlatRegions(
        flat, float(flat.double().mean()), float(weights[flat].sum()), length, threshold
    )


def _figures(field: MetricField, x: Tensor) -> Tensor:
    """R, log volume and condition number, (3, N); nan where g is not positive definite."""
    found = torch.full((3, len(x)), torch.nan, dtype=x.dtype, device=x.device)
    g = field(x)
    finite = torch.isfinite(g).all(-1).all(-1)
    good = finite.clone()
    good[finite] = torch.linalg.cholesky_ex(g[finite]).info == 0
    if bool(good.any()):
        values = torch.linalg.eigvalsh(g[good])
        found[0, good] = field.scalar_curvature(x[good])
        found[1, good] = field.log_volume(x[good])
        found[2, good] = values[:, -1] / values[:, 0]
    return found


def _checked(bounds: Sequence[Sequence[float]], resolution: int) -> Sequence[Sequence[float]]:
    if resolution < 2:
        raise ModelError(f"resolution = {resolution} was given; 2 is the least")
    if len(bounds) != 2 or any(len(b) != 2 or not b[0] < b[1] for b in bounds):
        raise ModelError(f"bounds {bounds} were given; needed is ((u0, u1), (v0, v1)), u0 < u1")
    return bounds
