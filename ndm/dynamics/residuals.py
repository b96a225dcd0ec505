"""Residuals of motion: rows that `fit_levenberg_marquardt` makes small.

| rows | what they compare | for |
|---|---|---|
| `acceleration_residual` | model(x, v) with a | triples |
| `rollout_residual` | motion of the model with positions | noisy trajectories |
| `gauge` | mean tr g / n with 1 | the scale, which motion leaves open |
| `curvature_prior` | R with its mean, or with 0 | few data |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ndm.dynamics.least_squares import Bind, Rows
from ndm.dynamics.rollout import follow_steps, follow_with_slopes
from ndm.dynamics.samples import Trajectories, Triples
from ndm.errors import DataError, ModelError

__all__ = [
    "RolloutRows",
    "acceleration_residual",
    "curvature_prior",
    "gauge",
    "rollout_residual",
]


def acceleration_residual(triples: Triples, weight: float = 1.0) -> Rows:
    """(model(x, v) - a) / error bar; without error bars / root mean square of a.

    So a residual of 1 means noise where there are error bars, and nothing learned without.

    Args:
        triples: the data.
        weight: of the rows.

    Returns:
        The rows, in float64.

    Example:
        >>> import numpy as np
        >>> from ndm.dynamics.systems import surface
        >>> from ndm.dynamics.motion import MetricDynamics
        >>> from ndm.geometry import ExactMetric
        >>> sphere = surface("sphere")
        >>> x, v = sphere.draw(5, np.random.default_rng(0))
        >>> rows = acceleration_residual(Triples(x, v, sphere.acceleration(x, v)))
        >>> bool(rows(MetricDynamics(ExactMetric(sphere.metric))).abs().max() < 1e-14)
        True
    """
    x, v, a = (torch.tensor(each) for each in (triples.x, triples.v, triples.a))
    if triples.error is not None:
        size = torch.tensor(triples.error)
    else:
        level = a.square().mean().sqrt()
        size = (level if level > 0 else torch.ones_like(level)).expand_as(a)
    return Rows(_acceleration, (x, v, a, size), weight, "acceleration")


def _acceleration(model: nn.Module, x: Tensor, v: Tensor, a: Tensor, size: Tensor) -> Tensor:
    result: Tensor = (model(x, v) - a) / size
    return result


def gauge(points: Tensor, weight: float = 1.0) -> Rows:
    """The row mean tr g / n - 1 = 0: motion determines a metric up to its scale.

    Args:
        points: (N, n), over which the mean is taken.
        weight: any positive one gives the same metric where the data leave the scale open.

    Returns:
        The row.
    """
    return Rows(_trace, (points[None],), weight, "gauge", data=False)


def _trace(model: nn.Module, points: Tensor) -> Tensor:
    g: Tensor = model.metric(points)
    return (g.diagonal(dim1=-2, dim2=-1).mean() - 1)[None]


def curvature_prior(kind: str, points: Tensor, weight: float = 1.0) -> Rows | CentredRows:
    """The scalar curvature at given points as residuals: prior knowledge for few data.

    "constant" R - mean R: its sum of squares is N times the variance of R. "flat": R itself, which
    harms where the world is curved.

    Args:
        kind: "constant" or "flat".
        points: (N, n); they need no measured motion.
        weight: of the rows, against 1 for those of the data; divided by sqrt(N).

    Returns:
        The rows.

    Raises:
        ModelError: another kind.
    """
    if kind not in ("constant", "flat"):
        raise ModelError(f"curvature prior {kind!r} is not known; choose 'constant' or 'flat'")
    rows = Rows(_curvature, (points,), weight / len(points) ** 0.5, f"{kind} R", data=False)
    return CentredRows(rows) if kind == "constant" else rows


def _curvature(model: nn.Module, x: Tensor) -> Tensor:
    result: Tensor = model.metric.scalar_curvature(x)[None]
    return result


@dataclass(frozen=True)
class CentredRows:
    """Rows, with their mean taken from each.

    Attributes:
        rows: one residual a sample.
        data: whether they say how well data are met.
    """

    rows: Rows
    data: bool = False

    @property
    def weight(self) -> float:
        """Of the rows."""
        return self.rows.weight

    def values(self, bind: Bind, theta: Tensor) -> Tensor:
        """Residuals, (S,)."""
        found = self.rows.values(bind, theta)
        return found - found.mean()

    def slopes(self, bind: Bind, theta: Tensor) -> Tensor:
        """The Jacobian of the residuals, (S, p)."""
        found = self.rows.slopes(bind, theta)
        return found - found.mean(0)


def rollout_residual(
    trajectories: Trajectories,
    *,
    variable_projection: bool = True,
    substeps: int = 1,
    weight: float = 1.0,
) -> RolloutRows:
    """Positions of the model's own motion against measured ones, in units of the noise.

    Nothing is differentiated, so that noise is not amplified. Initial positions and velocities are
    fitted anew for each set of parameters (variable projection); `fit_levenberg_marquardt` sees
    the parameters alone. Begin with a model fitted to `trajectories.triples()`, and stop at
    `rows.limit`, where the noise is explained.

    Args:
        trajectories: the data.
        variable_projection: False: initial states stay those of polynomials through the data.
        substeps: Runge-Kutta steps between two times.
        weight: of the rows.

    Returns:
        The rows.

    Raises:
        DataError: no steps between two times.

    References:
        Golub & Pereyra, The differentiation of pseudo-inverses and nonlinear least squares problems
        whose variables separate, 1973; Kaufman, A variable projection method, 1975.
    """
    if substeps < 1:
        raise DataError(f"substeps = {substeps} were asked for; it is 1 or more")
    return RolloutRows(trajectories, variable_projection, substeps, weight)


class RolloutRows:
    """See `rollout_residual`.

    Attributes:
        states: initial positions and velocities, (K, 2n), of the last accepted parameters.
        limit: root mean square of the residuals that noise explains; 0 where it is not known.
        weight: of the rows.
        data: they are.
    """

    def __init__(
        self, trajectories: Trajectories, project: bool, substeps: int, weight: float
    ) -> None:
        self.t, self.x = torch.tensor(trajectories.t), torch.tensor(trajectories.x)
        self.project, self.substeps, self.weight, self.data = project, substeps, weight, True
        n = self.x.shape[-1]
        fitted = 2 * n if project else 0
        limit = trajectories.chi_squared_limit(fitted)
        self.limit = limit if trajectories.noise else 0.0
        spread = (self.x - self.x.mean((0, 1))).square().mean().sqrt()
        self.size = float(trajectories.noise or spread)
        self.states = _first_states(self.t, self.x)
        self._latest: tuple[Tensor, Tensor] | None = None
        self._frame: tuple[Tensor, Tensor] | None = None

    def values(self, bind: Bind, theta: Tensor) -> Tensor:
        """Residuals, (K T n,), with the best initial states."""
        states, r = self._adjust(bind, theta)
        self._latest = (theta.clone(), states)
        return self.weight * r.reshape(-1)

    def slopes(self, bind: Bind, theta: Tensor) -> Tensor:
        """The Jacobian after projection on what initial states cannot explain (Kaufman's form)."""
        if self._latest is None or not torch.equal(self._latest[0], theta):
            self.values(bind, theta)
        assert self._latest is not None
        self.states = self._latest[1]
        _, slopes = self._follow(bind, theta, self.states, True)
        J = slopes.flatten(1, 2)
        width = self.states.shape[-1]
        own, rest = J[..., :width], J[..., width:]
        if self.project:
            self._frame = q, _ = torch.linalg.qr(own)
            rest = rest - q @ (q.mT @ rest)
        return self.weight * rest.reshape(-1, len(theta))

    def _adjust(self, bind: Bind, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Initial states for new parameters, and residuals.

        Derivatives by the states are those of the last accepted parameters while that works (the
        chord method): motions without derivatives cost a tenth.

        Returns:
            States (K, 2n), and residuals (K, T, n).
        """
        states = self.states
        if not self.project:
            return states, self._residuals(bind, theta, states)
        if self._frame is not None:
            q, upper = self._frame
            for _ in range(6):
                r = self._residuals(bind, theta, states)
                along = q.mT @ r.flatten(1)[..., None]
                left, size = float(along.square().sum()), float(r.square().sum())
                if left <= 1e-8 * size:
                    return states, r
                if not left < float("inf"):
                    break
                step = torch.linalg.solve_triangular(upper, along, upper=True)[..., 0]
                states = states - step
        return self._eliminate(bind, theta)

    def _residuals(self, bind: Bind, theta: Tensor, states: Tensor) -> Tensor:
        def move(theta: Tensor, x: Tensor, v: Tensor) -> Tensor:
            return bind(theta, _call, x, v)

        return (follow_steps(move, theta, states, self.t, self.substeps) - self.x) / self.size

    def _follow(
        self, bind: Bind, theta: Tensor, states: Tensor, all_slopes: bool
    ) -> tuple[Tensor, Tensor]:
        def move(theta: Tensor, x: Tensor, v: Tensor) -> Tensor:
            return bind(theta, _call, x, v)

        x, slopes = follow_with_slopes(move, theta, states, self.t, self.substeps, all_slopes)
        return (x - self.x) / self.size, slopes / self.size

    def _eliminate(self, bind: Bind, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Gauss-Newton for the initial states; a trajectory moves only if it gets better."""
        states = self.states
        r, J = self._follow(bind, theta, states, False)
        for _ in range(6):
            rows, wide = r.flatten(1), J.flatten(1, 2)
            if not bool(wide.isfinite().all()):
                break
            q, upper = torch.linalg.qr(wide)
            along = q.mT @ rows[..., None]
            if float(along.square().sum()) <= 1e-8 * float(rows.square().sum()):
                break
            step = torch.linalg.solve_triangular(upper, along, upper=True)[..., 0]
            trial = states - step
            r_new, J_new = self._follow(bind, theta, trial, False)
            better = r_new.flatten(1).square().sum(-1) < rows.square().sum(-1)
            if not bool(better.any()):
                break
            states = torch.where(better[:, None], trial, states)
            r = torch.where(better[:, None, None], r_new, r)
            J = torch.where(better[:, None, None, None], J_new, J)
        return states, r


def _call(model: Callable[..., Tensor], x: Tensor, v: Tensor) -> Tensor:
    return model(x, v)


def _first_states(t: Tensor, x: Tensor) -> Tensor:
    """Initial positions and velocities by a parabola or cubic through the first positions."""
    count = min(7, len(t))
    powers = (t[:count] - t[0])[:, None] ** torch.arange(min(4, count - 1), dtype=t.dtype)
    fit = torch.einsum("dt,ktn->dkn", torch.linalg.pinv(powers), x[:, :count])
    return torch.cat([fit[0], fit[1]], -1)
