"""A quick look at the size of numbers, before many digits of them are computed.

`exp(exp(exp(100)))` is a formula of twenty characters that no computer can evaluate. In double
precision such things overflow at once, which is what this evaluation is for.
"""

from __future__ import annotations

import cmath
from collections.abc import Callable, Mapping
from typing import Any

import sympy

__all__ = ["is_moderate"]

_LARGEST = 1e300  # a metric whose entries exceed this at a sample point is not regular there
_LARGEST_ARGUMENT = 1e5  # of Bessel, zeta, polygamma ... functions, which take time elsewhere

_FUNCTIONS: dict[Any, Callable[[complex], complex]] = {
    sympy.exp: cmath.exp,
    sympy.log: cmath.log,
    sympy.sin: cmath.sin,
    sympy.cos: cmath.cos,
    sympy.tan: cmath.tan,
    sympy.sinh: cmath.sinh,
    sympy.cosh: cmath.cosh,
    sympy.tanh: cmath.tanh,
    sympy.asin: cmath.asin,
    sympy.acos: cmath.acos,
    sympy.atan: cmath.atan,
    sympy.asinh: cmath.asinh,
    sympy.acosh: cmath.acosh,
    sympy.atanh: cmath.atanh,
    sympy.Abs: lambda z: complex(abs(z)),
    sympy.sign: lambda z: complex((z.real > 0) - (z.real < 0)),
}


def is_moderate(expression: sympy.Expr, point: Mapping[sympy.Symbol, sympy.Rational]) -> bool:
    """Whether all parts of an expression have moderate size at a point, as far as seen quickly.

    Args:
        expression: an expression.
        point: values of its symbols.

    Returns:
        False where something overflows or has a pole.

    Example:
        >>> from sympy import exp
        >>> from sympy.abc import x
        >>> is_moderate(exp(exp(x)), {x: sympy.Integer(3)})
        True
        >>> is_moderate(exp(exp(exp(x))), {x: sympy.Integer(100)})
        False
    """
    values = {symbol: complex(int(v.p) / int(v.q)) for symbol, v in point.items()}
    try:
        _value(expression, values)
    except (ArithmeticError, ValueError, TypeError, NotImplementedError):
        return False
    return True


def _value(expression: Any, values: dict[Any, complex]) -> complex:
    if expression in values:
        return values[expression]
    if expression.is_Rational:
        result = complex(int(expression.p) / int(expression.q))
    elif expression.is_Boolean or expression.is_Relational:
        return 1j  # a condition: nothing to look at
    elif not expression.args:
        result = complex(expression.evalf(15))
    else:
        result = _combined(expression, [_value(part, values) for part in expression.args])
    if not abs(result) < _LARGEST:
        raise OverflowError
    values[expression] = result
    return result


def _combined(expression: Any, parts: list[complex]) -> complex:
    if expression.is_Add:
        return sum(parts)
    if expression.is_Mul:
        product = complex(1)
        for part in parts:
            product *= part
        return product
    if expression.is_Pow:
        base, exponent = parts
        return complex(base**exponent)
    function = _FUNCTIONS.get(expression.func)
    if function is not None and len(parts) == 1:
        return function(parts[0])
    if any(abs(part) > _LARGEST_ARGUMENT for part in parts):
        raise OverflowError
    return max(parts, key=abs)  # of the size of its arguments, say: what follows is not exponential
