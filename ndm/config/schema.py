"""The keys of a configuration: what each means, which values it takes, what is taken without it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "DataConfig",
    "HeadConfig",
    "LossConfig",
    "MetricConfig",
    "ModelConfig",
    "OptimiserConfig",
    "TrainConfig",
    "TrainerConfig",
]

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=10**9)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Activation = Literal["tanh", "softplus", "silu", "gelu"]
Family = Literal["full", "diagonal", "conformal", "lowrank"]


class _Strict(BaseModel):
    """No unknown keys, no silent conversions, no changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class DataConfig(_Strict):
    """Which data, and how they are prepared.

    Attributes:
        name: a data set of `ndm.data`, or "file".
        path: for "file": an .npz or .csv.
        target: for "file": the column or array that is to be predicted.
        task: "classification", "regression" or "density"; by default what the targets look like.
        samples: how many points, for data that are made.
        noise: of data that are made.
        validation: share of the data that is held out to stop by.
        test: share that is held out to report on.
        standardise: whether each coordinate is brought to mean 0 and variance 1 (of the training
            part).
        components: so many principal components, whitened, instead of the coordinates.
        seed: of what is random in the data and their split.
    """

    name: str
    path: str | None = None
    target: str | None = None
    task: Literal["classification", "regression", "density"] | None = None
    samples: Annotated[int, Field(ge=1, le=10**7)] = 1000
    noise: Weight = 0.1
    validation: Annotated[float, Field(gt=0, lt=0.9)] = 0.15
    test: Annotated[float, Field(ge=0, lt=0.9)] = 0.15
    standardise: bool = True
    components: Count | None = None
    seed: Seed = 0


class MetricConfig(_Strict):
    """The metric net; see `ndm.metric_net.MetricNet`."""

    family: Family = "full"
    hidden: list[Count] = [32]
    activation: Activation = "tanh"
    eps: Annotated[float, Field(ge=0, lt=1)] = 1e-2
    spread: Positive = 0.1
    rank: Count = 2
    max_condition: Annotated[float, Field(gt=1)] | None = None


class HeadConfig(_Strict):
    """What reads the last chart; see `ndm.heads`.

    Attributes:
        kind: "linear", "prototype", or "density"; by default what the task needs.
        temperature: of "prototype", at the start.
        at: of "prototype": where the metric is taken, "prototype" or "point".
    """

    kind: Literal["linear", "prototype", "density"] | None = None
    temperature: Positive = 1.0
    at: Literal["prototype", "point"] = "prototype"


class ModelConfig(_Strict):
    """Charts, metric and head.

    Attributes:
        layers: number of coordinate maps.
        map: their kind; see `ndm.charts.coordinate_map`.
        map_options: their options.
        width: number of coordinates of the charts; that of the data by default.
        tie: "pullback" (one metric) or "independent" (one for each layer).
        share_metric: with "independent": one net for all layers.
        metric: None for a network without geometry.
        head: what reads the last chart.
    """

    layers: Annotated[int, Field(ge=1, le=1000)] = 2
    map: str = "affine_coupling"
    map_options: dict[str, Any] = {}
    width: Count | None = None
    tie: Literal["pullback", "independent"] = "pullback"
    share_metric: bool = False
    metric: MetricConfig | None = MetricConfig()
    head: HeadConfig = HeadConfig()


class LossConfig(_Strict):
    """total = task + lambda geo + consistency + fisher; see `ndm.losses`.

    Attributes:
        lam: lambda; "auto" for a balance by the norms of gradients.
        auto_share: for "auto": of the geometric gradient in the task's.
        warm_up: steps over which lambda grows from 0.
        curvature: weight of the curvature penalty; 0 leaves curvature out.
        curvature_kind: "asinh" or "square" (the paper's).
        normalise: whether curvature is measured against volume, so that scale cannot cheat.
        volume: weight of the volume penalty.
        volume_kind: "variance" (the paper's), "log_variance", or "auto" by dimension.
        points: at how many points of each batch curvature is computed; all by default.
        consistency: weight of the consistency of independent metrics.
        fisher: weight of matching the metric with the output's Fisher information.
        variation_floor: a run is stopped when the metric varies less than this over the validation
            data, since it has then forgotten them; 0 lets it.
    """

    lam: Weight | Literal["auto"] = 1e-2
    auto_share: Positive = 0.1
    warm_up: Annotated[int, Field(ge=0)] = 100
    curvature: Weight = 1.0
    curvature_kind: Literal["asinh", "square"] = "asinh"
    normalise: bool = True
    volume: Weight = 1.0
    volume_kind: Literal["auto", "variance", "log_variance"] = "auto"
    points: Count | None = None
    consistency: Weight = 0.0
    fisher: Weight = 0.0
    variation_floor: Weight = 1e-3


