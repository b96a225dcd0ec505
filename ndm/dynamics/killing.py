"""Approximate symmetries of a metric: fields along which it hardly changes.

A Killing field has L_X g = 0. Over a basis of vector fields, with the means over points,

    lambda = mean |L_X g|^2 / mean |X|^2,   |h|^2 = g^ik g^jl h_ij h_kl,   |X|^2 = g_ij X^i X^j,

has as many stationary values near zero as there are independent Killing fields within the basis:
n (n + 1)/2 at most. A learned metric has no symmetry exactly: the number of small values is read
from the largest gap, for several degrees of the basis, beside the same count for the true metric.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ndm.dynamics.bases import FunctionBasis, function_basis, largest_gap, rayleigh
from ndm.errors import DataError
from ndm.field import MetricField

__all__ = ["KillingLevel", "KillingSpectrum", "killing_spectrum", "lie_metric", "principal_angles"]

VectorField = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class KillingLevel:
    """The spectrum over one basis.

    Attributes:
        degree: of the basis.
        eigenvalues: (p,), ascending: mean |L_X g|^2 / mean |X|^2, in 1/length^2.
        coefficients: (m, n, p), of the eigenfields: X_p^i = b_m c_mip.
        basis: the functions b_m.
        dimension: how many eigenvalues stand before the largest gap; 0 if there is no gap.
        gap: ratio of the eigenvalues after and before it; the largest of all if dimension is 0.
    """

    degree: int
    eigenvalues: Tensor
    coefficients: Tensor
    basis: FunctionBasis
    dimension: int
    gap: float

    @property
    def residuals(self) -> Tensor:
        """Roots of the eigenvalues: |L_X g| of the eigenfield of length 1, root mean squares."""
        return self.eigenvalues.sqrt()

    def fields(self, x: Tensor, count: int | None = None) -> Tensor:
        """The eigenfields of the smallest eigenvalues.

        Args:
            x: (..., n).
            count: how many; the dimension found, by default.

        Returns:
            X_k^i, of shape (..., k, n).
        """
        count = self.dimension if count is None else count
        return torch.einsum("...m,mik->...ki", self.basis(x)[0], self.coefficients[..., :count])


@dataclass(frozen=True)
class KillingSpectrum:
    """Approximate Killing fields for bases of growing degree.

    Attributes:
        levels: one for each degree.
        control: the same count on the true metric, or None if that was not given.
    """

    levels: tuple[KillingLevel, ...]
    control: KillingSpectrum | None = None

    @property
    def settled(self) -> bool:
        """Whether the two highest degrees agree on the dimension."""
        return len({level.dimension for level in self.levels[-2:]}) == 1 < len(self.levels)

    @property
    def dimension(self) -> int:
        """Dimension of the algebra of approximate Killing fields, at the highest degree."""
        return self.levels[-1].dimension

    @property
    def gap(self) -> float:
        """The gap that it was read from."""
        return self.levels[-1].gap

    def __str__(self) -> str:
        rows = ["degree  dimension      gap  smallest eigenvalues"]
        for level in self.levels:
            values = " ".join(f"{v:9.2e}" for v in level.eigenvalues[:6].tolist())
            rows.append(f"{level.degree:6d} {level.dimension:10d} {level.gap:8.2g}  {values}")
        if self.control is not None:
            rows += ["the true metric:", *str(self.control).splitlines()[1:]]
        return "\n".join(rows)


def lie_metric(field: MetricField, x: Tensor, vector: Tensor, slope: Tensor) -> Tensor:
    """The Lie derivative (L_X g)_ij = X^k d_k g_ij + g_kj d_i X^k + g_ik d_j X^k.

    Args:
        field: the metric g.
        x: (S, n).
        vector: X^k at x, (S, ..., n).
        slope: d_i X^k, (S, ..., k, i).

    Returns:
        (S, ..., n, n), symmetric.
    """
    g, dg = field(x), field.slope(x)
    turned = torch.einsum("skj,s...ki->s...ij", g, slope)
    return torch.einsum("sijk,s...k->s...ij", dg, vector) + turned + turned.mT


def killing_spectrum(
    field: MetricField,
    points: Tensor,
    degrees: Sequence[int] = (1, 2, 3),
    basis: str | Sequence[str] = "polynomial",
    *,
    periods: Sequence[float] | None = None,
    weights: Tensor | None = None,
    minimum_gap: float = 10.0,
    tolerance: float = 1e-2,
    control: MetricField | None = None,
) -> KillingSpectrum:
    """Approximate Killing fields of a metric, over bases of growing degree.

    Args:
        field: the metric, learned or exact.
        points: (S, n), where its change is measured: several times the size of the basis.
        degrees: of the bases; a count that does not settle says nothing.
        basis: "polynomial" or "fourier", or one of them for each coordinate (an angle that runs
            around, and one that does not).
        periods: of Fourier coordinates; 2 pi by default.
        weights: (S,), not negative; sqrt(det g) by default, so that means of points that are
            uniform in the coordinates are integrals over the manifold.
        minimum_gap: a smaller ratio of eigenvalues is no gap: the dimension is then 0.
        tolerance: an eigenvalue counts as small below this part of the one after the first
            n (n + 1)/2, which is no Killing field's.
        control: the true metric, if it is known: its count is made in the same way.

    Returns:
        Eigenvalues, fields and dimension for each degree.

    Raises:
        DataError: points that do not fit the metric, or too few of them; no degrees.

    Example:
        >>> from ndm.geometry import ExactMetric
        >>> _ = torch.manual_seed(0)
        >>> points = torch.rand(60, 2).double() + torch.tensor([0.0, 1.0]).double()
        >>> found = killing_spectrum(ExactMetric("hyperbolic_plane_half"), points, degrees=(2, 3))
        >>> found.dimension, found.gap > 1e6
        (3, True)
    """
    if not degrees or points.ndim != 2 or points.shape[-1] != field.dimension:
        raise DataError(
            f"points of shape {tuple(points.shape)} and degrees {tuple(degrees)} were given; "
            f"needed are points (S, {field.dimension}) and one degree at least"
        )
    points = points.detach()
    bases = [function_basis(points, degree, basis, periods) for degree in degrees]
    rule = (minimum_gap, tolerance)

    def sweep(metric: MetricField) -> tuple[KillingLevel, ...]:
        return tuple(_level(metric, points, each, weights, rule) for each in bases)

    with torch.no_grad():
        same = None if control is None else KillingSpectrum(sweep(control))
        return KillingSpectrum(sweep(field), same)


def principal_angles(
    field: MetricField, points: Tensor, first: VectorField, second: VectorField
) -> Tensor:
    """Angles between two spaces of vector fields, in the mean of g(X, Y) over the points.

    Args:
        field: the metric g.
        points: (S, n).
        first: x (S, n) -> fields (S, k, n).
        second: the same, of another number of fields perhaps.

    Returns:
        (min(k, k'),), ascending, in [0, pi/2]: all 0 when one space contains the other.

    Example:
        >>> from ndm.geometry import ConstantMetric
        >>> x = torch.eye(2).double()
        >>> one = lambda x: x[:, None]
        >>> float(principal_angles(ConstantMetric(2), x, one, lambda x: -2 * one(x))) < 1e-12
        True
    """
    root = (field.cholesky(points).mT * field.volume(points).sqrt()[:, None, None])[:, None]
    spans = []
    for fields in (first, second):
        rows = (root @ fields(points)[..., None])[..., 0]
        spans.append(torch.linalg.qr(rows.transpose(1, 2).flatten(0, 1)).Q)
    cosines = torch.linalg.svdvals(spans[0].mT @ spans[1])
    # the sines are exact where the angles are small, and the cosines are not
    few, many = sorted(spans, key=lambda q: q.shape[1])
    sines = torch.linalg.svdvals(few - many @ (many.mT @ few)).flip(0)
    return torch.atan2(sines, cosines)


def _level(
    field: MetricField,
    points: Tensor,
    basis: FunctionBasis,
    weights: Tensor | None,
    rule: tuple[float, float],
) -> KillingLevel:
    n, (value, slope) = field.dimension, basis(points)
    weight = field.volume(points) if weights is None else weights.to(points)
    weight = (weight / weight.sum()).sqrt()
    root = field.cholesky(points)
    one = torch.eye(n, dtype=points.dtype, device=points.device)
    vectors = torch.einsum("sm,ik->smki", value, one)
    slopes = torch.einsum("smj,ik->smkij", slope, one)
    lie = lie_metric(field, points, vectors, slopes)
    white = torch.linalg.solve_triangular(root[:, None, None], lie, upper=False)
    white = torch.linalg.solve_triangular(root[:, None, None], white.mT, upper=False)
    length = torch.einsum("sji,smkj->smki", root, vectors)
    m = len(basis) * n
    top = (white * weight[:, None, None, None, None]).permute(0, 3, 4, 1, 2).reshape(-1, m)
    bottom = (length * weight[:, None, None, None]).permute(0, 3, 1, 2).reshape(-1, m)
    values, coefficients = rayleigh(top, bottom)
    dimension, gap = largest_gap(values, n * (n + 1) // 2, *rule)
    fields = coefficients.reshape(len(basis), n, -1)
    return KillingLevel(basis.degree, values, fields, basis, dimension, gap)
