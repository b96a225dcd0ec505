"""The family of low rank plus diagonal: g = diag(d) + U U^T with U (n, r).

Second derivatives enter only contracted: O(n^3 r) for them and O(n^4) for the squares of first
derivatives, as in the full family. Curvature uses the plain inverse of g, which is cheap beside
that and loses no digits where d is small beside U U^T; `inverse_metric` is Woodbury's identity.
"""

from __future__ import annotations

from typing import Any

from geomkit.errors import MetricError

from . import checks, full
from .arrays import Argument
from .blocks import identity, inverse, read

__all__ = ["christoffel", "inverse_metric", "jet", "ricci", "scalar"]

D = Argument("d", "n")
DD = Argument("dd", "nk")
U = Argument("u", "nr")
DU = Argument("du", "nrk")
DDD = Argument("ddd", "nkl")
DDU = Argument("ddu", "nrkl")


def scalar(
    d: Any,
    dd: Any,
    ddd: Any,
    u: Any,
    du: Any,
    ddu: Any,
    *,
    contracted: Any = None,
    check: bool = True,
) -> Any:
    """Scalar curvature of diag(d) + U U^T.

    Args:
        d: (..., n), not 0.
        dd: (..., n, n), d_k d_i at [i, k].
        ddd: (..., n, n, n), d_k d_l d_i at [i, k, l].
        u: (..., n, r).
        du: (..., n, r, n), d_k U_ia at [i, a, k].
        ddu: (..., n, r, n, n), d_k d_l U_ia at [i, a, k, l].
        contracted: instead of ddd and ddu (both None), W^iikl d_k d_l d_i + 2 W^ijkl U_ja d_k d_l
            U_ia with W^ijkl = h^il h^jk - h^ij h^kl, h the inverse metric: (...).
        check: see `geomkit.families.scalar_curvature_from_jet`.

    Returns:
        R (...), in the precision of the input.

    Raises:
        MetricError: shapes that do not fit, or not exactly one form of second derivatives.
    """
    if (ddd is None) != (ddu is None) or (ddd is None) == (contracted is None):
        raise MetricError("give either ddd and ddu, or contracted: second derivatives once")
    (d, dd, u, du), _ = _read((D, DD, U, DU), (d, dd, u, du))
    with checks.quiet(d):
        g, dg = _metric(d, u), _slopes(d, dd, u, du)
        h = inverse(g)
        if contracted is None:
            (_, ddd, ddu), _ = _read((D, DDD, DDU), (d, ddd, ddu))
            contracted = _second(h, u, ddd, ddu)
        second = contracted + _products(h, du)
    return full.scalar(g, dg, contracted=second, check=check)


def inverse_metric(d: Any, u: Any, *, check: bool = True) -> Any:
    """Inverse of diag(d) + U U^T by Woodbury's identity.

    Args:
        d: (..., n), not 0.
        u: (..., n, r).
        check: refuse NumPy results that are not finite; tensors are not looked at.

    Returns:
        (..., n, n); not finite where the metric is singular or a d is 0, and not looked at.
    """
    (d, u), known = _read((D, U), (d, u))
    with checks.quiet(d):
        scaled = u / d[..., None]
        core = identity(known["r"], u) + u.swapaxes(-1, -2) @ scaled
        inner = scaled @ inverse(core) @ scaled.swapaxes(-1, -2)
        result = identity(known["n"], d) * (1 / d)[..., None] - inner
    return checks.finite(result, check, "inverse metric", d.ndim - 1)


def jet(d: Any, dd: Any, ddd: Any, u: Any, du: Any, ddu: Any) -> tuple[Any, Any, Any]:
    """The jet of the metric itself.

    Args:
        d: see `scalar`.
        dd: see `scalar`.
        ddd: see `scalar`.
        u: see `scalar`.
        du: see `scalar`.
        ddu: see `scalar`.

    Returns:
        g, dg, ddg as in `geomkit.families.full`.
    """
    given, known = _read((D, DD, DDD, U, DU, DDU), (d, dd, ddd, u, du, ddu))
    d, dd, ddd, u, du, ddu = given
    n, r = known["n"], known["r"]
    one = identity(n, d)
    with checks.quiet(d):
        flat = ddu.reshape((*ddu.shape[:-2], n * n))
        outer = (u[..., None, :, :] @ flat).reshape((*u.shape[:-2], n, n, n, n))
        rows = du.swapaxes(-1, -2).reshape((*du.shape[:-3], n * n, r))
        inner = (rows @ rows.swapaxes(-1, -2)).reshape((*u.shape[:-2], n, n, n, n))
        # inner[i, k, j, l] = d_k U_ia d_l U_ja
        inner = inner.swapaxes(-2, -3)
        second = outer + outer.swapaxes(-3, -4) + inner + inner.swapaxes(-1, -2)
        second = second + one[:, :, None, None] * ddd[..., :, None, :, :]
        return _metric(d, u), _slopes(d, dd, u, du), second


