"""All intermediate values of a program in floating point: where may it divide by almost zero?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomkit.program import Node, Program

__all__ = ["delicate", "trace"]

Array = NDArray[np.float64]

_CONSTANTS = {
    "pi": math.pi,
    "e": math.e,
    "euler": 0.5772156649015329,
    "catalan": 0.915965594177219,
    "golden": (1 + math.sqrt(5)) / 2,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "sqrt": np.sqrt,
    "pow": np.power,
    "abs": np.abs,
    "sign": np.sign,
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "floor": np.floor,
    "max": np.maximum,
    "min": np.minimum,
}
_ARITHMETIC: Mapping[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "neg": np.negative,
}


def trace(program: Program, values: Mapping[str, Array]) -> list[Array]:
    """Compute every node of a program with NumPy.

    Only a search for places worth looking at uses this: what NumPy does not know becomes NaN.

    Args:
        program: the program.
        values: for each input an array of shape (N,), by name.

    Returns:
        For each node an array of shape (N,).
    """
    count = len(next(iter(values.values()), np.zeros(1)))
    columns = [np.asarray(values[one.name], np.float64) for one in program.inputs]
    known: list[Array] = []
    with np.errstate(all="ignore"):
        for node in program.nodes:
            value = _value(node, [known[a] for a in node.args], columns)
            known.append(np.broadcast_to(np.asarray(value, np.float64), (count,)))
    return known


def _value(node: Node, args: list[Array], columns: list[Array]) -> Any:
    if node.op == "input":
        return columns[int(node.value or 0)]
    if node.op == "number":
        return float(node.value or 0)
    if node.op == "constant":
        return _CONSTANTS[str(node.value)]
    if node.op == "call":
        function = _FUNCTIONS.get(str(node.value))
        return math.nan if function is None else function(*args)
    return _ARITHMETIC[node.op](*args)


def delicate(program: Program) -> tuple[int, ...]:
    """The nodes at whose zeros rounding errors show.

    Args:
        program: the program.

    Returns:
        Numbers of nodes: denominators, components and sums in turns.
    """
    denominators = [node.args[1] for node in program.nodes if node.op == "div"]
    sums = [k for k, node in enumerate(program.nodes) if node.op in ("add", "sub")]
    turns = zip_longest(denominators, program.results, sums)
    return tuple(dict.fromkeys(node for turn in turns for node in turn if node is not None))
