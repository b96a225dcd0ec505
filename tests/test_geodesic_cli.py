"""`geomkit geodesic`: what it prints, writes, refuses, and its exit status."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from geomkit.cli.geodesic import run
from geomkit.errors import DomainError, FileError, GeomkitError, ParseError

SPHERE: dict[str, Any] = {"target": "sphere2", "start": "pi/2, 0", "velocity": "0, 1"}


def test_a_great_circle(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    table, picture = tmp_path / "circle.csv", tmp_path / "circle.png"
    status = run(**SPHERE, length="2*pi", csv=table, plot=picture, parameters=["a=2"])
    text = capsys.readouterr().out
    assert status == 0
    assert "with  a = 2" in text
    assert "phi = 6.2831853" in text
    assert "p_phi = 4" in text
    assert picture.read_bytes().startswith(b"\x89PNG")
    rows = table.read_text().splitlines()
    assert len(rows) == 202
    assert float(rows[-1].split(",")[2]) == pytest.approx(2 * math.pi)


def test_json_and_events(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(**SPHERE, length="9", events=["mark: phi - a"], json=True, parameters=["a=2"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["ending"] == "event"
    assert content["hits"][0]["name"] == "mark"
    assert content["hits"][0]["s"] == pytest.approx(2.0)


def test_named_components_and_light(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page = tmp_path / "ray.html"
    status = run(
        "schwarzschild", "r=10*M, theta=pi/2", "r=-1", kind="null", length="4", plot=page,
        parameters=["M=1"],
    )  # fmt: skip
    text = capsys.readouterr().out
    assert status == 0
    assert "null geodesic of schwarzschild" in text
    assert "r = 6" in text
    assert "scatter3d" in page.read_text()


def test_functions_of_a_metric_take_their_examples(capsys: pytest.CaptureFixture[str]) -> None:
    status = run("flrw", "t=1, r=1/4, theta=pi/2", "r=1/10", kind="timelike", length="1/2")
    shown = capsys.readouterr()
    assert status == 0
    assert "timelike geodesic of flrw" in shown.out
    assert "examples of the metric's file for its functions: a(t) = " in shown.err


def test_an_early_end_is_an_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    status = run("schwarzschild", "r=10, theta=pi/2", "r=-1", kind="null", length="20",
                 parameters=["M=1"])  # fmt: skip
    assert status == 1
    assert "the curve ends early" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"start": "1"}, ParseError, "give 2 numbers, for theta, phi"),
        ({"start": "1, q"}, GeomkitError, "q"),
        ({"start": "1, phi"}, ParseError, "only parameters have values here"),
        ({"start": "rho=1"}, GeomkitError, "no coordinate 'rho'"),
        ({"start": "1, 1/0"}, ParseError, "division by zero"),
        ({"parameters": ["a"]}, ParseError, "NAME=VALUE"),
        ({"parameters": ["b=1"]}, GeomkitError, "no parameter 'b'"),
        ({"kind": "fast"}, ParseError, "as-given, unit, null, timelike"),
        ({"kind": "null"}, DomainError, "no light cones"),
        ({"plot": Path("a.gif")}, FileError, ".png"),
        ({"target": "spheer"}, FileError, "did you mean"),
        ({"length": "0"}, DomainError, "not zero"),
    ],
)
def test_what_cannot_be_used_is_refused(
    change: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(**{**SPHERE, **change})
