"""What a training run is made of, as a file that people write: YAML, checked key by key.

Every key has a default but `data.name`; an unknown key, a value of the wrong kind or out of range
is an error that says where it stands and what would do.
"""

from __future__ import annotations

from ndm.config.reading import load_config, read_config
from ndm.config.schema import (
    DataConfig,
    HeadConfig,
    LossConfig,
    MetricConfig,
    ModelConfig,
    OptimiserConfig,
    TrainConfig,
    TrainerConfig,
)

__all__ = [
    "DataConfig",
    "HeadConfig",
    "LossConfig",
    "MetricConfig",
    "ModelConfig",
    "OptimiserConfig",
    "TrainConfig",
    "TrainerConfig",
    "load_config",
    "read_config",
]
