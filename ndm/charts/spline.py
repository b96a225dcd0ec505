"""Rational-quadratic spline coupling: half of the coordinates pass through monotone splines.

y_a = x_a, and each y_b is a monotone rational-quadratic spline of x_b on [-B, B], whose knots are
functions of x_a; outside of [-B, B] it is the identity. The map is C^1 only: the second derivative
jumps at the knots, so that a metric pulled back by it has no curvature there. What needs curvature
refuses it (`require_smoothness`); `Monotone` and `AffineCoupling` are smooth.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ndm.charts.base import CoordinateMap, checked_dimension
from ndm.charts.conditioner import Conditioner
from ndm.charts.coupling import Split, checked_bound
from ndm.charts.rational_quadratic import Knots, backward, forward, knots
from ndm.errors import ModelError

__all__ = ["SplineCoupling"]

_START = 0.05


class SplineCoupling(CoordinateMap):
    """Coupling by monotone rational-quadratic splines; C^1, so `smoothness` is 1.

    With n = 1 there is nothing to condition on, and the spline has parameters of its own.

    Args:
        n: number of coordinates.
        bins: K, the number of pieces of a spline.
        bound: B; outside of [-B, B] a coordinate is not changed.
        hidden: widths of the hidden layers of the network that gives the knots.
        activation: "tanh", "softplus", "silu" or "gelu".
        parity: 0 changes the last n // 2 coordinates, 1 the others.
        spread: slopes at the knots lie between e^-spread and e^spread, and bins are at most
            e^(2 spread) times as wide as others.

    Raises:
        ModelError: an argument that cannot be used.

    Example:
        >>> import torch
        >>> from ndm.charts import SplineCoupling
        >>> _ = torch.manual_seed(0)
        >>> chart = SplineCoupling(2).double()
        >>> x = torch.tensor([[0.5, 1.0], [0.5, 100.0]], dtype=torch.float64)
        >>> y, log_det = chart(x)
        >>> chart.smoothness, y[1].tolist()
        (1, [0.5, 100.0])
    """

    def __init__(
        self,
        n: int,
        bins: int = 8,
        bound: float = 4.0,
        hidden: Sequence[int] = (32,),
        activation: str = "tanh",
        parity: int = 0,
        spread: float = 2.0,
    ) -> None:
        super().__init__(checked_dimension(n, "SplineCoupling"), smoothness=1)
        if isinstance(bins, bool) or not isinstance(bins, int) or bins < 2:
            raise ModelError(f"SplineCoupling was given bins={bins!r}, and needs at least 2")
        self.bins = bins
        self.bound = checked_bound(bound, "SplineCoupling", "bound")
        self.spread = checked_bound(spread, "SplineCoupling", "spread")
        self._split = Split(n, 1 if n == 1 else parity, "SplineCoupling")
        outputs = self._split.changed * (3 * bins - 1)
        self.net: Conditioner | None = None
        if self._split.kept:
            self.net = Conditioner(self._split.kept, outputs, hidden, activation)
        else:
            self.raw = nn.Parameter(_START * torch.randn(outputs))

    def extra_repr(self) -> str:
        """Dimension, bins, bound and parity."""
        return (
            f"{self.dimension}, bins={self.bins}, bound={self.bound}, parity={self._split.parity}"
        )

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        kept, changed = self._split.apart(x)
        moved, log_slope = forward(changed, self._knots(kept))
        return self._split.together(kept, moved), log_slope.sum(-1)

    def _inverse(self, y: Tensor) -> Tensor:
        kept, changed = self._split.apart(y)
        return self._split.together(kept, backward(changed, self._knots(kept)))

    def _with_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        kept, changed = self._split.apart(x)
        if self.net is None:
            moved, log_slope = forward(changed, self._knots(kept))
            return moved, log_slope.sum(-1), torch.diag_embed(torch.exp(log_slope))
        raw, slopes = self.net.with_jacobian(kept)

        def of_raw(parameters: Tensor) -> tuple[Tensor, Tensor]:
            return forward(changed, self._shaped(parameters))

        # each changed coordinate depends on parameters of its own: one pull-back of ones gives the
        # derivatives of all by theirs
        moved, pull_back, log_slope = torch.func.vjp(of_raw, raw, has_aux=True)
        by_raw = pull_back(torch.ones_like(moved))[0].unsqueeze(-1) * slopes
        shape = (*moved.shape, 3 * self.bins - 1, self._split.kept)
        jacobian = self._split.jacobian(by_raw.reshape(shape).sum(-2), torch.exp(log_slope))
        return self._split.together(kept, moved), log_slope.sum(-1), jacobian

    def _knots(self, kept: Tensor) -> Knots:
        width = 3 * self.bins - 1
        raw = self.raw.expand(*kept.shape[:-1], width) if self.net is None else self.net(kept)
        return self._shaped(raw)

    def _shaped(self, raw: Tensor) -> Knots:
        raw = raw.reshape(*raw.shape[:-1], self._split.changed, 3 * self.bins - 1)
        return knots(raw, self.bins, self.bound, self.spread)
