"""Condition numbers up to 1e12: handled where that can be, and said where not (R67)."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from ndm.analysis import connect, flat_regions, geometry_map
from ndm.charts import CoordinateMap, coordinate_map
from ndm.errors import ModelError, TrainingError
from ndm.geometry import ExactMetric, PulledBack
from ndm.heads import LinearHead
from ndm.metric_net import MetricNet
from ndm.model import NDM
from ndm.training import evaluate, train
from ndm.training.module import NdmModule
from tests.ndm.oracles import F32, F64, points
from tests.ndm.training_samples import tiny

CONDITIONS = (1e0, 1e4, 1e8, 1e12)


class Stretched(CoordinateMap):
    """y = (s x^1, x^2 / s): the pullback of a conformal metric has condition number s^4."""

    def __init__(self, condition: float) -> None:
        super().__init__(2)
        s = condition**0.25
        self.register_buffer("scale", torch.tensor([s, 1 / s], dtype=F64))

    def _forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x * self.scale, torch.zeros_like(x[..., 0])

    def _inverse(self, y: torch.Tensor) -> torch.Tensor:
        return y / self.scale


@pytest.mark.parametrize("condition", CONDITIONS)
def test_maps_and_geodesics_of_a_stretched_half_plane(condition: float) -> None:
    phi = Stretched(condition)
    field = PulledBack(ExactMetric("hyperbolic_plane_half"), phi)
    ends = [torch.tensor(one, dtype=F64) for one in ([[0.0, 1.0]], [[0.5, 2.0]])]
    p, q = (phi.inverse(end) for end in ends)
    found = connect(field, p, q, tolerance=1e-6)
    expected = 2 * torch.asinh(torch.tensor(math.sqrt(1.25) / (2 * math.sqrt(2.0))))
    # joined in the metric's own chart, where nothing is stretched
    assert found.distance.item() == pytest.approx(expected.item(), rel=1e-6)
    (u0, v0), (u1, v1) = p[0].tolist(), q[0].tolist()
    shown = geometry_map(field, ((u0, u1), (v0, v1)), 3)
    assert (shown.curvature + 2).abs().max() < 1e-12
    # eigenvalues are good to rounding times the largest, the ratio to rounding times itself
    error = (shown.condition / condition - 1).abs().max()
    assert error < 1e-14 * condition + 1e-12
    assert flat_regions(field, torch.cat((p, q))).share == 0


def _stiff(condition: float, dtype: torch.dtype) -> NDM:
    """A model whose metric is diag(c, 1/c) everywhere, c^2 the condition number."""
    torch.manual_seed(0)
    field = MetricNet(2, "diagonal", (4,), eps=1e-12).to(dtype)
    with torch.no_grad():
        field.net.layers[-1].weight.zero_()
        roots = torch.tensor([condition**0.25, condition**-0.25], dtype=F64)
        inverse = roots + torch.log(-torch.expm1(-roots))  # of softplus
        field.net.layers[-1].bias.copy_(inverse - field.parametrisation.shift)
    maps = [coordinate_map("affine_coupling", 2)]
    made: NDM = NDM(maps, LinearHead(2, 2), field).to(dtype)
    return made


@pytest.mark.parametrize("dtype", [F32, F64])
@pytest.mark.parametrize("condition", CONDITIONS)
def test_figures_report_the_condition_number(condition: float, dtype: torch.dtype) -> None:
    model = _stiff(condition, dtype)
    found = evaluate(model, points(9, 2, dtype=dtype), torch.zeros(9).long(), "classification")
    # softplus at -7 in single precision keeps 4 digits, its square 3
    assert found["condition_number"] == pytest.approx(condition, rel=2e-2)
    assert found["least_eigenvalue"] == pytest.approx(condition**-0.5, rel=2e-2)
    assert abs(found["mean_curvature"]) < 1e-6  # constant: flat


def _singular(field: MetricNet) -> None:
    """L = [[1e6, 0], [1e6, 1e-6]]: rounding leaves nothing of the small eigenvalue."""
    with torch.no_grad():
        field.net.layers[-1].weight.zero_()
        field.net.layers[-1].bias.copy_(torch.tensor([1e6, 1e6, -14.0]))


def test_a_metric_beyond_its_number_type_is_an_error_with_a_remedy() -> None:
    field = MetricNet(2, "full", (4,), eps=1e-12)
    _singular(field)
    for call in (field.scalar_curvature, field.log_volume, field.inverse):
        with pytest.raises(ModelError, match=r"not positive definite.*enlarge eps"):
            call(torch.zeros(3, 2))


def test_training_stops_at_such_a_metric_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the second epoch, after its last step: the first look is that at the validation data."""
    whole = NdmModule.on_train_epoch_end

    def spoiled(self: NdmModule) -> None:
        if self.current_epoch == 1:
            _singular(next(m for m in self.model.modules() if isinstance(m, MetricNet)))
        whole(self)

    monkeypatch.setattr(NdmModule, "on_train_epoch_end", spoiled)
    said = r"^epoch 2, .*geometry at the validation data.*positive definite.*last\.ckpt"
    with pytest.raises(TrainingError, match=said):
        train(tiny("model.layers=1"), tmp_path)


def test_training_stops_when_the_metric_forgets_the_data(tmp_path: Path) -> None:
    """The paper's loss is least for a constant metric (N1)."""
    said = r"^epoch 1, .*the metric has forgotten the data: it varies by .*variation_floor = 10"
    with pytest.raises(TrainingError, match=said):
        train(tiny("loss.variation_floor=10"), tmp_path / "a")
    assert train(tiny("loss.variation_floor=0", "trainer.epochs=1"), tmp_path / "b").seeds
