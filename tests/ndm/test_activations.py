"""Activations against mpmath's derivatives, and the refusal of those with kinks."""

from __future__ import annotations

from typing import Any

import mpmath
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ndm.activations import KINKED, NAMES, activation, kinked_modules, refuse_kinks
from ndm.errors import ModelError

EXACT: dict[str, Any] = {
    "tanh": mpmath.tanh,
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "gelu": lambda x: x * mpmath.ncdf(x),
}
PLACES = [-45.0, -20.5, -19.9, -6.0, -1.25, -1e-3, 0.0, 0.3, 1.0, 3.7, 19.9, 20.1, 39.5, 45.0]


@pytest.mark.parametrize("name", NAMES)
def test_derivatives_agree_with_high_precision(name: str) -> None:
    x = torch.tensor(PLACES, dtype=torch.float64)
    got = activation(name).derivatives(x, 3)
    with mpmath.workdps(60):
        for order, values in enumerate(got):
            for place, value in zip(PLACES, values.tolist(), strict=True):
                exact = mpmath.diff(EXACT[name], mpmath.mpf(place), order)
                # a few roundings of numbers of size up to |x| (the value) or 1 (derivatives)
                assert abs(value - exact) <= 1e-15 * (4 + 4 * abs(exact)), (order, place)


@pytest.mark.parametrize("name", NAMES)
def test_derivatives_agree_with_autograd(name: str) -> None:
    function = activation(name)
    x = torch.linspace(-30, 30, 241, dtype=torch.float64, requires_grad=True)
    expected = function(x)
    for order in range(4):
        got = function.derivatives(x, order)
        assert len(got) == order + 1
        torch.testing.assert_close(got[order], expected, rtol=0, atol=5e-15)
        (expected,) = torch.autograd.grad(expected.sum(), x, create_graph=True)


@pytest.mark.parametrize("name", NAMES)
@given(x=st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_finite_input_gives_finite_derivatives(name: str, x: float) -> None:
    for dtype in (torch.float32, torch.float64):
        for values in activation(name).derivatives(torch.tensor(x, dtype=dtype), 3):
            assert values.dtype == dtype
            assert torch.isfinite(values)


@pytest.mark.parametrize("name", NAMES)
def test_nan_stays_nan(name: str) -> None:
    for values in activation(name).derivatives(torch.tensor([float("nan"), 0.5]), 3):
        assert torch.isnan(values).tolist() == [True, False]


@pytest.mark.parametrize("name", NAMES)
def test_gradients_of_the_derivatives(name: str) -> None:
    x = torch.tensor([-2.0, -0.1, 0.4, 3.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: activation(name).derivatives(z, 3), (x,))


@pytest.mark.parametrize("name", [*KINKED, "ReLU", "LeakyReLU"])
def test_kinked_names_are_refused(name: str) -> None:
    with pytest.raises(ModelError, match="not twice continuously differentiable"):
        activation(name)


@pytest.mark.parametrize("name", ["tahn", "", "swish2", None, 3, nn.Tanh])
def test_unknown_names_are_refused(name: Any) -> None:
    with pytest.raises(ModelError, match="must be one of gelu, silu, softplus, tanh"):
        activation(name)


def test_a_slip_of_the_pen_is_recognised() -> None:
    with pytest.raises(ModelError, match="did you mean 'softplus'"):
        activation("softpluss")


@pytest.mark.parametrize(
    "kinked", [nn.ReLU(), nn.LeakyReLU(), nn.ELU(), nn.PReLU(), nn.Hardtanh(), nn.ReLU6()]
)
def test_kinks_are_found_inside_of_modules(kinked: nn.Module) -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Tanh(), kinked))
    name = f"1.1 ({type(kinked).__name__})"
    assert kinked_modules(net) == (name,)
    assert kinked_modules(kinked) == (f"itself ({type(kinked).__name__})",)
    with pytest.raises(ModelError, match=r"the metric net contains .*1\.1"):
        refuse_kinks(net, "the metric net")


def test_smooth_modules_pass() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Softplus(), nn.SiLU(), nn.GELU())
    assert kinked_modules(net) == ()
    refuse_kinks(net, "the net")
