"""Compositions and inverses of coordinate maps."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from ndm.charts.base import CoordinateMap
from ndm.charts.matrices import inverted
from ndm.errors import ModelError

__all__ = ["Composition", "Inverse"]


class Composition(CoordinateMap):
    """One map after the other: `Composition(f, g)` is x -> g(f(x)).

    log det adds up, Jacobians multiply (last map on the left), and the result is as smooth as its
    least smooth member.

    Args:
        maps: at least one map, all of the same dimension, in the order of application.

    Raises:
        ModelError: no map, something that is no `CoordinateMap`, or dimensions that differ.

    Example:
        >>> import torch
        >>> from ndm.charts import AffineCoupling, Composition
        >>> _ = torch.manual_seed(0)
        >>> chart = Composition(AffineCoupling(2, parity=0), AffineCoupling(2, parity=1))
        >>> path = chart.trace(torch.zeros(2))
        >>> len(chart), len(path)
        (2, 3)
    """

    def __init__(self, *maps: CoordinateMap) -> None:
        if not maps:
            raise ModelError("Composition was given no map, and needs at least one")
        for position, chart in enumerate(maps):
            _check_member(chart, f"map {position} of a Composition")
            if chart.dimension != maps[0].dimension:
                raise ModelError(
                    f"map {position} of a Composition has {chart.dimension} coordinates, and map 0 "
                    f"has {maps[0].dimension}; all need the same (for unequal widths see Pad)"
                )
        super().__init__(maps[0].dimension, min(chart.smoothness for chart in maps))
        self.maps = nn.ModuleList(maps)

    def __len__(self) -> int:
        return len(self.maps)

    def __iter__(self) -> Iterator[CoordinateMap]:
        return iter(self.maps)

    def __getitem__(self, position: int) -> CoordinateMap:
        chart: CoordinateMap = self.maps[position]
        return chart

    def trace(self, x: Tensor) -> tuple[Tensor, ...]:
        """The path of the points through the charts.

        Args:
            x: points (..., n) in the first chart.

        Returns:
            Coordinates in each of the L + 1 charts, x first.

        Raises:
            ModelError: the points do not fit.
        """
        path = [x]
        for chart in self.maps:
            path.append(chart(path[-1])[0])
        return tuple(path)

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x, total = self.maps[0](x)
        for chart in self.maps[1:]:
            x, log_det = chart(x)
            total = total + log_det
        return x, total

    def _inverse(self, y: Tensor) -> Tensor:
        for chart in reversed(self.maps):
            y = chart.inverse(y)
        return y

    def _with_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, total, product = self.maps[0].with_jacobian(x)
        for chart in self.maps[1:]:
            x, log_det, jacobian = chart.with_jacobian(x)
            total = total + log_det
            product = jacobian @ product
        return x, total, product


class Inverse(CoordinateMap):
    """The inverse of a map, as a map: `Inverse(f)(y)` is f^-1(y), and its `inverse` is f.

    Args:
        chart: the map to invert; its parameters are shared.

    Attributes:
        map: the map that was inverted.

    Raises:
        ModelError: it is no `CoordinateMap`.

    Example:
        >>> import torch
        >>> from ndm.charts import Inverse, Permutation
        >>> y, log_det = Inverse(Permutation([1, 2, 0]))(torch.tensor([1.0, 2.0, 3.0]))
        >>> y
        tensor([3., 1., 2.])
    """

    def __init__(self, chart: CoordinateMap) -> None:
        _check_member(chart, "Inverse")
        super().__init__(chart.dimension, chart.smoothness)
        self.map = chart

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.map.inverse(x)
        return y, -self.map(y)[1]

    def _inverse(self, y: Tensor) -> Tensor:
        x: Tensor = self.map(y)[0]
        return x

    def _with_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y = self.map.inverse(x)
        _, log_det, jacobian = self.map.with_jacobian(y)
        return y, -log_det, inverted(jacobian)


def _check_member(chart: object, name: str) -> None:
    if not isinstance(chart, CoordinateMap):
        raise ModelError(f"{name} is {type(chart).__name__}, and must be a CoordinateMap")
