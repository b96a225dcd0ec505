"""Deciding the conditions of Piecewise, rigorously: true, false, or unknown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy
from sympy.core.relational import Relational

from geomkit.errors import EvaluationError

__all__ = ["decide", "operands"]

_TESTS: dict[type, Callable[[int], bool]] = {
    sympy.StrictLessThan: lambda sign: sign < 0,
    sympy.LessThan: lambda sign: sign <= 0,
    sympy.StrictGreaterThan: lambda sign: sign > 0,
    sympy.GreaterThan: lambda sign: sign >= 0,
    sympy.Equality: lambda sign: sign == 0,
    sympy.Unequality: lambda sign: sign != 0,
}


def operands(condition: Any) -> list[sympy.Expr]:
    """The expressions that must be evaluated before a condition can be decided."""
    result = [side for relation in condition.atoms(Relational) for side in relation.args]
    return sorted(result, key=sympy.default_sort_key)


def decide(condition: Any, sign: Callable[[sympy.Expr, sympy.Expr], int | None]) -> bool | None:
    """Decide a condition in three-valued logic.

    Args:
        condition: relations joined by And, Or, Not, ITE.
        sign: gives the sign of lhs - rhs, or None when it is not certain.

    Returns:
        True, False, or None when it is open.

    Raises:
        EvaluationError: for other conditions.

    Example:
        >>> x = sympy.Symbol("x")
        >>> decide((x > 1) & (x < 3), lambda a, b: -1 if b == 1 else None)
        False
    """
    if condition in (True, False, sympy.true, sympy.false):
        return bool(condition)
    if isinstance(condition, (sympy.And, sympy.Or)):
        parts = [decide(part, sign) for part in condition.args]
        deciding = isinstance(condition, sympy.Or)
        if deciding in parts:
            return deciding
        return None if None in parts else not deciding
    if isinstance(condition, sympy.Not):
        part = decide(condition.args[0], sign)
        return None if part is None else not part
    if isinstance(condition, sympy.ITE):
        part, then, otherwise = (decide(part, sign) for part in condition.args)
        if part is None:
            return then if then == otherwise else None
        return then if part else otherwise
    test = _TESTS.get(type(condition))
    if test is None:
        raise EvaluationError(
            f"the condition {condition} cannot be decided; use <, <=, >, >=, Eq, Ne, And, Or, Not"
        )
    known = sign(condition.args[0], condition.args[1])
    return None if known is None else test(known)
