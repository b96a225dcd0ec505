"""Fisher information as a metric, by its definition: E[score score^T] over random draws (R9)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import geomkit as gk

COUNT = 40_000


def moments(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean of score score^T over draws (N, n), and its standard error."""
    products = scores[:, :, None] * scores[:, None, :]
    return products.mean(0), products.std(0, ddof=1) / np.sqrt(len(products))


def normal(mu: float, sigma: float) -> np.ndarray:
    z = np.random.default_rng(0).standard_normal(COUNT)
    return np.stack([z / sigma, (z * z - 1) / sigma], -1)


def categorical(p: tuple[float, ...]) -> np.ndarray:
    whole = np.array([*p, 1 - sum(p)])
    drawn = np.random.default_rng(1).choice(len(whole), size=COUNT, p=whole)
    hit = drawn[:, None] == np.arange(len(whole))
    scores: np.ndarray = hit[:, :-1] / whole[:-1] - hit[:, -1:] / whole[-1]
    return scores


CASES = [
    ("fisher_normal", (0.3, 1.4), normal(0.3, 1.4)),
    ("fisher_categorical4", (0.2, 0.15, 0.25), categorical((0.2, 0.15, 0.25))),
]


@pytest.mark.parametrize(("name", "point", "scores"), CASES, ids=[case[0] for case in CASES])
def test_the_metric_is_the_mean_of_scores(
    name: str, point: tuple[float, ...], scores: np.ndarray
) -> None:
    kernel = gk.compile(gk.catalog[name], "metric", backend="interpret", cache=False)
    exact = np.asarray(kernel(list(point)).metric)
    mean, error = moments(scores)
    assert (np.abs(mean - exact) <= 3 * error).all()
    assert (3 * error.diagonal() < 0.1 * exact.diagonal()).all()  # so that it says something


def test_the_normal_family_has_curvature_minus_one() -> None:
    assert gk.curvature(gk.catalog["fisher_normal"]).scalar == -1


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_curvature_of_categories(n: int) -> None:
    """n free probabilities: an orthant of a sphere of radius 2, R = n (n - 1)/4."""
    names = ["p", "q", "r", "s", "t"][:n]
    last = "(1 - " + " - ".join(names) + ")"
    rows = [[f"1/{a} + 1/{last}" if a == b else f"1/{last}" for b in names] for a in names]
    domain = {name: ["1/20", "3/20"] for name in names}
    metric = gk.Metric(names, rows, domain=domain)
    assert gk.curvature(metric).scalar == Fraction(n * (n - 1), 4)
