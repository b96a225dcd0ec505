"""The full family: any metric g_ij(x), known by its jet at a point.

Arrays are batched over their leading dimensions; indices of derivatives come last,
`dg[..., i, j, k]` = d_k g_ij and `ddg[..., i, j, k, l]` = d_k d_l g_ij. Signs are those of
`geomkit.conventions`. Only the symmetric part of each array counts, and gradients are symmetric.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from geomkit.errors import MetricError

from . import checks
from .arrays import Argument, Formula, evaluate, gradient, is_torch, join, run

__all__ = ["christoffel", "contract", "ricci", "scalar", "scalar_curvature_from_jet", "scalar_vjp"]

G = Argument("g", "nn", ((0, 1),))
DG = Argument("dg", "nnn", ((0, 1),))
DDG = Argument("ddg", "nnnn", ((0, 1), (2, 3)))
CONTRACTED = Argument("contracted", "")

# The largest dimension that is unrolled: docs/families.md has the measurements.
UNROLLED = 3


def scalar_curvature_from_jet(
    g: Any, dg: Any, ddg: Any = None, *, contracted: Any = None, check: bool = True
) -> Any:
    """Scalar curvature R of a metric from its jet, R > 0 on spheres.

    R = (h^il h^jk - h^ij h^kl) d_k d_l g_ij + |Gamma|^2 - |gamma|^2, h the inverse of g and
    gamma_e = h^bd Gamma_ebd. Second derivatives are needed only in that contraction, which a caller
    who knows it (a network whose second derivatives have few terms) gives instead of `ddg`.

    NumPy arrays are computed by numba kernels; torch tensors too where they lie on the CPU, with
    derivatives of any order in both modes, `vmap` and `torch.func`. Other devices run plain torch.
    float32 is computed in float64 and rounded once. A singular g has no curvature: it is refused,
    or with `check=False` (and always off the CPU) has nan or infinity there and nowhere else.

    Args:
        g: (..., n, n), symmetric, of any signature.
        dg: (..., n, n, n), d_k g_ij.
        ddg: (..., n, n, n, n), d_k d_l g_ij.
        contracted: instead of ddg, the contraction (...,); see `contract`.
        check: refuse arrays that are not symmetric (looked at on the first points, which finds
            indices in another order) and results that are not finite.

    Returns:
        R, of shape (...), in the precision of the input.

    Raises:
        MetricError: shapes or dtypes that do not fit, asymmetric arrays, or not exactly one of
            `ddg` and `contracted`.
        DomainError: R is not finite: the metric is singular, or the jet is not finite.

    Example:
        >>> import numpy as np
        >>> t = 0.7                                   # the unit sphere, g = diag(1, sin(t)^2)
        >>> g, dg, ddg = np.diag([1, np.sin(t) ** 2]), np.zeros((2,) * 3), np.zeros((2,) * 4)
        >>> dg[1, 1, 0], ddg[1, 1, 0, 0] = np.sin(2 * t), 2 * np.cos(2 * t)
        >>> round(float(scalar_curvature_from_jet(g, dg, ddg)), 12)
        2.0
    """
    return evaluate(*_arguments(g, dg, ddg, contracted), check=check)


scalar = scalar_curvature_from_jet


def scalar_vjp(
    g: Any, dg: Any, ddg: Any = None, *, contracted: Any = None, cotangent: Any
) -> tuple[Any, Any, Any]:
    """Gradient of sum(cotangent * R).

    Args:
        g: see `scalar_curvature_from_jet`.
        dg: see there.
        ddg: see there.
        contracted: see there.
        cotangent: (...,).

    Returns:
        The gradients by g, dg, and by whichever of ddg and contracted was given.
    """
    first, second, third = gradient(*_arguments(g, dg, ddg, contracted), cotangent=cotangent)
    return first, second, third


def contract(g: Any, ddg: Any, *, check: bool = True) -> Any:
    """The contraction of second derivatives that R needs: (h^il h^jk - h^ij h^kl) d_k d_l g_ij.

    Args:
        g: (..., n, n).
        ddg: (..., n, n, n, n).
        check: see `scalar_curvature_from_jet`.

    Returns:
        (...,).
    """
    if is_torch(g, ddg):
        from .torch import full as plain

        return plain.contract(g, ddg)
    return evaluate(_CONTRACTION, g, ddg, check=check)


def christoffel(g: Any, dg: Any, *, check: bool = True) -> Any:
    """Christoffel symbols Gamma^i_jk = h^im (d_j g_mk + d_k g_mj - d_m g_jk) / 2.

    Args:
        g: (..., n, n).
        dg: (..., n, n, n).
        check: of NumPy arrays, see `scalar_curvature_from_jet`; tensors are not looked at.

    Returns:
        (..., n, n, n), first index up; nan where g is singular and not looked at.
    """
    if is_torch(g, dg):
        from .torch import full as plain

        return plain.christoffel(g, dg)
    from . import kernels_tensors

    return _tensor(kernels_tensors.christoffel, (g, dg), 1, 2.0, "Christoffel symbol", check)


def ricci(g: Any, dg: Any, ddg: Any, *, check: bool = True) -> Any:
    """Ricci tensor Ric_jl = R^i_jil.

    Args:
        g: (..., n, n).
        dg: (..., n, n, n).
        ddg: (..., n, n, n, n).
        check: of NumPy arrays, see `scalar_curvature_from_jet`; tensors are not looked at.

    Returns:
        (..., n, n), both indices down; nan where g is singular and not looked at.
    """
    if is_torch(g, dg, ddg):
        from .torch import full as plain

        return plain.ricci(g, dg, ddg)
    from . import kernels_tensors

    return _tensor(kernels_tensors.ricci, (g, dg, ddg), 0, 8.0, "Ricci tensor", check)


def _tensor(
    kernel: Any, arrays: tuple[Any, ...], like: int, work: float, what: str, check: bool
) -> Any:
    """Run a kernel whose result has the shape of one of its arguments."""
    arguments = (G, DG, DDG)[: len(arrays)]
    batch, flat = join(arguments, arrays)
    if check:
        checks.symmetric(arguments, flat)
    out = np.empty_like(flat[like])
    run(kernel, flat, [out], work * flat[0].shape[1] ** 4)
    return checks.finite(out.reshape(batch + out.shape[1:]), check, what, len(batch))


def _arguments(g: Any, dg: Any, ddg: Any, contracted: Any) -> tuple[Any, ...]:
    if (ddg is None) == (contracted is None):
        raise MetricError("give either ddg or contracted: the second derivatives, exactly once")
    if ddg is None:
        return FORMULA_CONTRACTED, g, dg, contracted
    return FORMULA, g, dg, ddg


def _forward(g: Any, dg: Any, ddg: Any, out: Any) -> None:
    from . import kernels_full, unrolled

    if 2 <= g.shape[1] <= UNROLLED:
        unrolled.scalar(g, dg, ddg, out)
    else:
        kernels_full.scalar(g, dg, ddg, np.empty(0), out)


def _backward(g: Any, *others: Any) -> None:
    from . import kernels_full, unrolled

    if 2 <= g.shape[1] <= UNROLLED:
        unrolled.gradient(g, *others)
    else:
        kernels_full.scalar_vjp(g, *others)


def _forward_contracted(g: Any, dg: Any, contracted: Any, out: Any) -> None:
    from . import kernels_full

    kernels_full.scalar(g, dg, np.empty((0, *(g.shape[1],) * 4)), contracted, out)


def _backward_contracted(g: Any, dg: Any, contracted: Any, cotangent: Any, *outs: Any) -> None:
    from . import kernels_full

    nothing = np.empty((0, *(g.shape[1],) * 4))
    kernels_full.scalar_vjp(g, dg, nothing, cotangent, outs[0], outs[1], nothing)
    outs[2][...] = cotangent if g.shape[1] > 1 else 0


def _contract(g: Any, ddg: Any, out: Any) -> None:
    from . import kernels_full

    kernels_full.contract_second(g, ddg, out)


def _quartic(n: int) -> float:
    return 8.0 * n**4


FORMULA = Formula("full", (G, DG, DDG), _forward, _backward, _quartic)
FORMULA_CONTRACTED = Formula(
    "full_contracted", (G, DG, CONTRACTED), _forward_contracted, _backward_contracted, _quartic
)
_CONTRACTION = Formula("contract", (G, DDG), _contract, _contract, _quartic)
