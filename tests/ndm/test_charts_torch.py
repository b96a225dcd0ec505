"""Maps as torch modules: gradients, torch.func, dtype and device, saving, printing."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.func import functional_call, grad, jacfwd, jacrev, stack_module_state, vmap

from ndm.charts import CoordinateMap, Pad
from tests.ndm.chart_samples import ALL, F32, F64, points, sample

# Couplings of zuko look for the places of ones in a mask, which needs values.
ZUKO_COUPLINGS = ("zuko_realnvp", "zuko_nice")


def _function(chart: CoordinateMap, names: list[str], back: bool) -> Callable[..., object]:
    """The map, or its inverse, as a function of points and parameters."""

    def applied(x: Tensor, *values: Tensor) -> object:
        given = dict(zip(names, values, strict=True))
        if not back:
            return functional_call(chart, given, (x,))
        return functional_call(_Back(chart), _renamed(given, {}), (x,))

    return applied


class _Back(torch.nn.Module):
    def __init__(self, chart: CoordinateMap) -> None:
        super().__init__()
        self.chart = chart

    def forward(self, y: Tensor) -> Tensor:
        return self.chart.inverse(y)


def _renamed(parameters: dict[str, Tensor], buffers: dict[str, Tensor]) -> dict[str, Tensor]:
    """State of a map as the state of its `_Back`."""
    return {f"chart.{key}": value for key, value in {**parameters, **buffers}.items()}


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("name", ALL)
def test_gradients_by_points_and_parameters(name: str, back: bool) -> None:
    chart = sample(name, 2)
    names = [key for key, _ in chart.named_parameters()]
    values = [p.detach().clone().requires_grad_() for p in chart.parameters()]
    x = points((2, 2)).requires_grad_()
    assert torch.autograd.gradcheck(
        _function(chart, names, back), (x, *values), fast_mode=True, atol=1e-6
    )


@pytest.mark.parametrize("name", ["coupling", "monotone", "lu", "stack", "zuko_maf"])
def test_second_gradients(name: str) -> None:
    chart = sample(name, 2)
    x = points((2, 2)).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda z: chart(z), (x,), fast_mode=True)
    assert torch.autograd.gradgradcheck(chart.inverse, (x,), fast_mode=True)


@pytest.mark.parametrize("name", ["coupling", "spline", "monotone", "stack", "inverse"])
def test_a_loss_of_the_jacobian_has_gradients(name: str) -> None:
    """A pulled-back metric is J^T g J: its loss must reach the parameters through J."""
    chart = copy.deepcopy(sample(name, 3))
    x = points((4, 3))

    def loss() -> Tensor:
        jacobian = chart.jacobian(x)
        return (jacobian.mT @ jacobian).pow(2).sum()

    for parameter, slope in zip(
        chart.parameters(), torch.autograd.grad(loss(), list(chart.parameters())), strict=True
    ):
        step = torch.zeros_like(parameter)
        place = int(slope.abs().argmax())
        step.view(-1)[place] = 1e-6
        with torch.no_grad():
            high = (parameter.add_(step), loss())[1]
            low = (parameter.sub_(2 * step), loss())[1]
            parameter.add_(step)
        # central differences: 1e-12 f''' and rounding of 1e-10 of the loss
        expected = (high - low).item() / 2e-6
        assert slope.view(-1)[place].item() == pytest.approx(expected, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_under_torch_func(name: str) -> None:
    chart = sample(name, 3)
    x = points((4, 3))
    y, log_det, jacobian = chart.with_jacobian(x)
    for got, expected in zip(vmap(chart)(x), (y, log_det), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(vmap(chart.inverse)(y), chart.inverse(y), rtol=1e-12, atol=1e-12)
    for mode in (jacfwd, jacrev):
        got = vmap(mode(lambda z: chart(z)[0]))(x)
        torch.testing.assert_close(got, jacobian, rtol=1e-12, atol=1e-12)
        of_inverse = vmap(mode(chart.inverse))(y)
        one = torch.eye(3, dtype=F64).expand(4, 3, 3)
        torch.testing.assert_close(of_inverse @ jacobian, one, rtol=0, atol=1e-9)
    torch.testing.assert_close(vmap(chart.jacobian)(x), jacobian, rtol=1e-12, atol=1e-12)
    slopes = vmap(grad(lambda z: chart(z)[1]))(x)
    torch.testing.assert_close(vmap(jacfwd(lambda z: chart(z)[1]))(x), slopes)


@pytest.mark.parametrize("name", [name for name in ALL if name not in ZUKO_COUPLINGS])
def test_an_ensemble_by_vmap(name: str) -> None:
    charts = [sample(name, 3, seed=seed) for seed in range(3)]
    parameters, buffers = stack_module_state(charts)
    x = points((5, 3))
    y, log_det = vmap(lambda p, b: functional_call(charts[0], (p, b), (x,)))(parameters, buffers)
    back = vmap(lambda p, b: functional_call(_Back(charts[0]), _renamed(p, b), (x,)))(
        parameters, buffers
    )
    for k, chart in enumerate(charts):
        torch.testing.assert_close((y[k], log_det[k]), chart(x), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(back[k], chart.inverse(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ALL)
def test_every_mode_by_parameters(name: str) -> None:
    """Forward and reverse mode agree on derivatives by parameters, twice and under vmap.

    torch's own determinants and solutions do not pass this.
    """
    chart = sample(name, 2)
    values = {key: p.detach() for key, p in chart.named_parameters()}
    first = next(iter(values), None)
    if first is None:
        return
    x = points((3, 2))

    def outputs(t: Tensor, point: Tensor, back: bool) -> Tensor:
        """Along a line of all parameters."""
        moved = {key: value + t * torch.cos(value) for key, value in values.items()}
        if back:
            return functional_call(_Back(chart), _renamed(moved, {}), (point,))
        y, log_det = functional_call(chart, moved, (point,))
        return torch.cat((y, log_det.unsqueeze(-1)), dim=-1)

    t = torch.tensor(0.1, dtype=F64)
    for back in (False, True):
        expected = torch.stack([jacrev(jacrev(outputs))(t, row, back) for row in x])
        for outer, inner in ((jacfwd, jacfwd), (jacfwd, jacrev), (jacrev, jacfwd)):
            got = vmap(lambda row, o=outer, i=inner: o(i(outputs))(t, row, back))(x)  # noqa: B023
            torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", [name for name in ALL if name not in ZUKO_COUPLINGS])
def test_everything_stays_on_the_device_of_the_input(name: str) -> None:
    """On the meta device a tensor made anywhere else cannot be mixed in."""
    chart = copy.deepcopy(sample(name, 3, F32)).to("meta")
    x = torch.empty(4, 3, device="meta")
    for part in (*chart.with_jacobian(x), chart.inverse(x)):
        assert part.device.type == "meta"
        assert part.dtype == F32


def test_padding_follows_its_input() -> None:
    for dtype in (F32, F64):
        assert Pad(2, 3, learned=True)(points((4, 2), dtype)).dtype == dtype
    assert Pad(2, 3)(torch.empty(4, 2, device="meta")).device.type == "meta"


@pytest.mark.parametrize("name", ALL)
def test_dtype(name: str) -> None:
    exact, single = sample(name, 3, F64), sample(name, 3, F32)
    x = points((6, 3))
    for got, expected in zip(single.with_jacobian(x.float()), exact.with_jacobian(x), strict=True):
        assert got.dtype == F32
        assert expected.dtype == F64
        # the same seed gives the same parameters, rounded
        torch.testing.assert_close(got.double(), expected, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("name", ALL)
def test_save_and_load(name: str) -> None:
    chart = sample(name, 3)
    file = io.BytesIO()
    torch.save(chart.state_dict(), file)
    file.seek(0)
    torch.manual_seed(99)
    other = ALL[name](3).double().eval()
    other.load_state_dict(torch.load(file, weights_only=True))
    x = points((5, 3))
    for got, expected in zip(other.with_jacobian(x), chart.with_jacobian(x), strict=True):
        assert torch.equal(got, expected)
    assert torch.equal(other.inverse(x), chart.inverse(x))


@pytest.mark.parametrize("name", ALL)
def test_repr_names_the_map_and_its_size(name: str) -> None:
    chart = sample(name, 3)
    before = torch.random.get_rng_state()
    text = repr(chart)
    assert text.startswith(type(chart).__name__)
    assert "3" in text or "[1, 2, 0]" in text
    # to print a map must not change what is drawn next
    assert torch.equal(torch.random.get_rng_state(), before)


def test_repr_in_full() -> None:
    assert repr(sample("monotone", 3)) == "Monotone(3, boosts=3, max_rapidity=1.0)"
    assert repr(sample("actnorm", 2)) == "ActNorm(2, initialised=False)"
    assert repr(sample("permutation", 3)) == "Permutation([1, 2, 0])"
    assert repr(Pad(2, 4, learned=True)) == "Pad(2 -> 4, learned=True)"
    spline = repr(sample("spline", 3))
    assert "3, bins=4, bound=4.0, parity=0" in spline
    assert "activation=tanh" in spline
    assert repr(sample("zuko_nsf", 3)) == "ZukoMap(3, C^1, [MaskedAutoregressiveTransform])"


@pytest.mark.parametrize("name", ALL)
def test_a_copy_is_independent(name: str) -> None:
    chart = sample(name, 3)
    x = points((2, 3))
    before = chart(x)[0]
    other = copy.deepcopy(chart)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1)
    assert torch.equal(chart(x)[0], before)
    if list(other.parameters()):
        assert not torch.equal(other(x)[0], before)
