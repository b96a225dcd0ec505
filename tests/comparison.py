"""One metric at one point, derived by geomkit and computed by the oracle, side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from geomkit.curvature import Curvature, curvature
from geomkit.metric import Metric
from tests.mp_numbers import CONTEXT, evaluator, number
from tests.oracles import Oracle, Table, with_functions

#: The oracle is good to 60 digits (see `tests.oracles`) of the largest number that enters; the
#: engine's formulas are exact and evaluated with 250. 50 digits relative to the largest component
#: leave ten digits for cancellation within the oracle's sums.
TOLERANCE = CONTEXT.mpf(10) ** -50


class Comparison:
    """A metric, its curvature, an oracle at one of its points, and concrete functions.

    Args:
        metric: the metric.
        seed: chooses the point of its domain.
        k: chooses one of the examples of each unspecified function.
    """

    def __init__(self, metric: Metric, seed: int = 1, k: int = 0) -> None:
        self.metric = metric
        self.curvature: Curvature = curvature(metric)
        (self.point,) = metric.domain.sample(1, seed=seed)
        self.functions = {f.function: f.examples[k % len(f.examples)] for f in metric.functions}
        self.oracle = Oracle.of(metric, self.point, self.functions)
        self._jets: dict[Any, Any] = {}
        self._evaluate = evaluator(self.point)

    def number(self, expression: Any) -> Any:
        """An expression of the engine at the point, with the concrete functions.

        f(x) and its derivatives are numbers at the point; they are looked up in the formula, since
        putting functions into a formula of 10,000 terms takes SymPy minutes.
        """
        if not self.functions:
            return self._evaluate(expression)
        jets = sympy.sympify(expression).atoms(AppliedUndef, sympy.Derivative, sympy.Subs)
        # inside of Subs(f'(xi), xi, x^2) stands a jet at the bound xi, which is no number
        for jet in [j for j in jets - self._jets.keys() if j.free_symbols <= self.point.keys()]:
            self._jets[jet] = number(with_functions(jet, self.functions), self.point)
            self._evaluate = evaluator({**self.point, **self._jets})
        return self._evaluate(expression)

    def assert_number(self, expression: Any, expected: Any, scale: Any, what: str) -> None:
        """An expression has the expected value."""
        try:
            assert_close(self.number(expression), expected, scale, what)
        except AssertionError as error:
            # printing matrix and point for each component that is right would take most of the time
            where = f"at {self.point} for the metric {self.metric.matrix.tolist()}"
            raise AssertionError(f"{error}, {where}") from None

    def assert_tensor(
        self, tensor: Any, expected: Table, what: str, entering: Table | None = None
    ) -> None:
        """All components agree, not only those that geomkit stores or calls non-zero."""
        self.assert_components(lambda *index: tensor[index], expected, what, entering)

    def assert_components(
        self,
        component: Callable[..., Any],
        expected: Table,
        what: str,
        entering: Table | None = None,
    ) -> None:
        """All components, given as a function of the index, agree.

        Numbers that enter and cancel may be larger than what is left; they are the scale then.
        """
        numbers = [*expected.values(), *(entering or {}).values()]
        scale = max((abs(value) for value in numbers), default=0)
        for index, value in expected.items():
            self.assert_number(component(*index), value, scale, f"{what}{list(index)}")


def assert_close(found: Any, expected: Any, scale: Any, what: str) -> None:
    """Equal to 50 digits relative to `scale` (at least 1); a complex number differs."""
    difference = abs(found - expected)
    if not difference <= TOLERANCE * max(1, abs(scale)):
        raise AssertionError(
            f"{what}: geomkit gives {CONTEXT.nstr(found, 30)}, the oracle "
            f"{CONTEXT.nstr(expected, 30)}; they differ by {CONTEXT.nstr(difference, 5)}"
        )
