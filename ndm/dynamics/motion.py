"""Models of motion: a'' as a function of position and velocity, with a metric or without.

| model | x'' | what it knows |
|---|---|---|
| `MetricDynamics` | -Gamma^i_jk v^j v^k - g^ij d_j V | a metric, and a potential or none |
| `ConnectionNet` | -Gamma^i_jk v^j v^k (- F^i) | a connection that is no metric's |
| `FreeNet` | any function of x and v | nothing |

All take points and velocities (..., n), and give accelerations (..., n).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ndm.errors import ModelError
from ndm.field import MetricField
from ndm.jets import SmoothMLP

__all__ = ["ConnectionNet", "FreeNet", "MetricDynamics", "Potential"]


class Potential(nn.Module):
    """A learned potential V(x); only its gradient moves anything, so V has a constant to spare.

    Args:
        n: dimension.
        hidden: widths of the hidden layers.
        activation: a smooth one.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> V = Potential(2)
        >>> V(torch.zeros(3, 2)).shape, V.gradient(torch.zeros(3, 2)).shape
        (torch.Size([3]), torch.Size([3, 2]))
    """

    def __init__(self, n: int, hidden: Sequence[int] = (32,), activation: str = "tanh") -> None:
        super().__init__()
        self.net = SmoothMLP(n, 1, hidden, activation)

    def forward(self, x: Tensor) -> Tensor:
        """V, of shape (...,)."""
        value: Tensor = self.net(x)
        return value[..., 0]

    def gradient(self, x: Tensor) -> Tensor:
        """The differential d_i V, of shape (..., n)."""
        return self.net.jet(x, "first").first[..., 0, :]


class MetricDynamics(nn.Module):
    """Motion under a metric and a potential: geodesics where there is none.

    g_ij x''^j = d_i g_jk v^j v^k / 2 - d_k g_ij v^j v^k - d_i V, solved by Cholesky's factor of g.

    Args:
        metric: g: the kinetic metric (masses) of a mechanical system.
        potential: V, or None for free motion.

    Raises:
        ModelError: something that is no metric field.

    Example:
        >>> from ndm.geometry import ExactMetric
        >>> model = MetricDynamics(ExactMetric("hyperbolic_plane_half"))
        >>> x, v = torch.tensor([[0.0, 1.0]]).double(), torch.tensor([[1.0, 0.0]]).double()
        >>> model(x, v)                                    # a half circle around the origin
        tensor([[ 0., -1.]], dtype=torch.float64)
    """

    def __init__(self, metric: MetricField, potential: nn.Module | None = None) -> None:
        super().__init__()
        if not isinstance(metric, MetricField):
            raise ModelError(f"{type(metric).__name__} is no metric field; give a MetricNet")
        self.metric, self.potential = metric, potential

    def forward(self, x: Tensor, v: Tensor) -> Tensor:
        """The acceleration (..., n) at points x with velocities v."""
        g, dg = self.metric.first(x)
        along = (dg @ v[..., None, :, None])[..., 0]  # d_k g_ij v^k at [i, j]
        turning = torch.einsum("...jki,...j,...k->...i", dg, v, v)
        force = 0.5 * turning - (along @ v[..., None])[..., 0]
        if self.potential is not None:
            force = force - self.potential.gradient(x)
        root = torch.linalg.cholesky(g)
        half = torch.linalg.solve_triangular(root, force[..., None], upper=False)
        return torch.linalg.solve_triangular(root.mT, half, upper=True)[..., 0]

    def energy(self, x: Tensor, v: Tensor) -> Tensor:
        """g(v, v)/2 + V, of shape (...,); constant along the model's own motion."""
        kinetic = 0.5 * self.metric.inner(x, v, v)
        return kinetic if self.potential is None else kinetic + self.potential(x)


class ConnectionNet(nn.Module):
    """A connection without a metric: x'' = -Gamma_theta(x)(v, v), minus a force if there is one.

    The honest rival of a metric: it can be as good in predicting motion, and says nothing of
    lengths, of energy or of a scalar curvature.

    Args:
        n: dimension.
        hidden: widths of the hidden layers.
        activation: a smooth one.
        force: whether there is a force F(x) too.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> ConnectionNet(2)(torch.zeros(3, 2), torch.ones(3, 2)).shape
        torch.Size([3, 2])
    """

    def __init__(
        self,
        n: int,
        hidden: Sequence[int] = (32,),
        activation: str = "tanh",
        *,
        force: bool = False,
    ) -> None:
        super().__init__()
        self.n, self.force = n, force
        self.pairs = n * (n + 1) // 2
        rows, cols = torch.tril_indices(n, n)
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("cols", cols, persistent=False)
        self.net = SmoothMLP(n, n * self.pairs + n * force, hidden, activation, spread=0.1)

    def forward(self, x: Tensor, v: Tensor) -> Tensor:
        """The acceleration (..., n) at points x with velocities v."""
        values = self.net(x)
        symbols = values[..., : self.n * self.pairs].unflatten(-1, (self.n, self.pairs))
        products = v[..., self.rows] * v[..., self.cols]
        result = -(symbols @ products[..., None])[..., 0]
        return result - values[..., self.n * self.pairs :] if self.force else result


class FreeNet(nn.Module):
    """A perceptron from position and velocity to acceleration.

    Args:
        n: dimension.
        hidden: widths of the hidden layers.
        activation: a smooth one.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> FreeNet(2)(torch.zeros(3, 2), torch.ones(3, 2)).shape
        torch.Size([3, 2])
    """

    def __init__(self, n: int, hidden: Sequence[int] = (32,), activation: str = "tanh") -> None:
        super().__init__()
        self.net = SmoothMLP(2 * n, n, hidden, activation)

    def forward(self, x: Tensor, v: Tensor) -> Tensor:
        """The acceleration (..., n) at points x with velocities v."""
        result: Tensor = self.net(torch.cat([x, v], -1))
        return result
