"""Charts of spheres and hyperbolic spaces as maps into flat space, for tests of geodesics.

The maps are evaluated here with SymPy's own numbers, not by geomkit: a geodesic of a sphere is a
great circle of the flat space around it, whatever the chart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import sympy

from geomkit import Metric

__all__ = ["HYPERBOLIC", "SPHERES", "ChartOfSpace"]


@dataclass(frozen=True)
class ChartOfSpace:
    """A chart x -> X(x) of the sphere |X| = 1 or the hyperboloid -X_0^2 + |X|^2 = -1.

    Attributes:
        name: of the chart.
        coordinates: their names.
        map: the components X.
        point: a regular point.
        signs: of the flat metric around.
    """

    name: str
    coordinates: tuple[str, ...]
    map: tuple[str, ...]
    point: tuple[float, ...]
    signs: tuple[int, ...]

    @cache  # noqa: B019  (a few charts, for one test run)
    def metric(self) -> Metric:
        half = {x: [str(c - 0.05), str(c + 0.05)] for x, c in self._pairs()}
        ambient = None if min(self.signs) > 0 else list(self.signs)
        return Metric.from_embedding(
            list(self.map), list(self.coordinates), ambient=ambient, domain=half, name=self.name
        )

    def _pairs(self) -> list[tuple[str, float]]:
        return list(zip(self.coordinates, self.point, strict=True))

    @cache  # noqa: B019
    def _functions(self) -> tuple[Any, Any]:
        x = sympy.symbols(self.coordinates)
        names = {str(one): one for one in x}
        image = sympy.Matrix([sympy.parse_expr(text, local_dict=names) for text in self.map])
        return sympy.lambdify([x], image, "mpmath"), sympy.lambdify(
            [x], image.jacobian(x), "mpmath"
        )

    def image(self, point: Any) -> np.ndarray[Any, Any]:
        return np.array(self._functions()[0](list(point)).tolist(), dtype=float).ravel()

    def pushed(self, point: Any, vector: Any) -> np.ndarray[Any, Any]:
        slope = np.array(self._functions()[1](list(point)).tolist(), dtype=float)
        return np.asarray(slope @ np.asarray(vector))

    def great_circle(self, point: Any, vector: Any, s: float) -> np.ndarray[Any, Any]:
        """X cos(w s) + X' sin(w s)/w on the sphere; with cosh and sinh on the hyperboloid."""
        start, slope = self.image(point), self.pushed(point, vector)
        speed = float(np.sqrt(np.sum(np.array(self.signs) * slope**2)))
        curved = min(self.signs) < 0
        c, d = (np.cosh, np.sinh) if curved else (np.cos, np.sin)
        return np.asarray(start * c(speed * s) + slope / speed * d(speed * s))


def _sphere(name: str, coordinates: str, image: str, *point: float) -> ChartOfSpace:
    parts = tuple(part.strip() for part in image.split(";"))
    return ChartOfSpace(name, tuple(coordinates.split()), parts, point, (1,) * len(parts))


def _hyperbolic(name: str, coordinates: str, image: str, *point: float) -> ChartOfSpace:
    parts = tuple(part.strip() for part in image.split(";"))
    signs = (-1,) + (1,) * (len(parts) - 1)
    return ChartOfSpace(name, tuple(coordinates.split()), parts, point, signs)


_U2, _U3 = "(1 + u**2 + v**2)", "(1 + u**2 + v**2 + w**2)"
_B2, _B3 = "(1 - u**2 - v**2)", "(1 - u**2 - v**2 - w**2)"

SPHERES = (
    _sphere("polar S2", "u v", "sin(u)*cos(v); sin(u)*sin(v); cos(u)", 1.3, 0.2),
    _sphere("stereographic S2", "u v", f"2*u/{_U2}; 2*v/{_U2}; 1 - 2/{_U2}", 0.3, -0.2),
    _sphere("Mercator S2", "u v", "cos(v)/cosh(u); sin(v)/cosh(u); tanh(u)", 0.2, 0.1),
    _sphere(
        "Hopf S3",
        "u v w",
        "sin(u)*cos(v); sin(u)*sin(v); cos(u)*cos(w); cos(u)*sin(w)",
        0.8, 0.1, 0.2,
    ),
    _sphere(
        "stereographic S3", "u v w", f"2*u/{_U3}; 2*v/{_U3}; 2*w/{_U3}; 1 - 2/{_U3}", 0.1, 0.2, -0.1
    ),
    _sphere(
        "polar S4",
        "u v w x",
        "cos(u); sin(u)*cos(v); sin(u)*sin(v)*cos(w); sin(u)*sin(v)*sin(w)*cos(x); "
        "sin(u)*sin(v)*sin(w)*sin(x)",
        1.5, 1.4, 1.6, 0.1,
    ),
)  # fmt: skip

HYPERBOLIC = (
    _hyperbolic("polar H2", "u v", "cosh(u); sinh(u)*cos(v); sinh(u)*sin(v)", 1.2, 0.3),
    _hyperbolic("disk H2", "u v", f"2/{_B2} - 1; 2*u/{_B2}; 2*v/{_B2}", 0.2, -0.1),
    _hyperbolic(
        "half-plane H2", "u v", "(1 + u**2 + v**2)/(2*v); (u**2 + v**2 - 1)/(2*v); u/v", 0.1, 1.2
    ),
    _hyperbolic(
        "ball H3", "u v w", f"2/{_B3} - 1; 2*u/{_B3}; 2*v/{_B3}; 2*w/{_B3}", 0.1, 0.2, -0.1
    ),
)
