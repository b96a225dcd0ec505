"""Null controls: what an untrained metric, and shuffled labels, say about the same question.

The curvature of a metric that never saw a datum correlates with the decision margin of a trained
network, because the charts are trained. So a statement on learned geometry is worth what it says
beyond an untrained metric in the same charts.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ndm.analysis.geodesics import connect
from ndm.analysis.ranks import auc, spearman
from ndm.errors import DataError, ModelError
from ndm.field import MetricField
from ndm.geometry import ConstantMetric
from ndm.jets import SmoothMLP
from ndm.metric_net import MetricNet
from ndm.model import NDM

__all__ = [
    "STATISTICS",
    "Controlled",
    "Measure",
    "Statistic",
    "controlled",
    "curvature_size",
    "field_of",
    "geodesic_length",
    "log_volume",
    "untrained",
]

Measure = Callable[[nn.Module, Tensor], Tensor]
Statistic = Callable[[Tensor, Tensor], float]

# name -> the function, and what it gives for values that tell nothing
STATISTICS: dict[str, tuple[Statistic, float]] = {"auc": (auc, 0.5), "spearman": (spearman, 0.0)}


@dataclass(frozen=True)
class Controlled:
    """A statistic of a trained model beside its controls.

    Attributes:
        statistic: its name.
        chance: what it is for values that tell nothing.
        trained: its value for the model.
        trained_interval: bootstrap interval of that, over points.
        untrained: (K,), its values for K freshly initialised metrics in the same charts.
        shuffled: (S,), its values for the model with shuffled labels.
        effect: how much farther from chance it is than untrained ones on average,
            |trained - chance| - mean |untrained - chance|: a metric that was never trained points
            up or down by luck, and counts as much either way.
        effect_interval: bootstrap interval of the effect, over points and initialisations.
        p_untrained: (1 + how many untrained metrics were as far from chance) / (1 + K).
        p_shuffled: the same for shuffled labels.
        level: of the intervals.
        points: how many points were used.
        dropped: how many were not, because a measure was not finite there.
    """

    statistic: str
    chance: float
    trained: float
    trained_interval: tuple[float, float]
    untrained: Tensor
    shuffled: Tensor
    effect: float
    effect_interval: tuple[float, float]
    p_untrained: float
    p_shuffled: float
    level: float
    points: int
    dropped: int

    @property
    def supported(self) -> bool:
        """Whether training the metric, and nothing else, makes the claim.

        The model has to be farther from chance than nearly all untrained metrics and shuffled
        labels are, and the interval of the effect to be above 0. A metric that was never trained
        is one of the untrained, and so passes with a chance of at most 1 - level; with fewer than
        1/(1 - level) - 1 of them (19 for 95 %) nothing can pass.
        """
        limit = 1 - self.level + 1e-9  # 1/20 <= 1 - 0.95 in spite of rounding
        return self.effect_interval[0] > 0 and max(self.p_untrained, self.p_shuffled) <= limit

    def __str__(self) -> str:
        """Both, the effect, and the verdict."""
        low, high = self.effect_interval
        verdict = "supported" if self.supported else "not supported beyond the controls"
        return (
            f"{self.statistic}: trained {self.trained:.3f}, untrained metric "
            f"{self.untrained.mean().item():.3f} (of {len(self.untrained)}, p = "
            f"{self.p_untrained:.3f}), shuffled labels {self.shuffled.mean().item():.3f} "
            f"(p = {self.p_shuffled:.3f}); effect "
            f"{self.effect:+.3f} [{low:+.3f}, {high:+.3f}] on {self.points} points: {verdict}"
        )


def untrained(model: nn.Module, seed: int = 0, *, spread: float = 0.1) -> nn.Module:
    """A copy of a model with metrics as they were before training, and everything else as it is.

    Args:
        model: an NDM, or a metric field.
        seed: of the new metrics.
        spread: see `MetricNet`.

    Returns:
        The copy.

    Raises:
        ModelError: there is no metric in it that has been learned.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> x = torch.ones(1, 2)
        >>> net = MetricNet(2)
        >>> bool(torch.equal(untrained(net, seed=1)(x), net(x)))
        False
    """
    made = copy.deepcopy(model)
    found = [m for m in made.modules() if isinstance(m, MetricNet | ConstantMetric)]
    found = [m for m in found if any(True for _ in m.parameters())]
    if not found:
        raise ModelError(
            "no MetricNet and no learned ConstantMetric is in this model: there is nothing to "
            "initialise afresh, and no untrained control"
        )
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for metric in found:
            if isinstance(metric, ConstantMetric):
                metric.factor.copy_(torch.eye(metric.dimension))
            else:
                _initialise(metric.net, spread)
    return made


def controlled(
    model: nn.Module,
    measure: Measure,
    x: Tensor,
    labels: Tensor,
    statistic: str = "auc",
    *,
    controls: int = 19,
    shuffles: int = 200,
    resamples: int = 400,
    level: float = 0.95,
    seed: int = 0,
    spread: float = 0.1,
) -> Controlled:
    """A statistic of a measure against labels, with its controls, in one call.

    Args:
        model: an NDM, or a metric field.
        measure: numbers (N,) of a model and points; `curvature_size`, `log_volume`,
            `geodesic_length` (of pairs), or one of your own.
        x: (N, ...), points.
        labels: (N,), 0 and 1 for "auc", numbers for "spearman".
        statistic: "auc" or "spearman".
        controls: untrained metrics; 19 at least for a verdict at 95 %.
        shuffles: permutations of the labels.
        resamples: of the bootstrap.
        level: of the intervals.
        seed: of all random numbers.
        spread: of untrained metrics, see `MetricNet`.

    Returns:
        All of it.

    Raises:
        ModelError: nothing in the model can be initialised afresh.
        DataError: an unknown statistic, numbers that cannot be used, or too few points.
    """
    _check(statistic, controls, shuffles, resamples, level)
    compute, chance = STATISTICS[statistic]
    values, labels, good = _measured(model, measure, x, labels, controls, seed, spread)
    trained = compute(values[0], labels) if len(labels) > 1 else math.nan
    if math.isnan(trained):
        left = f"{int(good.sum())} of {len(x)} points are left, with labels or values that"
        raise DataError(f"{left} do not vary: nothing can be compared")
    fresh = torch.tensor([compute(row, labels) for row in values[1:]]).nan_to_num(chance)
    generator = torch.Generator().manual_seed(seed)
    shuffled = _shuffled(compute, values[0], labels, shuffles, generator)
    draws = _bootstrap(compute, values, labels, resamples, chance, generator)
    return Controlled(
        statistic=statistic,
        chance=chance,
        trained=trained,
        trained_interval=_interval(draws[:, 0], level),
        untrained=fresh,
        shuffled=shuffled,
        effect=abs(trained - chance) - float((fresh - chance).abs().mean()),
        effect_interval=_interval(draws[:, 1], level),
        p_untrained=_p_value(fresh, trained, chance),
        p_shuffled=_p_value(shuffled, trained, chance),
        level=level,
        points=int(good.sum()),
        dropped=int((~good).sum()),
    )


def _check(statistic: str, controls: int, shuffles: int, resamples: int, level: float) -> None:
    if statistic not in STATISTICS:
        raise DataError(f"statistic {statistic!r} is not known; choose one of {[*STATISTICS]}")
    if min(controls, shuffles, resamples) < 1 or not 0 < level < 1:
        raise DataError("controls, shuffles and resamples must be positive, level between 0 and 1")


def _measured(
    model: nn.Module,
    measure: Measure,
    x: Tensor,
    labels: Tensor,
    controls: int,
    seed: int,
    spread: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Values (1 + K, M) of the model and its controls, and labels, where all are finite; where."""
    if len(labels) != len(x):
        raise DataError(f"{len(x)} points and {len(labels)} labels were given")
    wide, x = copy.deepcopy(model).double(), x.double()
    models = [wide, *(untrained(wide, seed + k, spread=spread) for k in range(controls))]
    with torch.no_grad():
        values = torch.stack([measure(one, x) for one in models])
    if values.shape != (controls + 1, len(x)):
        raise DataError(f"the measure gave {tuple(values.shape[1:])} for {len(x)} points")
    good = torch.isfinite(values).all(0)
    return values[:, good], labels[good], good


