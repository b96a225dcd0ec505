"""Nearest neighbours under a metric field: candidates that cost little, then geodesics.

Candidates are chosen in two steps: by Euclidean distance after whitening with the mean metric
(scikit-learn's tree), then by the Mahalanobis distance of the metrics at both ends. Geodesics put
those that are left in order. Recall against all points says what the choice has lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from ndm.analysis.geodesics import connect
from ndm.analysis.precision import doubled, paired
from ndm.errors import DataError
from ndm.field import MetricField, factored

__all__ = ["Neighbours", "nearest", "recall"]


@dataclass(frozen=True)
class Neighbours:
    """The nearest points of a set, for each query.

    Attributes:
        indices: (M, k), in the set, nearest first.
        distances: (M, k), geodesic; nan where no geodesic was found.
        lengths: (M, k), of the best curves found, upper bounds; by these they are ordered.
        converged: (M, k), whether the distance is that of a geodesic.
    """

    indices: Tensor
    distances: Tensor
    lengths: Tensor
    converged: Tensor

    def __str__(self) -> str:
        """One line."""
        m, k = self.indices.shape
        good = int(self.converged.sum())
        return f"{k} neighbours of {m} points, {good} of {m * k} distances by converged geodesics"


@torch.no_grad()
def nearest(
    field: MetricField,
    x: Tensor,
    k: int = 5,
    *,
    queries: Tensor | None = None,
    candidates: int | None = None,
    tolerance: float = 1e-4,
) -> Neighbours:
    """The k points of a set that are nearest to queries, by geodesic distance.

    Args:
        field: the metric.
        x: (N, n), the set.
        k: how many.
        queries: (M, n); by default the set itself, no point being its own neighbour.
        candidates: to how many points of the set geodesics are found, for each query; 4 k + 8 by
            default, all with N (brute force).
        tolerance: of geodesics, see `connect`.

    Returns:
        Indices and distances.

    Raises:
        DataError: there are fewer than k candidates, or the points have other shapes.

    Example:
        >>> from ndm.geometry import ConstantMetric
        >>> x = torch.tensor([[0.0, 0.0], [1.0, 0.0], [3.0, 0.0]])
        >>> nearest(ConstantMetric(2), x, 1).indices.flatten()
        tensor([1, 0, 1])
    """
    field = doubled(field)
    (x,) = paired(field, x)
    alone = queries is None
    (q,) = (x,) if queries is None else paired(field, queries)
    if x.ndim != 2 or q.ndim != 2:
        raise DataError(f"shapes {tuple(x.shape)} and {tuple(q.shape)} were given; need (N, n)")
    available = len(x) - alone
    count = min(4 * k + 8 if candidates is None else candidates, available)
    if k < 1 or count < k:
        raise DataError(
            f"k = {k} neighbours of {count} candidates were asked for, in a set of {len(x)} points"
        )
    chosen = _candidates(field, x, q, count, alone)
    found = connect(field, q[:, None].expand(-1, count, -1), x[chosen], tolerance=tolerance)
    order = torch.nan_to_num(found.length, nan=torch.inf).argsort(dim=-1, stable=True)[:, :k]
    return Neighbours(
        chosen.gather(1, order),
        found.distance.gather(1, order),
        found.length.gather(1, order),
        found.converged.gather(1, order),
    )


def recall(found: Neighbours, truth: Neighbours) -> float:
    """Which share of the true neighbours was found.

    Args:
        found: with few candidates.
        truth: with all (`candidates=N`), for the same queries and as many neighbours.

    Returns:
        A number from 0 to 1.

    Raises:
        DataError: results for other queries, or other numbers of neighbours.
    """
    if found.indices.shape != truth.indices.shape:
        raise DataError(
            f"indices of shapes {tuple(found.indices.shape)} and {tuple(truth.indices.shape)} "
            "cannot be compared"
        )
    same = found.indices[:, :, None] == truth.indices[:, None, :]
    return float(same.any(1).double().mean())


def _candidates(field: MetricField, x: Tensor, q: Tensor, count: int, alone: bool) -> Tensor:
    """Indices (M, count) of the points that are nearest in a cheaper sense."""
    pool = min(len(x), 4 * count + alone)
    g, h = field(x), field(q)
    white = factored(g.mean(0))
    tree = NearestNeighbors(n_neighbors=pool).fit((x @ white).cpu().numpy())
    rows = torch.as_tensor(tree.kneighbors((q @ white).cpu().numpy(), return_distance=False))
    rows = rows.to(x.device)
    away = x[rows] - q[:, None]
    both = 0.5 * (g[rows] + h[:, None])
    squares = (away * (both @ away[..., None])[..., 0]).sum(-1)
    if alone:
        own = rows == torch.arange(len(x), device=x.device)[:, None]
        squares = torch.where(own, torch.inf, squares)
    return rows.gather(1, squares.argsort(dim=-1, stable=True)[:, :count])
