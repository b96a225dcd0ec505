"""Affine coupling: some coordinates stay, the others are scaled and shifted by functions of them.

With the coordinates split into (a, b):

    y_a = x_a,    y_b = x_b exp(s(x_a)) + t(x_a),    s = S tanh(r(x_a) / S),    log det = sum s

The log-scale is bounded by S, so that the map and its inverse stay within a factor e^S of an
isometry in x_b however far out a point lies, and neither over- nor underflows.

References:
    L. Dinh, J. Sohl-Dickstein, S. Bengio, Density estimation using Real NVP, 2016, arXiv:1605.08803
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ndm.charts.base import CoordinateMap, checked_dimension
from ndm.charts.conditioner import Conditioner
from ndm.errors import ModelError

__all__ = ["AffineCoupling", "Split", "checked_bound"]


class Split:
    """Which coordinates of a coupling stay and which are changed.

    Parity 0 changes the last n // 2 coordinates, parity 1 all the others: two couplings of both
    parities change every coordinate once, for odd n too.

    Args:
        n: number of coordinates.
        parity: 0 or 1.
        name: of the map, for messages.

    Attributes:
        kept: how many stay.
        changed: how many change.
        parity: 0 or 1.

    Raises:
        ModelError: the parity is neither 0 nor 1.
    """

    def __init__(self, n: int, parity: int, name: str) -> None:
        if parity not in (0, 1):
            raise ModelError(f"{name} was given parity={parity!r}, and needs 0 or 1")
        self.changed = n // 2 if parity == 0 else n - n // 2
        self.kept = n - self.changed
        self.parity = int(parity)

    def apart(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The coordinates that stay, and those that change."""
        if self.parity == 0:
            return x[..., : self.kept], x[..., self.kept :]
        return x[..., self.changed :], x[..., : self.changed]

    def together(self, kept: Tensor, changed: Tensor, dim: int = -1) -> Tensor:
        """The inverse of `apart`, along any dimension."""
        return torch.cat((kept, changed) if self.parity == 0 else (changed, kept), dim=dim)

    def jacobian(self, mixed: Tensor, own: Tensor) -> Tensor:
        """The Jacobian [[1, 0], [d b / d a, diag(own)]], in the order of the coordinates.

        Args:
            mixed: derivatives of the changed by the kept coordinates, (..., changed, kept).
            own: derivatives of each changed coordinate by itself, (..., changed).

        Returns:
            J (..., n, n).
        """
        one = torch.eye(self.kept, dtype=own.dtype, device=own.device)
        one = one.expand(*own.shape[:-1], self.kept, self.kept)
        zero = torch.zeros_like(mixed).mT
        return self.together(
            self.together(one, zero), self.together(mixed, torch.diag_embed(own)), dim=-2
        )


class AffineCoupling(CoordinateMap):
    """y_a = x_a, y_b = x_b exp(s(x_a)) + t(x_a) with |s| < max_log_scale; smooth.

    Args:
        n: number of coordinates, at least 2: with one there is nothing to condition on.
        hidden: widths of the hidden layers of the network that gives (s, t).
        activation: "tanh", "softplus", "silu" or "gelu". With tanh the shift is bounded too.
        parity: 0 changes the last n // 2 coordinates, 1 the others.
        max_log_scale: S, the bound of the log-scales.

    Raises:
        ModelError: n < 2, an activation that is not smooth, or a bound that is not positive.

    Example:
        >>> import torch
        >>> from ndm.charts import AffineCoupling
        >>> _ = torch.manual_seed(0)
        >>> chart = AffineCoupling(3).double()
        >>> x = torch.randn(5, 3, dtype=torch.float64)
        >>> y, log_det = chart(x)
        >>> bool((chart.inverse(y) - x).abs().max() < 1e-14)
        True
    """

    def __init__(
        self,
        n: int,
        hidden: Sequence[int] = (32,),
        activation: str = "tanh",
        parity: int = 0,
        max_log_scale: float = 2.0,
    ) -> None:
        checked_dimension(
            n,
            "AffineCoupling",
            least=2,
            why="with one there is nothing to condition on: use Monotone(1) or SplineCoupling(1)",
        )
        super().__init__(n)
        self.max_log_scale = checked_bound(max_log_scale, "AffineCoupling", "max_log_scale")
        self._split = Split(n, parity, "AffineCoupling")
        self.net = Conditioner(self._split.kept, 2 * self._split.changed, hidden, activation)

    def extra_repr(self) -> str:
        """Dimension, parity and bound."""
        return f"{self.dimension}, parity={self._split.parity}, max_log_scale={self.max_log_scale}"

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        kept, changed = self._split.apart(x)
        log_scale, shift = self._scale_and_shift(self.net(kept))
        y = self._split.together(kept, changed * torch.exp(log_scale) + shift)
        return y, log_scale.sum(-1)

    def _inverse(self, y: Tensor) -> Tensor:
        kept, changed = self._split.apart(y)
        log_scale, shift = self._scale_and_shift(self.net(kept))
        return self._split.together(kept, (changed - shift) * torch.exp(-log_scale))

    def _with_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        kept, changed = self._split.apart(x)
        raw, slopes = self.net.with_jacobian(kept)
        log_scale, shift = self._scale_and_shift(raw)
        scale = torch.exp(log_scale)
        moved = changed * scale
        count = self._split.changed
        # d s / d r = 1 - tanh^2
        by_log_scale = moved * (1 - (log_scale / self.max_log_scale) ** 2)
        mixed = by_log_scale.unsqueeze(-1) * slopes[..., :count, :] + slopes[..., count:, :]
        y = self._split.together(kept, moved + shift)
        return y, log_scale.sum(-1), self._split.jacobian(mixed, scale)

    def _scale_and_shift(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        count = self._split.changed
        bound = self.max_log_scale
        return bound * torch.tanh(raw[..., :count] / bound), raw[..., count:]


def checked_bound(value: float, name: str, what: str) -> float:
    """A positive finite number.

    Args:
        value: what was given.
        name: of the map.
        what: of the argument.

    Returns:
        The number as a float.

    Raises:
        ModelError: it is not positive, or not finite.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value <= 0:
        raise ModelError(f"{name} was given {what}={value!r}, and needs a positive finite number")
    return float(value)
