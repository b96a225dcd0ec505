"""Warped products: g = g_B(x) + w(x)^2 g_F(y), a base B and a fibre F of dimension m.

Laplacian, Hessian and gradient of w are those of the base; `operators` computes them from jets.
"""

from __future__ import annotations

from typing import Any

from geomkit.errors import MetricError

from . import checks, full
from .arrays import Argument
from .blocks import identity, inverse, place, read

__all__ = ["christoffel", "operators", "ricci", "scalar"]

W = Argument("w", "")
LAPLACIAN = Argument("laplacian", "")
SLOPE = Argument("slope", "")


def scalar(
    base: Any, fibre: Any, w: Any, laplacian: Any, slope: Any, dimension: int, *, check: bool = True
) -> Any:
    """Scalar curvature R_B + R_F/w^2 - 2 m Laplacian(w)/w - m (m-1) |grad w|^2/w^2.

    Args:
        base: R of the base, (...).
        fibre: R of the fibre, (...).
        w: the warping function, (...), not 0.
        laplacian: of w on the base, (...).
        slope: |grad w|^2 on the base, (...).
        dimension: m, of the fibre.
        check: refuse NumPy results that are not finite (tensors are never looked at).

    Returns:
        R (...).

    Raises:
        MetricError: the dimension is no positive integer.

    Example:
        >>> import numpy as np
        >>> r = 0.7                                  # the 3-sphere, dr^2 + sin(r)^2 dOmega^2
        >>> float(scalar(0.0, 2.0, np.sin(r), -np.sin(r), np.cos(r) ** 2, 2).round(12))
        6.0
    """
    m = int(dimension)
    if m != dimension or m < 1:
        raise MetricError(f"the fibre has dimension {dimension}; a positive integer is needed")
    arguments = (Argument("base", ""), Argument("fibre", ""), W, LAPLACIAN, SLOPE)
    (base, fibre, w, laplacian, slope), _ = read(arguments, (base, fibre, w, laplacian, slope))
    with checks.quiet(w):
        result = base + (fibre - m * (m - 1) * slope) / (w * w) - 2 * m * laplacian / w
    return checks.finite(result, check)


def operators(g: Any, dg: Any, dw: Any, ddw: Any, *, check: bool = True) -> tuple[Any, Any, Any]:
    """Hessian, Laplacian and squared gradient of a function on the base.

    Args:
        g: metric of the base, (..., n, n).
        dg: (..., n, n, n).
        dw: (..., n).
        ddw: (..., n, n), partial derivatives.
        check: see `geomkit.families.full.christoffel`.

    Returns:
        nabla_i d_j w (..., n, n), Laplacian (...), |grad w|^2 (...).
    """
    arguments = (full.G, full.DG, Argument("dw", "n"), Argument("ddw", "nn"))
    (g, dg, dw, ddw), _ = read(arguments, (g, dg, dw, ddw))
    symbols = full.christoffel(g, dg, check=check)
    with checks.quiet(dw):
        hessian = ddw - (symbols * dw[..., :, None, None]).sum(-3)
        h = inverse(g)
        rise = (h * dw[..., None, :]).sum(-1)
        found = hessian, (h * hessian).sum(-1).sum(-1), (rise * dw).sum(-1)
    for one, what in zip(found, ("Hessian", "Laplacian", "squared gradient"), strict=True):
        checks.finite(one, check, what, dw.ndim - 1)
    return found


def ricci(
    base: Any,
    fibre: Any,
    metric: Any,
    w: Any,
    hessian: Any,
    laplacian: Any,
    slope: Any,
    *,
    check: bool = True,
) -> Any:
    """Ricci tensor: Ric_B - (m/w) Hess w on the base, Ric_F - (w Lap w + (m-1)|grad w|^2) g_F.

    Args:
        base: Ricci tensor of the base, (..., n, n).
        fibre: Ricci tensor of the fibre, (..., m, m).
        metric: g_F, (..., m, m), without the factor w^2.
        w: (...).
        hessian: nabla_i d_j w on the base, (..., n, n).
        laplacian: (...).
        slope: |grad w|^2, (...).
        check: refuse NumPy results that are not finite; tensors are not looked at.

    Returns:
        (..., n + m, n + m), both indices down, the base first.
    """
    arguments = (
        Argument("base", "nn"),
        Argument("fibre", "mm"),
        Argument("metric", "mm"),
        W,
        Argument("hessian", "nn"),
        LAPLACIAN,
        SLOPE,
    )
    given, known = read(arguments, (base, fibre, metric, w, hessian, laplacian, slope))
    base, fibre, metric, w, hessian, laplacian, slope = given
    n, m = known["n"], known["m"]
    with checks.quiet(w):
        upper = base - (m / w)[..., None, None] * hessian
        lower = fibre - (w * laplacian + (m - 1) * slope)[..., None, None] * metric
    result = place(n + m, [((0, 0), upper), ((n, n), lower)])
    return checks.finite(result, check, "Ricci tensor", w.ndim)


def christoffel(
    base: Any, fibre: Any, g: Any, metric: Any, w: Any, dw: Any, *, check: bool = True
) -> Any:
    """Christoffel symbols: Gamma^a_ij = -w grad^a w g_F,ij and Gamma^i_aj = delta^i_j d_a w / w.

    Args:
        base: symbols of the base, (..., n, n, n).
        fibre: symbols of the fibre, (..., m, m, m).
        g: metric of the base, (..., n, n).
        metric: g_F, (..., m, m), without the factor w^2.
        w: (...).
        dw: (..., n).
        check: refuse NumPy results that are not finite; tensors are not looked at.

    Returns:
        (..., n + m, n + m, n + m), first index up, the base first.
    """
    arguments = (
        Argument("base", "nnn"),
        Argument("fibre", "mmm"),
        full.G,
        Argument("metric", "mm"),
        W,
        Argument("dw", "n"),
    )
    given, known = read(arguments, (base, fibre, g, metric, w, dw))
    base, fibre, g, metric, w, dw = given
    n, m = known["n"], known["m"]
    with checks.quiet(w):
        rise = (inverse(g) * dw[..., None, :]).sum(-1)
        down = -(w[..., None] * rise)[..., :, None, None] * metric[..., None, :, :]
        one = identity(m, metric)
        mixed = one[:, None, :] * (dw / w[..., None])[..., None, :, None]
    blocks = [((0, 0, 0), base), ((n, n, n), fibre), ((0, n, n), down)]
    blocks += [((n, 0, n), mixed), ((n, n, 0), mixed.swapaxes(-1, -2))]
    return checks.finite(place(n + m, blocks), check, "Christoffel symbol", w.ndim)
