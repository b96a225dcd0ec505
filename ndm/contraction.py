"""Second derivatives of a metric, contracted as its scalar curvature needs them.

Of dd g, R needs only Q = K^abcd d_b d_c g_ad with K^abcd = h^ac h^bd - h^ad h^bc, h the inverse of
g. Where g depends on the outputs f of a network through entries M_ak of a factor, as in g = M M^T,
the part of Q that is linear in dd f is a sum over the last hidden units,

    Q = sum_u tr(H_u h V_u P^T) - <V_u, P> tr(h H_u),        P = h M,

with V_u = d M / d u and H_u the Hessian of the unit. A Hessian after an activation s has the part
s'' du du^T, whose traces are inner products: with one hidden layer Q costs O(width n^2) for each
point, as dg does, and no Hessian is ever formed.
"""

from __future__ import annotations

from torch import Tensor

from ndm.jets import LastLayer

__all__ = ["bends", "hidden_units", "quadratic"]


def hidden_units(h: Tensor, p: Tensor, rates: Tensor, layer: LastLayer) -> Tensor:
    """The part of Q that comes from second derivatives of the network.

    Args:
        h: (..., n, n), the inverse metric.
        p: (..., n, r), h M.
        rates: (..., n, r) or (n, r), d M_ak / d f_ak: M depends on f entry by entry.
        layer: the last layer, its weight as (n, r, width).

    Returns:
        (...,).
    """
    n, r, width = layer.weight.shape
    flat = layer.weight.reshape(n * r, width)
    inner = (rates * p).flatten(-2) @ flat  # <V_u, P>
    y, z = layer.first @ h, layer.first @ p
    # sum_ak V_u,ak y_ua z_uk, the sum over k first
    turned = layer.weight.permute(2, 0, 1) * rates[..., None, :, :]
    rank_one = (y * (turned @ z[..., None])[..., 0]).sum(-1) - inner * (y * layer.first).sum(-1)
    total = (layer.slopes[2] * rank_one).sum(-1)
    if layer.second is not None:
        wide = h[..., None, :, :] @ layer.second
        general = (turned * (wide @ p[..., None, :, :])).sum((-1, -2))
        traces = wide.diagonal(dim1=-2, dim2=-1).sum(-1)
        total = total + (layer.slopes[1] * (general - inner * traces)).sum(-1)
    return total


def bends(h: Tensor, p: Tensor, first: Tensor, second_rates: Tensor) -> Tensor:
    """The part of Q from the curvature of the entries M_ii(f_ii) of the diagonal.

    Args:
        h: (..., n, n), the inverse metric.
        p: (..., n, n), h M.
        first: (..., n, n), d_k f_ii at [i, k].
        second_rates: (..., n), d^2 M_ii / d f_ii^2.

    Returns:
        (...,).
    """
    y, z = first @ h, first @ p
    crossed = y.diagonal(dim1=-2, dim2=-1) * z.diagonal(dim1=-2, dim2=-1)
    traces = p.diagonal(dim1=-2, dim2=-1) * (y * first).sum(-1)
    return (second_rates * (crossed - traces)).sum(-1)


def quadratic(h: Tensor, slopes: Tensor) -> Tensor:
    """The part of Q that is quadratic in first derivatives, for g = M M^T.

    K^abcd (d_b M_ak d_c M_dk + d_c M_ak d_b M_dk).

    Args:
        h: (..., n, n), the inverse metric.
        slopes: (..., a, k, b), d_b M_ak.

    Returns:
        (...,).
    """
    n, r = slopes.shape[-3], slopes.shape[-2]
    raised = (h @ slopes.reshape(*slopes.shape[:-2], r * n)).reshape(slopes.shape)  # [c, k, b]
    crossed = (raised * raised.transpose(-3, -1)).sum((-1, -2, -3))
    trace = raised.diagonal(dim1=-3, dim2=-1).sum(-1)
    both = (raised * (slopes @ h[..., None, :, :])).sum((-1, -2, -3))
    return crossed + (trace * trace).sum(-1) - 2 * both
