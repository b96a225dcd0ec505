"""Expectations by quadrature with many digits, for densities without known moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import mpmath
import sympy

from geomkit.evaluate import Digits, evaluate

__all__ = ["Integrals"]

# The double-exponential rule doubles its nodes with each degree; 9 degrees are some 2000 nodes.
MAX_DEGREE = 9


@dataclass
class Integrals:
    """Integrals over the support of a density at one value of the parameters.

    Attributes:
        variable: the integration variable.
        values: values of parameters.
        logpdf: logarithm of the density.
        ends: ends of the support and the places between where to break, in order.
        digits: working precision.
    """

    variable: sympy.Symbol
    values: Mapping[sympy.Symbol, Any]
    logpdf: sympy.Expr
    ends: Sequence[sympy.Expr]
    digits: int
    _known: dict[tuple[sympy.Expr, Any], Any] = field(default_factory=dict)

    def expectation(self, factors: Sequence[sympy.Expr]) -> tuple[Any, Any]:
        """The expectation of a product, and an estimate of its error.

        Args:
            factors: expressions in the variable and the parameters.

        Returns:
            Two mpmath numbers.
        """
        arithmetic = Digits(self.digits)
        with arithmetic.working():
            limits = [self._limit(end) for end in self.ends]

            def integrand(x: Any) -> Any:
                density = mpmath.exp(self._at(self.logpdf, x))
                for factor in factors:
                    density *= self._at(factor, x)
                return density

            return tuple(mpmath.quad(integrand, limits, error=True, maxdegree=MAX_DEGREE))

    def _limit(self, end: sympy.Expr) -> Any:
        if end is sympy.oo:
            return mpmath.inf
        if end is -sympy.oo:
            return -mpmath.inf
        return evaluate(end, self.values, Digits(self.digits))

    def _at(self, expression: sympy.Expr, x: Any) -> Any:
        """The value at a node; the nodes of all integrals are the same, so values are kept."""
        key = (expression, x)
        if key not in self._known:
            values = {**self.values, self.variable: x}
            self._known[key] = evaluate(expression, values, Digits(self.digits))
        return self._known[key]
