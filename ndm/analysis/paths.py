"""From which curve to begin where a straight line leads nowhere.

Geodesics do not depend on coordinates, but the way to them does. A metric that is pulled back by a
map is joined in the chart in which it is given: there it is simpler, and cheaper, than it looks
through the map. Where the straight line of that chart leads to no geodesic, the straight line of
the other chart is tried; then the metric is brought in by degrees, beginning with a constant one,
whose geodesics are known.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ndm.analysis.curves import along, basis
from ndm.analysis.minimise import minimised
from ndm.charts import CoordinateMap
from ndm.charts.composition import Composition
from ndm.field import MetricField
from ndm.geometry import PulledBack

__all__ = ["continued", "image", "unwrapped"]

_SHARES = (0.2, 0.4, 0.6, 0.8)  # of the metric, on the way from a constant one
_DEGREE = 15
_STEPS = 20


def unwrapped(field: MetricField) -> tuple[MetricField, CoordinateMap | None]:
    """A metric in the chart in which it is given, and the map to that chart.

    Args:
        field: a metric, pulled back once, several times, or not at all.

    Returns:
        The metric h and the map phi of which it is the pullback; phi is None if it is none.
    """
    maps = []
    while isinstance(field, PulledBack):
        maps.append(field.coordinate_map)
        field = field.field
    return field, Composition(*maps) if maps else None


def image(phi: CoordinateMap, p: Tensor, q: Tensor, m: int = 15) -> Tensor:
    """Straight lines from p to q, seen through a map.

    Args:
        phi: the map.
        p: (N, n), starts, before the map.
        q: (N, n), ends.
        m: number of coefficients.

    Returns:
        Coefficients (N, m, n) of the nearest curves, in the mean square of the velocity.
    """
    b = basis(m, p, 3 * m)
    x, v, _ = along(p, q, p.new_zeros(len(p), m, p.shape[-1]), b)
    velocity = (phi.jacobian(x) @ v[..., None])[..., 0]
    # f_j' are orthonormal, and orthogonal to the constant velocity of the straight line
    return torch.einsum("q,qj,eqa->eja", b.weights, b.first, velocity)


def continued(field: MetricField, p: Tensor, q: Tensor) -> Tensor:
    """Curves that follow geodesics while the metric grows from a constant one into itself.

    Args:
        field: the metric.
        p: (N, n), starts.
        q: (N, n), ends.

    Returns:
        Coefficients (N, m, n).
    """
    b = basis(_DEGREE, p, 8)
    c = p.new_zeros(len(p), _DEGREE, p.shape[-1])
    mean = field(along(p, q, c, b)[0].flatten(0, 1)).mean(0)
    for share in _SHARES:
        c = minimised(_Blend(field, mean, share), p, q, c, _STEPS)[0]
    return c


class _Blend(MetricField):
    """(1 - share) of a constant metric and share of another."""

    def __init__(self, field: MetricField, constant: Tensor, share: float) -> None:
        super().__init__(field.dimension)
        self.field, self.share = field, share
        self.constant = constant

    def forward(self, x: Tensor) -> Tensor:
        return torch.lerp(self.constant.expand(*x.shape, x.shape[-1]), self.field(x), self.share)
