"""Causal character, normalisation, and initial velocities of light and of clocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import DomainError

__all__ = [
    "character",
    "future_root",
    "is_degenerate",
    "is_null",
    "normalised",
    "square",
    "time_sign",
]

Array = NDArray[np.float64]
# |g(v, v)| below this fraction of the sum of |g_ij v^i v^j| is null: rounding leaves some 1e-15,
# and velocities that users type in have about twelve digits.
NULL = 1e-11


def square(g: Array, v: Array) -> float:
    """Return g(v, v)."""
    return float(v @ g @ v)


def time_sign(g: Array) -> int:
    """Return the sign of g(v, v) for timelike v: -1 for (-,+,+,+), +1 for (+,-,-,-), 0 if definite.

    Args:
        g: the matrix at a point, (n, n).

    Returns:
        The sign; -1 for two dimensions of mixed signature.

    Raises:
        DomainError: the matrix is degenerate, or has several times and several spaces.
    """
    eigenvalues = np.linalg.eigvalsh(_scaled(g))
    if is_degenerate(g):
        raise DomainError(
            "the metric is degenerate at this point (its determinant vanishes): start from a "
            "regular point of the chart"
        )
    negative, n = int((eigenvalues < 0).sum()), len(g)
    if negative in (0, n):
        return 0
    if negative == 1:
        return -1
    if negative == n - 1:
        return 1
    raise DomainError(
        f"signature ({n - negative}, {negative}) has no causal structure; give velocities as they "
        "are, without normalisation"
    )


def is_degenerate(g: Array) -> bool:
    """Whether the determinant vanishes up to rounding, whatever the units of the coordinates."""
    eigenvalues = np.abs(np.linalg.eigvalsh(_scaled(g)))
    return not eigenvalues.min() > 1e-14 * eigenvalues.max()


def _scaled(g: Array) -> Array:
    """The matrix in units in which its diagonal is 1, -1 or 0; the signature stays."""
    diagonal = np.abs(np.diag(g))
    units = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    scaled: Array = g / np.outer(units, units)
    return scaled


def character(g: Array, v: Array) -> str:
    """Return "spacelike", "timelike" or "null"; "" where there are no light cones.

    Args:
        g: the matrix at a point, (n, n).
        v: the vector, (n,).

    Returns:
        The character; "null" for the zero vector.
    """
    try:
        sign = time_sign(g)
    except DomainError:
        return ""
    if is_null(g, v):
        return "null" if sign else ""
    if sign == 0:
        return ""
    return "timelike" if np.sign(square(g, v)) == sign else "spacelike"


def is_null(g: Array, v: Array) -> bool:
    """Whether g(v, v) is zero up to rounding."""
    size = float(np.abs(v) @ np.abs(g) @ np.abs(v))
    return abs(square(g, v)) <= NULL * size


def normalised(g: Array, v: Array) -> Array:
    """Return v/sqrt|g(v, v)|.

    Args:
        g: the matrix at a point, (n, n).
        v: the vector, (n,).

    Returns:
        A vector with |g(v, v)| = 1.

    Raises:
        DomainError: v is null or zero.
    """
    if is_null(g, v):
        what = "zero" if not v.any() else f"null (g(v, v) = {square(g, v):.3g})"
        raise DomainError(
            f"the vector {v.tolist()} is {what} and has no unit multiple; light needs no "
            "normalisation"
        )
    unit: Array = v / np.sqrt(abs(square(g, v)))
    return unit


def future_root(g: Array, v: Array, k: int, target: float, future: bool) -> Array:
    """Solve g(v, v) = target for the component v^k, the others being given.

    Args:
        g: the matrix at a point, (n, n).
        v: the vector, (n,); its component k is not used.
        k: number of the time coordinate.
        target: 0 for light; the sign of timelike vectors for a clock.
        future: whether v^k is to be positive.

    Returns:
        The vector. Where both roots have the sign that is asked for (inside an ergosphere), the one
        of smaller |v^k|.

    Raises:
        DomainError: there is no such root.
    """
    rest = v.copy()
    rest[k] = 0.0
    a, b, c = float(g[k, k]), float(g[k] @ rest), square(g, rest) - target
    wanted = [x for x in _roots(a, b, c) if x != 0 and (x > 0) == future]
    if not wanted:
        kind = "null" if target == 0 else "unit timelike"
        side = "positive" if future else "negative"
        raise DomainError(
            f"no {kind} vector has the spatial part {np.delete(v, k).tolist()} and a {side} time "
            "component at this point; no observer or ray moves that way there"
        )
    rest[k] = min(wanted, key=abs)
    return rest


def _roots(a: float, b: float, c: float) -> list[float]:
    """The real roots of a x^2 + 2 b x + c, without cancellation."""
    if abs(a * c) <= 1e-15 * b * b:  # the other root is infinite, up to rounding of a
        return [-c / (2 * b)] if b else [0.0] if a else []
    inside = b * b - a * c
    if inside < 0:
        return []
    q = -(b + np.copysign(np.sqrt(inside), b))
    return [q / a, c / q] if q else [0.0]
