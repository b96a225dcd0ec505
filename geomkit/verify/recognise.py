"""Which family a density belongs to, by the terms of its logarithm."""

from __future__ import annotations

from collections.abc import Sequence

import sympy

from . import families, moments
from .moments import Expr, Family, split

__all__ = ["recognise"]


def recognise(logpdf: Expr, variable: sympy.Symbol, support: Sequence[Expr]) -> Family | None:
    """Recognise a density.

    Args:
        logpdf: its logarithm.
        variable: x.
        support: lower and upper end.

    Returns:
        The family, or None if it is none of those known.
    """
    terms = split(logpdf, variable)
    lower, upper = support
    if (lower, upper) == (-sympy.oo, sympy.oo):
        candidates = [moments.gauss, moments.gumbel, families.student, families.logistic]
    elif (lower, upper) == (0, sympy.oo):
        candidates = [moments.gamma, moments.lognormal, moments.inverse_gaussian]
    elif (lower, upper) == (0, 1):
        candidates = [moments.beta]
    elif upper is sympy.oo and variable not in lower.free_symbols:
        return moments.pareto(terms, variable, lower)
    else:
        return families.von_mises(dict(terms), variable, support)
    return next((f for f in (c(dict(terms), variable) for c in candidates) if f), None)
