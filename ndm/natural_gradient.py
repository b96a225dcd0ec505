"""The natural gradient as an optimiser: theta <- theta - eta G^-1 grad (equation 6 of the paper).

G is `ndm.fisher.GeneralisedFisher`: learned metrics, output Fisher information, or both, at the
batch that the model saw last. Parameters that neither coordinates nor outputs depend on (those of a
metric net) have no natural gradient; they take steps of Adam.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ndm.cg import Solution, conjugate_gradient
from ndm.charts import Pad
from ndm.errors import ModelError, SolverError
from ndm.field import symmetric
from ndm.fisher import GeneralisedFisher
from ndm.kfac import KroneckerFactors
from ndm.model import NDM

__all__ = ["LevenbergMarquardt", "NaturalGradient"]

SHARES = (1.0, 0.25, 0.0625)  # of a step that are tried: a product of G costs more than a loss


@dataclass
class LevenbergMarquardt:
    """Damping that follows how well the quadratic model predicts the loss.

    After a step with reduction ratio rho = (loss decrease) / (predicted decrease), the damping is
    multiplied by `shrink` where rho > 3/4, divided by it where rho < 1/4, and a step that does not
    decrease the loss is taken back.

    Attributes:
        value: delta.
        shrink: in (0, 1).
        lower: never below this.
        upper: never above this.

    Example:
        >>> damping = LevenbergMarquardt(1.0, shrink=0.5)
        >>> damping.adapt(0.9), damping.adapt(0.1)
        (0.5, 1.0)
    """

    value: float = 1e-2
    shrink: float = 2 / 3
    lower: float = 1e-10
    upper: float = 1e6

    def adapt(self, ratio: float) -> float:
        """Take notice of a reduction ratio.

        Args:
            ratio: rho; nan counts as 0.

        Returns:
            The new damping.
        """
        if ratio > 0.75:
            self.value *= self.shrink
        elif not ratio >= 0.25:
            self.value /= self.shrink
        self.value = min(max(self.value, self.lower), self.upper)
        return self.value


class NaturalGradient(torch.optim.Optimizer):
    """Preconditions the gradient of the loss by the inverse of G.

    It is used as any other optimiser: `loss.backward()`, then `step()`; it remembers the batch that
    went through the model. With a closure and a `LevenbergMarquardt` damping, `step(closure)` also
    looks at the loss after the step, adapts its damping, and shortens a step that makes things
    worse, or takes it back; the parameters that G does not reach move after that.

    Args:
        model: whose parameters are optimised.
        lr: eta.
        solver: "cg" (matrix-free), or "kfac": the best combination of K-FAC's direction and the
            last step, by two products of G.
        damping: delta, or how it is adapted (which needs a closure).
        w_metric: see `GeneralisedFisher`.
        w_fisher: see there.
        likelihood: see there.
        tolerance: of conjugate gradients.
        max_iterations: of conjugate gradients, which begin at the last step's solution: so few are
            enough, and many made no better steps (docs/ndm/benchmarks.md).
        other_lr: step size of Adam for the parameters that G does not reach.

    Raises:
        ModelError: options that are not known, or out of range.

    Example:
        >>> from ndm.charts import coordinate_map
        >>> from ndm.heads import LinearHead
        >>> _ = torch.manual_seed(0)
        >>> model = NDM([coordinate_map("affine", 2)], LinearHead(2, 2))
        >>> optimizer = NaturalGradient(model, lr=1.0)
        >>> x, target = torch.randn(20, 2), torch.randint(2, (20,))
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = nn.functional.cross_entropy(model(x), target)
        ...     loss.backward()
        ...     return loss
        >>> first = optimizer.step(closure).item()
        >>> closure().item() < first
        True
    """

    def __init__(
        self,
        model: NDM,
        lr: float = 1.0,
        *,
        solver: str = "cg",
        damping: float | LevenbergMarquardt = 1e-2,
        w_metric: float | Sequence[float] | None = None,
        w_fisher: float = 1.0,
        likelihood: str = "categorical",
        tolerance: float = 1e-3,
        max_iterations: int = 10,
        other_lr: float = 1e-3,
    ) -> None:
        if solver not in ("cg", "kfac"):
            raise ModelError(f"solver {solver!r} was given; choose 'cg' or 'kfac'")
        if not lr > 0:
            raise ModelError(f"lr = {lr} was given; it must be positive")
        super().__init__(
            [p for p in model.parameters() if p.requires_grad], {"lr": lr, "other_lr": other_lr}
        )
        self.model, self.solver = model, solver
        if not isinstance(damping, LevenbergMarquardt):
            damping = LevenbergMarquardt(damping, shrink=1.0)
        self.damping = damping
        self.options: dict[str, Any] = {
            "w_metric": w_metric,
            "w_fisher": w_fisher,
            "likelihood": likelihood,
        }
        self.tolerance, self.max_iterations = tolerance, max_iterations
        self.last: Solution | None = None
        self._warm: Tensor | None = None  # the last direction
        self._image = torch.zeros(())  # G times that
        self._watch = _Watch()
        self._adam: torch.optim.Adam | None = None
        self._kept: dict[str, Any] | None = None  # state of an Adam that is not made yet
        for part in (model.layers[0].coordinate_map, model.pad):
            if part is not None:
                part.register_forward_pre_hook(self._watch)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step.

        Args:
            closure: computes the loss anew, with its gradient.

        Returns:
            The loss before the step, if there is a closure.

        Raises:
            SolverError: no batch went through the model, or a gradient is not finite.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        batch = self._watch.batch
        if batch is None:
            raise SolverError("no batch went through the model in training mode before step()")
        with torch.enable_grad():
            direction, gradient, matrix = self._direction(batch)
        lr, judged = self.param_groups[0]["lr"], closure is not None and self.damping.shrink < 1
        # how much a quadratic model of the loss falls
        slope, bent = torch.dot(gradient, direction), torch.dot(direction, self._image)
        promised = float(lr * slope - 0.5 * lr * lr * bent)
        rest = self._unreached(matrix)
        slopes = [None if p.grad is None else p.grad.clone() for p in rest]
        move = _Move(matrix, -lr * direction)
        if closure is not None and judged:
            self._judge(closure, _number(loss), promised, move)
        else:
            move(1.0)
        for p, slope in zip(rest, slopes, strict=True):  # as they were before that
            p.grad = slope
        self._others(rest)
        return loss

    def _direction(self, batch: Tensor) -> tuple[Tensor, Tensor, GeneralisedFisher]:
        delta = self.damping.value
        factors: KroneckerFactors | None = None
        if self.solver == "kfac":
            factors = KroneckerFactors(self.model, batch, **self.options)
            matrix = factors.matrix
        else:
            matrix = GeneralisedFisher(self.model, batch, **self.options)
        matrix.damping = delta
        gradient = torch.cat([_slope(p).reshape(-1) for p in matrix.parameters])
        if not bool(gradient.isfinite().all()):
            raise SolverError("the gradient is not finite: no step was made")
        start = self._warm if self._warm is not None and len(self._warm) == len(gradient) else None
        if factors is not None:
            ways = [factors.solve(gradient, delta), *([] if start is None else [start])]
            self._warm, self._image = _combined(matrix, gradient, torch.stack(ways))
            return self._warm, gradient, matrix
        self.last = conjugate_gradient(
            matrix,
            gradient,
            start=start,
            tolerance=self.tolerance,
            max_iterations=self.max_iterations,
        )
        self._warm, self._image = self.last.x, gradient - self.last.left
        return self.last.x, gradient, matrix

    def _unreached(self, matrix: GeneralisedFisher) -> list[Tensor]:
        reached = {id(p) for p in matrix.parameters}
        return [p for p in self.param_groups[0]["params"] if id(p) not in reached]

    def _others(self, rest: list[Tensor]) -> None:
        """A step of Adam for the parameters that G does not reach."""
        if self._adam is None and rest:
            self._adam = torch.optim.Adam(rest, lr=self.param_groups[0]["other_lr"])
            if self._kept is not None:
                self._adam.load_state_dict(self._kept)
        if self._adam is not None:
            self._adam.step()

    def _judge(self, closure: Callable[[], Any], loss: float, promised: float, move: _Move) -> None:
        """Compare the loss with what the quadratic model promised; take back what is worse."""
        for share in SHARES:
            move(share)
            with torch.enable_grad():
                after = _number(closure())
            if share == SHARES[0]:
                self.damping.adapt((loss - after) / promised if promised > 0 else 0.0)
            if after < loss:
                return
        move(0.0)
        self._warm = None

    def state_dict(self) -> dict[str, Any]:
        """What has to be kept to go on later."""
        state: dict[str, Any] = super().state_dict()
        state["damping"] = self.damping.value
        state["adam"] = self._kept if self._adam is None else self._adam.state_dict()
        state["warm"] = self._warm
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        state = dict(state_dict)
        self.damping.value = state.pop("damping")
        self._kept, self._warm = state.pop("adam"), state.pop("warm")
        if self._adam is not None and self._kept is not None:
            self._adam.load_state_dict(self._kept)
        super().load_state_dict(state)


def _combined(matrix: GeneralisedFisher, gradient: Tensor, ways: Tensor) -> tuple[Tensor, Tensor]:
    """The combination of directions (k, p) that makes the quadratic model least, and G times it."""
    # with the last step among them: step size and momentum as Martens and Grosse (2015) choose them
    images = torch.stack([matrix(way) for way in ways])
    values, vectors = torch.linalg.eigh(symmetric(ways @ images.mT))
    # directions that (nearly) are one have a small eigenvalue, which says nothing
    kept = values > 1e-10 * values[-1]
    weights = vectors[:, kept] @ ((ways @ gradient) @ vectors[:, kept] / values[kept])
    return weights @ ways, weights @ images


def _number(loss: Any) -> float:
    return float(torch.as_tensor(loss).detach())


def _slope(p: Tensor) -> Tensor:
    return torch.zeros_like(p) if p.grad is None else p.grad


class _Watch:
    """Remembers the batch that a model saw last; copies of the model get a watch of their own."""

    def __init__(self) -> None:
        self.batch: Tensor | None = None

    def __call__(self, module: nn.Module, given: tuple[Tensor, ...]) -> None:
        if not (torch.is_grad_enabled() and module.training and type(given[0]) is Tensor):
            return
        x = given[0].detach()
        if isinstance(module, Pad) or not self._extended(x):
            self.batch = x

    def _extended(self, x: Tensor) -> bool:
        """Whether x is what padding made of the batch; learned padding is part of the model."""
        last = self.batch
        if last is None or x.shape[:-1] != last.shape[:-1] or x.shape[-1] <= last.shape[-1]:
            return False
        return bool(torch.equal(x[..., : last.shape[-1]], last))

    def __reduce__(self) -> tuple[type[_Watch], tuple[()]]:
        return _Watch, ()


class _Move:
    """A step of which any share can be taken, from where the parameters were."""

    def __init__(self, matrix: GeneralisedFisher, change: Tensor) -> None:
        self.parts = [
            (p, p.clone(), part)
            for p, part in zip(matrix.parameters, matrix.split(change), strict=True)
        ]

    def __call__(self, share: float) -> None:
        for p, old, part in self.parts:
            p.copy_(old.add(part, alpha=share) if share else old)
