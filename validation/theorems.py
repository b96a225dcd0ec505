"""Theorems of global and comparison geometry, on examples, through compiled kernels."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

import geomkit as gk
from geomkit.geodesic import Geodesics
from validation.claim import Claim, Finding, Outcome, Table
from validation.study import Study, picture

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


def _radial(radius: str) -> gk.Metric:
    """The surface |x| = radius(theta, phi) about the origin."""
    ray = ("sin(theta)*cos(phi)", "sin(theta)*sin(phi)", "cos(theta)")
    return gk.Metric.from_embedding(
        map=[f"({radius})*{x}" for x in ray],
        coordinates=["theta", "phi"],
        domain={"theta": ["1/100", "157/50"], "phi": ["0", "6"]},
    )


# name -> surface, Euler characteristic; the first coordinate runs over (0, pi) or is periodic
def _closed_surfaces() -> dict[str, tuple[gk.Metric, int]]:
    ellipsoid = ["3*sin(theta)*cos(phi)", "2*sin(theta)*sin(phi)", "cos(theta)"]
    ring = "(2 + cos(theta)/2 + sin(3*phi)/4*sin(theta))"
    torus = [f"{ring}*cos(phi)", f"{ring}*sin(phi)", "sin(theta) + cos(2*phi)/5"]
    box = {"theta": ["1/100", "157/50"], "phi": ["0", "6"]}

    def embedded(map_: list[str]) -> gk.Metric:
        return gk.Metric.from_embedding(map=map_, coordinates=["theta", "phi"], domain=box)

    return {
        "ellipsoid with axes 3, 2, 1": (embedded(ellipsoid), 2),
        "sphere with three bumps": (_radial("1 + sin(theta)**3*cos(3*phi)/4"), 2),
        "torus, bent": (embedded(torus), 0),
    }


def _gauss_bonnet(study: Study) -> Finding:
    count = 120 if study.quick else 240
    rows, worst = [], 0.0
    for name, (metric, chi) in _closed_surfaces().items():
        kernel = gk.compile(metric, ["gauss", "volume_element"])
        total = _integral(kernel, count, periodic=chi == 0)
        error = abs(total - 2 * math.pi * chi)
        rows.append((name, chi, total, error))
        worst = max(worst, error)
    return Finding.within(
        worst,
        1e-8,
        "largest error of the integral of K",
        figures={"error": worst},
        tables=(Table("integral of K", ("surface", "chi", "integral", "error"), tuple(rows)),),
    )


def _integral(kernel: gk.Kernel, count: int, *, periodic: bool) -> float:
    """Integral of K dA: Gauss's rule in theta, or the trapezoidal rule where it is periodic."""
    phi = 2 * math.pi * np.arange(count) / count
    if periodic:
        theta, weight = phi, np.full(count, 2 * math.pi / count)
    else:
        nodes, weight = np.polynomial.legendre.leggauss(count)
        theta, weight = math.pi / 2 * (nodes + 1), math.pi / 2 * weight
    points = np.stack(np.meshgrid(theta, phi, indexing="ij"), -1).reshape(-1, 2)
    found = kernel(points)
    values = (found.gauss * found.volume_element).reshape(count, count)
    return float(weight @ values.sum(1) * 2 * math.pi / count)


def _triangles(study: Study) -> Finding:
    metrics = {
        "sphere": ("sphere2_stereographic", {"a": 1.0}, +1),
        "hyperbolic plane": ("hyperbolic_plane_half", {}, -1),
        "ellipsoid (K > 0)": ("ellipsoid_of_revolution", {"a": 1.0, "c": 1.5}, +1),
    }
    rng = np.random.default_rng(0)
    rows, wrong = [], 0
    for name, (key, values, sign) in metrics.items():
        metric = gk.catalog[key]
        values = {k: v for k, v in values.items() if k in metric.symbols}
        model = Geodesics(metric, parameters=values)
        excess = [
            _excess(model, metric, p, values) for p in _corners(key, rng, 4 if study.quick else 20)
        ]
        wrong += sum(sign * e <= 0 for e in excess)
        rows.append((name, len(excess), min(excess), max(excess)))
    return Finding(
        Outcome.FAILS if wrong else Outcome.HOLDS,
        f"{wrong} geodesic triangles have an angular excess of the wrong sign",
        {"wrong": wrong},
        (Table("sum of angles - pi", ("surface", "triangles", "least", "largest"), tuple(rows)),),
    )


