"""R47: a metric that knows the hidden factor is told from one that does not."""

from __future__ import annotations

import pytest
import torch

import ndm
from ndm.geometry import ConstantMetric
from validation.paper import similarity


def model(squash: float) -> ndm.NDM:
    """One chart map that does nothing, and a constant metric diag(1, squash^2)."""
    torch.manual_seed(0)
    maps = [ndm.coordinate_map("actnorm", 2)]
    metric = ConstantMetric(2, learn=True).double()
    with torch.no_grad():
        metric.factor.copy_(torch.diag(torch.tensor([1.0, squash])))
    made: ndm.NDM = ndm.NDM(maps, ndm.LinearHead(2, 4), metric).double()
    made.eval()
    return made


def row(squash: float) -> dict[str, float]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn((60, 2), generator=generator, dtype=torch.float64)
    x[:, 1] *= 3  # what has no meaning varies most
    found: dict[str, float] = similarity.correlations(model(squash), x, x[:, 0], seed=0)
    return found


def test_a_metric_that_leaves_out_what_has_no_meaning_gains() -> None:
    found = row(1e-3)
    # distances are |t - t'| but for a thousandth of the rest
    assert found["geodesic"] > 0.99
    assert found["joined"] == 1
    assert similarity._gain(found) > 0.3


def test_a_euclidean_metric_gains_nothing() -> None:
    found = row(1.0)
    assert found["geodesic"] == pytest.approx(found["activations"], abs=1e-12)
    assert similarity._gain(found) == pytest.approx(0, abs=1e-12)


def test_the_spiral_is_as_long_as_its_parameter_says() -> None:
    x, t = similarity.spiral(0, 4000)
    inner, outer = t < 0.1, t > 0.9
    size = torch.linalg.vector_norm(x, dim=-1)
    assert size[inner].max() < size[outer].min()
    # radius 1.5 pi sqrt(t) / 3 but for the noise, of 0.05 in each coordinate
    assert (size - 0.5 * torch.pi * t.sqrt()).abs().max() < 0.3
