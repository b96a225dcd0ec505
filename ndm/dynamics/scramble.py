"""Scrambled coordinates: a random smooth flow hides the coordinates in which a metric is simple.

A `RandomFlow` psi leads from scrambled coordinates z back to x = psi(z). Motion is carried over
exactly, derivatives included,

    x' = D psi z',    x'' = D psi z'' + D^2 psi (z', z'),

and the true metric in the coordinates z is `PulledBack(field, psi)`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ndm.charts import CoordinateMap
from ndm.errors import ModelError

__all__ = ["RandomFlow", "carry", "carry_back"]


class RandomFlow(CoordinateMap):
    """The time-1 map of a random vector field, in Runge-Kutta steps: smooth, and a diffeomorphism.

    The field is a sum of waves, X(z) = sum_k c_k sin(w_k . z / radius + b_k), with c chosen so that
    no point of the box [-radius, radius]^n moves further than `displacement * radius`, and some
    point does. The map is the discrete one: its derivatives are exact, and it is inverted by
    Newton's method to rounding.

    Args:
        n: dimension.
        radius: of the chart.
        displacement: largest one, in units of the radius; 0 gives the identity.
        seed: of the waves.
        modes: number of waves.
        steps: Runge-Kutta steps of the flow.

    Raises:
        ModelError: a radius that is not positive, or a displacement outside [0, 0.5], which may
            fold the chart.

    Example:
        >>> flow = RandomFlow(2, seed=1)
        >>> z = torch.zeros(1, 2, dtype=torch.float64)
        >>> x, log_det = flow(z)
        >>> bool((flow.inverse(x) - z).abs().max() < 1e-14)
        True
    """

    waves: Tensor
    phases: Tensor
    sizes: Tensor

    def __init__(
        self,
        n: int,
        radius: float = 1.0,
        displacement: float = 0.2,
        *,
        seed: int = 0,
        modes: int = 6,
        steps: int = 8,
    ) -> None:
        super().__init__(n)
        if not radius > 0 or not 0 <= displacement <= 0.5:
            raise ModelError(
                f"radius {radius} and displacement {displacement} were given; the radius must be "
                "positive, the displacement between 0 and 0.5 of it"
            )
        self.radius, self.displacement, self.steps = radius, displacement, steps
        source = torch.Generator().manual_seed(seed)
        options = {"generator": source, "dtype": torch.float64}
        self.register_buffer("waves", torch.randn(modes, n, **options) / radius)
        self.register_buffer("phases", 2 * torch.pi * torch.rand(modes, **options))
        self.register_buffer("sizes", torch.randn(n, modes, **options))
        self._scale()

    def _scale(self) -> None:
        """Choose the size of the field: displacements grow nearly linearly with it."""
        source = torch.Generator().manual_seed(0)
        box = 2 * torch.rand(1000, self.dimension, generator=source, dtype=torch.float64) - 1
        z = self.radius * torch.cat([box, box.sign()])
        wanted = self.displacement * self.radius
        self.sizes *= wanted / float(torch.linalg.vector_norm(self._field(z), dim=-1).max())
        for _ in range(4 * (self.displacement > 1e-6)):  # below, the first guess is as good
            moved = torch.linalg.vector_norm(self._run(z, 1.0) - z, dim=-1)
            self.sizes *= wanted / float(moved.max())

    def _field(self, z: Tensor) -> Tensor:
        return torch.sin(z @ self.waves.mT + self.phases) @ self.sizes.mT

    def _field_slope(self, z: Tensor) -> Tensor:
        return (self.sizes * torch.cos(z @ self.waves.mT + self.phases)[..., None, :]) @ self.waves

    def _run(self, z: Tensor, sign: float) -> Tensor:
        h = sign / self.steps
        for _ in range(self.steps):
            a = self._field(z)
            b = self._field(z + h / 2 * a)
            c = self._field(z + h / 2 * b)
            z = z + h / 6 * (a + 2 * b + 2 * c + self._field(z + h * c))
        return z

    def _with_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Points and Jacobian go through the same Runge-Kutta steps."""
        h, n = 1 / self.steps, self.dimension
        jacobian = torch.eye(n, dtype=x.dtype, device=x.device).expand(*x.shape, n)
        for _ in range(self.steps):
            a, da = self._both(x, jacobian)
            b, db = self._both(x + h / 2 * a, jacobian + h / 2 * da)
            c, dc = self._both(x + h / 2 * b, jacobian + h / 2 * db)
            d, dd = self._both(x + h * c, jacobian + h * dc)
            x = x + h / 6 * (a + 2 * b + 2 * c + d)
            jacobian = jacobian + h / 6 * (da + 2 * db + 2 * dc + dd)
        upper = torch.linalg.qr(jacobian)[1].diagonal(dim1=-2, dim2=-1)
        return x, upper.abs().log().sum(-1), jacobian

    def _both(self, z: Tensor, tangent: Tensor) -> tuple[Tensor, Tensor]:
        return self._field(z), self._field_slope(z) @ tangent

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y, log_det, _ = self._with_jacobian(x)
        return y, log_det

    def _inverse(self, y: Tensor) -> Tensor:
        z = self._run(y, -1.0)
        for _ in range(3):  # the flow backwards is near; Newton's method is quadratic from there
            there, _, jacobian = self._with_jacobian(z)
            q, r = torch.linalg.qr(jacobian)
            step = q.mT @ (y - there)[..., None]
            z = z + torch.linalg.solve_triangular(r, step, upper=True)[..., 0]
        return z

    def extra_repr(self) -> str:
        """Dimension, radius, displacement."""
        return f"{self.dimension}, radius={self.radius}, displacement={self.displacement}"


def carry(chart: CoordinateMap, z: Tensor, v: Tensor, a: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Positions, velocities and accelerations in the coordinates x = psi(z).

    Args:
        chart: psi.
        z: (..., n).
        v: z', (..., n).
        a: z'', (..., n).

    Returns:
        x, x' and x'', of the same shapes.

    Example:
        >>> from ndm.charts import coordinate_map
        >>> _ = torch.manual_seed(0)
        >>> flow = RandomFlow(2)
        >>> z, v, a = torch.randn(3, 4, 2, dtype=torch.float64)
        >>> back = carry_back(flow, *carry(flow, z, v, a))
        >>> bool(all((p - q).abs().max() < 1e-13 for p, q in zip(back, (z, v, a))))
        True
    """
    x, velocity, bent = _second(chart, z, v)
    return x, velocity, bent + (chart.jacobian(z) @ a[..., None])[..., 0]


def carry_back(
    chart: CoordinateMap, x: Tensor, v: Tensor, a: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The inverse of `carry`: motion known in x, in scrambled coordinates z with x = psi(z).

    Args:
        chart: psi.
        x: (..., n).
        v: x', (..., n).
        a: x'', (..., n).

    Returns:
        z, z' and z'', of the same shapes.
    """
    z = chart.inverse(x)
    q, r = torch.linalg.qr(chart.jacobian(z))

    def solve(y: Tensor) -> Tensor:
        return torch.linalg.solve_triangular(r, q.mT @ y[..., None], upper=True)[..., 0]

    velocity = solve(v)
    return z, velocity, solve(a - _second(chart, z, velocity)[2])


def _second(chart: CoordinateMap, z: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """psi(z), D psi v and D^2 psi (v, v)."""

    def first(point: Tensor) -> tuple[Tensor, Tensor]:
        x, tangent = torch.func.jvp(lambda p: chart(p)[0], (point,), (v,))
        return x, tangent

    (x, velocity), (_, bent) = torch.func.jvp(first, (z,), (v,))
    return x, velocity, bent
