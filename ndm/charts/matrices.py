"""Determinants and inverses of matrices by A = Q R, right under every mode of differentiation.

torch's `linalg.solve`, `det` and `slogdet` (2.13) have values that are right and derivatives that
are not, in forward mode under `vmap` and in forward mode twice; `qr` and `solve_triangular` have
no such trouble. See https://github.com/pytorch/pytorch/issues/196695.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["inverted", "log_abs_det", "solved_rows"]


def log_abs_det(matrix: Tensor) -> Tensor:
    """Logarithm of |det A|, as sum log |R_ii|.

    Args:
        matrix: A (..., n, n).

    Returns:
        The logarithms (...,); -infinity for a matrix that is singular to the last bit.
    """
    return torch.log(torch.diagonal(torch.linalg.qr(matrix)[1], dim1=-2, dim2=-1).abs()).sum(-1)


def solved_rows(matrix: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Rows x with A x = b, for rows b.

    Args:
        matrix: A (n, n).
        rows: b (B, n).

    Returns:
        x (B, n), and |R_ii| (n,), whose ratio says how near to singular A is.
    """
    q, r = torch.linalg.qr(matrix)
    # x = R^-1 Q^T b, written for rows
    x = torch.linalg.solve_triangular(r.mT, rows @ q, upper=False, left=False)
    return x, torch.diagonal(r).abs()


def inverted(matrix: Tensor) -> Tensor:
    """A^-1 = R^-1 Q^T.

    Args:
        matrix: A (..., n, n).

    Returns:
        The inverses (..., n, n).
    """
    q, r = torch.linalg.qr(matrix)
    return torch.linalg.solve_triangular(r, q.mT, upper=True)
