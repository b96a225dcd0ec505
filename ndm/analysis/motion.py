"""Free motion: the exponential map of a metric field, many points at once.

The geodesic equation g_ij x''^j = d_i g_jk v^j v^k / 2 - d_k g_ij v^j v^k needs the metric only
through one derivative along v and one gradient. Dormand and Prince's pair of orders 5 and 4 has a
step of its own for every curve: a curve that runs into a singularity ends there and disturbs no
other.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ndm.analysis.precision import doubled, paired
from ndm.errors import SolverError
from ndm.field import MetricField, factored

__all__ = ["Flow", "acceleration", "exponential"]

_ROWS = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)


@dataclass(frozen=True)
class Flow:
    """Geodesics from given points with given velocities, in float64.

    Attributes:
        times: (T,), from 0.
        points: (T, ..., n), x(t); nan from where a curve could not be followed.
        velocities: (T, ..., n), x'(t).
        converged: (...,), whether a curve was followed to the last time.
        drift: (...,), the largest relative change of |x'|_g, which is constant on a geodesic.
        steps: (...,), how many steps were taken.
    """

    times: Tensor
    points: Tensor
    velocities: Tensor
    converged: Tensor
    drift: Tensor
    steps: Tensor

    @property
    def end(self) -> Tensor:
        """The points (..., n) at the last time: exp_x(v) for times up to 1."""
        return self.points[-1]

    def __str__(self) -> str:
        """One line: how many, how well."""
        good = int(self.converged.sum())
        worst = self.drift[self.converged].max().item() if good else float("nan")
        return f"{good} of {self.converged.numel()} geodesics followed; speed kept to {worst:.1e}"


def acceleration(field: MetricField, x: Tensor, v: Tensor) -> Tensor:
    """The acceleration -Gamma^i_jk v^j v^k of free motion.

    Args:
        field: the metric.
        x: (..., n), points.
        v: (..., n), velocities.

    Returns:
        (..., n); nan where the metric is not positive definite.

    Example:
        >>> from ndm.geometry import ExactMetric
        >>> x, v = torch.tensor([[0.0, 1.0]]).double(), torch.tensor([[1.0, 0.0]]).double()
        >>> acceleration(ExactMetric("hyperbolic_plane_half"), x, v).detach()
        tensor([[ 0., -1.]], dtype=torch.float64)
    """

    # of one function, (g v)^i: its derivative along v, and half its vector-Jacobian product with v
    def lowered(y: Tensor) -> tuple[Tensor, Tensor]:
        g = field(y)
        return (g @ v[..., None])[..., 0], g

    _, pull, g = torch.func.vjp(lowered, x, has_aux=True)
    along = torch.func.jvp(lambda y: lowered(y)[0], (x,), (v,))[1]
    force = 0.5 * pull(v)[0] - along
    factor, info = torch.linalg.cholesky_ex(g)
    solved: Tensor = torch.cholesky_solve(force[..., None], factor)[..., 0]
    return torch.where((info == 0)[..., None], solved, torch.full_like(solved, torch.nan))


@torch.no_grad()
def exponential(
    field: MetricField,
    x: Tensor,
    v: Tensor,
    times: Tensor | int = 2,
    *,
    tolerance: float = 1e-9,
    max_steps: int = 2000,
) -> Flow:
    """Follow the geodesics with x(0) = x and x'(0) = v; x(1) is the exponential map exp_x(v).

    Args:
        field: the metric.
        x: (..., n), points.
        v: (..., n), velocities.
        times: (T,), increasing from 0, or how many, equally spaced from 0 to 1.
        tolerance: relative error allowed for one step.
        max_steps: after so many steps a curve is given up.

    Returns:
        The curves; those that could not be followed are nan from there on, and not `converged`.

    Raises:
        SolverError: times or a tolerance that cannot be used.

    Example:
        >>> from ndm.geometry import ExactMetric
        >>> sphere = ExactMetric("sphere2", a=1.0)
        >>> x, v = torch.tensor([[1.0, 0.0]]).double(), torch.tensor([[1.5, 0.0]]).double()
        >>> exponential(sphere, x, v).end.round(decimals=8)           # along a meridian
        tensor([[2.5000, 0.0000]], dtype=torch.float64)
    """
    if not 0 < tolerance < 1:
        raise SolverError(f"tolerance = {tolerance} was given; it must lie between 0 and 1")
    field = doubled(field)
    x, v = paired(field, x, v)
    if isinstance(times, int):
        times = torch.linspace(0, 1, max(times, 0), dtype=x.dtype, device=x.device)
    times = times.to(x)
    if times.ndim != 1 or len(times) < 2 or times[0] != 0 or bool((times.diff() <= 0).any()):
        raise SolverError("times must increase from 0, and be two or more")
    field.slope(x.reshape(-1, field.dimension)[:1])  # a map that is too rough is refused here
    state = torch.cat((x, v), -1).reshape(-1, 2 * field.dimension)
    rows = [state]
    step = torch.full_like(state[:, 0], 0.05) * float(times[-1])
    steps = torch.zeros(len(state), dtype=torch.long, device=x.device)
    for start, stop in zip(times[:-1].tolist(), times[1:].tolist(), strict=True):
        state, step, steps = _advance(field, state, step, steps, stop - start, tolerance, max_steps)
        rows.append(state)
    states = torch.stack(rows).reshape(len(times), *x.shape[:-1], 2 * field.dimension)
    points, velocities = states.split(field.dimension, -1)
    converged = torch.isfinite(states).all(-1).all(0)
    return Flow(
        times, points, velocities, converged, _drift(field, points, velocities, converged),
        steps.reshape(x.shape[:-1]),
    )  # fmt: skip


def _drift(field: MetricField, points: Tensor, velocities: Tensor, good: Tensor) -> Tensor:
    drift = torch.full_like(points[0, ..., 0], torch.nan)
    if bool(good.any()):
        g = factored(field(points[:, good])).mT
        speed = torch.linalg.vector_norm((g @ velocities[:, good, :, None])[..., 0], dim=-1)
        scale = speed[0].clamp_min(torch.finfo(speed.dtype).tiny)
        drift[good] = (speed - speed[0]).abs().amax(0) / scale
    return drift


def _advance(
    field: MetricField,
    state: Tensor,
    step: Tensor,
    steps: Tensor,
    duration: float,
    tolerance: float,
    max_steps: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """States after a duration, with the steps that were last good and how many were taken."""
    state, step, steps = state.clone(), step.clone(), steps.clone()
    left = torch.full_like(step, duration)
    while True:
        going = ((left > 0) & torch.isfinite(state).all(-1)).nonzero()[:, 0]
        if len(going) == 0:
            return state, step, steps
        size = torch.minimum(step[going], left[going])
        new, error = _try(field, state[going], size)
        scale = tolerance * (1 + torch.maximum(state[going].abs(), new.abs()))
        ratio = (error.abs() / scale).amax(-1)
        good = ratio <= 1  # False for nan
        factor = torch.where(
            torch.isfinite(ratio), 0.9 * ratio.clamp_min(1e-10) ** -0.2, torch.full_like(ratio, 0.1)
        ).clamp(0.1, 5.0)
        state[going] = torch.where(good[:, None], new, state[going])
        rest = left[going] - size
        left[going] = torch.where(good, rest.where(size < left[going], rest * 0), left[going])
        cut = good & (size < step[going])  # shortened to end at an output: keep the longer step
        step[going] = torch.where(cut, torch.maximum(step[going], size * factor), size * factor)
        steps[going] += 1
        lost = (steps[going] >= max_steps) | (step[going] < 1e-13 * duration)
        lost &= left[going] > 0
        state[going[lost]] = torch.nan


def _try(field: MetricField, state: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
    """One step of each curve, with an estimate of its error."""

    def rate(y: Tensor) -> Tensor:
        x, v = y.chunk(2, -1)
        return torch.cat((v, acceleration(field, x, v)), -1)

    h, slopes, new = size[:, None], [rate(state)], state
    for row in _ROWS:
        new = state + h * sum(a * k for a, k in zip(row, slopes, strict=True) if a)
        slopes.append(rate(new))
    error = h * sum(e * k for e, k in zip(_ERROR, slopes, strict=True) if e)
    return new, error
