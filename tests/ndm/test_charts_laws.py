"""Laws of coordinate maps: inverses, determinants, orientation, composition (R5, R13 to R16)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ndm.charts import Composition, CoordinateMap, Inverse, LUAffine, diagnose
from tests.ndm.chart_samples import ALL, ALONE, F32, F64, SINGLE, points, sample, tensors

CASES = [(name, n) for name in ALL for n in (2, 5)] + [(name, 1) for name in ALONE]
# An affine map with det < 0, and a stack with the permutation (2, 1, 0), which is odd.
REVERSING = ("reflection", "stack")
UNIT = {F32: 2.0**-24, F64: 2.0**-53}
# Far out, but not so far that squares of intermediate results could overflow.
FAR = {F32: 1e30, F64: 1e150}


def _difference(got: Tensor, expected: Tensor) -> float:
    """Largest error of a row, relative to 1 + the largest coordinate of that row."""
    size = 1 + expected.abs().amax(-1, keepdim=True)
    worst: float = ((got - expected).abs() / size).max().item()
    return worst


def _autograd_jacobian(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Reverse mode, a row of the Jacobian at a time for all points of a batch (B, n) at once."""
    x = x.detach().requires_grad_()
    y = function(x)
    rows = [torch.autograd.grad(y[:, i].sum(), x, retain_graph=True)[0] for i in range(x.shape[-1])]
    return torch.stack(rows, dim=-2)


@pytest.mark.parametrize(("name", "n"), CASES)
def test_round_trip(name: str, n: int) -> None:
    chart = sample(name, n)
    x = 2 * points((200, n))
    # R5 and R13 ask for 1e-10; the bins of splines can be steep, which costs a digit or two
    assert _difference(chart.inverse(chart(x)[0]), x) < 1e-12
    assert _difference(chart(chart.inverse(x))[0], x) < 1e-12


@pytest.mark.parametrize(("name", "n"), CASES)
def test_round_trip_in_single_precision(name: str, n: int) -> None:
    chart = sample(name, n, F32)
    x = points((200, n), F32)
    assert chart(x)[0].dtype == chart.inverse(x).dtype == F32
    # 2^29 times the unit of float64, and the 1e-12 of above
    assert _difference(chart.inverse(chart(x)[0]), x) < 1e-4
    assert _difference(chart(chart.inverse(x))[0], x) < 1e-4


@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.parametrize("dtype", [F32, F64])
@given(data=st.data())
def test_round_trip_of_extreme_points(name: str, dtype: torch.dtype, data: st.DataObject) -> None:
    chart = sample(name, 3, dtype)
    x = data.draw(tensors(3, dtype, FAR[dtype]))
    y, log_det = chart(x)
    assert torch.isfinite(y).all()
    assert torch.isfinite(log_det).all()
    # One map has no more than a few dozen roundings, whose effect its slopes (between e^-2 and e^2
    # at the most) can multiply; a spline's bins have slopes up to e^4 and their inverse a root.
    bound = 4000 * UNIT[dtype]
    assert _difference(chart.inverse(y), x) < bound
    assert _difference(chart(chart.inverse(x))[0], x) < bound


@pytest.mark.parametrize("dtype", [F32, F64])
@given(data=st.data())
def test_a_stack_at_extreme_points(dtype: torch.dtype, data: st.DataObject) -> None:
    """Far out a stack of couplings is badly conditioned: measured by its own Jacobian."""
    chart = sample("stack", 3, dtype)
    x = data.draw(tensors(3, dtype, 1e3))
    exact = diagnose(sample("stack", 3, F64), x.to(F64))
    error = _difference(chart.inverse(chart(x)[0]), x)
    assert error < 1000 * UNIT[dtype] * exact.condition


@pytest.mark.parametrize("name", ALL)
def test_r5_trace_and_back(name: str) -> None:
    """R5: running the last coordinates back gives the first, to 1e-10, and to 1e-6 in float32."""
    for dtype, tolerance in ((F64, 1e-10), (F32, 1e-6)):
        torch.manual_seed(3)
        chart = Composition(ALL[name](4), ALL[name](4)).to(dtype)  # as a network starts
        x = points((64, 4), dtype)
        path = chart.trace(x)
        assert len(path) == 3
        assert torch.equal(path[0], x)
        assert torch.equal(path[1], chart[0](x)[0])
        assert torch.equal(path[2], chart(x)[0])
        assert _difference(chart.inverse(path[-1]), x) < tolerance
        assert _difference(chart[1].inverse(path[2]), path[1]) < tolerance


