"""Geodesics between two points: distances, logarithms and interpolation under a metric field.

The energy of polynomial curves is minimised by Newton's method with a trust in the step that grows
and shrinks, so that the energy never rises; degrees double until the curve turns nowhere. What is
called converged is a geodesic (its acceleration vanishes to the tolerance, measured between the
points where it was asked for; the length is then good to about the tolerance squared) and a minimum
among nearby curves (the Hessian is positive definite: no conjugate point). That no other geodesic
is shorter, nobody can tell from local evidence; more `starts` make it more probable.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from ndm.analysis.curves import along, basis, energy, expansion, speeds
from ndm.analysis.motion import acceleration
from ndm.analysis.precision import doubled, paired
from ndm.errors import SolverError
from ndm.field import MetricField

__all__ = ["Connection", "connect", "distances", "interpolate"]

_DEGREES = (7, 15, 31, 63)  # bubble functions of one curve, doubled while it is not resolved
_WILD = 3.0  # radians
_FINE = 129  # places at which a curve is checked
_SETTLED = 1e-18  # Newton's decrement relative to the energy


@dataclass(frozen=True)
class Connection:
    """Curves from p to q that minimise the energy, in float64.

    Attributes:
        p: (..., n), starts.
        q: (..., n), ends.
        coefficients: (..., m, n), of the curves; see `ndm.analysis.curves`.
        converged: (...,), whether a curve is a geodesic to the tolerance.
        distance: (...,), its length; nan where it is none.
        length: (...,), the length of the best curve found: an upper bound in any case.
        straight: (...,), the length of the straight line in the coordinates; an upper bound too.
        turning: (...,), the largest |D x'/ds|_g divided by the length: an angle in radians.
        unevenness: (...,), the largest relative deviation of |x'|_g from its mean.
        iterations: (...,), Newton steps.
    """

    p: Tensor
    q: Tensor
    coefficients: Tensor
    converged: Tensor
    distance: Tensor
    length: Tensor
    straight: Tensor
    turning: Tensor
    unevenness: Tensor
    iterations: Tensor

    @property
    def logarithm(self) -> Tensor:
        """The vectors v (..., n) with exp_p(v) = q; nan where nothing converged."""
        v = self.at(torch.zeros(1, dtype=self.p.dtype, device=self.p.device))[1][..., 0, :]
        return torch.where(self.converged[..., None], v, torch.full_like(v, torch.nan))

    def at(self, s: Tensor) -> tuple[Tensor, Tensor]:
        """Points and velocities of the curves.

        Args:
            s: (Q,), in [0, 1]; equal steps are equal lengths on a geodesic.

        Returns:
            x(s) and x'(s), each (..., Q, n).
        """
        b = basis(self.coefficients.shape[-2], self.p, s)
        n = self.p.shape[-1]
        c = self.coefficients.reshape(-1, *self.coefficients.shape[-2:])
        x, v, _ = along(self.p.reshape(-1, n), self.q.reshape(-1, n), c, b)
        shape = (*self.p.shape[:-1], len(s), n)
        return x.reshape(shape), v.reshape(shape)

    def __str__(self) -> str:
        """One line: how many, how well."""
        good = self.converged
        text = f"{int(good.sum())} of {good.numel()} pairs joined by a geodesic"
        if bool(good.any()):
            gain = (1 - self.distance / self.straight)[good].mean().item()
            text += f" (turning <= {self.turning[good].max().item():.1e} rad)"
            text += f", on average {100 * gain:.3g} % shorter than straight"
        return text


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
    field.slope(flat[0][:1])  # a map that is too rough is refused here
    device = generator.device if generator is not None else p.device
    best: Connection | None = None
    for number in range(starts):
        bend = torch.zeros(len(flat[0]), 2, n, dtype=p.dtype, device=p.device)
        if number:
            size = torch.linalg.vector_norm(flat[1] - flat[0], dim=-1)[:, None, None]
            noise = torch.randn(bend.shape, generator=generator, dtype=p.dtype, device=device)
            bend = 0.7 * size * noise.to(p.device)
        split = (t.split(chunk) for t in (*flat, bend))
        parts = [
            _joined(field, a, b, c, tolerance, max_iterations)
            for a, b, c in zip(*split, strict=True)
        ]
        found = _concatenated(parts)
        best = found if best is None else _better(best, found)
    assert best is not None
    return _shaped(best, p.shape[:-1])


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


def _joined(
    field: MetricField, p: Tensor, q: Tensor, bend: Tensor, tolerance: float, limit: int
) -> Connection:
    """Flat pairs (N, n): degrees are raised for those that are not yet geodesics."""
    c = bend
    made: Connection | None = None
    todo = torch.arange(len(p), device=p.device)
    for degree in _DEGREES:
        c = torch.nn.functional.pad(c, (0, 0, 0, degree - c.shape[1]))
        c, settled, count = _minimised(field, p[todo], q[todo], c, limit)
        found = _judged(field, p[todo], q[todo], c, settled, count, tolerance)
        made = found if made is None else _replaced(made, todo, found)
        # what turns wildly at a high degree is given up: a higher one costs much, helps rarely
        rest = ~found.converged & ((found.turning < _WILD) | (degree < _DEGREES[-2]))
        todo, c = todo[rest], found.coefficients[rest]
        if len(todo) == 0:
            break
    assert made is not None
    return made


def _minimised(
    field: MetricField, p: Tensor, q: Tensor, c: Tensor, limit: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Coefficients of least energy, whether they settled at a minimum, and steps taken."""
    m, n = c.shape[1:]
    b = basis(m, p, 3 * m // 2 + 6)
    c = c.clone()
    value = energy(field, p, q, c, b)
    damping = torch.zeros_like(value)
    settled = torch.zeros_like(value, dtype=torch.bool)
    count = torch.zeros_like(value, dtype=torch.long)
    for _ in range(limit):
        going = (~settled & torch.isfinite(value) & (damping < 1e8)).nonzero()[:, 0]
        if len(going) == 0:
            break
        ends, old = (p[going], q[going]), value[going]
        local = expansion(field, *ends, c[going], b)
        mu = damping[going]
        matrix = local.hessian + mu[:, None, None] * local.elliptic
        factor, info = torch.linalg.cholesky_ex(0.5 * (matrix + matrix.mT))
        step = -torch.cholesky_solve(local.gradient[..., None], factor)[..., 0]
        fall = -(local.gradient * step).sum(-1)  # twice what the quadratic model promises, or more
        trial = c[going] + step.reshape(-1, m, n)
        new = energy(field, *ends, trial, b)
        rounding = 1e-14 * old.abs()
        definite = (info == 0) & torch.isfinite(fall)
        better = definite & torch.isfinite(new) & (old - new >= 0.1 * fall - rounding)
        c[going] = torch.where(better[:, None, None], trial, c[going])
        value[going] = torch.where(better, new, old)
        # only a step that nothing holds back tells of a minimum; a zero energy is one already
        settled[going] = definite & (mu == 0) & (fall <= _SETTLED * old) & better
        eased = torch.where(mu < 1e-3, mu * 0, mu / 5)
        damping[going] = torch.where(better, eased, (4 * mu).clamp_min(0.1))
        count[going] += 1
    return c, settled, count


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
    even = basis(m, p, torch.linspace(0, 1, _FINE, dtype=p.dtype))
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


def _widened(found: Connection, m: int) -> Connection:
    extra = m - found.coefficients.shape[-2]
    wide = torch.nn.functional.pad(found.coefficients, (0, 0, 0, extra))
    return replace(found, coefficients=wide)


def _selected(where: Tensor, yes: Connection, no: Connection) -> Connection:
    """Of two results for the same pairs the first where a condition holds."""
    m = max(yes.coefficients.shape[-2], no.coefficients.shape[-2])
    yes, no = _widened(yes, m), _widened(no, m)
    values = []
    for entry in fields(Connection):
        a, b = getattr(yes, entry.name), getattr(no, entry.name)
        values.append(torch.where(where.reshape(-1, *[1] * (a.ndim - 1)), a, b))
    return Connection(*values)


def _replaced(made: Connection, rows: Tensor, found: Connection) -> Connection:
    """The result with other rows; iterations add up."""
    made = _widened(made, found.coefficients.shape[-2])
    values = {entry.name: getattr(made, entry.name).clone() for entry in fields(Connection)}
    for name, value in values.items():
        added = getattr(found, name)
        value[rows] = value[rows] + added if name == "iterations" else added
    return Connection(**values)


def _better(best: Connection, found: Connection) -> Connection:
    shorter = found.length < best.length
    wins = (found.converged & ~best.converged) | (found.converged & shorter)
    return _selected(wins, found, best)


def _concatenated(parts: list[Connection]) -> Connection:
    m = max(part.coefficients.shape[-2] for part in parts)
    parts = [_widened(part, m) for part in parts]
    names = [entry.name for entry in fields(Connection)]
    return Connection(*(torch.cat([getattr(part, name) for part in parts]) for name in names))


def _shaped(found: Connection, shape: torch.Size) -> Connection:
    values = []
    for entry in fields(Connection):
        value = getattr(found, entry.name)
        values.append(value.reshape((*shape, *value.shape[1:])))
    return Connection(*values)
