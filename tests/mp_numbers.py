"""Numbers of SymPy trees by mpmath: the evaluator of the oracles.

It walks a tree and applies mpmath's functions, nothing else. It is not `evalf`, it is not
`geomkit.evaluate`, and it has a context of its own, so that no test changes the working
precision of another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mpmath
import sympy

#: Working digits of the oracles. Differences of fourth order over steps of 1e-40 cost 160 of
#: them (see `tests.oracles`); the 90 that remain are more than the 50 a comparison needs.
DIGITS = 250

CONTEXT = mpmath.mp.clone()
CONTEXT.dps = DIGITS

Number = Any  # mpmath numbers carry no types

_SAME_NAME = (
    *("sin", "cos", "tan", "sec", "csc", "cot", "asin", "acos", "atan", "atan2"),
    *("sinh", "cosh", "tanh", "sech", "csch", "coth", "asinh", "acosh", "atanh"),
    *("exp", "log", "gamma", "loggamma", "beta", "factorial", "zeta", "erf", "erfc"),
    *("besselj", "bessely", "besseli", "besselk"),
)
_NAMED: dict[str, Callable[..., Number]] = {name: getattr(CONTEXT, name) for name in _SAME_NAME}
_NAMED |= {
    "Abs": CONTEXT.fabs,
    "sign": CONTEXT.sign,
    "LambertW": CONTEXT.lambertw,
    "polygamma": CONTEXT.psi,
    "Max": max,
    "Min": min,
}


def number(expression: Any, values: Mapping[Any, Any] | None = None) -> Number:
    """Value of a SymPy tree at `values` (symbol to number) with `DIGITS` working digits."""
    return evaluator(values or {})(expression)


def evaluator(values: Mapping[Any, Any]) -> Callable[[Any], Number]:
    """`number` at one point, which remembers the subtrees of all expressions it has seen.

    Keys may be whole trees, such as f(x) and its derivatives: they are looked up, not entered.
    """
    known = {tree: _constant(value) for tree, value in values.items()}
    return lambda expression: _walk(sympy.sympify(expression), known)


def _constant(value: Any) -> Number:
    """A number given as int, Fraction, SymPy number or mpmath number."""
    if isinstance(value, CONTEXT.mpf | CONTEXT.mpc):
        return value
    return _walk(sympy.sympify(value), {})


def _walk(tree: Any, known: dict[Any, Number]) -> Number:
    """Evaluate `tree`; `known` is both the point and the memory of shared subtrees."""
    found = known.get(tree)
    if found is None:
        found = known[tree] = _apply(tree, known)
    return found


def _apply(tree: Any, known: dict[Any, Number]) -> Number:
    """Evaluate the head of `tree` on the values of its arguments."""
    if tree.is_Rational:
        return CONTEXT.mpf(int(tree.p)) / int(tree.q)
    if tree.is_NumberSymbol:
        return CONTEXT.mpf(_digits_of(tree))
    if tree.is_Symbol:
        raise KeyError(f"no value is given for {tree}; values are given for {list(known)[:12]}")
    if tree.is_Add:
        return sum((_walk(term, known) for term in tree.args), CONTEXT.zero)
    if tree.is_Mul:
        return CONTEXT.fprod(_walk(factor, known) for factor in tree.args)
    if tree.is_Pow:
        return _power(tree, known)
    name = type(tree).__name__
    if name not in _NAMED:
        raise TypeError(f"the oracle does not know how to evaluate {name}: {tree}")
    return _NAMED[name](*(_walk(argument, known) for argument in tree.args))


def _power(tree: Any, known: dict[Any, Number]) -> Number:
    """base**exponent; whole exponents stay whole, so that negative bases stay real."""
    base = _walk(tree.base, known)
    if tree.exp.is_Integer:
        return base ** int(tree.exp)
    return base ** _walk(tree.exp, known)


def _digits_of(constant: Any) -> Number:
    """pi, E, EulerGamma ... by name from mpmath."""
    names = {"Pi": "pi", "Exp1": "e", "EulerGamma": "euler", "GoldenRatio": "phi"}
    return +getattr(CONTEXT, names.get(type(constant).__name__, type(constant).__name__.lower()))
