"""Jacobi fields, the derivative of the exponential map, and conjugate points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import DomainError
from geomkit.geodesic.integrate import Path, Settings, integrate

if TYPE_CHECKING:
    from geomkit.geodesic.model import Geodesics

__all__ = ["ConjugatePoint", "JacobiField", "conjugate_points", "exp_derivative", "jacobi_field"]

Array = NDArray[np.float64]
# Smallest singular value of d exp, relative to the largest, that counts as zero; where the root of
# a smooth function has been refined it is below 1e-9, elsewhere far above.
_SINGULAR = 1e-6


@dataclass(frozen=True)
class JacobiField:
    """Jacobi fields J_1 ... J_k along a geodesic.

    Attributes:
        s: curve parameter of the samples, (N,).
        points: positions, (N, n).
        velocities: dx/ds, (N, n).
        fields: J, (N, k, n).
        rates: covariant derivatives DJ/ds, (N, k, n).
        squares: g(J, J), (N, k).
        complete: whether the geodesic has the length that was asked for.
        message: why it ends.
    """

    s: Array
    points: Array
    velocities: Array
    fields: Array
    rates: Array
    squares: Array
    complete: bool
    message: str


@dataclass(frozen=True)
class ConjugatePoint:
    """A point conjugate to the start of a geodesic.

    Attributes:
        s: the curve parameter.
        point: the point, (n,).
        multiplicity: the dimension of the Jacobi fields that vanish at both ends.
    """

    s: float
    point: Array
    multiplicity: int


def jacobi_field(
    geodesics: Geodesics, state: Array, start: Array, rate: Array, span: float, samples: int
) -> JacobiField:
    """Integrate the Jacobi equation along a geodesic.

    Args:
        geodesics: the metric with its parameters.
        state: position and velocity at the start, (2n,).
        start: J(0), (k, n).
        rate: DJ/ds(0), (k, n).
        span: range of s.
        samples: number of samples.

    Returns:
        The fields.

    Raises:
        DomainError: the two arrays have different shapes.
    """
    if start.shape != rate.shape:
        raise DomainError(
            f"J has shape {start.shape} and DJ/ds has {rate.shape}; give as many of each"
        )
    n, equations = geodesics.n, geodesics.equations
    slope = rate + equations.carried(state[:n], state[n:], start)
    path = _path(geodesics, state, start, slope, span, geodesics.settings)
    s = np.linspace(path.s[0], path.s[-1], samples)
    rows = path.dense(s)
    x, v = rows[:, :n], rows[:, n : 2 * n]
    fields, slopes = np.split(rows[:, 2 * n :].reshape(samples, -1, n), 2, axis=1)
    shape = fields.shape
    several = [np.broadcast_to(one[:, None], shape).reshape(-1, n) for one in (x, v)]
    (carried,) = equations.field("transport")(*several, fields.reshape(-1, n))
    (g,) = equations.field("metric")(x)
    return JacobiField(
        s=s,
        points=x,
        velocities=v,
        fields=fields,
        rates=slopes - carried.reshape(shape),
        squares=np.einsum("aki,aij,akj->ak", fields, g, fields),
        complete=bool(path.s[-1] == span),
        message=path.message,
    )


def exp_derivative(
    geodesics: Geodesics,
    state: Array,
    settings: Settings,
    span: float = 1.0,
    *,
    dense: bool = False,
) -> tuple[Path, Array]:
    """Return the geodesic together with d exp: dx^i(s)/dv^k.

    Args:
        geodesics: the metric with its parameters.
        state: position and velocity at the start, (2n,).
        settings: how to integrate.
        span: range of s.
        dense: whether states between steps will be asked for.

    Returns:
        The path of the states, and the matrix [i, k] at its end, (n, n).
    """
    n = geodesics.n
    path = _path(geodesics, state, np.zeros((n, n)), np.eye(n), span, settings, dense)
    return path, path.states[-1, 2 * n : 2 * n + n * n].reshape(n, n).T


def conjugate_points(geodesics: Geodesics, state: Array, span: float) -> tuple[ConjugatePoint, ...]:
    """Return the points conjugate to the start of a geodesic.

    They are where J(s)/s is singular, J being the matrix of the Jacobi fields with J(0) = 0 and
    J'(0) = 1. Minima of its smallest singular value are sought on a grid; there the function
    u J(s) w of its singular vectors is smooth and changes sign, whatever the multiplicity.

    Args:
        geodesics: the metric with its parameters.
        state: position and velocity at the start, (2n,).
        span: range of s.

    Returns:
        The points, in order.
    """
    path, _ = exp_derivative(geodesics, state, geodesics.settings, span, dense=True)
    return find_conjugate_points(geodesics, path)


def find_conjugate_points(geodesics: Geodesics, path: Path) -> tuple[ConjugatePoint, ...]:
    """Return the conjugate points on a path that `exp_derivative` gave.

    Args:
        geodesics: the metric with its parameters.
        path: the path.

    Returns:
        The points, in order.
    """
    n, (first,) = geodesics.n, _frames(geodesics, path.states[:1])
    back = np.linalg.inv(first)

    def matrices(s: Array) -> Array:
        # between frames of unit vectors: a chart that fails is no conjugate point
        states = path.dense(np.atleast_1d(s))
        rows = states[:, 2 * n : 2 * n + n * n].reshape(-1, n, n).swapaxes(1, 2)
        scaled: Array = _frames(geodesics, states) @ rows @ back / np.atleast_1d(s)[:, None, None]
        return scaled

    # each step is one of a method of order 8: 16 points of it see what the solution does
    inner = np.linspace(0, 1, 17)[1:]
    grid = np.concatenate(
        [a + (b - a) * inner for a, b in zip(path.s[:-1], path.s[1:], strict=True)]
    )
    values = np.linalg.svd(matrices(grid), compute_uv=False)
    ratio = values[:, -1] / values[:, 0]
    padded = np.concatenate([[np.inf], ratio, [np.inf]])
    lowest = np.flatnonzero((ratio <= padded[:-2]) & (ratio <= padded[2:]))
    found: list[ConjugatePoint] = []
    for k in map(int, lowest):
        low = grid[k - 1] if k else 0.5 * grid[0]
        s = _refined(matrices, float(grid[k]), float(low), float(grid[min(k + 1, len(grid) - 1)]))
        sizes = np.linalg.svd(matrices(np.array(s))[0], compute_uv=False)
        multiplicity = int((sizes <= _SINGULAR * sizes[0]).sum())
        if multiplicity and not any(abs(s - other.s) <= 1e-9 * abs(s) for other in found):
            found.append(ConjugatePoint(s, path.dense(np.array([s]))[0, :n], multiplicity))
    return tuple(found)


def _frames(geodesics: Geodesics, states: Array) -> Array:
    """Matrices E with g = E^T diag(+-1) E, by which components become those of a unit frame."""
    (g,) = geodesics.equations.field("metric")(states[:, : geodesics.n])
    sizes = np.sqrt(np.abs(np.einsum("aii->ai", g)))
    sizes = np.where(sizes > 0, sizes, 1.0)
    values, vectors = np.linalg.eigh(g / (sizes[:, :, None] * sizes[:, None, :]))
    frames: Array = np.sqrt(np.abs(values))[:, :, None] * vectors.swapaxes(1, 2) * sizes[:, None, :]
    return frames


def _refined(matrices: object, s: float, low: float, high: float) -> float:
    """The zero of u J(s) w near s, the singular vectors u and w being renewed as s improves."""
    assert callable(matrices)
    for _ in range(6):
        u, _, w = np.linalg.svd(matrices(np.array(s))[0])
        step = 1e-6 * (high - low)
        at, ahead = (float(u[:, -1] @ matrices(np.array(x))[0] @ w[-1]) for x in (s, s + step))
        slope = (ahead - at) / step
        if slope == 0:
            break
        new = min(max(s - at / slope, low), high)
        if abs(new - s) <= 1e-14 * abs(s):
            return new
        s = new
    return s


def _path(
    geodesics: Geodesics,
    state: Array,
    start: Array,
    slope: Array,
    span: float,
    settings: Settings,
    dense: bool = True,
) -> Path:
    rows = np.concatenate([state, start.ravel(), slope.ravel()])
    equations, describe = geodesics.equations.jacobi, geodesics._describe
    return integrate(equations, rows, (0.0, span), settings, (), describe, dense=dense)
