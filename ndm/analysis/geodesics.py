"""Geodesics between two points: distances, logarithms and interpolation under a metric field.

The energy of polynomial curves is minimised by Newton's method with a trust in the step that grows
and shrinks, so that the energy never rises; degrees double until the curve turns nowhere. What is
called converged is a geodesic (its acceleration vanishes to the tolerance, measured between the
points where it was asked for; the length is then good to about the tolerance squared) and a minimum
among nearby curves (the Hessian is positive definite: no conjugate point). That no other geodesic
is shorter, nobody can tell from local evidence; more `starts` make it more probable.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from ndm.analysis.connection import (
    Connection,
    better,
    concatenated,
    replaced,
    reshaped,
    rows_of,
)
from ndm.analysis.curves import along, basis, speeds
from ndm.analysis.minimise import minimised
from ndm.analysis.motion import acceleration
from ndm.analysis.paths import continued, image, unwrapped
from ndm.analysis.precision import doubled, paired
from ndm.charts import CoordinateMap
from ndm.errors import SolverError
from ndm.field import MetricField

__all__ = ["Connection", "connect", "distances", "interpolate"]

# Bubble functions of one curve, doubled while it is not resolved, and how much it may turn, in
# radians, with fewer: of what turns wildly high degrees make geodesics at times, and cost much.
_DEGREES = {7: math.inf, 15: math.inf, 31: math.inf, 63: 1e3, 127: 1e2, 255: 1.0}
_UNKNOWNS = 2100  # of one curve, at most
_MEMORY = 2e7  # entries of all Hessians at a time
_NEARLY = 0.1  # radians
_FINE = 129  # places at which a curve is checked, at least


@torch.no_grad()
def connect(
    field: MetricField,
    p: Tensor,
    q: Tensor,
    *,
    tolerance: float = 1e-4,
    starts: int = 1,
    max_iterations: int = 60,
    generator: torch.Generator | None = None,
    chunk: int | None = None,
) -> Connection:
    """Join pairs of points by geodesics.

    Args:
        field: the metric; twice differentiable.
        p: (..., n), starts.
        q: (..., n), ends; broadcast against p.
        tolerance: how far a curve may turn, in radians, to be called a geodesic.
        starts: initial curves for each pair: the straight line, and bent ones at random. The
            shortest geodesic found is kept.
        max_iterations: Newton steps for each degree.
        generator: of the random bends.
        chunk: pairs at a time; by default as many as fit into some 100 MB.

    Returns:
        Curves, distances, and for each pair whether it converged.

    Raises:
        SolverError: numbers that cannot be used.

    Example:
        >>> from ndm.geometry import ExactMetric
        >>> p, q = torch.tensor([[0.0, 1.0]]), torch.tensor([[0.0, 2.0]])
        >>> found = connect(ExactMetric("hyperbolic_plane_half"), p, q)
        >>> round(found.distance.item(), 9), bool(found.converged)        # log 2
        (0.693147181, True)
    """
    if not tolerance > 0 or starts < 1 or max_iterations < 1 or (chunk or 1) < 1:
        raise SolverError(
            f"tolerance={tolerance}, starts={starts}, max_iterations={max_iterations}, "
            f"chunk={chunk} were given; all must be positive"
        )
    field = doubled(field)
    p, q = paired(field, p, q)
    n = field.dimension
    chunk = chunk or max(1, 1200 // n**2)
    flat = p.reshape(-1, n), q.reshape(-1, n)
    inner, phi = unwrapped(field)
    inner.slope((flat[0] if phi is None else phi(flat[0])[0])[:1])  # too rough a map is refused
    parts = [
        _found(inner, phi, a, b, tolerance, max_iterations)
        for a, b in zip(*(end.split(chunk) for end in flat), strict=True)
    ]
    best = concatenated(parts)
    for _ in range(1, starts):
        bend = _bends(best.p, best.q, generator).split(chunk)
        ends = zip(best.p.split(chunk), best.q.split(chunk), bend, strict=True)
        more = [_joined(inner, a, b, c, tolerance, max_iterations) for a, b, c in ends]
        best = better(concatenated(more), best)
    best = replace(best, p=flat[0], q=flat[1], straight=_straight(field, *flat))
    return replace(reshaped(best, p.shape[:-1]), through=phi)


def distances(
    field: MetricField, p: Tensor, q: Tensor, *, tolerance: float = 1e-4, starts: int = 1
) -> Tensor:
    """Lengths of geodesics; an error where one was not found.

    Args:
        field: the metric.
        p: (..., n).
        q: (..., n), broadcast: p[:, None] and q[None] give a matrix.
        tolerance: see `connect`.
        starts: see `connect`.

    Returns:
        (...,).

    Raises:
        SolverError: some pairs did not converge; `connect` says which.

    Example:
        >>> from ndm.geometry import ConstantMetric
        >>> x = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
        >>> distances(ConstantMetric(2), x[:, None], x[None])[0].round(decimals=9)
        tensor([0., 5.], dtype=torch.float64)
    """
    found = connect(field, p, q, tolerance=tolerance, starts=starts)
    if not bool(found.converged.all()):
        raise SolverError(
            f"{found}; use connect(...) to see which, with more starts or a larger tolerance"
        )
    return found.distance


def interpolate(connection: Connection, count: int) -> Tensor:
    """Points along the curves, at equal distances from each other where they converged.

    Args:
        connection: what `connect` found.
        count: how many points, the ends included.

    Returns:
        (..., count, n); nan where nothing converged.

    Raises:
        SolverError: fewer than two.
    """
    if count < 2:
        raise SolverError(f"{count} points were asked for; the ends alone are 2")
    s = torch.linspace(0, 1, count, dtype=torch.float64, device=connection.p.device)
    x = connection.at(s)[0]
    good = connection.converged[..., None, None]
    return torch.where(good, x, torch.full_like(x, torch.nan))


def _found(
    field: MetricField,
    phi: CoordinateMap | None,
    p: Tensor,
    q: Tensor,
    tolerance: float,
    limit: int,
) -> Connection:
    """Flat pairs (N, n), joined in the chart that phi leads to, by one path after another."""
    ends = (p, q) if phi is None else (phi(p)[0], phi(q)[0])
    best = _joined(field, *ends, p.new_zeros(len(p), 1, p.shape[-1]), tolerance, limit)
    for path in ("image", "continued"):
        # what nearly is a geodesic would only be found again
        rows = (~best.converged & ~(best.turning < _NEARLY)).nonzero()[:, 0]
        if len(rows) == 0 or (path == "image" and phi is None):
            continue
        a, b = ends[0][rows], ends[1][rows]
        c = continued(field, a, b) if phi is None or path == "continued" else image(
            phi, p[rows], q[rows]
        )  # fmt: skip
        found = _joined(field, a, b, c, tolerance, limit)
        best = replaced(best, rows, better(found, rows_of(best, rows)))
    return best


def _bends(p: Tensor, q: Tensor, generator: torch.Generator | None) -> Tensor:
    """Coefficients of bent curves at random."""
    device = generator.device if generator is not None else p.device
    size = torch.linalg.vector_norm(q - p, dim=-1)[:, None, None]
    shape = (len(p), 2, p.shape[-1])
    noise = torch.randn(shape, generator=generator, dtype=p.dtype, device=device)
    return 0.7 * size * noise.to(p.device)


def _straight(field: MetricField, p: Tensor, q: Tensor) -> Tensor:
    """Lengths of straight lines (N,)."""
    fine = basis(1, p, _FINE)
    x, v, _ = along(p, q, p.new_zeros(len(p), 1, p.shape[-1]), fine)
    return (fine.weights * speeds(field, x, v)).sum(-1)


def _joined(
    field: MetricField, p: Tensor, q: Tensor, bend: Tensor, tolerance: float, limit: int
) -> Connection:
    """Flat pairs (N, n): degrees are raised for those that are not yet geodesics."""
    first, *higher = (degree for degree in _DEGREES if degree >= bend.shape[1])
    made = _attempted(field, p, q, _padded(bend, first), limit, tolerance)
    for degree in higher:
        # what does not turn, and is no minimum, is a saddle, whatever the degree
        coarse = (made.turning > tolerance) | (made.unevenness > tolerance)
        rows = (~made.converged & coarse & (made.turning < _DEGREES[degree])).nonzero()[:, 0]
        if len(rows) == 0 or degree * p.shape[-1] > _UNKNOWNS:
            break
        c = _padded(made.coefficients[rows], degree)
        found = _attempted(field, p[rows], q[rows], c, limit, tolerance)
        found = replace(found, iterations=found.iterations + made.iterations[rows])
        made = replaced(made, rows, found)
    return made


def _padded(c: Tensor, m: int) -> Tensor:
    """The same curves with m coefficients."""
    return torch.nn.functional.pad(c, (0, 0, 0, m - c.shape[1]))


def _attempted(
    field: MetricField, p: Tensor, q: Tensor, c: Tensor, limit: int, tolerance: float
) -> Connection:
    """Minimise and judge curves of one degree, some at a time."""
    size = max(1, int(_MEMORY / c[0].numel() ** 2))
    parts = []
    for ends in zip(p.split(size), q.split(size), c.split(size), strict=True):
        found = minimised(field, *ends, limit)
        parts.append(_judged(field, *ends[:2], *found, tolerance))
    return concatenated(parts)


def _judged(
    field: MetricField,
    p: Tensor,
    q: Tensor,
    c: Tensor,
    settled: Tensor,
    count: Tensor,
    tolerance: float,
) -> Connection:
    """What curves are worth, looked at between the points at which they were made."""
    m = c.shape[1]
    fine = basis(m, p, 2 * m + 20)
    x, v, _ = along(p, q, c, fine)
    length = (fine.weights * speeds(field, x, v)).sum(-1)
    straight = (fine.weights * speeds(field, *along(p, q, 0 * c, fine)[:2])).sum(-1)
    places = max(_FINE, 2 * m + 1)
    even = basis(m, p, torch.linspace(0, 1, places, dtype=p.dtype))
    x, v, a = along(p, q, c, even)
    speed = speeds(field, x, v)
    same = (p == q).all(-1)
    scale = torch.where(same, torch.ones_like(length), length)
    bend = speeds(field, x, a - acceleration(field, x, v))
    turning = bend.amax(-1) / scale
    unevenness = (speed - length[:, None]).abs().amax(-1) / scale
    converged = settled & (turning <= tolerance) & (unevenness <= tolerance)
    converged |= same & (length == 0)
    distance = torch.where(converged, length, torch.full_like(length, torch.nan))
    return Connection(
        p, q, c, converged, distance, length, straight, turning, unevenness, count
    )  # fmt: skip
