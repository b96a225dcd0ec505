"""From a configuration and data to a model, its loss and its optimiser."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ndm.charts import CoordinateMap, Pad, coordinate_map
from ndm.config import LossConfig, MetricConfig, ModelConfig, OptimiserConfig
from ndm.data import Data
from ndm.errors import ConfigError, NdmError
from ndm.heads import Head, LinearHead, PrototypeHead
from ndm.losses import (
    LossTerms,
    consistency_loss,
    curvature_penalty,
    fisher_match_loss,
    volume_penalty,
)
from ndm.metric_net import MetricNet
from ndm.model import NDM
from ndm.natural_gradient import LevenbergMarquardt, NaturalGradient

__all__ = ["build_loss", "build_model", "build_optimiser", "likelihood", "task_loss"]

_ALTERNATING = ("affine_coupling", "spline")  # these leave half of the coordinates as they are
_LR = {"adam": 1e-3, "sgd": 1e-2, "natural": 1.0, "kfac": 1.0}


def build_model(config: ModelConfig, data: Data) -> NDM:
    """A model for data, with parameters from torch's random numbers.

    Charts that are wider than the data get them padded. Successive couplings change different
    halves of the coordinates. A density has no head: the model's `log_prob` is what it learns.

    Args:
        config: charts, metric, head.
        data: their dimension, and what is predicted.

    Returns:
        The model.

    Raises:
        ConfigError: a part does not fit the data or another part; the key is in the message.

    Example:
        >>> from ndm.config import DataConfig
        >>> from ndm.data import load
        >>> _ = torch.manual_seed(0)
        >>> model = build_model(ModelConfig(layers=3), load(DataConfig(name="moons", samples=60)))
        >>> len(model.layers), model.head.linear.out_features
        (3, 2)
    """
    n, width = data.dimension, config.width or data.dimension
    if width < n:
        raise ConfigError(
            f"charts of {width} coordinates cannot hold data of {n}",
            key="model.width",
            remedy=f"give {n} or more, or reduce the data by data.components",
        )
    if width > n and data.task == "density":
        raise ConfigError(
            "padded data fill no volume, and have no density",
            key="model.width",
            remedy=f"give {n}, or leave it out",
        )
    maps = [_map(config, width, k) for k in range(config.layers)]
    metric = _metrics(config, width)
    pad = Pad(n, width) if width > n else None
    head = _head(config, width, data)
    return NDM(maps, head, metric, tie=config.tie, pad=pad)


def _map(config: ModelConfig, n: int, number: int) -> CoordinateMap:
    options = dict(config.map_options)
    if config.map in _ALTERNATING:
        options.setdefault("parity", number % 2)
    if isinstance(options.get("hidden"), list):
        options["hidden"] = tuple(options["hidden"])
    try:
        return coordinate_map(config.map, n, **options)
    except ConfigError as error:
        key = "model.map" if error.key == "kind" else f"model.map_options.{error.key}"
        raise ConfigError(error.message, key=key, remedy=error.remedy) from error
    except (NdmError, TypeError, ValueError) as error:
        raise ConfigError(str(error), key="model.map") from error


def _metrics(config: ModelConfig, n: int) -> MetricNet | list[MetricNet] | None:
    if config.metric is None:
        return None
    if config.tie == "pullback" or config.share_metric:
        return _metric(config.metric, n)
    return [_metric(config.metric, n) for _ in range(config.layers)]


def _metric(config: MetricConfig, n: int) -> MetricNet:
    options: dict[str, Any] = config.model_dump()
    if config.family == "lowrank" and config.rank > n:
        raise ConfigError(f"rank {config.rank} is above dimension {n}", key="model.metric.rank")
    try:
        return MetricNet(n, options.pop("family"), options.pop("hidden"), **options)
    except NdmError as error:
        raise ConfigError(str(error), key="model.metric") from error


def _head(config: ModelConfig, n: int, data: Data) -> Head | None:
    kind = config.head.kind or ("density" if data.task == "density" else "linear")
    if (kind == "density") != (data.task == "density"):
        raise ConfigError(
            f"{kind!r} was given for a task of {data.task}",
            key="model.head.kind",
            remedy="leave it out, or set data.task",
        )
    if kind == "prototype" and data.task != "classification":
        raise ConfigError(
            f"prototypes tell classes apart, and the task is {data.task}",
            key="model.head.kind",
            remedy="write linear, or set data.task: classification",
        )
    if kind == "density":
        return None
    if kind == "linear":
        return LinearHead(n, data.outputs)
    return PrototypeHead(n, data.outputs, temperature=config.head.temperature, at=config.head.at)


def likelihood(task: str) -> str:
    """The distribution whose parameters a model's outputs are: "categorical" or "normal".

    Args:
        task: "classification", or another.

    Returns:
        Its name in `ndm.fisher`.
    """
    return "categorical" if task == "classification" else "normal"


def task_loss(model: NDM, x: Tensor, y: Tensor, task: str) -> Tensor:
    """What the task asks for.

    Args:
        model: with a head for the task.
        x: (N, n).
        y: (N,) class numbers, or (N, k); not looked at for a density.
        task: "classification" (cross-entropy), "regression" (mean square of the difference, by
            components), or "density" (-mean log density, with respect to the data's coordinates).

    Returns:
        A number.
    """
    if task == "density":
        return -model.log_prob(x).mean()
    if task == "classification":
        return functional.cross_entropy(model(x), y)
    return functional.mse_loss(model(x), y)


def build_loss(
    model: NDM,
    x: Tensor,
    y: Tensor,
    *,
    config: LossConfig,
    task: str,
    generator: torch.Generator | None = None,
) -> LossTerms:
    """The terms of the loss at a batch; those of weight 0 are not computed.

    Args:
        model: the model.
        x: (N, n).
        y: targets.
        config: weights and kinds.
        task: see `task_loss`.
        generator: of the choice of points for curvature, on the device of x.

    Returns:
        The terms.

    Example:
        >>> from ndm.config import DataConfig
        >>> from ndm.data import load
        >>> _ = torch.manual_seed(0)
        >>> data = load(DataConfig(name="moons", samples=60))
        >>> model = build_model(ModelConfig(), data).double()
        >>> x, y = map(torch.as_tensor, data.train)
        >>> terms = build_loss(model, x, y, config=LossConfig(), task=data.task)
        >>> sorted(terms.items())
        ['curvature', 'task', 'volume']
    """
    parts: dict[str, Tensor] = {"task": task_loss(model, x, y, task)}
    curved = config.curvature > 0 and model.dimension > 1  # a line has no curvature
    if model.has_metric and (curved or config.volume):
        found = model.geometry(x, points=config.points, generator=generator, curvature=curved)
        if curved:
            parts["curvature"] = curvature_penalty(
                found.scalar_curvature,
                config.curvature_kind,
                log_volume=found.log_volume if config.normalise else None,
                dimension=model.dimension,
            )
        if config.volume:
            kind = config.volume_kind
            parts["volume"] = volume_penalty(found.log_volume, kind, model.dimension)
    if config.consistency:
        parts["consistency"] = consistency_loss(model, x)
    if config.fisher:
        parts["fisher"] = fisher_match_loss(model, x, likelihood=likelihood(task))
    names = ("curvature", "volume", "consistency", "fisher")
    return LossTerms(**parts, weights={name: getattr(config, name) for name in names})


def build_optimiser(config: OptimiserConfig, model: NDM, task: str) -> torch.optim.Optimizer:
    """The optimiser of a model's parameters.

    Args:
        config: which, and how.
        model: the model.
        task: of the data: it says what Fisher information is.

    Returns:
        The optimiser; natural gradients adapt their damping, and need a closure.

    Raises:
        ConfigError: a natural gradient that this task does not have.
    """
    lr = config.lr or _LR[config.kind]
    if config.kind in ("natural", "kfac"):
        return _natural(config, model, task, lr)
    if config.kind == "sgd":
        return torch.optim.SGD(model.parameters(), lr=lr, weight_decay=config.weight_decay)
    return torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=config.weight_decay)


def _natural(config: OptimiserConfig, model: NDM, task: str, lr: float) -> torch.optim.Optimizer:
    if config.weight_decay:
        warnings.warn("weight decay is for adam and sgd; it is left out", stacklevel=3)
    w_metric = config.w_metric if model.has_metric else 0.0
    w_fisher = 0.0 if model.head is None else config.w_fisher
    if not (w_metric or w_fisher):
        raise ConfigError(
            f"a natural gradient needs the outputs' Fisher information (which a task of {task} "
            "may lack) or a metric, and both are absent or have weight 0",
            key="optimiser.kind",
            remedy="write adam, or give the model a metric",
        )
    return NaturalGradient(
        model,
        lr,
        solver="cg" if config.kind == "natural" else "kfac",
        damping=LevenbergMarquardt(config.damping),
        w_metric=w_metric,
        w_fisher=w_fisher,
        likelihood=likelihood(task),
    )
