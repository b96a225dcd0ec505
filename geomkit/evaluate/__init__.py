"""Evaluation of SymPy expressions at points: rigorous balls, decimal digits, and jets over either.

>>> import sympy
>>> from geomkit.evaluate import Balls, evaluate
>>> evaluate(sympy.pi, {}, Balls(64)) > 3
True
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from geomkit.errors import EvaluationError
from geomkit.evaluate.arithmetic import Arithmetic, Number, UndecidedError
from geomkit.evaluate.digits import Digits
from geomkit.evaluate.jets import Jet, Jets
from geomkit.evaluate.refine import refine, settled
from geomkit.evaluate.walk import Evaluator, evaluate

__all__ = [
    "Arithmetic",
    "Balls",
    "Digits",
    "EvaluationError",
    "Evaluator",
    "Jet",
    "Jets",
    "Number",
    "UndecidedError",
    "evaluate",
    "refine",
    "settled",
]


def Balls(bits: int = 200) -> Any:
    """Ball arithmetic: python-flint's, or mpmath's intervals where python-flint is missing.

    Args:
        bits: working precision.

    Returns:
        An `ArbBalls` or `IntervalBalls`.
    """
    if find_spec("flint") is None:
        from geomkit.evaluate.intervals import IntervalBalls

        return IntervalBalls(bits)
    from geomkit.evaluate.balls import ArbBalls

    return ArbBalls(bits)
