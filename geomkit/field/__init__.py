"""The exact engine: a differential field with canonical normal forms and proofs of zero.

`tower` is the field, `fraction` its elements, `convert` the way in from SymPy and `render` the way
out; `angles`, `powers`, `functions` make generators, `ball`, `sign` and `zero` decide.
"""

from __future__ import annotations

from .budget import Budget
from .fraction import Element
from .lattice import RefinementError
from .tower import Field
from .zero import Decision, decide_all_zero, decide_zero

__all__ = [
    "Budget",
    "Decision",
    "Element",
    "Field",
    "RefinementError",
    "decide_all_zero",
    "decide_zero",
]
