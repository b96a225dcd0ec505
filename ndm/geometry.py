"""Metric fields that are not learned, or are made of others.

| field | g(x) |
|---|---|
| `ExactMetric` | a metric of geomkit: the closed forms that learned geometry is compared with |
| `ConstantMetric` | the same everywhere, learned or fixed |
| `ProductMetric` | g_1(x_1) + g_2(x_2) + ..., each of its own coordinates |
| `PulledBack` | J^T h(phi(x)) J: the metric h of one chart in the coordinates of another |
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

import geomkit as gk
from ndm.charts import CoordinateMap, require_smoothness
from ndm.errors import ModelError
from ndm.field import MetricField, MetricJet, check_points, symmetric

__all__ = ["ConstantMetric", "ExactMetric", "ProductMetric", "PulledBack"]


class ExactMetric(MetricField):
    """A metric of geomkit as a metric field: g and R from kernels that were derived exactly.

    Args:
        metric: a Riemannian metric, or the name of one in the catalogue.
        parameters: values of its parameters.

    Raises:
        ModelError: parameters are missing or unknown.

    Example:
        >>> import torch
        >>> plane = ExactMetric("hyperbolic_plane_half")
        >>> x = torch.tensor([[0.3, 0.7]], dtype=torch.float64)
        >>> plane.scalar_curvature(x)
        tensor([-2.], dtype=torch.float64)
    """

    def __init__(self, metric: gk.Metric | str, **parameters: float) -> None:
        metric = gk.catalog[metric] if isinstance(metric, str) else metric
        super().__init__(metric.n)
        free = {str(p.symbol) for p in metric.parameters if p.value is None}
        if free != set(parameters):
            raise ModelError(
                f"metric {metric.name!r} has the free parameters {sorted(free)}; values of "
                f"{sorted(parameters)} were given"
            )
        self.metric, self.parameters_ = metric, dict(parameters)
        wanted = ["metric"] + ["scalar"] * (metric.n > 1)
        self._kernels = {name: gk.compile(metric, [name], backend="torch") for name in wanted}

    def forward(self, x: Tensor) -> Tensor:
        """The metric (..., n, n) at points (..., n)."""
        check_points(x, self.dimension)
        result: Tensor = self._kernels["metric"](x, **self.parameters_).metric
        return result

    def scalar_curvature(self, x: Tensor) -> Tensor:
        """Scalar curvature (...,), as geomkit derived it."""
        check_points(x, self.dimension)
        if self.dimension == 1:
            return x[..., 0] * 0
        result: Tensor = self._kernels["scalar"](x, **self.parameters_).scalar
        return result

    def extra_repr(self) -> str:
        """Name and parameters."""
        values = "".join(f", {name}={value}" for name, value in self.parameters_.items())
        return f"{self.metric.name!r}{values}"


class ConstantMetric(MetricField):
    """The same inner product everywhere; its curvature is 0.

    Args:
        n: dimension.
        factor: a matrix F with g = F F^T; the identity by default.
        learn: whether F is a parameter; otherwise it is a buffer.

    Raises:
        ModelError: a factor of another shape.

    Example:
        >>> ConstantMetric(2)(torch.zeros(1, 2))
        tensor([[[1., 0.],
                 [0., 1.]]])
    """

    factor: Tensor

    def __init__(self, n: int, factor: Tensor | None = None, *, learn: bool = False) -> None:
        super().__init__(n)
        value = torch.eye(n) if factor is None else factor.detach().clone()
        if value.shape != (n, n):
            raise ModelError(f"a factor of shape {tuple(value.shape)} was given, not {(n, n)}")
        if learn:
            self.factor = nn.Parameter(value)
        else:
            self.register_buffer("factor", value)

    def forward(self, x: Tensor) -> Tensor:
        """The metric (..., n, n) at points (..., n)."""
        check_points(x, self.dimension)
        g = symmetric(self.factor @ self.factor.mT).to(x.dtype)
        return g.expand(*x.shape[:-1], *g.shape)

    def scalar_curvature(self, x: Tensor) -> Tensor:
        """Zero, of shape (...,)."""
        check_points(x, self.dimension)
        return x[..., 0] * 0


class ProductMetric(MetricField):
    """The product of metrics, each of its own coordinates: R is the sum of theirs.

    Args:
        factors: their dimensions add up to n; the first takes the first coordinates.

    Raises:
        ModelError: no factors.

    Example:
        >>> g = ProductMetric([ConstantMetric(1), ConstantMetric(2)])
        >>> g(torch.zeros(4, 3)).shape
        torch.Size([4, 3, 3])
    """

    def __init__(self, factors: Sequence[MetricField]) -> None:
        if not factors:
            raise ModelError("a product of no metrics was asked for; give at least one")
        super().__init__(sum(factor.dimension for factor in factors))
        self.factors = nn.ModuleList(factors)

    def _parts(self, x: Tensor) -> tuple[Tensor, ...]:
        check_points(x, self.dimension)
        parts: tuple[Tensor, ...] = x.split([factor.dimension for factor in self.factors], dim=-1)
        return parts

    def forward(self, x: Tensor) -> Tensor:
        """The metric (..., n, n) at points (..., n)."""
        rows, start = [], 0
        for factor, part in zip(self.factors, self._parts(x), strict=True):
            after = self.dimension - start - factor.dimension
            rows.append(nn.functional.pad(factor(part), (start, after)))
            start += factor.dimension
        return torch.cat(rows, -2)

    def log_volume(self, x: Tensor) -> Tensor:
        """Log of sqrt(det g), the sum of the factors'."""
        pairs = zip(self.factors, self._parts(x), strict=True)
        return torch.stack([factor.log_volume(part) for factor, part in pairs]).sum(0)

    def scalar_curvature(self, x: Tensor) -> Tensor:
        """The sum of the factors' scalar curvatures."""
        pairs = zip(self.factors, self._parts(x), strict=True)
        return torch.stack([factor.scalar_curvature(part) for factor, part in pairs]).sum(0)


