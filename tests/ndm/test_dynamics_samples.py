"""Motion as data: files, derivatives by local polynomials, error bars."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ndm.dynamics.samples import Trajectories, Triples, load_motion
from ndm.errors import DataError


def test_polynomials_are_differentiated_exactly() -> None:
    t = np.sort(np.random.default_rng(0).random(20)) * 2
    x = np.stack([1 + t - 3 * t**2 + t**4, t**3], -1)
    triples = Trajectories(t, x).triples(window=7, degree=4)
    middle = t[3:-3]
    # the fit is exact up to rounding / (shortest window)^2
    assert np.abs(triples.x[:, 1] - middle**3).max() < 1e-12
    assert np.abs(triples.v[:, 1] - 3 * middle**2).max() < 1e-9
    assert np.abs(triples.a[:, 0] - (-6 + 12 * middle**2)).max() < 1e-8
    assert triples.error is None


@pytest.mark.parametrize("known", [True, False])
def test_error_bars_are_what_the_accelerations_scatter_by(known: bool) -> None:
    t, random, noise = np.linspace(0, 3, 31), np.random.default_rng(1), 1e-3
    exact = np.sin(t)[None, :, None] * np.ones((400, 1, 2))
    noisy = exact + noise * random.normal(size=exact.shape)
    triples = Trajectories(t, noisy, noise if known else None).triples(window=9, degree=4)
    assert triples.error is not None
    off = (triples.a + np.tile(np.sin(t[4:-4]), 400)[:, None]) / triples.error
    # 400 * 2 * 23 correlated numbers: their root mean square is good to a few per cent
    assert abs(np.sqrt(np.mean(off**2)) - 1) < 0.04


def test_limit_of_chi_squared_is_what_noise_leaves() -> None:
    t = np.linspace(0, 1, 20)
    limit = Trajectories(t, np.zeros((5, 20, 2)), 1.0).chi_squared_limit(4)
    # mean of chi^2 with 200 - 20 degrees of freedom; the median lies 2/3 below
    assert abs(limit**2 * 200 - (180 - 2 / 3)) < 0.01
    with pytest.raises(DataError, match="longer ones"):
        Trajectories(t[:3], np.zeros((1, 3, 2))).chi_squared_limit(6)


@pytest.mark.parametrize("suffix", [".npz", ".csv"])
def test_triples_go_through_files(tmp_path: Path, suffix: str) -> None:
    x, v, a = np.random.default_rng(2).normal(size=(3, 6, 2))
    path = tmp_path / f"motion{suffix}"
    if suffix == ".npz":
        np.savez(path, x=x, v=v, a=a)
    else:
        # columns in any order, digits enough for any double
        table = np.concatenate([a, x, v], 1)
        np.savetxt(path, table, "%.17g", ",", header="a1,a2,x1,x2,v1,v2", comments="")
    found = load_motion(path)
    assert isinstance(found, Triples)
    assert (found.x == x).all()
    assert (found.v == v).all()
    assert (found.a == a).all()


@pytest.mark.parametrize("suffix", [".npz", ".csv"])
def test_trajectories_go_through_files(tmp_path: Path, suffix: str) -> None:
    t, x = np.linspace(0, 1, 4), np.random.default_rng(2).normal(size=(3, 4, 2))
    path = tmp_path / f"motion{suffix}"
    if suffix == ".npz":
        np.savez(path, t=t, x=x, noise=0.01)
    else:
        rows = [(k, t[i], *x[k, i]) for i in range(4) for k in range(3)]
        np.savetxt(path, rows, "%.17g", ",", header="run, t, x1, x2", comments="")
    found = load_motion(path)
    assert isinstance(found, Trajectories)
    assert (found.x == x).all()
    assert (found.t == t).all()


WRONG: dict[str, tuple[str, str]] = {
    "no.csv": ("", "no table"),
    "words.csv": ("t,x1\n0,a\n", "no table"),
    "ragged.csv": ("t,x1\n0,1\n2\n", "no table|do not fit"),
    "gap.csv": ("t,x1,x3\n0,1,2\n1,1,2\n2,1,2\n", "numbered"),
    "some.csv": ("x1,v1\n0,1\n", "needed are"),
    "times.csv": ("t,x1\n0,1\n0,2\n1,3\n", "later than"),
    "nan.csv": ("t,x1\n0,1\n1,nan\n2,3\n", "not finite"),
    "apart.csv": ("run,t,x1\n0,0,1\n0,1,1\n1,0,1\n1,2,1\n", "different times"),
    "twice.csv": ("t,x1,x1\n0,1,2\n1,1,2\n2,1,2\n", "do not fit"),
    "short.csv": ("t,x1\n0,1\n1,2\n", "three times"),
    "broken.npz": ("this is no archive", "cannot be read"),
    "motion.txt": ("0", "neither"),
}


@pytest.mark.parametrize("name", WRONG)
def test_files_that_do_not_fit_are_refused(tmp_path: Path, name: str) -> None:
    text, message = WRONG[name]
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        load_motion(path)


def test_a_pickle_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "motion.npz"
    np.savez(path, x=np.array([{}], dtype=object))
    with pytest.raises(DataError, match="cannot be read"):
        load_motion(path)
    with pytest.raises(DataError, match="no file"):
        load_motion(tmp_path / "none.npz")


def test_arrays_that_do_not_fit_are_refused() -> None:
    x = np.zeros((4, 2))
    with pytest.raises(DataError, match="must agree"):
        Triples(x, x[:3], x)
    with pytest.raises(DataError, match="not positive"):
        Triples(x, x, x, x)
    with pytest.raises(DataError, match="axes"):
        Triples(x[0], x[0], x[0])
    with pytest.raises(DataError, match="no array"):
        Triples([["a"]], x, x)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="times were given"):
        Trajectories(np.arange(3.0), x)
    with pytest.raises(DataError, match="noise"):
        Trajectories(np.arange(4.0), x, -1.0)
    for window, degree in ((6, 4), (3, 4), (99, 4), (5, 1)):
        with pytest.raises(DataError, match="window"):
            Trajectories(np.arange(9.0), np.zeros((9, 1))).triples(window, degree)
