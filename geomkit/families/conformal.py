"""The conformal family: g_ij = e^(2 phi(x)) delta_ij.

Derivatives are the flat ones: `dphi[..., k]` = d_k phi, `laplacian` = sum_k d_k^2 phi,
`hessian[..., k, l]` = d_k d_l phi. Cost: O(n) for R.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import checks
from .arrays import Argument, Formula, evaluate, gradient, is_torch, join

__all__ = ["christoffel", "ricci", "scalar", "scalar_vjp"]

PHI = Argument("phi", "")
DPHI = Argument("dphi", "n")
LAPLACIAN = Argument("laplacian", "")
HESSIAN = Argument("hessian", "nn", ((0, 1),))


def scalar(phi: Any, dphi: Any, laplacian: Any, *, check: bool = True) -> Any:
    """Scalar curvature R = -e^(-2 phi) (n-1) (2 Laplacian(phi) + (n-2) |grad phi|^2).

    Args:
        phi: (...).
        dphi: (..., n).
        laplacian: (...).
        check: refuse results that are not finite.

    Returns:
        R (...), in the precision of the input.

    Raises:
        MetricError: arguments that do not fit.
        DomainError: R is not finite: the metric is singular, or the jet is not finite.

    Example:
        >>> import numpy as np
        >>> y = 0.3                       # the hyperbolic plane: phi = -log(y)
        >>> float(scalar(-np.log(y), np.array([0.0, -1 / y]), 1 / y**2).round(12))
        -2.0
    """
    return evaluate(FORMULA, phi, dphi, laplacian, check=check)


def scalar_vjp(phi: Any, dphi: Any, laplacian: Any, *, cotangent: Any) -> tuple[Any, Any, Any]:
    """Gradient of sum(cotangent * R) by phi, dphi and laplacian.

    Args:
        phi: (...).
        dphi: (..., n).
        laplacian: (...).
        cotangent: (...).

    Returns:
        Three arrays, shaped as the arguments.
    """
    first, second, third = gradient(FORMULA, phi, dphi, laplacian, cotangent=cotangent)
    return first, second, third


def ricci(dphi: Any, hessian: Any, *, check: bool = True) -> Any:
    """Ricci tensor -(n-2) (H - dphi dphi) - (tr H + (n-2) |dphi|^2) delta, H the Hessian of phi.

    Args:
        dphi: (..., n).
        hessian: (..., n, n).
        check: refuse NumPy arrays that are not symmetric and results that are not finite; tensors
            are not looked at.

    Returns:
        (..., n, n), both indices down.
    """
    if is_torch(dphi, hessian):
        from .torch import simple

        return simple.conformal_ricci(dphi, hessian)
    batch, (d, second) = join((DPHI, HESSIAN), (dphi, hessian))
    n = d.shape[1]
    if check:
        checks.symmetric((DPHI, HESSIAN), (d, second))
    with checks.quiet(d):
        second = (second + second.swapaxes(1, 2)) / 2
        trace = np.trace(second, axis1=1, axis2=2) + (n - 2) * (d * d).sum(1)
        result = -(n - 2) * (second - d[:, :, None] * d[:, None, :])
        result -= trace[:, None, None] * np.eye(n, dtype=d.dtype)
    return checks.finite(result.reshape((*batch, n, n)), check, "Ricci tensor", len(batch))


def christoffel(dphi: Any, *, check: bool = True) -> Any:
    """Christoffel symbols delta^i_j d_k phi + delta^i_k d_j phi - delta_jk d_i phi.

    Args:
        dphi: (..., n).
        check: refuse NumPy results that are not finite; tensors are not looked at.

    Returns:
        (..., n, n, n), first index up.
    """
    if is_torch(dphi):
        from .torch import simple

        return simple.conformal_christoffel(dphi)
    batch, (d,) = join((DPHI,), (dphi,))
    n = d.shape[1]
    one = np.eye(n, dtype=d.dtype)
    with checks.quiet(d):
        term = one[:, :, None] * d[:, None, None, :]
        result = term + term.swapaxes(2, 3) - one[None, None, :, :] * d[:, :, None, None]
    shaped = result.reshape((*batch, n, n, n))
    return checks.finite(shaped, check, "Christoffel symbol", len(batch))


def _forward(*arrays: Any) -> None:
    from . import kernels_simple

    kernels_simple.conformal(*arrays)


def _backward(*arrays: Any) -> None:
    from . import kernels_simple

    kernels_simple.conformal_vjp(*arrays)


def _linear(n: int) -> float:
    return 2.0 * n + 20.0


FORMULA = Formula("conformal", (PHI, DPHI, LAPLACIAN), _forward, _backward, _linear)
