"""Motion of a model: followed in time, with its derivatives by parameters and initial states."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ndm.dynamics.stepping import Motions, follow_together
from ndm.errors import SolverError

__all__ = ["follow", "follow_each", "follow_steps", "follow_with_slopes"]


def follow(
    model: nn.Module, x: Tensor, v: Tensor, times: NDArray[np.float64], tolerance: float = 1e-9
) -> tuple[Tensor, Tensor]:
    """The motion of a model from several initial states, all in one system of equations.

    Args:
        model: accelerations model(x, v).
        x: (K, n), at times[0].
        v: (K, n).
        times: (T,), increasing.
        tolerance: relative and absolute one, of each step.

    Returns:
        Positions and velocities, (K, T, n) each.

    Raises:
        SolverError: it cannot be followed to the end.

    Example:
        >>> from ndm.dynamics.motion import MetricDynamics
        >>> from ndm.geometry import ExactMetric
        >>> model = MetricDynamics(ExactMetric("hyperbolic_plane_half"))
        >>> x, v = torch.tensor([[0.0, 1.0]]).double(), torch.tensor([[1.0, 0.0]]).double()
        >>> ends, _ = follow(model, x, v, np.array([0.0, 2.0]))
        >>> bool((ends[0, -1].norm() - 1).abs() < 1e-8)           # it stays on the unit circle
        True
    """
    found = follow_each(model, x, v, times, tolerance)
    if found.ended:
        raise SolverError(
            f"{len(found.ended)} of {len(x)} motions cannot be followed to t = {times[-1]:.4g}: "
            + "; ".join(f"motion {k} ends {why}" for k, why in [*found.ended.items()][:3])
        )
    options = {"dtype": x.dtype, "device": x.device}
    return torch.tensor(found.x, **options), torch.tensor(found.v, **options)


def follow_each(
    model: nn.Module, x: Tensor, v: Tensor, times: NDArray[np.float64], tolerance: float = 1e-9
) -> Motions:
    """The same, where motions may end: what is not there is nan, and said in `ended`.

    Args:
        model: accelerations model(x, v).
        x: (K, n), at times[0].
        v: (K, n).
        times: (T,), increasing.
        tolerance: relative and absolute one, of each step.

    Returns:
        The motions, as arrays of numpy.
    """

    def acceleration(place: NDArray[np.float64], speed: NDArray[np.float64]) -> NDArray[np.float64]:
        given = (torch.tensor(each, dtype=x.dtype, device=x.device) for each in (place, speed))
        with torch.no_grad():
            try:
                bend: Tensor = model(*given)
            except torch.linalg.LinAlgError as error:
                raise np.linalg.LinAlgError(str(error)) from error
        result: NDArray[np.float64] = bend.cpu().double().numpy()
        return result

    places, speeds = (each.detach().cpu().double().numpy() for each in (x, v))
    return follow_together(acceleration, places, speeds, times, tolerance)


def follow_steps(
    move: Callable[[Tensor, Tensor, Tensor], Tensor],
    theta: Tensor,
    states: Tensor,
    times: Tensor,
    substeps: int,
) -> Tensor:
    """Positions in the same steps as `follow_with_slopes`, without derivatives.

    Args:
        move: (theta, x, v) -> x'', of many states.
        theta: (p,).
        states: initial positions and velocities, (K, 2n).
        times: (T,).
        substeps: steps between two times.

    Returns:
        (K, T, n).
    """
    n = states.shape[1] // 2

    def rate(state: Tensor, none: Tensor) -> tuple[Tensor, Tensor]:
        return torch.cat([state[:, n:], move(theta, state[:, :n], state[:, n:])], -1), none

    places, none = [states[:, :n]], states.new_zeros(())
    for step in times.diff().tolist():
        h = step / substeps
        for _ in range(substeps):
            states, _ = _runge_kutta(rate, states, none, h)
        places.append(states[:, :n])
    return torch.stack(places, 1)


def follow_with_slopes(
    move: Callable[[Tensor, Tensor, Tensor], Tensor],
    theta: Tensor,
    states: Tensor,
    times: Tensor,
    substeps: int,
    by_parameters: bool,
) -> tuple[Tensor, Tensor]:
    """Positions in Runge-Kutta steps of fourth order, and their exact derivatives.

    Derivatives are pushed forward through the same steps: of each stage only those of the
    acceleration are needed, whatever the length of the trajectory.

    Args:
        move: (theta, x, v) -> x'', of one state or of many.
        theta: (p,).
        states: initial positions and velocities, (K, 2n).
        times: (T,).
        substeps: steps between two times.
        by_parameters: whether derivatives by theta are wanted too.

    Returns:
        Positions (K, T, n), and derivatives (K, T, n, 2n) or (K, T, n, 2n + p): by the initial
        state first.
    """
    count, width = states.shape
    n, more = width // 2, len(theta) if by_parameters else 0
    tangent = torch.eye(width, width + more, dtype=states.dtype, device=states.device)
    tangent = tangent.expand(count, width, width + more)
    wanted = (0, 1, 2) if by_parameters else (1, 2)

    def valued(theta: Tensor, x: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        bend = move(theta, x, v)
        return bend, bend

    slopes = torch.func.jacrev(valued, argnums=wanted, has_aux=True)
    batched = torch.func.vmap(slopes, in_dims=(None, 0, 0))

    def rate(state: Tensor, tangent: Tensor) -> tuple[Tensor, Tensor]:
        x, v = state[:, :n], state[:, n:]
        found, bend = batched(theta, x, v)
        by_x, by_v = found[-2:]
        lower = by_x @ tangent[:, :n] + by_v @ tangent[:, n:]
        if by_parameters:
            lower = torch.cat([lower[..., :width], lower[..., width:] + found[0]], -1)
        return torch.cat([v, bend], -1), torch.cat([tangent[:, n:], lower], 1)

    places, rows, state = [states[:, :n]], [tangent[:, :n]], states
    for step in times.diff().tolist():
        h = step / substeps
        for _ in range(substeps):
            state, tangent = _runge_kutta(rate, state, tangent, h)
        places.append(state[:, :n])
        rows.append(tangent[:, :n])
    return torch.stack(places, 1), torch.stack(rows, 1)


def _runge_kutta(
    rate: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]], s: Tensor, t: Tensor, h: float
) -> tuple[Tensor, Tensor]:
    a, da = rate(s, t)
    b, db = rate(s + h / 2 * a, t + h / 2 * da)
    c, dc = rate(s + h / 2 * b, t + h / 2 * db)
    d, dd = rate(s + h * c, t + h * dc)
    return s + h / 6 * (a + 2 * b + 2 * c + d), t + h / 6 * (da + 2 * db + 2 * dc + dd)
