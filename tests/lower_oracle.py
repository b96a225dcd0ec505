"""What the tests of lowering compare with: programs run by hand, and rigorous enclosures.

Programs are run in mpmath, node by node, by 20 lines that share nothing with `geomkit.interpret`;
the truth is `geomkit.enclosure`, loops over jets of the metric that know nothing of the field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import mpmath
import sympy

from geomkit.enclosure import PointGeometry
from geomkit.metric import Metric
from geomkit.program import Output, Program, identifier

DIGITS = 60
#: Where an enclosure calls a quantity otherwise.
ATTRIBUTES = {
    "metric": "g",
    "inverse_metric": "ginv",
    "christoffel": "gamma",
    "christoffel_down": "gamma_down",
    "riemann": "riemann_up",
}
CONSTANTS = {"pi": mpmath.pi, "e": mpmath.e, "euler": mpmath.euler, "catalan": mpmath.catalan}
ARITHMETIC: Mapping[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
}
FUNCTIONS: Mapping[str, Any] = {
    "pow": mpmath.power,
    "abs": abs,
    "max": max,
    "min": min,
    "polygamma": mpmath.psi,
    "Ei": mpmath.ei,
    "Si": mpmath.si,
    "Ci": mpmath.ci,
    "elliptic_k": mpmath.ellipk,
    "elliptic_e": mpmath.ellipe,
    "airyaiprime": lambda x: mpmath.airyai(x, derivative=1),
    "airybiprime": lambda x: mpmath.airybi(x, derivative=1),
}


def run(program: Program, values: Mapping[str, Any]) -> list[Any]:
    """The packed results at a point, at `DIGITS` digits."""
    with mpmath.workdps(DIGITS):
        found: list[Any] = []
        for node in program.nodes:
            args = [found[a] for a in node.args]
            if node.op == "input":
                value = number(values[program.inputs[int(str(node.value))].name])
            elif node.op == "number":
                value = number(node.value)
            elif node.op == "constant":
                value = +CONSTANTS[str(node.value)]
            elif node.op == "call":
                name = str(node.value)
                value = (FUNCTIONS.get(name) or getattr(mpmath, name))(*args)
            else:
                value = ARITHMETIC[node.op](*args)
            found.append(value)
        return [found[k] for k in program.results]


def full(output: Output, packed: Mapping[tuple[int, ...], Any]) -> Any:
    """The full tensor as nested lists, from its independent components."""
    slots = [packed[index] for index, _ in output.components]
    with mpmath.workdps(DIGITS):
        table = {index: sign * slots[k] for index, k, sign in output.copies}

    def nested(*index: int) -> Any:
        if len(index) == len(output.shape):
            return table.get(index, mpmath.mpf(0))
        return [nested(*index, i) for i in range(output.shape[len(index)])]

    return nested()


def tensors(program: Program, values: Mapping[str, Any]) -> dict[str, Any]:
    """The full tensors at a point, by name of the output."""
    packed = dict(zip(program.slots, run(program, values), strict=True))
    return {
        output.name: full(
            output, {slot.index: v for slot, v in packed.items() if slot.output == output.name}
        )
        for output in program.outputs
    }


def number(value: Any) -> Any:
    """A rational number, or the middle of a ball, in mpmath."""
    if hasattr(value, "mid"):
        return mpmath.mpf(value.mid().str(DIGITS + 20, radius=False))
    if hasattr(value, "p"):
        return mpmath.mpf(int(value.p)) / int(value.q)
    if hasattr(value, "numerator"):
        return mpmath.mpf(int(value.numerator)) / int(value.denominator)
    return mpmath.mpf(value)


def inputs(program: Program, geometry: PointGeometry) -> dict[str, Any]:
    """Values of the inputs at the point of an enclosure; vectors are not among them."""
    metric: Metric = geometry.metric
    point = {identifier(str(symbol)): value for symbol, value in geometry.point.items()}
    found: dict[str, Any] = {}
    for one in program.inputs:
        if one.jet is None:
            if one.name in point:
                found[one.name] = point[one.name]
            continue
        function = next(f for f in metric.functions if f.name == one.jet.function).function
        counts = [(a, k) for a, k in zip(function.args, one.jet.orders, strict=True) if k]
        found[one.name] = geometry.value(sympy.diff(function, *counts) if counts else function)
    return found


def assert_agrees(name: str, found: Any, expected: Any, *, tolerance: float = 1e-40) -> None:
    """Compare nested lists of numbers with nested lists of balls, entry by entry.

    Programs run at 60 digits and the balls have 200 bits or more: what is left of 60 digits after
    the cancellation of a tensor formula, with much to spare, is 40.
    """
    if isinstance(found, list):
        assert len(found) == len(expected)
        for k, (one, other) in enumerate(zip(found, expected, strict=True)):
            assert_agrees(f"{name}[{k}]", one, other, tolerance=tolerance)
        return
    with mpmath.workdps(DIGITS):
        truth = number(expected)
        scale = max(1, abs(truth))
        assert abs(found - truth) <= tolerance * scale, f"{name}: {found} instead of {truth}"


def compare(program: Program, geometry: PointGeometry, names: Sequence[str]) -> None:
    """Compare all outputs of these names with the enclosure."""
    computed = tensors(program, inputs(program, geometry))
    for name in names:
        assert_agrees(name, computed[name], getattr(geometry, ATTRIBUTES.get(name, name)))


def indices(n: int, rank: int) -> list[tuple[int, ...]]:
    """All indices of a tensor."""
    return list(product(range(n), repeat=rank))
