"""The natural gradient: exact where it can be compared, and independent of parameters."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

import ndm
from ndm.cg import conjugate_gradient
from validation.claim import Claim, Finding, Outcome, Table
from validation.study import Study

__all__ = ["CLAIMS"]

_SEEDS = (0, 1, 2, 3, 4)


def _small(seed: int, outputs: int = 3) -> ndm.NDM:
    torch.manual_seed(seed)
    maps = [ndm.coordinate_map("affine_coupling", 2, hidden=(4,), parity=k) for k in range(2)]
    net = ndm.MetricNet(2, hidden=(4,))
    model: ndm.NDM = ndm.NDM(maps, ndm.LinearHead(2, outputs), net).double()
    with torch.no_grad():
        for p in model.parameters():
            p += 0.2 * torch.randn_like(p)
    return model


def _exact(study: Study) -> Finding:
    """G by products against G written down from Jacobians."""
    rows = []
    for seed in study.seeds:
        model = _small(seed)
        x = torch.randn(6, 2, dtype=torch.float64)
        for w_metric, w_fisher in ((0.0, 1.0), (1.0, 0.0), (1.0, 1.0)):
            G = ndm.GeneralisedFisher(model, x, w_metric=w_metric, w_fisher=w_fisher)
            dense = _written_down(model, x, G.parameters, w_metric, w_fisher)
            v = torch.randn(len(dense), dtype=torch.float64)
            error = float((G(v) - dense @ v).norm() / (dense @ v).norm())
            rows.append((seed, w_metric, w_fisher, error))
    header = ("seed", "w_i L", "w_F", "relative error")
    return Finding.within(
        max(row[3] for row in rows),
        1e-10,
        "largest relative error of G v",
        tables=(Table("products against matrices", header, tuple(rows)),),
    )


def _written_down(
    model: ndm.NDM, x: Tensor, parameters: list[nn.Parameter], w_metric: float, w_fisher: float
) -> Tensor:
    """sum_i w_i E[J_i^T g_i J_i] + w_F E[J^T F J] by loops over points and outputs."""
    size, count = sum(p.numel() for p in parameters), len(model.layers)
    total = torch.zeros(size, size, dtype=torch.float64)

    def jacobian(values: Tensor) -> Tensor:
        rows = []
        for value in values:
            slopes = torch.autograd.grad(value, parameters, retain_graph=True, allow_unused=True)
            pairs = zip(slopes, parameters, strict=True)
            rows.append(
                torch.cat([(torch.zeros_like(p) if s is None else s).flatten() for s, p in pairs])
            )
        return torch.stack(rows)

    for point in x:
        trace = model.trace(point[None])
        for i in range(1, count + 1):
            J, g = jacobian(trace[i][0]), model.field(i)(trace[i])[0].detach()
            total += w_metric / count * J.T @ g @ J
        outputs = model(point[None])[0]
        p = torch.softmax(outputs.detach(), -1)
        J = jacobian(outputs)
        total += w_fisher * J.T @ (torch.diag(p) - torch.outer(p, p)) @ J
    return total / len(x)


def _quadratic(study: Study) -> Finding:
    """One step with G the Hessian ends at the least squares solution."""
    rows = []
    for seed in study.seeds:
        torch.manual_seed(seed)
        model = ndm.NDM([ndm.coordinate_map("affine", 3)], ndm.LinearHead(3, 2)).double()
        model.layers.requires_grad_(False)  # the head alone: then the loss is quadratic
        x, y = torch.randn(40, 3, dtype=torch.float64), torch.randn(40, 2, dtype=torch.float64)
        optimizer = ndm.NaturalGradient(
            model, lr=1.0, damping=1e-12, likelihood="normal", tolerance=1e-14, max_iterations=200
        )
        loss = 0.5 * (model(x) - y).square().sum(-1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        design = torch.cat([model.trace(x)[-1], torch.ones(40, 1, dtype=torch.float64)], -1)
        best = torch.linalg.lstsq(design, y).solution
        found = torch.cat([model.head.linear.weight.T, model.head.linear.bias[None]])
        rows.append((seed, ((found - best).norm() / best.norm()).item()))
    return Finding.within(
        max(row[1] for row in rows),
        1e-8,
        "largest relative distance from the optimum after one step",
        tables=(Table("distances", ("seed", "distance"), tuple(rows)),),
    )


_Chart = Callable[[Tensor], Tensor]


def _gaussian_charts() -> dict[str, tuple[_Chart, Tensor]]:
    """Parameters of a normal law -> (mean, log sigma), and the same start in each of them."""
    s = math.exp(0.4)

    def natural(t: Tensor) -> Tensor:
        return torch.stack([-t[0] / (2 * t[1]), -0.5 * torch.log(-2 * t[1])])

    def by_sigma(t: Tensor) -> Tensor:
        return torch.stack([t[0], t[1].log()])

    return {
        "mu, log sigma": (lambda t: t, torch.tensor([-1.0, 0.4], dtype=torch.float64)),
        "mu, sigma": (by_sigma, torch.tensor([-1.0, s], dtype=torch.float64)),
        "natural": (natural, torch.tensor([-1 / s**2, -0.5 / s**2], dtype=torch.float64)),
    }


def _flow(chart: _Chart, theta: Tensor, step: float, natural: bool) -> Tensor:
    """Endpoint of a descent of time 1 to data of mean 0.5 and second moment 0.6 about it."""

    def loss(theta: Tensor) -> Tensor:
        mean, log_s = chart(theta)
        return log_s + 0.5 * ((mean - 0.5) ** 2 + 0.6) * torch.exp(-2 * log_s)

    for _ in range(round(1 / step)):
        slope = torch.func.grad(loss)(theta)
        if natural:
            J, s = torch.func.jacrev(chart)(theta), chart(theta)[1].exp()
            fisher = J.T @ torch.diag(torch.stack([s**-2, 2 + 0 * s])) @ J
            slope = conjugate_gradient(fisher.__matmul__, slope).x
        theta = theta - step * slope
    return chart(theta)


def _reparametrised(study: Study) -> Finding:
    steps = (0.02, 0.01, 0.005) if study.quick else (0.02, 0.01, 0.005, 0.0025)
    rows: list[tuple[str | float, ...]] = []
    ratios: list[float] = []
    plain: list[float] = []
    for (one, a), (other, b) in itertools.combinations(_gaussian_charts().items(), 2):
        for natural in (True, False):
            gaps = [
                float((_flow(*a, step, natural) - _flow(*b, step, natural)).norm())
                for step in steps
            ]
            rows.append((f"{one} | {other}", "natural" if natural else "plain", *gaps))
            quotients = [wide / narrow for wide, narrow in itertools.pairwise(gaps)]
            (ratios if natural else plain).extend(quotients)
    good = all(1.8 < ratio < 2.2 for ratio in ratios) and min(plain) < 1.2
    return Finding(
        Outcome.HOLDS if good else Outcome.FAILS,
        f"halving the step divides the natural gradient's gap by {min(ratios):.2f} to "
        f"{max(ratios):.2f}, the plain gradient's by {min(plain):.2f} to {max(plain):.2f}",
        {"least_ratio": min(ratios), "largest_ratio": max(ratios)},
        (
            Table(
                "distance of the endpoints in two parametrisations, by step",
                ("parameters", "gradient", *map(str, steps)),
                tuple(rows),
            ),
        ),
    )


CLAIMS = (
    Claim(
        "fisher-products",
        "The matrix-free G of a model is sum_i w_i E[J_i^T g_i J_i] + w_F E[J^T F J].",
        "requirement R23",
        "1e-10: rounding of sums of a few hundred terms.",
        _exact,
        seeds=_SEEDS,
    ),
    Claim(
        "one-step",
        "With G the Hessian of a quadratic loss, one step of the natural gradient is the optimum.",
        "paper, equation 6; requirement R41",
        "1e-8: conjugate gradients to 1e-14 with damping 1e-12.",
        _quadratic,
        seeds=_SEEDS,
    ),
    Claim(
        "reparametrisation",
        "The natural gradient's path does not depend on the parametrisation, up to the step.",
        "Amari (1998); requirement R11",
        "Halving the step divides the gap of the endpoints by 1.8 to 2.2; the plain one's stays.",
        _reparametrised,
    ),
)
