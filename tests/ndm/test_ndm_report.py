"""The report of a run: one page that holds everything, whatever the run was."""

from __future__ import annotations

import base64
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch

from ndm.build import build_model
from ndm.data import load
from ndm.errors import TrainingError
from ndm.plots import geometry_figure
from ndm.report import write_report
from ndm.training import train
from tests.ndm.training_samples import tiny


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
    result = train(tiny("seeds=[0, 1]"), tmp_path / "run")
    place = write_report(tmp_path / "run", seed=1)
    assert place == tmp_path / "run" / "report.html"
    text = place.read_text("utf-8")
    page = Page(text)
    assert page.open == []
    assert page.images == ["curves", "geometry over the data", "the data in every chart"]
    for source in page.sources:
        assert source.startswith("data:image/png;base64,")
        assert base64.b64decode(source.partition(",")[2]).startswith(b"\x89PNG")
    assert not re.search(r"(src|href)=['\"](?!data:)", text)
    assert "<script" not in text
    for seed in result.seeds:
        for part in seed.figures.values():
            assert {f"{value:.4g}" for value in part.values()} <= set(page.cells)
    assert torch.__version__ in page.cells


@pytest.mark.parametrize(
    ("words", "images"),
    [
        (["model.metric=null"], ["curves", "the data in every chart"]),
        (["data.name=iris", "model.tie=independent"], ["curves", "the data in every chart"]),
        (["data.task=density"], ["curves", "geometry over the data", "the data in every chart"]),
        (["data.name=iris", "data.components=1", "model.map=monotone", "model.map_options={}"],
         ["curves"]),
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
    figure = geometry_figure(model, model, *data.train, True)
    mesh = figure.axes[0].collections[0]
    corners = mesh.get_coordinates()
    centres = (corners[1:, 1:] + corners[:-1, :-1]) / 2
    expected = model.geometry(torch.as_tensor(centres.reshape(-1, 2)).float()).scalar_curvature
    # corners are 64-bit, the model's numbers are 32-bit: curvature of size 0.1 keeps 4 digits
    assert np.abs(mesh.get_array().reshape(-1) - expected.detach().numpy()).max() < 1e-4


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
