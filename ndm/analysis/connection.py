"""What joining pairs of points gave, and how results for parts of the pairs are put together."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from ndm.analysis.curves import along, basis
from ndm.charts import CoordinateMap

__all__ = ["Connection", "better", "concatenated", "replaced", "reshaped", "rows_of", "widened"]


@dataclass(frozen=True)
class Connection:
    """Curves from p to q that minimise the energy, in float64.

    Attributes:
        p: (..., n), starts.
        q: (..., n), ends.
        coefficients: (..., m, n), of the curves, in the coordinates that `through` leads to; see
            `ndm.analysis.curves`.
        converged: (...,), whether a curve is a geodesic to the tolerance.
        distance: (...,), its length; nan where it is none.
        length: (...,), the length of the best curve found: an upper bound, up to what its
            quadrature misses where a curve that did not converge turns wildly.
        straight: (...,), the length of the straight line in the coordinates; an upper bound too.
        turning: (...,), the largest |D x'/ds|_g divided by the length: an angle in radians.
        unevenness: (...,), the largest relative deviation of |x'|_g from its mean.
        iterations: (...,), Newton steps.
        through: for a metric that is pulled back: the map to the coordinates in which it is given,
            where curves are polynomials; None where that is the metric's own chart.
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
    through: CoordinateMap | None = None

    @property
    def logarithm(self) -> Tensor:
        """The vectors v (..., n) with exp_p(v) = q; nan where nothing converged."""
        v = self.at(torch.zeros(1, dtype=self.p.dtype, device=self.p.device))[1][..., 0, :]
        return torch.where(self.converged[..., None], v, torch.full_like(v, torch.nan))

    @torch.no_grad()
    def at(self, s: Tensor) -> tuple[Tensor, Tensor]:
        """Points and velocities of the curves.

        Args:
            s: (Q,), in [0, 1]; equal steps are equal lengths on a geodesic.

        Returns:
            x(s) and x'(s), each (..., Q, n).
        """
        b = basis(self.coefficients.shape[-2], self.p, s)
        n = self.p.shape[-1]
        p, q = (end.reshape(-1, n) for end in (self.p, self.q))
        if self.through is not None:
            p, q = self.through(p)[0], self.through(q)[0]
        c = self.coefficients.reshape(-1, *self.coefficients.shape[-2:])
        x, v, _ = along(p, q, c, b)
        if self.through is not None:
            x = self.through.inverse(x)
            factors = torch.linalg.lu_factor(self.through.jacobian(x))
            v = torch.linalg.lu_solve(*factors, v[..., None])[..., 0]
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


def widened(found: Connection, m: int) -> Connection:
    """With m coefficients for each curve, the added ones 0."""
    extra = m - found.coefficients.shape[-2]
    wide = torch.nn.functional.pad(found.coefficients, (0, 0, 0, extra))
    return replace(found, coefficients=wide)


def selected(where: Tensor, yes: Connection, no: Connection) -> Connection:
    """Of two results for the same pairs (N,) the first where a condition holds.

    Args:
        where: (N,).
        yes: taken there.
        no: taken elsewhere.

    Returns:
        A result for these pairs, with the iterations of both.
    """
    m = max(yes.coefficients.shape[-2], no.coefficients.shape[-2])
    yes, no = widened(yes, m), widened(no, m)
    values = {}
    for name in _NAMES:
        a, b = getattr(yes, name), getattr(no, name)
        values[name] = torch.where(where.reshape(-1, *[1] * (a.ndim - 1)), a, b)
    return Connection(**values | {"iterations": yes.iterations + no.iterations})


def better(found: Connection, best: Connection) -> Connection:
    """Of two results for the same pairs the converged one; of two such, or none, the shorter."""
    shorter = (found.length < best.length) | best.length.isnan()
    same = found.converged == best.converged
    return selected((found.converged & ~best.converged) | (same & shorter), found, best)


def replaced(made: Connection, rows: Tensor, found: Connection) -> Connection:
    """The result with other rows.

    Args:
        made: for pairs (N,).
        rows: (M,), which pairs.
        found: for these.

    Returns:
        A result for all pairs.
    """
    m = max(made.coefficients.shape[-2], found.coefficients.shape[-2])
    made, found = widened(made, m), widened(found, m)
    values = {name: getattr(made, name).clone() for name in _NAMES}
    for name, value in values.items():
        value[rows] = getattr(found, name)
    return Connection(**values)


def rows_of(made: Connection, rows: Tensor) -> Connection:
    """The result for some pairs (M,) of those (N,) that there are."""
    return Connection(**{name: getattr(made, name)[rows] for name in _NAMES})


def concatenated(parts: list[Connection]) -> Connection:
    """One result of several, pairs after pairs."""
    m = max(part.coefficients.shape[-2] for part in parts)
    parts = [widened(part, m) for part in parts]
    return Connection(*(torch.cat([getattr(part, name) for part in parts]) for name in _NAMES))


def reshaped(found: Connection, shape: torch.Size) -> Connection:
    """With pairs (N,) as pairs of another shape."""
    values = {name: getattr(found, name) for name in _NAMES}
    return Connection(**{name: v.reshape((*shape, *v.shape[1:])) for name, v in values.items()})


_NAMES = [entry.name for entry in fields(Connection) if entry.name != "through"]
