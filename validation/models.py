"""Geometry of Neural Differential Manifolds against closed forms and automatic differentiation."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

import ndm
from validation.claim import Claim, Finding, Table
from validation.study import Study

__all__ = ["CLAIMS", "scalar_by_autodiff"]

_SEEDS = (0, 1, 2, 3, 4)
# name in the catalogue -> parameters, n, R, and a place in the middle of the chart
_SPACES: dict[str, tuple[dict[str, float], int, float, tuple[float, ...]]] = {
    "sphere2_stereographic": ({}, 2, 2.0, (0.2, 0.1)),
    "hyperbolic_plane_half": ({}, 2, -2.0, (0.1, 1.5)),
    "sphere3_stereographic": ({}, 3, 6.0, (0.1, 0.2, -0.1)),
}


def scalar_by_autodiff(metric: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """R at one point from nested forward differentiation: shares nothing with geomkit's kernels.

    Args:
        metric: x (n,) -> g (n, n).
        x: (n,).

    Returns:
        R, a tensor without dimensions.
    """
    jacobian = torch.func.jacfwd

    def gamma(y: Tensor) -> Tensor:
        d = jacobian(metric)(y)
        down = d.permute(0, 2, 1) + d - d.permute(2, 0, 1)
        return 0.5 * torch.einsum("im,mjk->ijk", torch.linalg.inv(metric(y)), down)

    G, slope = gamma(x), jacobian(gamma)(x)
    riemann = torch.einsum("iljk->ijkl", slope) + torch.einsum("ikm,mlj->ijkl", G, G)
    ricci = torch.einsum("ijil->jl", riemann - riemann.transpose(-1, -2))
    return (torch.linalg.inv(metric(x)) * ricci).sum()


def _shaken(module: nn.Module, seed: int, size: float) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in module.parameters():
            p += size * torch.randn(p.shape, generator=generator, dtype=p.dtype)
    return module


def _model(n: int, metric: ndm.MetricField, seed: int) -> ndm.NDM:
    torch.manual_seed(seed)
    maps = [
        ndm.coordinate_map(kind, n, **({"parity": k % 2} if "coupling" in kind else {}))
        for k, kind in enumerate(["affine_coupling", "lu", "affine_coupling"])
    ]
    for map_ in maps:
        _shaken(map_.double(), seed, 0.1)
    model: ndm.NDM = ndm.NDM(maps, ndm.LinearHead(n, 2), metric).double()
    return model


def _every_chart(study: Study) -> Finding:
    rows = []
    for name, (parameters, n, curvature, centre) in _SPACES.items():

        def measure(
            seed: int,
            name: str = name,
            parameters: dict[str, float] = parameters,
            n: int = n,
            curvature: float = curvature,
            centre: tuple[float, ...] = centre,
        ) -> float:
            exact = ndm.ExactMetric(name, **_radii(name, parameters))
            model = _model(n, exact, seed)
            generator = torch.Generator().manual_seed(seed)
            noise = torch.randn((4, n), generator=generator, dtype=torch.float64)
            last = torch.tensor(centre, dtype=torch.float64) + 0.05 * noise
            x = model.invert(last)
            worst = 0.0
            for chart, y in enumerate(model.trace(x)):
                field = model.field(chart)
                by_autodiff = torch.stack([scalar_by_autodiff(field, row) for row in y])
                own = field.scalar_curvature(y)
                worst = max(worst, (by_autodiff - curvature).abs().max().item())
                worst = max(worst, (own - curvature).abs().max().item())
            return worst / abs(curvature)

        rows += [(name, seed, measure(seed)) for seed in study.seeds]
    return Finding.within(
        max(row[2] for row in rows),
        1e-9,
        "largest relative error of R in the charts of a model",
        tables=(Table("relative errors", ("space", "seed", "error"), tuple(rows)),),
    )


def _radii(name: str, parameters: dict[str, float]) -> dict[str, float]:
    """Unit radius where the metric of the catalogue has one."""
    import geomkit as gk

    free = [str(p.symbol) for p in gk.catalog[name].parameters if p.value is None]
    return dict.fromkeys(free, 1.0) | parameters


def _learned(study: Study) -> Finding:
    rows = []
    for family, n in (("full", 2), ("full", 4), ("diagonal", 3), ("conformal", 4), ("lowrank", 4)):
        for seed in study.seeds:
            torch.manual_seed(seed)
            net = ndm.MetricNet(n, family).double()
            _shaken(net, seed, 0.2)
            x = torch.randn((3, n), dtype=torch.float64)
            own = net.scalar_curvature(x)
            other = torch.stack([scalar_by_autodiff(net, row) for row in x])
            rows.append((family, n, seed, ((own - other) / (1 + other.abs())).abs().max().item()))
    return Finding.within(
        max(row[3] for row in rows),
        1e-10,
        "largest difference from automatic differentiation, relative to 1 + |R|",
        tables=(Table("differences", ("family", "n", "seed", "difference"), tuple(rows)),),
    )


def _one_manifold(study: Study) -> Finding:
    rows = []
    for seed in study.seeds:
        torch.manual_seed(seed)
        metric = _shaken(ndm.MetricNet(3).double(), seed, 0.1)
        assert isinstance(metric, ndm.MetricField)
        model = _model(3, metric, seed)
        x = torch.randn((5, 3), dtype=torch.float64)
        found = model.compatibility(x)
        back = (model.invert(model.trace(x)[-1]) - x).abs().max().item()
        rows.append((seed, found.metric.max().item(), found.curvature.max().item(), back))
    header = ("seed", "metric", "curvature", "inverse")
    return Finding.within(
        max(max(row[1:]) for row in rows),
        1e-9,
        "largest relative gap between charts, in metric, curvature and points",
        tables=(Table("gaps between charts of one metric", header, tuple(rows)),),
    )


CLAIMS = (
    Claim(
        "every-chart",
        "In every chart of a model the scalar curvature of a known space is its closed form.",
        "requirements R22, R27; geomkit's catalogue",
        "1e-9: two derivatives of a metric pulled back through three maps, in float64.",
        _every_chart,
        seeds=_SEEDS,
    ),
    Claim(
        "learned-curvature",
        "The curvature of learned metrics is that of nested automatic differentiation.",
        "requirements R22, R78",
        "1e-10, relative to 1 + |R|: rounding of two derivatives in float64.",
        _learned,
        seeds=_SEEDS,
    ),
    Claim(
        "one-manifold",
        "With one metric pulled back, the charts of a model are charts of one manifold.",
        "requirements R2, R5, R70",
        "1e-9: three maps and their inverses, in float64.",
        _one_manifold,
        seeds=_SEEDS,
    ),
)
