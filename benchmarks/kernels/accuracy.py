"""How accurate the kernels of the catalogue are: certificates made anew, summed up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geomkit as gk

__all__ = ["SAMPLE", "Accurate", "measure_accuracy"]

# Every twelfth metric, and Kerr: all of them take too long for every run.
SAMPLE = tuple(sorted({*gk.catalog.names()[::12], "kerr"}))


@dataclass(frozen=True)
class Accurate:
    """What the certificate of one metric says.

    Attributes:
        name: the metric.
        pairs: number of (component, random place) pairs compared with enclosures.
        within: the share whose relative error is at most 1e-14.
        largest: the largest relative error at random places.
        beyond: how many pairs, adversarial places included, are beyond 1e-14.
        ratio: the largest of those in units of the component's own conditioning.
        verdict: None when it passes, else why not.
    """

    name: str
    pairs: int = 0
    within: float = 0.0
    largest: float = 0.0
    beyond: int = 0
    ratio: float = 0.0
    verdict: str | None = None


def measure_accuracy(names: list[str], places: int = 64) -> list[Accurate]:
    """Compile and certify metrics of the catalogue.

    Args:
        names: which.
        places: random places for each.

    Returns:
        One summary for each.
    """
    return [_certified(name, places) for name in names]


def _certified(name: str, places: int) -> Accurate:
    print(f"certify {name} ...", flush=True)
    quantities = ["riemann_down", "ricci", "scalar", "kretschmann"]
    try:
        kernel: Any = gk.compile(gk.catalog[name], quantities)
        certify: Any = gk.certify
        certificate = certify(kernel, points=places)
    except Exception as error:  # noqa: BLE001 - whatever happens is the verdict of this metric
        return Accurate(name, verdict=f"{type(error).__name__}: {error}"[:160])
    total = certificate.accuracy[-1]
    return Accurate(
        name,
        total.random_pairs,
        total.within,
        certificate.max_relative_error,
        total.beyond,
        total.largest_ratio,
        None if certificate.ok else certificate.verdict[:160],
    )
