"""Motion as data: positions, velocities and accelerations, or positions along trajectories.

| file | what it holds |
|---|---|
| .npz | `x`, `v`, `a` (N, n): triples; or `t` (T,) and `x` (T, n) or (K, T, n): trajectories |
| .csv | columns x1 .., v1 .., a1 ..: triples; or t, x1 .., and `run` where there are several |

Derivatives of noisy positions come from local polynomial fits, with error bars.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from ndm.errors import DataError

__all__ = ["Trajectories", "Triples", "load_motion"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Triples:
    """Positions, velocities and accelerations, each known by itself.

    Attributes:
        x: (N, n).
        v: (N, n).
        a: (N, n).
        error: standard deviations of the accelerations, (N, n), or None if they are exact.

    Raises:
        DataError: shapes that do not agree, or numbers that are not finite.

    Example:
        >>> Triples(np.zeros((5, 2)), np.ones((5, 2)), np.zeros((5, 2)))
        Triples(5 samples, n = 2)
    """

    x: Array
    v: Array
    a: Array
    error: Array | None = None

    def __post_init__(self) -> None:
        for name in ("x", "v", "a", "error"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _numbers(name, value, 2))
                if getattr(self, name).shape != self.x.shape:
                    raise DataError(
                        f"{name} has the shape {np.shape(value)} and x {self.x.shape}; they must "
                        "agree"
                    )
        if self.error is not None and not (self.error > 0).all():
            raise DataError("an error bar is not positive; leave them out for exact data")

    def __repr__(self) -> str:
        bars = ", with error bars" if self.error is not None else ""
        return f"Triples({len(self.x)} samples, n = {self.x.shape[1]}{bars})"


@dataclass(frozen=True)
class Trajectories:
    """Positions at known times, along one or several motions.

    Attributes:
        t: (T,), increasing; the same for all.
        x: (K, T, n).
        noise: standard deviation of each position, or None if it is not known.

    Raises:
        DataError: shapes that do not agree, times that do not increase, numbers that are not
            finite.

    Example:
        >>> t = np.linspace(0, 1, 21)
        >>> throw = Trajectories(t, np.stack([t, t - 5 * t**2], -1)[None])
        >>> throw
        Trajectories(1 of 21 positions, n = 2)
        >>> triples = throw.triples(window=5)
        >>> bool(abs(triples.a - [0, -10]).max() < 1e-9)
        True
    """

    t: Array
    x: Array
    noise: float | None = None

    def __post_init__(self) -> None:
        x = np.asarray(self.x)
        object.__setattr__(self, "t", _numbers("t", self.t, 1))
        object.__setattr__(self, "x", _numbers("x", x[None] if x.ndim == 2 else x, 3))
        if len(self.t) != self.x.shape[1]:
            raise DataError(
                f"{len(self.t)} times were given for positions of shape {np.shape(self.x)}: "
                "(trajectories, times, coordinates)"
            )
        if len(self.t) < 3 or not (np.diff(self.t) > 0).all():
            raise DataError("a trajectory needs three times or more, each later than the last")
        if self.noise is not None and not self.noise > 0:
            raise DataError(f"noise = {self.noise}; it is positive, or None if not known")

    def triples(self, window: int = 7, degree: int = 4) -> Triples:
        """Velocities and accelerations by polynomials, fitted to `window` neighbours.

        Where the noise is not known it is estimated from what the polynomials leave over. Error
        bars are those of the accelerations, with noise of positions and velocities left out; the
        bias of the polynomials is not in them.

        Args:
            window: an odd number of positions, more than `degree`.
            degree: of the polynomials, 2 or more.

        Returns:
            One triple for the middle of each window; error bars where there is noise.

        Raises:
            DataError: the window does not fit the degree or the trajectories.
        """
        if degree < 2 or window % 2 == 0 or not degree < window <= len(self.t):
            raise DataError(
                f"a window of {window} positions and degree {degree} were asked for; the window "
                f"is odd, more than the degree and at most {len(self.t)} (the trajectory), the "
                "degree 2 or more"
            )
        parts, half = [], window // 2
        for centre in range(half, len(self.t) - half):
            near = slice(centre - half, centre + half + 1)
            dt = self.t[near] - self.t[centre]
            scale = np.abs(dt).max()
            powers = (dt / scale)[:, None] ** np.arange(degree + 1)
            solve = np.linalg.pinv(powers)
            fit = np.einsum("dt,ktn->dkn", solve, self.x[:, near])
            size = 2 * np.linalg.norm(solve[2]) / scale**2
            parts.append(
                (fit[0], fit[1] / scale, 2 * fit[2] / scale**2, np.full_like(fit[0], size))
            )
        n = self.x.shape[-1]
        x, v, a, size = (np.stack(part, 1).reshape(-1, n) for part in zip(*parts, strict=True))
        noise = self.estimated_noise(window, degree) if self.noise is None else self.noise
        return Triples(x, v, a, None if noise is None else noise * size)

    def estimated_noise(self, window: int = 7, degree: int = 4) -> float | None:
        """Standard deviation of what local polynomials leave over, for their degrees of freedom.

        Args:
            window: number of positions in each fit.
            degree: of the polynomials.

        Returns:
            The noise; None where nothing is left but rounding, or no degree of freedom.
        """
        if not degree + 1 < window <= len(self.t):
            return None
        left = []
        for start in range(len(self.t) - window + 1):
            near = slice(start, start + window)
            dt = self.t[near] - self.t[near].mean()
            q = np.linalg.qr((dt / np.abs(dt).max())[:, None] ** np.arange(degree + 1))[0]
            left.append(self.x[:, near] - np.einsum("td,sd,ksn->ktn", q, q, self.x[:, near]))
        noise = float(np.sqrt(np.mean(np.square(left)) * window / (window - degree - 1)))
        return noise if noise > 1e-9 * float(np.abs(self.x).max()) else None

    def chi_squared_limit(self, eliminated: int, probability: float = 0.5) -> float:
        """Root mean square of residuals, in units of the noise, that noise alone explains.

        Args:
            eliminated: how many numbers of each trajectory were fitted (2 n for initial states).
            probability: with which noise stays below.

        Returns:
            sqrt(quantile of chi^2 / number of data).

        Raises:
            DataError: there are no more data than fitted numbers.
        """
        free = self.x.size - eliminated * len(self.x)
        if free < 1:
            raise DataError(
                f"{self.x.size} numbers do not determine {eliminated} of each trajectory; give "
                "longer ones"
            )
        return float(np.sqrt(chi2.ppf(probability, free) / self.x.size))

    def __repr__(self) -> str:
        count, length, n = self.x.shape
        bars = f", noise {self.noise:.2g}" if self.noise is not None else ""
        return f"Trajectories({count} of {length} positions, n = {n}{bars})"


def load_motion(path: str | Path) -> Triples | Trajectories:
    """Read motion from a file: see the head of this module.

    Args:
        path: of a .npz or .csv file. A .npz may hold `noise` (trajectories) or `error` (triples).

    Returns:
        Triples if there are accelerations, otherwise trajectories.

    Raises:
        DataError: the file cannot be read, or lacks something.
    """
    path = Path(path)
    if path.suffix not in (".npz", ".csv"):
        raise DataError(f"{path} is neither .npz nor .csv")
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    found = _npz(path) if path.suffix == ".npz" else _csv(path)
    if {"x", "v", "a"} <= set(found):
        return Triples(found["x"], found["v"], found["a"], found.get("error"))
    if {"t", "x"} <= set(found):
        noise = found.get("noise")
        return Trajectories(
            found["t"], found["x"], None if noise is None else float(_numbers("noise", noise, 0))
        )
    raise DataError(f"{path} holds {sorted(found) or 'nothing'}; needed are x, v and a, or t and x")


def _npz(path: Path) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as held:
            return {name: held[name] for name in held.files}
    except (OSError, ValueError, EOFError, KeyError, BadZipFile) as error:
        raise DataError(f"{path} cannot be read as numbers: {error}") from error


def _csv(path: Path) -> dict[str, Any]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            rows = [row for row in csv.reader(lines) if row]
        head = [name.strip() for name in rows[0]]
        table = np.array([[float(cell) for cell in row] for row in rows[1:]])
    except (OSError, ValueError, IndexError) as error:
        raise DataError(f"{path} is no table of numbers under a line of names: {error}") from error
    if table.ndim != 2 or table.shape[1] != len(head) or len(set(head)) != len(head):
        raise DataError(f"{path} has the columns {head} and rows that do not fit them")
    columns = dict(zip(head, table.T, strict=True))
    found = {letter: _stacked(path, columns, letter) for letter in "xva" if f"{letter}1" in columns}
    if "a" in found or "t" not in columns:
        return found
    return _runs(path, columns["t"], found.get("x"), columns.get("run"))


def _stacked(path: Path, columns: dict[str, Array], letter: str) -> Array:
    names = [name for name in columns if name[:1] == letter and name[1:].isdigit()]
    wanted = [f"{letter}{i + 1}" for i in range(len(names))]
    if set(names) != set(wanted):
        raise DataError(f"{path} has the columns {names}; they must be numbered {wanted}")
    return np.stack([columns[name] for name in wanted], -1)


def _runs(path: Path, t: Array, x: Array | None, run: Array | None) -> dict[str, Any]:
    if x is None:
        return {"t": t}
    if run is None:
        return {"t": t, "x": x}
    marks: Sequence[float] = list(dict.fromkeys(run.tolist()))
    times = [t[run == mark] for mark in marks]
    if any(len(other) != len(times[0]) or (other != times[0]).any() for other in times):
        raise DataError(f"the trajectories of {path} have different times; give them the same ones")
    return {"t": times[0], "x": np.stack([x[run == mark] for mark in marks])}


def _numbers(name: str, value: Any, axes: int) -> Array:
    try:
        result = np.asarray(value, np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} is no array of numbers: {error}") from error
    if result.ndim != axes or result.size == 0:
        raise DataError(f"{name} has the shape {result.shape}; it needs {axes} axes, none empty")
    if not np.isfinite(result).all():
        raise DataError(f"{int((~np.isfinite(result)).sum())} numbers of {name} are not finite")
    return result
