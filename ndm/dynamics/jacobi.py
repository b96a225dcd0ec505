"""Jacobi's metric: mechanics at fixed energy as geometry.

Motions with energy E of a system with masses M and potential V are, as curves, the geodesics of

    J = 2 (E - V) M    where E > V,

and time runs along them as dt/ds = 1/(2 (E - V)), s the length under J. So the curvature of J says
whether motions with the same energy draw together or apart.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

import geomkit as gk
from ndm.dynamics.systems import System
from ndm.errors import ModelError
from ndm.field import MetricField, check_points

__all__ = ["JacobiMetric", "exact_jacobi_metric", "jacobi_metric"]


class JacobiMetric(MetricField):
    """The metric 2 (E - V) M; made by `jacobi_metric`.

    Args:
        field: M, the kinetic metric.
        potential: V, x (..., n) -> (...,), differentiable.
        energy: E.
    """

    def __init__(
        self, field: MetricField, potential: Callable[[Tensor], Tensor], energy: float
    ) -> None:
        super().__init__(field.dimension)
        self.field, self.energy = field, float(energy)
        # a module is registered, so that its parameters are this metric's; a function cannot be
        self.potential = potential

    def forward(self, x: Tensor) -> Tensor:
        """The metric (..., n, n) at points (..., n).

        Args:
            x: (..., n).

        Returns:
            2 (E - V) M.

        Raises:
            ModelError: a motion with this energy does not come to one of the points.
        """
        return self._factor(x)[..., None, None] * self.field(x)

    def log_volume(self, x: Tensor) -> Tensor:
        """Log of sqrt(det J) = log sqrt(det M) + n/2 log(2 (E - V))."""
        return self.field.log_volume(x) + 0.5 * self.dimension * self._factor(x).log()

    def clock(self, x: Tensor) -> Tensor:
        """How time runs along a geodesic of unit speed: dt/ds = 1/(2 (E - V)), of shape (...,)."""
        return 1 / self._factor(x)

    def velocity(self, x: Tensor, direction: Tensor) -> Tensor:
        """The velocity dx/dt of the motion with energy E that passes in a direction.

        Args:
            x: (..., n).
            direction: (..., n), of any length but 0.

        Returns:
            (..., n), with M(v, v)/2 + V = E.
        """
        speed = self._factor(x).sqrt() / self.field.norm(x, direction)
        return speed[..., None] * direction

    def _factor(self, x: Tensor) -> Tensor:
        check_points(x, self.dimension)
        factor = 2 * (self.energy - self.potential(x))
        try:
            # A Cholesky factor of 1 x 1 matrices: the test for a positive number that vmap knows;
            # a comparison in Python is refused there.
            torch.linalg.cholesky(factor.detach()[..., None, None])
        except torch.linalg.LinAlgError as error:
            raise ModelError(
                f"E = {self.energy:g} is not above the potential at all points: Jacobi's metric is "
                "defined where E > V only; keep points where the motion can go, or raise E"
            ) from error
        return factor

    def extra_repr(self) -> str:
        """The energy."""
        return f"energy={self.energy:g}"


def jacobi_metric(
    field: MetricField, potential: nn.Module | Callable[[Tensor], Tensor], energy: float
) -> JacobiMetric:
    """Jacobi's metric 2 (E - V) M of a mechanical system, learned or exact.

    Args:
        field: M, the kinetic metric; `model.metric` of a fitted `MetricDynamics`.
        potential: V, x (..., n) -> (...,), differentiable; `model.potential`. A potential that was
            fitted to motion has a constant to spare: measure E with the same V.
        energy: E.

    Returns:
        A metric field; points where E <= V are refused.

    Raises:
        ModelError: no metric field, or an energy that is not finite.

    References:
        Arnold, Mathematical Methods of Classical Mechanics, section 45 D.

    Example:
        >>> from ndm.geometry import ConstantMetric
        >>> V = lambda x: 0.5 * x.square().sum(-1)
        >>> field = jacobi_metric(ConstantMetric(2).double(), V, energy=1.0)
        >>> x = torch.tensor([[0.6, 0.8]], dtype=torch.float64)
        >>> field(x)                                              # 2 (1 - 1/2) = 1
        tensor([[[1., 0.],
                 [0., 1.]]], dtype=torch.float64)
        >>> round(field.scalar_curvature(x).item(), 12)           # 4/f^2 + 4 |x|^2/f^3, f = 1
        8.0
    """
    if not isinstance(field, MetricField) or not torch.tensor(float(energy)).isfinite():
        raise ModelError(
            f"{type(field).__name__} and energy {energy} were given; needed are a metric field and "
            "a finite energy"
        )
    return JacobiMetric(field, potential, energy)


def exact_jacobi_metric(system: System) -> gk.Metric:
    """Jacobi's metric of an exact system, as a metric of geomkit with the parameter `energy`.

    Args:
        system: with its potential.

    Returns:
        2 (energy - V) M, whose tensors geomkit derives.

    Raises:
        ModelError: the metric has a parameter of that name already.

    Example:
        >>> from ndm.dynamics.systems import double_pendulum
        >>> [str(p.symbol) for p in exact_jacobi_metric(double_pendulum()).parameters][-1]
        'energy'
    """
    metric = system.metric
    ranges = {str(p.symbol): {"range": ["1/2", "2"]} for p in metric.parameters}
    if "energy" in ranges:
        raise ModelError("the metric has a parameter 'energy'; call it otherwise")
    factor, n = f"2*(energy - ({system.potential}))", metric.n
    return gk.Metric(
        coordinates=[str(x) for x in metric.coordinates],
        matrix=[[f"{factor}*({metric.matrix[i, j]})" for j in range(n)] for i in range(n)],
        parameters={**ranges, "energy": {"range": ["50", "100"]}},
        domain={str(x): ["-1", "1"] for x in metric.coordinates},
        name=f"jacobi_{metric.name}",
    )
