"""A repair of `sympy.Subs`: two of them are equal only when their points are.

SymPy 1.14 compares the points of f'(u) = Subs(Derivative(f(xi), xi), xi, u) by how they print. A
coordinate x of one metric and the x of another, with other assumptions, print alike, and SymPy's
cache then hands out formulas of the first metric for the second. There is no way around it from
outside, since SymPy itself makes these objects when it differentiates f(x**2).
"""

from __future__ import annotations

from typing import Any

import sympy

__all__ = ["compare_points_of_subs"]


def compare_points_of_subs() -> None:
    """Let equality and hash of `sympy.Subs` take the points themselves into account.

    Examples:
        >>> compare_points_of_subs()
        >>> f, xi = sympy.Function("f"), sympy.Symbol("xi")
        >>> x, y = sympy.Symbol("x", real=True), sympy.Symbol("x", positive=True)
        >>> slope = sympy.Derivative(f(xi), xi)
        >>> sympy.Subs(slope, xi, 2 * x) == sympy.Subs(slope, xi, 2 * y)
        False
        >>> sympy.Subs(slope, xi, 2 * x) == sympy.Subs(slope, xi, x + x)
        True
    """
    original = sympy.Subs._hashable_content
    if getattr(original, "compares_points", False):
        return

    def content(self: Any) -> tuple[Any, ...]:
        points = sorted(self.point, key=sympy.default_sort_key)
        return (*original(self), *points)

    content.compares_points = True  # type: ignore[attr-defined]
    sympy.Subs._hashable_content = content
