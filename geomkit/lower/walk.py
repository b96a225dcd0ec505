"""SymPy expressions to products of a pool, node by node, nothing expanded."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from geomkit.errors import LoweringError
from geomkit.program import FUNCTIONS

from .pool import ONE, Pool, Product
from .scope import Scope

__all__ = ["Walk", "root"]

_CONSTANTS = {
    sp.pi: "pi",
    sp.E: "e",
    sp.EulerGamma: "euler",
    sp.Catalan: "catalan",
    sp.GoldenRatio: "golden",
}
# SymPy's names of functions that programs call otherwise.
_NAMES = {"Abs": "abs", "LambertW": "lambertw"}


def _rewritten() -> dict[Any, Callable[..., sp.Expr]]:
    """Functions that programs lack, in terms of those that they have."""
    gamma = sp.gamma
    return {
        sp.cot: lambda x: sp.cos(x) / sp.sin(x),
        sp.sec: lambda x: 1 / sp.cos(x),
        sp.csc: lambda x: 1 / sp.sin(x),
        sp.coth: lambda x: 1 / sp.tanh(x),
        sp.sech: lambda x: 1 / sp.cosh(x),
        sp.csch: lambda x: 1 / sp.sinh(x),
        sp.acot: lambda x: sp.atan(1 / x),
        sp.asec: lambda x: sp.acos(1 / x),
        sp.acsc: lambda x: sp.asin(1 / x),
        sp.acoth: lambda x: sp.atanh(1 / x),
        sp.asech: lambda x: sp.acosh(1 / x),
        sp.acsch: lambda x: sp.asinh(1 / x),
        sp.sinc: lambda x: sp.sin(x) / x,
        sp.factorial: lambda x: gamma(x + 1),
        sp.binomial: lambda n, k: gamma(n + 1) / (gamma(k + 1) * gamma(n - k + 1)),
        sp.beta: lambda x, y: gamma(x) * gamma(y) / gamma(x + y),
        sp.digamma: lambda x: sp.polygamma(0, x),
        sp.trigamma: lambda x: sp.polygamma(1, x),
        sp.ceiling: lambda x: -sp.floor(-x),
    }


_REWRITTEN = _rewritten()


class Walk:
    """Lowers SymPy expressions.

    Args:
        scope: what symbols and unspecified functions are.
    """

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.pool: Pool = scope.pool
        self._known: dict[sp.Expr, Product] = {}

    def __call__(self, expression: sp.Expr) -> Product:
        """Return an expression as a product.

        Args:
            expression: exact expression in the symbols of the scope.

        Returns:
            The product.

        Raises:
            LoweringError: it has something that programs have no word for.
        """
        if expression not in self._known:
            self._known[expression] = self._lowered(expression)
        return self._known[expression]

    def _lowered(self, expr: sp.Expr) -> Product:
        if isinstance(expr, sp.Rational):
            return Product(Fraction(int(expr.p), int(expr.q)))
        if isinstance(expr, sp.Symbol):
            return self.scope.symbol(expr)
        if isinstance(expr, sp.Add):
            return self.pool.sum(self(a) for a in expr.args)
        if isinstance(expr, sp.Mul):
            return self.pool.product((self(a), 1) for a in expr.args)
        if isinstance(expr, sp.Pow):
            return self._power(expr.base, expr.exp, expr)
        if expr in _CONSTANTS:
            return self.pool.leaf(self.scope.builder.constant(_CONSTANTS[expr]))
        if isinstance(expr, AppliedUndef):
            return self.scope.jet(expr)
        if isinstance(expr, sp.Derivative | sp.Subs):
            return self._derivative(expr)
        if isinstance(expr, sp.Max | sp.Min):
            name = type(expr).__name__.lower()
            result = self(expr.args[0])
            for argument in expr.args[1:]:
                result = self.pool.call(name, result, self(argument))
            return result
        return self._function(expr)

    def _power(self, base: sp.Expr, exponent: sp.Expr, expr: sp.Expr) -> Product:
        if isinstance(exponent, sp.Rational):
            lowered = self(base)
            if not lowered.coefficient and exponent < 0:
                raise LoweringError(f"{expr} divides by zero")
            if exponent.q == 1:
                return self.pool.product([(lowered, int(exponent))])
            return self.pool.product([(root(self.pool, lowered, int(exponent.q)), int(exponent.p))])
        if base is sp.E:
            return self.pool.call("exp", self(exponent))
        return self.pool.call("pow", self(base), self(exponent))

    def _derivative(self, expr: sp.Expr) -> Product:
        if isinstance(expr, sp.Derivative) and isinstance(expr.expr, AppliedUndef):
            return self.scope.jet(expr)
        done = expr.doit()
        if done == expr:
            return self.scope.jet(expr)  # which says what is wrong with it
        return self(done)

    def _function(self, expr: sp.Expr) -> Product:
        rewrite = _REWRITTEN.get(expr.func)
        if rewrite is not None:
            return self(rewrite(*expr.args))
        name = _NAMES.get(expr.func.__name__, expr.func.__name__)
        arity = FUNCTIONS.get(name)
        if arity is None or not isinstance(expr, sp.Function | sp.exp) or arity != len(expr.args):
            raise LoweringError(
                f"a kernel has no {expr.func.__name__} of {_arguments(len(expr.args))} "
                f"(in {_short(expr)}); functions of kernels are {', '.join(FUNCTIONS)}"
            )
        return self.pool.call(name, *[self(a) for a in expr.args])


def root(pool: Pool, base: Product, degree: int) -> Product:
    """Return base^(1/degree), by square roots as far as they go.

    Args:
        pool: the pool.
        base: what the root is taken of; positive.
        degree: 2 or more.

    Returns:
        The root.
    """
    while degree % 2 == 0:
        base, degree = pool.call("sqrt", base), degree // 2
    if degree == 1:
        return base
    return pool.call("pow", base, pool.product([(ONE, 1), (Product(Fraction(1, degree)), 1)]))


def _arguments(count: int) -> str:
    return "one argument" if count == 1 else f"{count} arguments"


def _short(expr: sp.Expr) -> str:
    text = str(expr)
    return text if len(text) <= 80 else text[:77] + "..."
