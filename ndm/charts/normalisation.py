"""Activation normalisation: every coordinate scaled and shifted, set once from the first batch.

y = exp(s) x + b. The first batch seen in training mode sets s and b so that its coordinates have
mean 0 and variance 1; from then on they are ordinary parameters. Whether that has happened is saved
with the model. Under `torch.distributed` all processes use the moments of their batches together,
so that they keep equal parameters.

References:
    D. P. Kingma, P. Dhariwal, Glow: generative flow with invertible 1x1 convolutions, 2018,
    arXiv:1807.03039
"""

from __future__ import annotations

import torch
from torch import Tensor, distributed, nn

from ndm.charts.base import CoordinateMap
from ndm.errors import ModelError

__all__ = ["ActNorm"]

_INSIDE = (
    "ActNorm cannot be set from its first batch inside of torch.func (vmap, jacfwd, "
    "functional_call, ...); call initialise(points) before, or eval()"
)


class ActNorm(CoordinateMap):
    """y = exp(log_scale) x + shift; the identity until it has seen its first training batch.

    A coordinate that is constant over that batch is centred and not scaled. An empty batch is
    passed on without being counted as the first one.

    Args:
        n: number of coordinates.

    Attributes:
        initialised: buffer, whether the first batch has been seen.

    Raises:
        ModelError: n is no positive whole number.

    Example:
        >>> import torch
        >>> from ndm.charts import ActNorm
        >>> y, _ = ActNorm(1)(torch.tensor([[1.0], [3.0], [5.0], [7.0]]))
        >>> round(y.mean().item(), 6), round(y.var(correction=0).item(), 6)
        (0.0, 1.0)
    """

    initialised: Tensor

    def __init__(self, n: int) -> None:
        super().__init__(n)
        self.log_scale = nn.Parameter(torch.zeros(n))
        self.shift = nn.Parameter(torch.zeros(n))
        self.register_buffer("initialised", torch.tensor(False))

    def extra_repr(self) -> str:
        """Dimension, and whether the first batch has been seen."""
        return f"{self.dimension}, initialised={bool(self.initialised)}"

    def initialise(self, x: Tensor) -> None:
        """Sets scale and shift from a batch, whether or not that was done before.

        Args:
            x: points (..., n), at least one.

        Raises:
            ModelError: the points do not fit, there are none, they are not finite, or this is
                called inside of a transformation of torch.func.
        """
        self._check(x)
        if x.numel() == 0:
            raise ModelError("ActNorm.initialise was given no points, and needs at least one")
        try:
            self._set(x.detach().reshape(-1, self.dimension))
        except RuntimeError as error:
            raise ModelError(_INSIDE) from error

    def _is_set(self) -> bool:
        try:
            return bool(self.initialised)
        except RuntimeError as error:  # a stack of models under vmap
            raise ModelError(_INSIDE) from error

    def _set(self, rows: Tensor) -> None:
        if not isinstance(self.log_scale, nn.Parameter):  # functional_call lends another tensor
            raise ModelError(_INSIDE)
        mean, variance, largest = _moments(rows)
        if not bool((torch.isfinite(mean) & torch.isfinite(variance)).all()):
            raise ModelError(
                "ActNorm was given a first batch that is not finite, or too large to square; "
                "clean or scale the data before training"
            )
        deviation = torch.sqrt(variance)
        # what rounding alone does to a constant
        constant = deviation <= 8 * torch.finfo(rows.dtype).eps * largest
        log_scale = torch.where(constant, torch.zeros_like(deviation), -torch.log(deviation))
        with torch.no_grad():
            self.log_scale.copy_(log_scale)
            self.shift.copy_(-mean * torch.exp(log_scale))
            self.initialised.fill_(True)

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.training and x.numel() > 0 and not self._is_set():
            self.initialise(x)
        y = x * torch.exp(self.log_scale) + self.shift
        return y, self.log_scale.sum().expand(x.shape[:-1])

    def _inverse(self, y: Tensor) -> Tensor:
        return (y - self.shift) * torch.exp(-self.log_scale)

    def _with_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, log_det = self._forward(x)
        jacobian = torch.diag_embed(torch.exp(self.log_scale))
        return y, log_det, jacobian.expand(*x.shape, self.dimension)


def _moments(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, variance (not corrected) and largest absolute value, over all processes."""
    count = torch.full((1,), float(len(rows)), dtype=rows.dtype, device=rows.device)
    mean = _summed(torch.cat((rows.sum(0), count)))
    mean = mean[:-1] / mean[-1]
    # two passes: the sum of squares about the mean does not cancel
    centred = rows - mean
    variance = _summed(torch.cat(((centred * centred).sum(0), count)))
    largest = rows.abs().amax(0)
    if _several():
        distributed.all_reduce(largest, op=distributed.ReduceOp.MAX)
    return mean, variance[:-1] / variance[-1], largest


def _summed(values: Tensor) -> Tensor:
    if _several():
        distributed.all_reduce(values)
    return values


def _several() -> bool:
    return bool(distributed.is_available() and distributed.is_initialized())
