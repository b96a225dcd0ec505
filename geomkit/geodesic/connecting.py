"""What is known of geodesics between two points: logarithm and distance, as results."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import DomainError

__all__ = ["Distance", "Logarithm"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Logarithm:
    """What shooting from p to q has found.

    Attributes:
        start: p, (n,).
        end: q, (n,); an image of the q that was asked for if `periods` were given.
        converged: whether a vector was found and checked.
        vector: v with exp_p(v) = q, (n,); None if none was found.
        residual: largest |x^i(1) - q^i| of the geodesic, integrated anew with only its own
            equation; of the best attempt if none converged.
        message: what happened, in words.
        shots: geodesics integrated.
        attempts: paths tried.
    """

    start: Array
    end: Array
    converged: bool
    vector: Array | None
    residual: float
    message: str
    shots: int
    attempts: int

    def __str__(self) -> str:
        if self.vector is None:
            return f"no geodesic found: {self.message} (residual {self.residual:.2g})"
        return f"log = {self.vector.tolist()} (residual {self.residual:.2g}, {self.shots} shots)"


@dataclass(frozen=True)
class Distance:
    """The length of a geodesic between two points, or the interval.

    Attributes:
        value: sqrt|g(v, v)|; None if no geodesic was found.
        character: "spacelike", "timelike" (value is proper time) or "null"; "" where there are no
            light cones, and if nothing was found.
        shortest: False if the geodesic has a conjugate point before its end, so that shorter ones
            exist (for timelike ones: longer ones); None if nothing is known.
        message: what is known about the value.
        log: the logarithm it comes from.
    """

    value: float | None
    character: str
    shortest: bool | None
    message: str
    log: Logarithm

    @property
    def converged(self) -> bool:
        """Whether a geodesic was found."""
        return self.log.converged

    def __float__(self) -> float:
        if self.value is None:
            raise DomainError(f"there is no distance: {self.message}")
        return self.value

    def __str__(self) -> str:
        return self.message if self.value is None else f"{self.value:.12g} ({self.message})"
