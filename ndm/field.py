"""Metric fields: what every metric g(x) of ndm can be asked for, learned or exact.

A `MetricField` gives g at points of a chart. Its derivatives come by forward-mode differentiation
unless a subclass knows better, its scalar curvature from geomkit's certified kernels: a family of
kernels whose certificate does not pass is refused. Index order: dg[..., i, j, k] = d_k g_ij (the
derivative last), as in `geomkit.families`; signs and order of everything else in
`geomkit.conventions`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

import geomkit as gk
from ndm.errors import ModelError

__all__ = [
    "MetricField",
    "MetricJet",
    "certified",
    "check_points",
    "factored",
    "inverted",
    "log_ratio",
    "log_ratio_squared",
    "solved",
    "symmetric",
]


class MetricJet(NamedTuple):
    """A metric with its first and second derivatives.

    Attributes:
        g: (..., n, n), g_ij.
        dg: (..., n, n, n), d_k g_ij.
        ddg: (..., n, n, n, n), d_k d_l g_ij.
    """

    g: Tensor
    dg: Tensor
    ddg: Tensor


class MetricField(nn.Module):
    """A Riemannian metric on (part of) R^n: subclasses give `forward`, the rest follows.

    Args:
        dimension: n.

    Raises:
        ModelError: the dimension is not positive.

    Example:
        >>> import torch
        >>> class Sphere(MetricField):                       # unit sphere, x = (theta, phi)
        ...     def forward(self, x):
        ...         sine = torch.sin(x[..., 0]) ** 2
        ...         return torch.diag_embed(torch.stack([torch.ones_like(sine), sine], -1))
        >>> x = torch.tensor([[1.0, 0.5]], dtype=torch.float64)
        >>> round(Sphere(2).scalar_curvature(x).item(), 12)
        2.0
    """

    def __init__(self, dimension: int) -> None:
        super().__init__()
        if dimension < 1:
            raise ModelError(f"a metric of dimension {dimension} was asked for; it must be >= 1")
        self.dimension = dimension

    def forward(self, x: Tensor) -> Tensor:
        """The metric g_ij(x).

        Args:
            x: (..., n).

        Returns:
            (..., n, n), symmetric to the last bit, positive definite.
        """
        raise NotImplementedError(f"{type(self).__name__} gives no forward(x)")

    def cholesky(self, x: Tensor) -> Tensor:
        """The lower triangular L with g = L L^T.

        Args:
            x: (..., n).

        Returns:
            (..., n, n).

        Raises:
            ModelError: g is not positive definite somewhere.
        """
        return factored(self(x))

    def log_volume(self, x: Tensor) -> Tensor:
        """Log of sqrt(det g), from the diagonal of the Cholesky factor: no overflow for any n.

        Args:
            x: (..., n).

        Returns:
            (...,).
        """
        return self.cholesky(x).diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def volume(self, x: Tensor) -> Tensor:
        """The volume element sqrt(det g), of shape (...,); see `log_volume` for large n."""
        return self.log_volume(x).exp()

    def inverse(self, x: Tensor) -> Tensor:
        """The inverse metric g^ij, of shape (..., n, n), by the Cholesky factor."""
        return inverted(self(x))

    def raised(self, x: Tensor, w: Tensor) -> Tensor:
        """The vector g^ij w_j of a covector w: of a function's differential, the gradient.

        By two triangular solutions; families that know better need no factor of g.

        Args:
            x: (..., n).
            w: (..., n).

        Returns:
            (..., n).

        Raises:
            ModelError: g is not positive definite somewhere.
        """
        return solved(self(x), w)

    def slope(self, x: Tensor) -> Tensor:
        """First derivatives d_k g_ij, of shape (..., i, j, k)."""
        return _over_points(torch.func.jacfwd(self), x, self.dimension, 1)

    def first(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The metric and its first derivatives: what motion needs, and no more."""
        return self(x), self.slope(x)

    def jet(self, x: Tensor) -> MetricJet:
        """The metric with its first and second derivatives.

        Args:
            x: (..., n).

        Returns:
            g, dg and ddg.
        """
        second = torch.func.jacfwd(torch.func.jacfwd(self))
        return MetricJet(self(x), self.slope(x), _over_points(second, x, self.dimension, 2))

    def scalar_curvature(self, x: Tensor) -> Tensor:
        """Scalar curvature R; it is 0 for n = 1, twice Gauss' curvature for n = 2.

        Args:
            x: (..., n).

        Returns:
            (...,).
        """
        check_points(x, self.dimension)
        if self.dimension == 1:
            return x[..., 0] * 0
        certified("full", self.dimension)
        result: Tensor = gk.scalar_curvature_from_jet(*self.jet(x))
        return result

    def christoffel(self, x: Tensor) -> Tensor:
        """Christoffel symbols Gamma^i_jk, of shape (..., i, j, k)."""
        result: Tensor = gk.families.full.christoffel(self(x), self.slope(x))
        return result

    def ricci(self, x: Tensor) -> Tensor:
        """Ricci tensor R_ij, of shape (..., n, n)."""
        result: Tensor = gk.families.full.ricci(*self.jet(x))
        return result

    def inner(self, x: Tensor, v: Tensor, w: Tensor) -> Tensor:
        """Inner product g_ij v^i w^j of tangent vectors at x (equation 1 of the paper).

        Args:
            x: (..., n).
            v: (..., n).
            w: (..., n).

        Returns:
            (...,).
        """
        return (v * (self(x) @ w[..., None])[..., 0]).sum(-1)

    def norm(self, x: Tensor, v: Tensor) -> Tensor:
        """Length sqrt(g(v, v)) of a tangent vector, of shape (...,)."""
        return torch.linalg.vector_norm((self.cholesky(x).mT @ v[..., None])[..., 0], dim=-1)

    def angle(self, x: Tensor, v: Tensor, w: Tensor) -> Tensor:
        """Angle between tangent vectors: 2 atan2(|a - b|, |a + b|) with their unit vectors a, b.

        Unlike the arc cosine, this is as good for small angles as for large ones.

        Args:
            x: (..., n).
            v: (..., n).
            w: (..., n).

        Returns:
            (...,), in [0, pi]; nan for a zero vector, which has no direction.
        """
        frame = self.cholesky(x).mT
        a, b = ((frame @ u[..., None])[..., 0] for u in (v, w))
        a, b = (u / torch.linalg.vector_norm(u, dim=-1, keepdim=True) for u in (a, b))
        size = torch.linalg.vector_norm
        return 2 * torch.atan2(size(a - b, dim=-1), size(a + b, dim=-1))


