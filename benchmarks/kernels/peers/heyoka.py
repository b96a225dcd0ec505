"""heyoka.py: formulas as its expressions, compiled by its cfunc with LLVM and vector math."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import heyoka as hy
import numpy as np

from benchmarks.kernels.closed_form import COMPONENTS, kerr

__all__ = ["arguments", "constants", "tensors"]

Call = tuple[Callable[[], Any], Callable[[Any], Any]]


def tensors(problem: dict[str, Any]) -> Call:
    """Geomkit's tensors, as lambdify gets them, with the options that cfunc has by itself."""
    r, theta = hy.make_vars("r", "theta")
    symbols = {"r": r, "theta": theta, "M": hy.par[0], "a": hy.par[1]}
    formulas = [_expression(tree, symbols) for tree in json.loads(str(problem["formulas"]))]
    return _prepared(problem, hy.cfunc(formulas, vars=[r, theta]), fixed=False)


def arguments(problem: dict[str, Any]) -> Call:
    """Formulas factored by hand; mass and spin are arguments, as they are for everybody else."""
    return _prepared(problem, _fastest(hy.par[0], hy.par[1]), fixed=False)


def constants(problem: dict[str, Any]) -> Call:
    """Mass and spin are written into the code, which must be compiled anew for other values."""
    return _prepared(problem, _fastest(float(problem["mass"]), float(problem["spin"])), fixed=True)


def _fastest(mass: Any, spin: Any) -> Any:
    r, theta = hy.make_vars("r", "theta")
    formulas = list(kerr(r, theta, mass, spin, hy.sin, hy.cos))
    # the widest vectors, for its default is narrower, and no promise about rounding
    return hy.cfunc(formulas, vars=[r, theta], fast_math=True, batch_size=8)


def _prepared(problem: dict[str, Any], function: Any, *, fixed: bool) -> Call:
    inputs = np.ascontiguousarray(problem["points"].T[1:3])
    count = inputs.shape[1]
    outputs = np.zeros((len(COMPONENTS), count))
    if fixed:
        return lambda: function(inputs, outputs=outputs), np.array
    values = np.array([[problem["mass"]] * count, [problem["spin"]] * count], dtype=float)
    return lambda: function(inputs, pars=values, outputs=outputs), np.array


def _expression(tree: Any, symbols: dict[str, Any]) -> Any:
    """An expression of heyoka from nested lists [operation, operands ...]."""
    if isinstance(tree, str):
        return symbols[tree]
    if isinstance(tree, int | float):
        return hy.expression(float(tree))
    name, *operands = tree
    if name == "Pow":
        return _expression(operands[0], symbols) ** operands[1]
    values = [_expression(operand, symbols) for operand in operands]
    return _OPERATIONS[name](values)


_OPERATIONS: dict[str, Callable[[list[Any]], Any]] = {
    "Add": hy.sum,
    "Mul": hy.prod,
    "sin": lambda values: hy.sin(values[0]),
    "cos": lambda values: hy.cos(values[0]),
}
