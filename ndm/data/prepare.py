"""Loading, checking, splitting and scaling of data."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ndm.config import DataConfig
from ndm.data.sets import NAMES, SETS
from ndm.data.tables import read_table
from ndm.errors import DataError

__all__ = ["Data", "Scaling", "apply", "load"]

Array = NDArray[Any]
Pair = tuple[Array, Array]

_MOST_CLASSES = 100  # whole numbers with more distinct values than this are no classes


@dataclass(frozen=True)
class Scaling:
    """The affine map that brings raw coordinates to those of the model, (x - mean) @ matrix.

    Attributes:
        mean: (m,).
        matrix: (m, n).
    """

    mean: Array
    matrix: Array

    def __call__(self, x: Array) -> Array:
        """Apply to points (N, m)."""
        result: Array = (x - self.mean) @ self.matrix
        return result


@dataclass(frozen=True)
class Data:
    """A data set, split.

    Attributes:
        name: of the set.
        task: "classification", "regression" or "density".
        train: points (N, n) and targets: class numbers (N,), or numbers (N, k).
        validation: likewise.
        test: likewise; of no points if none are held out.
        outputs: number of classes, or k.
        scaling: of the coordinates.
        names: what the classes are called in the data; () if there are none.
        targets: for a regression: how targets were scaled.
    """

    name: str
    task: str
    train: Pair
    validation: Pair
    test: Pair
    outputs: int
    scaling: Scaling
    names: tuple[str, ...] = ()
    targets: Scaling | None = None

    @property
    def dimension(self) -> int:
        """Number of coordinates, n."""
        return int(self.train[0].shape[1])


def load(config: DataConfig) -> Data:
    """Load or make a data set, split it, and scale its coordinates by the training part.

    Args:
        config: which, and how.

    Returns:
        The data.

    Raises:
        DataError: an unknown name, a file that cannot be used, too few points.

    Example:
        >>> data = load(DataConfig(name="moons", samples=200))
        >>> data.train[0].shape, data.outputs, data.task
        ((140, 2), 2, 'classification')
    """
    random = np.random.default_rng(config.seed)
    if config.name == "file":
        x, y = read_table(str(config.path), config.target, config.task)
    elif config.name in SETS:
        x, y = SETS[config.name](config, random)
    else:
        near = difflib.get_close_matches(config.name, NAMES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(NAMES)}"
        raise DataError(f"data set {config.name!r} is not known; {hint}")
    name = config.path if config.name == "file" and config.path else config.name
    x, y = _coordinates(x, name), _plain(y)
    task = config.task or _task(y)
    targets, names = _targets(y, task)
    _check(x, targets, name)
    return _split(config, random, x, targets, task, names)


def apply(data: Data, x: Array, y: Array) -> Pair:
    """Bring other points and targets to what a model that was trained on `data` takes.

    Args:
        data: of the training.
        x: (N, m), raw coordinates.
        y: raw targets, of the same kind as in the training.

    Returns:
        Points (N, n) and targets.

    Raises:
        DataError: another number of coordinates, an unknown class, numbers that are not finite.

    Example:
        >>> data = load(DataConfig(name="iris"))
        >>> x, y = apply(data, np.zeros((1, 4)), np.array([2]))
        >>> x.shape, y.tolist()
        ((1, 4), [2])
    """
    x, y = _coordinates(x, "the data"), _plain(y)
    expected = len(data.scaling.mean)
    if x.shape[1] != expected:
        raise DataError(f"points have {x.shape[1]} coordinates; the model was given {expected}")
    if data.task == "density":
        y = np.empty((len(x), 0))
    elif data.task == "classification":
        y = _numbered(y, data.names)
    else:
        y, _ = _targets(y, data.task)
        if y.shape[1] != data.outputs:
            raise DataError(f"{y.shape[1]} targets a point; the model predicts {data.outputs}")
    _check(x, y, "the data")
    return data.scaling(x), y if data.targets is None else data.targets(y)


def _numbered(y: Array, names: tuple[str, ...]) -> Array:
    if y.ndim != 1:
        raise DataError(f"classes are one number or name for each point, not of shape {y.shape}")
    known = {name: number for number, name in enumerate(names)}
    texts = [str(label) for label in y.tolist()]
    unknown = [text for text in texts if text not in known]
    if unknown:
        raise DataError(f"class {unknown[0]!r} is not known; there are {', '.join(names)}")
    return np.array([known[text] for text in texts], dtype=np.int64)


def _coordinates(x: Array, name: str) -> Array:
    if x.ndim == 0 or x.size == 0:
        raise DataError(f"{name}: coordinates of shape {x.shape}; give (N, n), N and n at least 1")
    try:
        if np.iscomplexobj(x):
            raise TypeError("they are complex")
        return np.asarray(x, dtype=np.float64).reshape(len(x), -1)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name}: coordinates of type {x.dtype} are no numbers: {error}") from error


def _task(y: Array) -> str:
    if y.ndim > 1 and y.shape[1] == 0:
        return "density"
    whole = not np.issubdtype(y.dtype, np.floating)
    return "classification" if y.ndim == 1 and whole and _classes(y) else "regression"


def _classes(y: Array) -> bool:
    """Whether there are few enough different values: not a number of its own for each point."""
    return len(np.unique(y)) <= min(_MOST_CLASSES, max(len(y) // 2, 2))


def _plain(y: Array) -> Array:
    """One column of targets as targets, and bytes as text."""
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.dtype.kind != "S":
        return y
    try:
        return np.char.decode(y, "utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"targets are bytes that are no UTF-8: {error}; give text") from error


def _targets(y: Array, task: str) -> tuple[Array, tuple[str, ...]]:
    """Targets as the task needs them, and names of classes."""
    if y.ndim == 0:
        raise DataError("one target was given; give one for each point")
    if task == "density":
        return np.empty((len(y), 0)), ()
    if task == "classification":
        if y.ndim != 1:
            raise DataError(
                f"classes are one number or name for each point, not of shape {y.shape}"
            )
        names, numbers = np.unique(y, return_inverse=True)
        if len(names) < 2:
            raise DataError(
                f"all targets are {str(names[0])!r}; a classification needs two classes"
            )
        return numbers.astype(np.int64), tuple(str(name) for name in names.tolist())
    if not np.issubdtype(y.dtype, np.number) or np.iscomplexobj(y):
        raise DataError(f"targets of type {y.dtype} are no numbers: this is no regression")
    values = np.asarray(y, dtype=np.float64).reshape(len(y), -1) if y.size else y
    if values.size == 0:
        raise DataError("there are no targets; name them, or set task: density")
    return values, ()


def _check(x: Array, y: Array, name: str) -> None:
    if len(x) != len(y):
        raise DataError(f"{name}: {len(x)} points and {len(y)} targets; both need the same number")
    for what, values in (("coordinates", x), ("targets", y)):
        bad = ~np.isfinite(values.reshape(len(values), -1)).all(1)
        if bad.any():
            raise DataError(
                f"{name}: {int(bad.sum())} points have {what} that are not finite, the first is "
                f"point {int(bad.argmax())}; remove or fill them"
            )


def _split(
    config: DataConfig,
    random: np.random.Generator,
    x: Array,
    y: Array,
    task: str,
    names: tuple[str, ...],
) -> Data:
    order = random.permutation(len(x))
    held = [round(len(x) * share) for share in (config.test, config.validation)]
    held[1] = max(held[1], 1)
    if len(x) - sum(held) < 2:
        raise DataError(f"{len(x)} points are too few to hold out {held[0]} and {held[1]} of them")
    test, validation, train = np.split(order, np.cumsum(held))
    if task == "classification":
        _all_learned(y, train, names)
    with np.errstate(over="ignore", invalid="ignore"):
        scaling = _scaling(x[train], config)
    targets, outputs = None, len(names) or 1
    if task == "regression":
        outputs = y.shape[1]
        with np.errstate(over="ignore", invalid="ignore"):
            targets = _standard(y[train])
            y = targets(y)
    with np.errstate(over="ignore", invalid="ignore"):
        moved = scaling(x)
    if not np.isfinite(moved).all() or not np.isfinite(y).all():
        raise DataError(
            "numbers are too large to be brought to mean 0 and variance 1; rescale them"
        )
    first, second, third = ((moved[part], y[part]) for part in (train, validation, test))
    return Data(config.name, task, first, second, third, outputs, scaling, names, targets)


def _all_learned(y: Array, train: Array, names: tuple[str, ...]) -> None:
    """Refuse a class that is nowhere in the training part: nothing can be learned of it."""
    counts = np.bincount(y[train], minlength=len(names))
    if (counts == 0).any():
        lost = int(counts.argmin())
        raise DataError(
            f"class {names[lost]!r} has {int((y == lost).sum())} of {len(y)} points, and none in "
            "the training part; leave it out, or give more of them or another data.seed"
        )


def _standard(x: Array) -> Scaling:
    size = x.std(0)
    return Scaling(x.mean(0), np.diag(1 / np.where(size > 0, size, 1)))


def _scaling(x: Array, config: DataConfig) -> Scaling:
    mean = x.mean(0)
    if config.components is not None:
        if config.components > min(x.shape):
            raise DataError(
                f"{config.components} principal components of {x.shape[0]} points with "
                f"{x.shape[1]} coordinates were asked for; there are at most {min(x.shape)}"
            )
        _, sizes, rows = np.linalg.svd(x - mean, full_matrices=False)
        sizes = sizes[: config.components] / np.sqrt(len(x) - 1)
        scale = np.divide(1, sizes, out=np.zeros_like(sizes), where=sizes > 1e-12 * sizes[0])
        return Scaling(mean, rows[: config.components].T * scale)
    if not config.standardise:
        return Scaling(np.zeros_like(mean), np.eye(len(mean)))
    return _standard(x)
