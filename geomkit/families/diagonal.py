"""The diagonal family: g_ij = 0 for i != j.

The parameters are h_i = log |g_ii| (`parameter="log"`, the default: any real h is a metric, and
nothing cancels where g is tiny or huge) or g_ii itself (`parameter="metric"`, any sign). In both
cases `dh[..., i, k]` = d_k of the i-th parameter and `ddh[..., i, k]` = d_k^2 of it: R needs only
the unmixed second derivatives. The logarithmic form takes the signature as `signs`. Cost: O(n^2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from geomkit.errors import MetricError

from . import checks
from .arrays import Argument, Formula, evaluate, gradient, is_torch, join, sizes

__all__ = ["christoffel", "ricci", "scalar", "scalar_vjp"]

Numbers = np.ndarray[Any, Any]
Signs = tuple[int, ...]
H = Argument("h", "n")
DH = Argument("dh", "nn")
DDH = Argument("ddh", "nn")
HESSIAN = Argument("hessian", "nnn", ((1, 2),))


def scalar(
    h: Any,
    dh: Any,
    ddh: Any,
    *,
    parameter: str = "log",
    signs: Sequence[int] | None = None,
    check: bool = True,
) -> Any:
    """Scalar curvature of a diagonal metric.

    R = sum_k g^kk (-sum_{b != k} d_k^2 h_b - q_k/4 - s_k^2/4 + s_k d_k h_k / 2), with s_k and q_k
    the sums over b != k of d_k h_b and of its square.

    Args:
        h: (..., n), log |g_ii| or g_ii.
        dh: (..., n, n), d_k h_i at [i, k].
        ddh: (..., n, n), d_k^2 h_i at [i, k].
        parameter: "log" or "metric": what h is.
        signs: of g_ii, for "log"; all positive by default.
        check: refuse results that are not finite.

    Returns:
        R (...), in the precision of the input.

    Raises:
        MetricError: arguments that do not fit.
        DomainError: R is not finite: the metric is singular, or the jet is not finite.

    Example:
        >>> import numpy as np
        >>> t = 0.7                       # the unit sphere: h = (0, 2 log sin t)
        >>> h = np.array([0, 2 * np.log(np.sin(t))])
        >>> dh, ddh = np.array([[0, 0], [2 / np.tan(t), 0]]), np.array([[0, 0], [-2, 0]])
        >>> float(scalar(h, dh, ddh / np.sin(t) ** 2).round(12))
        2.0
    """
    return evaluate(_formula(h, dh, ddh, parameter, signs), h, dh, ddh, check=check)


def scalar_vjp(
    h: Any,
    dh: Any,
    ddh: Any,
    *,
    cotangent: Any,
    parameter: str = "log",
    signs: Sequence[int] | None = None,
) -> tuple[Any, Any, Any]:
    """Gradient of sum(cotangent * R) by h, dh and ddh.

    Args:
        h: see `scalar`.
        dh: see `scalar`.
        ddh: see `scalar`.
        cotangent: (...).
        parameter: see `scalar`.
        signs: see `scalar`.

    Returns:
        Three arrays, shaped as the arguments.
    """
    chosen = _formula(h, dh, ddh, parameter, signs)
    first, second, third = gradient(chosen, h, dh, ddh, cotangent=cotangent)
    return first, second, third


def christoffel(
    h: Any,
    dh: Any,
    *,
    parameter: str = "log",
    signs: Sequence[int] | None = None,
    check: bool = True,
) -> Any:
    """Christoffel symbols: Gamma^i_ij = d_j h_i / 2, Gamma^i_jj = -(g_jj/g_ii) d_i h_j / 2.

    Args:
        h: (..., n).
        dh: (..., n, n).
        parameter: see `scalar`.
        signs: see `scalar`.
        check: refuse NumPy results that are not finite; tensors are not looked at.

    Returns:
        (..., n, n, n), first index up.
    """
    log, sign = _reading((H, DH), (h, dh), parameter, signs)
    if is_torch(h, dh):
        from .torch import simple

        return simple.diagonal_christoffel(h, dh, log=log, signs=sign)
    batch, (value, slope) = join((H, DH), (h, dh))
    n = value.shape[1]
    index = np.arange(n)
    out = np.zeros((len(value), n, n, n), dtype=value.dtype)
    with checks.quiet(value):
        if not log:
            slope = slope / value[:, :, None]
        ratio = _ratios(value, log, sign)
        out[:, index[:, None], index, index] = -0.5 * ratio * slope.swapaxes(1, 2)
    out[:, index[:, None], index[:, None], index] = 0.5 * slope
    out[:, index[:, None], index, index[:, None]] = 0.5 * slope
    shaped = out.reshape((*batch, n, n, n))
    return checks.finite(shaped, check, "Christoffel symbol", len(batch))


def ricci(
    h: Any,
    dh: Any,
    hessian: Any,
    *,
    parameter: str = "log",
    signs: Sequence[int] | None = None,
    check: bool = True,
) -> Any:
    """Ricci tensor of a diagonal metric; off the diagonal it needs mixed derivatives.

    With f_i = h_i/2 in the logarithmic form, for j != l

        Ric_jl = sum_{m != j,l} (-f_m,jl - f_m,j f_m,l + f_j,l f_m,j + f_l,j f_m,l),
        Ric_jj = sum_{m != j} (-f_m,jj - f_m,j^2 + f_j,j f_m,j)
                 + sum_{m != j} (g_jj/g_mm) (-f_j,mm + f_j,m f_m,m - f_j,m sum_{p != m} f_p,m).

    Args:
        h: (..., n).
        dh: (..., n, n).
        hessian: (..., n, n, n), d_k d_l h_i at [i, k, l].
        parameter: see `scalar`.
        signs: see `scalar`.
        check: refuse NumPy arrays that are not symmetric and results that are not finite; tensors
            are not looked at.

    Returns:
        (..., n, n), both indices down.
    """
    log, sign = _reading((H, DH, HESSIAN), (h, dh, hessian), parameter, signs)
    if is_torch(h, dh, hessian):
        from .torch import simple

        return simple.diagonal_ricci(h, dh, hessian, log=log, signs=sign)
    batch, flat = join((H, DH, HESSIAN), (h, dh, hessian))
    if check:
        checks.symmetric((H, DH, HESSIAN), flat)
    with checks.quiet(flat[0]):
        out = _ricci(log, sign, *flat)
    return checks.finite(out.reshape(batch + out.shape[1:]), check, "Ricci tensor", len(batch))


def _ricci(log: bool, signs: Signs, value: Numbers, slope: Numbers, second: Numbers) -> Numbers:
    n = value.shape[1]
    if not log:
        slope = slope / value[:, :, None]
        second = second / value[:, :, None, None] - slope[:, :, :, None] * slope[:, :, None, :]
    f, ff = slope / 2, (second + second.swapaxes(2, 3)) / 4
    out = _ricci_sums(f, ff)
    own = np.einsum("pmm->pm", f)
    total = f.sum(1)
    wave = -np.einsum("pjmm->pjm", ff) + f * (2 * own - total)[:, None, :]
    across = _ratios(value, log, signs).swapaxes(1, 2) * wave
    index = np.arange(n)
    across[:, index, index] = 0
    out[:, index, index] += across.sum(2)
    return out


def _ricci_sums(f: Numbers, ff: Numbers) -> Numbers:
    """Sum over m != j, l of -f_m,jl - f_m,j f_m,l + f_j,l f_m,j + f_l,j f_m,l; half if j = l."""
    n = f.shape[1]
    index = np.arange(n)
    other = f.copy()
    other[:, index, index] = 0  # f_m,j for m != j
    total = other.sum(1)
    product = np.einsum("pmj,pml->pjl", f, f)
    own = np.einsum("pjj->pj", f)
    # leave out m = j and m = l
    product -= own[:, :, None] * f + (own[:, :, None] * f).swapaxes(1, 2)
    bend = ff.sum(1) - np.einsum("pjjl->pjl", ff) - np.einsum("pljl->pjl", ff)
    cross = f * (total[:, :, None] - other.swapaxes(1, 2))
    out: Numbers = -bend - product + cross + cross.swapaxes(1, 2)
    squares = (other * other).sum(1)
    bends = np.einsum("pmjj->pj", ff) - np.einsum("pjjj->pj", ff)
    out[:, index, index] = -bends - squares + own * total
    return out


def _ratios(value: Numbers, log: bool, signs: Signs) -> Any:
    """g_jj/g_ii at [i, j]."""
    if not log:
        return value[:, None, :] / value[:, :, None]
    sign = np.array(signs, dtype=value.dtype)
    return sign * sign[:, None] * np.exp(value[:, None, :] - value[:, :, None])


def _reading(
    arguments: tuple[Argument, ...],
    arrays: tuple[Any, ...],
    parameter: str,
    signs: Sequence[int] | None,
) -> tuple[bool, Signs]:
    """Whether h is a logarithm, and the signs (all 1 where g_ii has its own)."""
    if parameter not in ("log", "metric"):
        raise MetricError(f"parameter is {parameter!r}; it is 'log' (h = log |g_ii|) or 'metric'")
    shapes = [
        tuple(array.shape) if hasattr(array, "shape") else np.shape(array) for array in arrays
    ]
    n = sizes(arguments, shapes)[1]["n"]
    if signs is None:
        return parameter == "log", (1,) * n
    if parameter == "metric":
        raise MetricError("signs are for parameter='log'; g_ii has its own sign")
    chosen = tuple(int(sign) for sign in signs)
    if len(chosen) != n or any(sign not in (1, -1) for sign in chosen):
        raise MetricError(f"signs are {tuple(signs)}; {n} numbers, each 1 or -1, are needed")
    return True, chosen


def _formula(h: Any, dh: Any, ddh: Any, parameter: str, signs: Sequence[int] | None) -> Formula:
    return formula(*_reading((H, DH, DDH), (h, dh, ddh), parameter, signs))


def formula(log: bool, signs: tuple[int, ...]) -> Formula:
    """The scalar curvature by h, dh, ddh."""
    known = _FORMULAS.get((log, signs))
    if known is None:
        options = (("log", log), ("signs", signs))
        known = Formula("diagonal", (H, DH, DDH), _forward, _backward, _quadratic, options)
        _FORMULAS[log, signs] = known
    return known


def _forward(*arrays: Any, log: bool, signs: tuple[int, ...]) -> None:
    from . import kernels_simple

    kernels_simple.diagonal(log, np.array(signs, dtype=np.float64), *arrays)


def _backward(*arrays: Any, log: bool, signs: tuple[int, ...]) -> None:
    from . import kernels_simple

    kernels_simple.diagonal_vjp(log, np.array(signs, dtype=np.float64), *arrays)


def _quadratic(n: int) -> float:
    return 6.0 * n**2


_FORMULAS: dict[tuple[bool, Signs], Formula] = {}
