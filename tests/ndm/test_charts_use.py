"""How maps begin, ActNorm's first batch, maps by name, and refusals."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
import zuko
from torch import Tensor, nn
from torch.distributions import AffineTransform, ExpTransform

from ndm.activations import activation
from ndm.charts import (
    KINDS,
    SMOOTH,
    ActNorm,
    Affine,
    AffineCoupling,
    Composition,
    CoordinateMap,
    Inverse,
    Monotone,
    Pad,
    Permutation,
    SplineCoupling,
    ZukoMap,
    coordinate_map,
    diagnose,
    zuko_flow,
)
from ndm.charts.conditioner import Conditioner
from ndm.errors import ConfigError, ModelError, NdmError
from tests.ndm.chart_samples import F64, points

CURVED = ("affine_coupling", "flow", "monotone", "spline", "zuko_maf", "zuko_nsf", "zuko_realnvp")


@pytest.mark.parametrize("n", [1, 2, 7])
@pytest.mark.parametrize("kind", KINDS)
def test_maps_begin_near_the_identity(kind: str, n: int) -> None:
    if kind in ("affine_coupling", "permutation") and n == 1:
        return  # refused, and the identity: tested below
    torch.manual_seed(5)
    chart = coordinate_map(kind, n).double()
    x = points((100, n))
    chart.eval()
    if kind == "permutation":
        assert torch.equal(chart(x)[0], x.flip(-1))
        return
    found = diagnose(chart, x)
    assert found.orientation == 1
    assert 0.5 < found.smallest_singular_value <= found.largest_singular_value < 2.0
    moved = (chart(x)[0] - x).abs().max().item()
    assert moved < 1.0
    if kind != "actnorm":  # which is the identity until its first batch
        assert moved > 1e-4


@pytest.mark.parametrize("kind", CURVED)
def test_maps_begin_with_gradients_for_all_parameters(kind: str) -> None:
    torch.manual_seed(6)
    chart = coordinate_map(kind, 4).double()
    y, log_det = chart(points((50, 4)))
    (y.pow(3).sum() + log_det.sum()).backward()
    for name, parameter in chart.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max().item() > 0, name


def test_actnorm_is_set_by_its_first_batch_once() -> None:
    chart = ActNorm(3).double()
    x = 5 * points((4, 25, 3)) + torch.tensor([1e3, 0.0, -7.0], dtype=F64)
    y, log_det = chart(x)
    rows = y.reshape(-1, 3)
    torch.testing.assert_close(rows.mean(0), torch.zeros(3, dtype=F64), rtol=0, atol=1e-12)
    torch.testing.assert_close(rows.var(0, correction=0), torch.ones(3, dtype=F64))
    expected = -torch.log(x.reshape(-1, 3).std(0, correction=0)).sum()
    torch.testing.assert_close(log_det, expected.expand(4, 25))
    state = {name: value.clone() for name, value in chart.state_dict().items()}
    chart(100 * x)
    assert all(torch.equal(chart.state_dict()[name], value) for name, value in state.items())
    # saved as set: a loaded one does not begin again
    file = io.BytesIO()
    torch.save(chart.state_dict(), file)
    file.seek(0)
    other = ActNorm(3).double()
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(other(x)[0], y)
    assert repr(other) == "ActNorm(3, initialised=True)"


def test_actnorm_waits_for_training() -> None:
    chart = ActNorm(2)
    x = points((10, 2), torch.float32) + 5
    chart.eval()
    assert torch.equal(chart(x)[0], x)
    chart.train()
    chart(x[:0])
    assert not bool(chart.initialised)
    assert chart(x)[0].mean(0).abs().max().item() < 1e-5


def test_actnorm_leaves_constants_unscaled() -> None:
    chart = ActNorm(3)
    x = points((10, 3), torch.float32)
    x[:, 1] = 0.1  # its mean is not 0.1 to the last bit
    x[:, 2] = 0.0
    y, log_det = chart(x)
    assert y[:, 1:].abs().max().item() < 1e-6
    assert chart.log_scale[1:].tolist() == [0.0, 0.0]
    assert torch.isfinite(log_det).all()
    # one point alone is centred
    alone = ActNorm(2)
    assert alone(torch.tensor([[3.0, -4.0]]))[0].tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e30])
def test_actnorm_refuses_a_first_batch_that_is_not_finite(bad: float) -> None:
    chart = ActNorm(2)
    x = torch.ones(4, 2)
    x[2, 1] = bad
    with pytest.raises(ModelError, match="first batch that is not finite"):
        chart(x)
    assert not bool(chart.initialised)
    assert not chart.shift.any()


def test_actnorm_inside_of_torch_func() -> None:
    x = points((4, 2), torch.float32)
    chart = ActNorm(2)
    lent = {name: p.detach().clone() for name, p in chart.named_parameters()}
    for transformed in (
        torch.func.vmap(chart),
        torch.func.vmap(torch.func.jacfwd(chart)),
        torch.func.grad(lambda z: chart(z)[0].sum()),
        lambda z: torch.func.functional_call(chart, lent, (z,)),
        lambda z: torch.func.jvp(
            lambda p: torch.func.functional_call(chart, p, (z,)), (lent,), (lent,)
        ),
    ):
        with pytest.raises(ModelError, match=r"call initialise\(points\) before"):
            transformed(x)
        assert not bool(chart.initialised)
    chart.initialise(x)
    torch.testing.assert_close(torch.func.vmap(chart)(x), chart(x))
    # every way of asking sets it
    fresh = ActNorm(2)
    assert fresh.jacobian(x).shape == (4, 2, 2)
    assert bool(fresh.initialised)


def test_kinds_by_name() -> None:
    assert isinstance(coordinate_map("spline", 3, bins=5), SplineCoupling)
    assert isinstance(coordinate_map("affine", 2, matrix=2 * torch.eye(2)), Affine)
    flow = coordinate_map("flow", 3, depth=2, actnorm=True)
    assert isinstance(flow, Composition)
    assert [type(part).__name__ for part in flow][:4] == [
        "ActNorm",
        "LUAffine",
        "AffineCoupling",
        "AffineCoupling",
    ]
    line = coordinate_map("flow", 1, depth=1)
    assert isinstance(line, Composition)
    assert [type(part).__name__ for part in line] == ["LUAffine", "Monotone"]
    assert repr(coordinate_map("permutation", 3, order=[0, 2, 1])) == "Permutation([0, 2, 1])"
    assert coordinate_map("zuko_nsf", 2, bins=3, transforms=1).smoothness == 1
    assert set(KINDS) >= {"affine_coupling", "spline", "lu", "affine", "actnorm", "zuko_nsf"}


def test_zuko_maps_of_ones_own() -> None:
    flow = zuko.flows.MAF(3, transforms=2, hidden_features=(8,), activation=nn.Tanh)
    chart = ZukoMap(flow)
    x = points((5, 3), torch.float32)
    expected = flow().transform.call_and_ladj(x)
    torch.testing.assert_close(chart(x), expected, rtol=0, atol=0)
    assert (chart.dimension, chart.smoothness) == (3, SMOOTH)
    # a transformation with a fixed value acts on each coordinate: the log-dets are summed
    fixed = ZukoMap(AffineTransform(1.0, 3.0), dimension=2, smoothness=SMOOTH)
    y, log_det = fixed(torch.tensor([[1.0, 2.0]]))
    assert y.tolist() == [[4.0, 7.0]]
    assert log_det.item() == pytest.approx(2 * torch.log(torch.tensor(3.0)).item())
    assert fixed.jacobian(torch.ones(2)).tolist() == [[3.0, 0.0], [0.0, 3.0]]
    wrapped = zuko.lazy.UnconditionalTransform(AffineTransform, torch.zeros(2), torch.ones(2))
    assert ZukoMap(wrapped, dimension=2, smoothness=SMOOTH).double()(points((4, 2)))[0].shape == (
        4,
        2,
    )


def test_diagnosis_in_words() -> None:
    matrix = torch.tensor([[4.0, 0.0], [0.0, -0.5]], dtype=F64)
    found = diagnose(Affine(2, matrix=matrix), points((3, 2)))
    assert (found.smallest_singular_value, found.largest_singular_value) == (0.5, 4.0)
    assert (found.condition, found.orientation, found.points) == (8.0, -1, 3)
    assert "singular values of J from 0.5 to 4, orientation reversed" in str(found)


class _Fold(CoordinateMap):
    """y = x^2: no diffeomorphism, whatever it says."""

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x * x, torch.log((2 * x).abs()).sum(-1)

    def _inverse(self, y: Tensor) -> Tensor:
        return torch.sqrt(y)


def test_diagnosis_finds_a_fold() -> None:
    found = diagnose(_Fold(1), torch.tensor([[-1.0], [2.0]], dtype=F64))
    assert found.orientation == 0
    assert found.round_trip_error == 1.0  # -1 comes back as 1, relative to 1 + 1
    assert "not the same everywhere" in str(found)


REFUSALS: list[tuple[Callable[[], Any], str]] = [
    (lambda: AffineCoupling(1), "nothing to condition on: use Monotone"),
    (lambda: AffineCoupling(0), "whole number from 1 on"),
    (lambda: AffineCoupling(2.0), "whole number"),  # type: ignore[arg-type]
    (lambda: AffineCoupling(True), "whole number"),
    (lambda: AffineCoupling(3, parity=2), "parity=2, and needs 0 or 1"),
    (lambda: AffineCoupling(3, hidden=(0,)), r"hidden=\(0,\), and needs widths"),
    (lambda: AffineCoupling(3, hidden=8), "such as"),  # type: ignore[arg-type]
    (lambda: AffineCoupling(3, max_log_scale=0), "max_log_scale=0, and needs a positive"),
    (lambda: AffineCoupling(3, max_log_scale=float("inf")), "positive finite"),
    (lambda: SplineCoupling(3, bins=1), "bins=1, and needs at least 2"),
    (lambda: SplineCoupling(3, bound=-1.0), "bound=-1.0"),
    (lambda: SplineCoupling(3, spread=float("nan")), "spread=nan"),
    (lambda: Monotone(2, boosts=0), "boosts=0"),
    (lambda: Monotone(2, max_rapidity=-1.0), "max_rapidity=-1.0"),
    (lambda: Permutation([0, 0, 1]), "each of 0 ... n-1 exactly once"),
    (lambda: Permutation([]), "exactly once"),
    (lambda: Affine(2, matrix=torch.eye(3)), r"shape \(3, 3\); it must be \(2, 2\)"),
    (lambda: Affine(2, matrix=torch.ones(2, 2)), "it has no inverse in torch.float32"),
    (lambda: Affine(2, matrix=torch.full((2, 2), float("nan"))), "has entries that are not"),
    (lambda: Affine(2, matrix=torch.eye(2, dtype=torch.int64)), "no tensor of floating point"),
    (lambda: Affine(2, matrix=[[1.0]]), "no tensor"),
    (lambda: Affine(2, shift=torch.zeros(3)), r"shift of shape \(3,\)"),
    (lambda: Affine(2, shift=[0.0, 1.0]), "shift that is no tensor"),
    (Composition, "no map, and needs at least one"),
    (lambda: Composition(Monotone(2), nn.Tanh()), "map 1 of a Composition is Tanh"),
    (lambda: Composition(Monotone(2), Monotone(3)), "map 1 .* 3 coordinates, and map 0 has 2"),
    (lambda: Composition(Pad(2, 3)), "is Pad, and must be a CoordinateMap"),
    (lambda: Inverse(3), "is int"),  # type: ignore[arg-type]
    (lambda: Pad(3, 2), "cannot be narrower than the data"),
    (lambda: Pad(0, 2), "whole number"),
    (lambda: Pad(2, 3)(torch.zeros(4)), r"points \(..., 2\), not torch.float32 of shape \(4,\)"),
    (lambda: Pad(2, 3).inverse(torch.zeros(2)), r"points \(..., 3\)"),
    (lambda: ActNorm(2).initialise(torch.zeros(0, 2)), "no points, and needs at least one"),
    (lambda: diagnose(Monotone(2), torch.zeros(0, 2)), "no points, and needs at least one"),
    (lambda: diagnose(Monotone(1), torch.tensor([[float("nan")]])), "not finite at some"),
    (lambda: ZukoMap(nn.Linear(2, 2)), "was given Linear, and needs a zuko flow"),
    (lambda: ZukoMap(zuko.flows.MAF(2)), r"activations .* \(ReLU\).*smooth ones"),
    (lambda: ZukoMap(zuko.flows.NSF(2, activation=nn.ELU)), r"\(ELU\)"),
    (lambda: ZukoMap(ExpTransform()), "number of coordinates of ExpTransform .* dimension="),
    (lambda: ZukoMap(ExpTransform(), dimension=2), "how smooth ExpTransform is .* smoothness="),
    (lambda: ZukoMap(zuko.flows.BPF(2, activation=nn.Tanh)), "BernsteinTransform.*smoothness="),
    (
        lambda: ZukoMap(zuko.transforms.SinTransform().__class__.__mro__[1](), 2, 1),
        "is not bijective",
    ),
    (lambda: zuko_flow("naf", 2), "'naf' is not known: maf, nice, nsf, realnvp"),
    (lambda: zuko_flow("maf", 2, hidden=()), "at least one hidden layer"),
    (lambda: zuko_flow("maf", 2, colour="red"), "zuko cannot make 'maf'"),
    (lambda: Conditioner(2, 2, (3,), activation="relu"), "not twice continuously"),
    (lambda: activation("swish"), "must be one of"),
]


@pytest.mark.parametrize(("wrong", "words"), REFUSALS)
def test_wrong_arguments_are_refused(wrong: Callable[[], Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        wrong()


POINTS: list[tuple[Any, str]] = [
    (torch.zeros(4, 2), r"has 3 coordinates and was given a tensor of shape \(4, 2\)"),
    (torch.tensor(1.0), "last dimension must be 3"),
    (torch.zeros(3, dtype=torch.int64), "torch.int64, and needs floating point"),
    (torch.zeros(3, dtype=torch.complex64), "needs floating point"),
    (torch.zeros(3, dtype=F64), r"parameters in torch.float32 .* torch.float64 .*\.to"),
    (torch.zeros(3, device="meta"), "on cpu and was given points in torch.float32 on meta"),
    ([0.0, 0.0, 0.0], "was given list, and needs a torch tensor"),
]


@pytest.mark.parametrize(("given", "words"), POINTS)
@pytest.mark.parametrize("method", ["forward", "inverse", "jacobian", "with_jacobian"])
def test_points_that_do_not_fit_are_refused(given: Any, words: str, method: str) -> None:
    for chart in (AffineCoupling(3), Composition(Monotone(3), ActNorm(3)), Inverse(Monotone(3))):
        with pytest.raises(ModelError, match=words):
            getattr(chart, method)(given)


def test_a_matrix_that_has_become_singular() -> None:
    chart = Affine(2)
    with torch.no_grad():
        chart.matrix.copy_(torch.tensor([[1.0, 2.0], [2.0, 4.0]]))
    # 0 to rounding: log 1e-7
    assert chart(torch.ones(2))[1].item() < -13
    for refused in (chart.inverse, Inverse(chart).jacobian):
        with pytest.raises(ModelError, match=r"has become singular, and .* LUAffine"):
            refused(torch.ones(2))


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("splin", {}, "unknown coordinate map 'splin'; did you mean 'spline'?"),
        ("wobble", {}, "there are actnorm, affine, affine_coupling"),
        (None, {}, "unknown coordinate map None"),
        ("lu", {"bins": 3}, "'lu' has no option 'bins'; it has no options"),
        ("spline", {"bin": 3}, "its options are bins, bound, hidden, activation, parity, spread"),
        ("flow", {"order": 3}, "'flow' has no option 'order'"),
    ],
)
def test_names_that_are_not_known_are_refused(kind: Any, options: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        partial(coordinate_map, kind)(3, **options)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("flow", {"depth": 0}),
        ("permutation", {"order": [1, 0]}),
        ("permutation", {"order": "cba"}),
        ("spline", {"bins": "many"}),
        ("zuko_maf", {"transforms": -1}),
        ("zuko_maf", {"transforms": "x"}),
        ("zuko_nsf", {"bins": 0}),
        ("zuko_realnvp", {"hidden": "wide"}),
        ("monotone", {"boosts": 1.5}),
    ],
)
def test_values_that_cannot_be_used_are_refused(kind: str, options: Any) -> None:
    with pytest.raises(NdmError):
        coordinate_map(kind, 3, **options)
