"""How large lambda is: warm-up, and a balance by the norms of gradients."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from ndm.errors import ModelError
from ndm.losses import LossTerms

__all__ = ["AutoBalance", "warm_up"]


def warm_up(step: int, steps: int) -> float:
    """The share of lambda that is used at a step: 0 at first, 1 from `steps` on, linear between.

    Args:
        step: how many steps were made.
        steps: length of the warm-up; 0 for none.

    Returns:
        A number in [0, 1].

    Example:
        >>> warm_up(0, 10), warm_up(5, 10), warm_up(20, 10), warm_up(0, 0)
        (0.0, 0.5, 1.0, 1.0)
    """
    return 1.0 if steps <= 0 else min(1.0, step / steps)


class AutoBalance:
    """Lambda such that the geometric gradient is a given share of the task's (requirement R72).

    lambda = share |grad task| / |grad geo|, in a running mean of its logarithm, taken over the
    parameters that both reach (with a metric that the task does not see, over all of them).

    Args:
        share: of the geometric gradient's norm in the task's.
        memory: weight of the past in the running mean, in [0, 1).
        bounds: lambda is kept between these.

    Raises:
        ModelError: numbers out of range.

    Attributes:
        value: lambda now.

    Example:
        >>> w = torch.tensor(2.0, requires_grad=True)
        >>> balance = AutoBalance(share=0.5, memory=0.0)
        >>> balance.update(LossTerms(task=3 * w, curvature=6 * w), [w])
        0.25
    """

    def __init__(
        self,
        share: float = 0.1,
        memory: float = 0.9,
        bounds: tuple[float, float] = (1e-8, 1e4),
    ) -> None:
        if not (share > 0 and 0 <= memory < 1 and 0 < bounds[0] < bounds[1]):
            raise ModelError(
                f"share {share}, memory {memory} and bounds {bounds} were given; needed are "
                "share > 0, memory in [0, 1), 0 < lower < upper"
            )
        self.share, self.memory, self.bounds = share, memory, bounds
        self.value = 1.0
        self._log: float | None = None

    def update(self, terms: LossTerms, parameters: Iterable[Tensor]) -> float:
        """Look at the gradients of a loss whose graph is still there.

        Args:
            terms: of the loss.
            parameters: of the model.

        Returns:
            The new lambda; the old one where a gradient vanishes.
        """
        leaves = [p for p in parameters if p.requires_grad]
        task, geo = _slopes(terms.task, leaves), _slopes(terms.geo, leaves)
        shared = [i for i in range(len(leaves)) if task[i] is not None and geo[i] is not None]
        chosen = shared or list(range(len(leaves)))
        sizes = [_norm([part[i] for i in chosen]) for part in (task, geo)]
        if min(sizes) > 0 and all(math.isfinite(size) for size in sizes):
            now = math.log(self.share * sizes[0] / sizes[1])
            old = now if self._log is None else self._log
            self._log = self.memory * old + (1 - self.memory) * now
            self.value = min(max(math.exp(self._log), self.bounds[0]), self.bounds[1])
        return self.value

    def state_dict(self) -> dict[str, float | None]:
        """What has to be kept to go on later."""
        return {"value": self.value, "log": self._log}

    def load_state_dict(self, state: dict[str, float | None]) -> None:
        """Go on from what `state_dict` gave."""
        self.value, self._log = float(state["value"] or 1.0), state["log"]


def _slopes(loss: Tensor, leaves: list[Tensor]) -> tuple[Tensor | None, ...]:
    if not loss.requires_grad:
        return (None,) * len(leaves)
    found: tuple[Tensor | None, ...] = torch.autograd.grad(
        loss, leaves, retain_graph=True, allow_unused=True
    )
    return found


def _norm(slopes: list[Tensor | None]) -> float:
    return math.sqrt(sum(float(s.square().sum()) for s in slopes if s is not None))
