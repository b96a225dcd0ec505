"""What the rows "few noisy samples" and "symmetries" of the table measure, where it is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.motion import low_data, symmetries
from benchmarks.motion.surfaces import scrambled
from ndm.dynamics.least_squares import Stop
from ndm.dynamics.motion import MetricDynamics
from ndm.dynamics.report import curvature_report
from ndm.metric_net import MetricNet

pytestmark = pytest.mark.slow  # flows are differentiated twice: seconds each
torch.set_num_threads(1)


def test_errors_of_few_data_are_those_of_the_report() -> None:
    torch.manual_seed(0)
    world = scrambled("sphere", 1)
    points = torch.tensor(world.test.x[:20])
    net = MetricDynamics(MetricNet(2, "full", (5,), spread=1.0)).double()
    truth = world.truth
    with torch.no_grad():
        errors = low_data.Errors(truth.cholesky(points), truth.scalar_curvature(points))
    report = curvature_report(net.metric, truth, points)
    found = errors(net, points)
    # the same formula, written twice: rounding
    assert np.allclose(found, (report.curvature_rms, report.curvature_median), rtol=1e-10)


def test_a_row_of_few_data_has_every_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(low_data, "STOP", Stop(iterations=2))
    monkeypatch.setattr(
        low_data, "GRID", {kind: every[:2] for kind, every in low_data.GRID.items()}
    )
    found = low_data.measure("plane, N = 50, noise 1e-2", 0)
    assert {goal.key for goal in low_data.ROW.goals} <= set(found)
    assert found["constant/decay"] == found["constant"] / found["decay"]
    assert [len(rows) for rows in found["curves"].values()] == [1, 2, 2, 2, 2]
    for kind, rows in found["curves"].items():
        assert found[kind] == min(rows)[1]  # chosen by the data held out


@pytest.mark.parametrize("case", ["sphere", "torus"])
def test_the_true_metric_in_place_of_a_fitted_one(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        symmetries, "fitted", lambda name, seed: MetricDynamics(scrambled(name, seed).truth)
    )
    found = symmetries.measure(case, 3)
    assert found["dimension"] == found["true dimension"] == found["expected"]
    assert found["gap"] == found["true gap"] > 10
    assert found["angle"] < 1e-7  # a space with itself, in rounding of a basis of degree 8
