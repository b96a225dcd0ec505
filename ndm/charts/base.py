"""What every coordinate map is: a diffeomorphism of R^n with its inverse and its Jacobian.

A map phi takes coordinates x of a point in one chart to its coordinates y in the next. Tensors of
points have shape (..., n): any number of leading dimensions, also none, also empty ones. Rows do
not influence each other: a row that is not finite gives a row that is not finite, and leaves the
others alone.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from ndm.activations import refuse_kinks
from ndm.errors import ModelError

__all__ = ["SMOOTH", "CoordinateMap", "checked_dimension", "require_smoothness"]

#: `smoothness` of a map with continuous derivatives of every order.
SMOOTH: Final = 10**6


class CoordinateMap(nn.Module):
    """Base of all coordinate maps y = phi(x) of R^n onto itself.

    A map of its own defines `_forward` and `_inverse`, and `_with_jacobian` where the Jacobian is
    cheap; they are given points that have been checked.

    Args:
        dimension: n, the number of coordinates.
        smoothness: k, if the map has continuous derivatives up to order k and no more; `SMOOTH`
            if there is no end to them.

    Attributes:
        dimension: n.
        smoothness: k.

    Raises:
        ModelError: the dimension is not a positive whole number.
    """

    def __init__(self, dimension: int, smoothness: int = SMOOTH) -> None:
        super().__init__()
        self.dimension = checked_dimension(dimension, type(self).__name__)
        self.smoothness = smoothness

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Applies the map.

        Args:
            x: points (..., n), in the dtype and on the device of the parameters.

        Returns:
            y (..., n) and log |det dy/dx| (...,).

        Raises:
            ModelError: the points do not fit.
        """
        self._check(x)
        return self._forward(x)

    def inverse(self, y: Tensor) -> Tensor:
        """The point x with phi(x) = y.

        Args:
            y: points (..., n) in the next chart.

        Returns:
            x (..., n).

        Raises:
            ModelError: the points do not fit.
        """
        self._check(y)
        return self._inverse(y)

    def with_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Everything that `forward` gives, and the Jacobian, in one pass.

        Args:
            x: points (..., n).

        Returns:
            y (..., n), log |det dy/dx| (...,) and J^i_j = dy^i/dx^j (..., n, n).

        Raises:
            ModelError: the points do not fit.
        """
        self._check(x)
        return self._with_jacobian(x)

    def jacobian(self, x: Tensor) -> Tensor:
        """J^i_j = dy^i/dx^j at x.

        Args:
            x: points (..., n).

        Returns:
            J (..., n, n), i first.

        Raises:
            ModelError: the points do not fit.
        """
        return self.with_jacobian(x)[2]

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        raise NotImplementedError(f"{type(self).__name__} defines no _forward")

    def _inverse(self, y: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} defines no _inverse")

    def _with_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """By forward-mode differentiation, a column at a time."""
        n = self.dimension
        if x.numel() == 0:
            y, log_det = self._forward(x)
            return y, log_det, x.new_zeros(*x.shape, n)

        def outputs(point: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
            y, log_det = self._forward(point)
            return y, (y, log_det)

        columns = torch.func.jacfwd(outputs, has_aux=True)
        jacobian, (y, log_det) = torch.func.vmap(columns)(x.reshape(-1, n))
        return (
            y.reshape(x.shape),
            log_det.reshape(x.shape[:-1]),
            jacobian.reshape(*x.shape, n),
        )

    def _check(self, points: Tensor) -> None:
        name = type(self).__name__
        if not isinstance(points, Tensor):
            raise ModelError(
                f"{name} was given {type(points).__name__}, and needs a torch tensor of points "
                f"(..., {self.dimension}); make one with torch.as_tensor"
            )
        if points.ndim == 0 or points.shape[-1] != self.dimension:
            raise ModelError(
                f"{name} has {self.dimension} coordinates and was given a tensor of shape "
                f"{tuple(points.shape)}; the last dimension must be {self.dimension}"
            )
        if not points.is_floating_point():
            raise ModelError(
                f"{name} was given {points.dtype}, and needs floating point; convert the points, "
                "for example with .double()"
            )
        own = next(self.parameters(), None)
        if own is not None and (own.dtype != points.dtype or own.device != points.device):
            raise ModelError(
                f"{name} has parameters in {own.dtype} on {own.device} and was given points in "
                f"{points.dtype} on {points.device}; move one of them with .to(...)"
            )


def checked_dimension(n: int, name: str, least: int = 1, why: str = "") -> int:
    """A number of coordinates that can be used.

    Args:
        n: what was given.
        name: of the map.
        least: the smallest number that will do.
        why: what to do if it is too small.

    Returns:
        n.

    Raises:
        ModelError: n is no whole number, or too small.
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ModelError(f"{name} was given dimension {n!r}, and needs a whole number from 1 on")
    if n < least:
        raise ModelError(f"{name} needs at least {least} coordinates and was given {n}; {why}")
    return n


def require_smoothness(chart: CoordinateMap, order: int, what: str) -> None:
    """Refuses a map that is not C^order, or that contains ReLU-like activations.

    Args:
        chart: the map.
        order: how many continuous derivatives are needed.
        what: what needs them, for the message.

    Raises:
        ModelError: the map has fewer.

    Example:
        >>> from ndm.charts import AffineCoupling, require_smoothness
        >>> require_smoothness(AffineCoupling(4), 2, "curvature")
    """
    if chart.smoothness < order:
        rough = [
            f"{type(part).__name__}{f' ({name})' if name else ''} is only C^{part.smoothness}"
            for name, part in chart.named_modules()
            if isinstance(part, CoordinateMap) and part.smoothness < order
        ]
        raise ModelError(
            f"{what} needs a map with {order} continuous derivatives, and {', '.join(rough)}; "
            "use smooth ones (AffineCoupling, Monotone, LUAffine, ...)"
        )
    refuse_kinks(chart, what)
