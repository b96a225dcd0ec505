"""R50 and R58: errors, energies and roughness of paths that are known; what decoders are taught."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import ndm
from ndm.analysis import connect
from ndm.geometry import ConstantMetric, ExactMetric
from ndm.heads import LinearHead
from validation.claim import Outcome
from validation.paper import generation, interpolation, surfaces
from validation.paper.gains import SEEDS
from validation.paper.interpolation import CURVES, Curve, Paths, Problem, energies, errors
from validation.paper.surfaces import Surface, learned
from validation.study import Study

FLAT = Surface(torch.zeros(1, 2).double(), torch.zeros(1).double(), torch.zeros(1, 3).double())
RING = CURVES["circle"]
TURNS = torch.linspace(0, 1, 2001, dtype=torch.float64)
TRUTH = FLAT(RING.at(TURNS))


def quarter(places: int) -> tuple[Tensor, Tensor]:
    """Two quarters of the ring, and the chords of them."""
    begin = torch.tensor([[0.1], [0.6]], dtype=torch.float64)
    arcs = RING.at(begin + torch.linspace(0, 0.25, places, dtype=torch.float64))
    return arcs, interpolation._line(arcs[:, 0], arcs[:, -1], places)


def row_of(geodesic: Tensor, arcs: Tensor, chords: Tensor) -> dict[str, float]:
    """Figures of a problem in which chords are the only rivals."""
    found = connect(ConstantMetric(2), arcs[:, 0], arcs[:, -1])
    return errors(Paths(geodesic, chords, chords, (chords,), arcs, found), FLAT, TRUTH)


def gain(row: dict[str, float]) -> float:
    return interpolation._gain({f"circle {kind}": value for kind, value in row.items()})


def test_errors_of_an_arc_and_of_its_chord() -> None:
    arcs, chords = quarter(2001)
    row = row_of(arcs, arcs, chords)
    # half a step of the 2000 on the ring
    assert row["geodesic"] == row["along"] < math.pi / 2000
    # 1 less the mean of sqrt(s^2 + a^2) over s in [-a, a], with a = 1/sqrt 2
    chord = 1 - math.sqrt(0.5) * (math.sqrt(2) + math.asinh(1)) / 2
    assert row["straight"] == row["untrained"] == pytest.approx(chord, abs=1e-5)
    assert gain(row) > 2
    assert gain(row_of(chords, arcs, chords)) == 0


class _Moat(ndm.MetricField):
    """A metric that is dear off the ring."""

    def forward(self, x: Tensor) -> Tensor:
        size = 1 + 20 * (x.square().sum(-1) - 1).square()
        return size[..., None, None] * torch.eye(2, dtype=x.dtype)


def test_a_metric_that_knows_the_data_is_found_better() -> None:
    arcs, chords = quarter(65)
    found = connect(_Moat(2), arcs[:, 0], arcs[:, -1])
    way = found.at(torch.linspace(0, 1, 65, dtype=torch.float64))[0]
    assert bool(found.converged.all())
    assert gain(row_of(way, arcs, chords)) > 10 * interpolation._MARGIN
    # energy of a geodesic is the square of its length
    assert bool((found.distance.square() < energies(_Moat(2), chords)).all())


def test_the_gain_is_a_mean_over_problems_of_the_best_rival_in_each() -> None:
    row = {f"{name} {rival}": 9.0 for name in CURVES for rival in interpolation._RIVALS}
    row |= {"circle geodesic": 1.0, "circle untrained": math.e, "circle paths": 0.0}
    row |= {"roll geodesic": math.e, "roll straight_last": 1.0}
    assert interpolation._gain(row) == pytest.approx(0, abs=1e-15)
    assert interpolation._gain(row | {"roll straight_last": math.e**2}) == pytest.approx(1)


@pytest.mark.parametrize("name", CURVES)
def test_pairs_lie_on_the_curve_and_far_apart(name: str) -> None:
    curve = CURVES[name]
    begin, end = curve.pairs(1000, torch.Generator().manual_seed(0))
    apart = end - begin
    assert float(begin.min()) >= 0
    # a ring has no end
    assert name == "circle" or float(end.max()) <= curve.turns
    assert 0.25 <= float(apart.min()) < 0.26
    assert curve.farthest - 0.01 < float(apart.max()) <= curve.farthest


def test_the_curves_are_a_ring_and_a_spiral() -> None:
    assert torch.linalg.vector_norm(RING.at(TURNS), dim=-1).std() < 1e-15
    # a turn further out, a spiral is 2 pi times its growth away; it ends at radius 2
    spiral = CURVES["roll"]
    turns = torch.tensor([0.25, 1.25, 1.5], dtype=torch.float64)
    radius = torch.linalg.vector_norm(spiral.at(turns), dim=-1)
    assert radius[1] - radius[0] == pytest.approx(2 * math.pi * spiral.growth)
    assert radius[2] == pytest.approx(2)
    assert Curve(1.0, 0.0, 0.0, 1.0, 0.5).at(turns[:1])[0].tolist() == pytest.approx([0, 1])


def test_energy_of_a_straight_line_in_the_hyperbolic_plane() -> None:
    field = ExactMetric("hyperbolic_plane_half")
    p, q = torch.tensor([[[0.0, 1.0]], [[0.0, 2.0]]], dtype=torch.float64)
    line = interpolation._line(p, q, 257)
    # int ds / (1 + s)^2 = 1/2, with 256 midpoints
    assert energies(field, line).item() == pytest.approx(0.5, abs=1e-5)


def test_the_match_is_of_lengths() -> None:
    head = LinearHead(2, 2).double()
    with torch.no_grad():
        head.linear.weight.copy_(2 * torch.eye(2))
    # 4 + the floor 0.01 of `fisher_match_loss`, and lengths that are too large by exp 0.1
    factor = math.sqrt(4.01) * math.exp(0.1) * torch.eye(2, dtype=torch.float64)
    maps = [ndm.coordinate_map("affine_coupling", 2, parity=0)]
    model = ndm.NDM(maps, head, ConstantMetric(2, factor)).double()
    z = torch.zeros(3, 4, 2, dtype=torch.float64)
    assert interpolation._match(model, z) == pytest.approx(0.1, rel=1e-9)


def test_a_decoder_is_learned_from_what_is_drawn() -> None:
    generator = torch.Generator().manual_seed(3)
    z = torch.randn((40, 2), generator=generator, dtype=torch.float64)
    x = FLAT(z)
    x = x + 0.1 * torch.randn(x.shape, generator=generator, dtype=x.dtype)
    made = learned(z, x, 3, generator, 2)
    model, points = surfaces.decoder(FLAT, 3, 40, 0.1, 2)
    assert torch.equal(points, z)
    assert torch.equal(model(z), made(z))
    assert torch.equal(model.metric(z), made.metric(z))


def test_steps_before_leave_the_metric_alone_and_the_others_teach_it() -> None:
    problem = Problem.drawn("circle", 1000)
    z, x = problem.z[:50], problem.x[:50]

    def after(steps: int, before: int, taught: Tensor | None = None) -> ndm.NDM:
        order = torch.Generator().manual_seed(0)
        return learned(z, x, 0, order, steps, before=before, taught=taught)

    new, read, both = after(0, 0), after(0, 60), after(20, 60, z)
    y = torch.randn((5, 2), dtype=torch.float64)
    assert torch.equal(new.field(-1)(y), read.field(-1)(y))
    assert (read(z) - x).square().mean() < 0.5 * (new(z) - x).square().mean()
    assert interpolation._match(both, z) < 0.8 * interpolation._match(read, z)


def test_checks_show_means_and_worst() -> None:
    kinds = interpolation._CHECKS
    rows = [{f"roll {kind}": value for kind in kinds} for value in (0.25, 1.0)]
    table = interpolation._checks(rows, ["roll"])
    assert table.rows == (("roll", 0.625, 0.625, 0.625, 0.5, 1.0, 1.0),)
    assert len(table.header) == len(table.rows[0])


@pytest.mark.parametrize(("effect", "outcome"), [(0.5, Outcome.CONFIRMED), (0.0, Outcome.REFUTED)])
def test_planted_seeds_are_answered(tmp_path: Path, effect: float, outcome: Outcome) -> None:
    kinds = ("geodesic", "along", *interpolation._RIVALS, *interpolation._CHECKS)
    row: dict[str, Any] = {f"{name} {kind}": 0.5 for name in CURVES for kind in kinds}
    row |= {f"{name} paths": torch.zeros(2, 6, 3, 2).tolist() for name in CURVES}
    for seed in SEEDS[:5]:
        own = 0.5 * math.exp(-effect + 0.01 * (seed % 3))
        kept = row | {"seed": seed, "circle geodesic": own, "roll geodesic": own}
        (tmp_path / f"seed-{seed}.json").write_text(json.dumps(kept), encoding="utf-8")
    found = interpolation._best(Study(tmp_path, SEEDS, quick=False))
    assert found.outcome is outcome
    assert [row[0] for row in found.tables[0].rows] == list(SEEDS[:5])
    assert [row[0] for row in found.tables[-1].rows] == [*CURVES]
    assert len(found.pictures) == 1


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
