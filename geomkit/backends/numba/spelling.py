"""How numba writes what programs are made of."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from geomkit.errors import LoweringError
from geomkit.program import Program, Spelling
from geomkit.program.text import users

from .special import SPELLINGS

__all__ = ["FLOAT32", "FLOAT64", "require"]

_EXACT = 2**53

_CONSTANTS: Mapping[str, float] = {
    "pi": 3.141592653589793,
    "e": 2.718281828459045,
    "euler": 0.5772156649015329,
    "catalan": 0.915965594177219,
    "golden": 1.618033988749895,
}
_FUNCTIONS: Mapping[str, str] = {
    "sqrt": "math.sqrt({0})",
    "pow": "math.pow({0}, {1})",
    "abs": "abs({0})",
    "sign": "np.sign({0})",
    "exp": "exp({0})",
    "log": "math.log({0})",
    "sin": "sincos({0})[0]",
    "cos": "sincos({0})[1]",
    "tan": "math.tan({0})",
    "asin": "math.asin({0})",
    "acos": "math.acos({0})",
    "atan": "math.atan({0})",
    "atan2": "math.atan2({0}, {1})",
    "sinh": "sinhcosh({0})[0]",
    "cosh": "sinhcosh({0})[1]",
    "tanh": "math.tanh({0})",
    "asinh": "math.asinh({0})",
    "acosh": "math.acosh({0})",
    "atanh": "math.atanh({0})",
    "floor": "np.floor({0})",
    "max": "np.maximum({0}, {1})",
    "min": "np.minimum({0}, {1})",
    "erf": "math.erf({0})",
    "erfc": "math.erfc({0})",
    "gamma": "math.gamma({0})",
    **SPELLINGS,
}
# Functions whose first argument has to be a whole number, known when the kernel is made.
_WHOLE = ("polygamma", "expint")


# computed in float64 and rounded
_WIDE = ("exp", "sinh", "cosh", *SPELLINGS)


def _float64(value: Fraction) -> str:
    """The nearest float64; a small integer or a quotient of two as it is."""
    if abs(value.numerator) < _EXACT and value.denominator < _EXACT:
        short = f"{value.numerator}/{value.denominator}"
        return f"{value.numerator}.0" if value.denominator == 1 else short
    return repr(_nearest(value))


def _float32(value: Fraction) -> str:
    return f"f32({_nearest(value)!r})"


def _nearest(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        raise LoweringError(
            f"the number {str(value)[:40]}... does not fit a floating point number; scale the "
            "coordinates or parameters, or use backend='interpret'"
        ) from None


FLOAT64 = Spelling(
    "numba",
    _FUNCTIONS,
    {name: repr(value) for name, value in _CONSTANTS.items()},
    _float64,
    sincos="sincos({0})",
)
FLOAT32 = Spelling(
    "numba",
    {name: f"f32({text})" if name in _WIDE else text for name, text in _FUNCTIONS.items()},
    {name: f"f32({float(np.float32(value))!r})" for name, value in _CONSTANTS.items()},
    _float32,
    sincos="sincos({0})",
)


def require(program: Program) -> None:
    """Refuse what numba cannot compute.

    Args:
        program: the program.

    Raises:
        LoweringError: a function is unknown to numba, or an order is no whole number; the message
            says which components need it.
    """
    FLOAT64.require(program)
    for number, node in enumerate(program.nodes):
        if node.op == "call" and node.value in _WHOLE:
            order = program.nodes[node.args[0]].value
            if not (isinstance(order, Fraction) and order.denominator == 1 and order >= 0):
                needed = ", ".join(users(program, number))
                raise LoweringError(
                    f"the numba backend has {node.value} only of orders 0, 1, 2 ...; {needed} of "
                    f"{program.name!r} need another; use backend='interpret'"
                )
