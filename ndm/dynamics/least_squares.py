"""Levenberg-Marquardt for models of a few thousand parameters, started several times.

Residuals come in blocks of rows, each a function of the model and of one sample; the Jacobian of a
block is taken sample by sample, in one batch. Rows that need all samples at once (a gauge, a prior)
are blocks of a single sample.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn

from ndm.dynamics.steps import Damping, Point, System, better
from ndm.errors import SolverError

__all__ = ["Bind", "Block", "Fit", "Rows", "Stop", "fit_levenberg_marquardt"]


#: (theta, function, *arguments) -> function(model with parameters theta, *arguments)
Bind = Callable[..., Tensor]


class Block(Protocol):
    """What a fit asks of a block of residuals; `Rows` is the usual one."""

    @property
    def weight(self) -> float:
        """Of all rows of the block."""

    @property
    def data(self) -> bool:
        """Whether the rows say how well data are met."""

    def values(self, bind: Bind, theta: Tensor) -> Tensor:
        """Residuals, (k,)."""

    def slopes(self, bind: Bind, theta: Tensor) -> Tensor:
        """The Jacobian of the residuals, (k, p)."""


@dataclass(frozen=True)
class Rows:
    """A block of residuals: r_s = weight * function(model, *sample_s), for each sample s.

    Attributes:
        function: (model, *sample) -> (k,).
        samples: tensors (S, ...), one for each argument of the function.
        weight: of all rows of the block.
        name: how reports call it.
        data: whether the rows say how well data are met; otherwise they are a prior or a gauge.
    """

    function: Callable[..., Tensor]
    samples: tuple[Tensor, ...]
    weight: float = 1.0
    name: str = "rows"
    data: bool = True

    def __call__(self, model: nn.Module) -> Tensor:
        """All residuals of a model, (S k,)."""
        each = torch.func.vmap(lambda *sample: self.function(model, *sample))(*self.samples)
        return self.weight * each.reshape(-1)

    def values(self, bind: Bind, theta: Tensor) -> Tensor:
        """Residuals, (S k,), for parameters theta."""
        return self._mapped(self._one(bind), theta).reshape(-1)

    def slopes(self, bind: Bind, theta: Tensor) -> Tensor:
        """The Jacobian of the residuals, (S k, p): sample by sample, in one batch."""
        return self._mapped(torch.func.jacrev(self._one(bind)), theta).reshape(-1, len(theta))

    def _one(self, bind: Bind) -> Callable[..., Tensor]:
        def one(theta: Tensor, *sample: Tensor) -> Tensor:
            return self.weight * bind(theta, self.function, *sample).reshape(-1)

        return one

    def _mapped(self, one: Callable[..., Tensor], theta: Tensor) -> Tensor:
        inner = (None, *([0] * len(self.samples)))
        result: Tensor = torch.func.vmap(one, in_dims=inner)(theta, *self.samples)
        return result


@dataclass(frozen=True)
class Stop:
    """When a fit ends.

    Attributes:
        iterations: at most so many, for each start.
        seconds: at most so long, all starts together.
        residual: root mean square of the data's residuals that is good enough.
        progress: relative decrease of the sum of squares over `patience` iterations, below which it
            has converged.
        patience: see above.
    """

    iterations: int = 300
    seconds: float = float("inf")
    residual: float = 0.0
    progress: float = 1e-5
    patience: int = 10


@dataclass(frozen=True)
class Fit:
    """What a fit reached.

    Attributes:
        model: the best one.
        residual: root mean square of its data residuals: the certificate of the fit.
        history: of every iteration of the best start.
        starts: the residual that each start reached.
        iterations: of all starts together.
        seconds: of CPU time in this thread.
        reason: why the best start ended.
    """

    model: nn.Module
    residual: float
    history: tuple[float, ...]
    starts: tuple[float, ...]
    iterations: int
    seconds: float
    reason: str = field(default="")

    def __str__(self) -> str:
        others = ", ".join(f"{value:.2g}" for value in self.starts)
        return (
            f"residual {self.residual:.3g} after {self.iterations} iterations, "
            f"{self.seconds:.1f} s ({self.reason}); starts: {others}"
        )


class _Bound(nn.Module):
    """Lets `functional_call` run any function of a model."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, function: Callable[..., Tensor], *arguments: Tensor) -> Tensor:
        return function(self.model, *arguments)