def field_of(model: nn.Module) -> MetricField:
    """The metric in the coordinates of the data: of an NDM, or a field itself.

    Args:
        model: an NDM or a metric field.

    Returns:
        The field.

    Raises:
        ModelError: it is neither.
    """
    if isinstance(model, NDM):
        return model.field(0)
    if isinstance(model, MetricField):
        return model
    raise ModelError(f"{type(model).__name__} is neither an NDM nor a metric field")


def curvature_size(model: nn.Module, x: Tensor) -> Tensor:
    """|R| at points, (N,)."""
    return field_of(model).scalar_curvature(x).abs()


def log_volume(model: nn.Module, x: Tensor) -> Tensor:
    """Log sqrt(det g) at points in the coordinates of the data, (N,)."""
    return field_of(model).log_volume(x)


def geodesic_length(model: nn.Module, pairs: Tensor) -> Tensor:
    """Geodesic distances of pairs (N, 2, n), (N,); nan where nothing converged."""
    return connect(field_of(model), pairs[:, 0], pairs[:, 1]).distance


def _initialise(net: SmoothMLP, spread: float) -> None:
    for layer in net.layers:
        layer.reset_parameters()
    last = net.layers[-1]
    nn.init.normal_(last.weight, std=spread / math.sqrt(last.in_features))
    nn.init.zeros_(last.bias)


def _order(count: int, generator: torch.Generator, like: Tensor) -> Tensor:
    return torch.randperm(count, generator=generator).to(like.device)


def _shuffled(
    compute: Statistic, values: Tensor, labels: Tensor, count: int, generator: torch.Generator
) -> Tensor:
    orders = [_order(len(labels), generator, labels) for _ in range(count)]
    return torch.tensor([compute(values, labels[order]) for order in orders])


def _bootstrap(
    compute: Statistic,
    values: Tensor,
    labels: Tensor,
    resamples: int,
    chance: float,
    generator: torch.Generator,
) -> Tensor:
    """Pairs (trained, effect) for points and initialisations drawn with replacement."""
    rows, count = values.shape
    draws = []
    for _ in range(resamples):
        chosen = torch.randint(count, (count,), generator=generator).to(values.device)
        seeds = 1 + torch.randint(rows - 1, (rows - 1,), generator=generator)
        each = torch.tensor([compute(row[chosen], labels[chosen]) for row in values])
        strength = (each - chance).abs()
        effect = strength[0] - strength[seeds].nan_to_num(0.0).mean()
        draws.append(torch.stack([each[0], effect]))
    return torch.stack(draws)


def _p_value(null: Tensor, found: float, chance: float) -> float:
    extreme = (null - chance).abs() >= abs(found - chance)
    return (1 + int(extreme.sum())) / (1 + len(null))


def _interval(draws: Tensor, level: float) -> tuple[float, float]:
    ends = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=draws.dtype)
    low, high = torch.nanquantile(draws, ends).tolist()
    return low, high
