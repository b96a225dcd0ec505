"""Geodesics on tensors: many at once with torchdiffeq, differentiable in everything.

Gradients flow into points, vectors and parameters; they are those of the discretised flow, so they
agree with Jacobi fields as well as the integration itself does. They are taken with `backward`,
`torch.autograd.grad` or `torch.autograd.functional`: torchdiffeq knows no `torch.func`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from geomkit.errors import DomainError, GeomkitError

try:
    import torch
    from torchdiffeq import odeint, odeint_adjoint
except ImportError as _error:
    raise GeomkitError(
        f"geodesics on tensors need {_error.name}, which is not installed: "
        "pip install 'geomkit-ndm[ndm]'"
    ) from None

from geomkit.kernel import Kernel, compile

if TYPE_CHECKING:
    from geomkit.metric import Metric

__all__ = ["exp", "flow"]

Tensor = Any  # torch.Tensor; torch carries no types that are checked here
# The adaptive methods of torchdiffeq: others make one step between two values of s, however far.
METHODS = ("dopri8", "dopri5", "bosh3", "adaptive_heun")


def flow(
    metric: Metric | Kernel,
    points: Tensor,
    velocities: Tensor,
    s: Tensor,
    *,
    rtol: float = 1e-9,
    atol: float = 1e-11,
    method: str = "dopri8",
    adjoint: bool = False,
    **parameters: Any,
) -> tuple[Tensor, Tensor]:
    """Return the geodesics with x(s_0) = points and x'(s_0) = velocities.

    Args:
        metric: the metric, or its kernel of "geodesic" for torch.
        points: (..., n).
        velocities: (..., n); leading dimensions broadcast.
        s: values of the affine parameter, (S,), increasing or decreasing; the first is the start.
        rtol: relative tolerance; all curves share their steps.
        atol: absolute tolerance.
        method: of torchdiffeq.
        adjoint: whether gradients are integrated backwards, in little memory, instead of being
            propagated through the steps. Parameters get no gradient then.
        **parameters: numbers, or tensors (...) that may need gradients; for unspecified functions
            callables.

    Returns:
        Positions and velocities, (S, ..., n) each.

    Raises:
        DomainError: a curve leaves the chart, or shapes do not fit.

    Example:
        >>> import geomkit as gk
        >>> plane = gk.catalog["flat_polar"]
        >>> start = torch.tensor([1.0, 0.0], dtype=torch.float64)
        >>> up = torch.tensor([0.0, 1.0], dtype=torch.float64)
        >>> x, v = flow(plane, start, up, torch.tensor([0.0, 1.0], dtype=torch.float64))
        >>> [round(float(c), 9) for c in x[-1]]
        [1.414213562, 0.785398163]
    """
    kernel = metric if isinstance(metric, Kernel) else _kernel(metric)
    n = kernel.metric.n
    state = _state(points, velocities, n, method)
    if adjoint:
        _without_gradients(parameters)

    def slope(_s: Tensor, y: Tensor) -> Tensor:
        x, v = y[..., :n], y[..., n:]
        acceleration = kernel(x, velocity=v, **parameters)[0]
        return torch.cat([v, acceleration], dim=-1)

    # Steps end at the values of s: the interpolant of torchdiffeq is only of the fourth order.
    options: dict[str, Any] = {"options": {"step_t": s[1:]}}
    if adjoint:
        options |= {"adjoint_params": (), "adjoint_options": {"step_t": s.flip(0)[1:]}}
    solve = odeint_adjoint if adjoint else odeint
    try:
        states = solve(slope, state, s, rtol=rtol, atol=atol, method=method, **options)
        reason = "" if torch.isfinite(states.detach()).all() else "not finite"
    except AssertionError as error:  # how torchdiffeq says that the step became too small, or NaN
        states, reason = state, str(error)
    if reason:
        raise DomainError(
            f"a geodesic of {kernel.metric.name!r} leaves the chart before s = {float(s[-1]):g} "
            f"({reason}); shorten the vectors, or look at each with geomkit.geodesic.Geodesics"
        )
    return states[..., :n], states[..., n:]


def _without_gradients(parameters: dict[str, Any]) -> None:
    learned = [k for k, v in parameters.items() if getattr(v, "requires_grad", False)]
    if learned:
        raise DomainError(
            f"adjoint=True gives no gradient in parameters, but {learned[0]} needs one; "
            "leave adjoint out, or detach it"
        )


def _state(points: Tensor, velocities: Tensor, n: int, method: str) -> Tensor:
    """Position and velocity in one row, (..., 2n)."""
    if points.shape[-1:] != (n,) or velocities.shape[-1:] != (n,) or method not in METHODS:
        raise DomainError(
            f"points {tuple(points.shape)}, velocities {tuple(velocities.shape)}, method "
            f"{method!r}: give (..., {n}) for both and one of {', '.join(METHODS)}"
        )
    return torch.cat(torch.broadcast_tensors(points, velocities), dim=-1)


def exp(metric: Metric | Kernel, points: Tensor, vectors: Tensor, **options: Any) -> Tensor:
    """Return exp_p(v), the end at s = 1 of the geodesic with x(0) = p, x'(0) = v.

    Args:
        metric: the metric, or its kernel of "geodesic" for torch.
        points: p, (..., n).
        vectors: v, (..., n).
        **options: as for `flow`, parameters included.

    Returns:
        The points, (..., n); differentiable.
    """
    s = torch.tensor([0.0, 1.0], dtype=points.dtype, device=points.device)
    return flow(metric, points, vectors, s, **options)[0][-1]


@cache
def _kernel(metric: Metric) -> Kernel:
    return compile(metric, "geodesic", backend="torch")
