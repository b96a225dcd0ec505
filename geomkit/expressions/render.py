"""SymPy to text and LaTeX, in the spelling that the parsers of this package read back."""

from __future__ import annotations

from typing import Any

import sympy
from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

__all__ = ["to_latex", "to_text"]


class _Latex(LatexPrinter):  # type: ignore[misc]  # SymPy is not typed
    """LaTeX as papers write it."""

    def _print_LambertW(self, expr: Any, exp: Any = None) -> str:
        result = rf"W\left({self._print(expr.args[0])}\right)"
        return result if exp is None else rf"\left({result}\right)^{{{exp}}}"

    def _print_Subs(self, expr: Any) -> str:
        """The derivative of f at x**2 is f'(x^2), where SymPy writes a bar with a substitution."""
        inner, variables, points = expr.args
        function = inner.expr if inner.is_Derivative else None
        if function is None or function.args != tuple(variables) or len(variables) != 1:
            return str(super()._print_Subs(expr))
        name = self._print(sympy.Symbol(function.func.__name__))
        primes = "'" * inner.derivative_count
        return rf"{name}{primes}\left({self._print(points[0])}\right)"


def to_text(expression: sympy.Expr) -> str:
    """Write an expression in the notation that `parse` reads.

    Args:
        expression: a SymPy expression.

    Returns:
        The text.

    Example:
        >>> import sympy
        >>> t = sympy.Symbol("t")
        >>> to_text(sympy.Derivative(sympy.Function("a")(t), (t, 2)) / 2)
        'Derivative(a(t), (t, 2))/2'
    """
    return str(StrPrinter().doprint(expression))


def to_latex(expression: Any) -> str:
    r"""Write an expression, matrix or relation in LaTeX.

    Args:
        expression: a SymPy object.

    Returns:
        LaTeX without dollar signs; `parse_latex` reads it back when it is an expression.

    Example:
        >>> import sympy
        >>> r, theta = sympy.symbols("r theta")
        >>> print(to_latex(r**2 * sympy.sin(theta) ** 2))
        r^{2} \sin^{2}{\left(\theta \right)}
    """
    return str(_Latex({"ln_notation": False, "inv_trig_style": "full"}).doprint(expression))
