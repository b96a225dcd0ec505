"""The report of a run: one page that holds everything, whatever the run was."""

from __future__ import annotations

import base64
import math
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch

from ndm.analysis import connect
from ndm.build import build_model
from ndm.data import load
from ndm.errors import TrainingError
from ndm.geometry import ExactMetric
from ndm.plots import Targets, geodesics_figure, geometry_figure, join
from ndm.plots.canvas import plane_of
from ndm.report import outside, write_report
from ndm.training import train
from tests.ndm.training_samples import tiny

ALL = [
    "curves",
    "geometry over the data",
    "geodesics",
    "approximate symmetries",
    "the data in every chart",
]


class Page(HTMLParser):
    """Counts tags, and checks that they are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[str] = []
        self.cells: list[str] = []
        self.sources: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "img":
            self.images.append(found.get("alt") or "")
            self.sources.append(found.get("src") or "")
        elif tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "td":
            self.cells.append(data)


def test_the_page_is_complete_in_itself(tmp_path: Path) -> None:
    result = train(tiny("seeds=[0, 1]", "trainer.epochs=2"), tmp_path / "run")
    place = write_report(tmp_path / "run", seed=1)
    assert place == tmp_path / "run" / "report.html"
    text = place.read_text("utf-8")
    page = Page(text)
    assert page.open == []
    assert page.images == ALL
    for source in page.sources:
        assert source.startswith("data:image/png;base64,")
        assert base64.b64decode(source.partition(",")[2]).startswith(b"\x89PNG")
    assert not re.search(r"(src|href)=['\"](?!data:)", text)
    assert "<script" not in text
    for seed in result.seeds:
        for part in seed.figures.values():
            assert {f"{value:.4g}" for value in part.values()} <= set(page.cells)
    assert torch.__version__ in page.cells
    assert page.cells.count("6 of 6") == 2  # geodesics of metrics that are nearly constant


@pytest.mark.parametrize(
    ("words", "images"),
    [
        (["model.metric=null"], ["curves", "the data in every chart"]),
        (["data.name=iris", "data.components=1", "model.map=monotone", "model.map_options={}"],
         ["curves"]),
        # all pictures once more each, which takes some seconds
        pytest.param(["data.name=diabetes", "data.components=3", "model.tie=independent"], ALL,
                     marks=pytest.mark.slow),
        pytest.param(["data.task=density"], ALL, marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_pages_of_other_runs(tmp_path: Path, words: list[str], images: list[str]) -> None:
    train(tiny(*words, "trainer.epochs=1"), tmp_path / "run")
    page = Page(write_report(tmp_path / "run", tmp_path / "page.html").read_text("utf-8"))
    assert page.images == images


def test_maps_hold_the_curvature_of_the_model() -> None:
    config = tiny()
    data = load(config.data)
    torch.manual_seed(0)
    model = build_model(config.model, data)
    figure = geometry_figure(model, model, data.train[0], Targets(data.train[1], True))
    mesh = figure.axes[0].collections[0]
    corners = mesh.get_coordinates()
    centres = (corners[1:, 1:] + corners[:-1, :-1]) / 2
    expected = model.geometry(torch.as_tensor(centres.reshape(-1, 2)).float()).scalar_curvature
    # corners are 64-bit, the model's numbers are 32-bit: curvature of size 0.1 keeps 4 digits
    assert np.abs(mesh.get_array().reshape(-1) - expected.detach().numpy()).max() < 1e-4


def test_maps_of_more_coordinates_are_a_plane_through_the_data() -> None:
    """The principal axes are those of the covariance; R is that of the whole metric."""
    config = tiny("data.name=iris")
    data = load(config.data)
    torch.manual_seed(0)
    model = build_model(config.model, data).double()
    x = data.train[0]
    plane = plane_of(model, x)
    values, vectors = np.linalg.eigh(np.cov(x.T))
    for direction, vector in zip(plane.directions.numpy(), vectors.T[:-3:-1], strict=True):
        # both are unit vectors, up to sign, exact to rounding over the gap of eigenvalues
        assert abs(direction @ vector) == pytest.approx(1, abs=1e-12)
    assert (np.diff(values) > 1e-3).all()
    found = plane.coordinates(torch.as_tensor(x))
    # principal components do not correlate
    assert abs(np.corrcoef(found.T)[0, 1]) < 1e-12
    figure = geometry_figure(model, model, x, Targets(data.train[1], True, data.names))
    mesh = figure.axes[0].collections[0]
    corners = mesh.get_coordinates()
    centres = ((corners[1:, 1:] + corners[:-1, :-1]) / 2)[::20, ::20].reshape(-1, 2)
    places = plane.origin + torch.as_tensor(centres) @ plane.directions
    expected = model.geometry(places).scalar_curvature.detach().numpy()
    shown = mesh.get_array().reshape(mesh.get_coordinates().shape[0] - 1, -1)[::20, ::20]
    assert np.abs(shown.reshape(-1) - expected).max() < 1e-9
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["0", "1", "2"]


def test_geodesics_join_points_of_different_classes() -> None:
    config = tiny()
    data = load(config.data)
    torch.manual_seed(0)
    model = build_model(config.model, data).double()
    x, y = data.train
    targets = Targets(y, True)
    found = join(model, model, x, targets, 3)
    assert found.trained.converged.all()
    assert torch.equal(found.trained.distance, found.untrained.distance)  # it is the same model
    for p, q in zip(found.trained.p, found.trained.q, strict=True):
        ends = [np.flatnonzero((x == end.numpy()).all(1)) for end in (p, q)]
        assert y[ends[0][0]] != y[ends[1][0]]
    figure = geodesics_figure(model, model, found, x, targets)
    assert "3 of 3 pairs joined" in figure.axes[0].get_title()
    drawn = [line.get_xydata() for line in figure.axes[0].lines if len(line.get_xydata()) == 200]
    s = torch.linspace(0, 1, 200, dtype=torch.float64)
    # the curves of the picture are those that were found
    assert np.abs(np.stack(drawn) - found.trained.at(s)[0].numpy()).max() < 1e-12


def test_how_far_a_geodesic_leaves_the_data() -> None:
    """Of the half-plane from (-1, 1) to (1, 1): a circle about 0, whose top is at sqrt 2."""
    ends = torch.tensor([[-1.0, 1.0], [1.0, 1.0]]).double()
    found = connect(ExactMetric("hyperbolic_plane_half"), ends[:1], ends[1:])
    for low, high in ((0.8, 1.2), (0.5, 1.5)):
        box = torch.tensor([[-1.0, low], [1.0, high]]).double()
        expected = max(0.0, (math.sqrt(2) - high) / (high - low))
        # the curve is good to the square of its turning of 1e-4
        assert outside(found, box) == pytest.approx(expected, abs=1e-6)
    flat = torch.cat((ends, ends.roll(1, 0)))  # all at height 1: of no width there
    assert outside(found, flat) == 0


def test_what_there_is_no_page_of(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="holds no run"):
        write_report(tmp_path)
    train(tiny("trainer.epochs=1"), tmp_path / "run")
    with pytest.raises(TrainingError, match="seed 7 not"):
        write_report(tmp_path / "run", seed=7)
    with pytest.raises(TrainingError, match="cannot be written"):
        write_report(tmp_path / "run", tmp_path / "none" / "page.html")
    shutil.copytree(tmp_path / "run", tmp_path / "other")
    (tmp_path / "other" / "seed-0" / "metrics.csv").write_text("epoch\nx\n")
    with pytest.raises(TrainingError, match=r"metrics\.csv is damaged"):
        write_report(tmp_path / "other")
    (tmp_path / "run" / "seed-0" / "result.json").unlink()
    with pytest.raises(TrainingError, match="no seed"):
        write_report(tmp_path / "run")


def test_a_page_without_its_data_says_so(tmp_path: Path) -> None:
    table = tmp_path / "<b>.npz"
    np.savez(table, x=np.random.default_rng(0).normal(size=(40, 2)), y=np.arange(40) % 2)
    train(tiny("data.name=file", f"data.path={table}", "trainer.epochs=1"), tmp_path / "run")
    table.unlink()
    text = write_report(tmp_path / "run").read_text("utf-8")
    assert "the data are not there" in text
    assert "<b>" not in text
    assert Page(text).images == ["curves"]
