"""Every metric of the catalogue, compiled and certified.

What the design asks for: at random places of the domain 99 % of the components have a relative
error of at most 1e-14, and every larger error, near edges and singularities too, is at most 50
times what a unit in the last place of the inputs does to the component.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import geomkit as gk
from geomkit.backends.numba.source import source
from geomkit.certificate import Certificate, certify, check
from geomkit.errors import LoweringError
from geomkit.kernel import Kernel
from geomkit.lower import lower

QUANTITIES = ("metric", "inverse_metric", "christoffel", "riemann_down", "ricci", "scalar")
# Metrics of special functions, which numba takes from SciPy or computes itself.
SPECIAL = {
    "fisher_beta": "polygamma",
    "fisher_dirichlet3": "polygamma",
    "fisher_gamma": "polygamma",
    "fisher_gamma_mean": "polygamma",
    "fisher_von_mises": "besseli",
    "kruskal": "lambertw",
}


def quantities_of(metric: gk.Metric) -> list[str]:
    # the square of the curvature is a sum over all pairs of planes: 28 times 28 for n = 8
    return [*QUANTITIES, *(["kretschmann"] if metric.n <= 5 else [])]


def places_for(metric: gk.Metric) -> int:
    # an enclosure of all n^4 components takes 5 ms for n = 4 and 80 ms for n = 8, while there are
    # sixteen times as many components to compare
    return 64 if metric.n <= 4 else 24 if metric.n <= 6 else 8


def compiled(name: str) -> Kernel:
    return gk.compile(gk.catalog[name], quantities_of(gk.catalog[name]))


@pytest.fixture
def within_rules() -> Iterator[list[Certificate]]:
    """Collects certificates and holds them against the design once more, by its own arithmetic."""
    found: list[Certificate] = []
    yield found
    for certificate in found:
        together = certificate.accuracy[-1]
        assert together.within >= 0.99
        assert together.largest_ratio <= 50
        assert together.not_finite == 0
        assert not any(identity.status == "FAILED" for identity in certificate.identities)


@pytest.mark.slow
@pytest.mark.parametrize("name", gk.catalog.names())
def test_every_metric_is_certified(name: str, within_rules: list[Certificate]) -> None:
    kernel = compiled(name)
    assert kernel.backend == "numba"
    assert not kernel.program.staged, "every metric of the catalogue is derived exactly"
    certificate = certify(kernel, points=places_for(kernel.metric))
    assert certificate.ok, f"{certificate}"
    within_rules.append(certificate)
    assert check(kernel) == certificate
    statuses = {identity.name: identity.status for identity in certificate.identities}
    for law in ("g^im g_mj = delta^i_j", "nabla g = 0", "R = tr Ric"):
        assert statuses[law] == "proved"


@pytest.mark.parametrize(("name", "function"), SPECIAL.items())
def test_numba_has_the_special_functions_of_the_catalogue(name: str, function: str) -> None:
    # writing the source refuses what numba has no word for, before anything is compiled
    assert function in source(lower(gk.catalog[name], "metric"))


@pytest.mark.parametrize("function", ["Shi(x)", "Chi(x)"])
@pytest.mark.parametrize("quantity", ["metric", "ricci"])
def test_what_kernels_lack_is_named(function: str, quantity: str) -> None:
    rows = [["1", "0"], ["0", f"2 + {function}**2"]]
    metric = gk.Metric(["x", "y"], rows, domain={"x": ["1", "2"], "y": ["1", "2"]})
    component = rf"{quantity}\[\d, \d\] cannot be lowered: a kernel has no {function[:3]}"
    with pytest.raises(LoweringError, match=component):
        gk.compile(metric, quantity)


@pytest.mark.parametrize("name", ["kerr", "hyperbolic3_ball"])
def test_some_metrics_are_certified(name: str) -> None:
    certificate = certify(compiled(name), points=16)
    assert certificate.ok, f"{certificate}"
