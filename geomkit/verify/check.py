"""A claim that has been read and is ready to be decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy

from .decide import Outcome

__all__ = ["Check"]


@dataclass(frozen=True)
class Check:
    """A prepared claim.

    Attributes:
        label: short text of the claim, for people.
        run: decides it.
        expressions: what it brings along, to be held by the field together with the metric.
        finish: looks at a verdict again, at places where the field sees nothing.
    """

    label: str
    run: Callable[[], Outcome]
    expressions: tuple[sympy.Expr, ...] = ()
    finish: Callable[[Outcome], Outcome] | None = None