def _corners(key: str, rng: np.random.Generator, count: int) -> list[Array]:
    centre = np.array([0.0, 1.0] if key == "hyperbolic_plane_half" else [0.2, 0.1])
    if key == "ellipsoid_of_revolution":
        centre = np.array([1.5, 0.0])
    return [centre + 0.3 * rng.uniform(-1, 1, (3, 2)) for _ in range(count)]


def _excess(model: Geodesics, metric: gk.Metric, corners: Array, values: dict[str, float]) -> float:
    """Sum of the angles of a geodesic triangle, less pi."""
    kernel = gk.compile(metric, ["metric"])
    total = 0.0
    for a, b, c in itertools.islice(itertools.permutations(range(3)), 0, None, 2):
        u, v = (model.log(corners[a], corners[k]).vector for k in (b, c))
        if u is None or v is None:
            return math.nan
        g = kernel(corners[a], **values).metric
        total += math.acos(np.clip(u @ g @ v / math.sqrt((u @ g @ u) * (v @ g @ v)), -1, 1))
    return total - math.pi


def _rauch(study: Study) -> Finding:
    """|J| between the solutions for the least and the largest curvature on the way."""
    import matplotlib.pyplot as plt

    # z^2 / 2.25 + r^2 = 1: the Gauss curvature lies between 1/c^2 and c^2/a^4
    metric, values = gk.catalog["ellipsoid_of_revolution"], {"a": 1.0, "c": 1.5}
    low, high = 1 / 1.5**2, 1.5**2
    kernel, curved = gk.compile(metric, ["metric"]), gk.compile(metric, ["gauss"])
    figure, axes = plt.subplots(figsize=(6, 3.5))
    worst = 0.0
    for angle in np.linspace(0.1, 1.4, 3 if study.quick else 8):
        start = np.array([math.pi / 2, 0.0])
        g = kernel(start, **values).metric
        unit = np.array([math.cos(angle), math.sin(angle)]) / np.sqrt(np.diag(g))
        normal = np.array([-math.sin(angle), math.cos(angle)]) / np.sqrt(np.diag(g))
        found = gk.geodesic.jacobi_field(metric, start, unit, [0, 0], normal, 1.3, **values)
        s, size = found.s, np.sqrt(found.squares[:, 0])
        seen = curved(found.points, **values).gauss
        below = np.sin(math.sqrt(high) * s) / math.sqrt(high)
        above = np.sin(math.sqrt(low) * s) / math.sqrt(low)
        outside = max(0.0, low - seen.min(), seen.max() - high)
        worst = max(worst, (below - size).max(), (size - above).max(), outside)
        axes.plot(s, size, lw=1)
    axes.plot(s, below, "k--", label="constant K = largest")
    axes.plot(s, above, "k:", label="constant K = least")
    axes.set(xlabel="s", ylabel="|J|")
    axes.legend()
    return Finding.within(
        worst,
        1e-9,
        "largest violation of sin(sqrt K_max s)/sqrt K_max <= |J| <= sin(sqrt K_min s)/sqrt K_min",
        figures={"violation": worst},
        pictures=[
            picture(figure, "Jacobi fields on an ellipsoid of revolution between the bounds")
        ],
    )


CLAIMS = (
    Claim(
        "gauss-bonnet",
        "The integral of K over a closed surface is 2 pi times its Euler characteristic.",
        "Gauss-Bonnet theorem",
        "1e-8: the quadrature converges geometrically, so rounding of a sum of 4e4 terms is left.",
        _gauss_bonnet,
    ),
    Claim(
        "triangles",
        "The angles of a geodesic triangle sum to more than pi where K > 0, to less where K < 0.",
        "Gauss (1827); Toponogov's theorem",
        "No triangle of the wrong sign among those drawn; angles from the logarithm, to 1e-8.",
        _triangles,
    ),
    Claim(
        "rauch",
        "A Jacobi field lies between those of the least and the largest curvature on its way.",
        "Rauch (1951) comparison theorem",
        "1e-9: the tolerance of the integrator, over a length of 1.3.",
        _rauch,
    ),
)
