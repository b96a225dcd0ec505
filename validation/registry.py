"""All claims, in the order of the report."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from validation.claim import Claim

__all__ = ["PARTS", "claims"]

#: module of this package -> heading of its claims
PARTS = {
    "curvature": "Curvature of known manifolds and of the literature",
    "theorems": "Theorems of global and comparison geometry, on examples",
    "kernels": "Kernels and certificates",
    "models": "Geometry of Neural Differential Manifolds against closed forms",
    "natural_gradient": "Natural gradient: invariance and exactness",
    "paper": "What the paper claims, asked",
}


@cache
def claims() -> tuple[Claim, ...]:
    """Every claim of every part.

    Returns:
        The claims.

    Raises:
        ValueError: two have the same id.
    """
    found = tuple(c for part in PARTS for c in import_module(f"validation.{part}").CLAIMS)
    names = [claim.id for claim in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"claims need ids of their own, and these are used twice: {sorted(twice)}")
    return found
