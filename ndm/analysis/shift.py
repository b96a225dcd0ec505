"""Scores of distribution shift: by likelihood, and by how a metric is distorted.

Each score is a number for each point, larger for points less like those of a training set; an AUC
says how well it separates points inside from points outside. Distortion compares metrics in the
coordinates of the data; it depends on these.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ndm.analysis.controls import Controlled, controlled, field_of
from ndm.analysis.ranks import auc
from ndm.errors import DataError
from ndm.field import factored, log_ratio
from ndm.model import NDM

__all__ = [
    "SCORES",
    "ShiftReport",
    "curvature_score",
    "gaussian_score",
    "likelihood_score",
    "metric_score",
    "shift_report",
    "volume_score",
]


@dataclass(frozen=True)
class ShiftReport:
    """How well scores tell points outside from points inside.

    Attributes:
        auc: by the name of a score; 1/2 is chance.
        controls: the scores that use the metric, with their untrained control.
        values: scores (M,) of all points, inside first, by name.
        outside: (M,), whether a point is outside.
    """

    auc: dict[str, float]
    controls: dict[str, Controlled]
    values: dict[str, Tensor]
    outside: Tensor

    def __str__(self) -> str:
        """A line for each score."""
        lines = [
            f"{name:<12} AUC {value:.3f}"
            + (f"  ({self.controls[name]})" if name in self.controls else "")
            for name, value in self.auc.items()
        ]
        return "\n".join(lines)


def likelihood_score(model: nn.Module, train: Tensor, x: Tensor) -> Tensor:
    """Minus the log density of the flow at points, `model.log_prob`.

    Args:
        model: an NDM.
        train: not used.
        x: (M, n).

    Returns:
        (M,).

    Raises:
        DataError: the model is no NDM: it has no density.
    """
    if not isinstance(model, NDM):
        raise DataError("a metric field alone has no density; give the NDM")
    return -model.log_prob(x)


def gaussian_score(model: nn.Module, train: Tensor, x: Tensor) -> Tensor:
    """Mahalanobis distance to the training set, which no model is needed for: a baseline."""
    middle = train.mean(0)
    spread = torch.cov(train.mT, correction=0).reshape(x.shape[-1], x.shape[-1])
    size = spread.diagonal().mean()
    factor = factored(spread + 1e-9 * size * torch.eye(x.shape[-1]).to(x))
    away = torch.linalg.solve_triangular(factor, (x - middle).mT, upper=False)
    return torch.linalg.vector_norm(away, dim=0)


def volume_score(model: nn.Module, train: Tensor, x: Tensor) -> Tensor:
    """|log sqrt(det g) - m|/s, with mean m and standard deviation s over the training set."""
    field = field_of(model)
    return _standard(field.log_volume(train), field.log_volume(x))


def curvature_score(model: nn.Module, train: Tensor, x: Tensor) -> Tensor:
    """|asinh R - m|/s, with mean m and standard deviation s over the training set."""
    field = field_of(model)
    inside, other = field.scalar_curvature(train), field.scalar_curvature(x)
    return _standard(inside.asinh(), other.asinh())


def metric_score(model: nn.Module, train: Tensor, x: Tensor) -> Tensor:
    """Distance of g from its log-Euclidean mean over the training set, by eigenvalues (log-ratio).

    Args:
        model: an NDM or a metric field.
        train: (N, n).
        x: (M, n).

    Returns:
        (M,).
    """
    field = field_of(model)
    values, vectors = torch.linalg.eigh(field(train))
    log = (vectors * values.log()[..., None, :]) @ vectors.mT
    values, vectors = torch.linalg.eigh(log.mean(0))
    middle = (vectors * values.exp()) @ vectors.mT
    return log_ratio(middle.expand(len(x), *middle.shape), field(x))


Score = Callable[[nn.Module, Tensor, Tensor], Tensor]

SCORES: dict[str, Score] = {
    "gaussian": gaussian_score,
    "likelihood": likelihood_score,
    "volume": volume_score,
    "metric": metric_score,
    "curvature": curvature_score,
}
_OF_METRIC = ("volume", "metric", "curvature")


@torch.no_grad()
def shift_report(
    model: nn.Module,
    train: Tensor,
    inside: Tensor,
    outside: Tensor,
    *,
    controls: int = 19,
    resamples: int = 200,
    seed: int = 0,
) -> ShiftReport:
    """All scores with their AUC; those of the metric with untrained metrics beside them.

    Args:
        model: an NDM; or a metric field, which has no likelihood.
        train: (N, n), what the model was trained on, at least 2 points.
        inside: (A, n), new points like these.
        outside: (B, n), points of another kind.
        controls: untrained metrics; 19 at least for a verdict at 95 %.
        resamples: of the bootstrap.
        seed: of all random numbers.

    Returns:
        The report.

    Raises:
        DataError: too few points.
    """
    if min(len(inside), len(outside)) < 1 or len(train) < 2:
        raise DataError("training points (2 or more), points inside and points outside are needed")
    train = train.double()
    x = torch.cat((inside, outside)).double()
    away = torch.arange(len(x), device=x.device) >= len(inside)
    found: dict[str, Controlled] = {}
    values: dict[str, Tensor] = {}
    areas: dict[str, float] = {}
    for name, score in SCORES.items():
        if name == "likelihood" and not isinstance(model, NDM):
            continue
        if name == "curvature" and x.shape[-1] == 1:
            continue  # R = 0
        kept: list[Tensor] = []

        def measure(
            one: nn.Module, y: Tensor, score: Score = score, kept: list[Tensor] = kept
        ) -> Tensor:
            kept.append(score(one, train, y))
            return kept[-1]

        if name in _OF_METRIC:
            found[name] = controlled(
                model, measure, x, away, controls=controls, resamples=resamples, seed=seed
            )
            areas[name] = found[name].trained
        else:
            areas[name] = auc(measure(copy.deepcopy(model).double(), x), away)
        values[name] = kept[0]  # the trained model comes first
    return ShiftReport(areas, found, values, away)


def _standard(train: Tensor, x: Tensor) -> Tensor:
    spread = train.std(correction=0).clamp_min(torch.finfo(train.dtype).tiny)
    return (x - train.mean()).abs() / spread
