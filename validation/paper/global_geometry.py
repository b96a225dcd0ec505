"""Do metrics that were learned locally obey Gauss and Bonnet together (R80)?

A closed surface is covered by two charts: a sphere by two discs (stereographic), a torus by two
rectangles (outside and inside, each all the way around). In each chart a metric net of its own
learns from free motion there, knowing nothing of the other chart nor of the topology. The charts
are cut along their common curves, and the integral of R/2 dA over both is compared with 2 pi chi.

In each chart alone the theorem holds for any metric, with the geodesic curvature and the corners of
the boundary: that is the check of the arithmetic (`local`). The boundary terms of the two cancel
only where the metrics agree; so the error of the whole is what they disagree about along the seam.

Fixed before the run: surfaces, 400 exact samples a chart, nets (12, 12), residual 3e-5, the limit
1e-3 of requirement R80. The number of a seed is log10(1e-3 / larger error of the two surfaces).
Seeds 0 to 4 were a trial, with fits down to a residual of 1e-5; 3e-5 was set later, to save time.
Left out after one trial with seed 1000: an ellipsoid (error 4e-4, residuals 1.5e-4, a minute of
CPU), and a torus of two rings in the plane, where such nets reached a residual of 1e-2 only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import geomkit as gk
from ndm.dynamics.least_squares import Stop, fit_levenberg_marquardt
from ndm.dynamics.motion import MetricDynamics
from ndm.dynamics.residuals import acceleration_residual, gauge
from ndm.dynamics.samples import Triples
from ndm.dynamics.systems import System
from ndm.field import MetricField
from ndm.metric_net import MetricNet
from validation.claim import Claim, Finding
from validation.paper.gains import SEEDS, ask
from validation.study import Study

__all__ = ["ATLASES", "CLAIMS", "Region", "boundary_term", "curvature_integral"]

_SAMPLES, _HIDDEN, _STOP, _STARTS = 400, (12, 12), Stop(200, residual=3e-5), 2
_OVERLAP = 0.15  # samples reach so far beyond the cut
_LIMIT = 1e-3
_MARGIN = 0.1  # of the logarithm: a quarter less than the limit


@dataclass(frozen=True)
class Region:
    """The unit disc, or a rectangle about the origin of a chart.

    Attributes:
        half: of the sides of the rectangle; None for the disc.
    """

    half: tuple[float, float] | None = None

    def draw(self, count: int, random: np.random.Generator) -> NDArray[np.float64]:
        """Points (count, 2), uniform in the region and a little beyond it."""
        if self.half is not None:
            return random.uniform(-1, 1, (count, 2)) * (np.array(self.half) + _OVERLAP)
        r = (1 + _OVERLAP) * np.sqrt(random.uniform(0, 1, count))
        angle = random.uniform(0, 2 * np.pi, count)
        return np.stack([r * np.cos(angle), r * np.sin(angle)], -1)

    def quadrature(self) -> tuple[Tensor, Tensor]:
        """Points (Q, 2) and weights (Q,): Gauss's rule, and the trapezoidal rule around a disc."""
        nodes, weights = (torch.tensor(each) for each in np.polynomial.legendre.leggauss(48))
        if self.half is not None:
            grid = torch.cartesian_prod(self.half[0] * nodes, self.half[1] * nodes)
            return grid, self.half[0] * self.half[1] * torch.outer(weights, weights).reshape(-1)
        r, angle = (nodes + 1) / 2, torch.arange(96, dtype=torch.float64) * (2 * np.pi / 96)
        x = torch.stack([torch.outer(r, angle.cos()), torch.outer(r, angle.sin())], -1)
        around = torch.full_like(angle, 2 * np.pi / 96)
        return x.reshape(-1, 2), torch.outer(weights / 2 * r, around).reshape(-1)

    def sides(self) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """The boundary, region to the left: points, first and second derivatives, weights."""
        if self.half is None:
            angle = torch.arange(256, dtype=torch.float64) * (2 * np.pi / 256)
            x = torch.stack([angle.cos(), angle.sin()], -1)
            v = torch.stack([-x[:, 1], x[:, 0]], -1)
            return [(x, v, -x, torch.full_like(angle, 2 * np.pi / 256))]
        nodes, weights = (torch.tensor(each) for each in np.polynomial.legendre.leggauss(48))
        signs = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]).double()
        corners, found = signs * torch.tensor(self.half, dtype=signs.dtype), []
        for k in range(4):
            v = (corners[(k + 1) % 4] - corners[k]) / 2
            x = corners[k] + (nodes[:, None] + 1) * v
            found.append((x, v.expand_as(x), torch.zeros_like(x), weights))
        return found


_PI = float(np.pi)
_DISC, _BAND = Region(), Region((_PI, _PI / 2))
# name -> 2 pi chi, the region of each chart, and the sign that tells the two charts apart
ATLASES: dict[str, tuple[float, Region, tuple[str, str]]] = {
    "sphere": (4 * _PI, _DISC, ("+", "-")),
    "torus": (0.0, _BAND, ("+", "-")),
}