class _Problem:
    """Residuals and Jacobian as functions of one vector of parameters."""

    def __init__(self, model: nn.Module, blocks: Sequence[Block]) -> None:
        self.bound, self.blocks = _Bound(model), blocks
        self.named = {k: p for k, p in self.bound.named_parameters() if p.requires_grad}
        self.sizes = [p.numel() for p in self.named.values()]

    def parts(self, theta: Tensor) -> dict[str, Tensor]:
        pairs = zip(self.named.items(), theta.split(self.sizes), strict=True)
        return {name: part.view_as(p) for (name, p), part in pairs}

    def start(self) -> Tensor:
        return torch.cat([p.detach().reshape(-1) for p in self.named.values()])

    def bind(self, theta: Tensor, function: Callable[..., Tensor], *arguments: Tensor) -> Tensor:
        given = (function, *arguments)
        value: Tensor = torch.func.functional_call(self.bound, self.parts(theta), given)
        return value

    def at(self, theta: Tensor) -> Point:
        with torch.no_grad():
            parts = [block.values(self.bind, theta) for block in self.blocks]
        r = torch.cat(parts)
        return Point(theta, parts, r, float(r @ r))

    def jacobian(self, theta: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.cat([block.slopes(self.bind, theta) for block in self.blocks])

    def data_residual(self, residuals: Sequence[Tensor]) -> float:
        pairs = zip(self.blocks, residuals, strict=True)
        rows = [r / block.weight for block, r in pairs if block.data]
        return float(torch.cat(rows).square().mean().sqrt())

    def install(self, theta: Tensor) -> None:
        with torch.no_grad():
            for name, part in self.parts(theta).items():
                self.named[name].copy_(part)


def fit_levenberg_marquardt(
    make: Callable[[int], nn.Module],
    rows: Sequence[Block],
    *,
    gauge: Block | None = None,
    multistart: int = 4,
    stop: Stop | None = None,
    watch: Callable[[int, float], None] | None = None,
) -> Fit:
    """Minimise the sum of squares of all rows, from several random starts; the best one wins.

    Each step solves (J^T J + mu D) d = -J^T r with D = max diag(J^T J) 1, and adds half the
    geodesic acceleration: the same system with the second derivative of r along d in place of r. mu
    follows the ratio of what was gained to what was promised (Nielsen's rule). Starts after the
    first good one (residual below `stop.residual`) are not made.

    Args:
        make: seed -> a fresh model.
        rows: the residuals.
        gauge: a row that pins what the data leave open, such as the scale of a metric.
        multistart: how many starts, at most.
        stop: when to end.
        watch: is told after each step how many there were, of all starts, and the data's residual.

    Returns:
        The best fit.

    Raises:
        SolverError: there are no rows, or no start gave finite residuals.

    References:
        Nielsen, Damping parameter in Marquardt's method, IMM-REP-1999-05. Transtrum & Sethna,
        Improvements to the Levenberg-Marquardt algorithm, 2012, arXiv:1201.5885.

    Example:
        >>> x = torch.linspace(-1, 1, 20).double()[:, None]
        >>> rows = Rows(lambda m, x: m(x) - torch.sin(2 * x), (x,))
        >>> def make(seed):
        ...     _ = torch.manual_seed(seed)
        ...     return nn.Sequential(nn.Linear(1, 6), nn.Tanh(), nn.Linear(6, 1)).double()
        >>> fit_levenberg_marquardt(make, [rows], multistart=1).residual < 1e-4
        True
    """
    stop = stop or Stop()
    blocks = [*rows, *([gauge] if gauge is not None else [])]
    if not blocks:
        raise SolverError("a fit needs rows of residuals; none were given")
    begun, best, starts, count = time.thread_time(), None, [], 0
    for seed in range(multistart):
        left = stop.seconds - (time.thread_time() - begun)
        if seed and left <= 0:
            break
        problem = _Problem(make(seed), blocks)
        tell = _counted(watch, count)
        theta, history, reason = _descend(problem, stop, left, tell)
        count += max(0, len(history) - 1)
        if not history:
            continue
        problem.install(theta)
        starts.append(history[-1])
        if best is None or history[-1] < best[1][-1]:
            best = (problem.bound.model, tuple(history), reason)
        if history[-1] <= stop.residual:
            break
    if best is None:
        raise SolverError(
            f"none of {multistart} starts gave finite residuals; look for nan in the data, or "
            "start with smaller networks"
        )
    seconds = time.thread_time() - begun
    model, history_, reason = copy.deepcopy(best[0]), best[1], best[2]
    return Fit(model, history_[-1], history_, tuple(starts), count, seconds, reason)


def _counted(
    watch: Callable[[int, float], None] | None, before: int
) -> Callable[[Sequence[float]], None]:
    """What a start tells of its history, as `watch` wants it."""

    def tell(history: Sequence[float]) -> None:
        if watch is not None:
            watch(before + len(history) - 1, history[-1])

    return tell


def _descend(
    problem: _Problem, stop: Stop, seconds: float, tell: Callable[[Sequence[float]], None]
) -> tuple[Tensor, list[float], str]:
    """Levenberg-Marquardt from one start."""
    ends, damping, at = time.thread_time() + seconds, Damping(), problem.at(problem.start())
    if not bool(at.r.isfinite().all()):
        return at.theta, [], "the start is not finite"

    def late() -> bool:
        return time.thread_time() > ends

    history, values = [problem.data_residual(at.parts)], [at.value]
    for _ in range(stop.iterations):
        reason = _finished(stop, history, values)
        if reason or late():
            return at.theta, history, reason or "the time is over"
        system = System(problem.jacobian(at.theta), at.r)
        found = better(problem.at, system, at, damping, late)
        if found is None:
            reason = "the time is over" if late() else "no step makes it better"
            return at.theta, history, reason
        at = found
        history.append(problem.data_residual(at.parts))
        values.append(at.value)
        tell(history)
    return at.theta, history, f"{stop.iterations} iterations"


def _finished(stop: Stop, history: Sequence[float], values: Sequence[float]) -> str:
    if history[-1] <= stop.residual:
        return "the residual is small enough"
    if len(values) >= stop.patience:
        old = values[-stop.patience]
        if old - values[-1] <= stop.progress * old:
            return "it has converged"
    return ""
