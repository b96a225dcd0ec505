"""The exact engine: a differential field with canonical normal forms and proofs of zero.

`tower` is the field and `fraction` its elements, over the polynomials of `polynomial`. `convert`
is the way in from SymPy, `render` the way out. `angles`, `powers`, `functions` and `recurrences`
make generators, with arguments related by `lattice`; `derivation` differentiates, `rationalise`
inverts, `grouped` keeps sums that would swell; `ball` evaluates; `sign`, `bernstein` and `zero`
decide.
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