class PulledBack(MetricField):
    """The metric J^T h(phi(x)) J that makes a coordinate map phi an isometry onto a field h.

    R(x) = R_h(phi(x)) is computed without derivatives of phi, Ricci's tensor with first ones.
    Christoffel symbols need second derivatives of phi, jets of the metric third ones; maps that
    have none are refused there.

    Args:
        field: h, in the coordinates y = phi(x).
        coordinate_map: phi.

    Raises:
        ModelError: dimensions that do not agree.

    Example:
        >>> import torch
        >>> from ndm.charts import coordinate_map
        >>> _ = torch.manual_seed(0)
        >>> phi = coordinate_map("affine", 2).double()
        >>> g = PulledBack(ExactMetric("hyperbolic_plane_half"), phi)
        >>> x = torch.tensor([[0.3, 2.0]], dtype=torch.float64)
        >>> round(g.scalar_curvature(x).item(), 12)
        -2.0
    """

    def __init__(self, field: MetricField, coordinate_map: CoordinateMap) -> None:
        super().__init__(field.dimension)
        if coordinate_map.dimension != field.dimension:
            raise ModelError(
                f"a map of dimension {coordinate_map.dimension} and a metric of dimension "
                f"{field.dimension} do not fit"
            )
        self.field, self.coordinate_map = field, coordinate_map

    def forward(self, x: Tensor) -> Tensor:
        """The metric (..., n, n) at points (..., n)."""
        check_points(x, self.dimension)
        y, _, jacobian = self.coordinate_map.with_jacobian(x)
        return symmetric(jacobian.mT @ self.field(y) @ jacobian)

    def log_volume(self, x: Tensor) -> Tensor:
        """Log of sqrt(det g) = log sqrt(det h) + log |det J|."""
        check_points(x, self.dimension)
        y, log_det = self.coordinate_map(x)
        return self.field.log_volume(y) + log_det

    def slope(self, x: Tensor) -> Tensor:
        """First derivatives d_k g_ij, of shape (..., i, j, k).

        Args:
            x: (..., n).

        Returns:
            (..., n, n, n).

        Raises:
            ModelError: the map is not twice continuously differentiable.
        """
        require_smoothness(self.coordinate_map, 2, "the derivative of a pulled-back metric")
        return super().slope(x)

    def jet(self, x: Tensor) -> MetricJet:
        """Metric with first and second derivatives.

        Args:
            x: (..., n).

        Returns:
            g, dg and ddg.

        Raises:
            ModelError: the map is not three times continuously differentiable.
        """
        require_smoothness(self.coordinate_map, 3, "second derivatives of a pulled-back metric")
        return super().jet(x)

    def ricci(self, x: Tensor) -> Tensor:
        """Ricci tensor J^T Ric_h(phi(x)) J, (..., n, n), without further derivatives of phi."""
        check_points(x, self.dimension)
        y, _, jacobian = self.coordinate_map.with_jacobian(x)
        return symmetric(jacobian.mT @ self.field.ricci(y) @ jacobian)

    def scalar_curvature(self, x: Tensor) -> Tensor:
        """Scalar curvature (...,): that of h at phi(x)."""
        check_points(x, self.dimension)
        return self.field.scalar_curvature(self.coordinate_map(x)[0])
