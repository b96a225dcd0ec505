"""Generators of the differential field: what stands for sin(x), sqrt(p), a'(t), ... ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sympy

    from .ball import Evaluation
    from .fraction import Element
    from .polynomial import Poly

__all__ = ["Generator", "Relation"]


@dataclass(frozen=True)
class Relation:
    """w^degree = value: how powers of an eliminated generator are rewritten."""

    degree: int
    value: Poly


@dataclass(frozen=True)
class Generator:
    """One generator of the tower.

    Args:
        name: variable of the polynomial ring.
        kind: symbol, constant, sin, cos, sinh, cosh, exp, root, power, log, sign, jet or special.
        expr: what it prints as.
        derive: partial derivative by a symbol, as an element.
        value: its Arb ball at a point.
        relation: present when the generator is eliminated.
    """

    name: str
    kind: str
    expr: sympy.Expr
    derive: Callable[[sympy.Symbol], Element]
    value: Callable[[Evaluation], Any]
    relation: Relation | None = None
