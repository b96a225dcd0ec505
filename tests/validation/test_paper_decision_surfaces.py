"""R48 and R49: areas and correlations where they are known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau
from sklearn.metrics import roc_auc_score
from torch import Tensor

from validation.paper import decision_surfaces


class Slope:
    """Logits (0, k x1): the boundary is x1 = 0."""

    def __init__(self, k: float) -> None:
        self.k = k

    def __call__(self, x: Tensor) -> Tensor:
        return torch.stack((torch.zeros_like(x[:, 0]), self.k * x[:, 0]), -1)


def points(count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((count, 2), generator=generator, dtype=torch.float64)


def test_the_area_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    margin, bend = random.uniform(size=200), np.round(random.normal(size=200), 1)  # with ties
    near = margin <= np.quantile(margin, 0.1)
    area, _ = decision_surfaces._scores(bend, margin, bend)
    assert area == pytest.approx(roc_auc_score(near, bend), abs=1e-12)  # ranks, in rounding


@pytest.mark.parametrize(("sign", "area"), [(-1, 1.0), (1, 0.0)])
def test_curvature_that_knows_the_boundary_is_told_from_one_that_avoids_it(
    sign: int, area: float
) -> None:
    margin = np.random.default_rng(1).uniform(size=300)
    found, correlation = decision_surfaces._scores(sign * margin, margin, -margin)
    assert found == area
    assert correlation == pytest.approx(-sign)
    assert np.sign(kendalltau(sign * margin, -margin).statistic) == -sign


def test_the_margin_is_the_difference_of_the_logits() -> None:
    x, model = points(50), Slope(3.0)
    found = decision_surfaces._margin(model, x)  # type: ignore[arg-type]
    assert found == pytest.approx(3 * x[:, 0].abs().numpy())


def test_sensitivity_is_the_slope_of_the_probabilities() -> None:
    k, model = 0.2, Slope(0.2)
    x: Any = torch.tensor([0.0, 8.0], dtype=torch.float64)
    x = torch.stack((x.repeat_interleave(400), torch.zeros(800, dtype=torch.float64)), -1)
    found = decision_surfaces._change(model, x, seed=0).reshape(2, 400).mean(1)  # type: ignore[arg-type]
    # to first order |dp_0| + |dp_1| = 2 p (1 - p) k |xi|, xi of size 0.1: E|xi| = 0.1 sqrt(2 / pi)
    p = 1 / (1 + np.exp(-k * np.array([0.0, 8.0])))
    expected = 2 * p * (1 - p) * k * 0.1 * math.sqrt(2 / math.pi)
    # standard error of 8000 draws 0.8 %, and four of them
    assert found == pytest.approx(expected, rel=0.035)
