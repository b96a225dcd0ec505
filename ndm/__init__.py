"""Neural differential manifolds: layers of coordinate charts with a learned Riemannian metric.

    import ndm

    maps = [ndm.coordinate_map("affine_coupling", 2, parity=k % 2) for k in range(4)]
    model = ndm.NDM(maps, ndm.LinearHead(2, 3), ndm.MetricNet(2))
    model(x)                          # logits
    model.geometry(x)                 # metric, scalar curvature, volume: one manifold, one metric
    ndm.NaturalGradient(model)        # an optimiser that knows it

Curvature is computed by geomkit's certified kernels; signs and index order are those of
`geomkit.conventions`. The names below are the public ones.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from geomkit import __version__

if TYPE_CHECKING:
    from ndm.balance import AutoBalance as AutoBalance
    from ndm.charts import CoordinateMap as CoordinateMap
    from ndm.charts import coordinate_map as coordinate_map
    from ndm.errors import ConfigError as ConfigError
    from ndm.errors import DataError as DataError
    from ndm.errors import ModelError as ModelError
    from ndm.errors import NdmError as NdmError
    from ndm.errors import SolverError as SolverError
    from ndm.errors import TrainingError as TrainingError
    from ndm.field import MetricField as MetricField
    from ndm.fisher import GeneralisedFisher as GeneralisedFisher
    from ndm.geometry import ConstantMetric as ConstantMetric
    from ndm.geometry import ExactMetric as ExactMetric
    from ndm.geometry import ProductMetric as ProductMetric
    from ndm.geometry import PulledBack as PulledBack
    from ndm.heads import DensityHead as DensityHead
    from ndm.heads import LinearHead as LinearHead
    from ndm.heads import PrototypeHead as PrototypeHead
    from ndm.layer import LayerOutput as LayerOutput
    from ndm.layer import ManifoldLayer as ManifoldLayer
    from ndm.losses import LossTerms as LossTerms
    from ndm.losses import consistency_loss as consistency_loss
    from ndm.losses import curvature_penalty as curvature_penalty
    from ndm.losses import fisher_match_loss as fisher_match_loss
    from ndm.losses import geo_loss as geo_loss
    from ndm.losses import grad_decomposition as grad_decomposition
    from ndm.losses import metric_variation as metric_variation
    from ndm.losses import volume_penalty as volume_penalty
    from ndm.metric_net import MetricNet as MetricNet
    from ndm.model import NDM as NDM
    from ndm.natural_gradient import LevenbergMarquardt as LevenbergMarquardt
    from ndm.natural_gradient import NaturalGradient as NaturalGradient

# Public name -> the module that defines it; torch is loaded with the first of them.
_HOME = {
    "AutoBalance": "balance",
    "ConfigError": "errors",
    "ConstantMetric": "geometry",
    "CoordinateMap": "charts",
    "DataError": "errors",
    "DensityHead": "heads",
    "ExactMetric": "geometry",
    "GeneralisedFisher": "fisher",
    "LayerOutput": "layer",
    "LevenbergMarquardt": "natural_gradient",
    "LinearHead": "heads",
    "LossTerms": "losses",
    "ManifoldLayer": "layer",
    "MetricField": "field",
    "MetricNet": "metric_net",
    "ModelError": "errors",
    "NDM": "model",
    "NaturalGradient": "natural_gradient",
    "NdmError": "errors",
    "ProductMetric": "geometry",
    "PrototypeHead": "heads",
    "PulledBack": "geometry",
    "SolverError": "errors",
    "TrainingError": "errors",
    "consistency_loss": "losses",
    "coordinate_map": "charts",
    "curvature_penalty": "losses",
    "fisher_match_loss": "losses",
    "geo_loss": "losses",
    "grad_decomposition": "losses",
    "metric_variation": "losses",
    "volume_penalty": "losses",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'ndm' has no attribute {name!r}")
    return getattr(import_module(f"ndm.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
