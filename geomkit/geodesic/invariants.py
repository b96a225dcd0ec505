"""First integrals of geodesics: energy, Killing momenta, quantities of the user; their drift."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import MetricError
from geomkit.geodesic.equations import Equations
from geomkit.geodesic.expressions import Scalar
from geomkit.geodesic.trajectory import Invariant

if TYPE_CHECKING:
    from geomkit.metric import Metric

__all__ = ["Conserved", "conserved", "cyclic_coordinates", "drifts", "killing_fields", "measure"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Conserved:
    """A quantity that ought to be conserved.

    Attributes:
        name: its name.
        formula: what it is, in words or symbols.
        proved: whether geomkit has proved it.
        terms: the terms whose sum it is, at positions and velocities (N, n), with the products
            g_ij v^j (N, n, n): (N, k). Their size is what a drift is compared with.
        size: what the terms are compared with when they vanish, at the same arguments: (N,).
    """

    name: str
    formula: str
    proved: bool
    terms: Callable[[Array, Array, Array], Array]
    size: Callable[[Array, Array, Array], Array]


@cache
def cyclic_coordinates(metric: Metric) -> tuple[str, ...]:
    """Return the coordinates x^k with d_k g_ij = 0, exactly; d/dx^k are Killing fields.

    Args:
        metric: the metric.

    Returns:
        Their names.

    Example:
        >>> import geomkit as gk
        >>> cyclic_coordinates(gk.catalog["kerr"])
        ('t', 'phi')
    """
    from geomkit.calculus import is_killing

    free = metric.matrix.free_symbols
    found = []
    for k, x in enumerate(metric.coordinates):
        unit = ["1" if i == k else "0" for i in range(metric.n)]
        # a symbol may occur and drop out: the field decides
        if x not in free or is_killing(metric, unit).value is True:
            found.append(str(x.name))
    return tuple(found)


def killing_fields(metric: Metric) -> dict[str, tuple[str, ...]]:
    """Return the Killing fields that the catalogue cites for a metric of its own, proved again.

    Args:
        metric: the metric.

    Returns:
        name -> components; empty for a metric that is not of the catalogue.

    Example:
        >>> import geomkit as gk
        >>> len(killing_fields(gk.catalog["sphere2"])) >= 2
        True
    """
    return dict(_catalogued(metric))


@cache
def _catalogued(metric: Metric) -> dict[str, tuple[str, ...]]:
    from geomkit.calculus import is_killing
    from geomkit.catalog import catalog

    if metric.name not in catalog or catalog[metric.name] != metric:
        return {}
    vectors = [
        tuple(str(entry) for entry in claim.keys["vector"])
        for claim in catalog.claims(metric.name).claims
        if claim.kind == "killing" and "vector" in claim.keys
    ]
    return {
        f"K{number}": vector
        for number, vector in enumerate(vectors, start=1)
        if is_killing(metric, vector).value is True
    }


def conserved(
    equations: Equations,
    parameters: Mapping[str, float],
    killing: Any,
    integrals: Mapping[str, Any],
) -> tuple[Conserved, ...]:
    """Return what to monitor along geodesics.

    Args:
        equations: the equations of the metric.
        parameters: values of the parameters that are numbers.
        killing: Killing fields: a mapping name -> components, or a sequence of components; None for
            those of the catalogue.
        integrals: name -> expression in coordinates and velocities `v_r`, ...

    Returns:
        The energy, the momenta of cyclic coordinates, those of the fields, the expressions.

    Raises:
        MetricError: two have the same name, or a field is no Killing field.
    """
    metric = equations.metric
    names = [x.name for x in metric.coordinates]
    if killing is None:
        cyclic = {tuple("1" if x == y else "0" for x in names) for y in cyclic_coordinates(metric)}
        killing = {k: row for k, row in killing_fields(metric).items() if row not in cyclic}
    found = [Conserved("energy", "g_ij v^i v^j/2", True, _energy, _speed)]
    found += [_cyclic(metric, name) for name in cyclic_coordinates(metric)]
    found += [_killing(metric, name, k, parameters) for name, k in _named(killing)]
    found += [_integral(metric, name, e, parameters) for name, e in integrals.items()]
    taken = [one.name for one in found]
    for name in taken:
        if taken.count(name) > 1:
            raise MetricError(f"two invariants are called {name!r}; rename the one you give")
    return tuple(found)


def measure(
    wanted: Iterable[Conserved],
    equations: Equations,
    points: Array,
    velocities: Array,
    tolerance: float,
) -> dict[str, Invariant]:
    """Measure the drift of conserved quantities along a curve.

    Args:
        wanted: the quantities.
        equations: the equations of the metric.
        points: positions, (N, n), the start first.
        velocities: velocities, (N, n).
        tolerance: drift above which an invariant is not `ok`.

    Returns:
        One result for each, by name.
    """
    (g,) = equations.field("metric")(points)
    products = g * velocities[:, None, :]
    found = {}
    for one in wanted:
        with np.errstate(all="ignore"):
            terms = one.terms(points, velocities, products)
            size = float(one.size(points[:1], velocities[:1], products[:1])[0])
        values = terms.sum(axis=1)
        scale = float(np.abs(terms[0]).sum())
        # terms that are rounding errors of zero are no measure of a drift
        scale = scale if scale > 1e-12 * size else size or 1.0
        # where the terms grow (at a horizon), rounding alone changes their sum by that much more
        sizes = np.maximum(scale, np.abs(terms).sum(axis=1))
        drift = float(np.max(np.abs(values - values[0]) / sizes))
        finite = bool(np.isfinite(drift))
        found[one.name] = Invariant(
            name=one.name,
            formula=one.formula,
            proved=one.proved,
            value=float(values[0]),
            drift=drift if finite else 1e300,
            scale=scale,
            ok=finite and drift <= tolerance,
        )
    return found


def drifts(
    wanted: Iterable[Conserved],
    equations: Equations,
    starts: tuple[Array, Array],
    ends: tuple[Array, Array],
) -> dict[str, Array]:
    """Measure how much conserved quantities change from the starts to the ends of many curves.

    Args:
        wanted: the quantities.
        equations: the equations of the metric.
        starts: positions and velocities at the starts, (N, n) each.
        ends: those at the ends.

    Returns:
        The drift of each, relative to the size of its terms as in `measure`, (N,), by name.
    """
    found = {}
    both = []
    for points, velocities in (starts, ends):
        (g,) = equations.field("metric")(points)
        both.append((points, velocities, g * velocities[:, None, :]))
    for one in wanted:
        with np.errstate(all="ignore"):
            first, last = (one.terms(*state) for state in both)
            size = one.size(*both[0])
            scale = np.abs(first).sum(axis=1)
            scale = np.where(scale > 1e-12 * size, scale, np.where(size > 0, size, 1.0))
            sizes = np.maximum(scale, np.abs(last).sum(axis=1))
            drift = np.abs(last.sum(axis=1) - first.sum(axis=1)) / sizes
        found[one.name] = np.where(np.isfinite(drift), drift, 1e300)
    return found


def _speed(_points: Array, velocities: Array, products: Array) -> Array:
    """The square root of the sum of |g_ij v^i v^j|."""
    size: Array = np.sqrt(np.abs(velocities[:, :, None] * products).sum(axis=(1, 2)))
    return size


def _energy(_points: Array, velocities: Array, products: Array) -> Array:
    return 0.5 * (velocities[:, :, None] * products).reshape(len(velocities), -1)


def _cyclic(metric: Metric, name: str) -> Conserved:
    terms = _momentum(metric.index(name))
    return Conserved(f"p_{name}", f"g(d/d{name}, v)", True, terms, _speed)


def _momentum(k: int) -> Callable[[Array, Array, Array], Array]:
    return lambda _points, _velocities, products: products[:, k, :]


def _one(points: Array, _velocities: Array, _products: Array) -> Array:
    return np.ones(len(points))


def _named(killing: Any) -> list[tuple[str, Any]]:
    if isinstance(killing, Mapping):
        return [(str(name), vector) for name, vector in killing.items()]
    return [(f"K{number}", vector) for number, vector in enumerate(killing, start=1)]


def _killing(metric: Metric, name: str, vector: Any, parameters: Mapping[str, float]) -> Conserved:
    from geomkit.calculus import is_killing

    decision = is_killing(metric, vector)
    if decision.value is not True:
        verdict = "is not one" if decision.value is False else "cannot be proved to be one"
        raise MetricError(
            f"the vector field {name} = {list(map(str, vector))} was given as a Killing field of "
            f"{metric.name!r} and {verdict}; geomkit.calculus.killing_tensor shows L_K g"
        )
    where = f"Killing field {name}"
    components = [Scalar(metric, entry, parameters, where) for entry in vector]

    def terms(points: Array, _velocities: Array, products: Array) -> Array:
        k = np.stack([component(points) for component in components], axis=1)
        return (k[:, :, None] * products).reshape(len(points), -1)

    shown = ", ".join(map(str, vector))
    proved = decision.proof == "exact"
    return Conserved(name, f"g(K, v), K = ({shown})", proved, terms, _speed)


def _integral(
    metric: Metric, name: str, expression: Any, parameters: Mapping[str, float]
) -> Conserved:
    scalar = Scalar(metric, expression, parameters, f"integral {name}")

    def terms(points: Array, velocities: Array, _products: Array) -> Array:
        return scalar(points, velocities)[:, None]

    return Conserved(name, str(scalar.expression), False, terms, _one)
