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
    has a header; `target` names the column that is predicted, the last one by default; all other
    columns are coordinates. Without any target (an .npz with `x` alone, or a .csv that is read for
    a density, of which no target is named) the task is a density.

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
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no CSV in UTF-8: {error}") from error
    if len(rows) < 2:
        raise DataError(f"{path} has {len(rows)} lines; it needs a header and rows of numbers")
    header = [name.strip() for name in rows[0]]
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
    return x, _labels(columns[at])


def _numbers(path: Path, name: str, column: tuple[str, ...]) -> Array:
    for number, text in enumerate(column, start=2):
        try:
            float(text)
        except ValueError as error:
            raise DataError(
                f"{path}, row {number}, column {name!r}: {text!r} is no number"
            ) from error
    return np.array([float(text) for text in column])


def _labels(column: tuple[str, ...]) -> Array:
    try:
        values = np.array([float(text) for text in column])
    except ValueError:
        return np.array(column)  # names of classes
    whole = np.isfinite(values).all() and (values == np.round(values)).all()
    return values.astype(np.int64) if whole and np.abs(values).max() < 2**53 else values
