"""Geodesics on tensors: the same curves, and gradients that are Jacobi fields."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import geomkit as gk
from geomkit.errors import DomainError
from geomkit.geodesic import Geodesics
from geomkit.geodesic.deviation import exp_derivative
from geomkit.geodesic.torch import exp, flow

SPHERE = gk.catalog["sphere2"]
DTYPE = torch.float64


def tensor(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=DTYPE)


@pytest.fixture(scope="module")
def sphere() -> Geodesics:
    return Geodesics(SPHERE, a=1.5, backend="interpret")


def test_the_same_points_as_scipy(sphere: Geodesics) -> None:
    vectors = torch.tensor([[0.3, 0.7], [-0.2, 1.1], [0.5, 0.0]], dtype=DTYPE)
    found = exp(SPHERE, tensor(1.0, 0.0), vectors, a=1.5)
    expected = [sphere.exp([1.0, 0.0], v) for v in vectors.tolist()]
    assert found.numpy() == pytest.approx(np.array(expected), abs=1e-7)  # rtol 1e-9 a step


def test_the_gradient_of_exp_is_the_jacobi_field(sphere: Geodesics) -> None:
    vector = tensor(0.3, 0.7)
    found = torch.autograd.functional.jacobian(
        lambda v: exp(SPHERE, tensor(1.0, 0.0), v, a=1.5), vector
    )
    _, expected = exp_derivative(sphere, np.array([1.0, 0.0, 0.3, 0.7]), sphere.settings)
    # the gradient of the discretised flow: as exact as the flow, 1e-9 a step
    assert found.numpy() == pytest.approx(expected, abs=1e-6)


def test_gradients_in_points_and_parameters_against_differences() -> None:
    # bonnet: the surface of revolution with r = 1 + b z^2, whose geodesics depend on b
    tube = gk.Metric.from_embedding(
        ["(1 + b*z**2)*cos(phi)", "(1 + b*z**2)*sin(phi)", "z"], ["z", "phi"],
        parameters={"b": ["1/10", "1"]}, domain={"z": ["-1", "1"]}, name="tube",
    )  # fmt: skip
    point = tensor(0.2, 0.0).requires_grad_()
    b = torch.tensor(0.5, dtype=DTYPE, requires_grad=True)
    vector, weights = tensor(0.4, 0.9), tensor(0.7, -0.3)
    (weights @ exp(tube, point, vector, b=b)).backward()
    h = 1e-5
    with torch.no_grad():
        ahead, behind = (weights @ exp(tube, point, vector, b=0.5 + d) for d in (h, -h))
        assert float(b.grad) == pytest.approx(float(ahead - behind) / (2 * h), abs=1e-5)
        step = tensor(h, 0.0)
        ahead, behind = (weights @ exp(tube, point + d, vector, b=0.5) for d in (step, -step))
        # h^2 f''' and the error 1e-9 of exp over h
        assert float(point.grad[0]) == pytest.approx(float(ahead - behind) / (2 * h), abs=1e-3)


def test_the_adjoint_gives_the_same_gradient() -> None:
    gradients = []
    for adjoint in (False, True):
        vector = tensor(0.3, 0.7).requires_grad_()
        exp(SPHERE, tensor(1.0, 0.0), vector, a=1.5, adjoint=adjoint).sum().backward()
        gradients.append(vector.grad.numpy())
    assert gradients[0] == pytest.approx(gradients[1], abs=1e-6)


def test_a_flow_has_positions_and_velocities() -> None:
    s = torch.linspace(0, math.pi, 5, dtype=DTYPE)
    x, v = flow(SPHERE, tensor(math.pi / 2, 0.0), tensor(0.0, 1.0), s, a=1.0)
    assert x.shape == v.shape == (5, 2)
    assert x[:, 1].numpy() == pytest.approx(s.numpy(), abs=1e-9)
    assert v[-1].numpy() == pytest.approx([0.0, 1.0], abs=1e-9)


def test_what_leaves_the_chart_is_refused() -> None:
    line = gk.Metric.from_line_element("dx**2/x**4 + dy**2", ["x", "y"], domain={"x": ["1", "2"]})
    with pytest.raises(DomainError, match="leaves the chart"):
        exp(line, tensor(1.0, 0.0), tensor(4.0, 0.0))
    with pytest.raises(DomainError, match="give"):
        exp(line, tensor(1.0), tensor(4.0))
    with pytest.raises(DomainError, match="dopri8"):
        # a method of one step between two values of s would give a wrong number
        exp(line, tensor(1.0, 0.0), tensor(0.1, 0.0), method="rk4")
