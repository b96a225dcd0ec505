"""Other measures of how complex a geometry is, behind one interface.

The paper calls its two terms heuristics and wishes for a fuller notion (section 6.4; requirement
R74). Each measure below is a number for each point, averaged over points; it is 0 for a flat metric
in linear coordinates, and never negative but for the action:

| name | value at a point | depends on coordinates |
|---|---|---|
| `scalar_squared` | R^2 | no |
| `riemann_squared` | R_ijkl R^ijkl | no |
| `ricci_squared` | R_ij R^ij | no |
| `weyl_squared` | C_ijkl C^ijkl, n >= 4 (0 below) | no |
| `scalar_variation` | (R - mean R)^2: 0 for constant curvature | no |
| `log_volume_variance` | (log vol - mean)^2 | yes |
| `dirichlet` | g^kl g^ia g^jb d_k g_ij d_l g_ab | yes |
| `action` | R sqrt(det g), Einstein's and Hilbert's | yes |

The integral of the action over a closed surface is 4 pi chi, whatever the metric; for n > 2 it has
no lower bound. All are for small n: those that are not of R alone form the Riemann tensor, O(n^5)
for each point.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from ndm.errors import ModelError
from ndm.field import MetricField, MetricJet, inverted

__all__ = ["COMPLEXITIES", "complexity", "riemann"]


def riemann(jet: MetricJet) -> Tensor:
    """The Riemann tensor R_ijkl of a metric, from its jet.

    R_ijkl = (d_j d_k g_il + d_i d_l g_jk - d_i d_k g_jl - d_j d_l g_ik)/2
             + g^pq (Gamma_p,jk Gamma_q,il - Gamma_p,jl Gamma_q,ik), Gamma with its index down.

    Args:
        jet: g (..., n, n) with dg and ddg.

    Returns:
        (..., n, n, n, n), signs and order as in `geomkit.conventions`.

    Example:
        >>> from ndm.geometry import ExactMetric
        >>> x = torch.tensor([0.7, 0.2], dtype=torch.float64)
        >>> field = ExactMetric("sphere2", a=1.0)
        >>> R = riemann(field.jet(x))[0, 1, 0, 1] / torch.linalg.det(field(x))
        >>> round(R.item(), 12)
        1.0
    """
    g, dg, ddg = jet
    half = 0.5 * (dg + dg.transpose(-1, -2) - dg.movedim(-1, -3))  # [p, j, k]
    h = inverted(g)
    raised = torch.einsum("...pq,...qil->...pil", h, half)
    bent = torch.einsum("...iljk->...ijkl", ddg)  # d_j d_k g_il at [i, j, k, l]
    products = torch.einsum("...pjk,...pil->...ijkl", half, raised)
    other = bent - bent.transpose(-3, -4)  # d_j d_k g_il - d_i d_k g_jl
    second = 0.5 * (other - other.transpose(-1, -2))
    return second + products - products.transpose(-1, -2)


def _raise_all(h: Tensor, tensor: Tensor) -> Tensor:
    return torch.einsum("...ia,...jb,...kc,...ld,...abcd->...ijkl", h, h, h, h, tensor)


def _riemann_squared(field: MetricField, x: Tensor) -> Tensor:
    down = riemann(field.jet(x))
    return (down * _raise_all(field.inverse(x), down)).sum((-1, -2, -3, -4))


def _ricci_squared(field: MetricField, x: Tensor) -> Tensor:
    h = field.inverse(x)
    down = torch.einsum("...ik,...ijkl->...jl", h, riemann(field.jet(x)))
    return (down * (h @ down @ h)).sum((-1, -2))


def _weyl_squared(field: MetricField, x: Tensor) -> Tensor:
    n = field.dimension
    if n < 4:
        return x[..., 0] * 0
    ricci = 4 / (n - 2) * _ricci_squared(field, x)
    scalar = 2 / ((n - 1) * (n - 2)) * field.scalar_curvature(x).square()
    return _riemann_squared(field, x) - ricci + scalar


def _scalar_squared(field: MetricField, x: Tensor) -> Tensor:
    return field.scalar_curvature(x).square()


def _scalar_variation(field: MetricField, x: Tensor) -> Tensor:
    scalar = field.scalar_curvature(x)
    return (scalar - scalar.mean()).square()


def _log_volume_variance(field: MetricField, x: Tensor) -> Tensor:
    log_volume = field.log_volume(x)
    return (log_volume - log_volume.mean()).square()


def _dirichlet(field: MetricField, x: Tensor) -> Tensor:
    h, dg = field.inverse(x), field.slope(x)
    up = torch.einsum("...ia,...jb,...kc,...abc->...ijk", h, h, h, dg)
    return (dg * up).sum((-1, -2, -3))


def _action(field: MetricField, x: Tensor) -> Tensor:
    return field.scalar_curvature(x) * field.volume(x)


COMPLEXITIES: dict[str, Callable[[MetricField, Tensor], Tensor]] = {
    "scalar_squared": _scalar_squared,
    "riemann_squared": _riemann_squared,
    "ricci_squared": _ricci_squared,
    "weyl_squared": _weyl_squared,
    "scalar_variation": _scalar_variation,
    "log_volume_variance": _log_volume_variance,
    "dirichlet": _dirichlet,
    "action": _action,
}


def complexity(field: MetricField, x: Tensor, name: str = "scalar_squared") -> Tensor:
    """Mean over points of a measure of geometric complexity.

    Args:
        field: the metric.
        x: (N, n), in the field's chart.
        name: see the table above.

    Returns:
        A number, differentiable.

    Raises:
        ModelError: an unknown name.

    Example:
        >>> from ndm.geometry import ExactMetric
        >>> x = torch.tensor([[0.7, 0.2]], dtype=torch.float64)
        >>> round(complexity(ExactMetric("sphere2", a=1.0), x, "riemann_squared").item(), 12)
        4.0
    """
    if name not in COMPLEXITIES:
        raise ModelError(f"complexity {name!r} is not known; choose one of {[*COMPLEXITIES]}")
    if field.dimension == 1 and name not in ("log_volume_variance", "dirichlet"):
        warnings.warn("a line has no curvature: this measure is 0 for n = 1", stacklevel=2)
        return x.sum() * 0
    return COMPLEXITIES[name](field, x).mean()
