"""What every backend has to do alike: adapters, the kernels under test, and what they compute.

The tests are in `tests.test_kernel_contract`. What is expected is written out here by hand, from
textbooks: no number comes from another backend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

import geomkit as gk
from geomkit.errors import LoweringError
from geomkit.program import FUNCTIONS, Builder, Program

Array = NDArray[Any]

SPHERE = gk.Metric.from_line_element(
    "a**2*dtheta**2 + a**2*sin(theta)**2*dphi**2",
    coordinates=["theta", "phi"],
    parameters=["a"],
    domain={"theta": ["1/2", "5/2"]},
    name="sphere",
)
FLRW = gk.Metric.from_line_element(
    "-dt**2 + a(t)**2*(dx**2 + dy**2 + dz**2)",
    coordinates=["t", "x", "y", "z"],
    functions=["a(t)"],
    name="flrw",
)


@dataclass(frozen=True)
class Backend:
    """A backend as the tests use it: NumPy arrays in, NumPy arrays out."""

    name: str

    def array(self, values: Any, dtype: str = "float64") -> Any:
        """What the backend takes for an array."""
        array = values if isinstance(values, np.ndarray) else np.asarray(values, dtype)
        return import_module("torch").as_tensor(array) if self.name == "torch" else array

    def numpy(self, result: Any) -> Array:
        """What the backend gives, as an array."""
        return np.asarray(result.detach() if hasattr(result, "detach") else result)

    def kernel(self, metric: gk.Metric, *quantities: str) -> gk.Kernel:
        """A kernel, compiled once for all tests."""
        return _compiled(metric, quantities, self.name)

    def code(self, program: Program) -> Any:
        """A program compiled without a metric; torch by its own generated code."""
        if self.name == "torch":
            # the fast path runs the kernels of numba, which are under test already
            return import_module("geomkit.backends.torch").build(program, fast=False)
        return import_module(_MODULES[self.name]).build(program)

    def lacks(self, program: Program) -> str:
        """Why the backend refuses a program; "" if it does not. Nothing is compiled."""
        if self.name == "interpret":
            return ""
        where, name = {"numba": ("numba.source", "source"), "torch": ("torch.source", "write")}[
            self.name
        ]
        try:
            getattr(import_module(f"geomkit.backends.{where}"), name)(program)
        except LoweringError as error:
            return str(error)
        return ""

    def values(self, program: Program, points: Array) -> Array:
        """The slots of a program of coordinates only, at (N, k) points: (N, C)."""
        code = self.code(program)
        packed = self.numpy(code.packed([self.array(points)], []))
        rows = np.moveaxis(packed, 1, -1) if packed.ndim == 3 else packed
        return rows.reshape(-1, len(program.slots))[: len(points)]


_MODULES = {
    "interpret": "geomkit.interpret",
    "numba": "geomkit.backends.numba",
    "torch": "geomkit.backends.torch",
}

BACKENDS = tuple(Backend(name) for name in _MODULES)


@cache
def _compiled(metric: gk.Metric, quantities: tuple[str, ...], backend: str) -> gk.Kernel:
    return gk.compile(metric, list(quantities), backend=backend)


# What is expected -------------------------------------------------------------------------------


def sphere_expected(points: Any, a: Any) -> dict[str, Array]:
    """Scalar 2/a^2, Ricci diag(1, sin^2 theta), metric a^2 diag(1, sin^2 theta)."""
    theta = np.asarray(points, float)[..., 0]
    theta, a = np.broadcast_arrays(theta, np.asarray(a, float))
    ricci = np.zeros((*theta.shape, 2, 2))
    ricci[..., 0, 0], ricci[..., 1, 1] = 1, np.sin(theta) ** 2
    return {"scalar": 2 / a**2, "ricci": ricci, "metric": ricci * a[..., None, None] ** 2}


def flrw_expected(a: Any, rate: Any, acceleration: Any) -> Array:
    """R = 6 (a''/a + (a'/a)^2) for signature (-, +, +, +)."""
    a, rate, acceleration = (np.asarray(x, float) for x in (a, rate, acceleration))
    return np.asarray(6 * (acceleration / a + (rate / a) ** 2))


def assert_values(result: Any, expected: Mapping[str, Array], tolerance: float) -> None:
    """Compare a kernel's result, by names of quantities, relative to the largest entry."""
    for name, wanted in expected.items():
        found = getattr(result, name)
        found = np.asarray(found.detach() if hasattr(found, "detach") else found)
        assert found.shape == wanted.shape, f"{name} has shape {found.shape}, not {wanted.shape}"
        scale = max(1.0, float(np.max(np.abs(wanted), initial=0)))
        error = float(np.max(np.abs(found - wanted), initial=0))
        if not error <= tolerance * scale:
            raise AssertionError(f"{name} is off by {error}: {found} instead of {wanted}")


# Every function -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A function with its leading arguments fixed, and in which columns the others are."""

    function: str
    orders: tuple[int, ...]
    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the output."""
        return "_".join([self.function, *map(str, self.orders)])


#: Points (rows) that lie inside of the domains of the functions that read them.
COLUMNS: Mapping[str, tuple[float, ...]] = {
    "inside": (0.375, -0.625, 0.05),
    "positive": (0.375, 2.625, 9.0),
    "real": (0.375, -1.625, 3.5),
    "beyond_one": (1.125, 5.0, 20.0),
    "branch": (-0.3125, 0.25, 11.0),
    "other": (2.25, 0.875, -7.0),
}
_COLUMN_OF = {
    **dict.fromkeys(("asin", "acos", "atanh", "elliptic_k", "elliptic_e"), "inside"),
    **dict.fromkeys(("sqrt", "log", "loggamma", "Ci", "polygamma", "expint"), "positive"),
    **dict.fromkeys(("besselj", "bessely", "besseli", "besselk"), "positive"),
    "acosh": "beyond_one",
    "zeta": "beyond_one",
    "lambertw": "branch",
}
_TWO = {"atan2": ("real", "other"), "max": ("real", "other"), "min": ("real", "other")}
_ORDERS = {
    "polygamma": (0, 1, 3),
    "expint": (1, 2),
    **dict.fromkeys(("besselj", "bessely", "besseli", "besselk"), (0, 1, 2)),
}


def cases() -> list[Case]:
    """Every function of programs, those with an order for several."""
    found = []
    for function in FUNCTIONS:
        if function in _ORDERS:
            found += [Case(function, (n,), (_COLUMN_OF[function],)) for n in _ORDERS[function]]
        elif function == "pow":
            found.append(Case("pow", (), ("positive", "other")))
        else:
            columns = _TWO.get(function, (_COLUMN_OF.get(function, "real"),))
            found.append(Case(function, (), columns))
    return found


def program_of(chosen: Sequence[Case]) -> Program:
    """One program with an output for each case, of the columns as coordinates."""
    b = Builder("functions")
    nodes = {name: b.input(name, "coordinate", "points", k) for k, name in enumerate(COLUMNS)}
    for case in chosen:
        args = [b.number(n) for n in case.orders] + [nodes[name] for name in case.columns]
        b.scalar(case.name, b.call(case.function, *args))
    return b.finish()


def rows() -> Array:
    """The points, (3, number of columns)."""
    return np.array(list(COLUMNS.values())).T.copy()
