"""Metrics of a given structure: equivariant under a group, or a Kronecker product.

| field | g(x) | what it keeps |
|---|---|---|
| `Symmetrised` | mean over Q in a finite group of Q^T h(Q x) Q | g(Q x) = Q g(x) Q^T for Q in it |
| `RadialMetric` | a(s) 1 + b(s) x x^T, s = x.x | the same for every rotation and reflection |
| `KroneckerMetric` | A(x) tensor B(x) | the axes of a grid: n = p q |

In the first two every Q is an isometry: distances, volumes and curvature are those at the turned
points, exactly, whatever the networks have learned.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ndm.errors import ModelError
from ndm.field import MetricField, check_points, factored, inverted, symmetric
from ndm.jets import SmoothMLP
from ndm.parametrisations import Diagonal, Full

__all__ = ["KroneckerMetric", "RadialMetric", "Symmetrised"]


class Symmetrised(MetricField):
    """The mean of a metric over a finite group: g(x) = mean of Q^T h(Q x) Q.

    A mean of metrics is one, with no smaller eigenvalue than the smallest of h.

    Args:
        field: h.
        group: matrices Q (k, n, n), orthogonal, all of the group.

    Raises:
        ModelError: matrices of another shape, or that are no group of orthogonal matrices.

    References:
        Requirement R75.

    Example:
        >>> from ndm.metric_net import MetricNet
        >>> _ = torch.manual_seed(0)
        >>> mirror = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
        >>> g = Symmetrised(MetricNet(2), torch.stack([torch.eye(2), mirror])).double()
        >>> x = torch.tensor([[0.3, -0.8]], dtype=torch.float64)
        >>> bool(torch.allclose(g(x.flip(-1)), g(x).flip(-1, -2)))
        True
    """

    group: Tensor

    def __init__(self, field: MetricField, group: Tensor) -> None:
        super().__init__(field.dimension)
        n = field.dimension
        if group.ndim != 3 or group.shape[1:] != (n, n) or not len(group):
            raise ModelError(f"matrices {tuple(group.shape)} were given; needed are (k, {n}, {n})")
        _check_group(group.detach().double())
        self.field = field
        self.register_buffer("group", group.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        """The metric (..., n, n) at points (..., n)."""
        check_points(x, self.dimension)
        group = self.group.to(x.dtype)
        turned = torch.einsum("kij,...j->...ki", group, x)
        return symmetric((group.mT @ self.field(turned) @ group).mean(-3))

    def extra_repr(self) -> str:
        """The size of the group."""
        return f"n={self.dimension}, group of {len(self.group)}"


def _check_group(group: Tensor) -> None:
    """Every product of two is one of them, and they are orthogonal: a group, since it is finite."""
    n = group.shape[-1]
    if (group.mT @ group - torch.eye(n).to(group)).abs().max() > 1e-6:
        raise ModelError("a matrix of the group is not orthogonal; give matrices with Q^T Q = 1")
    products = group[:, None] @ group
    nearest = (products[:, :, None] - group).abs().amax((-1, -2)).amin(-1)
    if nearest.max() > 1e-6:  # float32 matrices, and products of them
        i, j = divmod(int(nearest.argmax()), len(group))
        raise ModelError(
            f"the product of matrices {i} and {j} is none of the {len(group)}; give the whole group"
        )


class RadialMetric(MetricField):
    """A metric that knows no direction: g = t(s) (1 + k(s)/(1 + s) x x^T) with s = |x|^2.

    Its eigenvalues are t across x, and t (1 + k s/(1 + s)) along it; t > 0 and k > -1 come from
    a network of log(1 + s), so that g is smooth everywhere, and positive definite. It starts near
    the Euclidean metric.

    Args:
        n: dimension.
        hidden: widths of the hidden layers.
        activation: a smooth one; see `ndm.activations`.
        eps: smallest eigenvalue of g, at least.
        spread: size of the network's first outputs.

    Raises:
        ModelError: eps out of range.

    References:
        Requirement R75.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> g = RadialMetric(3).double()
        >>> x = torch.randn(4, 3, dtype=torch.float64)
        >>> Q, _ = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))
        >>> bool(torch.allclose(g(x @ Q.mT), Q @ g(x) @ Q.mT, atol=1e-12))
        True
    """

    def __init__(
        self,
        n: int,
        hidden: Sequence[int] = (32,),
        activation: str = "tanh",
        *,
        eps: float = 1e-2,
        spread: float = 0.1,
    ) -> None:
        super().__init__(n)
        if not 0 < eps < 1:
            raise ModelError(f"eps = {eps} was given; it must be in (0, 1)")
        self.eps = eps
        self.entries = Diagonal(2, eps**0.5)  # each factor at least sqrt(eps), 1 at the start
        self.net = SmoothMLP(1, 2, hidden, activation, spread=spread)

    def forward(self, x: Tensor) -> Tensor:
        """The metric (..., n, n) at points (..., n)."""
        check_points(x, self.dimension, self.net.layers[0].weight)
        s = (x * x).sum(-1, keepdim=True)
        across, ratio = self.entries.entries(self.net(torch.log1p(s))).split(1, -1)
        one = torch.eye(self.dimension, dtype=x.dtype, device=x.device)
        outer = (x[..., :, None] * x[..., None, :]) * ((ratio - 1) / (1 + s))[..., None]
        return across[..., None] * (one + outer)

    def extra_repr(self) -> str:
        """Dimension and eps."""
        return f"n={self.dimension}, eps={self.eps}"


class KroneckerMetric(MetricField):
    """The Kronecker product of two matrices that a network gives: g = A(x) tensor B(x).

    With A of p rows and B of q, n = p q coordinates and no more than (p^2 + q^2)/2 outputs;
    log sqrt(det g) = q log sqrt(det A) + p log sqrt(det B), and g^-1 = A^-1 tensor B^-1.

    Args:
        p: rows of A.
        q: rows of B.
        hidden: widths of the hidden layers.
        activation: a smooth one; see `ndm.activations`.
        eps: smallest eigenvalue of g, at least.
        spread: size of the network's first outputs.

    Raises:
        ModelError: sizes or eps out of range.

    References:
        Requirement R76.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> g = KroneckerMetric(2, 3)
        >>> g(torch.zeros(4, 6)).shape
        torch.Size([4, 6, 6])
    """

    def __init__(
        self,
        p: int,
        q: int,
        hidden: Sequence[int] = (32,),
        activation: str = "tanh",
        *,
        eps: float = 1e-2,
        spread: float = 0.1,
    ) -> None:
        if p < 1 or q < 1 or not 0 < eps < 1:
            raise ModelError(
                f"p = {p}, q = {q}, eps = {eps} were given; needed are 1 or more, and eps in (0, 1)"
            )
        super().__init__(p * q)
        self.eps = eps
        self.left, self.right = Full(p, eps**0.5), Full(q, eps**0.5)
        outputs = self.left.outputs + self.right.outputs
        self.net = SmoothMLP(p * q, outputs, hidden, activation, spread=spread)

    def parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The matrices A (..., p, p) and B (..., q, q) at points (..., n)."""
        check_points(x, self.dimension, self.net.layers[0].weight)
        f = self.net(x)
        count = self.left.outputs
        return self.left.metric(f[..., :count]), self.right.metric(f[..., count:])

    def forward(self, x: Tensor) -> Tensor:
        """The metric (..., n, n) at points (..., n)."""
        return _kronecker(*self.parts(x))

    def cholesky(self, x: Tensor) -> Tensor:
        """The factor of g, the product of the factors of A and B."""
        return _kronecker(*(factored(part) for part in self.parts(x)))

    def log_volume(self, x: Tensor) -> Tensor:
        """Log of sqrt(det g), (...,), of A and B alone."""
        a, b = (factored(m).diagonal(dim1=-2, dim2=-1).log().sum(-1) for m in self.parts(x))
        return self.right.n * a + self.left.n * b

    def inverse(self, x: Tensor) -> Tensor:
        """The inverse metric (..., n, n), the product of the inverses of A and B."""
        return _kronecker(*(inverted(part) for part in self.parts(x)))

    def extra_repr(self) -> str:
        """Sizes."""
        return f"n={self.left.n} x {self.right.n}, eps={self.eps}"


def _kronecker(a: Tensor, b: Tensor) -> Tensor:
    product = torch.einsum("...ij,...kl->...ikjl", a, b)
    return product.flatten(-4, -3).flatten(-2)
