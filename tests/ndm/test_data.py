"""Data: sets, files, splits, scaling; against NumPy alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ndm.config import DataConfig
from ndm.data import NAMES, Data, apply, load, read_table
from ndm.errors import DataError

MADE = ["moons", "circles", "swiss_roll", "sphere", "torus", "mnist1d"]


def whole(data: Data) -> tuple[Any, Any]:
    parts = (data.train, data.validation, data.test)
    return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])


@pytest.mark.parametrize("name", [name for name in NAMES if name != "file"])
def test_every_set_is_split_scaled_and_the_same_again(name: str) -> None:
    config = DataConfig(name=name, samples=60)
    data, again = load(config), load(config)
    x, y = whole(data)
    assert len(x) == len(y)
    assert np.isfinite(x).all()
    if name in MADE:
        assert len(x) == 60
    for part in ("train", "validation", "test"):
        first, second = getattr(data, part), getattr(again, part)
        assert (first[0] == second[0]).all()
        assert (first[1] == second[1]).all()
    # rounding of a mean over N points
    assert np.abs(data.train[0].mean(0)).max() < 1e-10
    spread = data.train[0].std(0)
    assert np.all((np.abs(spread - 1) < 1e-10) | (spread < 1e-10))
    if data.task == "classification":
        assert set(np.unique(y)) <= set(range(data.outputs))
    else:
        assert data.train[1].mean() == pytest.approx(0, abs=1e-10)
    other = load(DataConfig(name=name, samples=60, seed=1))
    assert not np.array_equal(other.train[0], data.train[0])


def test_parts_are_disjoint_and_of_the_size_asked_for(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.arange(100.0)[:, None], y=np.arange(100) % 2)
    config = DataConfig(
        name="file", path=str(tmp_path / "d.npz"), standardise=False, validation=0.2, test=0.1
    )
    data = load(config)
    sizes = [len(part[0]) for part in (data.train, data.validation, data.test)]
    assert sizes == [70, 20, 10]
    x, y = whole(data)
    assert sorted(x[:, 0]) == list(range(100))
    assert (y == x[:, 0] % 2).all()


def test_principal_components_are_white() -> None:
    data = load(DataConfig(name="digits", components=8))
    covariance = np.cov(data.train[0].T)
    # rounding of a singular value decomposition of about 1300 x 64 numbers of size 16
    assert np.abs(covariance - np.eye(8)).max() < 1e-10


def test_more_components_than_there_are() -> None:
    with pytest.raises(DataError, match="at most 4"):
        load(DataConfig(name="iris", components=5))


def test_csv_with_names_of_classes(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("\ufeffa, b ,kind\r\n1,2,cat\r\n3,4,dog\r\n\r\n5,6,cat\r\n", "utf-8")
    x, y = read_table(str(path))
    assert x.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert y.tolist() == ["cat", "dog", "cat"]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_csv_with_other_separators(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "d.csv"
    path.write_text(f"a{mark}y\n1.5{mark}0\n-2{mark}1\n")
    x, y = read_table(str(path))
    assert x.tolist() == [[1.5], [-2]]
    assert y.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("y", "task", "names"),
    [
        ((np.arange(40) % 2)[:, None], "classification", ("0", "1")),  # one column
        (np.array([b"no", b"yes"] * 20), "classification", ("no", "yes")),
        (np.arange(40) % 2 > 0, "classification", ("False", "True")),
        (np.arange(40), "regression", ()),  # a value of its own for each point is no class
        (np.eye(2)[np.arange(40) % 2], "regression", ()),
    ],
)
def test_what_targets_are_taken_for(
    tmp_path: Path, y: NDArray[Any], task: str, names: tuple[str, ...]
) -> None:
    np.savez(tmp_path / "d.npz", x=np.random.default_rng(0).normal(size=(40, 2)), y=y)
    data = load(DataConfig(name="file", path=str(tmp_path / "d.npz")))
    assert (data.task, data.names) == (task, names)
    assert len(apply(data, np.zeros((40, 2)), y)[1]) == 40


def test_csv_of_a_density_has_coordinates_only(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("a,b\n" + "".join(f"{k},{k * k % 7}\n" for k in range(20)))
    data = load(DataConfig(name="file", path=str(path), task="density"))
    assert (data.task, data.dimension, data.train[1].shape[1]) == ("density", 2, 0)


def test_other_data_are_brought_to_the_same_scale(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(3, 5, (50, 2)), random.normal(7, 2, 50)
    np.savez(tmp_path / "d.npz", x=x, y=y)
    data = load(DataConfig(name="file", path=str(tmp_path / "d.npz")))
    points, targets = apply(data, x, y)
    for part in (data.train, data.validation, data.test):
        where = [np.flatnonzero((points == row).all(1))[0] for row in part[0]]
        assert (targets[where] == part[1]).all()
    assert data.targets is not None
    # undoing the division by the deviation, then the mean
    back = targets[:, 0] / data.targets.matrix[0, 0] + data.targets.mean[0]
    assert back == pytest.approx(y, rel=1e-12)


def test_classes_keep_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("a,b,kind\n" + "".join(f"{k},{k % 3},{'xyz'[k % 3]}\n" for k in range(30)))
    data = load(DataConfig(name="file", path=str(path)))
    assert data.names == ("x", "y", "z")
    assert apply(data, np.zeros((2, 2)), np.array(["z", "x"]))[1].tolist() == [2, 0]
    with pytest.raises(DataError, match="class 'w' is not known"):
        apply(data, np.zeros((1, 2)), np.array(["w"]))
    with pytest.raises(DataError, match="3 coordinates; the model was given 2"):
        apply(data, np.zeros((1, 3)), np.array(["x"]))
    with pytest.raises(DataError, match="not finite"):
        apply(data, np.full((1, 2), np.nan), np.array(["x"]))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 lines"),
        ("a,b\n", "1 lines"),
        ("a,b\n1\n", "row 2: 1 values for 2 columns"),
        ("a,b\n1,2\nx,3\n", "row 3, column 'a': 'x' is no number"),
        ("y\n1\n2\n", "has one column"),
        ("a,y\n1,1\n2,1\n3,1\n4,1\n5,1\n", "needs two classes"),
        ("a,y\n1,1\nnan,0\n3,1\n4,1\n5,1\n", "1 points have coordinates that are not finite"),
        ("a,y\n1,1.5\n2,inf\n3,1\n4,1\n5,1\n", "targets that are not finite"),
        ("a,y\n1,0\n2,1\n", "too few"),
        ("1,2,0\n2,3,1\n", "begins with numbers, 1, 2, 0"),
        (",a,y\n0,1,0\n1,2,1\n", "column 1 has no name"),
        ("a,y,\n1,0,\n2,1,\n", "column 3 has no name"),
        ("a,a,y\n1,2,0\n2,3,1\n", "two columns 'a'"),
        ("a;y\n0,5;0\n1,5;1\n", "'0,5' is no number; write decimals with a point"),
        ("a,y\n1,x\n2,\n3,z\n", "row 3, column 'y' is empty"),
        ("a,y\n" + "1e308,0\n-1e308,1\n" * 9, "too large"),
        (
            "a,y\n1,0\n2,1\n1,0\n9,7\n" + "1,0\n2,1\n" * 18,
            "class '7' has 1 of 40 points, and none",
        ),
    ],
)
def test_csv_that_cannot_be_used(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "d.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        load(DataConfig(name="file", path=str(path)))


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"z": np.zeros(3)}, "needs an array x"),
        ({"x": np.zeros((5, 2)), "y": np.zeros(4)}, "5 points and 4 targets"),
        ({"x": np.array(["a"] * 5), "y": np.arange(5)}, "are no numbers"),
        ({"x": np.zeros((5, 2), complex), "y": np.arange(5)}, "are no numbers"),
        ({"x": np.zeros((0, 2)), "y": np.zeros(0)}, "at least 1"),
        ({"x": np.float64(1), "y": np.zeros(1)}, "at least 1"),
        ({"x": np.zeros((5, 2)), "y": np.float64(1)}, "one for each point"),
        ({"x": np.array([{}] * 5), "y": np.arange(5)}, "no .npz of plain arrays"),
    ],
)
def test_npz_that_cannot_be_used(tmp_path: Path, arrays: dict[str, Any], said: str) -> None:
    np.savez(tmp_path / "d.npz", **arrays)
    with pytest.raises(DataError, match=said):
        load(DataConfig(name="file", path=str(tmp_path / "d.npz")))


def test_messages_name_the_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.full((5, 2), np.inf), y=np.arange(5))
    with pytest.raises(DataError, match=r"d\.npz: 5 points have coordinates that are not finite"):
        load(DataConfig(name="file", path=str(tmp_path / "d.npz")))


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "junk.npz").write_text("junk")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 cut short")
    (tmp_path / "latin.csv").write_bytes(b"a,y\n\xff\xfe,1\n")
    (tmp_path / "folder.csv").mkdir()
    for name in ("junk.npz", "cut.npz", "latin.csv", "folder.csv", "none.csv", "table.xlsx"):
        with pytest.raises(DataError) as caught:
            read_table(str(tmp_path / name))
        assert name in str(caught.value)


def test_names_that_are_not_known() -> None:
    with pytest.raises(DataError, match="did you mean 'moons'"):
        load(DataConfig(name="moon"))
