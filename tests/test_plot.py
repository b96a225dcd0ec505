"""Pictures: what is in them, and how they are saved. How they look is for eyes."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import geomkit as gk
from geomkit.errors import FileError, GeomkitError, MetricError
from geomkit.plot import curves, fan, heat_map, on_surface, orbits, save


class Curve:
    """The least that a curve has to offer."""

    def __init__(self, **columns: Any) -> None:
        self._columns = columns
        self.points = np.stack(list(columns.values()), axis=-1)

    def column(self, name: str) -> np.ndarray:
        if name not in self._columns:
            raise MetricError(f"there is no coordinate {name!r}")
        return np.asarray(self._columns[name])


TURN = np.linspace(0, 2 * np.pi, 50)
CIRCLE = Curve(r=np.full(50, 3.0), phi=TURN)
SPHERE_MAP = ["sin(theta)*cos(phi)", "sin(theta)*sin(phi)", "cos(theta)"]


def test_orbits_are_drawn_in_the_plane() -> None:
    figure = orbits([CIRCLE], circles={"horizon": 2.0, "photon sphere": 3.0})
    x, y = figure.axes[0].lines[0].get_data()
    np.testing.assert_allclose(np.hypot(x, y), 3.0)  # to rounding
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["horizon", "photon sphere"]


def test_curves_and_fans() -> None:
    rays = [Curve(x=TURN * np.cos(k), y=TURN * np.sin(k)) for k in range(6)]
    assert len(curves(rays, "x", "y").axes[0].lines) == 6
    drawn = fan(rays, "x", "y", fronts=3).axes[0].lines
    assert len(drawn) == 6 + 3 + 1
    front = np.array(drawn[6].get_data())
    assert np.ptp(np.hypot(*front)) < 1e-12  # flat: a front is a circle
    with pytest.raises(MetricError, match="equally many samples"):
        fan([*rays, Curve(x=TURN[:5], y=TURN[:5])], "x", "y")


def test_nothing_to_draw_is_said() -> None:
    with pytest.raises(MetricError, match="no curve"):
        orbits([])
    with pytest.raises(MetricError, match="no coordinate 'z'"):
        curves([CIRCLE], "r", "z")


def test_a_map_shows_the_curvature() -> None:
    # K = cos(u)/(b + a cos(u)) / a on the torus: both signs, so the bar is symmetric
    figure = heat_map(gk.catalog["torus"], "gauss", resolution=24, backend="interpret")
    mesh = figure.axes[0].collections[0]
    low, high = mesh.get_clim()
    assert low == -high
    assert mesh.get_array().size == 24 * 24


def test_a_map_fixes_what_it_is_not_drawn_over() -> None:
    figure = heat_map(
        gk.catalog["schwarzschild"],
        "kretschmann",
        over=("r", "theta"),
        parameters={"M": 1.0},
        ranges={"r": (2.0, 4.0)},
        resolution=10,
        backend="interpret",
    )
    values = figure.axes[0].collections[0].get_array()
    # cell centres: the first radius is 2.1; 48 M^2/r^6
    np.testing.assert_allclose(values[0, 0], 48 / 2.1**6, rtol=1e-12)
    assert "M = 1" in figure.axes[0].get_title()


def test_maps_refuse_tensors_and_strangers() -> None:
    with pytest.raises(MetricError, match="is a tensor"):
        heat_map(gk.catalog["torus"], "ricci", backend="interpret")
    with pytest.raises(MetricError, match="no coordinate or parameter 'q'"):
        heat_map(gk.catalog["torus"], "gauss", at={"q": 1.0}, backend="interpret")


@pytest.mark.parametrize("turn", [False, True])
def test_curves_on_a_surface(turn: bool, tmp_path: Path) -> None:
    equator = Curve(theta=np.full(50, np.pi / 2), phi=TURN)
    figure = on_surface(
        gk.catalog["sphere2"],
        SPHERE_MAP,
        [equator],
        ranges={"theta": (0.1, 3.0), "phi": (0.0, 6.2)},
        resolution=8,
        turn=turn,
        backend="interpret",
    )
    path = save(figure, tmp_path / ("sphere.html" if turn else "sphere.png"))
    assert path.stat().st_size > 5000
    if turn:
        line = figure.data[1]
        np.testing.assert_allclose(np.hypot(line.x, line.y), 1.0)  # to rounding
    with pytest.raises(MetricError, match="2 coordinates and 3 functions"):
        on_surface(gk.catalog["sphere2"], SPHERE_MAP[:2])


def test_saving_is_all_or_nothing(tmp_path: Path) -> None:
    figure = orbits([CIRCLE])
    for name in ("a.png", "a.pdf", "a.svg"):
        assert save(figure, tmp_path / name).is_file()
    with pytest.raises(FileError, match=r"cannot be written as \.html"):
        save(figure, tmp_path / "a.html")
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(FileError, match="cannot be written"):
        save(figure, tmp_path / "file" / "b.png")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.pdf", "a.png", "a.svg", "file"]


def test_without_matplotlib_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.split(".")[0] == "matplotlib":
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(GeomkitError, match=r"geomkit-ndm\[plot\]"):
        orbits([CIRCLE])
