"""Affine maps y = A x + b of the whole of R^n.

`LUAffine` is the invertible 1x1 convolution of Glow for vectors: A = L U with unit lower L, and
upper U with a positive diagonal; det A > 0 whatever the parameters are. `Affine` holds A itself:
any invertible matrix, of either orientation.

References:
    D. P. Kingma, P. Dhariwal, Glow: generative flow with invertible 1x1 convolutions, 2018,
    arXiv:1807.03039
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ndm.charts.base import CoordinateMap
from ndm.charts.matrices import log_abs_det, solved_rows
from ndm.errors import ModelError

__all__ = ["Affine", "LUAffine"]

# Size of the random part of the matrices at the start, before division by sqrt(n).
_START = 0.05


class LUAffine(CoordinateMap):
    """y = L U x + b with L unit lower and U upper triangular, diag U = exp(d): det = exp(sum d).

    The inverse solves two triangular systems; no matrix is inverted.

    Args:
        n: number of coordinates.

    Raises:
        ModelError: n is no positive whole number.

    Example:
        >>> import torch
        >>> from ndm.charts import LUAffine
        >>> _ = torch.manual_seed(0)
        >>> chart = LUAffine(3).double()
        >>> torch.linalg.det(chart.matrix()).item() > 0
        True
    """

    def __init__(self, n: int) -> None:
        super().__init__(n)
        # strict lower part: L; strict upper part: U; diagonal: logarithms of that of U
        self.packed = nn.Parameter(_START * torch.randn(n, n) / n**0.5)
        self.shift = nn.Parameter(_START * torch.randn(n))

    def extra_repr(self) -> str:
        """Dimension."""
        return str(self.dimension)

    def factors(self) -> tuple[Tensor, Tensor]:
        """L and U, each (n, n)."""
        lower = torch.tril(self.packed, -1)
        one = torch.eye(self.dimension, dtype=lower.dtype, device=lower.device)
        diagonal = torch.diag_embed(torch.exp(self._log_diagonal()))
        return lower + one, torch.triu(self.packed, 1) + diagonal

    def matrix(self) -> Tensor:
        """A = L U, (n, n)."""
        lower, upper = self.factors()
        return lower @ upper

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = x @ self.matrix().mT + self.shift
        return y, self._log_diagonal().sum().expand(x.shape[:-1])

    def _inverse(self, y: Tensor) -> Tensor:
        # rows: x U^T L^T = y - b
        lower, upper = self.factors()
        rows = (y - self.shift).reshape(-1, self.dimension)
        rows = torch.linalg.solve_triangular(
            lower.mT, rows, upper=True, left=False, unitriangular=True
        )
        rows = torch.linalg.solve_triangular(upper.mT, rows, upper=False, left=False)
        return rows.reshape(y.shape)

    def _with_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, log_det = self._forward(x)
        return y, log_det, self.matrix().expand(*x.shape, self.dimension)

    def _log_diagonal(self) -> Tensor:
        return torch.diagonal(self.packed)


class Affine(CoordinateMap):
    """y = A x + b with any invertible A, near the identity at the start.

    Nothing in the parameters keeps A invertible while it is trained; log |det A| goes to -infinity
    where it is lost, and `inverse` then says so. Use `LUAffine` where that matters.

    Args:
        n: number of coordinates.
        matrix: A (n, n) to start from.
        shift: b (n,) to start from.

    Raises:
        ModelError: shapes that do not fit, or a matrix that is singular to working precision.

    Example:
        >>> import torch
        >>> from ndm.charts import Affine
        >>> turn = Affine(2, matrix=torch.tensor([[0.0, -1.0], [1.0, 0.0]]), shift=torch.zeros(2))
        >>> turn(torch.tensor([1.0, 0.0]))[0].tolist()
        [0.0, 1.0]
    """

    def __init__(self, n: int, matrix: Tensor | None = None, shift: Tensor | None = None) -> None:
        super().__init__(n)
        if matrix is None:
            matrix = torch.eye(n) + _START * torch.randn(n, n) / n**0.5
        else:
            matrix = _checked_matrix(matrix, n)
        if shift is None:
            shift = _START * torch.randn(n, dtype=matrix.dtype, device=matrix.device)
        elif not isinstance(shift, Tensor):
            raise ModelError(f"Affine({n}) was given a shift that is no tensor")
        elif tuple(shift.shape) != (n,):
            raise ModelError(f"Affine({n}) was given a shift of shape {tuple(shift.shape)}")
        self.matrix = nn.Parameter(matrix)
        self.shift = nn.Parameter(shift.detach().to(matrix).clone())

    def extra_repr(self) -> str:
        """Dimension."""
        return str(self.dimension)

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = x @ self.matrix.mT + self.shift
        return y, log_abs_det(self.matrix).expand(x.shape[:-1])

    def _inverse(self, y: Tensor) -> Tensor:
        rows, sizes = solved_rows(self.matrix, (y - self.shift).reshape(-1, self.dimension))
        if _vanishes(sizes):
            raise ModelError(
                "the matrix of Affine has become singular, and the map has no inverse; use "
                "LUAffine, whose determinant is positive whatever its parameters are"
            )
        return rows.reshape(y.shape)

    def _with_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, log_det = self._forward(x)
        return y, log_det, self.matrix.expand(*x.shape, self.dimension)


def _checked_matrix(matrix: Tensor, n: int) -> Tensor:
    if not isinstance(matrix, Tensor) or not matrix.is_floating_point():
        raise ModelError(f"Affine({n}) was given a matrix that is no tensor of floating point")
    if tuple(matrix.shape) != (n, n):
        raise ModelError(
            f"Affine({n}) was given a matrix of shape {tuple(matrix.shape)}; it must be ({n}, {n})"
        )
    if not bool(torch.isfinite(matrix).all()):
        raise ModelError(f"Affine({n}) was given a matrix that has entries that are not finite")
    values = torch.linalg.svdvals(matrix.detach())
    if values[-1].item() <= n * torch.finfo(matrix.dtype).eps * values[0].item():
        raise ModelError(
            f"Affine({n}) was given a matrix with singular values from {values[-1].item():.3g} to "
            f"{values[0].item():.3g}: it has no inverse in {matrix.dtype}"
        )
    return matrix.detach().clone()


def _vanishes(sizes: Tensor) -> bool:
    """Whether one of |R_ii| is lost in the rounding of the others."""
    try:
        return bool(sizes.min() <= 4 * torch.finfo(sizes.dtype).eps * sizes.max())
    except RuntimeError:  # a stack of matrices under vmap has no single answer
        return False
