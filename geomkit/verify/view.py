"""What a metric and expressions are at a point: balls, without the exact field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from geomkit.enclosure import PointGeometry, enclose
from geomkit.errors import DomainError, EvaluationError
from geomkit.evaluate import Balls, Evaluator, Jet, Jets, evaluate
from geomkit.expressions import to_text
from geomkit.metric import Metric
from geomkit.metric.functions import concretise

__all__ = ["FOLD_BITS", "REGULAR_BITS", "Ball", "Expansion", "Values", "View", "describe"]

Ball = Any  # flint.arb, or an interval where python-flint is missing
Values = Mapping[sympy.Symbol, Any]

# Precision at which a point is found to be regular; the first look at claims is made with it too.
REGULAR_BITS = 160
# Precision at which the signs are found that locate folds.
FOLD_BITS = 128


@dataclass(frozen=True)
class Expansion:
    """Value and partial derivatives of a function at a point.

    Attributes:
        jet: the truncated Taylor series, or a ball for a constant.
        variables: number of variables.
        zero: the ball 0.
    """

    jet: Any
    variables: int
    zero: Ball

    @property
    def value(self) -> Ball:
        """The function."""
        return self.jet.value if isinstance(self.jet, Jet) else self.jet

    def slope(self, *variables: int) -> Ball:
        """A partial derivative."""
        return self.jet.derivative(*variables) if isinstance(self.jet, Jet) else self.zero

    @cached_property
    def first(self) -> list[Ball]:
        """d_i f."""
        return [self.slope(i) for i in range(self.variables)]

    @cached_property
    def second(self) -> list[list[Ball]]:
        """d_i d_j f."""
        return [[self.slope(i, j) for j in range(self.variables)] for i in range(self.variables)]


class View:
    """A metric at given values of its symbols, with a working precision.

    Args:
        metric: the metric.
        values: rationals or balls for all coordinates and parameters (and further symbols).
        example: number of the concrete functions in use.
        bits: working precision.
    """

    def __init__(self, metric: Metric, values: Values, example: int, bits: int) -> None:
        self.metric = metric
        self.values = values
        self.example = example
        self.bits = bits
        self.arithmetic = Balls(bits)
        self.zero = self.arithmetic.number(0)
        self.one = self.arithmetic.number(1)
        self._evaluator = Evaluator(values, self.arithmetic)
        self._known: dict[Any, Any] = {}

    @cached_property
    def geometry(self) -> PointGeometry:
        """Metric, connection and curvature at the point, each computed when first asked for."""
        return enclose(self.metric, self.values, order=0, bits=self.bits, k=self.example)

    @property
    def is_regular(self) -> bool:
        """Whether the metric is twice differentiable and det g is not zero, as proved by balls."""
        try:
            self.geometry.jets(2)
            return not self.geometry.determinant.contains(0)
        except (DomainError, EvaluationError):
            return False

    def value(self, expression: sympy.Expr) -> Ball:
        """An expression at the point."""
        return self._evaluator(_concrete(self.metric, expression, self.example))

    def jet(self, expression: sympy.Expr, order: int) -> Expansion:
        """An expression with its derivatives by the coordinates."""
        return self.expansion(expression, self.metric.coordinates, order)

    def expansion(
        self, expression: sympy.Expr, variables: Sequence[sympy.Symbol], order: int
    ) -> Expansion:
        """An expression with its derivatives by some symbols.

        Args:
            expression: the expression.
            variables: the symbols.
            order: order of the highest derivatives.

        Returns:
            Value and derivatives.
        """
        key = (expression, tuple(variables), order)
        if key not in self._known:
            concrete = _concrete(self.metric, expression, self.example)
            arithmetic = Jets(self.arithmetic, variables, order)
            jet = evaluate(concrete, self.values, arithmetic)
            self._known[key] = Expansion(jet, len(variables), self.zero)
        expansion: Expansion = self._known[key]
        return expansion

    def complex_value(self, expression: sympy.Expr) -> str | None:
        """The value as text where it is not real, by SymPy's own evaluation; None where it is."""
        concrete = _concrete(self.metric, expression, self.example)
        number = concrete.xreplace(dict(self.values)).evalf(30)
        if not number.is_number or number.has(sympy.zoo, sympy.nan, sympy.oo):
            return None
        real, imaginary = number.as_real_imag()
        # thirty digits are asked for: an imaginary part of rounding errors is far smaller
        if abs(imaginary) <= sympy.Rational(1, 10**15) * (1 + abs(real)):
            return None
        return str(number.evalf(15))


def _concrete(metric: Metric, expression: sympy.Expr, example: int) -> sympy.Expr:
    """The expression with concrete functions, derivatives carried out once for each."""
    if not metric.functions:
        return expression
    if expression.has(sympy.Subs):
        return concretise(expression, metric.functions, example)
    atoms = expression.atoms(AppliedUndef, sympy.Derivative)
    return expression.xreplace({a: _substituted(a, metric.functions, example) for a in atoms})


@lru_cache(maxsize=4096)
def _substituted(atom: Any, functions: Any, example: int) -> Any:
    return concretise(atom, functions, example)


def describe(metric: Metric, point: Values, example: int) -> dict[str, Any]:
    """A sample point for the report.

    Args:
        metric: the metric.
        point: values of all symbols.
        example: number of the concrete functions in use.

    Returns:
        "point", "parameters" and, if there are unspecified ones, "functions": strings by name.
    """
    coordinates = set(metric.coordinates)
    text = {
        "point": {str(x): str(point[x]) for x in metric.coordinates},
        "parameters": {str(s): str(v) for s, v in point.items() if s not in coordinates},
    }
    if metric.functions:
        text["functions"] = {
            str(f.function): to_text(f.example(example, salt))
            for salt, f in enumerate(metric.functions)
        }
    return text
