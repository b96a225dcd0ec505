"""Scalar functions along curves: what a user writes about coordinates and velocities, on arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy
from numpy.typing import NDArray

from geomkit.errors import EvaluationError
from geomkit.geodesic.tape import Tape

if TYPE_CHECKING:
    from geomkit.metric import Metric

__all__ = ["Floats", "Scalar", "velocity_symbols"]

Array = NDArray[np.float64]


class Floats:
    """Machine numbers, one or arrays of them, as an arithmetic of `geomkit.evaluate`.

    Where a function is not real the result is NaN, as usual in NumPy; whoever asks looks at it.

    Example:
        >>> from geomkit.evaluate import evaluate
        >>> x = sympy.Symbol("x")
        >>> evaluate(sympy.sqrt(x) + 1, {x: np.array([4.0, 9.0])}, Floats())
        array([3., 4.])
    """

    def working(self) -> AbstractContextManager[Any]:
        """Context in which NumPy does not warn."""
        return np.errstate(all="ignore")

    def number(self, value: Any) -> Any:
        """The number, rounded if it is exact."""
        if isinstance(value, (Fraction, sympy.Rational, int)):
            return np.float64(float(value))
        return np.asarray(value, dtype=np.float64)[()]

    def seed(self, key: sympy.Expr, value: Any) -> Any:
        """The number of the value."""
        return self.number(value)

    def constant(self, name: str) -> Any:
        """One of pi, e, euler, catalan, golden."""
        return np.float64(_CONSTANTS[name])

    def power(self, base: Any, exponent: Fraction) -> Any:
        """base**exponent, real."""
        if exponent.denominator == 1:
            return base ** int(exponent)
        return np.sqrt(base) if exponent == Fraction(1, 2) else base ** float(exponent)

    def real_power(self, base: Any, exponent: Any) -> Any:
        """base**exponent for base > 0."""
        return base**exponent

    def apply(self, name: str, args: Sequence[Any]) -> Any:
        """The value of a primitive function.

        Args:
            name: SymPy's name of the function.
            args: numbers or arrays.

        Returns:
            A number or an array.
        """
        return self.function(name)(*args)

    def function(self, name: str) -> Callable[..., Any]:
        """Return a primitive function.

        Args:
            name: SymPy's name of it.

        Returns:
            The function of NumPy or SciPy.

        Raises:
            EvaluationError: the function is unknown.
        """
        from scipy import special

        for module, names in ((np, _NUMPY), (special, _SPECIAL)):
            if name in names:
                found: Callable[..., Any] = getattr(module, names[name])
                return found
        known = ", ".join(sorted({*_NUMPY, *_SPECIAL}))
        raise EvaluationError(
            f"the function {name} cannot be used along a curve; write it with {known}"
        )

    def integer(self, x: Any) -> int | None:
        """The integer that x is; None if it is none."""
        return int(x) if np.ndim(x) == 0 and float(x).is_integer() else None

    def sign(self, x: Any) -> int | None:
        """The sign of a single number; None for an array."""
        return int(np.sign(x)) if np.ndim(x) == 0 else None


def velocity_symbols(metric: Metric) -> dict[str, sympy.Symbol]:
    """Return the symbols `v_r`, ... that stand for dx^i/ds, by name, in order.

    Args:
        metric: the metric.

    Returns:
        One symbol for each coordinate.
    """
    names = [f"v_{x.name}" for x in metric.coordinates]
    return {name: sympy.Symbol(name, real=True) for name in names}


class Scalar:
    """A function of position and velocity, with the parameters put in.

    Args:
        metric: gives the names of coordinates and parameters.
        expression: text or SymPy expression; velocities are called `v_<coordinate>`.
        parameters: the value of each free parameter.
        where: what the expression is, for messages.
        extra: further symbols, whose values are given to each call.

    Raises:
        EvaluationError: it uses an unspecified function.

    Example:
        >>> import geomkit as gk
        >>> plane = gk.catalog["flat_polar"]
        >>> momentum = Scalar(plane, "r**2*v_phi", {})
        >>> float(momentum(np.array([2.0, 0.0]), np.array([0.0, 3.0])))
        12.0
    """

    def __init__(
        self,
        metric: Metric,
        expression: Any,
        parameters: Mapping[str, float],
        where: str = "expression",
        extra: Mapping[str, sympy.Symbol] | None = None,
    ) -> None:
        velocities = velocity_symbols(metric)
        names = {**velocities, **(extra or {})}
        self.expression = metric.resolve(expression, where=where, extra=names)
        self.coordinates = metric.coordinates
        self._velocities = tuple(velocities.values())
        if self.expression.atoms(sympy.core.function.AppliedUndef):
            raise EvaluationError(
                f"{where}: {self.expression} holds an unspecified function, which has no value "
                "along a curve; write the function out"
            )
        self._given = {metric.symbols[name]: value for name, value in parameters.items()}
        self._extra = tuple((extra or {}).values())

    @property
    def varies(self) -> bool:
        """Whether it depends on anything but parameters."""
        symbols = {*self.coordinates, *self._velocities, *self._extra}
        return bool(symbols & self.expression.free_symbols)

    @cached_property
    def _tape(self) -> Tape:
        symbols = (*self.coordinates, *self._velocities, *self._extra)
        return Tape(self.expression, symbols, self._given, Floats())

    def __call__(
        self, points: Array, velocities: Array | None = None, extra: Sequence[Any] = ()
    ) -> Array:
        """Return the values at points (..., n) with velocities (..., n).

        Args:
            points: the points.
            velocities: the velocities; NaN if there are none.
            extra: values of the further symbols, in order.

        Returns:
            The values, (...,).
        """
        n = len(self.coordinates)
        rows: list[Any] = [points[..., i] for i in range(n)]
        rows += [np.nan] * n if velocities is None else [velocities[..., i] for i in range(n)]
        result = np.asarray(self._tape([*rows, *extra]), dtype=np.float64)
        return np.broadcast_to(result, points.shape[:-1])


_CONSTANTS = {
    "pi": np.pi,
    "e": np.e,
    "euler": np.euler_gamma,
    "catalan": float(sympy.Catalan),
    "golden": float(sympy.GoldenRatio),
}

_NUMPY = {
    **{name: name for name in ["exp", "log", "sin", "cos", "sinh", "cosh", "sign"]},
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "atan2": "arctan2",
    "asinh": "arcsinh",
    "acosh": "arccosh",
    "atanh": "arctanh",
    "Abs": "abs",
    "Min": "minimum",
    "Max": "maximum",
}

_SPECIAL = {
    **{name: name for name in ["erf", "erfc", "erfi", "gamma", "rgamma", "polygamma", "zeta"]},
    "loggamma": "gammaln",
    "besselj": "jv",
    "bessely": "yv",
    "besseli": "iv",
    "besselk": "kv",
    "elliptic_k": "ellipk",
    "elliptic_e": "ellipe",
    "Ei": "expi",
}
