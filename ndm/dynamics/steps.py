"""One step of Levenberg-Marquardt with geodesic acceleration: see `least_squares`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Damping", "Point", "System", "better"]

# Part of a step after which its curvature is looked at.
PROBE = 0.1


@dataclass(frozen=True)
class Point:
    """Parameters with their residuals.

    Attributes:
        theta: (p,).
        parts: the residuals, block by block.
        r: all of them, (k,).
        value: the sum of their squares.
    """

    theta: Tensor
    parts: list[Tensor]
    r: Tensor
    value: float


class Damping:
    """Nielsen's rule: less damping where the linear model foretold the gain, much more after none.

    Below 1e-14 it would drown in the rounding of the normal equations.
    """

    def __init__(self) -> None:
        self.mu, self.growth = 1e-3, 2.0

    def accept(self, ratio: float) -> None:
        """After a step that gained `ratio` of what was promised."""
        self.mu = max(self.mu * max(1 / 3, 1 - (2 * ratio - 1) ** 3), 1e-14)
        self.growth = 2.0

    def refuse(self) -> None:
        """After a step that gained nothing."""
        self.mu, self.growth = self.mu * self.growth, 2 * self.growth


class System:
    """The linearised problem |r + J d|^2, with the longest column of J scaled to unit length.

    Columns are not scaled one by one: steps far along parameters that hardly matter saturate
    networks, and make fits that get stuck, or are good at the data and wild between them.
    """

    def __init__(self, jacobian: Tensor, r: Tensor) -> None:
        self.scale = float(torch.linalg.vector_norm(jacobian, dim=0).max()) or 1.0
        self.J, self.r = jacobian / self.scale, r
        self.wide = jacobian.shape[1] > jacobian.shape[0]
        self.normal = self.J @ self.J.mT if self.wide else self.J.mT @ self.J

    def damped(self, mu: float) -> Callable[[Tensor], Tensor] | None:
        """From b to the d that minimises |b + J d|^2 + mu |d|^2; None where rounding forbids it."""
        damped = self.normal.clone()
        damped.diagonal().add_(mu)
        root, info = torch.linalg.cholesky_ex(damped)
        if int(info):
            return None

        def solve(b: Tensor) -> Tensor:
            # with more parameters than rows, -J^T (J J^T + mu)^-1 b is the same step, for less
            right = b if self.wide else self.J.mT @ b
            d = torch.cholesky_solve(-right[:, None], root)[:, 0]
            return (self.J.mT @ d if self.wide else d) / self.scale

        return solve

    def along(self, step: Tensor) -> Tensor:
        """J d."""
        return self.J @ (step * self.scale)

    def promise(self, step: Tensor) -> float:
        """How much the linearised sum of squares decreases."""
        change = self.along(step)
        return -float(change @ (2 * self.r + change))


def better(
    reach: Callable[[Tensor], Point],
    system: System,
    at: Point,
    damping: Damping,
    late: Callable[[], bool] = lambda: False,
) -> Point | None:
    """The next point, with a smaller sum of squares.

    Args:
        reach: theta -> the point there.
        system: linearised at the present point.
        at: the present point.
        damping: changed on the way.
        late: whether to give up.

    Returns:
        The point; None if there is none for any damping, or it is late.
    """
    while damping.mu < 1e16 and not late():
        solve = system.damped(damping.mu)
        step = None if solve is None else solve(at.r)
        turn = None if solve is None or step is None else _turn(reach, system, at, step, solve)
        if step is not None and turn is not None:
            trial = reach(at.theta + step + turn)
            gained = at.value - trial.value
            if gained > 0:
                promised = system.promise(step)
                damping.accept(gained / promised if promised > 0 else 0.0)
                return trial
        damping.refuse()
    return None


def _turn(
    reach: Callable[[Tensor], Point],
    system: System,
    at: Point,
    step: Tensor,
    solve: Callable[[Tensor], Tensor],
) -> Tensor | None:
    """Half the geodesic acceleration along a step d: the damped answer to the second derivative.

    That is d^2 r/dt^2 of r(theta + t d), by a difference. The valleys of networks are narrow and
    bent; the straight step leaves them early.

    Returns:
        What is added to the step: 0 where the second order is too large to be trusted; None where
        it is so large that the step is not worth a trial.
    """
    near = reach(at.theta + PROBE * step).r
    bend = 2 / PROBE * ((near - at.r) / PROBE - system.along(step))
    turn = 0.5 * solve(bend)
    size, length = (float(torch.linalg.vector_norm(each)) for each in (4 * turn, step))
    if size < 0.75 * length:
        return turn
    return torch.zeros_like(step) if size < 3 * length else None