@cache
def certified(family: str, n: int) -> None:
    """Ask once for the certificate of geomkit's curvature kernels.

    In a thread of its own: the certificate differentiates, and this may be called with gradients
    turned off, or inside of a transformation of torch.func; both belong to a thread.

    Args:
        family: of `geomkit.families`.
        n: dimension.

    Raises:
        CertificateError: it does not pass.
    """
    with ThreadPoolExecutor(1) as clean:
        clean.submit(gk.families.require, family, n).result()


def check_points(x: Tensor, n: int, like: Tensor | None = None) -> None:
    """Check the shape and dtype of points.

    Args:
        x: points.
        n: dimension.
        like: a parameter, of whose dtype and on whose device they have to be.

    Raises:
        ModelError: they do not fit.
    """
    # torch factors no matrices of half precision, in which they would mean little
    if x.shape[-1:] != (n,) or x.dtype not in (torch.float32, torch.float64):
        raise ModelError(
            f"points of shape {tuple(x.shape)} and {x.dtype} were given; the last axis must be "
            f"{n}, and the dtype float32 or float64: floating-point numbers of 32 bits or more"
        )
    if like is not None and (like.dtype != x.dtype or like.device != x.device):
        raise ModelError(
            f"a metric with parameters in {like.dtype} on {like.device} was given points in "
            f"{x.dtype} on {x.device}; move one of them with .to(...)"
        )


def symmetric(matrix: Tensor) -> Tensor:
    """(A + A^T)/2, symmetric to the last bit."""
    return 0.5 * (matrix + matrix.mT)


def log_ratio(g: Tensor, h: Tensor) -> Tensor:
    """Affine-invariant distance of two metrics: root of sum log^2 of the eigenvalues of g^-1 h.

    Args:
        g: (..., n, n), positive definite.
        h: (..., n, n), positive definite.

    Returns:
        (...,).

    Example:
        >>> g = torch.eye(2)
        >>> round(log_ratio(g, 9 * g).item(), 5) == round(2**0.5 * 2.1972246, 5)
        True
    """
    return log_ratio_squared(g, h).sqrt()


def log_ratio_squared(g: Tensor, h: Tensor) -> Tensor:
    """The square of `log_ratio`, which is differentiable where the metrics agree too."""
    root = factored(g)
    half = torch.linalg.solve_triangular(root, h, upper=False)
    white = torch.linalg.solve_triangular(root, half.mT, upper=False)
    return torch.linalg.eigvalsh(symmetric(white)).log().square().sum(-1)


def factored(g: Tensor) -> Tensor:
    """The Cholesky factor of positive definite matrices.

    Args:
        g: (..., n, n).

    Returns:
        (..., n, n), lower triangular.

    Raises:
        ModelError: one of them is not positive definite.
    """
    try:
        result: Tensor = torch.linalg.cholesky(g)
    except torch.linalg.LinAlgError as error:
        raise ModelError(
            f"a metric is not positive definite: {error}; look for nan, or enlarge eps"
        ) from error
    return result


def inverted(g: Tensor) -> Tensor:
    """The inverse of positive definite matrices, symmetric to the last bit.

    By triangular solutions: `torch.cholesky_inverse` has wrong derivatives in forward mode.

    Args:
        g: (..., n, n).

    Returns:
        (..., n, n).

    Raises:
        ModelError: one of them is not positive definite.

    Example:
        >>> inverted(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor([[0.5000, 0.0000],
                [0.0000, 0.2500]])
    """
    one = torch.eye(g.shape[-1], dtype=g.dtype, device=g.device).expand_as(g)
    half = torch.linalg.solve_triangular(factored(g), one, upper=False)
    return symmetric(half.mT @ half)


def solved(g: Tensor, w: Tensor) -> Tensor:
    """Solutions of g v = w for positive definite g, by Cholesky's factor.

    Args:
        g: (..., n, n).
        w: (..., n).

    Returns:
        (..., n).

    Raises:
        ModelError: one of the matrices is not positive definite.

    Example:
        >>> solved(torch.tensor([[2.0, 0.0], [0.0, 4.0]]), torch.ones(2))
        tensor([0.5000, 0.2500])
    """
    root = factored(g)
    half = torch.linalg.solve_triangular(root, w[..., None], upper=False)
    return torch.linalg.solve_triangular(root.mT, half, upper=True)[..., 0]


def _over_points(function: object, x: Tensor, n: int, order: int) -> Tensor:
    """Apply a function of one point, with values (n,) * (2 + order), to points of any shape."""
    check_points(x, n)
    if x.numel() == 0:  # which vmap refuses
        return x.new_zeros(*x.shape[:-1], *(n,) * (2 + order))
    flat = torch.func.vmap(function)(x.reshape(-1, n))
    return flat.reshape(*x.shape[:-1], *flat.shape[1:])