@pytest.mark.parametrize(("name", "n"), CASES)
def test_log_det_and_jacobian(name: str, n: int) -> None:
    """R14: the log-det and the Jacobian are those that reverse-mode autograd finds."""
    chart = sample(name, n)
    x = 2 * points((20, n))
    y, log_det, jacobian = chart.with_jacobian(x)
    expected = _autograd_jacobian(lambda z: chart(z)[0], x)
    torch.testing.assert_close(jacobian, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(torch.linalg.slogdet(expected)[1], log_det, rtol=0, atol=1e-9)
    torch.testing.assert_close(chart(x), (y, log_det), rtol=1e-14, atol=1e-14)
    assert torch.equal(chart.jacobian(x), jacobian)


@pytest.mark.parametrize(("name", "n"), CASES)
def test_analytic_and_automatic_jacobian_agree(name: str, n: int) -> None:
    chart = sample(name, n)
    x = points((2, 5, n))
    automatic = CoordinateMap._with_jacobian(chart, x)
    for got, expected in zip(chart.with_jacobian(x), automatic, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ALL)
def test_orientation_is_the_same_everywhere(name: str) -> None:
    """R13: the sign of det J is constant, and its smallest singular value is reported."""
    chart = sample(name, 3)
    near = diagnose(chart, points((200, 3)))
    far = diagnose(chart, 30 * points((200, 3)))
    assert near.orientation == far.orientation != 0
    assert near.orientation == (-1 if name in REVERSING else 1)
    assert 0 < near.smallest_singular_value <= near.largest_singular_value
    assert near.log_det_error < 1e-9
    assert near.round_trip_error < 1e-12


@given(seed=st.integers(0, 10**6), size=st.floats(0.01, 20))
def test_the_determinant_of_lu_is_positive_whatever_its_parameters(seed: int, size: float) -> None:
    """R15: det L U = exp(trace of the packed matrix) > 0."""
    torch.manual_seed(seed)
    chart = LUAffine(4).to(F64)
    with torch.no_grad():
        chart.packed.copy_(size * torch.randn(4, 4, dtype=F64))
    lower, upper = chart.factors()
    assert torch.equal(lower, torch.tril(lower))
    assert torch.equal(upper, torch.triu(upper))
    assert (torch.diagonal(lower) == 1).all()
    assert (torch.diagonal(upper) > 0).all()
    log_det = chart(torch.zeros(4, dtype=F64))[1]
    # the product of the diagonals, in logarithms
    expected = torch.log(torch.diagonal(upper)).sum()
    assert abs(log_det.item() - expected.item()) <= 1e-12 * (1 + abs(expected.item()))


@pytest.mark.parametrize("first", ["coupling", "monotone", "affine"])
@pytest.mark.parametrize("second", ["coupling_1", "spline", "permutation", "zuko_maf"])
def test_functoriality(first: str, second: str) -> None:
    """R16: the Jacobian of a composition is the product, its log-det the sum."""
    f, g = sample(first, 3), sample(second, 3)
    x = points((30, 3))
    both = Composition(f, g)
    y, log_f = f(x)
    z, log_g = g(y)
    torch.testing.assert_close(both(x), (z, log_f + log_g), rtol=0, atol=0)
    expected = torch.einsum("...ij,...jk->...ik", g.jacobian(y), f.jacobian(x))
    # against the autograd Jacobian of the composition as one function: no chain rule of ours
    whole = _autograd_jacobian(lambda p: g(f(p)[0])[0], x)
    assert (whole - expected).abs().max().item() < 1e-9
    assert (both.jacobian(x) - whole).abs().max().item() < 1e-9


def test_composition_is_associative() -> None:
    f, g, h = sample("coupling", 3), sample("spline", 3), sample("lu", 3)
    x = points((10, 3))
    left, right = Composition(Composition(f, g), h), Composition(f, Composition(g, h))
    torch.testing.assert_close(left(x), right(x), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("name", ALL)
def test_inverse_map(name: str) -> None:
    chart = sample(name, 3)
    back = Inverse(chart)
    x = points((20, 3))
    y, log_det = chart(x)
    again, minus = back(y)
    torch.testing.assert_close(again, x, rtol=0, atol=1e-12)
    torch.testing.assert_close(minus, -log_det, rtol=0, atol=1e-10)
    torch.testing.assert_close(back.inverse(x), y, rtol=0, atol=0)
    one = torch.eye(3, dtype=F64).expand(20, 3, 3)
    torch.testing.assert_close(back.jacobian(y) @ chart.jacobian(x), one, rtol=0, atol=1e-10)
    assert back.smoothness == chart.smoothness


@pytest.mark.parametrize(("name", "n"), CASES)
def test_leading_dimensions(name: str, n: int) -> None:
    chart = sample(name, n)
    x = points((2, 3, n))
    y, log_det, jacobian = chart.with_jacobian(x)
    assert y.shape == (2, 3, n)
    assert log_det.shape == (2, 3)
    assert jacobian.shape == (2, 3, n, n)
    one = chart.with_jacobian(x[1, 2])
    for got, expected in zip(one, (y[1, 2], log_det[1, 2], jacobian[1, 2]), strict=True):
        # a batch of one goes through other routines of linear algebra
        torch.testing.assert_close(got, expected, rtol=1e-13, atol=1e-13)
    empty = chart.with_jacobian(x[:, :0])
    assert [tuple(part.shape) for part in empty] == [(2, 0, n), (2, 0), (2, 0, n, n)]
    assert chart.inverse(x[:, :0]).shape == (2, 0, n)


@pytest.mark.parametrize(("name", "n"), CASES)
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_row_that_is_not_finite_stays_so_and_alone(name: str, n: int, bad: float) -> None:
    chart = sample(name, n)
    x = points((4, n))
    spoilt = x.clone()
    spoilt[1, n // 2] = bad
    others = [0, 2, 3]
    for got, expected in (
        (chart(spoilt)[0], chart(x)[0]),
        (chart.inverse(spoilt), chart.inverse(x)),
    ):
        assert not torch.isfinite(got[1]).all()
        assert torch.equal(got[others], expected[others])
