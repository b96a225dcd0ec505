"""Generators of the differential field: what stands for sin(x), sqrt(p), a'(t), ... ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import FunctionType
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
        form: what it prints as, or (for the many derivatives of functions) what makes it.
        derive: partial derivative by a symbol, as an element.
        value: its Arb ball at a point.
        relation: present when the generator is eliminated.
    """

    name: str
    kind: str
    form: sympy.Expr | Callable[[], sympy.Expr]
    derive: Callable[[sympy.Symbol], Element]
    value: Callable[[Evaluation], Any]
    relation: Relation | None = None

    @cached_property
    def expr(self) -> sympy.Expr:
        """What the generator prints as."""
        return self.form() if isinstance(self.form, FunctionType) else self.form
