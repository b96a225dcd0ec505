"""Measures of geometric complexity against closed forms and the definition (R74)."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import jacfwd, vmap

from ndm.complexity import COMPLEXITIES, complexity, riemann
from ndm.errors import ModelError
from ndm.geometry import ConstantMetric, PulledBack
from ndm.metric_net import MetricNet
from tests.ndm import oracles
from tests.ndm.models import maps
from tests.ndm.oracles import F64, Function, Planted, diagonal, inside, points, shaken


def _one(x: Tensor) -> Tensor:
    return torch.ones_like(x[..., 0])


def _sine(*places: int) -> Function:
    def square(x: Tensor) -> Tensor:
        return x[..., list(places)].sin().prod(-1) ** 2

    return square


SPHERES = diagonal(_one, _sine(0), _one, _sine(2))
SPHERE4 = diagonal(_one, _sine(0), _sine(0, 1), _sine(0, 1, 2))

# Unit 4-sphere: R_ijkl = g_ik g_jl - g_il g_jk; S2 x S2: each factor on its own.
CLOSED = {
    "scalar_squared": (144.0, 16.0),
    "riemann_squared": (24.0, 8.0),
    "ricci_squared": (36.0, 4.0),
    "weyl_squared": (0.0, 16 / 3),
    "scalar_variation": (0.0, 0.0),
}


@pytest.mark.parametrize("name", CLOSED)
def test_spheres(name: str) -> None:
    x = inside(4, 3)
    for metric, expected in zip((SPHERE4, SPHERES), CLOSED[name], strict=True):
        found = complexity(Planted(4, metric), x, name)
        # squares of numbers of size 10 that come with 1e-12
        torch.testing.assert_close(found, torch.tensor(expected, dtype=F64), rtol=1e-9, atol=1e-9)


def _net() -> MetricNet:
    torch.manual_seed(0)
    made: MetricNet = MetricNet(4, hidden=(5,)).double()
    return shaken(made, 0.2)


def _down(field: MetricNet, x: Tensor) -> Tensor:
    return torch.einsum("ia,ajkl->ijkl", field(x), oracles.riemann(field, x))


def _square(h: Tensor, tensor: Tensor) -> Tensor:
    """The tensor with all indices down, contracted with itself index by index."""
    up = tensor
    for _ in range(tensor.ndim):  # the first index goes to the end, raised, until all are
        up = torch.tensordot(up, h, dims=([0], [0]))
    return (tensor * up).sum()


def test_riemann_tensor() -> None:
    field, x = _net(), points(2, 4)
    expected = torch.stack([_down(field, row) for row in x])
    torch.testing.assert_close(riemann(field.jet(x)), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["riemann_squared", "ricci_squared", "weyl_squared", "dirichlet"])
def test_learned_metrics(name: str) -> None:
    field, x = _net(), points(2, 4)
    rows = []
    for point in x:
        g, down = field(point), _down(field, point)
        h = torch.linalg.inv(g)
        ricci = oracles.ricci(field, point)
        if name == "ricci_squared":
            rows.append(_square(h, ricci))
        elif name == "riemann_squared":
            rows.append(_square(h, down))
        elif name == "dirichlet":
            rows.append(_square(h, jacfwd(field)(point)))
        else:  # the Weyl tensor by Schouten's, as it is defined
            p = (ricci - (h * ricci).sum() * g / 6) / 2

            def wedge(a: Tensor, b: Tensor) -> Tensor:
                return torch.einsum("ik,jl->ijkl", a, b) - torch.einsum("il,jk->ijkl", a, b)

            rows.append(_square(h, down - wedge(g, p) - wedge(p, g)))
    expected = torch.stack(rows).mean()
    torch.testing.assert_close(complexity(field, x, name), expected, rtol=1e-9, atol=1e-9)


def test_variances() -> None:
    field, x = _net(), points(20, 4)
    R, log_volume = field.scalar_curvature(x), field.log_volume(x)
    found = complexity(field, x, "scalar_variation")
    torch.testing.assert_close(found, R.var(correction=0), rtol=1e-12, atol=1e-12)
    found = complexity(field, x, "log_volume_variance")
    torch.testing.assert_close(found, log_volume.var(correction=0), rtol=1e-12, atol=1e-12)


def test_the_action_of_a_closed_surface_is_topological() -> None:
    """Gauss and Bonnet: 8 pi for anything like a sphere, here one that is 1.6 times as long."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    theta = torch.from_numpy(nodes + 1) * math.pi / 2
    x = torch.stack([theta, 0 * theta], -1)
    spheroid = diagonal(
        lambda p: p[..., 0].cos() ** 2 + 1.6**2 * p[..., 0].sin() ** 2,
        lambda p: p[..., 0].sin() ** 2,
    )
    values = torch.stack([complexity(Planted(2, spheroid), row[None], "action") for row in x])
    total = 2 * math.pi * (torch.from_numpy(weights) * math.pi / 2 * values).sum()
    # 40 nodes: the rule is exact to rounding for such a function
    assert math.isclose(total.item(), 8 * math.pi, rel_tol=1e-10)


@pytest.mark.parametrize("name", COMPLEXITIES)
def test_flat_space_has_none(name: str) -> None:
    flat = ConstantMetric(4, points(4, 4))
    assert complexity(flat, points(5, 4), name).abs() < 1e-24  # roundings, squared


@pytest.mark.parametrize("name", COMPLEXITIES)
def test_what_depends_on_coordinates(name: str) -> None:
    """As the table says: the measures of curvature do not, the two others do."""
    torch.manual_seed(0)
    phi = shaken(maps(1, 2)[0].double(), 0.5)
    field: MetricNet = MetricNet(2, hidden=(5,)).double()
    x = points(4, 2)
    pulled, own = complexity(PulledBack(field, phi), x, name), complexity(field, phi(x)[0], name)
    same = abs(pulled - own) < 1e-8 * (1 + abs(own))
    assert bool(same) == (name not in ("log_volume_variance", "dirichlet", "action"))


@pytest.mark.parametrize("name", COMPLEXITIES)
def test_they_can_be_losses(name: str) -> None:
    field = _net()
    complexity(field, points(3, 4), name).backward()
    grads = [p.grad for p in field.parameters()]
    assert all(g is not None and g.isfinite().all() for g in grads)
    assert any((g != 0).any() for g in grads if g is not None)


def test_low_dimensions_and_refusals() -> None:
    line: MetricNet = MetricNet(1).double()
    with pytest.warns(UserWarning, match="no curvature"):
        assert complexity(line, points(3, 1), "riemann_squared") == 0
    assert complexity(line, points(3, 1), "dirichlet") > 0
    plane: MetricNet = MetricNet(3).double()
    assert complexity(plane, points(3, 3), "weyl_squared") == 0
    with pytest.raises(ModelError, match="'entropy' is not known"):
        complexity(plane, points(3, 3), "entropy")
    R = vmap(plane.scalar_curvature)(points(3, 3))
    torch.testing.assert_close(complexity(plane, points(3, 3)), R.square().mean())
