"""The functions and constants that formulas may use: how many arguments, how fast they grow.

`growth` says what a numerical argument may do before SymPy evaluates it: `factorial(10**9)` must be
refused, not computed. Names that a metric declares win over this table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy

__all__ = ["COMPLEX", "CONSTANTS", "FUNCTIONS", "Function"]

_FREE = 0  # any numerical argument
_EXPONENTIAL = 1000  # exp(1000) has 434 digits, tanh(1000) is as close to 1
_FACTORIAL = 1000  # gamma(1000) has 2565 digits
_DEGREE = 20  # of orthogonal polynomials, and operations in their argument
_RECURSIVE = 50  # recursions, Bernoulli numbers, slow series


@dataclass(frozen=True)
class Function:
    """A function that formulas may use.

    Attributes:
        build: makes the SymPy expression.
        least: smallest number of arguments.
        most: largest number of arguments.
        growth: largest magnitude of a numerical argument; 0 means any.
    """

    build: Callable[..., Any]
    least: int = 1
    most: int = 1
    growth: int = _FREE


def _log(argument: Any, base: Any = None) -> Any:
    return sympy.log(argument) if base is None else sympy.log(argument) / sympy.log(base)


def _root(argument: Any, order: Any) -> Any:
    return sympy.Pow(argument, 1 / order)


def _rational(numerator: Any, denominator: Any = sympy.S.One) -> Any:
    if not (numerator.is_Rational and denominator.is_Rational):
        raise ValueError("Rational takes numbers only")
    return numerator / denominator


def _polynomial(family: Any) -> Callable[..., Any]:
    """Orthogonal polynomials, of a given degree only: P_n for a symbol n is another function."""

    def build(degree: Any, argument: Any) -> Any:
        if not (degree.is_Integer and 0 <= degree <= _DEGREE):
            raise ValueError(f"the degree of the polynomial must be a number from 0 to {_DEGREE}")
        powers = [abs(power.exp) for power in argument.atoms(sympy.Pow) if power.exp.is_number]
        if argument.count_ops() > _DEGREE or any(power > 4 for power in powers):
            raise ValueError("its argument is too long; give it a name by a definition")
        return family(degree, argument)

    return build


def _binomial(upper: Any, lower: Any) -> Any:
    # SymPy multiplies out (EulerGamma - 99)...: only rational numbers are evaluated
    rational = upper.is_Rational or not upper.is_number
    return sympy.binomial(upper, lower, evaluate=bool(rational))


def _table() -> dict[str, Function]:
    table = {name: Function(getattr(sympy, name)) for name in _ELEMENTARY.split()}
    for name in _HYPERBOLIC.split():
        table[name] = Function(getattr(sympy, name), growth=_EXPONENTIAL)
    for name in ("airyai", "airybi", "airyaiprime", "airybiprime"):
        table[name] = Function(getattr(sympy, name), growth=_RECURSIVE)
    for alias, name in _ALIASES.items():
        table[alias] = table[name]
    table |= {
        "log": Function(_log, most=2),
        "ln": Function(_log),
        "atan2": Function(sympy.atan2, 2, 2),
        "root": Function(_root, 2, 2),
        "sinc": Function(lambda argument: sympy.sin(argument) / argument),
        "Integer": Function(_rational),
        "Rational": Function(_rational, 1, 2),
        "Min": Function(sympy.Min, 1, 8),
        "Max": Function(sympy.Max, 1, 8),
        "Heaviside": Function(sympy.Heaviside, 1, 2),
        "binomial": Function(_binomial, 2, 2, _FACTORIAL),
        "beta": Function(sympy.beta, 2, 2, _RECURSIVE),
        "zeta": Function(sympy.zeta, 1, 2, _RECURSIVE),
        "polygamma": Function(sympy.polygamma, 2, 2, _RECURSIVE),
        "lowergamma": Function(sympy.lowergamma, 2, 2, _RECURSIVE),
        "uppergamma": Function(sympy.uppergamma, 2, 2, _RECURSIVE),
        "LambertW": Function(sympy.LambertW, 1, 2, _EXPONENTIAL),
        "elliptic_k": Function(sympy.elliptic_k, growth=1),
        "elliptic_e": Function(sympy.elliptic_e, 1, 2, 1),
    }
    for name in ("legendre", "chebyshevt", "chebyshevu", "hermite", "laguerre"):
        table[name] = Function(_polynomial(getattr(sympy, name)), 2, 2, _RECURSIVE)
    for name in ("factorial", "gamma", "loggamma", "digamma", "trigamma"):
        table[name] = Function(getattr(sympy, name), growth=_FACTORIAL)
    for name in ("besselj", "bessely", "besseli", "besselk"):
        table[name] = Function(getattr(sympy, name), 2, 2, _RECURSIVE)
    for alias, name in {"abs": "Abs", "min": "Min", "max": "Max", "lambertw": "LambertW"}.items():
        table[alias] = table[name]
    return table


_ELEMENTARY = (
    "sqrt cbrt sin cos tan cot sec csc asin acos atan acot asec acsc "
    "asinh acosh atanh acoth asech acsch Abs sign Si Ci"
)
_HYPERBOLIC = "exp sinh cosh tanh coth sech csch erf erfc erfi Ei Shi Chi"
_ALIASES = {
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "arccot": "acot",
    "arccoth": "acoth",
    "arsinh": "asinh",
    "arcosh": "acosh",
    "artanh": "atanh",
}

FUNCTIONS: Mapping[str, Function] = _table()
"""Functions of formulas by name."""

CONSTANTS: Mapping[str, Any] = {
    "pi": sympy.pi,
    "E": sympy.E,
    "EulerGamma": sympy.EulerGamma,
    "Catalan": sympy.Catalan,
    "GoldenRatio": sympy.GoldenRatio,
}
"""Constants of formulas by name; `oo` is read by the parser itself, because it may only stand
alone."""

COMPLEX: frozenset[str] = frozenset(
    (
        *("log", "ln", "sqrt", "cbrt", "root", "Ci", "Chi", "loggamma", "beta", "binomial"),
        *("asin", "acos", "asec", "acsc", "acosh", "atanh", "acoth", "asech"),
        *("arcsin", "arccos", "arccosh", "arctanh", "arccoth", "arcosh", "artanh"),
        *("besselj", "bessely", "besseli", "besselk", "LambertW", "lambertw"),
        *("lowergamma", "uppergamma", "elliptic_k", "elliptic_e"),
    )
)
"""Functions whose value at real numbers need not be real."""
