"""The operations of a program: a closed list, so that every printer can say what it lacks.

Integer powers are products and division is division; whatever else there is, is a function by its
SymPy name. Real arithmetic throughout: `pow` needs a positive base.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ARITHMETIC", "CONSTANTS", "FUNCTIONS", "LEAVES"]

# Nodes without arguments: what their `value` is.
LEAVES: Mapping[str, str] = {
    "input": "position in the list of inputs",
    "number": "a Fraction",
    "constant": "a name of CONSTANTS",
}

# Operation -> number of arguments.
ARITHMETIC: Mapping[str, int] = {"add": 2, "sub": 2, "mul": 2, "div": 2, "neg": 1}

CONSTANTS = ("pi", "e", "euler", "catalan", "golden")

# Function -> number of arguments (node `call`, the name is its `value`).
FUNCTIONS: Mapping[str, int] = {
    "sqrt": 1,
    "pow": 2,
    "abs": 1,
    "sign": 1,
    "exp": 1,
    "log": 1,
    "sin": 1,
    "cos": 1,
    "tan": 1,
    "asin": 1,
    "acos": 1,
    "atan": 1,
    "atan2": 2,
    "sinh": 1,
    "cosh": 1,
    "tanh": 1,
    "asinh": 1,
    "acosh": 1,
    "atanh": 1,
    "floor": 1,
    "max": 2,
    "min": 2,
    "erf": 1,
    "erfc": 1,
    "erfi": 1,
    "gamma": 1,
    "loggamma": 1,
    "polygamma": 2,
    "zeta": 1,
    "lambertw": 1,
    "besselj": 2,
    "bessely": 2,
    "besseli": 2,
    "besselk": 2,
    "airyai": 1,
    "airybi": 1,
    "airyaiprime": 1,
    "airybiprime": 1,
    "expint": 2,
    "Ei": 1,
    "Si": 1,
    "Ci": 1,
    "fresnels": 1,
    "fresnelc": 1,
    "elliptic_k": 1,
    "elliptic_e": 1,
}