def christoffel(d: Any, dd: Any, u: Any, du: Any, *, check: bool = True) -> Any:
    """Christoffel symbols Gamma^i_jk.

    Args:
        d: see `scalar`.
        dd: see `scalar`.
        u: see `scalar`.
        du: see `scalar`.
        check: see `geomkit.families.full.christoffel`.

    Returns:
        (..., n, n, n), first index up.
    """
    (d, dd, u, du), _ = _read((D, DD, U, DU), (d, dd, u, du))
    with checks.quiet(d):
        g, dg = _metric(d, u), _slopes(d, dd, u, du)
    return full.christoffel(g, dg, check=check)


def ricci(d: Any, dd: Any, ddd: Any, u: Any, du: Any, ddu: Any, *, check: bool = True) -> Any:
    """Ricci tensor; it needs all second derivatives of the metric, which are written out.

    Args:
        d: see `scalar`.
        dd: see `scalar`.
        ddd: see `scalar`.
        u: see `scalar`.
        du: see `scalar`.
        ddu: see `scalar`.
        check: see `geomkit.families.full.ricci`.

    Returns:
        (..., n, n), both indices down.
    """
    return full.ricci(*jet(d, dd, ddd, u, du, ddu), check=check)


def _read(arguments: tuple[Argument, ...], arrays: tuple[Any, ...]) -> tuple[list[Any], Any]:
    # k and l stand for n where letters may not repeat the first axis by accident
    renamed = [
        Argument(one.name, one.axes.replace("k", "n").replace("l", "n")) for one in arguments
    ]
    return read(renamed, arrays)


def _metric(d: Any, u: Any) -> Any:
    return identity(d.shape[-1], d) * d[..., None] + u @ u.swapaxes(-1, -2)


def _slopes(d: Any, dd: Any, u: Any, du: Any) -> Any:
    outer = u[..., None, :, :] @ du  # [i, j, k] = U_ja d_k U_ia
    own = identity(d.shape[-1], d)[:, :, None] * dd[..., :, None, :]
    return own + outer + outer.swapaxes(-2, -3)


def _second(h: Any, u: Any, ddd: Any, ddu: Any) -> Any:
    """Contract the second derivatives of d and U."""
    flat = h.reshape((*h.shape[:-2], 1, h.shape[-1] ** 2))
    rows = (ddd @ h[..., :, :, None])[..., 0]
    traces = (ddd.reshape((*ddd.shape[:-2], -1)) * flat).sum(-1)
    diagonal = (h * identity(h.shape[-1], h)).sum(-1)
    total = (rows * h).sum(-1).sum(-1) - (diagonal * traces).sum(-1)
    y = h @ u
    column, row = h[..., :, None, :, None], h[..., :, None, None, :]
    crossed = (ddu @ column)[..., 0] + (row @ ddu)[..., 0, :]
    bent = (ddu.reshape((*ddu.shape[:-2], -1)) * flat[..., None, :]).sum(-1)
    upper = (crossed * y.swapaxes(-1, -2)[..., None, :, :]).sum(-1)
    return total + (upper - 2 * y * bent).sum(-1).sum(-1)


def _products(h: Any, du: Any) -> Any:
    """Contract 2 W^ijkl d_k U_ia d_l U_ja."""
    e = du.swapaxes(-2, -3)  # one matrix [i, k] for each column a of U
    up = e @ h[..., None, :, :]
    twice = (up * up.swapaxes(-1, -2)).sum(-1).sum(-1)
    trace = (e * h[..., None, :, :]).sum(-1).sum(-1)
    squares = (e * (h[..., None, :, :] @ up)).sum(-1).sum(-1)
    return (twice + trace * trace - 2 * squares).sum(-1)
