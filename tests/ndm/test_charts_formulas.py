"""Maps against closed forms and against other implementations."""

from __future__ import annotations

import copy
import itertools

import mpmath
import numpy as np
import pytest
import torch
import zuko
from hypothesis import given
from hypothesis import strategies as st

from ndm.charts import (
    Affine,
    AffineCoupling,
    Composition,
    LUAffine,
    Monotone,
    Pad,
    Permutation,
    SplineCoupling,
)
from ndm.charts.monotone import boost, boost_back
from ndm.charts.rational_quadratic import Knots, backward, forward, knots
from tests.ndm.chart_samples import F64, points, sample


def test_affine_coupling_written_out() -> None:
    chart = sample("coupling", 5)
    assert isinstance(chart, AffineCoupling)
    state = {name: value.numpy() for name, value in chart.state_dict().items()}
    x = points((7, 5)).numpy()
    hidden = x[:, :3]
    for layer in (0, 1):
        w, b = state[f"net.layers.{layer}.weight"], state[f"net.layers.{layer}.bias"]
        hidden = np.tanh(hidden @ w.T + b)
    raw = hidden @ state["net.layers.2.weight"].T + state["net.layers.2.bias"]
    s = 2 * np.tanh(raw[:, :2] / 2)
    expected = np.concatenate([x[:, :3], x[:, 3:] * np.exp(s) + raw[:, 2:]], axis=1)
    y, log_det = chart(torch.as_tensor(x))
    np.testing.assert_allclose(y.detach().numpy(), expected, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(log_det.detach().numpy(), s.sum(1), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("n", [2, 3, 4, 7])
def test_two_parities_change_every_coordinate(n: int) -> None:
    x = points((n,), torch.float32)
    changed = []
    for parity in (0, 1):
        torch.manual_seed(0)
        changed.append((AffineCoupling(n, parity=parity)(x)[0] != x).tolist())
    assert changed[0] == [i >= n - n // 2 for i in range(n)]
    assert [a != b for a, b in zip(*changed, strict=True)] == [True] * n


@given(bound=st.floats(0.1, 5.0), size=st.floats(0.0, 1e6))
def test_log_scales_are_bounded(bound: float, size: float) -> None:
    chart = AffineCoupling(4, hidden=(3,), max_log_scale=bound).double()
    with torch.no_grad():
        for parameter in chart.parameters():
            parameter.copy_(size * points(tuple(parameter.shape)))
    log_det = chart(points((20, 4)))[1]
    # two coordinates change; the bound itself may be reached by rounding
    assert log_det.abs().max().item() <= 2 * bound * (1 + 1e-15)


def test_lu_and_affine_against_numpy() -> None:
    for name in ("lu", "affine", "reflection"):
        chart = sample(name, 4)
        assert isinstance(chart, LUAffine | Affine)
        matrix = chart.matrix() if isinstance(chart, LUAffine) else chart.matrix
        a, b = matrix.detach().numpy(), chart.shift.detach().numpy()
        x = points((6, 4)).numpy()
        y, log_det = chart(torch.as_tensor(x))
        np.testing.assert_allclose(y.detach().numpy(), x @ a.T + b, rtol=1e-13, atol=1e-13)
        expected = np.linalg.slogdet(a)[1]
        np.testing.assert_allclose(log_det.detach().numpy(), np.full(6, expected), atol=1e-13)
        back = np.linalg.solve(a, (x - b).T).T
        got = chart.inverse(torch.as_tensor(x)).detach().numpy()
        np.testing.assert_allclose(got, back, rtol=1e-12, atol=1e-12)


def test_affine_from_a_matrix() -> None:
    matrix = torch.tensor([[0.0, 2.0], [-3.0, 0.0]], dtype=F64)
    shift = torch.tensor([1.0, 0.0], dtype=F64)
    chart = Affine(2, matrix=matrix, shift=shift)
    y, log_det = chart(torch.tensor([5.0, 7.0], dtype=F64))
    assert y.tolist() == [15.0, -15.0]
    assert log_det.item() == pytest.approx(float(np.log(6)), abs=1e-15)
    matrix.zero_()  # the map holds a copy
    assert chart.matrix[0, 1].item() == 2.0


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_permutation(order: tuple[int, ...]) -> None:
    chart = Permutation(order)
    x = points((4, 3))
    y, log_det = chart(x)
    assert y.tolist() == [[row[i] for i in order] for row in x.tolist()]
    assert not log_det.any()
    assert torch.equal(chart.inverse(y), x)
    inversions = sum(a > b for a, b in itertools.combinations(order, 2))
    assert torch.linalg.det(chart.jacobian(x[0])).item() == (-1) ** inversions


@given(
    u=st.floats(-1e12, 1e12),
    b=st.floats(-1.0, 1.0),
)
def test_boost_against_high_precision(u: float, b: float) -> None:
    moved, log_slope = boost(torch.tensor(u, dtype=F64), torch.tensor(b, dtype=F64))
    with mpmath.workdps(400):  # subnormal u, in a difference of numbers of size 1
        exact = mpmath.sinh(mpmath.asinh(u) + b) - mpmath.sinh(b)
        slope = mpmath.cosh(mpmath.asinh(u) + b) / mpmath.cosh(mpmath.asinh(u))
        # cosh b u and sinh b (sqrt(1+u^2) - 1) may cancel to e^-b of e^b: a factor e^2, and four
        # roundings of each
        assert abs(moved.item() - exact) <= 8e-15 * abs(exact) + 1e-300
        assert abs(log_slope.item() - mpmath.log(slope)) <= 8e-15
    back = boost_back(moved, torch.tensor(b, dtype=F64))
    assert abs(back.item() - u) <= 1e-13 * abs(u)


def test_boosts_fix_their_centre_and_bend_both_ways() -> None:
    u, b = torch.tensor([-1e9, 0.0, 1e9], dtype=F64), torch.tensor(0.5, dtype=F64)
    moved, log_slope = boost(u, b)
    assert moved[1].item() == 0.0
    expected = torch.tensor([-0.5, np.log(np.cosh(0.5)), 0.5], dtype=F64)
    torch.testing.assert_close(log_slope, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("bound", [0.25, 1.0, 2.0])
def test_rapidities_are_bounded(bound: float) -> None:
    chart = Monotone(2, boosts=1, max_rapidity=bound).double()
    with torch.no_grad():
        chart.raw_rapidity.copy_(torch.tensor([[1e-6, -1e6]], dtype=F64))
    # b ~ raw near zero, and the bound far out
    small, large = chart.rapidity()[0].tolist()
    assert small == pytest.approx(1e-6, rel=1e-9)
    assert large == -bound


@given(data=st.data())
def test_monotone_maps_are_monotone(data: st.DataObject) -> None:
    chart = copy.deepcopy(sample("monotone", 1))
    assert isinstance(chart, Monotone)
    number = st.floats(-1e6, 1e6)
    with torch.no_grad():
        for parameter in chart.parameters():
            drawn = data.draw(st.lists(st.floats(-3, 3), min_size=3, max_size=3))
            parameter.copy_(torch.tensor(drawn, dtype=F64).unsqueeze(-1))
    low, high = sorted([data.draw(number), data.draw(number)])
    y = chart(torch.tensor([[low], [high]], dtype=F64))[0]
    # monotone, up to the rounding of two places that are (almost) the same
    assert (y[1] - y[0]).item() >= -1e-13 * (1 + abs(y[0].item()))
    if high - low > 1e-9 * (1 + abs(low)):
        assert (y[1] > y[0]).item()


def _spline(seed: int, bins: int = 6) -> Knots:
    return knots(2 * points((9, 3 * bins - 1), seed=seed), bins, 3.0, 2.0)


def test_spline_interpolates_its_knots() -> None:
    spline = _spline(1)
    assert (spline.x[:, 0] == -3).all()
    assert (spline.y[:, -1] == 3).all()
    assert (spline.x.diff() > 0).all()
    assert (spline.y.diff() > 0).all()
    each = Knots(*(part.unsqueeze(1).expand(-1, 7, -1) for part in spline))
    y, log_slope = forward(spline.x, each)
    torch.testing.assert_close(y, spline.y, rtol=0, atol=1e-14)
    torch.testing.assert_close(log_slope, torch.log(spline.slope), rtol=0, atol=1e-13)
    torch.testing.assert_close(backward(spline.y, each), spline.x, rtol=0, atol=1e-14)


def test_spline_against_zuko() -> None:
    spline = _spline(2)
    theirs = zuko.transforms.MonotonicRQSTransform(
        torch.zeros(9, 6), torch.zeros(9, 6), torch.zeros(9, 5), bound=3.0
    )
    theirs.horizontal, theirs.vertical, theirs.derivatives = spline
    for x in 4 * points((30, 9), seed=5):
        y, log_slope = forward(x, spline)
        expected, expected_slope = theirs.call_and_ladj(x)
        torch.testing.assert_close(y, expected, rtol=0, atol=1e-13)
        torch.testing.assert_close(log_slope, expected_slope, rtol=0, atol=1e-12)
        torch.testing.assert_close(backward(y, spline), x, rtol=0, atol=1e-12)


def _root(y: float, spline: Knots) -> tuple[mpmath.mpf, mpmath.mpf]:
    """The place where one spline has the value y, by bisection, and its slope there."""
    x, values, slopes = ([mpmath.mpf(v) for v in part.tolist()] for part in spline)
    k = max(i for i, value in enumerate(values[:-1]) if value <= y)
    w, h = x[k + 1] - x[k], values[k + 1] - values[k]

    def value(u: mpmath.mpf) -> mpmath.mpf:
        s, v = h / w, u * (1 - u)
        bend = slopes[k] + slopes[k + 1] - 2 * s
        return values[k] + h * (s * u * u + slopes[k] * v) / (s + bend * v)

    low, high = mpmath.mpf(0), mpmath.mpf(1)
    for _ in range(110):
        middle = (low + high) / 2
        low, high = (middle, high) if value(middle) < y else (low, middle)
    return x[k] + w * low, mpmath.diff(value, low) / w


@pytest.mark.parametrize(("size", "flat"), [(1e-4, 1.001), (100.0, 0.01)])
def test_inverse_spline_is_as_exact_as_its_slope_allows(size: float, flat: float) -> None:
    """Flat bins carry the rounding of y back as rounding / slope, and nothing is added to that."""
    spline = knots(size * points((30, 23), seed=3), 8, 4.0, 2.0)
    rows = torch.arange(30)
    k = (spline.y.diff() / spline.x.diff()).argmin(-1)  # the flattest bin: its middle, an end, ...
    values = (spline.y[rows, k] + spline.y[rows, k + 1]) / 2
    values[::3] = spline.y[rows, k][::3] + 1e-9
    values[1::3] = 3.999 * torch.tanh(points((10,), seed=4))  # ... or anywhere
    slopes = []
    with mpmath.workdps(40):
        for row, (y, x) in enumerate(zip(values.tolist(), backward(values, spline), strict=True)):
            exact, slope = _root(y, Knots(*(part[row] for part in spline)))
            # y and its knots, of size 4, are known to eps / 2 each; a bin that bends makes more
            assert abs(x.item() - exact) <= 20 * 2.3e-16 * 4 * (1 + 1 / slope)
            slopes.append(float(slope))
    assert min(slopes) < flat


def test_spline_is_the_identity_outside_and_for_zeros() -> None:
    x = torch.tensor([-1e300, -3.5, -3.0, 0.7, 3.0, 3.1, 1e300], dtype=F64)
    for place, spline in ((x, _spline(3)), (x, knots(torch.zeros(17, dtype=F64), 6, 3.0, 2.0))):
        each = Knots(*(part.reshape(-1, 7)[0].expand(7, 7) for part in spline))
        y, log_slope = forward(place, each)
        outside = place.abs() >= 3
        assert torch.equal(y[outside], place[outside])
        assert not log_slope[place.abs() > 3].any()
    # zeros: equal bins, slope one
    torch.testing.assert_close(y, x, rtol=0, atol=1e-15)


def test_spline_of_one_coordinate_has_parameters_of_its_own() -> None:
    chart = SplineCoupling(1, bins=5)
    assert [tuple(p.shape) for p in chart.parameters()] == [(14,)]
    assert chart(torch.zeros(3, 1))[0].shape == (3, 1)


@pytest.mark.parametrize("learned", [False, True])
def test_padding(learned: bool) -> None:
    """R18: the widest chart holds all data; nothing is lost, nothing is stretched."""
    pad = Pad(2, 5, learned=learned)
    if learned:
        with torch.no_grad():
            pad.channels.copy_(torch.tensor([1.0, -2.0, 0.5]))
    x = points((4, 3, 2))
    y = pad(x)
    assert y.dtype == F64
    assert y.shape == (4, 3, 5)
    assert torch.equal(y[..., :2], x)
    assert torch.equal(pad.inverse(y), x)
    assert not pad.off(y).any()
    torch.testing.assert_close(torch.cdist(y, y), torch.cdist(x, x))
    moved = y + torch.tensor([7.0, 0.0, 3.0, 4.0, 0.0], dtype=F64)
    torch.testing.assert_close(pad.off(moved), torch.full((4, 3), 5.0, dtype=F64))
    assert len(list(pad.parameters())) == int(learned)
    # a network behind it is invertible on the image
    chart = Composition(sample("coupling", 5), sample("lu", 5))
    back = chart.inverse(chart(y)[0])
    torch.testing.assert_close(pad.inverse(back), x, rtol=0, atol=1e-12)
    assert pad.off(back).max().item() < 1e-12
    assert pad(x[:0]).shape == (0, 3, 5)