class OptimiserConfig(_Strict):
    """How parameters move.

    Attributes:
        kind: "adam", "sgd", "natural" (conjugate gradients) or "kfac".
        lr: step size; by default 1e-3 for Adam, 1e-2 for SGD, 1 for the natural gradient.
        weight_decay: for Adam and SGD.
        damping: at the start, for the natural gradient.
        w_metric: weight of the learned metric in the natural gradient's matrix.
        w_fisher: weight of the output's Fisher information there.
    """

    kind: Literal["adam", "sgd", "natural", "kfac"] = "adam"
    lr: Positive | None = None
    weight_decay: Weight = 0.0
    damping: Positive = 1e-2
    w_metric: Weight = 1.0
    w_fisher: Weight = 1.0


class TrainerConfig(_Strict):
    """How long, how wide, on what.

    Attributes:
        epochs: at most so many.
        batch_size: of the training data.
        patience: epochs without a better validation loss before training stops.
        precision: of all numbers, 32 or 64 bits.
        accelerator: "auto", "cpu" or "gpu".
        devices: processes, one for each device.
        gradient_clip: largest norm of a gradient; none by default.
    """

    epochs: Count = 100
    batch_size: Count = 256
    patience: Count = 20
    precision: Literal[32, 64] = 32
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: Count = 1
    gradient_clip: Positive | None = None


class TrainConfig(_Strict):
    """A training run.

    Attributes:
        data: see `DataConfig`.
        model: see `ModelConfig`.
        loss: see `LossConfig`.
        optimiser: see `OptimiserConfig`.
        trainer: see `TrainerConfig`.
        seeds: one run for each.

    Example:
        >>> config = TrainConfig(data=DataConfig(name="moons"))
        >>> config.model.metric.family, config.seeds
        ('full', [0])
    """

    data: DataConfig
    model: ModelConfig = ModelConfig()
    loss: LossConfig = LossConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    trainer: TrainerConfig = TrainerConfig()
    seeds: Annotated[list[Seed], Field(min_length=1)] = [0]

    @model_validator(mode="after")
    def _fits(self) -> TrainConfig:
        if self.model.metric is None:
            wanted = [w for w in ("consistency", "fisher") if getattr(self.loss, w)]
            if self.model.head.kind == "prototype" or wanted:
                what = wanted[0] if wanted else "model.head.kind: prototype"
                raise ValueError(f"{what} needs a metric, and model.metric is null")
        if self.data.name == "file" and not self.data.path:
            raise ValueError("data.name is 'file', which needs data.path")
        if self.data.validation + self.data.test >= 1:
            raise ValueError("data.validation and data.test leave nothing to train on")
        if self.loss.consistency and self.model.tie == "pullback":
            raise ValueError("loss.consistency is for model.tie: independent; one metric agrees")
        if self.loss.consistency and self.model.layers < 2:
            raise ValueError("loss.consistency compares layers, and model.layers is 1")
        if self.optimiser.kind in ("natural", "kfac") and self.trainer.devices > 1:
            raise ValueError(
                f"optimiser.kind {self.optimiser.kind} runs in one process; set trainer.devices: 1"
            )
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds has a number twice")
        return self

    def to_yaml(self) -> str:
        """The configuration as a file that `load_config` reads."""
        text: str = yaml.safe_dump(self.model_dump(), sort_keys=False)
        return text
