"""R50 and R58: errors and roughness of paths that are known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ndm.analysis import connect
from ndm.geometry import ConstantMetric
from validation.paper import generation, interpolation
from validation.paper.interpolation import Paths, distance_to_arcs, errors


def quarter(count: int) -> tuple[Tensor, Tensor]:
    """A quarter of each half circle, and the chords of them."""
    label = torch.tensor([0, 1])
    angle = torch.linspace(0, math.pi / 2, count, dtype=torch.float64)
    arcs = interpolation._arc(angle.expand(2, -1), label[:, None].expand(-1, count))
    s = torch.linspace(0, 1, count, dtype=torch.float64)[:, None]
    return arcs, arcs[:, :1] + s * (arcs[:, -1:] - arcs[:, :1])


def test_errors_of_an_arc_and_of_its_chord() -> None:
    arcs, chords = quarter(2001)
    found = connect(ConstantMetric(2), arcs[:, 0], arcs[:, -1])
    label = torch.tensor([0, 1])
    row = errors(Paths(arcs, chords, chords, (chords,), found), label)
    # half a step of the 721 places on the half circle
    assert row["geodesic"] < math.pi / 1440
    # 1 less the mean of sqrt(s^2 + a^2) over s in [-a, a], with a = 1/sqrt 2
    chord = 1 - math.sqrt(0.5) * (math.sqrt(2) + math.asinh(1)) / 2
    assert row["straight"] == pytest.approx(chord, abs=1e-4)
    assert interpolation._gain(row) > 2


def test_a_straight_geodesic_gains_nothing() -> None:
    arcs, chords = quarter(101)
    found = connect(ConstantMetric(2), arcs[:, 0], arcs[:, -1])
    row = errors(Paths(chords, chords, chords, (chords,), found), torch.tensor([0, 1]))
    assert interpolation._gain(row) == 0


def test_pairs_lie_on_the_half_circle_of_their_class_and_far_apart() -> None:
    p, q, label = interpolation._pairs(1)
    for x in (p, q):
        assert float(distance_to_arcs(x[:, None], label).max()) < math.pi / 1440
    # a quarter of a turn has a chord of sqrt 2
    assert float(torch.linalg.vector_norm(p - q, dim=-1).min()) >= math.sqrt(2) - 1e-12


def test_roughness_is_a_second_derivative() -> None:
    s = torch.linspace(0, 1, 33, dtype=torch.float64)
    path = torch.stack((3 * s.square(), s), -1)[None]
    # second differences of a parabola are exact, but for rounding times 32^2
    assert generation.roughness(path).item() == pytest.approx(6, rel=1e-9)
    assert generation.roughness(path[..., 1:]).item() == pytest.approx(0, abs=1e-10)


def test_even_steps_make_a_straight_image_smooth() -> None:
    s = torch.linspace(0, 1, 4001, dtype=torch.float64)[None, :, None]
    image = torch.cat((s.square(), 2 * s.square()), -1)  # straight, at uneven speed
    even = generation.evenly(s, image, 33)
    made = torch.cat((even.square(), 2 * even.square()), -1)
    # linear interpolation between 4001 places, in second differences times 32^2
    assert generation.roughness(made).item() < 1e-2
    rough = generation.roughness(image[:, ::125]).item()
    assert rough == pytest.approx(2 * math.sqrt(5), rel=1e-6)
