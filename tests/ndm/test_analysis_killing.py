"""Symmetries of trained metrics: found where training made them, and nowhere else."""

from __future__ import annotations

import math
from functools import cache

import pytest
import torch
from torch import Tensor

from ndm.analysis.killing import KillingReport, killing_report
from ndm.analysis.killing_plots import killing_figure
from ndm.dynamics.killing import principal_angles
from ndm.dynamics.least_squares import Rows, Stop, fit_levenberg_marquardt
from ndm.errors import DataError, ModelError
from ndm.geometry import ExactMetric
from ndm.metric_net import MetricNet
from tests.ndm.models import model

torch.set_num_threads(1)


def points(count: int = 120) -> Tensor:
    source = torch.Generator().manual_seed(1)
    return 2 * torch.rand(count, 2, generator=source, dtype=torch.float64) - 1


@cache
def trained() -> MetricNet:
    """A net fitted to values of (1 + r^2) times the plane's metric: rotations are all it has."""
    x = points()
    values = torch.diag_embed((1 + x.square().sum(-1, keepdim=True)).expand(-1, 2))

    def make(seed: int) -> MetricNet:
        torch.manual_seed(seed)
        made: MetricNet = MetricNet(2, "full", (8,)).double()
        return made

    rows = Rows(lambda net, p, g: (net(p) - g).reshape(-1), (x, values))
    found = fit_levenberg_marquardt(make, [rows], multistart=1, stop=Stop(iterations=30))
    assert isinstance(found.model, MetricNet)
    return found.model


@cache
def report() -> KillingReport:
    found: KillingReport = killing_report(trained(), points(), degrees=(1, 2))
    return found


def test_the_rotation_of_a_trained_metric_is_found_and_supported() -> None:
    found = report()
    assert (found.dimension, found.supported) == (1, True)
    assert found.p_untrained == 1 / 20

    def rotation(x: Tensor) -> Tensor:
        return torch.stack([-x[:, 1], x[:, 0]], -1)[:, None]

    angle = principal_angles(trained(), points(), found.fields, rotation)
    # the net is fitted to about 1 %, and so is its symmetry
    assert float(angle.detach()) < 0.03
    assert "1 approximate Killing fields" in str(found)
    assert str(found).splitlines()[0].endswith("supported")


def test_untrained_metrics_are_nearly_flat_and_prove_nothing() -> None:
    """Three fields with a gap of thousands: without the control one would believe it."""
    torch.manual_seed(0)
    found = killing_report(MetricNet(2), points(), degrees=(1, 2))
    assert found.dimension == 3
    assert found.gap > 1e3
    assert not found.supported
    assert {one.dimension for one in found.untrained} == {3}
    assert "not supported beyond the controls" in str(found)


def test_untrained_metrics_are_supported_at_most_as_often_as_the_level_says() -> None:
    """They are exchangeable with their controls: P(p <= 1/4) <= 1/4 for three of them."""
    hits = 0
    for seed in range(40):
        torch.manual_seed(100 + seed)
        one = killing_report(
            MetricNet(2), points(60), (1,), controls=3, seed=1000 + 10 * seed, level=0.75
        )
        hits += one.p_untrained <= 0.25
    # binomial with p = 1/4: 10 on average, standard deviation 2.7; four of these
    assert hits <= 21


def test_a_model_with_charts_is_asked_in_the_coordinates_of_the_data() -> None:
    ndm = model(metric=MetricNet(2, hidden=(6,)))
    found = killing_report(ndm, points(60).float(), degrees=(1,), controls=2)
    direct = killing_report(ndm.field(0), points(60), degrees=(1,), controls=2)
    # the points went through float32
    assert torch.allclose(
        found.spectrum.levels[0].eigenvalues, direct.spectrum.levels[0].eigenvalues, rtol=1e-5
    )
    assert found.fields(points(7)).shape == (7, found.dimension, 2)


def test_the_true_metric_goes_along_as_a_second_control() -> None:
    sphere = ExactMetric("sphere2_stereographic")
    found = killing_report(trained(), points(), (1, 2), controls=1, truth=sphere)
    assert found.spectrum.control is not None
    assert found.spectrum.control.dimension == 3
    assert "the true metric" in str(found)
    assert not found.supported  # one control is not enough for 95 %


def test_a_rough_metric_has_no_symmetry() -> None:
    """No eigenvalue is small, and no verdict is made."""
    torch.manual_seed(0)
    net = MetricNet(2, "full", (12,), spread=3.0).double()
    found = killing_report(net, 1.5 * points(), (1, 2), controls=2, tolerance=1e-3)
    assert found.dimension == 0
    assert (found.p_untrained, found.supported) == (1.0, False)
    assert "no approximate symmetry" in str(found)


def test_degrees_are_chosen_by_the_number_of_unknowns() -> None:
    torch.manual_seed(0)
    x = torch.rand(80, 6, dtype=torch.float64)
    found = killing_report(MetricNet(6, "conformal"), x, controls=1)
    # 6 * binomial(6 + d, d) unknowns: 42, 168, 504
    assert [each.degree for each in found.spectrum.levels] == [1, 2]
    assert math.isfinite(found.gap)


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(DataError, match="1 or more"):
        killing_report(trained(), points(), controls=0)
    with pytest.raises(ModelError, match="nothing to initialise"):
        killing_report(ExactMetric("sphere2_stereographic"), points())
    with pytest.raises(DataError, match="more points"):
        killing_report(trained(), points(5), degrees=(3,), controls=1)
    with pytest.raises(DataError, match="do not fit"):
        killing_figure(report(), torch.zeros(4, 3))


def test_the_picture_has_the_spectrum_and_the_fields() -> None:
    figure = killing_figure(report(), points())
    left, *fields = figure.axes
    assert "1 approximate Killing field: supported" in left.get_title()
    assert len(fields) == 1
    shown = {text.get_text() for text in left.get_legend().get_texts()}
    assert shown == {"19 untrained metrics", "model, degree 1", "model, degree 2"}
    arrows = fields[0].collections[0]
    values = report().fields(points())[:, 0]
    assert torch.tensor(arrows.U).double().allclose(values[: len(arrows.U), 0])
