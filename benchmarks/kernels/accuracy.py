"""How accurate the kernels of the catalogue are: their certificates, summed up."""

from __future__ import annotations

from dataclasses import dataclass

import geomkit as gk
from geomkit.certificate import read
from geomkit.errors import CertificateError, LoweringError

__all__ = ["SAMPLE", "Accurate", "measure_accuracy"]

QUANTITIES = ("metric", "inverse_metric", "christoffel", "riemann_down", "ricci", "scalar")
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


def measure_accuracy(names: list[str]) -> list[Accurate]:
    """Compile and certify metrics of the catalogue.

    Args:
        names: which.

    Returns:
        One summary for each.
    """
    return [_summary(name) for name in names]


def _summary(name: str) -> Accurate:
    print(f"certify {name} ...", flush=True)
    try:
        certificate = _certificate(gk.catalog[name])
    except Exception as error:  # noqa: BLE001 - whatever happens is the verdict of this metric
        return Accurate(name, verdict=" ".join(f"{type(error).__name__}: {error}".split())[:160])
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


def _certificate(metric: gk.Metric) -> gk.Certificate:
    """The certificate that lies beside the kernel if it is still its own, else a new one."""
    quantities = [*QUANTITIES, *(["kretschmann"] if metric.n <= 5 else [])]
    try:
        kernel = gk.compile(metric, quantities)
    except LoweringError:  # numba lacks a function
        kernel = gk.compile(metric, quantities, backend="interpret")
    try:
        kept = read(kernel)
    except CertificateError:
        kept = None
    if kept is not None and kept.matches(kernel):
        return kept
    # an enclosure of all components takes 5 ms for n = 4 and 80 ms for n = 8
    places = 64 if metric.n <= 4 else 24 if metric.n <= 6 else 8
    return gk.certify(kernel, points=places)
