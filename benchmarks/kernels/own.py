"""geomkit's side of every comparison, and the peers that live in the same process."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

import geomkit as gk
from benchmarks.kernels.problem import MASS, SPIN, points

__all__ = [
    "Own",
    "formulas",
    "kerr",
    "lambdified",
    "nested",
    "schwarzschild",
    "torch_eager",
    "torch_gradient",
]

Array = NDArray[np.float64]
Call = tuple[Callable[[], Any], Callable[[Any], Array]]
QUANTITIES = ("riemann_down", "ricci", "scalar", "kretschmann")


class Own:
    """A kernel with the points that it is timed on.

    Args:
        metric: name in the catalogue.
        quantities: what it computes.
        count: how many points.
        arguments: the parameters.

    Attributes:
        points: the points.
        values: what the kernel computes there, (components, points).
        names: what the components are called.
    """

    def __init__(
        self, metric: str, quantities: tuple[str, ...], count: int, **arguments: float
    ) -> None:
        self.kernel = _compiled(metric, quantities)
        self.points = points(count)
        self.names = [str(slot) for slot in self.kernel.slots]
        self.values: Array = np.array(self.kernel.components(self.points, **arguments).T)
        self._arguments = arguments
        self._out = self.kernel.packed(self.points, **arguments)

    def call(self) -> Any:
        """What is timed: the independent components, into an array that is there already."""
        return self.kernel.packed(self.points, self._out, **self._arguments)


@cache
def _compiled(metric: str, quantities: tuple[str, ...]) -> Any:
    return gk.compile(gk.catalog[metric], list(quantities))


def kerr(count: int) -> Own:
    """Riemann, Ricci, the scalar curvature and the Kretschmann scalar of Kerr."""
    return Own("kerr", QUANTITIES, count, M=MASS, a=SPIN)


def schwarzschild(count: int) -> Own:
    """R^i_jkl of Schwarzschild, as the packages for geometry compute it."""
    return Own("schwarzschild", ("riemann",), count, M=MASS)


def formulas(own: Own) -> list[Any]:
    """The components of a kernel of Kerr as SymPy expressions: geomkit's exact tensors."""
    curvature = gk.curvature(own.kernel.metric)
    tensors = {"riemann_down": curvature.riemann_down, "kretschmann": curvature.kretschmann}
    return [tensors[s.output][s.index] if s.index else tensors[s.output] for s in own.kernel.slots]


def nested(expression: Any) -> Any:
    """An expression as nested lists [operation, operands ...], for packages without SymPy.

    Args:
        expression: made of sums, products, powers, sine and cosine.

    Returns:
        Lists, names and numbers.
    """
    if expression.is_Symbol:
        return expression.name
    if expression.is_Number:
        return int(expression) if expression.is_Integer else float(expression)
    return [expression.func.__name__, *map(nested, expression.args)]


def lambdified(own: Own, *, cse: bool) -> Call:
    """The exact tensors, as geomkit gives them to SymPy, by `sympy.lambdify` for NumPy.

    Args:
        own: the kernel of Kerr.
        cse: whether lambdify looks for common subexpressions.

    Returns:
        The call, and what turns its result into (components, points).
    """
    import sympy as sp

    metric = own.kernel.metric
    symbols = [*metric.coordinates[1:3], *(parameter.symbol for parameter in metric.parameters)]
    function = sp.lambdify(symbols, formulas(own), modules="numpy", cse=cse)
    r, theta = (np.ascontiguousarray(own.points[:, k]) for k in (1, 2))
    return lambda: function(r, theta, MASS, SPIN), np.array


def _torch(own: Own, *, fast: bool) -> Any:
    import torch

    from geomkit.backends.torch import build

    torch.set_num_threads(1)
    return build(own.kernel.program, fast=fast), torch.as_tensor(own.points)


def torch_eager(own: Own) -> Call:
    """The generated torch code, one operation after the other.

    Args:
        own: the kernel of Kerr.

    Returns:
        The call, and what turns its result into (components, points).
    """
    code, x = _torch(own, fast=False)
    return lambda: code.packed([x], [MASS, SPIN]), lambda result: result.numpy().T


def torch_gradient(own: Own, *, fast: bool) -> Call:
    """Forward and backward through torch: the gradient of the sum of all components.

    Args:
        own: the kernel of Kerr.
        fast: with numba kernels for forward and backward, or the generated torch code.

    Returns:
        The call, and what turns its result into (coordinates, points).
    """
    code, x = _torch(own, fast=fast)
    x.requires_grad_()

    def call() -> Any:
        x.grad = None
        code.packed([x], [MASS, SPIN]).sum().backward()
        return x.grad

    # the metric does not depend on t and phi
    return call, lambda gradient: gradient.numpy().T[1:3].copy()