@cache
def chart(name: str, which: int) -> System:
    """The motion in one chart of an atlas, derived by geomkit.

    Args:
        name: of `ATLASES`.
        which: 0 or 1.

    Returns:
        The system; its box is not used.
    """
    given = ATLASES[name][2][which]
    names, domain = ["u", "w"], {"u": ["1/2", "1"], "w": ["1/2", "1"]}
    if name == "torus":  # angles about the axis and, from the outermost or innermost circle, around
        line = f"(2 {given} cos(w))**2*du**2 + dw**2"
        return System(gk.Metric.from_line_element(line, coordinates=names, domain=domain))
    r2 = "(u**2 + w**2)"
    place = [f"2*u/(1 + {r2})", f"2*w/(1 + {r2})", f"{given}(1 - {r2})/(1 + {r2})"]
    return System(gk.Metric.from_embedding(map=place, coordinates=names, domain=domain))


def learned(name: str, which: int, seed: int) -> tuple[MetricField, float]:
    """A metric fitted to motion in one chart.

    Args:
        name: of `ATLASES`.
        which: 0 or 1.
        seed: of samples and net.

    Returns:
        The metric, and the relative residual.
    """
    region, system = ATLASES[name][1], chart(name, which)
    number = 2 * seed + which
    random = np.random.default_rng([number, list(ATLASES).index(name)])
    x, v = region.draw(_SAMPLES, random), random.normal(size=(_SAMPLES, 2))
    fit = fit_levenberg_marquardt(
        lambda k: MetricDynamics(fresh(100 * number + k)).double(),
        [acceleration_residual(Triples(x, v, system.acceleration(x, v)))],
        gauge=gauge(torch.tensor(x)),
        multistart=_STARTS,
        stop=_STOP,
    )
    assert isinstance(fit.model, MetricDynamics)
    return fit.model.metric, fit.residual


def fresh(seed: int) -> MetricNet:
    """A net that learned nothing: the beginning of a fit, and its control."""
    torch.manual_seed(seed)
    net: MetricNet = MetricNet(2, "full", _HIDDEN, spread=0.3).double()
    return net


@torch.no_grad()
def curvature_integral(field: MetricField, region: Region) -> float:
    """The integral of R/2 sqrt(det g) over a region.

    Args:
        field: the metric.
        region: where.

    Returns:
        The integral.
    """
    x, weights = region.quadrature()
    return float((field.scalar_curvature(x) / 2 * field.log_volume(x).exp() * weights).sum())


@torch.no_grad()
def boundary_term(field: MetricField, region: Region) -> float:
    """The integral of the geodesic curvature along the boundary, and the angles at its corners.

    k ds = sqrt(det g) (x'^1 A^2 - x'^2 A^1) / g(x', x') dt, A = x'' + Gamma(x', x').

    Args:
        field: the metric.
        region: where.

    Returns:
        What makes 2 pi with the integral of R/2 over the region.
    """
    total, sides = 0.0, region.sides()
    for k, (x, v, a, weights) in enumerate(sides):
        bend = torch.einsum("sijk,sj,sk->si", field.christoffel(x), v, v) + a
        turn = v[:, 0] * bend[:, 1] - v[:, 1] * bend[:, 0]
        density = field.log_volume(x).exp() * turn / field.inner(x, v, v)
        total += float((density * weights).sum())
        if len(sides) > 1:
            before = sides[k - 1][1][:1]
            corner = (x[0] + x[-1]) / 2 - v[0]
            total += float(field.angle(corner[None], before, v[:1])[0])
    return total


def _measure(seed: int) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    local = residual = worst = 0.0
    for name, (wanted, region, _) in ATLASES.items():
        whole = control = 0.0
        for which in (0, 1):
            field, left = learned(name, which, seed)
            inside = curvature_integral(field, region)
            alone = inside + boundary_term(field, region) - 2 * _PI
            local, residual = max(local, abs(alone)), max(residual, left)
            whole += inside
            control += curvature_integral(fresh(1000 * seed + which), region)
        figures[f"{name}: error"] = whole - wanted
        figures[f"{name}: untrained"] = control - wanted
        worst = max(worst, abs(whole - wanted))
    gain = float(np.log10(_LIMIT / max(worst, 1e-12)))
    return {"gain": gain, **figures, "local": local, "residual": residual}


def _run(study: Study) -> Finding:
    what = "log10 of 1e-3 over the largest error of the integral of R/2 over two charts"
    columns = [f"{name}: {kind}" for name in ATLASES for kind in ("error", "untrained")]
    return ask(
        study,
        _measure,
        lambda row: float(row["gain"]),
        _MARGIN,
        what,
        [*columns, "local", "residual"],
    )


CLAIMS = (
    Claim(
        "R80",
        "Metrics learned in two charts obey Gauss-Bonnet together: their curvature sums to 2 pi "
        "chi within 1e-3, on a sphere and on a torus.",
        "paper, section 6.5; requirement R80",
        "The worse of two surfaces below 1e-3; a factor of 1.25 (0.1 of the logarithm) would "
        "matter.",
        _run,
        seeds=SEEDS,
        question=True,
    ),
)
