"""Bases of functions of the coordinates, and the Rayleigh quotients that spectra are made of.

A basis is a product of one family for each coordinate: Legendre polynomials on the box of the
points, or sines and cosines of a period; all products of total degree (frequency) up to d. Fields
of vectors and of tensors are such functions times the frame of the coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from ndm.errors import DataError

__all__ = ["FunctionBasis", "function_basis", "largest_gap", "rayleigh"]

# Directions of the basis that are smaller than this on the points, relative to the largest, are
# combinations of others there: float64 cannot tell them apart.
REDUNDANT = 1e-11


@dataclass(frozen=True)
class FunctionBasis:
    """Products of functions of one coordinate each.

    Attributes:
        kinds: "polynomial" or "fourier", one for each coordinate.
        degree: highest total degree.
        low: (n,), lower ends of the box in which polynomials are orthogonal.
        high: (n,), upper ends.
        periods: (n,), of the sines and cosines.
        members: which member of each coordinate's family each product takes.
    """

    kinds: tuple[str, ...]
    degree: int
    low: Tensor
    high: Tensor
    periods: Tensor
    members: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.members)

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """All functions and their gradients.

        Args:
            x: (..., n).

        Returns:
            Values (..., m) and derivatives (..., m, n), the derivative last.
        """
        families = [self._family(k, x[..., k]) for k in range(len(self.kinds))]
        index = torch.tensor(self.members, device=x.device)
        values = [value[..., index[:, k]] for k, (value, _) in enumerate(families)]
        slopes = [slope[..., index[:, k]] for k, (_, slope) in enumerate(families)]
        gradient = []
        for k in range(len(values)):
            factors = [slopes[j] if j == k else values[j] for j in range(len(values))]
            gradient.append(torch.stack(factors).prod(0))
        return torch.stack(values).prod(0), torch.stack(gradient, -1)

    def _family(self, k: int, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.kinds[k] == "fourier":
            return _fourier(x, float(self.periods[k]), self.degree)
        half = 0.5 * (self.high[k] - self.low[k])
        values, slopes = _legendre((x - self.low[k]) / half - 1, self.degree)
        return values, slopes / half


def function_basis(
    points: Tensor,
    degree: int,
    kind: str | Sequence[str] = "polynomial",
    periods: Sequence[float] | None = None,
) -> FunctionBasis:
    """All products up to a total degree, on the box of the points.

    Args:
        points: (S, n).
        degree: highest total degree, 0 or more.
        kind: "polynomial", "fourier", or one of them for each coordinate.
        periods: of the Fourier coordinates; 2 pi by default.

    Returns:
        The basis.

    Raises:
        DataError: an unknown kind, or arguments that do not fit the points.

    Example:
        >>> points = torch.linspace(-1, 1, 9).double()[:, None].expand(9, 2)
        >>> len(function_basis(points, 2)), len(function_basis(points, 1, "fourier"))
        (6, 5)
    """
    if points.ndim != 2 or not points.is_floating_point() or len(points) < 2:
        raise DataError(
            f"points of shape {tuple(points.shape)} and {points.dtype} were given; needed are "
            "two or more points as a matrix (S, n) of real numbers"
        )
    n = points.shape[1]
    kinds = (kind,) * n if isinstance(kind, str) else tuple(kind)
    if len(kinds) != n or not set(kinds) <= {"polynomial", "fourier"} or degree < 0:
        raise DataError(
            f"basis {kind!r} of degree {degree} was asked for in {n} dimensions; give a degree "
            "of 0 or more, and 'polynomial', 'fourier' or a list of these, one a coordinate"
        )
    lengths = points.new_tensor([2 * math.pi] * n if periods is None else [*periods])
    low, high = points.amin(0), points.amax(0)
    if lengths.shape != (n,) or not bool((lengths > 0).all() & (high > low).all()):
        raise DataError(
            f"points between {low.tolist()} and {high.tolist()} with periods {periods} were given; "
            f"needed are points that fill a box, and {n} positive periods"
        )
    orders = [[(j + 1) // 2 if k == "fourier" else j for j in range(2 * degree + 1)] for k in kinds]
    ranges = [range(2 * degree + 1 if k == "fourier" else degree + 1) for k in kinds]
    members = tuple(
        row for row in product(*ranges) if sum(orders[k][j] for k, j in enumerate(row)) <= degree
    )
    return FunctionBasis(kinds, degree, low, high, lengths, members)


def rayleigh(top: Tensor, bottom: Tensor) -> tuple[Tensor, Tensor]:
    """Stationary values of |T c|^2 / |B c|^2, as singular values: no squares are formed.

    Args:
        top: T, (rows, m).
        bottom: B, (rows', m).

    Returns:
        Values, ascending, (p,), and coefficients c, (m, p), with |B c| = 1; p < m where columns
        of B are linearly dependent.

    Raises:
        DataError: there are fewer rows than columns.

    Example:
        >>> values, _ = rayleigh(torch.diag(torch.tensor([6.0, 1.0])), 2 * torch.eye(2))
        >>> values
        tensor([0.2500, 9.0000])
    """
    if min(len(top), len(bottom)) < top.shape[1]:
        raise DataError(
            f"{min(len(top), len(bottom))} equations for {top.shape[1]} unknowns; give more "
            "points, or a lower degree"
        )
    _, size, axes = torch.linalg.svd(torch.linalg.qr(bottom).R, full_matrices=False)
    kept = size > REDUNDANT * size[0]
    white = axes[kept].mT / size[kept]
    _, singular, turn = torch.linalg.svd(torch.linalg.qr(top @ white).R, full_matrices=False)
    return singular.flip(0).square(), (white @ turn.mT).flip(1)


def largest_gap(values: Tensor, most: int, minimum: float, tolerance: float) -> tuple[int, float]:
    """How many of the ascending values are nearly zero: those before the largest gap.

    The gap after the k-th is values[k] / values[k - 1] for k = 1 ... most; the value after these
    cannot be zero and sets the scale. Values below 1e-4 `tolerance` of the scale are equally zero:
    that one of them is exact within the basis, and another is approached by it, is no gap.

    Args:
        values: (p,), ascending, not negative.
        most: so many can be zero.
        minimum: a gap smaller than this is none.
        tolerance: what is larger than this part of the scale is not nearly zero.

    Returns:
        The count, and the gap after it; 0, and the largest ratio of neighbours, if there is none.

    Example:
        >>> largest_gap(torch.tensor([1e-6, 2e-6, 0.5, 0.7]), 3, 10.0, 1e-2)[0]
        2
        >>> largest_gap(torch.tensor([0.1, 0.2, 0.5, 0.7]), 3, 10.0, 1e-2)[0]
        0
    """
    values = values[: most + 1]
    scale = float(values.max())
    level = values.clamp_min(1e-4 * tolerance * scale)
    ratios = level[1:] / level[:-1]
    if not len(ratios):
        return 0, 1.0
    found = torch.where(level[:-1] <= tolerance * scale, ratios, 0 * ratios)
    best = int(found.argmax())
    if float(found[best]) < minimum:
        return 0, float(ratios.max())
    # below 1e-24 of the scale there are rounding errors alone
    return best + 1, float(values[best + 1] / values[best].clamp_min(1e-24 * scale))


def _legendre(x: Tensor, degree: int) -> tuple[Tensor, Tensor]:
    """Legendre polynomials P_0 ... P_d, scaled to mean square 1, with derivatives, (..., d + 1)."""
    values, slopes = [torch.ones_like(x), x], [torch.zeros_like(x), torch.ones_like(x)]
    for k in range(1, degree):
        values.append(((2 * k + 1) * x * values[k] - k * values[k - 1]) / (k + 1))
        slopes.append(slopes[k - 1] + (2 * k + 1) * values[k])
    scale = x.new_tensor([math.sqrt(2 * k + 1) for k in range(degree + 1)])
    count = degree + 1
    return torch.stack(values[:count], -1) * scale, torch.stack(slopes[:count], -1) * scale


def _fourier(x: Tensor, period: float, degree: int) -> tuple[Tensor, Tensor]:
    """1, cos, sin, cos 2, sin 2, ... of a period with derivatives, (..., 2 d + 1)."""
    rate = 2 * math.pi / period
    values, slopes = [torch.ones_like(x)], [torch.zeros_like(x)]
    for k in range(1, degree + 1):
        cosine, sine = torch.cos(k * rate * x), torch.sin(k * rate * x)
        values += [cosine, sine]
        slopes += [-k * rate * sine, k * rate * cosine]
    return torch.stack(values, -1), torch.stack(slopes, -1)
