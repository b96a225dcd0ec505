"""The neural differential manifold: charts, one manifold, a metric on it, a head.

Chart i is the input of layer i, chart L the output of the last; `model.trace(x)` gives the
coordinates of a point in all of them. With `tie="pullback"` (the default) there is one metric,
known in one chart and pulled back through the coordinate maps to every other: curvature is then a
function on the manifold, and is computed once. With `tie="independent"`, the paper's literal form,
every layer has a metric of its own; nothing makes them agree, and `compatibility` says how far they
do not.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ndm.atlas import Chart, Compatibility, Geometry, Point
from ndm.charts import Composition, CoordinateMap, Inverse, Pad
from ndm.errors import ModelError
from ndm.field import MetricField, MetricJet, log_ratio
from ndm.geometry import PulledBack
from ndm.heads import DensityHead, Head
from ndm.layer import ManifoldLayer

__all__ = ["NDM"]


class _Tied(MetricField):
    """The model's one metric in a chart of the model; parameters stay with the model."""

    def __init__(self, model: NDM, chart: int) -> None:
        super().__init__(model.dimension)
        self._model = (model,)  # in a tuple, so that it is not registered as a part
        self.chart = chart

    def _field(self) -> MetricField:
        return self._model[0].field(self.chart)

    def forward(self, x: Tensor) -> Tensor:
        g: Tensor = self._field()(x)
        return g

    def cholesky(self, x: Tensor) -> Tensor:
        return self._field().cholesky(x)

    def log_volume(self, x: Tensor) -> Tensor:
        return self._field().log_volume(x)

    def inverse(self, x: Tensor) -> Tensor:
        return self._field().inverse(x)

    def raised(self, x: Tensor, w: Tensor) -> Tensor:
        return self._field().raised(x, w)

    def first(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self._field().first(x)

    def jet(self, x: Tensor) -> MetricJet:
        return self._field().jet(x)

    def slope(self, x: Tensor) -> Tensor:
        return self._field().slope(x)

    def ricci(self, x: Tensor) -> Tensor:
        return self._field().ricci(x)

    def scalar_curvature(self, x: Tensor) -> Tensor:
        return self._field().scalar_curvature(x)

    def extra_repr(self) -> str:
        return f"the model's metric, in chart {self.chart}"


class NDM(nn.Module):
    """A neural differential manifold.

    Args:
        maps: the coordinate maps phi_0 ... phi_(L-1), all of one dimension n.
        head: reads the last chart; None for a model of which the last chart is the output.
        metric: for "pullback" one metric field; for "independent" one for each layer, or one for
            all of them, shared. None for a network without geometry.
        tie: "pullback" or "independent".
        metric_chart: for "pullback": the chart in which the metric is given; the last by default.
        pad: what brings inputs of fewer coordinates to n; see `Pad`.

    Raises:
        ModelError: parts that do not fit.

    References:
        The NDM paper, sections 3 and 4; requirements R1 to R7, R16, R35, R64, R70, R73.

    Example:
        >>> import torch
        >>> from ndm.charts import coordinate_map
        >>> from ndm.heads import LinearHead
        >>> from ndm.metric_net import MetricNet
        >>> _ = torch.manual_seed(0)
        >>> maps = [coordinate_map("affine_coupling", 2, parity=k % 2) for k in range(2)]
        >>> model = NDM(maps, LinearHead(2, 3), MetricNet(2)).double()
        >>> x = torch.randn(4, 2, dtype=torch.float64)
        >>> model(x).shape, len(model.trace(x))
        (torch.Size([4, 3]), 3)
        >>> bool(torch.allclose(model.invert(model.trace(x)[-1]), x, atol=1e-12))
        True
        >>> R = [layer.metric.scalar_curvature(p) for layer, p in zip(model.layers, model.trace(x))]
        >>> bool(torch.allclose(R[0], R[1]))
        True
    """

    def __init__(
        self,
        maps: Sequence[CoordinateMap],
        head: Head | None = None,
        metric: MetricField | Sequence[MetricField] | None = None,
        *,
        tie: str = "pullback",
        metric_chart: int = -1,
        pad: Pad | None = None,
    ) -> None:
        super().__init__()
        whole = Composition(*maps)  # checks that the maps fit each other
        self.dimension, self.tie = whole.dimension, tie
        if tie not in ("pullback", "independent"):
            raise ModelError(f"tie = {tie!r} was given; choose 'pullback' or 'independent'")
        count = len(whole)
        if not -count - 1 <= metric_chart <= count:
            raise ModelError(f"metric_chart = {metric_chart} was given; charts are 0 to {count}")
        if pad is not None and pad.width != self.dimension:
            raise ModelError(f"padding to {pad.width} does not fit charts of {self.dimension}")
        self.metric_chart = metric_chart % (count + 1)
        self.pad, self.head = pad, head
        fields = _fields(metric, tie, count, self.dimension)
        self._metric = fields[0] if tie == "pullback" else None
        layer_fields = [_Tied(self, i) if self._metric else f for i, f in enumerate(fields)]
        self.layers = nn.ModuleList(
            ManifoldLayer(phi, field, i)
            for i, (phi, field) in enumerate(zip(whole, layer_fields, strict=True))
        )

    @property
    def atlas(self) -> tuple[Chart, ...]:
        """The charts, L + 1 of them."""
        return (*(layer.chart for layer in self.layers), Chart(len(self.layers)))

    def forward(self, x: Tensor) -> Tensor:
        """What the head makes of points; the coordinates in the last chart if there is no head.

        Args:
            x: (..., n), or what `pad` takes.

        Returns:
            (..., outputs).
        """
        return self.read(self.trace(x)[-1])

    def read(self, y: Tensor) -> Tensor:
        """Apply the head to coordinates (..., n) in the last chart."""
        if self.head is None:
            return y
        needs = self.head.uses_metric and self.has_metric
        result: Tensor = self.head(y, self.field(-1) if needs else None)
        return result

    @property
    def has_metric(self) -> bool:
        """Whether there is a metric."""
        return all(layer.metric is not None for layer in self.layers)

    def trace(self, x: Tensor) -> tuple[Tensor, ...]:
        """The coordinates of points in all charts, from input to output.

        Args:
            x: (..., n), coordinates in the first chart, or what `pad` takes.

        Returns:
            L + 1 tensors (..., n).
        """
        path = [self._padded(x)]
        for layer in self.layers:
            path.append(layer.coordinate_map(path[-1])[0])
        return tuple(path)

    def _padded(self, x: Tensor) -> Tensor:
        if self.pad is None or x.shape[-1] == self.dimension:
            return x
        result: Tensor = self.pad(x)
        return result

    def charts(self, x: Tensor) -> tuple[Tensor, ...]:
        """Another name of `trace`: one tensor (..., n) for each chart."""
        return self.trace(x)

    def point(self, x: Tensor) -> Point:
        """Points by inputs (..., n): `model.atlas[i].coords(point)` are their coordinates."""
        return Point(self.trace(x))

    def log_det(self, x: Tensor) -> Tensor:
        """Log of |det| of the Jacobian of all maps together, (...,)."""
        total, y = None, self._padded(x)
        for layer in self.layers:
            y, part = layer.coordinate_map(y)
            total = part if total is None else total + part
        assert total is not None
        return total

    def invert(self, y: Tensor) -> Tensor:
        """Coordinates in the first chart, and without padding, from those in the last.

        Args:
            y: (..., n).

        Returns:
            (..., n), or what `pad` takes.
        """
        for layer in reversed(self.layers):
            y = layer.coordinate_map.inverse(y)
        result: Tensor = y if self.pad is None else self.pad.inverse(y)
        return result

    def field(self, chart: int = 0) -> MetricField:
        """The metric as a field in the coordinates of a chart.

        Args:
            chart: 0 to L, or counted from the end. With independent metrics, chart i has that of
                layer i, and chart L that of the last layer, carried over.

        Returns:
            The field; its parameters are the model's.

        Raises:
            ModelError: there is no metric, or no such chart.
        """
        count = len(self.layers)
        if not -count - 1 <= chart <= count:
            raise ModelError(f"chart {chart} was asked for; there are charts 0 to {count}")
        if not self.has_metric:
            raise ModelError("this model has no metric; give it one")
        chart %= count + 1
        if self._metric is not None:
            return self._carry(self._metric, self.metric_chart, chart)
        own = min(chart, count - 1)
        field: MetricField = self.layers[own].metric
        return self._carry(field, own, chart)

    def _carry(self, field: MetricField, given: int, chart: int) -> MetricField:
        """A field of one chart in the coordinates of another."""
        maps = [layer.coordinate_map for layer in self.layers]
        if chart < given:
            return PulledBack(field, Composition(*maps[chart:given]))
        if chart > given:
            return PulledBack(field, Inverse(Composition(*maps[given:chart])))
        return field

    def metric(self, x: Tensor, chart: int = 0) -> Tensor:
        """The metric at points, in the coordinates of a chart.

        Args:
            x: (..., n), the points, as inputs of the model.
            chart: in whose coordinates.

        Returns:
            (..., n, n).
        """
        result: Tensor = self.field(chart)(self.trace(x)[chart])
        return result

    def geometry(
        self,
        x: Tensor,
        *,
        points: int | None = None,
        generator: torch.Generator | None = None,
        curvature: bool = True,
    ) -> Geometry:
        """Metric, curvature and volume at points, each once, where they cost least.

        Args:
            x: (N, n), the points, as inputs of the model.
            points: at how many of them, at random, the curvature is computed; all by default. Its
                mean over them estimates the mean over all without bias.
            generator: of these random numbers.
            curvature: whether R is wanted at all; otherwise it is an empty tensor.

        Returns:
            Geometry in the chart of the metric; with independent metrics that of each layer in its
            own chart, stacked.

        Raises:
            ModelError: there is no metric, or the number of points is not positive.
        """
        trace = self.trace(x)
        if self._metric is not None:
            return _at(self._metric, trace[self.metric_chart], points, generator, curvature)
        if not self.has_metric:
            raise ModelError("this model has no metric; give it one")
        pairs = zip(self.layers, trace[:-1], strict=True)
        found = [_at(layer.metric, y, points, generator, curvature) for layer, y in pairs]
        return Geometry(*(torch.stack(part) for part in zip(*found, strict=True)))

    def compatibility(self, x: Tensor) -> Compatibility:
        """How well the metrics of successive layers agree; 0 up to rounding for one manifold.

        Args:
            x: (..., n), points, as inputs of the model.

        Returns:
            Three measures, each (L - 1, ...).

        Raises:
            ModelError: there is no metric, or only one layer.
        """
        if len(self.layers) < 2:
            raise ModelError("compatibility compares two layers; this model has one")
        trace, rows = self.trace(x), []
        for i in range(len(self.layers) - 1):
            own, other = self.field(i), self.field(i + 1)
            carried = PulledBack(other, self.layers[i].coordinate_map)
            g, h = own(trace[i]), carried(trace[i])
            size = torch.linalg.matrix_norm(g - h) / torch.linalg.matrix_norm(g)
            gap = own.scalar_curvature(trace[i]) - other.scalar_curvature(trace[i + 1])
            rows.append((size, log_ratio(g, h), gap.abs()))
        return Compatibility(*(torch.stack(part) for part in zip(*rows, strict=True)))

    def log_prob(self, x: Tensor, *, riemannian: bool = False) -> Tensor:
        """Log density of the data, with a normal distribution in the last chart.

        Args:
            x: (..., n).
            riemannian: with respect to the volume sqrt(det g) dx of the metric, not to dx.

        Returns:
            (...,).

        Raises:
            ModelError: the model pads its inputs, which then have no density in n dimensions.
        """
        if self.pad is not None:
            raise ModelError("padded inputs fill no volume: a density needs a model without pad")
        density = DensityHead()(self.trace(x)[-1]) + self.log_det(x)
        return density - self.field(0).log_volume(x) if riemannian else density

    def extra_repr(self) -> str:
        """Dimension and how metrics are tied."""
        return f"n={self.dimension}, tie={self.tie!r}, metric_chart={self.metric_chart}"


def _fields(
    metric: MetricField | Sequence[MetricField] | None, tie: str, count: int, n: int
) -> list[MetricField | None]:
    """One metric for each layer, or none."""
    if metric is None:
        return [None] * count
    if isinstance(metric, MetricField):
        fields: list[MetricField | None] = [metric] * count
    elif tie == "pullback":
        raise ModelError("tie='pullback' takes one metric; several need tie='independent'")
    else:
        fields = list(metric)
    if len(fields) != count:
        raise ModelError(f"{len(fields)} metrics were given for {count} layers; give one for each")
    for field in fields:
        if field is None or field.dimension != n:
            raise ModelError(f"{field!r} is no metric of dimension {n}, which the charts have")
    return fields


def _at(
    field: MetricField,
    y: Tensor,
    points: int | None,
    generator: torch.Generator | None,
    curvature: bool,
) -> Geometry:
    chosen = y
    if points is not None and points < 1:
        raise ModelError(f"curvature at {points} points was asked for; ask for 1 or more")
    if points is not None and points < len(y):
        order = torch.randperm(len(y), generator=generator, device=y.device)
        chosen = y[order[:points]]
    scalar = field.scalar_curvature(chosen) if curvature else y.new_empty(0)
    return Geometry(field(y), scalar, field.log_volume(y))
