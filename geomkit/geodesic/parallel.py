"""Parallel transport along geodesics and along given curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy
from numpy.typing import NDArray

from geomkit.errors import DomainError, MetricError
from geomkit.geodesic import reading
from geomkit.geodesic.expressions import Scalar
from geomkit.geodesic.integrate import Path, integrate

if TYPE_CHECKING:
    from geomkit.geodesic.model import Geodesics

__all__ = ["Transported", "along_curve", "along_geodesic", "read_curve"]

Array = NDArray[np.float64]
Curve = Callable[[float], tuple[Array, Array]]


@dataclass(frozen=True)
class Transported:
    """Vectors w_1 ... w_k carried parallel along a curve.

    Attributes:
        s: curve parameter of the samples, (N,).
        points: positions, (N, n).
        velocities: dx/ds, (N, n).
        vectors: the vectors, (N, k, n).
        drift: largest change of a product g(w_a, w_b), relative to the size of its terms; parallel
            transport preserves them.
        complete: whether the curve was followed to its end.
        message: why it ends.
    """

    s: Array
    points: Array
    velocities: Array
    vectors: Array
    drift: float
    complete: bool
    message: str

    @property
    def end(self) -> Array:
        """The vectors at the last point, (k, n)."""
        end: Array = self.vectors[-1]
        return end


def along_geodesic(
    geodesics: Geodesics, state: Array, vectors: Array, span: float, samples: int
) -> Transported:
    """Carry vectors along a geodesic, which is integrated with them.

    Args:
        geodesics: the metric with its parameters.
        state: position and velocity at the start, (2n,).
        vectors: the vectors, (k, n).
        span: range of s.
        samples: number of samples.

    Returns:
        The vectors along the curve.
    """
    n = geodesics.n
    path = integrate(
        geodesics.equations.transport,
        np.concatenate([state, vectors.ravel()]),
        (0.0, span),
        geodesics.settings,
        (),
        geodesics._describe,
    )
    s = np.linspace(path.s[0], path.s[-1], samples)
    rows = path.dense(s)
    carried = rows[:, 2 * n :].reshape(samples, -1, n)
    return _result(geodesics, path, s, rows[:, :n], rows[:, n : 2 * n], carried)


def along_curve(
    geodesics: Geodesics, curve: Curve, vectors: Array, span: tuple[float, float], samples: int
) -> Transported:
    """Carry vectors along a given curve.

    Args:
        geodesics: the metric with its parameters.
        curve: s -> (point, velocity).
        vectors: the vectors, (k, n).
        span: first and last value of s.
        samples: number of samples.

    Returns:
        The vectors along the curve.
    """
    n, equations = geodesics.n, geodesics.equations

    def slope(s: float, rows: Array) -> Array:
        point, velocity = curve(s)
        return equations.carried(point, velocity, rows.reshape(-1, n)).ravel()

    def describe(_rows: Array) -> str:
        return f"the curve with {', '.join(geodesics.coordinates)} as given"

    path = integrate(slope, vectors.ravel(), span, geodesics.settings, (), describe)
    s = np.linspace(path.s[0], path.s[-1], samples)
    pairs = [curve(float(one)) for one in s]
    points, velocities = (np.array([pair[k] for pair in pairs]) for k in (0, 1))
    carried = path.dense(s).reshape(samples, -1, n)
    return _result(geodesics, path, s, points, velocities, carried)


def read_curve(geodesics: Geodesics, curve: Any, parameter: str) -> Curve:
    """Return a curve as a function s -> (point, velocity).

    Args:
        geodesics: the metric with its parameters.
        curve: such a function, or n expressions in the parameter.
        parameter: its name.

    Returns:
        The function.

    Raises:
        MetricError: the name is taken, or an expression uses coordinates.
        DomainError: there are not n expressions.
    """
    metric = geodesics.metric
    if callable(curve):
        return _checked(curve, metric.n)
    if parameter in metric.symbols:
        raise MetricError(
            f"{parameter!r} is a symbol of metric {metric.name!r}; give another parameter="
        )
    if not isinstance(curve, Sequence) or isinstance(curve, str) or len(curve) != metric.n:
        raise DomainError(f"a curve needs {metric.n} expressions, one for each coordinate")
    symbol = sympy.Symbol(parameter, real=True)
    extra = {parameter: symbol}
    rows = [
        metric.resolve(given, where=f"curve, {x}", extra=extra)
        for given, x in zip(curve, metric.coordinates, strict=True)
    ]
    for row in rows:
        if row.free_symbols & set(metric.coordinates):
            raise MetricError(f"the curve {row} uses coordinates; write it in {parameter!r} alone")
    numbers, slopes = (
        [Scalar(metric, e, geodesics.numbers, "curve", extra) for e in group]
        for group in (rows, [sympy.diff(row, symbol) for row in rows])
    )
    nowhere = np.zeros(metric.n)

    def at(s: float) -> tuple[Array, Array]:
        point, velocity = (
            np.array([float(f(nowhere, None, [s])) for f in group]) for group in (numbers, slopes)
        )
        return point, velocity

    return at


def _checked(curve: Callable[[float], Any], n: int) -> Curve:
    def at(s: float) -> tuple[Array, Array]:
        pair = curve(s)
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise DomainError(
                f"the curve gave {pair!r} at s = {s:g}; it has to return position and velocity, "
                f"({n},) each"
            )
        point, velocity = (reading.numbers(one, f"the curve at s = {s:g}") for one in pair)
        if point.shape != (n,) or velocity.shape != (n,):
            raise DomainError(
                f"the curve gave shapes {point.shape} and {velocity.shape} at s = {s:g}; it has to "
                f"return position and velocity, ({n},) each"
            )
        return point, velocity

    return at


def _result(
    geodesics: Geodesics, path: Path, s: Array, points: Array, velocities: Array, vectors: Array
) -> Transported:
    (g,) = geodesics.equations.field("metric")(points)
    products = np.einsum("aki,aij,alj->akl", vectors, g, vectors)
    sizes = np.einsum("ki,ij,lj->kl", *map(np.abs, (vectors[0], g[0], vectors[0])))
    with np.errstate(all="ignore"):
        drift = np.abs(products - products[0]).max(axis=0) / np.where(sizes > 0, sizes, 1.0)
    return Transported(
        s=s,
        points=points,
        velocities=velocities,
        vectors=vectors,
        drift=float(drift.max()),
        complete=path.ending.value == "length",
        message=path.message,
    )
