"""Integrals of curvature over charts, where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from ndm.geometry import ConstantMetric, ExactMetric
from validation.paper.global_geometry import (
    ATLASES,
    Region,
    boundary_term,
    chart,
    curvature_integral,
    fresh,
)


@pytest.mark.parametrize("name", sorted(ATLASES))
def test_true_metrics_obey_gauss_bonnet_over_two_charts(name: str) -> None:
    wanted, region, _ = ATLASES[name]
    fields = [ExactMetric(chart(name, which).metric) for which in (0, 1)]
    whole = sum(curvature_integral(field, region) for field in fields)
    # smooth periodic and analytic integrands: the rules are exact to 1e-9 and rounding
    assert whole == pytest.approx(wanted, abs=1e-8)
    for field in fields:
        alone = curvature_integral(field, region) + boundary_term(field, region)
        assert alone == pytest.approx(2 * np.pi, abs=1e-8)


@pytest.mark.parametrize("region", [Region(), Region((1.0, 0.5))])
def test_any_metric_obeys_it_with_its_boundary(region: Region) -> None:
    field = fresh(3)
    inside, edge = curvature_integral(field, region), boundary_term(field, region)
    assert inside + edge == pytest.approx(2 * np.pi, abs=1e-8)
    assert abs(inside) > 1e-3  # so that the boundary had something to balance


def test_charts_that_disagree_miss_the_theorem() -> None:
    half = curvature_integral(ExactMetric(chart("sphere", 0).metric), Region())
    flat = curvature_integral(ConstantMetric(2).double(), Region())
    assert half == pytest.approx(2 * np.pi, abs=1e-9)
    assert half + flat == pytest.approx(2 * np.pi, abs=1e-9)  # 4 pi was wanted


def test_samples_reach_beyond_the_cut_and_not_far() -> None:
    random = np.random.default_rng(0)
    r = np.linalg.norm(Region().draw(2000, random), axis=-1)
    assert 1.1 < r.max() <= 1.15
    x = np.abs(Region((2.0, 1.0)).draw(2000, random))
    assert (x.max(0) > [2.1, 1.1]).all()
    assert (x.max(0) <= [2.15, 1.15]).all()
