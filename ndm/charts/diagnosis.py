"""How well a map behaves on given points: conditioning, orientation, round trip, log-det."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ndm.charts.base import CoordinateMap
from ndm.errors import ModelError

__all__ = ["MapDiagnosis", "diagnose"]


@dataclass(frozen=True)
class MapDiagnosis:
    """What `diagnose` found.

    Attributes:
        points: number of points.
        smallest_singular_value: of the Jacobian, over all points.
        largest_singular_value: of the Jacobian, over all points.
        orientation: sign of det J if it is the same at all points, else 0.
        log_det_error: largest |log_det - log |det J||.
        round_trip_error: largest |phi^-1(phi(x)) - x| / (1 + |x|), in the maximum norm.
    """

    points: int
    smallest_singular_value: float
    largest_singular_value: float
    orientation: int
    log_det_error: float
    round_trip_error: float

    @property
    def condition(self) -> float:
        """Largest by smallest singular value, over all points."""
        if self.smallest_singular_value == 0.0:
            return float("inf")
        return self.largest_singular_value / self.smallest_singular_value

    def __str__(self) -> str:
        turn = {1: "preserved", -1: "reversed"}.get(self.orientation, "not the same everywhere")
        return (
            f"{self.points} points: singular values of J from {self.smallest_singular_value:.3g} "
            f"to {self.largest_singular_value:.3g}, orientation {turn}, "
            f"round trip {self.round_trip_error:.1e}, log-det {self.log_det_error:.1e}"
        )


def diagnose(chart: CoordinateMap, x: Tensor) -> MapDiagnosis:
    """Measures a map at points.

    Args:
        chart: the map.
        x: at least one point (..., n).

    Returns:
        Singular values of the Jacobian, orientation, errors of the round trip and of the log-det.

    Raises:
        ModelError: there are no points, they do not fit, or the Jacobian is not finite somewhere.

    Example:
        >>> import torch
        >>> from ndm.charts import Permutation, diagnose
        >>> print(diagnose(Permutation([1, 0]), torch.ones(3, 2)))
        3 points: singular values of J from 1 to 1, orientation reversed, round trip 0.0e+00,
        log-det 0.0e+00
    """
    with torch.no_grad():
        y, log_det, jacobian = chart.with_jacobian(x)
        if log_det.numel() == 0:
            raise ModelError("diagnose was given no points, and needs at least one")
        if not bool(torch.isfinite(jacobian).all()):
            raise ModelError("the Jacobian is not finite at some of the points given to diagnose")
        values = torch.linalg.svdvals(jacobian)
        sign, log_abs = torch.linalg.slogdet(jacobian)
        back = (chart.inverse(y) - x).abs() / (1 + x.abs().amax(-1, keepdim=True))
        signs = {int(one) for one in sign.reshape(-1).tolist()}
    return MapDiagnosis(
        points=log_det.numel(),
        smallest_singular_value=values.min().item(),
        largest_singular_value=values.max().item(),
        orientation=signs.pop() if len(signs) == 1 else 0,
        log_det_error=(log_abs - log_det).abs().max().item(),
        round_trip_error=back.max().item(),
    )
