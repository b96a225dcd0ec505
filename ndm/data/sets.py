"""Data sets that are built in or made here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ndm.config import DataConfig

__all__ = ["NAMES", "SETS"]

Array = NDArray[Any]
Pair = tuple[Array, Array]


def _seed(random: np.random.Generator) -> int:
    return int(random.integers(2**31))


def _moons(config: DataConfig, random: np.random.Generator) -> Pair:
    from sklearn.datasets import make_moons

    x, y = make_moons(config.samples, noise=config.noise, random_state=_seed(random))
    return x, y


def _circles(config: DataConfig, random: np.random.Generator) -> Pair:
    from sklearn.datasets import make_circles

    x, y = make_circles(config.samples, noise=config.noise, factor=0.5, random_state=_seed(random))
    return x, y


def _builtin(name: str) -> Callable[[DataConfig, np.random.Generator], Pair]:
    def made(config: DataConfig, random: np.random.Generator) -> Pair:
        from sklearn import datasets

        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        return x, y

    return made


def _mnist1d(config: DataConfig, random: np.random.Generator) -> Pair:
    from mnist1d.data import get_dataset_args, make_dataset

    arguments = get_dataset_args()
    arguments.num_samples, arguments.seed = max(config.samples, 10), _seed(random) % 2**31
    kept = np.random.get_state()  # the library seeds the global generator
    try:
        made = make_dataset(arguments)
    finally:
        np.random.set_state(kept)
    x = np.concatenate([made["x"], made["x_test"]])
    return x, np.concatenate([made["y"], made["y_test"]]).astype(np.int64)


def _swiss_roll(config: DataConfig, random: np.random.Generator) -> Pair:
    from sklearn.datasets import make_swiss_roll

    x, angle = make_swiss_roll(config.samples, noise=config.noise, random_state=_seed(random))
    return x, angle


def _sphere(config: DataConfig, random: np.random.Generator) -> Pair:
    """Stereographic coordinates of the unit sphere's southern part, scrambled; the height."""
    radius = np.sqrt(random.uniform(0, 1, config.samples)) * 1.5
    angle = random.uniform(0, 2 * np.pi, config.samples)
    u = np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1)
    height = (radius**2 - 1) / (radius**2 + 1)
    return _scrambled(u, random), height + config.noise * random.normal(size=config.samples)


def _torus(config: DataConfig, random: np.random.Generator) -> Pair:
    """Angles of a torus of radii 2 and 1, away from where they jump, scrambled; the height."""
    u = random.uniform(-2.5, 2.5, (config.samples, 2))
    height = np.sin(u[:, 1])
    return _scrambled(u, random), height + config.noise * random.normal(size=config.samples)


def _scrambled(u: Array, random: np.random.Generator, strength: float = 0.2) -> Array:
    """Coordinates after a smooth random flow, x' = v(x), whose size is a share of the chart's."""
    waves = random.normal(size=(4, 2)) / np.abs(u).max() * 2
    phases, ways = random.uniform(0, 2 * np.pi, 4), random.normal(size=(4, 2))
    x, steps = u.copy(), 20
    for _ in range(steps):
        x = x + strength * np.abs(u).max() / steps / 2 * np.sin(x @ waves.T + phases) @ ways
    return x


SETS: dict[str, Callable[[DataConfig, np.random.Generator], Pair]] = {
    "moons": _moons,
    "circles": _circles,
    "digits": _builtin("digits"),
    "iris": _builtin("iris"),
    "wine": _builtin("wine"),
    "breast_cancer": _builtin("breast_cancer"),
    "diabetes": _builtin("diabetes"),
    "mnist1d": _mnist1d,
    "swiss_roll": _swiss_roll,
    "sphere": _sphere,
    "torus": _torus,
}
NAMES: tuple[str, ...] = (*SETS, "file")
