"""How good a learned metric is: against the truth of geomkit, and in predicting motion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ndm.charts import CoordinateMap
from ndm.dynamics.rollout import follow_each
from ndm.dynamics.systems import Array, System
from ndm.errors import ModelError, SolverError
from ndm.field import MetricField

__all__ = ["CurvatureReport", "RolloutReport", "curvature_report", "rollout_report"]


@dataclass(frozen=True)
class CurvatureReport:
    """Errors of a learned metric g against the true one h, over a set of points.

    Attributes:
        scale: c, for which c g is nearest to h in the frames of h; motion leaves it open.
        metric: root mean square of |c g - h| / |h|, in the frames of h.
        curvature_rms: root mean square of R_g / c - R_h, divided by `level`.
        curvature_median: the median of its absolute value, divided by `level`.
        ricci_rms: root mean square of |Ric_g - Ric_h| in the frames of h, divided by that of
            Ric_h (by 1 where it vanishes). It knows no scale: the Ricci tensor is that of the
            connection, which accelerations determine.
        ricci_median: the median, divided by the same.
        level: root mean square of R_h; 1 if the truth is flat, so that errors are absolute there.
    """

    scale: float
    metric: float
    curvature_rms: float
    curvature_median: float
    ricci_rms: float
    ricci_median: float
    level: float

    def __str__(self) -> str:
        return (
            f"g up to scale {self.metric:.2%}, R times scale {self.curvature_rms:.2%} "
            f"(median {self.curvature_median:.2%}), Ricci {self.ricci_rms:.2%} "
            f"(median {self.ricci_median:.2%})"
        )


def curvature_report(learned: MetricField, truth: MetricField, points: Tensor) -> CurvatureReport:
    """Compare a learned metric with the true one.

    Args:
        learned: g.
        truth: h, in the same coordinates: an `ExactMetric`, or `PulledBack` to scrambled ones.
        points: (N, n), where they are compared.

    Returns:
        The errors.

    Raises:
        ModelError: dimensions that do not agree, or are less than 2.

    Example:
        >>> from ndm.geometry import ExactMetric
        >>> plane = ExactMetric("hyperbolic_plane_half")
        >>> x = torch.tensor([[0.0, 1.0], [0.5, 2.0]], dtype=torch.float64)
        >>> curvature_report(plane, plane, x).curvature_rms < 1e-12
        True
    """
    if learned.dimension != truth.dimension or truth.dimension < 2:
        raise ModelError(
            f"metrics of dimension {learned.dimension} and {truth.dimension} were given; curvature "
            "is compared in the same dimension, 2 or more"
        )
    with torch.no_grad():
        root = truth.cholesky(points)
        g = _framed(root, learned(points))  # h is the identity in its own frames
        n = truth.dimension
        traces = g.diagonal(dim1=-2, dim2=-1).sum(-1)
        scale = float(traces.sum() / g.square().sum())
        one = torch.eye(n, dtype=g.dtype, device=g.device)
        off = (scale * g - one).square().sum((-2, -1)) / n
        R, S = learned.scalar_curvature(points), truth.scalar_curvature(points)
        true = _framed(root, truth.ricci(points))
        ricci = (_framed(root, learned.ricci(points)) - true).square().sum((-2, -1)).sqrt()
    level = _rms(S) if _rms(S) > 1e-9 else 1.0
    size = true.square().sum((-2, -1)).sqrt()
    ricci_level = _rms(size) if _rms(size) > 1e-9 else 1.0
    wrong = (R / scale - S).abs()
    return CurvatureReport(
        scale=scale,
        metric=float(off.mean().sqrt()),
        curvature_rms=_rms(wrong) / level,
        curvature_median=float(wrong.median()) / level,
        ricci_rms=_rms(ricci) / ricci_level,
        ricci_median=float(ricci.median()) / ricci_level,
        level=level,
    )


def _framed(root: Tensor, form: Tensor) -> Tensor:
    """A symmetric form in the frames of h = root root^T."""
    half = torch.linalg.solve_triangular(root, form, upper=False)
    return torch.linalg.solve_triangular(root, half.mT, upper=False)


def _rms(values: Tensor) -> float:
    return float(values.square().mean().sqrt())


@dataclass(frozen=True)
class RolloutReport:
    """How well a model predicts whole motions.

    Attributes:
        endpoint: distance of the last positions from the true ones, for each motion; inf where the
            model's motion could not be followed.
        drift: largest change of the true energy along the model's motion, relative to the spread
            of the energies of the motions (to their size, if there is one only); inf likewise.
    """

    endpoint: Array
    drift: Array

    def __str__(self) -> str:
        return (
            f"endpoint error {np.median(self.endpoint):.3g} (median of {len(self.endpoint)}), "
            f"energy drift {np.median(self.drift):.3g}"
        )


def rollout_report(
    model: nn.Module,
    system: System,
    x: Array,
    v: Array,
    times: Array,
    tolerance: float = 1e-8,
    chart: CoordinateMap | None = None,
) -> RolloutReport:
    """Follow a model's motion beside the true one.

    Args:
        model: accelerations, in its own coordinates z.
        system: the truth, in coordinates x.
        x: initial positions, (K, n), in the model's coordinates.
        v: initial velocities, (K, n), likewise.
        times: (T,), from the start to the horizon; the energy is looked at there.
        tolerance: of the integration of the model.
        chart: psi with x = psi(z), such as the flow that scrambles; None if the coordinates agree.
            Endpoint errors are distances in the coordinates x.

    Returns:
        Errors at the end and drifts of the energy, for each motion.

    Raises:
        SolverError: the true motion itself ends before the horizon.

    Example:
        >>> from ndm.dynamics.motion import MetricDynamics
        >>> from ndm.dynamics.systems import surface
        >>> from ndm.geometry import ExactMetric
        >>> torus = surface("torus")
        >>> x, v = torus.draw(2, np.random.default_rng(0))
        >>> exact = MetricDynamics(ExactMetric(torus.metric))
        >>> bool(rollout_report(exact, torus, x, v, np.linspace(0, 1, 3)).endpoint.max() < 1e-6)
        True
    """
    starts = _in_chart(chart, x, v)
    truth = system.trajectories(*starts, times)
    if truth.ended:
        k, why = next(iter(truth.ended.items()))
        raise SolverError(f"the true motion {k} cannot be followed: it ends {why}")
    before = system.energy(*starts)
    spread = float(np.std(before)) if len(x) > 1 else float(abs(before[0]))
    found = follow_each(model, torch.tensor(x), torch.tensor(v), times, tolerance)
    whole = np.array([k not in found.ended for k in range(len(x))])
    endpoint, drift = np.full(len(x), np.inf), np.full(len(x), np.inf)
    if whole.any():
        path, speed = _in_chart(chart, found.x[whole], found.v[whole])
        endpoint[whole] = np.linalg.norm(path[:, -1] - truth.x[whole, -1], axis=-1)
        change = np.abs(system.energy(path, speed) - before[whole, None]).max(1)
        drift[whole] = change / (spread or 1.0)
    return RolloutReport(endpoint, drift)


def _in_chart(chart: CoordinateMap | None, x: Array, v: Array) -> tuple[Array, Array]:
    """Positions and velocities (..., n) in the coordinates x = psi(z)."""
    if chart is None:
        return np.asarray(x), np.asarray(v)
    z = torch.as_tensor(x)
    with torch.no_grad():
        there, jacobian = chart(z)[0], chart.jacobian(z)
    return there.numpy(), (jacobian @ torch.as_tensor(v)[..., None])[..., 0].numpy()
