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

#: (theta, x, v) -> x'', of one state or of many
Move = Callable[[Tensor, Tensor, Tensor], Tensor]

# Numbers that derivatives of stages may take at once: 160 MB.
LARGEST = 20_000_000


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
    move: Move,
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
    places, n = [states[:, : states.shape[1] // 2]], states.shape[1] // 2
    for step in times.diff().tolist():
        for _ in range(substeps):
            states, _ = _step(move, theta, states, step / substeps)
        places.append(states[:, :n])
    return torch.stack(places, 1)


def follow_with_slopes(
    move: Move,
    theta: Tensor,
    states: Tensor,
    times: Tensor,
    substeps: int,
    by_parameters: bool,
) -> tuple[Tensor, Tensor]:
    """Positions in Runge-Kutta steps of fourth order, and their exact derivatives.

    Derivatives are pushed forward through the same steps: of each stage only those of the
    acceleration are needed, whatever the length of the trajectory, and those of many stages are
    computed in one batch, after the motion.

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
    places, rows = [states[:, :n]], [tangent[:, :n]]
    block = max(1, LARGEST // (4 * substeps * count * n * (width + more)))
    for steps in times.diff().split(block):
        sizes = [h / substeps for h in steps.tolist() for _ in range(substeps)]
        stages, ends = [], []
        for h in sizes:
            states, four = _step(move, theta, states, h)
            stages.append(four)
            ends.append(states)
        by_state, by_theta = _slopes(move, theta, torch.stack(stages), by_parameters)
        for k, h in enumerate(sizes):
            own = None if by_theta is None else by_theta[k]
            tangent = _push(by_state[k], own, tangent, h)
            if (k + 1) % substeps == 0:
                places.append(ends[k][:, :n])
                rows.append(tangent[:, :n])
    return torch.stack(places, 1), torch.stack(rows, 1)


def _step(move: Move, theta: Tensor, state: Tensor, h: float) -> tuple[Tensor, Tensor]:
    """One step of Runge and Kutta: the next states (K, 2n), and the four stages (4, K, 2n)."""
    n = state.shape[1] // 2

    def rate(s: Tensor) -> Tensor:
        return torch.cat([s[:, n:], move(theta, s[:, :n], s[:, n:])], -1)

    a = rate(state)
    second = state + h / 2 * a
    b = rate(second)
    third = state + h / 2 * b
    c = rate(third)
    fourth = state + h * c
    end = state + h / 6 * (a + 2 * b + 2 * c + rate(fourth))
    return end, torch.stack([state, second, third, fourth])


def _slopes(
    move: Move, theta: Tensor, stages: Tensor, by_parameters: bool
) -> tuple[Tensor, Tensor | None]:
    """Derivatives of the acceleration at stages (S, 4, K, 2n): (S, 4, K, n, 2n) and (..., n, p)."""
    flat, n = stages.flatten(0, 2), stages.shape[-1] // 2
    wanted = (0, 1, 2) if by_parameters else (1, 2)
    each = torch.func.vmap(torch.func.jacrev(move, argnums=wanted), in_dims=(None, 0, 0))
    found = each(theta, flat[:, :n], flat[:, n:])
    by_state = torch.cat(found[-2:], -1).unflatten(0, stages.shape[:3])
    return by_state, found[0].unflatten(0, stages.shape[:3]) if by_parameters else None


def _push(by_state: Tensor, by_theta: Tensor | None, tangent: Tensor, h: float) -> Tensor:
    """The derivative of a step: `_step`, linearised at its four stages."""
    width = tangent.shape[1]

    def rate(stage: int, t: Tensor) -> Tensor:
        lower = by_state[stage] @ t
        if by_theta is not None:
            lower = torch.cat([lower[..., :width], lower[..., width:] + by_theta[stage]], -1)
        return torch.cat([t[:, width // 2 :], lower], 1)

    a = rate(0, tangent)
    b = rate(1, tangent + h / 2 * a)
    c = rate(2, tangent + h / 2 * b)
    return tangent + h / 6 * (a + 2 * b + 2 * c + rate(3, tangent + h * c))
