"""Curves of least energy, many at once, by Newton's method with damping."""

from __future__ import annotations

import torch
from torch import Tensor

from ndm.analysis.curves import basis, energy, expansion
from ndm.field import MetricField

__all__ = ["minimised"]

_SETTLED = 1e-18  # Newton's decrement relative to the energy
_PLACES = 40  # of the quadrature, at least: between fewer, curves of few coefficients cheat


def minimised(
    field: MetricField, p: Tensor, q: Tensor, c: Tensor, limit: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Minimise the energy of curves in their coefficients.

    Args:
        field: the metric.
        p: (N, n), starts.
        q: (N, n), ends.
        c: (N, m, n), coefficients to begin with.
        limit: steps at most.

    Returns:
        Coefficients, whether they settled at a minimum (N,), and steps taken (N,).
    """
    m, n = c.shape[1:]
    b = basis(m, p, max(3 * m // 2 + 6, _PLACES))
    c = c.clone()
    value = energy(field, p, q, c, b)
    damping = torch.zeros_like(value)
    settled = torch.zeros_like(value, dtype=torch.bool)
    count = torch.zeros_like(value, dtype=torch.long)
    for _ in range(limit):
        going = (~settled & torch.isfinite(value) & (damping < 1e8)).nonzero()[:, 0]
        if len(going) == 0:
            break
        ends, old = (p[going], q[going]), value[going]
        local = expansion(field, *ends, c[going], b)
        mu = damping[going]
        matrix = local.hessian + mu[:, None, None] * local.elliptic
        factor, info = torch.linalg.cholesky_ex(0.5 * (matrix + matrix.mT))
        step = -torch.cholesky_solve(local.gradient[..., None], factor)[..., 0]
        fall = -(local.gradient * step).sum(-1)  # twice what the quadratic model promises, or more
        trial = c[going] + step.reshape(-1, m, n)
        new = energy(field, *ends, trial, b)
        rounding = 1e-14 * old.abs()
        definite = (info == 0) & torch.isfinite(fall)
        better = definite & torch.isfinite(new) & (old - new >= 0.1 * fall - rounding)
        c[going] = torch.where(better[:, None, None], trial, c[going])
        value[going] = torch.where(better, new, old)
        # only a step that nothing holds back tells of a minimum; a zero energy is one already
        settled[going] = definite & (mu == 0) & (fall <= _SETTLED * old) & better
        eased = torch.where(mu < 1e-3, mu * 0, mu / 5)
        damping[going] = torch.where(better, eased, (4 * mu).clamp_min(0.1))
        count[going] += 1
    return c, settled, count
