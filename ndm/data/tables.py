"""Points and targets from files of the user's own: .npz and .csv."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ndm.errors import DataError

__all__ = ["read_table"]

Array = NDArray[Any]
Pair = tuple[Array, Array]


def read_table(path: str, target: str | None = None, task: str | None = None) -> Pair:
    """Read points and targets from a file.

    An .npz holds `x` (N, n) and `y` (N,) or (N, k), or the arrays that `target` names for y. A .csv
    has a header, and commas, semicolons or tabs between values; `target` names the column that is
    predicted, the last one by default; all other columns are coordinates. Without any target (an
    .npz with `x` alone, or a .csv that is read for a density, of which no target is named) the task
    is a density.

    Args:
        path: the file.
        target: see above.
        task: see above.

    Returns:
        Points (N, n) and targets.

    Raises:
        DataError: the file cannot be read, or is not of this form.
    """
    place = Path(path)
    if place.suffix.lower() not in (".npz", ".csv"):
        raise DataError(f"{path} is neither .npz nor .csv; save it as one of these")
    if not place.is_file():
        raise DataError(f"{path} is no file; give the path of an .npz or .csv")
    if place.suffix.lower() == ".npz":
        return _read_npz(place, target)
    return _read_csv(place, target, bare=task == "density" and target is None)


def _read_npz(path: Path, target: str | None) -> Pair:
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is no .npz of plain arrays; write it by np.savez") from error
    if "x" not in arrays:
        raise DataError(f"{path} holds {sorted(arrays)}; it needs an array x (N, n)")
    if target is not None and target not in arrays:
        raise DataError(f"{path} holds {sorted(arrays)}, and no {target!r}")
    x = arrays["x"]
    y = arrays.get(target or "y")
    return x, np.empty((len(x), 0)) if y is None else y


def _read_csv(path: Path, target: str | None, *, bare: bool) -> Pair:
    rows = _rows(path)
    if len(rows) < 2:
        raise DataError(f"{path} has {len(rows)} lines; it needs a header and rows of numbers")
    header = _header(path, rows[0])
    target = header[-1] if target is None else target
    if target not in header:
        raise DataError(f"{path} has the columns {header}, and no {target!r}")
    at = header.index(target)
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise DataError(f"{path}, row {number}: {len(row)} values for {len(header)} columns")
    columns = list(zip(*rows[1:], strict=True))
    if bare:
        x = np.stack([_numbers(path, header[k], c) for k, c in enumerate(columns)], -1)
        return x, np.empty((len(x), 0))
    if len(columns) < 2:
        raise DataError(f"{path} has one column; it needs coordinates and a target")
    x = np.stack([_numbers(path, header[k], c) for k, c in enumerate(columns) if k != at], -1)
    return x, _labels(path, header[at], columns[at])


def _rows(path: Path) -> list[list[str]]:
    """Lines that are not empty, cut at the first separator of these that the header has."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            separator = next((mark for mark in ",;\t" if mark in first), ",")
            file.seek(0)
            return [row for row in csv.reader(file, delimiter=separator) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no CSV in UTF-8: {error}; save it as one") from error


def _header(path: Path, row: list[str]) -> list[str]:
    names = [name.strip() for name in row]
    if all(_is_number(name) for name in names):
        raise DataError(
            f"{path} begins with numbers, {', '.join(names[:3])} ...; it needs a first line with "
            "the names of the columns"
        )
    for k, name in enumerate(names):
        if not name:
            raise DataError(
                f"{path}: column {k + 1} has no name (an index, or a comma at the end of the "
                "lines?); name it, or leave it out"
            )
        if name in names[:k]:
            raise DataError(f"{path} has two columns {name!r}; give them different names")
    return names


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers(path: Path, name: str, column: tuple[str, ...]) -> Array:
    for number, text in enumerate(column, start=2):
        if not _is_number(text):
            hint = "; write decimals with a point" if _is_number(text.replace(",", ".")) else ""
            raise DataError(f"{path}, row {number}, column {name!r}: {text!r} is no number{hint}")
    return np.array([float(text) for text in column])


def _labels(path: Path, name: str, column: tuple[str, ...]) -> Array:
    texts = [text.strip() for text in column]
    if "" in texts:
        row = texts.index("") + 2
        raise DataError(f"{path}, row {row}, column {name!r} is empty; fill or remove it")
    if not all(_is_number(text) for text in texts):
        return np.array(texts)  # names of classes
    values = np.array([float(text) for text in texts])
    whole = np.isfinite(values).all() and (values == np.round(values)).all()
    return values.astype(np.int64) if whole and np.abs(values).max() < 2**53 else values
