"""One layer of a neural manifold: a change of coordinates beside a metric."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from ndm.atlas import Chart
from ndm.charts import CoordinateMap
from ndm.errors import ModelError
from ndm.field import MetricField

__all__ = ["LayerOutput", "ManifoldLayer"]


class _Four(NamedTuple):
    x: Tensor
    metric: Tensor | None
    scalar_curvature: Tensor | None
    volume: Tensor | None


class LayerOutput(_Four):
    """What a layer returns: unpacked, `x, g, R, vol = layer(x)`, as in listing 1 of the paper.

    Attributes:
        x: (..., n), the coordinates in the next chart.
        metric: (..., n, n), g_ij at the layer's input, in the input's coordinates; or None.
        scalar_curvature: (...,), R there; or None.
        volume: (...,), sqrt(det g) there; or None. It overflows in many dimensions, where
            `log_volume` does not.
    """

    _log_volume: Tensor | None = None

    @property
    def log_volume(self) -> Tensor | None:
        """Log of sqrt(det g), (...,); or None.

        After a transformation such as `torch.func.vmap`, which makes the tuple anew of its four
        parts, it is the logarithm of the volume, and overflows with it.
        """
        if self._log_volume is None and self.volume is not None:
            return self.volume.log()
        return self._log_volume


class ManifoldLayer(nn.Module):
    """The paper's layer: z = phi(x), and beside it the metric g(x), its curvature and volume.

    Both paths are fed the same x. The layer's chart is that of its input.

    Args:
        coordinate_map: phi, from this chart to the next.
        metric: g, in the coordinates of this chart; None for a layer without geometry.
        index: the number of its chart in a model.

    Attributes:
        chart: that of the layer's input: `layer.chart.coords(model.point(x))` is what it was fed.

    Raises:
        ModelError: dimensions that do not agree.

    References:
        The NDM paper, section 4.1 and listing 1; requirements R33, R34.

    Example:
        >>> import torch
        >>> from ndm.charts import coordinate_map
        >>> from ndm.metric_net import MetricNet
        >>> _ = torch.manual_seed(0)
        >>> layer = ManifoldLayer(coordinate_map("affine_coupling", 3), MetricNet(3))
        >>> z, g, R, vol = layer(torch.randn(5, 3), compute_geometry=True)
        >>> z.shape, g.shape, R.shape, vol.shape
        (torch.Size([5, 3]), torch.Size([5, 3, 3]), torch.Size([5]), torch.Size([5]))
        >>> layer(torch.randn(5, 3), compute_geometry=False).metric is None
        True
    """

    def __init__(
        self, coordinate_map: CoordinateMap, metric: MetricField | None = None, index: int = 0
    ) -> None:
        super().__init__()
        if metric is not None and metric.dimension != coordinate_map.dimension:
            raise ModelError(
                f"a map of dimension {coordinate_map.dimension} and a metric of dimension "
                f"{metric.dimension} do not make a layer"
            )
        self.dimension = coordinate_map.dimension
        self.coordinate_map = coordinate_map
        self.metric = metric
        self.chart = Chart(index)

    def forward(self, x: Tensor, compute_geometry: bool = True) -> LayerOutput:
        """Go to the next chart.

        Args:
            x: (..., n), coordinates in this chart.
            compute_geometry: whether metric, curvature and volume are wanted; off, nothing of them
                is computed.

        Returns:
            The coordinates in the next chart, and the geometry at x.

        Raises:
            ModelError: geometry is wanted of a layer that has no metric.
        """
        z, _ = self.coordinate_map(x)
        if not compute_geometry:
            return LayerOutput(z, None, None, None)
        if self.metric is None:
            raise ModelError(
                "this layer has no metric; call it with compute_geometry=False, or give it one"
            )
        log_volume = self.metric.log_volume(x)
        found = LayerOutput(z, self.metric(x), self.metric.scalar_curvature(x), log_volume.exp())
        found._log_volume = log_volume
        return found
