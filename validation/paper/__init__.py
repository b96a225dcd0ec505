"""Questions that the paper raises: its claimed advantages and applications, one file a subject."""

from __future__ import annotations

from validation.claim import Claim
from validation.paper import (
    architecture,
    boundaries,
    complexity,
    constraints,
    decision_surfaces,
    dynamics,
    generalisation,
    generation,
    global_geometry,
    interpolation,
    novelty,
    optimisation,
    planning,
    rejection,
    saddles,
    similarity,
    symmetries,
    trade_off,
)

__all__ = ["CLAIMS"]

CLAIMS: tuple[Claim, ...] = (
    *generalisation.CLAIMS,
    *boundaries.CLAIMS,
    *decision_surfaces.CLAIMS,
    *similarity.CLAIMS,
    *interpolation.CLAIMS,
    *novelty.CLAIMS,
    *generation.CLAIMS,
    *rejection.CLAIMS,
    *architecture.CLAIMS,
    *trade_off.CLAIMS,
    *complexity.CLAIMS,
    *optimisation.CLAIMS,
    *saddles.CLAIMS,
    *constraints.CLAIMS,
    *symmetries.CLAIMS,
    *dynamics.CLAIMS,
    *planning.CLAIMS,
    *global_geometry.CLAIMS,
)
