"""Smoothness of maps (R3): second differences converge at order 2, and splines say that they don't.

The second derivative along a line, exact by forward-mode differentiation twice, is compared with
(f(x + hv) - 2 f(x) + f(x - hv)) / h^2. For a C^4 function the difference is h^2 f''''/12 + O(h^4),
so halving h divides it by four.
"""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

from ndm.activations import NAMES
from ndm.charts import (
    SMOOTH,
    AffineCoupling,
    Composition,
    CoordinateMap,
    SplineCoupling,
    coordinate_map,
    require_smoothness,
    zuko_flow,
)
from ndm.errors import ModelError
from tests.ndm.chart_samples import ALL, F64, points, sample

SPLINES = ("spline", "spline_1", "inverse_spline", "zuko_nsf")
LINEAR = ("lu", "affine", "reflection", "actnorm", "permutation")
CURVED = tuple(name for name in ALL if name not in (*SPLINES, *LINEAR))


def _second(chart: CoordinateMap, x: Tensor, v: Tensor) -> Tensor:
    """Second derivatives of y and log det along v, by forward mode twice."""

    def along(t: Tensor) -> Tensor:
        y, log_det = chart(x + t * v)
        return torch.cat((y, log_det.unsqueeze(-1)), dim=-1)

    zero = torch.zeros((), dtype=x.dtype)
    return torch.func.jacfwd(torch.func.jacfwd(along))(zero)


def _difference(chart: CoordinateMap, x: Tensor, v: Tensor, h: float) -> Tensor:
    values = []
    for step in (-h, 0.0, h):
        y, log_det = chart(x + step * v)
        values.append(torch.cat((y, log_det.unsqueeze(-1)), dim=-1))
    return (values[0] - 2 * values[1] + values[2]) / h**2


def _errors(chart: CoordinateMap, x: Tensor, v: Tensor, steps: tuple[float, ...]) -> list[float]:
    exact = _second(chart, x, v)
    return [(_difference(chart, x, v, h) - exact).detach().norm().item() for h in steps]


@pytest.mark.parametrize("name", CURVED)
def test_second_differences_converge_at_order_two(name: str) -> None:
    chart = sample(name, 3)
    errors = _errors(chart, points((50, 3)), points((3,), seed=2), (0.04, 0.02, 0.01))
    assert errors[0] > 1e-7  # there is something to converge, far above rounding (1e-16 / h^2)
    for coarse, fine in itertools.pairwise(errors):
        # 2 + O(h^2); rounding is 1e-12 of this
        assert 1.95 < torch.log2(torch.tensor(coarse / fine)).item() < 2.05


@pytest.mark.parametrize("name", LINEAR)
def test_second_derivatives_of_linear_maps_vanish(name: str) -> None:
    chart = sample(name, 3)
    x, v = points((5, 3)), points((3,), seed=2)
    assert not _second(chart, x, v).detach().any()
    # rounding of values of size 10, divided by h^2
    assert _errors(chart, x, v, (0.1,))[0] < 1e-11


def test_the_second_derivative_of_a_spline_jumps() -> None:
    """The control: at a knot the differences do not converge to either side."""
    chart = SplineCoupling(1, bins=4).double()
    with torch.no_grad():
        chart.raw.copy_(points((11,)))
    knot = chart._knots(torch.empty(0, dtype=F64)).x[0, 2:3].detach()
    errors = _errors(chart, knot, torch.ones(1, dtype=F64), (1e-2, 1e-3))
    assert min(errors) > 0.05
    # and away from the knots they do converge
    errors = _errors(chart, knot + 0.3, torch.ones(1, dtype=F64), (2e-2, 1e-2))
    assert 3.9 < errors[0] / errors[1] < 4.1


def test_the_first_derivative_of_a_spline_is_continuous() -> None:
    chart = SplineCoupling(1, bins=5).double()
    with torch.no_grad():
        chart.raw.copy_(points((14,)))
    knots = chart._knots(torch.empty(0, dtype=F64))
    for place in knots.x[0].detach():
        low, high = (chart.jacobian((place + side * 1e-9).reshape(1)).detach() for side in (-1, 1))
        # the second derivative (of size 10) times the distance of 2e-9
        torch.testing.assert_close(low, high, rtol=0, atol=1e-7)


@pytest.mark.parametrize("name", ALL)
def test_what_is_stated(name: str) -> None:
    assert sample(name, 3).smoothness == (1 if name in SPLINES else SMOOTH)


@pytest.mark.parametrize("name", SPLINES)
def test_curvature_refuses_splines(name: str) -> None:
    chart = sample(name, 3)
    require_smoothness(chart, 1, "a density")
    for refused in (chart, Composition(sample("coupling", 3), chart)):
        with pytest.raises(ModelError, match=r"curvature needs .* 2 continuous .* only C\^1"):
            require_smoothness(refused, 2, "curvature")


@pytest.mark.parametrize("name", [*CURVED, *LINEAR])
def test_curvature_accepts_the_others(name: str) -> None:
    require_smoothness(sample(name, 3), 3, "curvature")


class _Homemade(CoordinateMap):
    """A map with a kink inside, which states nothing of its smoothness."""

    def __init__(self) -> None:
        super().__init__(2)
        self.net = nn.Sequential(nn.Linear(1, 4), nn.ReLU(), nn.Linear(4, 1))

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        shift = self.net(x[..., :1])
        return torch.cat((x[..., :1], x[..., 1:] + shift), -1), torch.zeros_like(x[..., 0])


def test_kinks_inside_of_a_map_are_found() -> None:
    with pytest.raises(ModelError, match=r"curvature contains .*maps\.1\.net\.1 \(ReLU\)"):
        require_smoothness(Composition(sample("lu", 2), _Homemade()), 2, "curvature")


@pytest.mark.parametrize("kinked", ["relu", "leaky_relu", "elu", "hardtanh", "relu6", "selu"])
def test_kinked_activations_are_refused_by_every_map(kinked: str) -> None:
    for kind in ("affine_coupling", "spline", "flow", "zuko_maf", "zuko_realnvp"):
        with pytest.raises(ModelError, match="not twice continuously differentiable"):
            coordinate_map(kind, 3, activation=kinked)


@pytest.mark.parametrize("activation", NAMES)
def test_every_smooth_activation_is_accepted(activation: str) -> None:
    x = points((10, 3), torch.float32)
    for chart in (
        AffineCoupling(3, activation=activation),
        zuko_flow("maf", 3, activation=activation, hidden=(4,)),
    ):
        torch.testing.assert_close(chart.inverse(chart(x)[0]), x, rtol=1e-5, atol=1e-5)
