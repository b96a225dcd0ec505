"""Packages for geometry, on Schwarzschild: R^i_jkl by EinsteinPy and by geomstats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["einsteinpy", "geomstats"]

Call = tuple[Callable[[], Any], Callable[[Any], Any]]


def einsteinpy(problem: dict[str, Any]) -> Call:
    """Derived in SymPy, then its `tensor_lambdify`, which takes one point at a time."""
    import sympy as sp
    from einsteinpy.symbolic import MetricTensor, RiemannCurvatureTensor

    t, r, theta, phi, mass = sp.symbols("t r theta phi M")
    f = 1 - 2 * mass / r
    sphere = r**2 * sp.sin(theta) ** 2
    rows = [[-f, 0, 0, 0], [0, 1 / f, 0, 0], [0, 0, r**2, 0], [0, 0, 0, sphere]]
    riemann = RiemannCurvatureTensor.from_metric(MetricTensor(rows, (t, r, theta, phi)))
    names, function = riemann.tensor_lambdify()
    order = [(t, r, theta, phi, mass).index(name) for name in names]
    arguments = [[(*x, float(problem["mass"]))[k] for k in order] for x in problem["points"]]

    def call() -> Any:
        return [function(*one) for one in arguments]

    return call, _reader(problem["indices"], "nijkl->ijkln")


def geomstats(problem: dict[str, Any]) -> Call:
    """Its Christoffel symbols and their derivatives by autograd."""
    import geomstats.backend as gs
    from geomstats.geometry.euclidean import Euclidean
    from geomstats.geometry.riemannian_metric import RiemannianMetric

    mass = float(problem["mass"])

    class Schwarzschild(RiemannianMetric):  # type: ignore[misc]
        def metric_matrix(self, base_point: Any = None) -> Any:
            r, theta = base_point[..., 1], base_point[..., 2]
            f = 1 - 2 * mass / r
            entries = [-f, 1 / f, r**2, r**2 * gs.sin(theta) ** 2]
            zero = 0 * r
            rows = [[entries[i] if i == j else zero for j in range(4)] for i in range(4)]
            return gs.stack([gs.stack(row, axis=-1) for row in rows], axis=-2)

    metric = Schwarzschild(Euclidean(4, equip=False))
    base = gs.array(problem["points"])
    # theirs is R_ijk^l = dx^l(R(e_j, e_k) e_i), which is our R^l_ijk
    return lambda: metric.riemann_tensor(base), _reader(problem["indices"], "njkli->ijkln")


def _reader(indices: Any, order: str) -> Callable[[Any], Any]:
    """From all components of all points to those that are compared."""

    def read(result: Any) -> Any:
        full = np.einsum(order, np.array(result, dtype=float))
        return np.array([full[tuple(index)] for index in indices])

    return read
