"""Coordinate maps between the charts of a neural manifold: smooth, invertible, with log-det.

| map | y = phi(x) | smoothness | log det |
|---|---|---|---|
| `AffineCoupling` | x_b exp(s(x_a)) + t(x_a), x_a stays | C^infinity | sum s |
| `SplineCoupling` | rational-quadratic splines of x_b, x_a stays | C^1 | sum log slopes |
| `Monotone` | hyperbolic boosts of each coordinate | C^infinity | sum log slopes |
| `LUAffine` | L U x + b, det > 0 | C^infinity | sum log U_ii |
| `Affine` | A x + b | C^infinity | log abs det A |
| `ActNorm` | exp(s) x + b, set from the first batch | C^infinity | sum s |
| `Permutation` | coordinates in another order | C^infinity | 0 |
| `ZukoMap` | a flow of the zuko library | as its parts | from zuko |
| `Composition`, `Inverse` | of other maps | of the least smooth member | sums |

Each gives `forward(x) -> (y, log_det)`, `inverse(y)`, `jacobian(x)` and `with_jacobian(x)`.
`coordinate_map(kind, n, **options)` makes one by name, `diagnose(map, x)` measures one, and
`require_smoothness(map, k, what)` refuses one that is not C^k. `Pad` widens data to the dimension
of the charts.
"""

from __future__ import annotations

from ndm.charts.base import SMOOTH, CoordinateMap, require_smoothness
from ndm.charts.composition import Composition, Inverse
from ndm.charts.coupling import AffineCoupling
from ndm.charts.diagnosis import MapDiagnosis, diagnose
from ndm.charts.linear import Affine, LUAffine
from ndm.charts.monotone import Monotone
from ndm.charts.normalisation import ActNorm
from ndm.charts.padding import Pad
from ndm.charts.permutation import Permutation
from ndm.charts.registry import KINDS, coordinate_map
from ndm.charts.spline import SplineCoupling
from ndm.charts.zuko_map import ZukoMap, zuko_flow

__all__ = [
    "KINDS",
    "SMOOTH",
    "ActNorm",
    "Affine",
    "AffineCoupling",
    "Composition",
    "CoordinateMap",
    "Inverse",
    "LUAffine",
    "MapDiagnosis",
    "Monotone",
    "Pad",
    "Permutation",
    "SplineCoupling",
    "ZukoMap",
    "coordinate_map",
    "diagnose",
    "require_smoothness",
    "zuko_flow",
]
