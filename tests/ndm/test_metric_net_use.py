"""Metric nets: precision, certificates, and use as modules of torch (R67, R69, R77, R78)."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from torch.func import functional_call, jacfwd, vmap

import geomkit as gk
from geomkit.families.certifying import FamilyCertificate
from ndm.errors import ModelError
from ndm.field import MetricField, certified
from ndm.metric_net import MetricNet
from tests.ndm.oracles import F32, F64, points
from tests.ndm.test_metric_net import FAMILIES, VARIANTS, _slopes, net

# --- sizes and precision: R67, R69


@pytest.mark.parametrize("entry", [1e-3, 1e3])
@pytest.mark.parametrize("family", ["full", "diagonal", "lowrank"])
def test_log_volume_in_512_dimensions(family: str, entry: float) -> None:
    """det g is 1e-1536 or 1e1536 there; its logarithm is a number like any other."""
    n = 512
    field = MetricNet(n, family, (1,), eps=1e-12)
    with torch.no_grad():
        field.net.layers[-1].weight.zero_()
        root = math.sqrt(entry - 1e-12)
        value = (root + math.log(-math.expm1(-root))) - field.parametrisation.shift
        places = slice(0, n)
        if family == "full":
            places = torch.arange(1, n + 1).cumsum(0) - 1
        field.net.layers[-1].bias[places] = value
    x = torch.zeros(1, n, requires_grad=True)
    log_volume = field.log_volume(x)
    # float32: each of 512 terms of size 3.5 has some roundings of relative size 6e-8
    expected = torch.tensor([0.5 * n * math.log(entry)])
    torch.testing.assert_close(log_volume, expected, rtol=1e-5, atol=0)
    assert all(slope.isfinite().all() for slope in _slopes(log_volume.sum(), field))


@pytest.mark.parametrize("family", FAMILIES)
def test_single_precision(family: str) -> None:
    field, x = net(family, 3, 0.2), points(50, 3)
    single = copy.deepcopy(field).float()
    assert single(x.float()).dtype == single.scalar_curvature(x.float()).dtype == F32
    torch.testing.assert_close(single(x.float()).double(), field(x), rtol=1e-5, atol=1e-5)
    # R is a sum of some hundred products of second derivatives of size 1
    error = (single.scalar_curvature(x.float()).double() - field.scalar_curvature(x)).abs()
    assert (error < 1e-3 * (1 + field.scalar_curvature(x).abs())).all()


# --- kernels and certificates: R77, R78


@pytest.mark.parametrize("family", ["full", "diagonal", "conformal", "lowrank"])
def test_a_family_without_a_certificate_is_refused(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    field, x = net(family, 2), points(2, 2)
    assert field.scalar_curvature(x).isfinite().all()
    asked = []

    def failing(name: str, n: int) -> FamilyCertificate:
        asked.append((name, n))
        return FamilyCertificate(name, n, 0, "none", (), 0.0, "", ())

    monkeypatch.setattr("geomkit.families.certifying.certificate", failing)
    certified.cache_clear()
    with pytest.raises(gk.CertificateError, match="refused"):
        field.scalar_curvature(x)
    assert [n for _, n in asked] == [2]


@pytest.mark.parametrize("family", FAMILIES)
def test_certificates_are_made_anywhere(family: str) -> None:
    """The first curvature may be asked for without gradients, or inside of torch.func."""
    field, x = net(family, 2), points(2, 2)
    expected = field.scalar_curvature(x)
    for context in (torch.no_grad(), torch.inference_mode()):
        gk.families.certificate.cache_clear()
        certified.cache_clear()
        with context:
            # sums are added up in another order without gradients
            torch.testing.assert_close(field.scalar_curvature(x), expected, rtol=1e-12, atol=1e-12)
    gk.families.certificate.cache_clear()
    certified.cache_clear()
    vmap(jacfwd(field.scalar_curvature))(x)


@pytest.mark.parametrize("family", ["diagonal", "conformal", "lowrank"])
def test_kernels_of_families_equal_the_dense_path(family: str) -> None:
    field, x = net(family, 5, 0.2), points(20, 5)
    dense = gk.scalar_curvature_from_jet(*field.jet(x))
    torch.testing.assert_close(field.scalar_curvature(x), dense, rtol=1e-10, atol=1e-10)


def test_numpy_and_torch_agree() -> None:
    field, x = net("full", 5, 0.2), points(20, 5)
    arrays = [part.detach().numpy() for part in field.jet(x)]
    plain = torch.from_numpy(gk.scalar_curvature_from_jet(*arrays))
    torch.testing.assert_close(field.scalar_curvature(x), plain, rtol=1e-10, atol=1e-10)


# --- as a module of torch


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_parameter_shapes_the_metric(variant: str) -> None:
    """R4: d g / d theta is not zero for any parameter."""
    field, x = net(variant, 3), points(5, 3)
    for slope in _slopes((field(x) * points(3, 3, seed=2)).sum(), field):
        assert (slope != 0).all()


@pytest.mark.parametrize("variant", VARIANTS)
def test_copies_and_states(variant: str) -> None:
    field, x = net(variant, 3), points(5, 3)
    torch.manual_seed(5)
    other = MetricNet(3, **({"hidden": (8,)} | VARIANTS[variant])).double()
    assert not torch.equal(other(x), field(x))
    other.load_state_dict(field.state_dict())
    for one in (other, copy.deepcopy(field)):
        assert torch.equal(one(x), field(x))
        assert torch.equal(one.scalar_curvature(x), field.scalar_curvature(x))
    doubled = {name: 2 * p for name, p in field.named_parameters()}
    other.load_state_dict(doubled)
    assert torch.equal(functional_call(field, doubled, (x,)), other(x))


@pytest.mark.parametrize("family", FAMILIES)
def test_shapes_of_points(family: str) -> None:
    field, x = net(family, 2), points(6, 2)
    scalars = (field.log_volume, field.scalar_curvature)
    for call in (field, *scalars, field.christoffel, field.ricci, field.inverse):
        whole = call(x)
        # products of other shapes are added up in another order
        close = {"rtol": 1e-13, "atol": 1e-13}
        torch.testing.assert_close(call(x.view(2, 3, 2)).flatten(0, 1), whole, **close)
        torch.testing.assert_close(call(x[1]), whole[1], **close)
        torch.testing.assert_close(vmap(call)(x), whole, **close)
        assert call(x[:0]).shape == (0, *whole.shape[1:])
    assert field.jet(x[:0]).ddg.shape == (0, 2, 2, 2, 2)
    assert MetricField.jet(field, x[:0]).ddg.shape == (0, 2, 2, 2, 2)


def test_device_and_dtype_come_from_the_points() -> None:
    """On the device "meta" nothing can come from elsewhere without an error."""
    for family in FAMILIES:
        field = MetricNet(3, family).to("meta")
        x = torch.zeros(5, 3, device="meta")
        assert field(x).device.type == field.log_volume(x).device.type == "meta"
        assert all(part.device.type == "meta" for part in field.jet(x))


def test_refusals() -> None:
    bad: list[tuple[str, dict[str, Any]]] = [
        ("family 'fulll' is not known", {"family": "fulll"}),
        (r"eps = 1.0", {"eps": 1.0}),
        (r"eps = -0.1", {"eps": -0.1}),
        ("rank = 0", {"family": "lowrank", "rank": 0}),
        ("max_condition", {"max_condition": 1.0}),
        ("max_condition", {"family": "diagonal", "max_condition": 10.0}),
        ("tanh", {"activation": "relu"}),
        ("hidden layer", {"hidden": ()}),
    ]
    for message, options in bad:
        with pytest.raises(ModelError, match=message):
            MetricNet(2, **options)
    with pytest.raises(ModelError, match=">= 1"):
        MetricNet(0)
    field = MetricNet(2)
    for x, message in [
        (torch.zeros(3, 3), "last axis must be 2"),
        (torch.zeros(3, 2, dtype=torch.int64), "floating-point"),
        (torch.zeros(3, 2, dtype=torch.bfloat16), "float32 or float64"),
        (torch.zeros(3, 2, dtype=F64), "move one of them"),
    ]:
        for call in (field, field.log_volume, field.jet, field.scalar_curvature, field.christoffel):
            with pytest.raises(ModelError, match=message):
                call(x)


def test_repr() -> None:
    assert "n=3, family='lowrank', eps=0.01" in repr(MetricNet(3, "lowrank"))
