"""heyoka.py: the closed form as expressions, compiled by its cfunc with LLVM and vector math."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import heyoka as hy
import numpy as np

from benchmarks.kernels.closed_form import kerr

__all__ = ["arguments", "constants"]


def arguments(problem: dict[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """Mass and spin are arguments, as they are for everybody else."""
    return _compiled(problem, hy.par[0], hy.par[1])


def constants(problem: dict[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """Mass and spin are written into the code, which must be compiled anew for other values."""
    return _compiled(problem, float(problem["mass"]), float(problem["spin"]))


def _compiled(
    problem: dict[str, Any], mass: Any, spin: Any
) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    r, theta = hy.make_vars("r", "theta")
    formulas = list(kerr(r, theta, mass, spin, hy.sin, hy.cos))
    # the widest vectors, for its default is narrower, and no promise about rounding: its fastest
    function = hy.cfunc(formulas, vars=[r, theta], fast_math=True, batch_size=8)
    inputs = np.ascontiguousarray(problem["points"].T[1:3])
    count = inputs.shape[1]
    outputs = np.zeros((len(formulas), count))
    if isinstance(mass, float):
        return lambda: function(inputs, outputs=outputs), np.array
    values = np.array([[problem["mass"]] * count, [problem["spin"]] * count], dtype=float)
    return lambda: function(inputs, pars=values, outputs=outputs), np.array
