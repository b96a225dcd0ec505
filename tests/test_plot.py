"""Pictures: what is in them, and how they are saved. How they look is for eyes."""

from __future__ import annotations

import builtins
import pickle
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib.image as plt_image
import numpy as np
import pytest

import geomkit as gk
from geomkit.errors import FileError, GeomkitError, MetricError
from geomkit.plot import curves, fan, heat_map, in_space, on_surface, orbits, save
from geomkit.plot.surfaces import visible


class Curve:
    """The least that a curve has to offer."""

    def __init__(self, **columns: Any) -> None:
        self._columns = columns
        self.coordinates = tuple(columns)
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
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["horizon", "photon sphere"]
    assert figure.axes[0].get_aspect() == 1.0


def test_a_notebook_shows_a_figure() -> None:
    figure = orbits([CIRCLE])
    picture = figure._repr_png_()
    assert picture.startswith(b"\x89PNG")
    shape = plt_image.imread(BytesIO(picture)).shape
    assert shape[:2] == (640, 640)  # 6.4 inches of 100 dots
    assert pickle.loads(pickle.dumps(figure))._repr_png_().startswith(b"\x89PNG")


def test_labels_give_colours_and_one_entry_each_in_the_legend() -> None:
    kinds = ["escapes", "captured", "escapes", "captured"]
    figure = orbits([CIRCLE] * 4, labels=kinds)
    colours = [line.get_color() for line in figure.axes[0].lines]
    assert colours[0] == colours[2] != colours[1] == colours[3]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["escapes", "captured"]
    with pytest.raises(MetricError, match="1 labels were given for 2 curves"):
        orbits([CIRCLE] * 2, labels=["one"])


@pytest.mark.parametrize("name", ["short", "of quite some length, as in a figure for a paper"])
def test_the_legend_fits_into_the_picture(name: str, tmp_path: Path) -> None:
    circles = {f"{name} {k}": 1.0 + k for k in range(5)}
    figure = orbits([CIRCLE], circles=circles)
    save(figure, tmp_path / "picture.png")  # lays it out
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1


def test_what_is_behind_a_surface_is_known() -> None:
    u, v = np.meshgrid(np.linspace(0, np.pi, 60), np.linspace(0, 2 * np.pi, 60))
    ball = np.stack([np.sin(u) * np.cos(v), np.sin(u) * np.sin(v), np.cos(u)], axis=-1)
    random = np.random.default_rng(0).normal(size=(500, 3))
    points = random / np.linalg.norm(random, axis=1, keepdims=True)
    elevation, azimuth = 28.0, -55.0
    e, a = np.radians([elevation, azimuth])
    depth = points @ [np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)]
    # close to the edge, where pixels are too coarse, either answer is right
    clear = np.abs(depth) > 0.15
    assert np.array_equal(visible(ball, points, elevation, azimuth)[clear], depth[clear] > 0)


def test_a_sphere_is_round_in_the_picture(tmp_path: Path) -> None:
    ranges = {"theta": (0.0, np.pi), "phi": (0.0, 2 * np.pi)}
    figure = on_surface(
        gk.catalog["sphere2"], SPHERE_MAP, ranges=ranges, resolution=40, backend="interpret"
    )
    path = save(figure, tmp_path / "sphere.png", dpi=50)
    from matplotlib.image import imread

    dark = imread(path)[..., :3].min(axis=2) < 0.97
    rows, columns = (np.flatnonzero(dark.any(axis=axis)) for axis in (1, 0))
    assert np.ptp(rows) / np.ptp(columns) == pytest.approx(1.0, abs=0.02)  # a pixel of 300


def test_curves_in_space() -> None:
    figure = in_space([CIRCLE], spheres={"horizon": 2.0}, title="a circle")
    line = figure.data[0]
    np.testing.assert_allclose(np.hypot(line.x, line.y), 3.0)  # to rounding
    assert np.ptp(line.z) < 1e-12
    assert figure.data[-1].name == "horizon"
    plane = in_space([Curve(u=TURN, v=TURN)])
    assert plane.layout.scene.xaxis.title.text == "u"
    with pytest.raises(MetricError, match="no curve"):
        in_space([])


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
    assert figure.axes[0].get_title() == "kretschmann of schwarzschild\nM = 1"  # t, phi: no matter


@pytest.mark.parametrize(("nearest", "scale"), [(0.01, "LogNorm"), (3.0, "Normalize")])
def test_values_of_many_sizes_get_a_logarithmic_scale(nearest: float, scale: str) -> None:
    figure = heat_map(
        gk.catalog["schwarzschild"], "kretschmann", over=("r", "theta"), parameters={"M": 1.0},
        ranges={"r": (nearest, 4.0)}, resolution=30, backend="interpret",
    )  # fmt: skip
    assert type(figure.axes[0].collections[0].norm).__name__ == scale


def test_a_constant_is_one_colour() -> None:
    figure = heat_map(
        gk.catalog["sphere2"], "gauss", over=("theta", "phi"), parameters={"a": 1.0},
        resolution=20, backend="interpret",
    )  # fmt: skip
    mesh = figure.axes[0].collections[0]
    spread = np.ptp(mesh.norm(mesh.get_array()))
    assert spread < 1e-6


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
