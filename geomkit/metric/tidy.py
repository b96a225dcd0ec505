"""Induced metrics in readable form: sin^2 + cos^2 = 1 and nothing clever.

Only how entries look depends on this module; the exact engine has normal forms of its own.
"""

from __future__ import annotations

from math import comb, prod
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

__all__ = ["tidy"]

_LARGE = 400  # operations, or terms after expansion; larger entries are left as they are
_FEW = 16  # terms of what is factored, which takes milliseconds then
# f^2 = a + b g^2 for (f, g, a, b), and the same the other way around
_SQUARES = ((sympy.sin, sympy.cos, 1, -1), (sympy.cosh, sympy.sinh, 1, 1))
_OTHERS = ((sympy.cos, sympy.sin, 1, -1), (sympy.sinh, sympy.cosh, -1, 1))


def tidy(expression: sympy.Expr) -> sympy.Expr:
    """Return an equal expression, shorter where squares of sines and cosines cancel.

    Args:
        expression: an entry of a metric.

    Returns:
        The shortest of a few equal forms.

    Example:
        >>> from sympy import cos, sin
        >>> from sympy.abc import a, u, v
        >>> tidy((a * sin(u) * cos(v)) ** 2 + (a * sin(u) * sin(v)) ** 2)
        a**2*sin(u)**2
        >>> tidy(((a + cos(u)) * sin(v)) ** 2 + ((a + cos(u)) * cos(v)) ** 2)
        (a + cos(u))**2
    """
    if (
        expression.has(AppliedUndef)
        or expression.count_ops() > _LARGE
        or _terms(expression) > _LARGE
    ):
        return expression
    expanded = sympy.expand(expression)
    reduced = _without_squares(expanded, _SQUARES)
    factored = [
        sympy.factor(form)
        for form in (reduced, _without_squares(reduced, _OTHERS))
        if len(sympy.Add.make_args(form)) <= _FEW
    ]
    candidates = [expression, sympy.factor_terms(expanded), _with_squares(reduced), *factored]
    return min(candidates, key=lambda candidate: candidate.count_ops())


def _terms(expression: Any) -> int:
    """An upper bound for the number of terms of the expanded expression."""
    if expression.is_Add:
        return sum(map(_terms, expression.args))
    if expression.is_Mul:
        return prod(map(_terms, expression.args))
    if expression.is_Pow and expression.exp.is_Integer:
        base, power = _terms(expression.base), min(abs(int(expression.exp)), _LARGE)
        return comb(base + power - 1, power)
    # arguments of functions are expanded as well
    return max([1, *map(_terms, expression.args)])


def _without_squares(expression: Any, rules: tuple[tuple[Any, Any, int, int], ...]) -> Any:
    for function, other, a, b in rules:

        def is_square(power: Any, f: Any = function) -> bool:
            return bool(
                power.is_Pow
                and isinstance(power.base, f)
                and power.exp.is_Integer
                and power.exp > 1
            )

        def rewrite(power: Any, g: Any = other, a: int = a, b: int = b) -> Any:
            half, odd = divmod(power.exp, 2)
            return (a + b * g(power.base.args[0]) ** 2) ** half * power.base**odd

        expression = sympy.expand(expression.replace(is_square, rewrite))
    return expression


def _with_squares(expression: Any) -> Any:
    """1 - cos^2 back to sin^2, and 1 + sinh^2 to cosh^2, where they stand as factors."""

    def rewrite(total: Any) -> Any:
        for function, other, a, b in _SQUARES:
            for square in total.atoms(sympy.Pow):
                if isinstance(square.base, other) and total == a + b * square.base**2:
                    return function(square.base.args[0]) ** 2
                if isinstance(square.base, other) and total == -a - b * square.base**2:
                    return -(function(square.base.args[0]) ** 2)
        return total

    return sympy.factor_terms(expression).replace(lambda e: e.is_Add and len(e.args) == 2, rewrite)
