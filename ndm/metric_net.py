"""Metric nets: metrics g(x) learned as functions of the coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ndm.errors import ModelError
from ndm.field import MetricField, MetricJet, check_points
from ndm.jets import SmoothMLP
from ndm.parametrisations import FAMILIES

__all__ = ["MetricNet"]


class MetricNet(MetricField):
    """A metric g(x) whose parameters are the outputs of a smooth perceptron.

    Families: "full" g = L L^T + eps 1, "diagonal", "conformal", "lowrank" (diagonal plus U U^T);
    see `ndm.parametrisations`. It starts near the Euclidean metric: tr g / n = 1 up to `spread`.
    Derivatives are pushed forward by hand (`ndm.jets`); the curvature is computed by geomkit's
    certified kernels for that family, from no more derivatives than these need.

    Args:
        n: dimension.
        family: one of the above.
        hidden: widths of the hidden layers of the network. One is cheapest by far for "full".
        activation: "tanh", "softplus", "silu" or "gelu".
        eps: smallest eigenvalue of g, at least. 0 only with positive diagonals.
        spread: size of the network's first outputs.
        rank: columns of U, for "lowrank".
        positive_diagonal: for "full": L_ii = softplus(...) > 0 (default), or any number.
        max_condition: for "full": keeps the condition number of g below this everywhere.

    Raises:
        ModelError: an unknown family, or options that do not fit it.

    References:
        The NDM paper, section 3.3; requirements R19 to R22.

    Example:
        >>> import torch
        >>> _ = torch.manual_seed(0)
        >>> g = MetricNet(3, "full").double()
        >>> x = torch.randn(5, 3, dtype=torch.float64)
        >>> g(x).shape, g.scalar_curvature(x).shape
        (torch.Size([5, 3, 3]), torch.Size([5]))
        >>> bool((g(x) == g(x).mT).all()), bool(torch.linalg.eigvalsh(g(x)).min() > 0.01)
        (True, True)
    """

    def __init__(
        self,
        n: int,
        family: str = "full",
        hidden: Sequence[int] = (32,),
        activation: str = "tanh",
        *,
        eps: float = 1e-2,
        spread: float = 0.1,
        rank: int = 2,
        positive_diagonal: bool = True,
        max_condition: float | None = None,
    ) -> None:
        super().__init__(n)
        _check(family, eps, rank, positive_diagonal, max_condition)
        options: dict[str, Any] = {}
        if family == "full":
            options = {"positive_diagonal": positive_diagonal, "max_condition": max_condition}
        if family == "lowrank":
            options = {"rank": rank}
        self.family, self.eps = family, eps
        self.parametrisation = FAMILIES[family](n, eps, **options)
        self.net = SmoothMLP(n, self.parametrisation.outputs, hidden, activation, spread=spread)

    def forward(self, x: Tensor) -> Tensor:
        """The metric (..., n, n) at points (..., n)."""
        self._accept(x)
        return self.parametrisation.metric(self.net(x))

    def log_volume(self, x: Tensor) -> Tensor:
        """Log of sqrt(det g), (...,), by the cheapest way of the family."""
        self._accept(x)
        return self.parametrisation.log_volume(self.net(x))

    def inverse(self, x: Tensor) -> Tensor:
        """The inverse metric g^ij, (..., n, n), by the cheapest way of the family."""
        self._accept(x)
        return self.parametrisation.inverse(self.net(x))

    def raised(self, x: Tensor, w: Tensor) -> Tensor:
        """The vector g^ij w_j of a covector, (..., n); in O(n) but for family "full"."""
        self._accept(x)
        return self.parametrisation.raised(self.net(x), w)

    def slope(self, x: Tensor) -> Tensor:
        """First derivatives d_k g_ij, of shape (..., i, j, k)."""
        return self.first(x)[1]

    def first(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The metric and its first derivatives, by forward jets without second derivatives."""
        check_points(x, self.dimension)
        return self.parametrisation.first(self.net, x)

    def jet(self, x: Tensor) -> MetricJet:
        """Metric with first and second derivatives, all of them, by forward jets."""
        self._accept(x)
        return self.parametrisation.jet(self.net, x)

    def scalar_curvature(self, x: Tensor) -> Tensor:
        """Scalar curvature (...,), by the certified kernel of the family; 0 for n = 1.

        Args:
            x: (..., n).

        Returns:
            (...,).
        """
        self._accept(x)
        if self.dimension == 1:
            return x[..., 0] * 0
        return self.parametrisation.scalar(self.net, x)

    def _accept(self, x: Tensor) -> None:
        check_points(x, self.dimension, self.net.layers[0].weight)

    def extra_repr(self) -> str:
        """Dimension, family and eps."""
        return f"n={self.dimension}, family={self.family!r}, eps={self.eps}"


def _check(
    family: str, eps: float, rank: int, positive_diagonal: bool, max_condition: float | None
) -> None:
    if family not in FAMILIES:
        raise ModelError(f"metric family {family!r} is not known; choose one of {[*FAMILIES]}")
    if not 0 <= eps < 1:
        raise ModelError(f"eps = {eps} was given; it must be in [0, 1), since tr g / n starts at 1")
    if eps == 0 and not positive_diagonal:
        raise ModelError(
            "g = L L^T without eps is singular where an entry of L's diagonal is 0: "
            "use positive_diagonal=True, or eps > 0"
        )
    if family == "lowrank" and rank < 1:
        raise ModelError(f"rank = {rank} was given; it must be 1 or more (or use 'diagonal')")
    if max_condition is not None and (family != "full" or not max_condition > 1):
        raise ModelError(
            f"max_condition = {max_condition} for family {family!r} was given; it is a number "
            "above 1, for family 'full' only"
        )
