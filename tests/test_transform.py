"""Changes of coordinates of tensors: round trips, naturality, and maps that do not fit."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

import geomkit as gk
from geomkit import calculus
from geomkit.calculus import covariant_derivative, tensor_field, vector_field
from geomkit.errors import TensorError
from geomkit.metric import Metric
from geomkit.tensor.symmetry import Symmetry
from tests import map_strategies, strategies
from tests.sample_metrics import friedmann, plane, polar


def test_plane_to_polar_and_back() -> None:
    flat, round_ = plane(), polar()
    x, y = flat.coordinates
    to_polar = ["r*cos(phi)", "r*sin(phi)"]
    t = tensor_field(flat, "ud", [["x**2 + y", "x*y"], ["3*y**2", "x"]])
    there = calculus.transform(t, round_, to_polar)
    # phi is atan(y/x) on the domain x > 0, where polar() has its box
    right = Metric(
        coordinates=["x", "y"], matrix=[[1, 0], [0, 1]], domain={"x": ["1", "2"], "y": ["-1", "1"]}
    )
    back = calculus.transform(there, right, {"r": "sqrt(x**2 + y**2)", "phi": "atan(y/x)"})
    for i, j in product(range(2), repeat=2):
        assert back.element(i, j) == back.chart.field(right.resolve(t[i, j]))
    trace = t.contract(0, 1)[()].subs({x: to_polar[0], y: to_polar[1]})
    assert there.contract(0, 1).element() == there.chart.field(round_.resolve(trace))


def test_transform_commutes_with_nabla() -> None:
    m = plane()
    v = vector_field(m, ["x*y", "x**2"])
    new = ["u", "v"]
    map_ = {"x": "u + v**2", "y": "v"}
    moved = calculus.transform(v, new, map_)
    target = moved.chart.metric
    assert covariant_derivative(moved) == calculus.transform(covariant_derivative(v), target, map_)
    assert calculus.transform(gk.curvature(m).metric, target, map_) == gk.curvature(target).metric


@given(strategies.entire_metrics((2,)), st.data())
def test_curvature_is_a_tensor(spec: strategies.Spec, data: st.DataObject) -> None:
    m = spec.build()
    change = data.draw(map_strategies.linear_changes(2))
    c = gk.curvature(m)
    moved = calculus.transform(c.riemann_down, list(change.coordinates), list(change.map))
    assert moved.symmetry == Symmetry.riemann()
    assert gk.curvature(moved.chart.metric).riemann_down == moved


def test_transform_with_unspecified_functions() -> None:
    m = friedmann()
    moved = calculus.transform(
        gk.curvature(m).ricci, ["s", "r", "theta", "phi"], ["2*s", "r", "theta", "phi"]
    )
    assert moved == gk.curvature(moved.chart.metric).ricci


def test_bad_transforms() -> None:
    v = vector_field(plane(), ["1", "0"])
    with pytest.raises(TensorError, match="does not turn metric"):
        calculus.transform(v, polar(), ["r*cos(phi)", "r*cos(phi)"])
    with pytest.raises(TensorError, match="list of 2"):
        calculus.transform(v, polar(), ["r"])
    with pytest.raises(TensorError, match="give the old coordinates x, y"):
        calculus.transform(v, polar(), {"x": "r"})
    with pytest.raises(TensorError, match="keeps that"):
        calculus.transform(v, ["u"], ["u", "u"])
