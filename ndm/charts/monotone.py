"""Smooth monotone maps of each coordinate by itself, with closed-form inverses.

A boost by rapidity b, about a centre c with a length w, moves along a hyperbola:

    u = (x - c)/w,    y = c + w (sinh(asinh(u) + b) - sinh(b))
                        = c + w (u cosh b + sinh b (sqrt(1 + u^2) - 1))

It is smooth, fixes c, has slope e^b far to the right and e^-b far to the left, and its inverse is
the boost by -b (up to the shift that fixes c). A few of them, one after the other at different
centres, bend a line in several places. With |b| < 1 all slopes stay within (1/e, e), so that points
far from the origin stay where floating point can bring them back.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ndm.charts.base import CoordinateMap
from ndm.charts.coupling import checked_bound
from ndm.errors import ModelError

__all__ = ["Monotone", "boost", "boost_back"]

_START = 0.1


class Monotone(CoordinateMap):
    """Each coordinate through `boosts` hyperbolic boosts; smooth, for n = 1 too.

    Args:
        n: number of coordinates.
        boosts: how many boosts a coordinate passes.
        max_rapidity: bound of the rapidity of each; slopes of one boost are within e^-+ of it.

    Raises:
        ModelError: an argument that cannot be used.

    Example:
        >>> import torch
        >>> from ndm.charts import Monotone
        >>> _ = torch.manual_seed(0)
        >>> chart = Monotone(1).double()
        >>> x = torch.linspace(-3, 3, 7, dtype=torch.float64).unsqueeze(-1)
        >>> y, log_det = chart(x)
        >>> bool((y.diff(dim=0) > 0).all()), bool((chart.inverse(y) - x).abs().max() < 1e-14)
        (True, True)
    """

    def __init__(self, n: int, boosts: int = 3, max_rapidity: float = 1.0) -> None:
        super().__init__(n)
        if isinstance(boosts, bool) or not isinstance(boosts, int) or boosts < 1:
            raise ModelError(f"Monotone was given boosts={boosts!r}, and needs at least 1")
        self.boosts = boosts
        self.max_rapidity = checked_bound(max_rapidity, "Monotone", "max_rapidity")
        places = torch.linspace(-1.0, 1.0, boosts) if boosts > 1 else torch.zeros(1)
        self.centre = nn.Parameter(places.unsqueeze(-1).repeat(1, n))
        self.log_length = nn.Parameter(torch.zeros(boosts, n))
        self.raw_rapidity = nn.Parameter(_START * torch.randn(boosts, n))

    def extra_repr(self) -> str:
        """Dimension, boosts and bound."""
        return f"{self.dimension}, boosts={self.boosts}, max_rapidity={self.max_rapidity}"

    def rapidity(self) -> Tensor:
        """The bounded rapidities (boosts, n)."""
        return self.max_rapidity * torch.tanh(self.raw_rapidity / self.max_rapidity)

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x, log_slope = self._through(x)
        return x, log_slope.sum(-1)

    def _inverse(self, y: Tensor) -> Tensor:
        length, rapidity = torch.exp(self.log_length), self.rapidity()
        for k in reversed(range(self.boosts)):
            v = (y - self.centre[k]) / length[k]
            y = self.centre[k] + length[k] * boost_back(v, rapidity[k])
        return y

    def _with_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, log_slope = self._through(x)
        return y, log_slope.sum(-1), torch.diag_embed(torch.exp(log_slope))

    def _through(self, x: Tensor) -> tuple[Tensor, Tensor]:
        length, rapidity = torch.exp(self.log_length), self.rapidity()
        total = torch.zeros_like(x)
        for k in range(self.boosts):
            u, log_slope = boost((x - self.centre[k]) / length[k], rapidity[k])
            x = self.centre[k] + length[k] * u
            total = total + log_slope
        return x, total


def boost(u: Tensor, rapidity: Tensor) -> tuple[Tensor, Tensor]:
    """sinh(asinh(u) + b) - sinh(b), and the logarithm of its slope.

    Args:
        u: places, of any shape.
        rapidity: b, which broadcasts with u.

    Returns:
        The boosted places and log(cosh b + sinh b * u / sqrt(1 + u^2)).

    Example:
        >>> import torch
        >>> from ndm.charts.monotone import boost
        >>> boost(torch.tensor(0.0), torch.tensor(0.5))[0].item()
        0.0
    """
    cosh, sinh = torch.cosh(rapidity), torch.sinh(rapidity)
    root = torch.hypot(torch.ones_like(u), u)
    # sqrt(1 + u^2) - 1 without cancellation and without u^2
    rise = u * (u / (1 + root))
    return cosh * u + sinh * rise, torch.log(cosh + sinh * (u / root))


def boost_back(v: Tensor, rapidity: Tensor) -> Tensor:
    """The inverse of `boost`: sinh(asinh(v + sinh b) - b).

    Args:
        v: boosted places, of any shape.
        rapidity: b, which broadcasts with v.

    Returns:
        The places u with boost(u, b) = v.
    """
    sinh = torch.sinh(rapidity)
    z = v + sinh
    root = torch.hypot(torch.ones_like(z), z)
    # cosh b * z - sinh b * sqrt(1 + z^2), with the common part sinh b * (cosh b - sqrt(1 + z^2))
    # of v = 0 taken out: sqrt(1 + z^2) - cosh b = v (v + 2 sinh b) / (sqrt(1 + z^2) + cosh b)
    cosh = torch.cosh(rapidity)
    rise = v * ((v + 2 * sinh) / (root + cosh))
    return cosh * v - sinh * rise
